"""Right answers to Lab 4 that look different from the reference. Every gate must let them through."""

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from course.models.composite import Composite
from solutions.attention import MultiHeadAttention
from solutions.vit import (
    PatchEmbedding,
    VisionTransformer,
    ViTBlock,
    ViTEmbedding,
    ViTEncoder,
    cross_entropy,
    patchify,
)

# --- patchify and unpatchify ------------------------------------------------------------------------------


@alternative("patchify")
def cut_with_slices(images, patch_size):
    _, height, width, channels = images.shape
    found = []
    for top in range(0, height, patch_size):
        for left in range(0, width, patch_size):
            patch = images[:, top : top + patch_size, left : left + patch_size]
            found.append(ops.reshape(patch, (-1, patch_size * patch_size * channels)))
    return ops.stack(found, axis=1)


@alternative("patchify")
def split_twice(images, patch_size):
    _, height, width, channels = images.shape
    rows = ops.split(images, height // patch_size, axis=1)
    found = [patch for row in rows for patch in ops.split(row, width // patch_size, axis=2)]
    return ops.stack([ops.reshape(patch, (-1, patch_size**2 * channels)) for patch in found], axis=1)


@alternative("patchify")
def with_einsum(images, patch_size):
    _, height, width, channels = images.shape
    cut = ops.reshape(
        images, (-1, height // patch_size, patch_size, width // patch_size, patch_size, channels)
    )
    count = (height // patch_size) * (width // patch_size)
    return ops.reshape(ops.einsum("brysxc->brsyxc", cut), (-1, count, patch_size**2 * channels))


@alternative("unpatchify")
def joined_with_concatenate(patches, patch_size, grid):
    rows, columns = grid
    pixels = ops.reshape(
        patches, (-1, rows * columns, patch_size, patch_size, patches.shape[-1] // patch_size**2)
    )
    lines = []
    for row in range(rows):
        line = [pixels[:, row * columns + column] for column in range(columns)]
        lines.append(ops.concatenate(line, axis=2))
    return ops.concatenate(lines, axis=1)


@alternative("unpatchify")
def joined_with_einsum(patches, patch_size, grid):
    batch, _, values = patches.shape
    cut = ops.reshape(patches, (batch, *grid, patch_size, patch_size, values // (patch_size * patch_size)))
    whole = ops.einsum("brsyxc->brysxc", cut)
    return ops.reshape(whole, (batch, grid[0] * patch_size, grid[1] * patch_size, -1))


@alternative("unpatchify")
def swapped_axes(patches, patch_size, grid):
    cut = ops.reshape(patches, (len(patches), grid[0], grid[1], patch_size, patch_size, -1))
    cut = ops.swapaxes(cut, 2, 3)
    return ops.reshape(cut, (len(patches), grid[0] * patch_size, grid[1] * patch_size, -1))


# --- PatchEmbedding and ViTEmbedding ----------------------------------------------------------------------


@alternative("PatchEmbedding")
class DenseByPosition(Composite):
    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.side = patch_size
        self.projection_dense = keras.layers.Dense(units=hidden_dim)

    def call(self, images):
        x = patchify(images, self.side)
        x = self.projection_dense(x)
        return x


@alternative("PatchEmbedding")
class PlainLayer(keras.layers.Layer):
    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.projection_dense = keras.layers.Dense(hidden_dim, activation="linear", use_bias=True)

    def call(self, images):
        return self.projection_dense(patchify(images, self.patch_size))


@alternative("PatchEmbedding")
class FlatBatch(PatchEmbedding):
    def call(self, images):
        patches = patchify(images, self.patch_size)
        rows = self.projection_dense(ops.reshape(patches, (-1, patches.shape[-1])))
        return ops.reshape(rows, (-1, patches.shape[1], rows.shape[-1]))


@alternative("ViTEmbedding")
class TiledToken(ViTEmbedding):
    def place(self, patches):
        first = ops.tile(ops.expand_dims(self.tokens, 0), (ops.shape(patches)[0], 1, 1))
        return ops.add(ops.concatenate((first, patches), axis=1), self.positions)


@alternative("ViTEmbedding")
class TwoSums(ViTEmbedding):
    def place(self, patches):
        tokens = self.tokens + self.positions[: self.num_tokens]
        placed = patches + self.positions[self.num_tokens :]
        first = ops.zeros_like(placed[:, : self.num_tokens]) + tokens
        return ops.concatenate([first, placed], axis=1)


@alternative("ViTEmbedding")
class PaddedSum(ViTEmbedding):
    def place(self, patches):
        count = patches.shape[1]
        room = ops.pad(patches, ((0, 0), (self.num_tokens, 0), (0, 0)))
        return room + ops.pad(ops.convert_to_tensor(self.tokens), ((0, count), (0, 0))) + self.positions


# --- ViTBlock ---------------------------------------------------------------------------------------------


@alternative("ViTBlock")
class WithNamedSteps(ViTBlock):
    def call(self, inputs, training=None):
        x = self.attention_normalization(inputs)
        x, weights = self.attention(query=x, key=x, value=x)
        x = self.dropout(x, training=training)
        first = ops.add(x, inputs)
        y = self.mlp_normalization(first)
        y = self.intermediate_dense(y)
        y = self.output_dense(y)
        return ops.add(self.dropout(y, training=training), first)


@alternative("ViTBlock")
class OtherOrderOfParts(Composite):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(dropout)
        self.output_dense = keras.layers.Dense(hidden_dim)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim)
        self.mlp_normalization = keras.layers.LayerNormalization(epsilon=1e-6)
        self.attention = MultiHeadAttention(num_heads, hidden_dim)
        self.attention_normalization = keras.layers.LayerNormalization(axis=-1, epsilon=1e-6)

    def call(self, inputs):
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        wide = keras.activations.gelu(self.intermediate_dense(self.mlp_normalization(x)), approximate=False)
        return x + self.dropout(self.output_dense(wide))


@alternative("ViTBlock")
class GeluByErf(ViTBlock):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")

    def call(self, inputs):
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        wide = self.intermediate_dense(self.mlp_normalization(x))
        wide = 0.5 * wide * (1.0 + ops.erf(wide / 2**0.5))
        return x + self.dropout(self.output_dense(wide))


# --- VisionTransformer ------------------------------------------------------------------------------------


@alternative("VisionTransformer")
class PooledWithIf(VisionTransformer):
    def call(self, images):
        tokens = self.encode(images)
        if self.pooling == "token":
            x = tokens[:, 0, :]
        else:
            x = ops.average(tokens[:, self.num_tokens :, :], axis=1)
        if self.head is not None:
            x = self.head(x)
        return x


@alternative("VisionTransformer")
class HeadOnAllThenOne(VisionTransformer):
    def call(self, images):
        answers = self.encode(images)
        answers = answers if self.head is None else self.head(answers)
        if self.pooling == "mean":  # a mean of logits is the logits of the mean
            return ops.mean(answers[:, self.num_tokens :], axis=1)
        return answers[:, 0]


@alternative("VisionTransformer")
class PartsByKeyword(Composite, keras.Model):
    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        num_classes=None,
        dropout=0.0,
        pooling="token",
        num_tokens=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_tokens, self.pooling = num_tokens, pooling
        self.head = (
            None if num_classes is None else keras.layers.Dense(num_classes, kernel_initializer="zeros")
        )
        self.encoder = ViTEncoder(
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            dropout=dropout,
        )
        self.dropout = keras.layers.Dropout(dropout)
        self.embedding = ViTEmbedding(image_size, patch_size, hidden_dim, num_tokens=num_tokens)

    def encode(self, images):
        x = self.embedding(images)
        x = self.dropout(x)
        return self.encoder(x)

    def call(self, images):
        x = self.encode(images)
        x = x[:, 0] if self.pooling == "token" else ops.mean(x[:, self.num_tokens :], axis=-2)
        return self.head(x) if self.head else x


# --- interpolate_positions --------------------------------------------------------------------------------


@alternative("interpolate_positions")
def by_the_resizing_layer(positions, old_grid, new_grid, num_tokens=1):
    tokens = ops.convert_to_numpy(positions)[:num_tokens]
    patches = ops.convert_to_numpy(positions)[num_tokens:]
    layer = keras.layers.Resizing(*new_grid, interpolation="bilinear", data_format="channels_last")
    grid = layer(patches.reshape(1, *old_grid, -1))
    return ops.concatenate([tokens, ops.reshape(grid, (-1, patches.shape[-1]))])


@alternative("interpolate_positions")
def two_matrices(positions, old_grid, new_grid, num_tokens=1):
    def weights(old, new):
        place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        below = np.minimum(place.astype(int), max(old - 2, 0))
        share = place - below
        matrix = np.zeros((new, old), "float32")
        matrix[np.arange(new), below] += 1 - share
        matrix[np.arange(new), np.minimum(below + 1, old - 1)] += share
        return matrix

    grid = ops.reshape(positions[num_tokens:], (*old_grid, -1))
    down, across = weights(old_grid[0], new_grid[0]), weights(old_grid[1], new_grid[1])
    grid = ops.einsum("ij,jkd->ikd", down, grid)
    grid = ops.einsum("ik,jkd->jid", across, grid)
    return ops.concatenate([positions[:num_tokens], ops.reshape(grid, (-1, positions.shape[-1]))], axis=0)


@alternative("interpolate_positions")
def side_by_side(positions, old_grid, new_grid, num_tokens=1):
    rows, columns = old_grid
    tokens, patches = ops.split(positions, [num_tokens], axis=0)
    grid = ops.stack(ops.split(patches, rows, axis=0)) if rows > 1 else patches[None]
    grid = ops.image.resize(grid, (new_grid[0], columns), data_format="channels_last")
    grid = ops.image.resize(grid, new_grid, data_format="channels_last")
    return ops.concatenate([tokens, ops.reshape(grid, (new_grid[0] * new_grid[1], -1))], axis=0)


# --- attention_rollout ------------------------------------------------------------------------------------


@alternative("attention_rollout")
def from_the_last_layer_back(attentions):
    rollout = None
    for weights in reversed(attentions):
        layer = (ops.mean(weights, axis=1) + ops.eye(weights.shape[-1])) / 2
        rollout = layer if rollout is None else ops.einsum("bqk,bki->bqi", rollout, layer)
    return rollout


@alternative("attention_rollout")
def normalized_rows(attentions):
    rollout = ops.eye(attentions[0].shape[-1])
    for weights in attentions:
        layer = ops.mean(weights, axis=1) + ops.eye(weights.shape[-1])
        layer = layer / ops.sum(layer, axis=-1, keepdims=True)
        rollout = layer @ rollout
    return rollout


@alternative("attention_rollout")
def residual_in_the_recursion(attentions):
    batch, _, length, _ = attentions[0].shape
    rollout = ops.broadcast_to(ops.eye(length), (batch, length, length))
    for weights in attentions:
        rollout = 0.5 * rollout + 0.5 * ops.mean(ops.matmul(weights, rollout[:, None]), axis=1)
    return rollout


# --- hard_distillation_loss and soft_distillation_loss ----------------------------------------------------


@alternative("hard_distillation_loss")
def by_keras_losses(labels, class_logits, distillation_logits, teacher_logits):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    decided = ops.argmax(teacher_logits, axis=-1)
    return (loss(labels, class_logits) + loss(decided, distillation_logits)) / 2


@alternative("hard_distillation_loss")
def by_one_hot(labels, class_logits, distillation_logits, teacher_logits):
    classes = class_logits.shape[-1]
    own = ops.one_hot(labels, classes) * ops.log_softmax(class_logits, axis=-1)
    decided = ops.one_hot(ops.argmax(teacher_logits, axis=-1), classes)
    return -0.5 * ops.mean(ops.sum(own + decided * ops.log_softmax(distillation_logits, axis=-1), axis=-1))


@alternative("hard_distillation_loss")
def by_picking(labels, class_logits, distillation_logits, teacher_logits):
    def loss(wanted, logits):
        wanted = ops.cast(wanted, "int32")[:, None]
        picked = ops.take_along_axis(logits, wanted, axis=-1)[:, 0]
        return ops.mean(ops.logsumexp(logits, axis=-1) - picked)

    decided = ops.argmax(teacher_logits, axis=1)
    return 0.5 * loss(labels, class_logits) + 0.5 * loss(decided, distillation_logits)


@alternative("soft_distillation_loss")
def by_keras_divergence(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    # Keras' own divergence clips small probabilities, so it is taken as a difference of two cross-entropies.
    crossed = keras.losses.CategoricalCrossentropy(from_logits=True)
    teacher = ops.softmax(teacher_logits / temperature)
    divergence = crossed(teacher, distillation_logits / temperature) - crossed(
        teacher, teacher_logits / temperature
    )
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, class_logits)
    return (1 - teacher_share) * own + teacher_share * temperature * temperature * divergence


@alternative("soft_distillation_loss")
def by_hand(labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5):
    def logs(logits):
        return logits - ops.logsumexp(logits, axis=-1, keepdims=True)

    one_hot = ops.one_hot(labels, class_logits.shape[-1])
    own = -ops.mean(ops.sum(one_hot * logs(class_logits), axis=-1))
    p, q = logs(teacher_logits / temperature), logs(distillation_logits / temperature)
    taught = ops.mean(ops.sum(ops.exp(p) * p - ops.exp(p) * q, axis=-1)) * temperature**2
    return own + teacher_share * (taught - own)


@alternative("soft_distillation_loss")
def row_by_row(labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5):
    total = 0.0
    for row in range(class_logits.shape[0]):
        p = ops.softmax(teacher_logits[row] / temperature)
        log_p = ops.log_softmax(teacher_logits[row] / temperature)
        log_q = ops.log_softmax(distillation_logits[row] / temperature)
        total = total + ops.sum(p * (log_p - log_q))
    taught = temperature**2 * total / class_logits.shape[0]
    return (1 - teacher_share) * cross_entropy(labels, class_logits) + teacher_share * taught


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("patchify")
def tensorflows_reshape(images, patch_size):
    import tensorflow as tf

    height, width, channels = images.shape[1:]
    rows, columns = height // patch_size, width // patch_size
    grid = tf.reshape(images, (-1, rows, patch_size, columns, patch_size, channels))
    return tf.reshape(tf.einsum("brycxk->brcyxk", grid), (-1, rows * columns, patch_size**2 * channels))


@alternative("unpatchify")
def tensorflows_transpose(patches, patch_size, grid):
    import tensorflow as tf

    cut = tf.reshape(patches, (-1, *grid, patch_size, patch_size, patches.shape[-1] // patch_size**2))
    cut = tf.transpose(cut, (0, 1, 3, 2, 4, 5))
    return tf.reshape(cut, (-1, grid[0] * patch_size, grid[1] * patch_size, cut.shape[-1]))


@alternative("attention_rollout")
def einsum_from_layer_to_layer(attentions):
    rollout = None
    for weights in attentions:
        mixed = (ops.mean(weights, axis=1) + ops.eye(weights.shape[-1])) / 2
        rollout = mixed if rollout is None else ops.einsum("bij,bjk->bik", mixed, rollout)
    return rollout


@alternative("interpolate_positions")
def tensorflows_resize(positions, old_grid, new_grid, num_tokens=1):
    import tensorflow as tf

    first, rest = tf.split(positions, [num_tokens, positions.shape[0] - num_tokens])
    picture = tf.reshape(rest, (1, *old_grid, -1))
    return tf.concat([first, tf.reshape(tf.image.resize(picture, new_grid), (-1, rest.shape[-1]))], axis=0)


@alternative("hard_distillation_loss")
def tensorflows_cross_entropy(labels, class_logits, distillation_logits, teacher_logits):
    import tensorflow as tf

    loss = tf.nn.sparse_softmax_cross_entropy_with_logits
    own = loss(labels=labels, logits=class_logits)
    return tf.reduce_mean(own + loss(labels=tf.argmax(teacher_logits, -1), logits=distillation_logits)) / 2


@alternative("soft_distillation_loss")
def keras_divergence(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    teacher = ops.log_softmax(teacher_logits / temperature, axis=-1)
    student = ops.log_softmax(distillation_logits / temperature, axis=-1)
    divergence = ops.einsum("bc,bc->b", ops.exp(teacher), teacher - student)
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, class_logits)
    return own + teacher_share * (temperature * temperature * ops.mean(divergence) - own)


@alternative("PatchEmbedding")
class CutByTensorFlow(Composite):
    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.projection_dense = keras.layers.Dense(hidden_dim)

    def call(self, images):
        size = self.patch_size
        rows, columns = images.shape[1] // size, images.shape[2] // size
        cut = ops.reshape(images, (-1, rows, size, columns, size, images.shape[3]))
        cut = ops.einsum("brycxk->brcyxk", cut)
        return self.projection_dense(ops.reshape(cut, (-1, rows * columns, size * size * images.shape[3])))

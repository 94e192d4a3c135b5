"""Named wrong answers of Lab 4, ViT: one fault each, and the sentence that tells a learner about it."""

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import misconception
from solutions.vit import (
    PatchEmbedding,
    VisionTransformer,
    ViTBlock,
    ViTEmbedding,
    attention_rollout,
    cross_entropy,
    hard_distillation_loss,
    interpolate_positions,
    patchify,
    soft_distillation_loss,
    unpatchify,
)

# --- patchify ---------------------------------------------------------------------------------------------


@misconception(
    "patchify", "The image is only reshaped, so a 'patch' is a strip of rows: axes must change places, too."
)
def strips_instead_of_patches(images, patch_size):
    _, height, width, channels = images.shape
    count = (height // patch_size) * (width // patch_size)
    return ops.reshape(images, (-1, count, patch_size * patch_size * channels))


@misconception("patchify", "The patches come column by column: they should come row by row, as one reads.")
def columns_first(images, patch_size):
    _, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = ops.reshape(images, (-1, rows, patch_size, columns, patch_size, channels))
    cut = ops.transpose(cut, (0, 3, 1, 2, 4, 5))
    return ops.reshape(cut, (-1, rows * columns, patch_size * patch_size * channels))


@misconception("patchify", "Each patch is transposed: its pixels come row by row, too.")
def patches_on_their_side(images, patch_size):
    _, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = ops.reshape(images, (-1, rows, patch_size, columns, patch_size, channels))
    cut = ops.transpose(cut, (0, 1, 3, 4, 2, 5))
    return ops.reshape(cut, (-1, rows * columns, patch_size * patch_size * channels))


@misconception(
    "patchify", "The channels come first within a patch: each pixel keeps its channels together, at the end."
)
def channel_planes(images, patch_size):
    _, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = ops.reshape(images, (-1, rows, patch_size, columns, patch_size, channels))
    cut = ops.transpose(cut, (0, 1, 3, 5, 2, 4))
    return ops.reshape(cut, (-1, rows * columns, patch_size * patch_size * channels))


@misconception(
    "patchify",
    "The axes are split the wrong way round: height is (rows, patch_size), so a patch takes every n-th pixel now.",
)
def every_nth_pixel(images, patch_size):
    _, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = ops.reshape(images, (-1, patch_size, rows, patch_size, columns, channels))
    cut = ops.transpose(cut, (0, 2, 4, 1, 3, 5))
    return ops.reshape(cut, (-1, rows * columns, patch_size * patch_size * channels))


@misconception("patchify", "The patches still stand in a grid: they are to be one sequence.")
def grid_kept(images, patch_size):
    batch, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    flat = patchify(images, patch_size)
    return ops.reshape(flat, (batch, rows, columns, patch_size * patch_size * channels))


@misconception("patchify", "The pixels of a patch still stand in a square: each patch is to be one vector.")
def squares_kept(images, patch_size):
    flat = patchify(images, patch_size)
    return ops.reshape(flat, (*flat.shape[:2], patch_size, patch_size, images.shape[-1]))


# --- unpatchify -------------------------------------------------------------------------------------------


@misconception(
    "unpatchify", "The patches are only reshaped: rows of patches and rows of pixels must change places."
)
def only_reshaped(patches, patch_size, grid):
    rows, columns = grid
    channels = patches.shape[-1] // patch_size**2
    return ops.reshape(patches, (-1, rows * patch_size, columns * patch_size, channels))


@misconception("unpatchify", "Rows and columns of the grid have changed places: `grid` is (rows, columns).")
def grid_turned(patches, patch_size, grid):
    return unpatchify(patches, patch_size, grid[::-1])


@misconception("unpatchify", "The patches are laid out column by column: they should come row by row.")
def laid_out_by_columns(patches, patch_size, grid):
    rows, columns = grid
    order = np.arange(rows * columns).reshape(columns, rows).T.reshape(-1)
    return unpatchify(ops.take(patches, order, axis=1), patch_size, grid)


@misconception("unpatchify", "Each patch is transposed: its pixels come row by row.")
def pixels_on_their_side(patches, patch_size, grid):
    rows, columns = grid
    channels = patches.shape[-1] // patch_size**2
    cut = ops.reshape(patches, (-1, rows, columns, patch_size, patch_size, channels))
    cut = ops.transpose(cut, (0, 1, 4, 2, 3, 5))
    return ops.reshape(cut, (-1, rows * patch_size, columns * patch_size, channels))


@misconception("unpatchify", "A patch is read as channels first: its last axis holds each pixel's channels.")
def read_as_channel_planes(patches, patch_size, grid):
    rows, columns = grid
    channels = patches.shape[-1] // patch_size**2
    cut = ops.reshape(patches, (-1, rows, columns, channels, patch_size, patch_size))
    cut = ops.transpose(cut, (0, 1, 4, 2, 5, 3))
    return ops.reshape(cut, (-1, rows * patch_size, columns * patch_size, channels))


@misconception(
    "unpatchify",
    "The pixels of a patch are scattered over the image: (row, y) belong together, in this order.",
)
def scattered(patches, patch_size, grid):
    rows, columns = grid
    channels = patches.shape[-1] // patch_size**2
    cut = ops.reshape(patches, (-1, rows, columns, patch_size, patch_size, channels))
    cut = ops.transpose(cut, (0, 3, 1, 4, 2, 5))
    return ops.reshape(cut, (-1, rows * patch_size, columns * patch_size, channels))


# --- PatchEmbedding ---------------------------------------------------------------------------------------


@misconception("PatchEmbedding", "There is an activation after the dense layer: the map is linear.")
class ActivatedPatches(PatchEmbedding):
    def call(self, images):
        return ops.relu(super().call(images))


@misconception("PatchEmbedding", "The dense layer has no bias.")
class PatchesWithoutBias(PatchEmbedding):
    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(patch_size, hidden_dim, **kwargs)
        self.projection_dense = keras.layers.Dense(hidden_dim, use_bias=False, name="projection_dense")


@misconception("PatchEmbedding", "The image is reshaped instead of cut into patches: use your `patchify`.")
class StripsEmbedded(PatchEmbedding):
    def call(self, images):
        _, height, width, channels = images.shape
        count = height * width // self.patch_size**2
        return self.projection_dense(ops.reshape(images, (-1, count, self.patch_size**2 * channels)))


@misconception(
    "PatchEmbedding",
    "The embeddings are multiplied by the root of the width, as words were in Lab 2: here not.",
)
class PatchesScaled(PatchEmbedding):
    def call(self, images):
        embedded = super().call(images)
        return embedded * embedded.shape[-1] ** 0.5


@misconception("PatchEmbedding", "The patches are normalized first: the dense layer gets them as they are.")
class PatchesNormalized(PatchEmbedding):
    def call(self, images):
        patches = patchify(images, self.patch_size)
        centred = patches - ops.mean(patches, axis=-1, keepdims=True)
        return self.projection_dense(centred / (ops.std(patches, axis=-1, keepdims=True) + 1e-6))


@misconception(
    "PatchEmbedding", "The dense layer gets the mean colour of each patch: it is to see every pixel."
)
class MeanColourOnly(PatchEmbedding):
    def call(self, images):
        patches = patchify(images, self.patch_size)
        pixels = ops.reshape(patches, (-1, patches.shape[1], self.patch_size**2, images.shape[-1]))
        return self.projection_dense(ops.mean(pixels, axis=2))


# --- ViTEmbedding -----------------------------------------------------------------------------------------


@misconception("ViTEmbedding", "The learned tokens stand behind the patches: they should come first.")
class TokensLast(ViTEmbedding):
    def place(self, patches):
        tokens = ops.convert_to_tensor(self.tokens)
        last = ops.broadcast_to(tokens, (patches.shape[0], *tokens.shape))
        return ops.concatenate([patches, last], axis=1) + ops.convert_to_tensor(self.positions)


@misconception("ViTEmbedding", "The positions are not added.")
class NoPositionsAdded(ViTEmbedding):
    def place(self, patches):
        tokens = ops.convert_to_tensor(self.tokens)
        first = ops.broadcast_to(tokens, (patches.shape[0], *tokens.shape))
        return ops.concatenate([first, patches], axis=1)


@misconception("ViTEmbedding", "The learned tokens get no position: they have the first rows of `positions`.")
class TokensWithoutPosition(ViTEmbedding):
    def place(self, patches):
        tokens, positions = ops.convert_to_tensor(self.tokens), ops.convert_to_tensor(self.positions)
        first = ops.broadcast_to(tokens, (patches.shape[0], *tokens.shape))
        return ops.concatenate([first, patches + positions[self.num_tokens :]], axis=1)


@misconception(
    "ViTEmbedding", "The patches get the first rows of `positions`: these belong to the learned tokens."
)
class PositionsShifted(ViTEmbedding):
    def place(self, patches):
        tokens, positions = ops.convert_to_tensor(self.tokens), ops.convert_to_tensor(self.positions)
        first = ops.broadcast_to(tokens + positions[-self.num_tokens :], (patches.shape[0], *tokens.shape))
        return ops.concatenate([first, patches + positions[: patches.shape[1]]], axis=1)


@misconception("ViTEmbedding", "There is no class token: the sequence holds the patches alone.")
class NoClassToken(ViTEmbedding):
    def place(self, patches):
        return patches + ops.convert_to_tensor(self.positions)[self.num_tokens :]


@misconception(
    "ViTEmbedding", "The class token is a row of zeros: `self.tokens` is learned, and has to be used."
)
class ZerosForTokens(ViTEmbedding):
    def place(self, patches):
        first = ops.zeros((patches.shape[0], self.num_tokens, patches.shape[-1]))
        return ops.concatenate([first, patches], axis=1) + ops.convert_to_tensor(self.positions)


@misconception("ViTEmbedding", "The positions are multiplied with the tokens: they are added.")
class PositionsMultiplied(ViTEmbedding):
    def place(self, patches):
        tokens = ops.convert_to_tensor(self.tokens)
        first = ops.broadcast_to(tokens, (patches.shape[0], *tokens.shape))
        return ops.concatenate([first, patches], axis=1) * ops.convert_to_tensor(self.positions)


@misconception("ViTEmbedding", "The positions are not trainable: in ViT they are learned.")
class PositionsFrozen(ViTEmbedding):
    def __init__(self, image_size, patch_size, hidden_dim, num_tokens=1, **kwargs):
        super().__init__(image_size, patch_size, hidden_dim, num_tokens, **kwargs)
        self.positions.trainable = False


# --- ViTBlock ---------------------------------------------------------------------------------------------


@misconception("ViTBlock", "This is post-LN, as in Lab 2: ViT normalizes what each part reads.")
class NormalizedAfter(ViTBlock):
    def call(self, inputs):
        x = self.attention_normalization(inputs + self.dropout(self.attention(inputs)[0]))
        return self.mlp_normalization(x + self.dropout(self.output_dense(self.intermediate_dense(x))))


@misconception("ViTBlock", "The input of the block is not added to what the attention gives.")
class AttentionReplacesInput(ViTBlock):
    def call(self, inputs):
        x = self.dropout(self.attention(self.attention_normalization(inputs))[0])
        return x + self.dropout(self.output_dense(self.intermediate_dense(self.mlp_normalization(x))))


@misconception("ViTBlock", "What the MLP read is not added to what it gives.")
class MLPReplacesInput(ViTBlock):
    def call(self, inputs):
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        return self.dropout(self.output_dense(self.intermediate_dense(self.mlp_normalization(x))))


@misconception(
    "ViTBlock", "The normalized input is added: the path past the attention and the MLP stays untouched."
)
class NormalizedPath(ViTBlock):
    def call(self, inputs):
        x = self.attention_normalization(inputs)
        x = x + self.dropout(self.attention(x)[0])
        x = self.mlp_normalization(x)
        return x + self.dropout(self.output_dense(self.intermediate_dense(x)))


@misconception(
    "ViTBlock", "The MLP reads the block's input: it should read what came out of the attention part."
)
class MLPBesideAttention(ViTBlock):
    def call(self, inputs):
        attended = self.dropout(self.attention(self.attention_normalization(inputs))[0])
        thought = self.output_dense(self.intermediate_dense(self.mlp_normalization(inputs)))
        return inputs + attended + self.dropout(thought)


@misconception("ViTBlock", "The activation is a ReLU, as in Lab 2: in ViT it is a GELU.")
class ReluInTheMLP(ViTBlock):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="relu", name="intermediate_dense"
        )


@misconception("ViTBlock", "There is no activation in the MLP, so its two dense layers are no more than one.")
class LinearMLP(ViTBlock):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")


@misconception("ViTBlock", "The normalizations have Keras' default epsilon of 1e-3: ViT has 1e-6.")
class KerasEpsilons(ViTBlock):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.attention_normalization = keras.layers.LayerNormalization(name="attention_normalization")
        self.mlp_normalization = keras.layers.LayerNormalization(name="mlp_normalization")


@misconception("ViTBlock", "One normalization serves for both parts: each has its own, with its own weights.")
class OneNormalization(ViTBlock):
    def call(self, inputs):
        self.mlp_normalization(inputs)  # built, and never used again
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        return x + self.dropout(self.output_dense(self.intermediate_dense(self.attention_normalization(x))))


@misconception("ViTBlock", "The dropout is made but not used.")
class NothingDropped(ViTBlock):
    def call(self, inputs):
        x = inputs + self.attention(self.attention_normalization(inputs))[0]
        return x + self.output_dense(self.intermediate_dense(self.mlp_normalization(x)))


# --- VisionTransformer ------------------------------------------------------------------------------------


@misconception(
    "VisionTransformer", "With pooling by the mean, the learned tokens are averaged, too: only patches are."
)
class MeanOfAllTokens(VisionTransformer):
    def call(self, images):
        tokens = self.encode(images)
        features = ops.mean(tokens, axis=1) if self.pooling == "mean" else tokens[:, 0]
        return features if self.head is None else self.head(features)


@misconception("VisionTransformer", "The head always reads the class token: is `pooling` used?")
class AlwaysTheToken(VisionTransformer):
    def call(self, images):
        features = self.encode(images)[:, 0]
        return features if self.head is None else self.head(features)


@misconception("VisionTransformer", "The head always reads the mean of the patches: is `pooling` used?")
class AlwaysTheMean(VisionTransformer):
    def call(self, images):
        features = ops.mean(self.encode(images)[:, self.num_tokens :], axis=1)
        return features if self.head is None else self.head(features)


@misconception("VisionTransformer", "The head reads the last token: the class token is the first.")
class LastToken(VisionTransformer):
    def call(self, images):
        tokens = self.encode(images)
        mean = ops.mean(tokens[:, self.num_tokens :], axis=1)
        features = mean if self.pooling == "mean" else tokens[:, -1]
        return features if self.head is None else self.head(features)


@misconception("VisionTransformer", "The head answers for every token: an image has one class.")
class LogitsForEveryToken(VisionTransformer):
    def call(self, images):
        tokens = self.encode(images)
        return tokens if self.head is None else self.head(tokens)


@misconception("VisionTransformer", "The result went through a softmax: `call` gives logits.")
class ProbabilitiesGiven(VisionTransformer):
    def call(self, images):
        result = super().call(images)
        return result if self.head is None else ops.softmax(result, axis=-1)


@misconception("VisionTransformer", "The head's kernel is drawn at random: it begins as zeros.")
class HeadDrawnAtRandom(VisionTransformer):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        if self.head is not None:
            self.head = keras.layers.Dense(self.head.units, name="head")


@misconception("VisionTransformer", "There is no dropout on the embedded image.")
class EmbeddingNotDropped(VisionTransformer):
    def encode(self, images):
        return self.encoder(self.embedding(images))


@misconception("VisionTransformer", "`num_tokens` does not reach the embedding.")
class NumTokensForgotten(VisionTransformer):
    def __init__(self, image_size, patch_size, *sizes, num_tokens=1, **options):
        super().__init__(image_size, patch_size, *sizes, num_tokens=1, **options)
        self.num_tokens = num_tokens


@misconception("VisionTransformer", "`dropout` does not reach the encoder.")
class EncoderNotDropped(VisionTransformer):
    def __init__(self, *sizes, dropout=0.0, **options):
        super().__init__(*sizes, dropout=0.0, **options)
        self.dropout = keras.layers.Dropout(dropout, name="dropout")


# --- interpolate_positions --------------------------------------------------------------------------------


@misconception("interpolate_positions", "Rows and columns of the grids have changed places.")
def grids_turned(positions, old_grid, new_grid, num_tokens=1):
    return interpolate_positions(positions, old_grid[::-1], new_grid[::-1], num_tokens)


@misconception(
    "interpolate_positions", "Each new position is a copy of the nearest old one: interpolate between them."
)
def nearest_position(positions, old_grid, new_grid, num_tokens=1):
    image = ops.reshape(positions[num_tokens:], (1, *old_grid, positions.shape[-1]))
    image = ops.image.resize(image, new_grid, interpolation="nearest", data_format="channels_last")
    patches = ops.reshape(image, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:num_tokens], patches], axis=0)


@misconception("interpolate_positions", "The interpolation is bicubic: here it is bilinear.")
def bicubic_positions(positions, old_grid, new_grid, num_tokens=1):
    image = ops.reshape(positions[num_tokens:], (1, *old_grid, positions.shape[-1]))
    image = ops.image.resize(image, new_grid, interpolation="bicubic", data_format="channels_last")
    patches = ops.reshape(image, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:num_tokens], patches], axis=0)


@misconception("interpolate_positions", "A smaller grid is smoothed (`antialias`): resize without it.")
def smoothed_positions(positions, old_grid, new_grid, num_tokens=1):
    image = ops.reshape(positions[num_tokens:], (1, *old_grid, positions.shape[-1]))
    image = ops.image.resize(image, new_grid, antialias=True, data_format="channels_last")
    patches = ops.reshape(image, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:num_tokens], patches], axis=0)


@misconception("interpolate_positions", "The rows of the learned tokens are lost: they should stay in front.")
def tokens_lost(positions, old_grid, new_grid, num_tokens=1):
    return interpolate_positions(positions, old_grid, new_grid, num_tokens)[num_tokens:]


@misconception(
    "interpolate_positions", "The rows of the learned tokens stand at the end: they should stay in front."
)
def tokens_at_the_end(positions, old_grid, new_grid, num_tokens=1):
    stretched = interpolate_positions(positions, old_grid, new_grid, num_tokens)
    return ops.concatenate([stretched[num_tokens:], stretched[:num_tokens]], axis=0)


@misconception(
    "interpolate_positions",
    "The list of positions is stretched as a line: they stand in a grid, so stretch both sides.",
)
def stretched_as_a_line(positions, old_grid, new_grid, num_tokens=1):
    line = ops.reshape(positions[num_tokens:], (1, 1, -1, positions.shape[-1]))
    size = (1, new_grid[0] * new_grid[1])
    line = ops.image.resize(line, size, interpolation="bilinear", data_format="channels_last")
    patches = ops.reshape(line, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:num_tokens], patches], axis=0)


@misconception(
    "interpolate_positions", "The last rows are taken for the learned tokens: they are the first rows."
)
def tokens_expected_last(positions, old_grid, new_grid, num_tokens=1):
    count = positions.shape[0] - num_tokens
    turned = ops.concatenate([positions[count:], positions[:count]], axis=0)
    return interpolate_positions(turned, old_grid, new_grid, num_tokens)


@misconception("interpolate_positions", "`num_tokens` is not used: there may be two learned tokens, or none.")
def always_one_token(positions, old_grid, new_grid, num_tokens=1):
    count = old_grid[0] * old_grid[1]
    return interpolate_positions(positions[-count - 1 :], old_grid, new_grid, 1)


# --- attention_rollout ------------------------------------------------------------------------------------


@misconception("attention_rollout", "The residual connection is left out: half of each token stays itself.")
def no_residual(attentions):
    rollout = ops.mean(attentions[0], axis=1)
    for weights in attentions[1:]:
        rollout = ops.matmul(ops.mean(weights, axis=1), rollout)
    return rollout


@misconception(
    "attention_rollout", "The layers are multiplied in the wrong order: the later layer stands on the left."
)
def later_layer_on_the_right(attentions):
    return attention_rollout(list(attentions)[::-1])


@misconception(
    "attention_rollout", "The layers are averaged: multiply them, for each reads what the last one wrote."
)
def layers_averaged(attentions):
    return sum(attention_rollout([weights]) for weights in attentions) / len(attentions)


@misconception("attention_rollout", "Only the last layer counts: follow the attention through all of them.")
def last_layer_only(attentions):
    return attention_rollout(attentions[-1:])


@misconception("attention_rollout", "Of the heads the strongest is taken: take their mean.")
def strongest_head(attentions):
    return attention_rollout([ops.max(weights, axis=1, keepdims=True) for weights in attentions])


@misconception(
    "attention_rollout", "The identity is added in full: give half to each, so that rows still sum to 1."
)
def identity_in_full(attentions):
    return attention_rollout(attentions) * 2 ** len(attentions)


@misconception("attention_rollout", "The heads are summed: take their mean, so that rows still sum to 1.")
def heads_summed(attentions):
    return attention_rollout([ops.sum(weights, axis=1, keepdims=True) for weights in attentions])


@misconception("attention_rollout", "Query and key have changed places: a row is to sum to 1, not a column.")
def transposed_rollout(attentions):
    return ops.swapaxes(attention_rollout(attentions), 1, 2)


# --- hard_distillation_loss -------------------------------------------------------------------------------


@misconception("hard_distillation_loss", "The heads have changed places: the class head learns the labels.")
def heads_exchanged(labels, class_logits, distillation_logits, teacher_logits):
    return hard_distillation_loss(labels, distillation_logits, class_logits, teacher_logits)


@misconception("hard_distillation_loss", "The two parts are added in full: each counts half.")
def both_in_full(labels, class_logits, distillation_logits, teacher_logits):
    return 2 * hard_distillation_loss(labels, class_logits, distillation_logits, teacher_logits)


@misconception(
    "hard_distillation_loss", "Both parts read the class head: the teacher speaks to the other one."
)
def class_head_twice(labels, class_logits, distillation_logits, teacher_logits):
    return hard_distillation_loss(labels, class_logits, class_logits, teacher_logits)


@misconception(
    "hard_distillation_loss", "Both heads learn the labels: the second learns what the teacher says."
)
def labels_twice(labels, class_logits, distillation_logits, teacher_logits):
    return 0.5 * cross_entropy(labels, class_logits) + 0.5 * cross_entropy(labels, distillation_logits)


@misconception(
    "hard_distillation_loss", "The teacher's probabilities are learned: here only its likeliest class counts."
)
def softly_taught(labels, class_logits, distillation_logits, teacher_logits):
    teacher = ops.softmax(teacher_logits, axis=-1)
    crossed = -ops.mean(ops.sum(teacher * ops.log_softmax(distillation_logits, axis=-1), axis=-1))
    return 0.5 * cross_entropy(labels, class_logits) + 0.5 * crossed


@misconception("hard_distillation_loss", "The labels are not used: half of the loss is theirs.")
def teacher_only(labels, class_logits, distillation_logits, teacher_logits):
    return cross_entropy(ops.argmax(teacher_logits, axis=-1), distillation_logits)


@misconception(
    "hard_distillation_loss", "The mean of both heads is taken first: each head has a loss of its own."
)
def mean_of_heads(labels, class_logits, distillation_logits, teacher_logits):
    mean = (class_logits + distillation_logits) / 2
    return hard_distillation_loss(labels, mean, mean, teacher_logits)


# --- soft_distillation_loss -------------------------------------------------------------------------------


@misconception(
    "soft_distillation_loss",
    "The factor temperature ** 2 is missing, so the teacher's part is far too small.",
)
def no_square(labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5):
    own = cross_entropy(labels, class_logits)
    all_taught = soft_distillation_loss(
        labels, class_logits, distillation_logits, teacher_logits, temperature, 1.0
    )
    return (1 - teacher_share) * own + teacher_share * all_taught / temperature**2


@misconception("soft_distillation_loss", "The temperature itself is the factor: it is its square.")
def factor_not_squared(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    own = cross_entropy(labels, class_logits)
    all_taught = soft_distillation_loss(
        labels, class_logits, distillation_logits, teacher_logits, temperature, 1.0
    )
    return (1 - teacher_share) * own + teacher_share * all_taught / temperature


@misconception("soft_distillation_loss", "Only the student is softened: divide the teacher's logits, too.")
def teacher_not_softened(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    sharp = teacher_logits * temperature
    return soft_distillation_loss(
        labels, class_logits, distillation_logits, sharp, temperature, teacher_share
    )


@misconception("soft_distillation_loss", "Only the teacher is softened: divide the student's logits, too.")
def student_not_softened(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    sharp = distillation_logits * temperature
    return soft_distillation_loss(labels, class_logits, sharp, teacher_logits, temperature, teacher_share)


@misconception(
    "soft_distillation_loss", "Teacher and student have changed places in the divergence: p is the teacher's."
)
def divergence_reversed(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    return soft_distillation_loss(
        labels, class_logits, teacher_logits, distillation_logits, temperature, teacher_share
    )


@misconception(
    "soft_distillation_loss", "The shares have changed places: `teacher_share` is the teacher's part's."
)
def shares_exchanged(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    return soft_distillation_loss(
        labels, class_logits, distillation_logits, teacher_logits, temperature, 1 - teacher_share
    )


@misconception("soft_distillation_loss", "The heads have changed places: the class head learns the labels.")
def soft_heads_exchanged(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    return soft_distillation_loss(
        labels, distillation_logits, class_logits, teacher_logits, temperature, teacher_share
    )


@misconception(
    "soft_distillation_loss",
    "This is the cross-entropy with the teacher: the divergence subtracts its own entropy.",
)
def crossed_with_the_teacher(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    teacher = ops.softmax(teacher_logits / temperature, axis=-1)
    student = ops.log_softmax(distillation_logits / temperature, axis=-1)
    crossed = -ops.mean(ops.sum(teacher * student, axis=-1))
    own = cross_entropy(labels, class_logits)
    return (1 - teacher_share) * own + teacher_share * temperature**2 * crossed


@misconception(
    "soft_distillation_loss", "The divergence is averaged over the classes: it is a sum over them."
)
def mean_over_classes(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    own = cross_entropy(labels, class_logits)
    all_taught = soft_distillation_loss(
        labels, class_logits, distillation_logits, teacher_logits, temperature, 1.0
    )
    return (1 - teacher_share) * own + teacher_share * all_taught / class_logits.shape[-1]


@misconception("soft_distillation_loss", "The divergence is summed over the batch: take the mean.")
def sum_over_the_batch(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    own = cross_entropy(labels, class_logits)
    all_taught = soft_distillation_loss(
        labels, class_logits, distillation_logits, teacher_logits, temperature, 1.0
    )
    return (1 - teacher_share) * own + teacher_share * all_taught * class_logits.shape[0]

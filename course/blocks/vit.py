"""Lab 4 ready-made: patches, tokens and the encoder of ViT, of what Keras ships."""

import keras
from keras import ops

from course.blocks.attention import MultiHeadAttention
from course.models.composite import Composite


def patchify(images, patch_size):
    """Square patches in reading order, `(batch, patches, patch_size * patch_size * channels)`."""
    cut = ops.image.extract_patches(images, patch_size, data_format="channels_last")
    return ops.reshape(cut, (-1, cut.shape[1] * cut.shape[2], cut.shape[3]))  # (batch, patches, values)


def unpatchify(patches, patch_size, grid):
    """The inverse of `patchify`: row by row, from slices side by side."""
    pixels = ops.reshape(
        patches, (-1, patches.shape[1], patch_size, patch_size, patches.shape[-1] // patch_size**2)
    )
    rows = [
        ops.concatenate([pixels[:, row * grid[1] + column] for column in range(grid[1])], axis=2)
        for row in range(grid[0])
    ]
    return ops.concatenate(rows, axis=1)


class PatchEmbedding(Composite):
    """Patches through one dense layer."""

    def __init__(self, patch_size, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.projection_dense = keras.layers.Dense(hidden_dim, name="projection_dense")

    def call(self, images):
        return self.projection_dense(patchify(images, self.patch_size))


class ViTEmbedding(Composite):
    """Patch tokens, learned tokens before them, positions on all."""

    def __init__(self, image_size, patch_size, hidden_dim, num_tokens=1, **kwargs):
        super().__init__(**kwargs)
        height, width = image_size
        if height % patch_size or width % patch_size:
            raise ValueError(f"Patches of {patch_size} pixels do not cut {height} x {width} pixels evenly.")
        self.grid = (height // patch_size, width // patch_size)
        self.num_tokens = num_tokens
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim, name="patch_embedding")
        self.tokens = self.add_weight(shape=(num_tokens, hidden_dim), initializer="zeros", name="tokens")
        normal = keras.initializers.RandomNormal(stddev=0.02)
        length = num_tokens + self.grid[0] * self.grid[1]
        self.positions = self.add_weight(shape=(length, hidden_dim), initializer=normal, name="positions")

    def place(self, patches):
        room = ops.pad(patches, ((0, 0), (self.num_tokens, 0), (0, 0)))
        tokens = ops.pad(self.tokens, ((0, patches.shape[1]), (0, 0)))
        return room + ops.cast(tokens + ops.convert_to_tensor(self.positions), room.dtype)

    def call(self, images):
        return self.place(self.patch_embedding(images))


class ViTBlock(Composite):
    """Attention and an MLP, each normalized first, in residual connections."""

    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        for name in ("attention_normalization", "mlp_normalization"):
            setattr(self, name, keras.layers.LayerNormalization(epsilon=1e-6, name=name))
        self.attention = MultiHeadAttention(num_heads, hidden_dim, name="attention")
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="gelu", name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def call(self, inputs):
        x = keras.layers.add([inputs, self.dropout(self.attention(self.attention_normalization(inputs))[0])])
        wide = self.intermediate_dense(self.mlp_normalization(x))
        return keras.layers.add([x, self.dropout(self.output_dense(wide))])


class ViTEncoder(Composite):
    """Blocks and a final normalization."""

    def __init__(self, num_layers, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        sizes = (num_heads, hidden_dim, intermediate_dim, dropout)
        self.blocks = [ViTBlock(*sizes, name=f"block_{number}") for number in range(num_layers)]
        self.final_normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="final_normalization")

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.final_normalization(inputs)


class VisionTransformer(Composite, keras.Model):
    """Images to logits; see Lab 4."""

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
        self.embedding = ViTEmbedding(image_size, patch_size, hidden_dim, num_tokens, name="embedding")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        sizes = (num_layers, num_heads, hidden_dim, intermediate_dim, dropout)
        self.encoder = ViTEncoder(*sizes, name="encoder")
        self.head = None
        if num_classes is not None:
            self.head = keras.layers.Dense(num_classes, kernel_initializer="zeros", name="head")

    def encode(self, images):
        return self.encoder(self.dropout(self.embedding(images)))

    def call(self, images):
        tokens = self.encode(images)
        if self.pooling == "mean":
            tokens = keras.layers.GlobalAveragePooling1D()(tokens[:, self.num_tokens :])
        else:
            tokens = tokens[:, 0]
        return tokens if self.head is None else self.head(tokens)


def interpolate_positions(positions, old_grid, new_grid, num_tokens=1):
    """Positions of the patches resized bilinearly, as an image of `hidden_dim` channels."""
    grid = ops.reshape(positions[num_tokens:], (*old_grid, positions.shape[-1]))
    grid = ops.image.resize(grid, new_grid, interpolation="bilinear", data_format="channels_last")
    return ops.concatenate([positions[:num_tokens], ops.reshape(grid, (-1, positions.shape[-1]))])


def attention_rollout(attentions):
    """The product of all layers' mean attention, half of it replaced by the identity."""
    rollout = None
    for weights in attentions:
        layer = (ops.average(weights, axis=1) + ops.eye(weights.shape[-1])) / 2
        rollout = layer if rollout is None else ops.einsum("bqk,bki->bqi", layer, rollout)
    return rollout


def hard_distillation_loss(labels, class_logits, distillation_logits, teacher_logits):
    """Half the cross-entropy against the labels, half that against the teacher's decisions."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return 0.5 * (loss(labels, class_logits) + loss(ops.argmax(teacher_logits, axis=-1), distillation_logits))


def soft_distillation_loss(
    labels, class_logits, distillation_logits, teacher_logits, temperature=3.0, teacher_share=0.5
):
    """Cross-entropy against the labels, and the divergence from the softened teacher."""
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, class_logits)
    teacher = ops.softmax(ops.cast(teacher_logits, "float32") / temperature)
    student = ops.cast(distillation_logits, "float32") / temperature
    crossed = keras.losses.CategoricalCrossentropy(from_logits=True)
    divergence = crossed(teacher, student) - crossed(
        teacher, ops.cast(teacher_logits, "float32") / temperature
    )
    return (1 - teacher_share) * own + teacher_share * temperature**2 * divergence

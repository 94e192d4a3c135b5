"""Lab 6 ready-made: MAE's parts, written another way than the reference."""

import keras
import numpy as np
from keras import ops

from course.blocks.vit import PatchEmbedding, ViTEncoder
from course.models.composite import Composite


def block_mask(noise, grid, ratio=0.4, smallest=16):
    """Rectangles of patches until more than `ratio` is hidden; see Lab 6."""
    mask, (rows, columns) = np.zeros(grid, bool), np.indices(grid)
    for size, aspect, top, left in np.asarray(noise):
        room = ratio * mask.size - mask.sum()
        if room < 0:
            break
        area, shape = smallest + size * (room - smallest), 0.3 + aspect * (1 / 0.3 - 0.3)
        sides = np.sqrt([area * shape, area / shape])
        height, width = np.clip(np.rint(sides), 1, grid).astype(int)
        row, column = int(top * (grid[0] - height + 1)), int(left * (grid[1] - width + 1))
        mask |= (rows >= row) & (rows < row + height) & (columns >= column) & (columns < column + width)
    return mask


def visual_tokens(vectors, codebook):
    """Number of the nearest code for each patch."""
    differences = ops.expand_dims(vectors, -2) - ops.convert_to_tensor(codebook)
    return ops.cast(ops.argmin(ops.sum(ops.square(differences), axis=-1), axis=-1), "int32")


def visual_token_loss(codes, logits, mask):
    """Cross-entropy of hidden patches."""
    losses = keras.losses.sparse_categorical_crossentropy(
        codes, ops.cast(logits, "float32"), from_logits=True
    )
    return ops.average(losses, weights=ops.cast(mask, losses.dtype))


def random_masking(patches, noise, mask_ratio):
    """The patches with the smallest noise, what is hidden, and each patch's rank."""
    count = int(patches.shape[1] * (1 - mask_ratio))
    rank = ops.argsort(ops.argsort(noise))
    _, chosen = ops.top_k(-noise, count)
    return ops.take_along_axis(patches, chosen[..., None], axis=1), rank >= count, rank


def restore_order(visible, mask_token, restore):
    """Visible patches where they were, the mask token elsewhere."""
    count = visible.shape[1]
    found = ops.take_along_axis(visible, ops.minimum(restore, count - 1)[..., None], axis=1)
    return ops.where((restore < count)[..., None], found, ops.cast(mask_token, found.dtype))


def sin_cos_positions(grid, hidden_dim):
    """Sines and cosines of the column, then of the row."""
    frequencies = np.exp(np.linspace(0, -np.log(10000.0), hidden_dim // 4, endpoint=False))
    row, column = np.indices(grid).reshape(2, -1, 1) * frequencies
    waves = [wave(angles) for angles in (column, row) for wave in (np.sin, np.cos)]
    return ops.convert_to_tensor(np.concatenate(waves, axis=-1), "float32")


def _weights(layer, grid, hidden_dim, token):
    """The learned token and the fixed positions of encoder and decoder."""
    normal = keras.initializers.RandomNormal(stddev=0.02)
    setattr(layer, token, layer.add_weight(shape=(hidden_dim,), initializer=normal, name=token))
    layer.positions = layer.add_weight(
        shape=(1 + grid[0] * grid[1], hidden_dim), initializer="zeros", trainable=False, name="positions"
    )
    layer.positions.assign(ops.pad(sin_cos_positions(grid, hidden_dim), ((1, 0), (0, 0))))


class MAEEncoder(Composite):
    """Class token and visible patches through a ViT; see Lab 6."""

    def __init__(
        self,
        image_size,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        mask_ratio=0.75,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.grid = (image_size[0] // patch_size, image_size[1] // patch_size)
        self.mask_ratio = mask_ratio
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim, name="patch_embedding")
        self.encoder = ViTEncoder(num_layers, num_heads, hidden_dim, intermediate_dim, name="encoder")
        _weights(self, self.grid, hidden_dim, "class_token")

    def call(self, images, noise=None):
        tokens = ops.pad(self.patch_embedding(images), ((0, 0), (1, 0), (0, 0)))
        tokens, mask, restore = tokens + ops.convert_to_tensor(self.positions), None, None
        first, patches = tokens[:, :1] + self.class_token, tokens[:, 1:]
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore


class MAEDecoder(Composite):
    """Tokens back in order, mask tokens between them, through a light ViT; see Lab 6."""

    def __init__(self, grid, num_outputs, num_layers, num_heads, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dense = keras.layers.Dense(hidden_dim, name="embedding_dense")
        self.decoder = ViTEncoder(num_layers, num_heads, hidden_dim, intermediate_dim, name="decoder")
        self.prediction_dense = keras.layers.Dense(num_outputs, name="prediction_dense")
        _weights(self, grid, hidden_dim, "mask_token")

    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        places = ops.pad(restore + 1, ((0, 0), (1, 0)))  # the class token as a patch that is never hidden
        x = restore_order(x, self.mask_token, places) + ops.convert_to_tensor(self.positions)
        return self.prediction_dense(self.decoder(x))[:, 1:]


def normalize_patches(patches, epsilon=1e-6):
    """Mean 0 and (unbiased) variance 1 for each patch."""
    mean, variance = ops.moments(patches, axes=(-1,), keepdims=True)
    values = patches.shape[-1]
    return (patches - mean) * ops.rsqrt(variance * (values / (values - 1)) + epsilon)


def masked_mse(predictions, targets, mask):
    """Squared error of hidden patches."""
    errors = keras.losses.mean_squared_error(targets, ops.cast(predictions, "float32"))
    return ops.average(errors, weights=ops.cast(mask, errors.dtype))


def layer_rates(paths, num_layers, decay=0.75):
    """Share of the learning rate for each weight, by its name."""
    scales = {f"blocks.{number}": decay ** (num_layers - number) for number in range(num_layers)}

    def share(path):
        parts = path.split(".")
        if {"head", "final_normalization"} & set(parts):
            return 1.0
        pairs = [".".join(pair) for pair in zip(parts, parts[1:], strict=False)]
        return next((scales[pair] for pair in pairs if pair in scales), decay ** (num_layers + 1))

    return [share(path) for path in paths]

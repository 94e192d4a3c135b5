"""Right answers to Lab 6 that look different from the reference. Every gate must let them through."""

import math

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from course.models.composite import Composite
from solutions.mae import MAEDecoder, MAEEncoder, random_masking, restore_order, sin_cos_positions
from solutions.vit import PatchEmbedding, ViTEncoder

# --- block_mask -------------------------------------------------------------------------------------------


@alternative("block_mask")
def cell_by_cell(noise, grid, ratio=0.4, smallest=16):
    hidden, wanted = set(), ratio * grid[0] * grid[1]
    for size, aspect, top, left in noise:
        if len(hidden) > wanted:
            break
        s = smallest + size * (wanted - len(hidden) - smallest)
        r = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = max(1, min(grid[0], int(round((s * r) ** 0.5))))
        width = max(1, min(grid[1], int(round((s / r) ** 0.5))))
        y, x = int(top * (grid[0] - height + 1)), int(left * (grid[1] - width + 1))
        hidden |= {(y + i, x + j) for i in range(height) for j in range(width)}
    mask = np.zeros(grid, dtype=bool)
    for place in hidden:
        mask[place] = True
    return mask


@alternative("block_mask")
def with_while(noise, grid, ratio=0.4, smallest=16):
    mask, turn = np.zeros(grid, dtype="bool"), 0
    while turn < len(noise) and np.count_nonzero(mask) <= ratio * mask.size:
        room = ratio * mask.size - np.count_nonzero(mask)
        area = smallest * (1 - noise[turn, 0]) + noise[turn, 0] * room
        shape = 0.3 * (1 - noise[turn, 1]) + noise[turn, 1] / 0.3
        height, width = (
            np.clip(np.rint(np.sqrt(x)), 1, most)
            for x, most in zip((area * shape, area / shape), grid, strict=True)
        )
        y = np.floor(noise[turn, 2] * (grid[0] - height + 1)).astype(int)
        x = np.floor(noise[turn, 3] * (grid[1] - width + 1)).astype(int)
        mask[y : y + int(height), x : x + int(width)] = 1
        turn += 1
    return mask


@alternative("block_mask")
def with_index_grids(noise, grid, ratio=0.4, smallest=16):
    row, column = np.indices(grid)
    mask = np.zeros(grid, bool)
    for block in np.asarray(noise):
        hidden, wanted = int(mask.sum()), ratio * grid[0] * grid[1]
        if hidden > wanted:
            return mask
        area = smallest + block[0] * (wanted - hidden - smallest)
        shape = 0.3 + block[1] * (1 / 0.3 - 0.3)
        height = min(max(int(np.round(np.sqrt(area * shape))), 1), grid[0])
        width = min(max(int(np.round(np.sqrt(area / shape))), 1), grid[1])
        first = int(block[2] * (grid[0] - height + 1))
        start = int(block[3] * (grid[1] - width + 1))
        mask = mask | ((row >= first) & (row < first + height) & (column >= start) & (column < start + width))
    return mask


# --- visual_tokens and visual_token_loss ------------------------------------------------------------------


@alternative("visual_tokens")
def all_differences(vectors, codebook):
    differences = ops.expand_dims(vectors, 2) - ops.convert_to_tensor(codebook)
    return ops.cast(ops.argmin(ops.sum(differences * differences, axis=-1), axis=-1), "int32")


@alternative("visual_tokens")
def with_norms(vectors, codebook):
    distances = ops.norm(ops.expand_dims(vectors, -2) - codebook, axis=-1)
    return ops.argmin(distances, axis=-1)


@alternative("visual_tokens")
def one_code_at_a_time(vectors, codebook):
    columns = [ops.sum((vectors - codebook[number]) ** 2, axis=-1) for number in range(codebook.shape[0])]
    return ops.cast(ops.argmax(-ops.stack(columns, axis=-1), axis=-1), "int32")


@alternative("visual_token_loss")
def keras_cross_entropy(codes, logits, mask):
    losses = keras.losses.sparse_categorical_crossentropy(codes, logits, from_logits=True)
    hidden = ops.cast(mask, losses.dtype)
    return ops.sum(losses * hidden) / ops.sum(hidden)


@alternative("visual_token_loss")
def with_one_hot(codes, logits, mask):
    wanted = ops.one_hot(codes, logits.shape[-1])
    losses = ops.logsumexp(logits, axis=-1) - ops.sum(logits * wanted, axis=-1)
    return ops.sum(ops.where(mask, losses, 0.0)) / ops.cast(ops.count_nonzero(mask), "float32")


@alternative("visual_token_loss")
def hidden_rows_only(codes, logits, mask):
    places = np.flatnonzero(ops.convert_to_numpy(mask).reshape(-1))
    rows = ops.take(ops.reshape(logits, (-1, logits.shape[-1])), places, axis=0)
    wanted = ops.take(ops.reshape(codes, (-1,)), places, axis=0)
    return ops.mean(
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)(wanted, rows)
    )


# --- random_masking and restore_order ---------------------------------------------------------------------


@alternative("random_masking")
def ranks_by_comparison(patches, noise, mask_ratio):
    keep = int(patches.shape[1] * (1 - mask_ratio))
    smaller = noise[:, None, :] < noise[:, :, None]  # (batch, patch, other)
    rank = ops.sum(ops.cast(smaller, "int32"), axis=-1)
    pick = ops.cast(rank[:, None, :] == ops.arange(keep, dtype="int32")[None, :, None], patches.dtype)
    return ops.matmul(pick, patches), rank >= keep, rank


@alternative("random_masking")
def with_a_mask_to_restore(patches, noise, mask_ratio):
    batch, length, width = ops.shape(patches)
    keep = int(length * (1 - mask_ratio))
    order = ops.argsort(noise, axis=1)
    restore = ops.argsort(order, axis=1)
    index = ops.broadcast_to(order[:, :keep][:, :, None], (batch, keep, width))
    visible = ops.take_along_axis(patches, index, axis=1)
    flags = ops.concatenate([ops.zeros((batch, keep)), ops.ones((batch, length - keep))], axis=1)
    return visible, ops.take_along_axis(flags, restore, axis=1) > 0.5, restore


@alternative("random_masking")
def by_smallest_noise(patches, noise, mask_ratio):
    keep = int((1 - mask_ratio) * patches.shape[1])
    _, chosen = ops.top_k(-noise, keep)
    restore = ops.argsort(ops.argsort(noise))
    pick = ops.one_hot(chosen, patches.shape[1], dtype=patches.dtype)  # (batch, visible, patches)
    return ops.einsum("bvp,bpw->bvw", pick, patches), ops.logical_not(restore < keep), restore


@alternative("restore_order")
def with_where(visible, mask_token, restore):
    count = visible.shape[1]
    places = ops.minimum(restore, count - 1)
    found = ops.take_along_axis(visible, places[:, :, None], axis=1)
    return ops.where((restore < count)[:, :, None], found, mask_token)


@alternative("restore_order")
def with_a_one_hot_product(visible, mask_token, restore):
    pick = ops.one_hot(restore, visible.shape[1])  # all zeros where a patch is missing
    missing = 1.0 - ops.sum(pick, axis=-1, keepdims=True)
    return ops.matmul(pick, visible) + missing * mask_token


@alternative("restore_order")
def place_by_place(visible, mask_token, restore):
    count, found = visible.shape[1], []
    for number in range(restore.shape[1]):
        place = restore[:, number : number + 1]  # (batch, 1)
        patch = ops.take_along_axis(visible, ops.minimum(place, count - 1)[..., None], axis=1)[:, 0]
        found.append(ops.where(place < count, patch, mask_token))
    return ops.stack(found, axis=1)


# --- sin_cos_positions ------------------------------------------------------------------------------------


@alternative("sin_cos_positions")
def patch_by_patch(grid, hidden_dim):
    quarter = hidden_dim // 4
    table = []
    for row in range(grid[0]):
        for column in range(grid[1]):
            entry = []
            for number in (column, row):
                angles = [number / 10000 ** (i / quarter) for i in range(quarter)]
                entry += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
            table.append(entry)
    return ops.convert_to_tensor(np.array(table, "float32"))


@alternative("sin_cos_positions")
def with_tile_and_repeat(grid, hidden_dim):
    def line(count):
        i = ops.arange(hidden_dim // 4, dtype="float32")
        angles = ops.outer(
            ops.arange(count, dtype="float32"), ops.exp(-math.log(10000.0) * i / (hidden_dim // 4))
        )
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)

    across, down = line(grid[1]), line(grid[0])
    return ops.concatenate([ops.tile(across, (grid[0], 1)), ops.repeat(down, grid[1], axis=0)], axis=1)


@alternative("sin_cos_positions")
def with_meshgrid(grid, hidden_dim):
    y, x = np.meshgrid(np.arange(grid[0]), np.arange(grid[1]), indexing="ij")
    frequencies = np.power(10000.0, -4.0 * np.arange(hidden_dim // 4) / hidden_dim)
    parts = [f(each[..., None] * frequencies) for each in (x, y) for f in (np.sin, np.cos)]
    return ops.cast(ops.convert_to_tensor(np.concatenate(parts, -1).reshape(-1, hidden_dim)), "float32")


# --- MAEEncoder and MAEDecoder ----------------------------------------------------------------------------


@alternative("MAEEncoder")
class TokenPositionApart(MAEEncoder):
    def call(self, images, noise=None):
        x = ops.add(self.patch_embedding(images), self.positions[1:, :])
        if noise is None:
            mask, restore = None, None
        else:
            x, mask, restore = random_masking(x, noise, self.mask_ratio)
        token = ops.tile(ops.reshape(self.class_token, (1, 1, -1)), (ops.shape(x)[0], 1, 1))
        return self.encoder(ops.concatenate((token, x), axis=1)), mask, restore


@alternative("MAEEncoder")
class PositionsPickedAlong(MAEEncoder):
    def call(self, images, noise=None):
        patches = self.patch_embedding(images)
        table = ops.zeros_like(patches) + ops.convert_to_tensor(self.positions)[1:]
        mask = restore = None
        if noise is not None:
            table, _, _ = random_masking(table, noise, self.mask_ratio)
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        tokens = ops.pad(patches + table, ((0, 0), (1, 0), (0, 0)))
        first = ops.one_hot(ops.zeros((1,), "int32"), tokens.shape[1])[..., None]  # (1, length, 1)
        return self.encoder(tokens + first * self.class_token), mask, restore


@alternative("MAEEncoder")
class FromScratchEncoder(Composite):
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
        self.grid = tuple(side // patch_size for side in image_size)
        self.mask_ratio = mask_ratio
        self.encoder = ViTEncoder(num_layers, num_heads, hidden_dim, intermediate_dim)
        self.patch_embedding = PatchEmbedding(patch_size, hidden_dim)
        self.positions = self.add_weight(shape=(1 + self.grid[0] * self.grid[1], hidden_dim), trainable=False)
        self.positions.assign(ops.pad(sin_cos_positions(self.grid, hidden_dim), ((1, 0), (0, 0))))
        self.class_token = self.add_weight(shape=(hidden_dim,), initializer="zeros")

    def call(self, images, noise=None):
        patches = self.patch_embedding(images) + ops.convert_to_tensor(self.positions)[1:]
        found = (patches, None, None) if noise is None else random_masking(patches, noise, self.mask_ratio)
        first = ops.broadcast_to(self.class_token, (ops.shape(patches)[0], 1, patches.shape[-1]))
        return (self.encoder(ops.concatenate([first, found[0]], axis=1)), *found[1:])


@alternative("MAEDecoder")
class PositionsInTwoParts(MAEDecoder):
    def call(self, tokens, restore):
        first, others = ops.split(self.embedding_dense(tokens), [1], axis=1)
        positions = ops.convert_to_tensor(self.positions)
        others = restore_order(others, self.mask_token, restore) + positions[1:]
        x = self.decoder(ops.concatenate([first + positions[:1], others], axis=1))
        return self.prediction_dense(x[:, 1:, :])


@alternative("MAEDecoder")
class PredictsThenDrops(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        x = ops.concatenate((x[:, 0:1], restore_order(x[:, 1:], self.mask_token, restore)), axis=1)
        x = self.prediction_dense(self.decoder(ops.add(x, self.positions)))
        return x[:, -restore.shape[1] :]


@alternative("MAEDecoder")
class RestoredWithTheToken(MAEDecoder):
    def call(self, tokens, restore):
        # The class token as the patch with the smallest noise of all.
        places = ops.pad(restore + 1, ((0, 0), (1, 0)))
        x = restore_order(self.embedding_dense(tokens), self.mask_token, places) + self.positions
        return self.prediction_dense(self.decoder(x)[:, 1:])


# --- normalize_patches and masked_mse ---------------------------------------------------------------------


@alternative("normalize_patches")
def corrected_variance(patches, epsilon=1e-6):
    values = patches.shape[-1]
    variance = ops.var(patches, axis=-1, keepdims=True) * values / (values - 1)
    return (patches - ops.mean(patches, axis=-1, keepdims=True)) / (variance + epsilon) ** 0.5


@alternative("normalize_patches")
def with_rsqrt(patches, epsilon=1e-6):
    count = ops.cast(ops.shape(patches)[-1], "float32")
    x = patches - ops.sum(patches, axis=-1, keepdims=True) / count
    return x * ops.rsqrt(ops.sum(x * x, axis=-1, keepdims=True) / (count - 1) + epsilon)


@alternative("normalize_patches")
def with_moments(patches, epsilon=1e-6):
    mean, variance = ops.moments(patches, axes=(-1,), keepdims=True)
    unbiased = variance * (patches.shape[-1] / (patches.shape[-1] - 1.0))
    return ops.divide(ops.subtract(patches, mean), ops.sqrt(unbiased + epsilon))


@alternative("masked_mse")
def errors_where_hidden(predictions, targets, mask):
    errors = ops.where(mask[..., None], ops.square(predictions - targets), 0.0)
    count = ops.cast(ops.count_nonzero(mask), "float32") * predictions.shape[-1]
    return ops.sum(errors) / count


@alternative("masked_mse")
def with_keras_errors(predictions, targets, mask):
    errors = keras.losses.mean_squared_error(targets, predictions)
    return ops.average(errors, weights=ops.cast(mask, errors.dtype))


@alternative("masked_mse")
def with_einsum(predictions, targets, mask):
    difference, hidden = predictions - targets, ops.cast(mask, "float32")
    total = ops.einsum("bpv,bpv,bp->", difference, difference, hidden)
    return total / (ops.sum(hidden) * targets.shape[-1])


# --- layer_rates ------------------------------------------------------------------------------------------


@alternative("layer_rates")
def from_a_table(paths, num_layers, decay=0.75):
    scales = [decay**steps for steps in range(num_layers + 1, -1, -1)]
    found = []
    for path in paths:
        if "blocks." in path:
            found.append(scales[int(path.split("blocks.")[1].split(".")[0]) + 1])
        elif "final_normalization" in path or path.startswith("head"):
            found.append(scales[-1])
        else:
            found.append(scales[0])
    return found


@alternative("layer_rates")
def with_a_helper(paths, num_layers, decay=0.75):
    def level(path):
        for number in range(num_layers):
            if f".blocks.{number}." in path:
                return 1 + number
        return 1 + num_layers if "head" in path or "final" in path else 0

    return [math.pow(decay, num_layers + 1 - level(path)) for path in paths]


@alternative("layer_rates")
def by_multiplying(paths, num_layers, decay=0.75):
    rates = []
    for path in paths:
        parts, levels_below_the_top = path.split("."), num_layers + 1
        if "head" in parts or "final_normalization" in parts:
            levels_below_the_top = 0
        for before, after in zip(parts, parts[1:], strict=False):
            if before == "blocks":
                levels_below_the_top = num_layers - int(after)
        rate = 1.0
        for _ in range(levels_below_the_top):
            rate *= decay
        rates.append(rate)
    return rates


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("visual_tokens")
def tensorflows_differences(vectors, codebook):
    import tensorflow as tf

    far = tf.reduce_sum(tf.math.squared_difference(vectors[:, :, tf.newaxis], codebook), axis=-1)
    return tf.argmin(far, axis=-1, output_type=tf.int32)


@alternative("visual_token_loss")
def tensorflows_boolean_mask(codes, logits, mask):
    import tensorflow as tf

    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=codes, logits=logits)
    return tf.reduce_mean(tf.boolean_mask(losses, mask))


@alternative("random_masking")
def gathered_by_tensorflow(patches, noise, mask_ratio):
    import tensorflow as tf

    count = int(patches.shape[1] * (1 - mask_ratio))
    order = tf.argsort(noise, axis=1)
    restore = tf.argsort(order, axis=1)
    return tf.gather(patches, order[:, :count], batch_dims=1), restore >= count, restore


@alternative("restore_order")
def gathered_back_by_tensorflow(visible, mask_token, restore):
    import tensorflow as tf

    missing = restore.shape[1] - visible.shape[1]
    tokens = tf.zeros_like(visible[:, :1]) + mask_token
    row = tf.concat([visible, tf.repeat(tokens, missing, axis=1)], axis=1)
    return tf.gather(row, restore, batch_dims=1)


@alternative("sin_cos_positions")
def meshgrid_of_numpy(grid, hidden_dim):
    down, across = np.meshgrid(np.arange(grid[0]), np.arange(grid[1]), indexing="ij")
    omega = 1.0 / 10000 ** (np.arange(hidden_dim // 4) / (hidden_dim / 4))
    angles = [np.outer(number.reshape(-1), omega) for number in (across, down)]
    table = np.hstack([wave(angle) for angle in angles for wave in (np.sin, np.cos)])
    return ops.convert_to_tensor(table.astype("float32"))


@alternative("normalize_patches")
def tensorflows_moments(patches, epsilon=1e-6):
    import tensorflow as tf

    mean, variance = tf.nn.moments(patches, axes=[-1], keepdims=True)
    count = patches.shape[-1]
    return (patches - mean) * tf.math.rsqrt(variance * count / (count - 1) + epsilon)


@alternative("masked_mse")
def tensorflows_mean_of_the_hidden(predictions, targets, mask):
    import tensorflow as tf

    return tf.reduce_mean(tf.boolean_mask(tf.math.squared_difference(predictions, targets), mask))


@alternative("layer_rates")
def read_by_a_pattern(paths, num_layers, decay=0.75):
    import re

    found = []
    for path in paths:
        block = re.search(r"(?:^|[.])blocks[.]([0-9]+)", path)
        last = re.search(r"(?:^|[.])(head|final_normalization)(?:[.]|$)", path)
        level = int(block[1]) + 1 if block else (num_layers + 1 if last else 0)
        found.append(decay ** (num_layers + 1 - level))
    return found

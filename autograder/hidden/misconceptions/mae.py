"""Named wrong answers of Lab 6, MAE: one fault each, and the sentence that tells a learner about it."""

import math

import numpy as np
from keras import ops

from autograder.hidden.entries import misconception
from solutions.mae import (
    MAEDecoder,
    MAEEncoder,
    block_mask,
    layer_rates,
    masked_mse,
    normalize_patches,
    random_masking,
    restore_order,
    sin_cos_positions,
    visual_token_loss,
)

# --- block_mask -------------------------------------------------------------------------------------------


@misconception(
    "block_mask", "Height and width have changed places: the height is sqrt(s * r), the width sqrt(s / r)."
)
def lying_blocks(noise, grid, ratio=0.4, smallest=16):
    rows, columns = grid
    wanted = ratio * rows * columns
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        if mask.sum() > wanted:
            break
        area = smallest + size * (wanted - mask.sum() - smallest)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area / shape)), 1), rows)
        width = min(max(round(math.sqrt(area * shape)), 1), columns)
        first_row, first_column = int(top * (rows - height + 1)), int(left * (columns - width + 1))
        mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask


@misconception(
    "block_mask",
    "The size of a block leaves out of account what is hidden already: subtract it from what is wanted.",
)
def forgets_what_is_hidden(noise, grid, ratio=0.4, smallest=16):
    rows, columns = grid
    wanted = ratio * rows * columns
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        if mask.sum() > wanted:
            break
        area = smallest + size * (wanted - smallest)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area * shape)), 1), rows)
        width = min(max(round(math.sqrt(area / shape)), 1), columns)
        first_row, first_column = int(top * (rows - height + 1)), int(left * (columns - width + 1))
        mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask


@misconception(
    "block_mask", "Blocks stick out of the grid and are cut off: leave room for the height and the width."
)
def sticks_out(noise, grid, ratio=0.4, smallest=16):
    rows, columns = grid
    wanted = ratio * rows * columns
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        if mask.sum() > wanted:
            break
        area = smallest + size * (wanted - mask.sum() - smallest)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area * shape)), 1), rows)
        width = min(max(round(math.sqrt(area / shape)), 1), columns)
        first_row, first_column = int(top * rows), int(left * columns)
        mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask


@misconception("block_mask", "Blocks that overlap are counted twice: count the hidden patches of the mask.")
def counts_overlaps_twice(noise, grid, ratio=0.4, smallest=16):
    rows, columns = grid
    wanted, hidden = ratio * rows * columns, 0
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        if hidden > wanted:
            break
        area = smallest + size * (wanted - hidden - smallest)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area * shape)), 1), rows)
        width = min(max(round(math.sqrt(area / shape)), 1), columns)
        first_row, first_column = int(top * (rows - height + 1)), int(left * (columns - width + 1))
        mask[first_row : first_row + height, first_column : first_column + width] = True
        hidden += height * width
    return mask


@misconception("block_mask", "There is only one block: add more until more than the wanted share is hidden.")
def one_block_only(noise, grid, ratio=0.4, smallest=16):
    return block_mask(noise[:1], grid, ratio, smallest)


@misconception(
    "block_mask", "Blocks are added until the noise ends: stop once more than the wanted share is hidden."
)
def never_stops(noise, grid, ratio=0.4, smallest=16):
    rows, columns = grid
    wanted = ratio * rows * columns
    mask = np.zeros(grid, bool)
    for size, aspect, top, left in noise:
        area = max(smallest + size * (wanted - mask.sum() - smallest), 0)
        shape = 0.3 + aspect * (1 / 0.3 - 0.3)
        height = min(max(round(math.sqrt(area * shape)), 1), rows)
        width = min(max(round(math.sqrt(area / shape)), 1), columns)
        first_row, first_column = int(top * (rows - height + 1)), int(left * (columns - width + 1))
        mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask


@misconception("block_mask", "The mask is inverted: True means hidden here.")
def blocks_stay_visible(noise, grid, ratio=0.4, smallest=16):
    return ~block_mask(noise, grid, ratio, smallest)


# --- visual_tokens ----------------------------------------------------------------------------------------


@misconception("visual_tokens", "These are the farthest codes: the distance is to be smallest.")
def farthest_codes(vectors, codebook):
    differences = vectors[..., None, :] - codebook
    return ops.cast(ops.argmax(ops.sum(ops.square(differences), axis=-1), axis=-1), "int32")


@misconception("visual_tokens", "The largest dot product wins here: a long code is not a near one.")
def largest_product(vectors, codebook):
    return ops.cast(ops.argmax(ops.matmul(vectors, ops.transpose(codebook)), axis=-1), "int32")


@misconception("visual_tokens", "Only directions are compared: length counts, too.")
def nearest_direction(vectors, codebook):
    lengths = ops.sqrt(ops.sum(ops.square(codebook), axis=-1))
    return ops.cast(ops.argmax(ops.matmul(vectors, ops.transpose(codebook)) / lengths, axis=-1), "int32")


@misconception("visual_tokens", "The product counts twice in |v - c|^2 = |v|^2 - 2 v·c + |c|^2.")
def product_counted_once(vectors, codebook):
    squares = ops.sum(ops.square(codebook), axis=-1)
    return ops.cast(ops.argmin(squares - ops.matmul(vectors, ops.transpose(codebook)), axis=-1), "int32")


@misconception(
    "visual_tokens", "The differences are summed before they are squared, so they cancel each other out."
)
def differences_cancel(vectors, codebook):
    differences = ops.sum(vectors[..., None, :] - codebook, axis=-1)
    return ops.cast(ops.argmin(ops.square(differences), axis=-1), "int32")


@misconception("visual_tokens", "The nearest vectors come back: their numbers are wanted.")
def vectors_not_numbers(vectors, codebook):
    differences = vectors[..., None, :] - codebook
    codes = ops.argmin(ops.sum(ops.square(differences), axis=-1), axis=-1)
    return ops.take(codebook, codes, axis=0)


# --- visual_token_loss ------------------------------------------------------------------------------------


@misconception("visual_token_loss", "All patches count: only the hidden ones are a riddle.")
def visible_tokens_count_too(codes, logits, mask):
    return visual_token_loss(codes, logits, ops.ones_like(mask))


@misconception("visual_token_loss", "The visible patches count instead of the hidden ones: True = hidden.")
def visible_tokens_count(codes, logits, mask):
    return visual_token_loss(codes, logits, ops.logical_not(mask))


@misconception("visual_token_loss", "Each image has its own mean first: every hidden patch counts the same.")
def token_mean_by_image(codes, logits, mask):
    scores = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(scores, codes[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")
    return -ops.mean(ops.sum(chosen * hidden, axis=-1) / ops.sum(hidden, axis=-1))


@misconception(
    "visual_token_loss", "The sum is divided by all patches: divide it by the number of hidden ones."
)
def token_mean_over_all(codes, logits, mask):
    scores = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(scores, codes[..., None], axis=-1)[..., 0]
    return -ops.mean(chosen * ops.cast(mask, "float32"))


@misconception("visual_token_loss", "This is a sum over the hidden patches: take their mean.")
def sum_of_tokens(codes, logits, mask):
    return visual_token_loss(codes, logits, mask) * ops.sum(ops.cast(mask, "float32"))


@misconception(
    "visual_token_loss", "The softmax runs over the patches: it should run over the codes, the last axis."
)
def softmax_over_patches(codes, logits, mask):
    scores = ops.log_softmax(logits, axis=1)
    chosen = ops.take_along_axis(scores, codes[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")
    return -ops.sum(chosen * hidden) / ops.sum(hidden)


@misconception("visual_token_loss", "The probabilities are averaged: take their logarithms.")
def without_logarithm(codes, logits, mask):
    shares = ops.softmax(logits, axis=-1)
    chosen = ops.take_along_axis(shares, codes[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")
    return -ops.sum(chosen * hidden) / ops.sum(hidden)


# --- random_masking ---------------------------------------------------------------------------------------


@misconception("random_masking", "The patches with the largest noise stay: those with the smallest should.")
def keeps_the_largest(patches, noise, mask_ratio):
    return random_masking(patches, -noise, mask_ratio)


@misconception("random_masking", "The mask is inverted: True means hidden here.")
def true_means_visible(patches, noise, mask_ratio):
    visible, mask, restore = random_masking(patches, noise, mask_ratio)
    return visible, ops.logical_not(mask), restore


@misconception("random_masking", "`mask_ratio` of the patches stay visible: it is the share to hide.")
def keeps_the_ratio(patches, noise, mask_ratio):
    return random_masking(patches, noise, 1 - mask_ratio)


@misconception(
    "random_masking", "`restore` is the order of the patches: it is its inverse, so sort a second time."
)
def order_for_restore(patches, noise, mask_ratio):
    visible, mask, restore = random_masking(patches, noise, mask_ratio)
    return visible, mask, ops.argsort(restore, axis=-1)


@misconception(
    "random_masking", "The mask is still sorted by noise, so the last patches always count as hidden."
)
def mask_not_restored(patches, noise, mask_ratio):
    visible, mask, restore = random_masking(patches, noise, mask_ratio)
    count = visible.shape[1]
    return visible, ops.zeros_like(mask) | (ops.arange(patches.shape[1]) >= count), restore


@misconception("random_masking", "All images hide the same patches: each has its own noise.")
def same_for_all_images(patches, noise, mask_ratio):
    return random_masking(patches, ops.broadcast_to(noise[:1], noise.shape), mask_ratio)


@misconception(
    "random_masking", "Round down what stays visible, not what is hidden: int(patches * (1 - mask_ratio))."
)
def rounds_the_hidden(patches, noise, mask_ratio):
    length = patches.shape[1]
    count = length - int(length * mask_ratio)
    order = ops.argsort(noise, axis=-1)
    restore = ops.argsort(order, axis=-1)
    visible = ops.take_along_axis(patches, order[:, :count, None], axis=1)
    return visible, restore >= count, restore


@misconception(
    "random_masking",
    "The visible patches stand in reading order, and `restore` expects them in the order of their noise.",
)
def visible_in_reading_order(patches, noise, mask_ratio):
    count = int(patches.shape[1] * (1 - mask_ratio))
    order = ops.argsort(noise, axis=-1)
    restore = ops.argsort(order, axis=-1)
    kept = ops.sort(order[:, :count], axis=-1)
    return ops.take_along_axis(patches, kept[..., None], axis=1), restore >= count, restore


# --- restore_order ----------------------------------------------------------------------------------------


@misconception(
    "restore_order", "The mask tokens are only appended: bring all back into their order by `restore`."
)
def only_appended(visible, mask_token, restore):
    return restore_order(visible, mask_token, ops.sort(restore, axis=-1))


@misconception(
    "restore_order", "The mask tokens stand before the visible patches: these have the smallest places."
)
def mask_tokens_first(visible, mask_token, restore):
    missing = ops.broadcast_to(
        mask_token, (visible.shape[0], restore.shape[1] - visible.shape[1], visible.shape[-1])
    )
    everything = ops.concatenate([missing, visible], axis=1)
    return ops.take_along_axis(everything, restore[..., None], axis=1)


@misconception(
    "restore_order", "`restore` is inverted once more: it already says for each patch where to take it from."
)
def restored_backwards(visible, mask_token, restore):
    return restore_order(visible, mask_token, ops.argsort(restore, axis=-1))


@misconception("restore_order", "Missing patches are zeros: they are the learned mask token.")
def zeros_for_missing(visible, mask_token, restore):
    return restore_order(visible, ops.zeros_like(mask_token), restore)


@misconception("restore_order", "All images are put together like the first: each has its own `restore`.")
def restored_like_the_first(visible, mask_token, restore):
    return restore_order(visible, mask_token, ops.broadcast_to(restore[:1], restore.shape))


@misconception(
    "restore_order", "The mask token is added to every patch: it takes the place of missing ones only."
)
def mask_token_on_all(visible, mask_token, restore):
    return restore_order(visible + mask_token, mask_token, restore)


# --- sin_cos_positions ------------------------------------------------------------------------------------


@misconception(
    "sin_cos_positions", "The row comes first here: the first half of the channels belongs to the column."
)
def rows_before_columns(grid, hidden_dim):
    halves = ops.split(sin_cos_positions(grid, hidden_dim), 2, axis=-1)
    return ops.concatenate(halves[::-1], axis=-1)


@misconception(
    "sin_cos_positions", "Sine and cosine take turns, as in Lab 2: here all sines come first, in each half."
)
def sines_and_cosines_by_turns(grid, hidden_dim):
    parts = ops.split(sin_cos_positions(grid, hidden_dim), 4, axis=-1)
    mixed = [ops.reshape(ops.stack(pair, axis=-1), (-1, hidden_dim // 2)) for pair in (parts[:2], parts[2:])]
    return ops.concatenate(mixed, axis=-1)


@misconception("sin_cos_positions", "The cosines stand before the sines.")
def cosines_first(grid, hidden_dim):
    parts = ops.split(sin_cos_positions(grid, hidden_dim), 4, axis=-1)
    return ops.concatenate([parts[1], parts[0], parts[3], parts[2]], axis=-1)


@misconception("sin_cos_positions", "The frequencies fall too slowly: the exponent is -i / (hidden_dim / 4).")
def slow_frequencies(grid, hidden_dim):
    rows, columns = grid
    quarter = hidden_dim // 4
    frequencies = 10000.0 ** (-np.arange(quarter) / (2 * quarter))
    row, column = np.divmod(np.arange(rows * columns), columns)
    angles = [number[:, None] * frequencies for number in (column, row)]
    halves = [part for each in angles for part in (np.sin(each), np.cos(each))]
    return ops.convert_to_tensor(np.concatenate(halves, axis=-1), dtype="float32")


@misconception("sin_cos_positions", "Rows and columns are counted from 1: the first is number 0.")
def counted_from_one(grid, hidden_dim):
    rows, columns = grid
    quarter = hidden_dim // 4
    frequencies = 10000.0 ** (-np.arange(quarter) / quarter)
    row, column = np.divmod(np.arange(rows * columns), columns)
    angles = [(number[:, None] + 1) * frequencies for number in (column, row)]
    halves = [part for each in angles for part in (np.sin(each), np.cos(each))]
    return ops.convert_to_tensor(np.concatenate(halves, axis=-1), dtype="float32")


@misconception(
    "sin_cos_positions", "Patches are only numbered one after the other: they have a column and a row."
)
def one_dimension_only(grid, hidden_dim):
    number = np.arange(grid[0] * grid[1])[:, None]
    half = hidden_dim // 2
    angles = number * 10000.0 ** (-np.arange(half) / half)
    return ops.convert_to_tensor(np.concatenate([np.sin(angles), np.cos(angles)], axis=-1), dtype="float32")


@misconception(
    "sin_cos_positions", "The patches come column by column: they should come row by row, as one reads."
)
def column_by_column(grid, hidden_dim):
    table = ops.reshape(sin_cos_positions(grid, hidden_dim), (*grid, hidden_dim))
    return ops.reshape(ops.transpose(table, (1, 0, 2)), (-1, hidden_dim))


# --- MAEEncoder -------------------------------------------------------------------------------------------


@misconception(
    "MAEEncoder",
    "Positions are added after hiding, so the patches that are left get the first places: add them before.",
)
class PositionsAfterHiding(MAEEncoder):
    def call(self, images, noise=None):
        positions = ops.convert_to_tensor(self.positions)
        patches, mask, restore = self.patch_embedding(images), None, None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        tokens = ops.concatenate([first, patches], axis=1) + positions[: 1 + patches.shape[1]]
        return self.encoder(tokens), mask, restore


@misconception("MAEEncoder", "The positions are not added.")
class NoPlaces(MAEEncoder):
    def call(self, images, noise=None):
        patches, mask, restore = self.patch_embedding(images), None, None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore


@misconception(
    "MAEEncoder", "The first row of `positions` belongs to the class token: patches begin with the second."
)
class PlacesShifted(MAEEncoder):
    def call(self, images, noise=None):
        positions = ops.convert_to_tensor(self.positions)
        patches, mask, restore = self.patch_embedding(images) + positions[:-1], None, None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore


@misconception(
    "MAEEncoder", "Hidden patches are blanked and still encoded: leave them out, that is what makes MAE fast."
)
class HiddenButEncoded(MAEEncoder):
    def call(self, images, noise=None):
        positions = ops.convert_to_tensor(self.positions)
        patches, mask, restore = self.patch_embedding(images), None, None
        if noise is not None:
            _, mask, restore = random_masking(patches, noise, self.mask_ratio)
            patches = ops.where(mask[..., None], 0.0, patches)
        patches = patches + positions[1:]
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        return self.encoder(ops.concatenate([first, patches], axis=1)), mask, restore


@misconception("MAEEncoder", "The class token stands behind the patches: it should come first.")
class ClassTokenBehind(MAEEncoder):
    def call(self, images, noise=None):
        positions = ops.convert_to_tensor(self.positions)
        patches, mask, restore = self.patch_embedding(images) + positions[1:], None, None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        last = ops.zeros_like(patches[:, :1]) + self.class_token
        return self.encoder(ops.concatenate([patches, last], axis=1)), mask, restore


@misconception("MAEEncoder", "The class token joins behind the encoder, and so has never looked at a patch.")
class ClassTokenTooLate(MAEEncoder):
    def call(self, images, noise=None):
        positions = ops.convert_to_tensor(self.positions)
        patches, mask, restore = self.patch_embedding(images) + positions[1:], None, None
        if noise is not None:
            patches, mask, restore = random_masking(patches, noise, self.mask_ratio)
        first = ops.zeros_like(patches[:, :1]) + self.class_token
        return ops.concatenate([first, self.encoder(patches)], axis=1), mask, restore


@misconception("MAEEncoder", "`mask` and `restore` have changed places: (tokens, mask, restore).")
class MaskComesLast(MAEEncoder):
    def call(self, images, noise=None):
        tokens, mask, restore = super().call(images, noise)
        return tokens, restore, mask


# --- MAEDecoder -------------------------------------------------------------------------------------------


@misconception("MAEDecoder", "The decoder's positions are not added, so all mask tokens are alike.")
class MaskTokensAllAlike(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        patches = restore_order(x[:, 1:], self.mask_token, restore)
        x = ops.concatenate([x[:, :1], patches], axis=1)
        return self.prediction_dense(self.decoder(x)[:, 1:])


@misconception(
    "MAEDecoder", "Positions are added before the patches are back in order: add them afterwards, to all."
)
class PositionsTooEarly(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        x = x + ops.convert_to_tensor(self.positions)[: x.shape[1]]
        patches = restore_order(x[:, 1:], self.mask_token, restore)
        x = ops.concatenate([x[:, :1], patches], axis=1)
        return self.prediction_dense(self.decoder(x)[:, 1:])


@misconception(
    "MAEDecoder", "The class token is taken for a patch: put it aside before the order is restored."
)
class ClassTokenAsPatch(MAEDecoder):
    def call(self, tokens, restore):
        x = restore_order(self.embedding_dense(tokens), self.mask_token, restore)
        return self.prediction_dense(self.decoder(x + ops.convert_to_tensor(self.positions)[1:]))


@misconception(
    "MAEDecoder", "The class token is dropped before the decoder: it takes part, and is left out at the end."
)
class ClassTokenDropped(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        x = restore_order(x[:, 1:], self.mask_token, restore) + ops.convert_to_tensor(self.positions)[1:]
        return self.prediction_dense(self.decoder(x))


@misconception("MAEDecoder", "The last patch is left out instead of the class token, which comes first.")
class LastPatchLeftOut(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        patches = restore_order(x[:, 1:], self.mask_token, restore)
        x = ops.concatenate([x[:, :1], patches], axis=1) + self.positions
        return self.prediction_dense(self.decoder(x)[:, :-1])


@misconception("MAEDecoder", "There is a guess for the class token, too: leave it out.")
class ClassTokenGuessed(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        patches = restore_order(x[:, 1:], self.mask_token, restore)
        x = ops.concatenate([x[:, :1], patches], axis=1) + self.positions
        return self.prediction_dense(self.decoder(x))


@misconception("MAEDecoder", "The patches stay in the order of their noise: `restore_order` puts them back.")
class OrderNotRestored(MAEDecoder):
    def call(self, tokens, restore):
        x = self.embedding_dense(tokens)
        patches = restore_order(x[:, 1:], self.mask_token, ops.sort(restore, axis=-1))
        x = ops.concatenate([x[:, :1], patches], axis=1) + self.positions
        return self.prediction_dense(self.decoder(x)[:, 1:])


# --- normalize_patches ------------------------------------------------------------------------------------


@misconception("normalize_patches", "This is the biased variance: divide the sum of squares by one less.")
def biased_variance(patches, epsilon=1e-6):
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)


@misconception("normalize_patches", "Mean and variance are those of the image: each patch has its own.")
def normalized_by_image(patches, epsilon=1e-6):
    flat = ops.reshape(patches, (patches.shape[0], 1, -1))
    return ops.reshape(normalize_patches(flat, epsilon), patches.shape)


@misconception(
    "normalize_patches", "Patches are compared with each other: mean and variance run over the values of one."
)
def normalized_over_patches(patches, epsilon=1e-6):
    return ops.swapaxes(normalize_patches(ops.swapaxes(patches, 1, 2), epsilon), 1, 2)


@misconception("normalize_patches", "The mean is not subtracted.")
def mean_stays(patches, epsilon=1e-6):
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / (patches.shape[-1] - 1)
    return patches / ops.sqrt(variance + epsilon)


@misconception("normalize_patches", "It is divided by the variance: divide by its root.")
def divided_by_variance(patches, epsilon=1e-6):
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / (patches.shape[-1] - 1)
    return centred / (variance + epsilon)


@misconception(
    "normalize_patches", "Epsilon is added to the root: it belongs to the variance, under the root."
)
def epsilon_outside(patches, epsilon=1e-6):
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / (patches.shape[-1] - 1)
    return centred / (ops.sqrt(variance) + epsilon)


# --- masked_mse -------------------------------------------------------------------------------------------


@misconception("masked_mse", "All patches count: what was visible is no riddle.")
def visible_count_too(predictions, targets, mask):
    return ops.mean(ops.square(predictions - targets))


@misconception("masked_mse", "The visible patches count instead of the hidden ones: True = hidden.")
def visible_count(predictions, targets, mask):
    return masked_mse(predictions, targets, ops.logical_not(mask))


@misconception(
    "masked_mse", "Each image has its own mean first: every hidden patch of the batch counts the same."
)
def mean_by_image(predictions, targets, mask):
    errors = ops.mean(ops.square(predictions - targets), axis=-1)
    hidden = ops.cast(mask, "float32")
    return ops.mean(ops.sum(errors * hidden, axis=-1) / ops.sum(hidden, axis=-1))


@misconception("masked_mse", "The errors of a patch's values are summed: take their mean.")
def summed_over_values(predictions, targets, mask):
    return masked_mse(predictions, targets, mask) * predictions.shape[-1]


@misconception(
    "masked_mse", "The sum is divided by the number of all patches: divide it by that of the hidden ones."
)
def divided_by_all(predictions, targets, mask):
    errors = ops.mean(ops.square(predictions - targets), axis=-1)
    return ops.mean(errors * ops.cast(mask, "float32"))


@misconception("masked_mse", "These are absolute errors: square them.")
def absolute_errors(predictions, targets, mask):
    errors = ops.mean(ops.abs(predictions - targets), axis=-1)
    hidden = ops.cast(mask, "float32")
    return ops.sum(errors * hidden) / ops.sum(hidden)


@misconception("masked_mse", "This is the root of the error: leave it squared.")
def root_of_the_error(predictions, targets, mask):
    return ops.sqrt(masked_mse(predictions, targets, mask))


# --- layer_rates ------------------------------------------------------------------------------------------


@misconception("layer_rates", "The first layers learn fastest here: it is the head that has the whole rate.")
def fastest_first(paths, num_layers, decay=0.75):
    return [decay ** (num_layers + 1) / rate for rate in layer_rates(paths, num_layers, decay)]


@misconception(
    "layer_rates",
    "A block has one level more than its number: `blocks.0` comes after the embedding, on level 1.",
)
def blocks_one_too_low(paths, num_layers, decay=0.75):
    rates = layer_rates(paths, num_layers, decay)
    return [
        rate * decay if "blocks" in path.split(".") else rate for path, rate in zip(paths, rates, strict=True)
    ]


@misconception(
    "layer_rates", "The final normalization is taken for an embedding: it should come behind all blocks."
)
def final_norm_forgotten(paths, num_layers, decay=0.75):
    rates = layer_rates(paths, num_layers, decay)
    lowest = decay ** (num_layers + 1)
    return [
        lowest if "final_normalization" in path else rate for path, rate in zip(paths, rates, strict=True)
    ]


@misconception(
    "layer_rates", "Only the first digit of a block's number is read: `blocks.12` is not `blocks.1`."
)
def first_digit_only(paths, num_layers, decay=0.75):
    rates = []
    for path in paths:
        parts = path.split(".")
        if "blocks" in parts:
            level = int(parts[parts.index("blocks") + 1][0]) + 1
        else:
            level = num_layers + 1 if {"head", "final_normalization"} & set(parts) else 0
        rates.append(decay ** (num_layers + 1 - level))
    return rates


@misconception("layer_rates", "The head's rate has shrunk, too: it is on the last level, with a share of 1.")
def head_shrunk(paths, num_layers, decay=0.75):
    return [decay * rate for rate in layer_rates(paths, num_layers, decay)]


@misconception("layer_rates", "The rates fall evenly: each level has `decay` times the rate of the next.")
def evenly_falling(paths, num_layers, decay=0.75):
    levels = [round(math.log(rate) / math.log(decay)) for rate in layer_rates(paths, num_layers, decay)]
    return [1 - (1 - decay) * level / (num_layers + 1) for level in levels]


@misconception(
    "layer_rates",
    "Only the head learns with its whole rate, and all blocks share one: each has its own level.",
)
def one_rate_for_all_blocks(paths, num_layers, decay=0.75):
    rates = layer_rates(paths, num_layers, decay)
    return [decay if "blocks" in path.split(".") else rate for path, rate in zip(paths, rates, strict=True)]

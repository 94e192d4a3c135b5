"""Visible checks of Lab 6, MAE: worked examples, properties, agreement with Keras and `course.blocks`."""

import math

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import (
    NamedMistake,
    check,
    expect,
    expect_boolean,
    expect_close,
    expect_shape,
    fixed_normal,
    to_numpy,
)
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    expect_no_dropout,
    expect_parts,
    expect_untouched,
    kept,
)
from course.checking.mistakes import (
    attempt,
    expect_any_batch,
    expect_or_name_mistake,
    expect_other_shape,
    set_all,
)


def floats(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="float32"))


def integers(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="int32"))


def some_noise(*shape, seed=0):
    """Fixed noise from 0 to 1."""
    return np.random.default_rng([seed, *shape]).random(shape).astype("float32")


HIDDEN = np.array(
    [[1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0]], bool
)  # five patches of the first image, one of the second


# --- block_mask -------------------------------------------------------------------------------------------


def expect_mask(mask, grid):
    expect_shape(mask, grid, "one entry for each patch of the grid")
    expect_boolean(mask, "the mask holds True and False")
    return to_numpy(mask)


@check("block_mask")
def one_block_by_hand(block_mask):
    # s = 4 + 0.5 * (20 - 4) = 12 and r = 0.3 + 0.8901 * 3.0333 = 3: 6 rows, 2 columns; top int(.5 * 5), left int(.5 * 4).
    noise = np.array([[0.5, (3 - 0.3) / (1 / 0.3 - 0.3), 0.5, 0.5]])
    other = to_numpy(block_mask(noise * 0.3, (10, 5), ratio=0.4, smallest=4))
    if (to_numpy(block_mask(noise, (10, 5), ratio=0.4, smallest=4)) == other).all():
        raise NamedMistake(
            "`noise` is not used: its four numbers are the block's size, aspect ratio, top and left"
        )
    mask = expect_mask(block_mask(noise, (10, 5), ratio=0.4, smallest=4), (10, 5))
    right = np.zeros((10, 5), bool)
    right[2:8, 2:4] = True
    lying = np.zeros((10, 5), bool)
    lying[4:6, 0:5] = True
    cut = np.zeros((10, 5), bool)
    cut[5:10, 2:4] = True
    early = np.zeros((10, 5), bool)
    early[2:8, 1:3] = True
    mistakes = {
        "a block has one place more: it begins in column int(left * (columns - width + 1))": early,
        "True means hidden: the mask is inverted": ~right,
        "the block lies on its side: its height is sqrt(s * r), its width sqrt(s / r)": lying,
        "the block sticks out of the grid: it begins in row int(top * (rows - height + 1))": cut,
    }
    expect_or_name_mistake(
        mask, right, "s = 12 and r = 3 make 6 rows and 2 columns, from row 2 and column 2 on", mistakes
    )


@check("block_mask")
def blocks_are_added_until_enough_is_hidden(block_mask):
    noise = np.array(
        [[1.0, 0.25, 0.1, 0.1], [0.9, 0.3, 0.2, 0.3], [0.2, 0.2, 0.9, 0.9], [0.7, 0.9, 0.9, 0.05]]
    )
    found = [expect_mask(block_mask(noise[:count], (8, 9), 0.5, 4), (8, 9)).sum() for count in (1, 2, 3, 4)]
    expect(
        found[0] == 36,
        "with size = 1 the first block has s = ratio * 72 = 36 and r = 1.06: 6.2 rows and 5.8 columns, rounded 6 and 6",
    )
    many = np.random.default_rng(5).random((60, 4))
    masks = [expect_mask(block_mask(many[seed : seed + 40], (8, 9), 0.5, 4), (8, 9)) for seed in range(9)]
    expect(
        min(mask.mean() for mask in masks) > 0.5,
        "blocks are added until *more* than `ratio` of all patches is hidden",
    )
    for seed, mask in enumerate(masks):
        after = [
            to_numpy(block_mask(many[seed : seed + count], (8, 9), 0.5, 4)).sum() for count in range(1, 41)
        ]
        enough = next(number for number in after if number > 36)
        expect(
            mask.sum() == enough,
            "stop as soon as more than `ratio` is hidden: the rest of the noise is not used",
        )


@check("block_mask")
def the_second_block_knows_the_first(block_mask):
    # The first hides 2 x 4 = 8 of 32 wanted. The second: s = 2 + 0.5 * (32 - 8 - 2) = 13, r = 1.3: 4 x 3.
    size = (8 - 2) / (32 - 2)
    aspects = [(ratio - 0.3) / (1 / 0.3 - 0.3) for ratio in (0.5, 1.3)]
    noise = np.array([[size, aspects[0], 0.0, 0.0], [0.5, aspects[1], 0.99, 0.99]])
    right = np.zeros((8, 10), bool)
    right[:2, :4], right[4:, 7:] = True, True
    forgot = np.zeros((8, 10), bool)
    forgot[:2, :4], forgot[3:, 6:] = True, True
    alone = np.zeros((8, 10), bool)
    alone[:2, :4] = True
    mistakes = {
        "the second block is too large: from what is wanted, subtract what is hidden already": forgot,
        "only one block was drawn: go on while no more than `ratio` is hidden": alone,
    }
    message = "the second block has s = 2 + 0.5 * (32 - 8 - 2) = 13 patches, so 4 rows and 3 columns"
    expect_or_name_mistake(expect_mask(block_mask(noise, (8, 10), 0.4, 2), (8, 10)), right, message, mistakes)


@check("block_mask")
def no_block_is_larger_than_the_grid(block_mask):
    # s = 30 and r = 1 / 0.3: 10 rows, of which the grid has 6, and 3 columns.
    mask = expect_mask(block_mask(np.array([[1.0, 1.0, 0.9, 0.5]]), (6, 10), 0.5, 4), (6, 10))
    right = np.zeros((6, 10), bool)
    right[:, 4:7] = True
    message = "10 rows do not fit into 6: take at most the grid's, before you work out where the block begins"
    expect_or_name_mistake(mask, right, message, {})


@check("block_mask")
def overlaps_are_counted_once(block_mask):
    # Twice the same 4 x 4 in 6 x 6, of which 20 are wanted: a third block is still due.
    aspect = (1 - 0.3) / (1 / 0.3 - 0.3)
    noise = np.array([[1.0, aspect, 0.0, 0.0], [1.0, aspect, 0.0, 0.0], [1.0, aspect, 0.99, 0.99]])
    mask = expect_mask(block_mask(noise, (6, 6), 17 / 36, 16), (6, 6))
    expect(
        mask.sum() > 16, "two blocks that overlap hide fewer patches than they have: count the mask's True"
    )


# --- visual_tokens and visual_token_loss ------------------------------------------------------------------


@check("visual_tokens")
def nearest_of_three(visual_tokens):
    codebook = floats([[1.0, 0.0], [0.0, 3.0], [-1.0, -1.0]])
    vectors = floats([[[0.9, 0.8], [0.2, 2.0]], [[-0.4, -0.3], [0.0, 1.0]]])
    expect_other_shape(
        visual_tokens(vectors, codebook), (2, 2, 2), "the numbers of the codes are wanted, not their vectors"
    )
    squares = ((to_numpy(vectors)[:, :, None] - to_numpy(codebook)) ** 2).sum(axis=-1)
    products, lengths = to_numpy(vectors) @ to_numpy(codebook).T, (to_numpy(codebook) ** 2).sum(axis=-1)
    mistakes = {
        "these are the farthest codes": squares.argmax(axis=-1),
        "the largest dot product is not the nearest code: long codes win too often": products.argmax(axis=-1),
        "the direction alone does not decide, the distance does": (products / lengths**0.5).argmax(axis=-1),
        "in |v|^2 - 2 v·c + |c|^2 the product counts twice": (lengths - products).argmin(axis=-1),
        "in |v|^2 - 2 v·c + |c|^2 the product is subtracted": (lengths + 2 * products).argmin(axis=-1),
    }
    found = visual_tokens(vectors, codebook)
    expect_or_name_mistake(found, squares.argmin(axis=-1), "these are not the nearest codes", mistakes)
    expect("int" in str(found.dtype), "numbers of codes are integers")


@check("visual_tokens")
def every_code_is_its_own(visual_tokens):
    codebook, vectors = floats([[3.0, -3.0], [0.5, 0.5]]), floats([[[0.1, 0.0], [2.0, -2.0]]])
    message = (
        "(0.1, 0) is not near (3, -3): square the differences before they are summed, or they cancel out"
    )
    found = visual_tokens(vectors, codebook)
    expect_shape(found, (1, 2), "one number for each patch")
    expect_close(found, np.array([[1, 0]]), message)
    codebook, vectors = floats([[0.6, 0.6], [1.0, 0.0]]), floats([[[0.0, 0.0]]])
    message = "the distance sums squares, not absolute values: 0.6, 0.6 is nearer to 0, 0 than 1, 0 is"
    expect_close(visual_tokens(vectors, codebook), np.array([[0]]), message)
    codebook = fixed_normal(7, 5, scale=2.0) * floats(np.linspace(0.2, 3, 7)[:, None])
    vectors = ops.broadcast_to(codebook, (3, 7, 5))
    message = "a vector that *is* a code is not given its number: square the differences, then sum"
    expect_close(visual_tokens(vectors, codebook), np.tile(np.arange(7), (3, 1)), message)


@check("visual_token_loss")
def only_hidden_patches_count(visual_token_loss):
    codes, logits = integers([[0, 2, 1, 1, 3, 0], [2, 2, 0, 1, 3, 3]]), fixed_normal(2, 6, 4, scale=2.0)
    logs = to_numpy(ops.log_softmax(logits, axis=-1))
    losses = -np.take_along_axis(logs, to_numpy(codes)[..., None], axis=-1)[..., 0]
    across = to_numpy(ops.log_softmax(logits, axis=1))
    across = -np.take_along_axis(across, to_numpy(codes)[..., None], axis=-1)[..., 0]
    by_image = np.mean([row[hidden].mean() for row, hidden in zip(losses, HIDDEN, strict=True)])
    mistakes = {
        "all patches count: only hidden ones should": losses.mean(),
        "the visible patches count: True = hidden": losses[~HIDDEN].mean(),
        "each image has its own mean first: every hidden patch of the batch counts the same": by_image,
        "divide by the number of hidden patches, not of all": (losses * HIDDEN).mean(),
        "take the mean over the hidden patches, not the sum": losses[HIDDEN].sum(),
        "a loss is *minus* the log-probability": -losses[HIDDEN].mean(),
        "logits are no probabilities: tell Keras, with `from_logits=True`": to_numpy(
            keras.losses.sparse_categorical_crossentropy(codes, logits)
        )[HIDDEN].mean(),
        "the softmax runs over the codes, the last axis": across[HIDDEN].mean(),
        "take the logarithm of the probabilities": -np.exp(-losses)[HIDDEN].mean(),
    }
    found = visual_token_loss(codes, logits, ops.convert_to_tensor(HIDDEN))
    expect_shape(found, (), "one number")
    expect_or_name_mistake(
        found, np.float32(losses[HIDDEN].mean()), "this is not the mean over hidden patches", mistakes
    )


@check("visual_token_loss")
def who_knows_nothing_pays_the_logarithm(visual_token_loss):
    found = visual_token_loss(
        integers(np.zeros((2, 6))), ops.zeros((2, 6, 32)), ops.convert_to_tensor(HIDDEN)
    )
    expect_close(found, np.float32(math.log(32)), "without an opinion about 32 codes the loss is log 32")


# --- random_masking and restore_order ---------------------------------------------------------------------


def triple(found, names="(visible, mask, restore)"):
    expect(isinstance(found, tuple | list) and len(found) == 3, f"three things are to be returned: {names}")
    return found


@check("random_masking")
def four_patches_by_hand(random_masking):
    patches = ops.reshape(floats([10, 20, 30, 40, 50, 60, 70, 80]), (2, 4, 1))
    noise = floats([[0.6, 0.1, 0.9, 0.3], [0.2, 0.7, 0.8, 0.5]])
    visible, mask, restore = triple(random_masking(patches, noise, 0.5))
    expect_other_shape(
        visible, (2, 4, 1), "hidden patches are still there: leave them out, do not blank them"
    )
    sentence = "`ops.take` takes the same patches of all images: with `ops.take_along_axis` each has its own"
    expect_other_shape(visible, (2, 2, 2, 1), sentence)
    expect_shape(visible, (2, 2, 1), "half of four patches stay visible")
    expect("bool" not in str(getattr(restore, "dtype", "")), "the order is (visible, mask, restore)")
    values = to_numpy(visible)[..., 0]
    expect(
        not np.allclose(values[0], [30, 10]),
        "the *smallest* noise stays visible, and yours keeps the largest",
    )
    expect(
        not np.allclose(values, [[20, 40], [60, 80]]),
        "both images hide the same patches: each has its own noise",
    )
    expect(
        not np.allclose(values[1], [50, 80]) or np.allclose(values[0], [20, 40]),
        "the visible patches come in the order of their noise",
    )
    expect_close(values, np.array([[20, 40], [50, 80]]), "patch 20 has the smallest noise, then patch 40")
    expect_boolean(mask)
    hidden = np.array([[True, False, True, False], [False, True, True, False]])
    mistakes = {
        "True means hidden: the mask is inverted": ~hidden,
        "hidden are all places from the number of visible patches on, and that one, too: `>=`": np.array(
            [[False, False, True, False], [False, False, True, False]]
        ),
        "that is the order, not its inverse: `restore` is the order, sorted once more": np.array(
            [[False, True, False, True], [False, True, False, True]]
        ),
        "the mask is still sorted by noise: entry i is to tell of patch i": np.array(
            [[False, False, True, True]] * 2
        ),
    }
    expect_or_name_mistake(mask, hidden, "of the first image, 10 and 30 are hidden", mistakes)
    mistakes = {
        "this is the order, which patch comes first: `restore` is its inverse, sort it once more": np.array(
            [[1, 3, 0, 2], [0, 3, 1, 2]]
        )
    }
    right = np.array([[2, 0, 3, 1], [0, 2, 3, 1]])
    expect_or_name_mistake(restore, right, "patch 10 has the third smallest noise: its place is 2", mistakes)


@check("random_masking")
def keeps_the_right_number(random_masking):
    for length, ratio, count in ((8, 0.75, 2), (10, 0.4, 6), (14, 0.6, 5)):
        visible, mask, _ = triple(random_masking(fixed_normal(3, length, 2), some_noise(3, length), ratio))
        sentence = (
            f"of {length} patches and a mask ratio of {ratio}, int({length} * (1 - {ratio})) = {count} stay"
        )
        expect_shape(visible, (3, count, 2), sentence)
        expect_close(
            ops.sum(ops.cast(mask, "int32"), axis=-1), length - count, "the mask hides as many as are missing"
        )


@check("random_masking")
def visible_patches_stand_by_their_noise(random_masking):
    patches, noise = fixed_normal(3, 8, 4), some_noise(3, 8, seed=3)
    visible, _, restore = triple(random_masking(patches, noise, 0.5))
    order = noise.argsort(axis=-1)
    right = np.take_along_axis(to_numpy(patches), order[:, :4, None], axis=1)
    reading = np.take_along_axis(to_numpy(patches), np.sort(order[:, :4], axis=-1)[..., None], axis=1)
    mistakes = {"the visible patches stand in reading order: `restore` cannot find them again": reading}
    expect_or_name_mistake(
        visible, right, "the visible patches are not those with the smallest noise", mistakes
    )
    expect_close(restore, order.argsort(axis=-1), "`restore` is the rank of each patch's noise")
    expect_any_batch(lambda patches, noise: random_masking(patches, noise, 0.5), patches, noise)


@check("restore_order")
def puts_four_patches_back(restore_order):
    visible, restore = floats([[[20.0], [40.0]], [[50.0], [80.0]]]), integers([[2, 0, 3, 1], [0, 2, 3, 1]])
    found = restore_order(visible, floats([-1.0]), restore)
    expect_shape(found, (2, 4, 1), "as many as `restore` has")
    right = np.array([[-1, 20, -1, 40], [50, -1, -1, 80]])
    mistakes = {
        "the mask tokens are appended, and nothing moved: take from them by `restore`": np.array(
            [[20, 40, -1, -1], [50, 80, -1, -1]]
        ),
        "the visible patches come first, the mask tokens behind them": np.array(
            [[20, -1, 40, -1], [-1, 50, 80, -1]]
        ),
        "this is the wrong way round: entry i of `restore` is where patch i stands": np.array(
            [[40, -1, 20, -1], [50, 80, -1, -1]]
        ),
        "where a patch is missing, the mask token belongs, not zeros": np.where(right == -1, 0, right),
        "each image has its own `restore`": np.array([[-1, 20, -1, 40], [-1, 50, -1, 80]]),
        "the mask token is added to visible patches, too": np.where(right == -1, -1, right - 1),
    }
    mistakes = {sentence: wrong[..., None] for sentence, wrong in mistakes.items()}
    expect_or_name_mistake(
        found,
        right[..., None],
        "the two images are [mask], 20, [mask], 40 and 50, [mask], [mask], 80",
        mistakes,
    )


@check("restore_order")
def undoes_random_masking(restore_order):
    patches, noise = fixed_normal(3, 8, 5), some_noise(3, 8)
    ranks = noise.argsort(axis=-1).argsort(axis=-1)
    order = noise.argsort(axis=-1)
    for count in (8, 3):
        visible = floats(np.take_along_axis(to_numpy(patches), order[:, :count, None], axis=1))
        found = restore_order(visible, fixed_normal(5, seed=2), integers(ranks))
        right = np.where((ranks < count)[..., None], to_numpy(patches), to_numpy(fixed_normal(5, seed=2)))
        expect_close(
            found, right, f"with {count} of 8 patches visible they do not come back to where they were"
        )
    expect_any_batch(
        lambda visible, restore: restore_order(visible, fixed_normal(5, seed=2), restore),
        visible,
        integers(ranks),
    )


# --- sin_cos_positions ------------------------------------------------------------------------------------


def table(grid, hidden_dim, order="column", slower=1, first=0):
    """The positions, or what a mistake makes of them."""
    quarter = hidden_dim // 4
    frequencies = 10000.0 ** (-np.arange(quarter) / (slower * quarter))
    row, column = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    pair = (column, row) if order == "column" else (row, column)
    parts = [wave((each[:, None] + first) * frequencies) for each in pair for wave in (np.sin, np.cos)]
    return np.concatenate(parts, axis=-1)


@check("sin_cos_positions")
def two_rows_of_three(sin_cos_positions):
    grid, right = (2, 3), table((2, 3), 8)
    found = sin_cos_positions(grid, 8)
    expect_shape(found, (6, 8), "one row for each patch")
    sines = right.reshape(6, 2, 2, 2)
    by_columns = right.reshape(2, 3, 8).transpose(1, 0, 2).reshape(6, 8)
    number, half = np.arange(6)[:, None], 10000.0 ** (-np.arange(4) / 4)
    by_rows = table((3, 2), 8)  # as if a row had as many patches as there are rows
    mistakes = {
        "the first half of the channels belongs to the column, the second to the row": table(grid, 8, "row"),
        "sine and cosine take turns: in each half, all sines come first": sines.transpose(0, 1, 3, 2).reshape(
            6, 8
        ),
        "in each half the sines come first, then the cosines": sines[:, :, ::-1].reshape(6, 8),
        "the frequencies fall too slowly: i runs to hidden_dim / 4, and is divided by it": table(
            grid, 8, slower=2
        ),
        "i is divided by hidden_dim: divide it by hidden_dim / 4": table(grid, 8, slower=4),
        "count columns and rows from 0": table(grid, 8, first=1),
        "the column's sines and cosines come first, then the row's": sines.transpose(0, 2, 1, 3).reshape(
            6, 8
        ),
        "divide by the number of columns: `np.divmod(..., columns)` gives row and column": by_rows,
        "patches come row by row: the column changes from one to the next": by_columns,
        "the patches are only numbered: each has a column and a row": np.concatenate(
            [np.sin(number * half), np.cos(number * half)], axis=-1
        ),
    }
    expect_or_name_mistake(found, right, "the table is off", mistakes)


@check("sin_cos_positions")
def the_first_patch_is_all_zeros_and_ones(sin_cos_positions):
    found = sin_cos_positions((4, 2), 12)
    expect_close(
        found[0], np.repeat([0, 1, 0, 1], 3), "for column 0 and row 0 the sines are 0 and the cosines 1"
    )
    expect_close(found, table((4, 2), 12), "four rows of two patches, 12 channels wide")
    expect("float32" in str(found.dtype), "the table is float32")


# --- MAEEncoder and MAEDecoder ----------------------------------------------------------------------------


@kept
def small_encoder(MAEEncoder):
    """An encoder for 2 x 4 patches with filled weights, images and noise."""
    layer = MAEEncoder((4, 8), 2, 1, 2, 8, 10, mask_ratio=0.5)
    images, noise = fixed_normal(3, 4, 8, 2), some_noise(3, 8)
    triple(layer(images, noise), "(tokens, mask, restore)")
    set_all(layer, "patch_embedding", "encoder")
    layer.class_token.assign(fixed_normal(8, seed=4))
    return layer, images, noise


def encoded(layer, images, noise, **mistake):
    """What the weights of a learner's encoder give, or with a mistake by name."""
    positions = ops.convert_to_tensor(layer.positions)
    order = noise.argsort(axis=-1)
    patches = layer.patch_embedding(images)
    if mistake.get("blank"):
        patches = ops.where((order.argsort(axis=-1) >= 4)[..., None], 0.0, patches)
    late = mistake.get("late")
    if not late and not mistake.get("nowhere"):
        patches = patches + (positions[:-1] if mistake.get("shifted") else positions[1:])
    if not mistake.get("blank"):
        patches = ops.take_along_axis(patches, order[:, :4, None], axis=1)
    if late:
        patches = patches + positions[1:5]
    first = ops.zeros_like(patches[:, :1]) + (0.0 if mistake.get("empty") else layer.class_token)
    if mistake.get("apart"):
        return ops.concatenate([first, layer.encoder(patches)], axis=1)
    pair = [patches, first] if mistake.get("behind") else [first, patches]
    return layer.encoder(ops.concatenate(pair, axis=1))


@check("MAEEncoder")
def encodes_what_is_visible(MAEEncoder):
    layer, images, noise = small_encoder(MAEEncoder)
    tokens, mask, restore = layer(images, noise)
    expect_other_shape(
        tokens,
        (3, 9, 8),
        "hidden patches are still encoded: the encoder sees the visible ones and the class token",
    )
    sentence = "there are as many tokens as visible patches: the class token joins them after the hiding"
    expect_other_shape(tokens, (3, 4, 8), sentence)
    expect_other_shape(tokens, (3, 3, 8), "hide the share `self.mask_ratio`, here a half, not always 0.75")
    expect_shape(tokens, (3, 5, 8), "the class token and 4 of 8 patches")
    mistakes = {
        "the class token is a row of zeros: it is learned, in `self.class_token`": {"empty": True},
        "positions are added after hiding, so a patch gets that of another: add them before": {"late": True},
        "the positions are not added": {"nowhere": True},
        "row 0 of `positions` is the class token's: patches have rows 1 and on": {"shifted": True},
        "the class token comes first": {"behind": True},
        "the class token joins before the encoder, or it learns nothing": {"apart": True},
    }
    mistakes = {say: encoded(layer, images, noise, **fault) for say, fault in mistakes.items()}
    message = "the tokens are not those of the class token and the visible patches with their positions"
    expect_or_name_mistake(tokens, encoded(layer, images, noise), message, mistakes)
    expect_boolean(
        mask, "the second result is `mask`, and yours does not hold booleans: (tokens, mask, restore)"
    )
    expect_close(restore, noise.argsort(axis=-1).argsort(axis=-1), "the third result is `restore`")


@check("MAEEncoder")
def never_sees_what_is_hidden(MAEEncoder):
    layer, images, noise = small_encoder(MAEEncoder)
    tokens, mask, _ = layer(images, noise)
    shown = np.repeat(np.repeat(~to_numpy(mask).reshape(3, 2, 4), 2, axis=1), 2, axis=2)[..., None]
    changed, _, _ = layer(floats(np.where(shown, to_numpy(images), 9.0)), noise)
    expect_close(changed, tokens, "other pixels in hidden patches change the result")


@check("MAEEncoder")
def without_noise_it_sees_everything(MAEEncoder):
    layer, images, _ = small_encoder(MAEEncoder)
    tokens, mask, restore = triple(
        attempt("`encoder(images)` without noise does not work", layer, images), "(tokens, mask, restore)"
    )
    expect_shape(tokens, (3, 9, 8), "all 8 patches, and the class token")
    expect(mask is None and restore is None, "without noise, `mask` and `restore` are None")
    patches = layer.patch_embedding(images) + ops.convert_to_tensor(layer.positions)[1:]
    first = ops.zeros_like(patches[:, :1]) + layer.class_token
    right = layer.encoder(ops.concatenate([first, patches], axis=1))
    expect_close(tokens, right, "without noise, all patches are encoded in reading order")
    expect_any_batch(lambda images: layer(images)[0], images)


@kept
def small_decoder(MAEDecoder):
    """A decoder for 2 x 3 patches with filled weights, tokens and `restore`."""
    layer = MAEDecoder((2, 3), 5, 1, 2, 8, 10)
    tokens, restore = fixed_normal(4, 4, 7), integers(some_noise(4, 6).argsort(axis=-1))
    sentence = "it stops with tokens of another width: first all of them, the class token too, pass `embedding_dense`"
    attempt(sentence, layer, tokens, restore)
    set_all(layer, "embedding_dense", "decoder", "prediction_dense")
    layer.mask_token.assign(fixed_normal(8, seed=6))
    return layer, tokens, restore


def decoded(layer, tokens, restore, **mistake):
    positions, x = ops.convert_to_tensor(layer.positions), layer.embedding_dense(tokens)
    if mistake.get("early"):
        x = x + positions[: x.shape[1]]
    if mistake.get("unordered"):
        restore = ops.sort(restore, axis=-1)
    if mistake.get("taken"):
        x = blocks.restore_order(x, layer.mask_token, restore) + positions[1:]
        return layer.prediction_dense(layer.decoder(x))
    patches = blocks.restore_order(x[:, 1:], layer.mask_token, restore)
    if mistake.get("dropped"):
        return layer.prediction_dense(layer.decoder(patches + positions[1:]))
    if mistake.get("behind"):
        x = layer.decoder(ops.concatenate([patches, x[:, :1]], axis=1) + positions)
        return layer.prediction_dense(x[:, :-1])
    x = ops.concatenate([x[:, :1], patches], axis=1)
    if not mistake.get("nowhere") and not mistake.get("early"):
        x = x + positions
    x = layer.decoder(x)
    return layer.prediction_dense(x[:, :-1] if mistake.get("last") else x[:, 1:])


@check("MAEDecoder")
def guesses_every_patch(MAEDecoder):
    layer, tokens, restore = small_decoder(MAEDecoder)
    found = layer(tokens, restore)
    expect_other_shape(
        found, (4, 7, 5), "there is a guess for the class token, too: leave the first token out"
    )
    expect_shape(found, (4, 6, 5), "num_outputs guesses for each of 6 patches")
    mistakes = {
        "the decoder's positions are not added: without them all mask tokens are alike": {"nowhere": True},
        "positions are added too early: first put all patches back, then add them": {"early": True},
        "the class token is no patch: put it aside before `restore_order`": {"taken": True},
        "the class token takes part in the decoder, and is left out at the end": {"dropped": True},
        "the class token is the *first*: leave that out, not the last": {"last": True},
        "the class token goes back to the front, before the patches": {"behind": True},
        "the patches are not back in order: `restore_order(..., restore)`": {"unordered": True},
    }
    mistakes = {say: decoded(layer, tokens, restore, **fault) for say, fault in mistakes.items()}
    expect_or_name_mistake(
        found, decoded(layer, tokens, restore), "the guesses are not those of the weights", mistakes
    )


@check("MAEDecoder")
def mask_tokens_learn_where_they_are(MAEDecoder):
    layer, tokens, restore = small_decoder(MAEDecoder)
    found = layer(tokens, restore)
    expect_shape(found, (4, 6, 5), "num_outputs guesses for each of 6 patches, hidden or not")
    guesses, ranks = to_numpy(found)[0], to_numpy(restore)[0]
    one, other = guesses[ranks >= 3][:2]
    expect(
        np.abs(one - other).max() > 1e-3,
        "two missing patches get the same guess: do mask tokens get the decoder's positions?",
    )


# --- normalize_patches and masked_mse ---------------------------------------------------------------------


@check("normalize_patches")
def each_patch_for_itself(normalize_patches):
    patches = 3.0 + fixed_normal(2, 4, 5, scale=2.0)
    x = to_numpy(patches).astype("float64")
    right = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + 1e-6)
    flat = x.reshape(2, -1)
    image = (x - flat.mean(axis=-1)[:, None, None]) / flat.std(axis=-1, ddof=1)[:, None, None]
    across = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)
    mistakes = {
        "this is the biased variance: divide the sum of squares by `values - 1`": right * (5 / 4) ** 0.5,
        "the number that counts is that of the values in a patch, less 1, not of the patches": right
        * (3 / 4) ** 0.5,
        "the sum of squares is not divided: by `values - 1` it becomes a variance": right / 2,
        "mean and variance are those of the whole image: each patch has its own": image,
        "mean and variance run over the patches: they run over the values of one, the last axis": across,
        "the mean is not subtracted": x / x.std(axis=-1, ddof=1, keepdims=True),
        "divide by the root of the variance": (x - x.mean(axis=-1, keepdims=True))
        / x.var(axis=-1, ddof=1, keepdims=True),
    }
    found = normalize_patches(patches)
    expect_shape(found, (2, 4, 5), "the shape stays")
    expect_or_name_mistake(found, right, "this is not (x - mean) / sqrt(variance + epsilon)", mistakes)


@check("normalize_patches")
def even_patches_do_not_explode(normalize_patches):
    expect_close(
        normalize_patches(0.5 * ops.ones((2, 3, 4))), np.zeros((2, 3, 4)), "an even patch becomes zeros"
    )
    patches = floats([[[0.0, 2.0, 4.0]]])  # variance 4
    mistakes = {"epsilon belongs under the root, added to the variance": np.array([[[-0.4, 0.0, 0.4]]])}
    right = np.array([[[-2.0, 0.0, 2.0]]]) / 13**0.5
    message = "0, 2, 4 with an epsilon of 9 becomes (-2, 0, 2) / sqrt(4 + 9)"
    expect_or_name_mistake(normalize_patches(patches, epsilon=9.0), right, message, mistakes)


@check("masked_mse")
def hidden_patches_alone(masked_mse):
    predictions, targets = fixed_normal(2, 6, 3), fixed_normal(2, 6, 3, seed=1)
    errors = ((to_numpy(predictions) - to_numpy(targets)) ** 2).mean(axis=-1)
    right = errors[HIDDEN].mean()
    by_image = np.mean([row[hidden].mean() for row, hidden in zip(errors, HIDDEN, strict=True)])
    absolute = np.abs(to_numpy(predictions) - to_numpy(targets)).mean(axis=-1)
    mistakes = {
        "all patches count: the visible ones are no riddle": errors.mean(),
        "the visible patches count: True = hidden": errors[~HIDDEN].mean(),
        "each image has its own mean first: every hidden patch of the batch counts the same": by_image,
        "take the mean over the values of a patch, not the sum": 3 * right,
        "divide by the number of hidden patches, not of all": (errors * HIDDEN).mean(),
        "square the errors, do not take them as they are": absolute[HIDDEN].mean(),
        "leave the error squared: no root": right**0.5,
    }
    found = masked_mse(predictions, targets, ops.convert_to_tensor(HIDDEN))
    expect_shape(found, (), "one number")
    expect_or_name_mistake(found, np.float32(right), "this is not the mean error of hidden patches", mistakes)


@check("masked_mse")
def visible_patches_do_not_matter(masked_mse):
    predictions, targets, hidden = (
        fixed_normal(2, 6, 3),
        fixed_normal(2, 6, 3, seed=1),
        ops.convert_to_tensor(HIDDEN),
    )
    other = ops.where(hidden[..., None], targets, targets + 5.0)
    message = "other pixels in visible patches change the loss"
    expect_close(
        masked_mse(predictions, other, hidden), to_numpy(masked_mse(predictions, targets, hidden)), message
    )
    found = masked_mse(targets + 2.0, targets, hidden)
    expect_close(found, np.float32(4.0), "if every value is off by 2, the error is 4")


# --- layer_rates ------------------------------------------------------------------------------------------


@check("layer_rates")
def two_blocks_by_hand(layer_rates):
    paths = [
        "encoder.class_token",
        "encoder.patch_embedding.projection_dense.kernel",
        "encoder.encoder.blocks.0.output_dense.bias",
        "encoder.encoder.blocks.1.attention.key_dense.kernel",
        "encoder.encoder.final_normalization.gamma",
        "head.kernel",
    ]
    found = layer_rates(paths, 2, decay=0.5)
    expect(isinstance(found, list | tuple) and len(found) == 6, "a list with one number for each path")
    right = np.array([0.125, 0.125, 0.25, 0.5, 1, 1])
    mistakes = {
        "it is the other way round: the head has the whole rate, and each level below has less": 0.125
        / right,
        "a block has one level more than its number: blocks.1 of two is just below the head": np.array(
            [0.125, 0.125, 0.125, 0.25, 1, 1]
        ),
        "`final_normalization` comes behind the blocks: its share is 1": np.array(
            [0.125, 0.125, 0.25, 0.5, 0.125, 1]
        ),
        "the head's share is 1": right / 2,
        "each level has `decay` times the rate of the next: a power, not a straight line": 1
        - 0.5 * np.array([3, 3, 2, 1, 0, 0]) / 3,
        "each block has its own level: read its number": np.array([0.125, 0.125, 0.5, 0.5, 1, 1]),
    }
    message = "with two blocks and a decay of 0.5: 0.125 before them, 0.25, 0.5, and 1 behind them"
    expect_or_name_mistake(floats(found), right, message, mistakes)


@check("layer_rates")
def block_twelve_is_not_block_one(layer_rates):
    paths = [f"encoder.encoder.blocks.{number}.mlp_normalization.beta" for number in (0, 1, 10, 12)]
    found = floats(layer_rates(paths, 13, decay=0.9))
    right = 0.9 ** np.array([13, 12, 3, 1])
    mistakes = {
        "read the whole number of a block, not its first digit": 0.9 ** np.array([13, 12, 12, 12]),
        "blocks have normalizations, too: only `final_normalization` comes behind them": np.ones(4),
    }
    expect_or_name_mistake(found, right, "with 13 blocks, blocks.12 is just below the head", mistakes)


# --- what learning needs ----------------------------------------------------------------------------------


@check("block_mask")
def follows_the_formula_for_any_grid(block_mask):
    for seed, grid in enumerate(((3, 14), (14, 3), (9, 9), (12, 7))):
        noise = np.random.default_rng([8, seed]).random((40, 4))
        mask = expect_mask(block_mask(noise, grid, 0.5, 1 + seed), grid)
        sentence = f"with blocks of at least {1 + seed} in a grid of {grid} another mask is due: is each number as the "
        sentence += "docstring has it, a height and a width of at least 1 and at most the grid's?"
        expect((mask == to_numpy(blocks.block_mask(noise, grid, 0.5, 1 + seed))).all(), sentence)


@check("block_mask")
def leaves_the_noise_alone(block_mask):
    expect_untouched(
        block_mask, noise=np.random.default_rng(3).random((5, 4)), grid=(8, 9), ratio=0.5, smallest=4
    )


@check("visual_tokens")
def visual_tokens_are_int32(visual_tokens):
    codebook = floats([[1.0, 0.0], [0.0, 3.0], [-1.0, -1.0]])
    kind = keras.backend.standardize_dtype(visual_tokens(fixed_normal(1, 3, 2), codebook).dtype)
    expect(kind == "int32", f"the numbers of codes are int32, as the docstring says (found {kind})")


@check("visual_token_loss")
def visual_token_loss_can_be_trained(visual_token_loss):
    codes, mask = integers([[0, 2, 1, 1, 3, 0], [2, 2, 0, 1, 3, 3]]), ops.convert_to_tensor(HIDDEN)
    expect_gradients(lambda logits: visual_token_loss(codes, logits, mask), logits=fixed_normal(2, 6, 4))


@check("random_masking")
def random_masking_lets_gradients_through(random_masking):
    noise = some_noise(3, 8)
    expect_gradients(lambda patches: random_masking(patches, noise, 0.5)[0], patches=fixed_normal(3, 8, 4))
    found = expect_untouched(random_masking, patches=fixed_normal(3, 8, 4), noise=noise, mask_ratio=0.5)
    expect("int" in str(found[2].dtype), "`restore` holds integers")


@check("restore_order")
def restore_order_lets_gradients_through(restore_order):
    restore = integers(some_noise(2, 6).argsort(axis=-1))
    expect_gradients(
        lambda visible, mask_token: restore_order(visible, mask_token, restore),
        visible=fixed_normal(2, 4, 5),
        mask_token=fixed_normal(5, seed=2),
    )


@check("MAEEncoder")
def mae_encoder_can_be_trained(MAEEncoder):
    layer, images, noise = small_encoder(MAEEncoder)
    # The patches' dense layer, a block of width 8 and 10 with its norms, the last norm, the class token.
    block = 4 * (8 * 8 + 8) + 8 * 10 + 10 + 10 * 8 + 8 + 2 * 16
    expect_parts(layer, "patch_embedding", "encoder", weights=8 * 8 + 8 + block + 16 + 8)
    expect_gradients(lambda images: layer(images, noise)[0], layer, images=images)
    expect_no_dropout(lambda images, **training: layer(images, noise, **training)[0], images)


@check("MAEDecoder")
def mae_decoder_can_be_trained(MAEDecoder):
    layer, tokens, restore = small_decoder(MAEDecoder)
    names = ("embedding_dense", "decoder", "prediction_dense")
    block = 4 * (8 * 8 + 8) + 8 * 10 + 10 + 10 * 8 + 8 + 2 * 16
    expect_parts(layer, *names, weights=7 * 8 + 8 + block + 16 + 8 * 5 + 5 + 8)
    expect_gradients(lambda tokens: layer(tokens, restore), layer, tokens=tokens)
    expect_no_dropout(layer, tokens, restore)
    expect_any_batch(layer, tokens, restore)


@check("normalize_patches")
def normalize_patches_lets_gradients_through(normalize_patches):
    expect_gradients(normalize_patches, patches=3.0 + fixed_normal(2, 4, 5, scale=2.0))
    expect_any_batch(normalize_patches, fixed_normal(2, 4, 5))


@check("masked_mse")
def masked_mse_can_be_trained(masked_mse):
    targets, hidden = fixed_normal(2, 6, 3, seed=1), ops.convert_to_tensor(HIDDEN)
    expect_gradients(
        lambda predictions: masked_mse(predictions, targets, hidden), predictions=fixed_normal(2, 6, 3)
    )
    expect_any_batch(masked_mse, fixed_normal(2, 6, 3), targets, hidden)


@check("layer_rates")
def leaves_the_paths_alone(layer_rates):
    expect_untouched(
        layer_rates, paths=["head.kernel", "encoder.encoder.blocks.0.output_dense.bias"], num_layers=2
    )

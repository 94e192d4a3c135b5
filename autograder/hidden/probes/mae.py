"""Hidden probes of Lab 6, MAE. They hold no expected value; the description is what a learner may read."""

import numpy as np
from keras import ops

from autograder.judge.probe import distinct, normal, probe, set_weight, set_weights, shared, switch_off

BLOCK = (
    "attention_normalization",
    "mlp_normalization",
    *(f"attention.{name}_dense" for name in ("query", "key", "value", "output")),
    "intermediate_dense",
    "output_dense",
)

switch_off("visual_token_loss", "which places are hidden may be known before the graph is made", "batch")
switch_off("normalize_patches", "what it makes is a target, which nothing is trained through", "slopes")


def uniform(rng, *shape):
    """Noise from 0 to 1."""
    return ops.convert_to_tensor(rng.random(shape).astype("float32"))


def some_mask(rng, batch, patches):
    """Booleans `(batch, patches)`, unevenly many in each row, at least one hidden and one not."""
    mask = rng.random((batch, patches)) < rng.uniform(0.3, 0.8, size=(batch, 1))
    mask[:, 0], mask[:, -1] = True, False
    return ops.convert_to_tensor(mask)


def shuffled(rng, batch, patches):
    """`restore` as `random_masking` gives it: the ranks of drawn noise."""
    ranks = rng.random((batch, patches)).argsort(axis=-1).argsort(axis=-1)
    return ops.convert_to_tensor(ranks.astype("int32"))


# --- random_masking and restore_order ---------------------------------------------------------------------


def masked(random_masking, rng, patches, ratio):
    batch, width = distinct(rng, 2, low=2, high=7)
    return random_masking(normal(rng, (batch, patches, width)), uniform(rng, batch, patches), ratio)


@probe("random_masking", "hiding three quarters", weight=2)
def hides_three_quarters(random_masking, rng):
    return masked(random_masking, rng, 4 * int(rng.integers(3, 6)), 0.75)


@probe("random_masking", "hiding half")
def hides_half(random_masking, rng):
    return masked(random_masking, rng, 10, 0.5)


@probe("random_masking", "where the share leaves a fraction of a patch")
def hides_a_fraction(random_masking, rng):
    return masked(random_masking, rng, 14, 0.6)


def put_back(restore_order, rng, hidden):
    batch, visible, width = distinct(rng, 3, low=2, high=7)
    tokens, mask_token = normal(rng, (batch, visible, width), (width,))
    return restore_order(tokens, mask_token, shuffled(rng, batch, visible + hidden))


@probe("restore_order", "with most patches missing", weight=2)
def puts_back_a_few(restore_order, rng):
    return put_back(restore_order, rng, 9)


@probe("restore_order", "with one patch missing")
def puts_back_nearly_all(restore_order, rng):
    return put_back(restore_order, rng, 1)


@probe("restore_order", "with nothing missing")
def puts_back_all(restore_order, rng):
    return put_back(restore_order, rng, 0)


# --- sin_cos_positions ------------------------------------------------------------------------------------


@probe("sin_cos_positions", "in a wide grid", weight=2, width=True)
def in_a_wide_grid(sin_cos_positions, rng):
    rows = int(rng.integers(2, 5))
    return sin_cos_positions((rows, rows + 3), 4 * int(rng.integers(3, 6)))


@probe("sin_cos_positions", "in a tall grid")
def in_a_tall_grid(sin_cos_positions, rng):
    columns = int(rng.integers(2, 5))
    return sin_cos_positions((columns + 4, columns), 8)


@probe("sin_cos_positions", "with one frequency only")
def with_one_frequency(sin_cos_positions, rng):
    return sin_cos_positions((3, int(rng.integers(4, 9))), 4)


# --- MAEEncoder and MAEDecoder ----------------------------------------------------------------------------


def encoder(MAEEncoder, rng, mask_ratio=0.75):
    """An encoder for 3 x 4 patches with drawn weights, images and noise."""
    batch = int(rng.integers(3, 6))
    images, noise = normal(rng, (batch, 6, 8, 3)), uniform(rng, batch, 12)
    sizes = (6, 8), 2, 1, 2, 8, 10
    layer = shared(MAEEncoder, *sizes, call=lambda layer: layer(images, noise), mask_ratio=mask_ratio)
    set_weights(layer, rng, "patch_embedding.projection_dense", "encoder.final_normalization")
    set_weights(layer.encoder.blocks[0], rng, *BLOCK)
    set_weight(layer, "class_token", normal(rng, (8,)))
    # Unlike any table: what is added must be this. The class token's stays zero, so nobody has to add it.
    layer.positions.assign(ops.pad(normal(rng, (12, 8)), ((1, 0), (0, 0))))
    return layer, images, noise


@probe("MAEEncoder", "with three quarters hidden", weight=2)
def encodes_a_quarter(MAEEncoder, rng):
    layer, images, noise = encoder(MAEEncoder, rng)
    return layer(images, noise)


@probe("MAEEncoder", "with half hidden")
def encodes_half(MAEEncoder, rng):
    layer, images, noise = encoder(MAEEncoder, rng, 0.5)
    return layer(images, noise)


@probe("MAEEncoder", "with nothing hidden")
def encodes_all(MAEEncoder, rng):
    layer, images, _ = encoder(MAEEncoder, rng)
    tokens, mask, restore = layer(images)
    return tokens, mask is None, restore is None


def decoder(MAEDecoder, rng):
    """A decoder for 3 x 4 patches with drawn weights."""
    width = int(rng.common.integers(3, 8))
    batch, visible = distinct(rng, 2, low=3, high=8, but=(width,))
    tokens, restore = normal(rng, (batch, 1 + visible, width)), shuffled(rng, batch, 12)
    layer = shared(MAEDecoder, (3, 4), 5, 1, 2, 8, 10, call=lambda layer: layer(tokens, restore))
    set_weights(layer, rng, "embedding_dense", "prediction_dense", "decoder.final_normalization")
    set_weights(layer.decoder.blocks[0], rng, *BLOCK)
    set_weight(layer, "mask_token", normal(rng, (8,)))
    layer.positions.assign(ops.pad(normal(rng, (12, 8)), ((1, 0), (0, 0))))
    return layer, tokens, restore


@probe("MAEDecoder", "from a few tokens", weight=2)
def decodes_a_few(MAEDecoder, rng):
    layer, tokens, restore = decoder(MAEDecoder, rng)
    return layer(tokens, restore)


@probe("MAEDecoder", "with other patches visible")
def decodes_others(MAEDecoder, rng):
    layer, tokens, restore = decoder(MAEDecoder, rng)
    return layer(tokens[:, :3], ops.flip(restore, axis=1))


# --- normalize_patches and masked_mse ---------------------------------------------------------------------


@probe("normalize_patches", "on drawn patches", weight=2)
def normalizes(normalize_patches, rng):
    batch, patches, values = distinct(rng, 3, low=3, high=9)
    return normalize_patches(3.0 + normal(rng, (batch, patches, values), scale=2.0))


@probe("normalize_patches", "on nearly even patches")
def normalizes_even_patches(normalize_patches, rng):
    return normalize_patches(0.4 + normal(rng, (2, 3, 5), scale=1e-3))


@probe("normalize_patches", "with another epsilon")
def normalizes_with_epsilon(normalize_patches, rng):
    return normalize_patches(normal(rng, (3, 2, 6)), epsilon=0.5)


def compared(masked_mse, rng, batch, patches, values):
    shape = batch, patches, values
    predictions, targets = normal(rng, shape), normal(rng, shape, slope=False)
    return masked_mse(predictions, targets, some_mask(rng, batch, patches))


@probe("masked_mse", "on drawn masks", weight=2)
def counts_hidden_patches(masked_mse, rng):
    return compared(masked_mse, rng, *distinct(rng, 3, low=4, high=9))


@probe("masked_mse", "with unevenly many hidden patches")
def counts_every_hidden_patch_once(masked_mse, rng):
    predictions, targets = normal(rng, (2, 8, 3)), normal(rng, (2, 8, 3), slope=False)
    mask = np.zeros((2, 8), bool)
    mask[0, 2:], mask[1, 5] = True, True
    return masked_mse(predictions, targets, ops.convert_to_tensor(mask))


# --- block_mask -------------------------------------------------------------------------------------------


@probe("block_mask", "on the paper's grid", weight=2)
def hides_blocks(block_mask, rng):
    return [block_mask(rng.random((40, 4)), (14, 14)) for _ in range(4)]


@probe("block_mask", "on a wide grid, with small blocks", weight=2)
def hides_small_blocks(block_mask, rng):
    rows = int(rng.integers(5, 8))
    return [block_mask(rng.random((40, 4)), (rows, rows + 4), ratio=0.5, smallest=4) for _ in range(4)]


@probe("block_mask", "when the noise ends early")
def hides_until_the_noise_ends(block_mask, rng):
    return [block_mask(rng.random((2, 4)), (14, 12), ratio=0.6, smallest=9) for _ in range(3)]


@probe("block_mask", "in a low grid, which blocks must fit into")
def hides_within_the_grid(block_mask, rng):
    grids = (3, 15), (15, 3), (3, 15)
    found = [block_mask(rng.random((20, 4)), grid, ratio=0.7, smallest=8) for grid in grids]
    # The first block hides 8 of the 8.1 that are due, so what is left for the next is less than half a patch.
    noise = np.concatenate([np.ones((20, 1)), np.full((20, 1), 0.066), rng.random((20, 2))], axis=1)
    wide = np.array([[1.0, 0.0, rng.random(), 0.3]])  # ten columns, of which there are three
    return [
        *found,
        block_mask(noise, (2, 6), ratio=0.675, smallest=1),
        block_mask(wide, (15, 3), ratio=0.7, smallest=8),
    ]


# --- visual_tokens and visual_token_loss ------------------------------------------------------------------


@probe("visual_tokens", "on drawn vectors", weight=2)
def finds_codes(visual_tokens, rng):
    batch, patches, codes, width = distinct(rng, 4, low=3, high=9)
    return visual_tokens(*normal(rng, (batch, patches, width), (codes, width)))


@probe("visual_tokens", "with codes of very different length")
def finds_codes_of_uneven_length(visual_tokens, rng):
    vectors, codebook = normal(rng, (4, 9, 3), (7, 3))
    stretch = np.array([0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0], "float32")
    return visual_tokens(vectors, codebook * stretch[:, None])


def surprised(visual_token_loss, rng, scale):
    batch, patches, codes = distinct(rng, 3, low=4, high=9)
    numbers = ops.convert_to_tensor(rng.integers(0, codes, (batch, patches)).astype("int32"))
    logits = normal(rng, (batch, patches, codes), scale=scale)
    return visual_token_loss(numbers, logits, some_mask(rng, batch, patches))


@probe("visual_token_loss", "on drawn guesses", weight=2)
def is_surprised(visual_token_loss, rng):
    return surprised(visual_token_loss, rng, 2.0)


@probe("visual_token_loss", "with very sure guesses")
def is_surprised_by_far(visual_token_loss, rng):
    return surprised(visual_token_loss, rng, 60.0)


# --- layer_rates ------------------------------------------------------------------------------------------


def paths(num_layers):
    """Names of weights from the first to the last, and a few in between."""
    found = ["encoder.class_token", "encoder.patch_embedding.projection_dense.kernel", "encoder.positions"]
    for number in range(num_layers):
        found.append(f"encoder.encoder.blocks.{number}.attention.query_dense.kernel")
        found.append(f"encoder.encoder.blocks.{number}.mlp_normalization.gamma")
    return [*found, "encoder.encoder.final_normalization.beta", "head.kernel", "head.bias"]


@probe("layer_rates", "for a shallow model", weight=2)
def rates_of_a_shallow_model(layer_rates, rng):
    layers = int(rng.integers(3, 7))
    return np.asarray(layer_rates(paths(layers), layers, decay=float(rng.uniform(0.5, 0.9))), "float64")


@probe("layer_rates", "for more than ten blocks")
def rates_of_a_deep_model(layer_rates, rng):
    layers = int(rng.integers(12, 15))
    return np.asarray(layer_rates(paths(layers)[::-1], layers), "float64")


@probe("layer_rates", "for some weights only")
def rates_of_some_weights(layer_rates, rng):
    return np.asarray(
        layer_rates(["head.bias", "encoder.encoder.blocks.1.output_dense.bias"], 5, 0.7), "float64"
    )

"""Hidden probes of Lab 4, ViT. They hold no expected value; the description is what a learner may read."""

import numpy as np
from keras import ops

from autograder.judge.probe import distinct, normal, probe, set_weight, set_weights, shared, switch_off

ATTENTION = ("query_dense", "key_dense", "value_dense", "output_dense")
BLOCK = (
    "attention_normalization",
    "mlp_normalization",
    *(f"attention.{name}" for name in ATTENTION),
    "intermediate_dense",
    "output_dense",
)

switch_off("soft_distillation_loss", "a sum over rows may be written as a loop over them", "batch")
switch_off("unpatchify", "it makes pictures for people to look at", "batch")
switch_off("attention_rollout", "an analysis: nothing is trained through it", "slopes", "batch")
switch_off(
    "interpolate_positions", "it is applied once to trained weights, before a training", "slopes", "batch"
)


# --- patchify and unpatchify ------------------------------------------------------------------------------


@probe("patchify", "on colour images of uneven sides", weight=2)
def cuts_colour_images(patchify, rng):
    batch, rows, columns, patch_size = distinct(rng, 4, low=2, high=7)
    return patchify(normal(rng, (batch, rows * patch_size, columns * patch_size, 3)), patch_size)


@probe("patchify", "on grey images")
def cuts_grey_images(patchify, rng):
    batch, rows, patch_size = distinct(rng, 3, low=2, high=6)
    return patchify(normal(rng, (batch, rows * patch_size, 2 * rows * patch_size, 1)), patch_size)


@probe("patchify", "with a single patch, and with patches of one pixel")
def cuts_at_the_limits(patchify, rng):
    images = normal(rng, (3, 4, 4, 2))
    return patchify(images, 4), patchify(images, 1)


@probe("unpatchify", "on colour patches in an uneven grid", weight=2)
def joins_colour_patches(unpatchify, rng):
    batch, rows, columns, patch_size = distinct(rng, 4, low=2, high=7)
    return unpatchify(normal(rng, (batch, rows * columns, patch_size**2 * 3)), patch_size, (rows, columns))


@probe("unpatchify", "on grey patches")
def joins_grey_patches(unpatchify, rng):
    batch, rows, patch_size = distinct(rng, 3, low=2, high=6)
    return unpatchify(normal(rng, (batch, 2 * rows * rows, patch_size**2)), patch_size, (rows, 2 * rows))


# --- PatchEmbedding and ViTEmbedding ----------------------------------------------------------------------


def embedded(PatchEmbedding, rng, channels):
    batch, rows, columns, patch_size = distinct(rng, 4, low=2, high=6)
    layer = PatchEmbedding(patch_size, int(rng.integers(7, 12)))
    images = normal(rng, (batch, rows * patch_size, columns * patch_size, channels))
    layer(images)
    set_weights(layer, rng, "projection_dense")
    return layer(images), layer.projection_dense.kernel


@probe("PatchEmbedding", "on colour images", weight=2)
def embeds_colour_images(PatchEmbedding, rng):
    return embedded(PatchEmbedding, rng, 3)


@probe("PatchEmbedding", "on grey images")
def embeds_grey_images(PatchEmbedding, rng):
    return embedded(PatchEmbedding, rng, 1)


def placed(ViTEmbedding, rng, num_tokens):
    """A layer with drawn `tokens` and `positions`, and patch tokens for it."""
    rows, columns, batch, hidden_dim = distinct(rng, 4, low=2, high=8)
    layer = ViTEmbedding((2 * rows, 2 * columns), 2, hidden_dim, num_tokens=num_tokens)
    for name in ("tokens", "positions"):
        set_weight(layer, name, normal(rng, tuple(getattr(layer, name).shape)))
    return layer, normal(rng, (batch, rows * columns, hidden_dim))


@probe("ViTEmbedding", "with a class token", weight=2)
def places_one_token(ViTEmbedding, rng):
    layer, patches = placed(ViTEmbedding, rng, 1)
    return layer.place(patches)


@probe("ViTEmbedding", "with two learned tokens")
def places_two_tokens(ViTEmbedding, rng):
    layer, patches = placed(ViTEmbedding, rng, 2)
    return layer.place(patches), layer.tokens, layer.positions


@probe("ViTEmbedding", "from images, with learned weights")
def embeds_images(ViTEmbedding, rng):
    layer, _ = placed(ViTEmbedding, rng, 1)
    rows, columns = layer.grid
    images = normal(rng, (2, 2 * rows, 2 * columns, 3))
    layer(images)
    set_weights(layer, rng, "patch_embedding.projection_dense")
    return layer(images), layer.tokens.trainable, layer.positions.trainable


# --- ViTBlock ---------------------------------------------------------------------------------------------


def block(ViTBlock, rng, scale=1.0):
    """A built block with drawn weights, and inputs."""
    heads, head_dim, intermediate_dim = distinct(rng.common, 3, low=2, high=9)
    batch, length = distinct(rng, 2, low=2, high=9, but=(heads, head_dim))
    inputs = normal(rng, (batch, length + 2, heads * head_dim), scale=scale)
    sizes = heads, heads * head_dim, intermediate_dim + 9
    layer = shared(ViTBlock, *sizes, call=lambda layer: layer(inputs), dropout=0.3)
    set_weights(layer, rng, *BLOCK)
    return layer, inputs


@probe("ViTBlock", "on drawn sizes", weight=2)
def runs_a_block(ViTBlock, rng):
    layer, inputs = block(ViTBlock, rng)
    return layer(inputs)


@probe("ViTBlock", "with small activations")
def runs_on_small_activations(ViTBlock, rng):
    layer, inputs = block(ViTBlock, rng, scale=0.02)
    return layer(inputs)


@probe("ViTBlock", "with large numbers in the MLP")
def runs_on_large_numbers(ViTBlock, rng):
    layer, inputs = block(ViTBlock, rng)
    # What the attention adds stays small, so that the activation decides.
    layer.output_dense.kernel.assign(40.0 * layer.output_dense.kernel)
    return layer(inputs)


def drops_what_is_added(arrays, expected):
    """The attention adds 1 and the MLP 4; with a dropout of 1/2 each is either gone or doubled."""
    added = arrays["added"]
    if added.shape != expected["added"].shape:
        return f"shape {expected['added'].shape} is expected, not {added.shape}"
    near = [np.isclose(added, value, atol=1e-3) for value in (0, 2, 8, 10)]
    if not np.any(near, axis=0).all() or min(each.mean() for each in near) < 0.05:
        return "dropout belongs on what the attention gives and on what the MLP gives, before the sums"
    return None


@probe("ViTBlock", "in training, with dropout", compare=drops_what_is_added, instead_of="training")
def runs_in_training(ViTBlock, rng):
    inputs = normal(rng, (6, 5, 8), scale=3.0)
    layer = ViTBlock(2, 8, 6, dropout=0.5)
    layer(inputs)
    for part, value in ((layer.attention.output_dense, 1.0), (layer.output_dense, 4.0)):
        part.kernel.assign(ops.zeros(part.kernel.shape))
        part.bias.assign(value * ops.ones(part.bias.shape))
    return {"added": layer(inputs, training=True) - inputs}


# --- VisionTransformer ------------------------------------------------------------------------------------


def model(VisionTransformer, rng, num_layers=1, num_classes=5, **options):
    """A small model with drawn weights, and images."""
    rows, columns, heads, head_dim = distinct(rng.common, 4, low=2, high=6)
    batch = int(rng.integers(6, 8))
    images = normal(rng, (batch, 2 * rows, 2 * columns, 3))
    sizes = (2 * rows, 2 * columns), 2, num_layers, heads, heads * head_dim, 7
    options = {"num_classes": num_classes, "dropout": 0.3} | options
    made = shared(VisionTransformer, *sizes, call=lambda made: made(images), **options)
    names = ["embedding.patch_embedding.projection_dense", "encoder.final_normalization"]
    set_weights(made, rng, *names, *(["head"] if num_classes else []))
    for layer in made.encoder.blocks:
        set_weights(layer, rng, *BLOCK)
    for name in ("tokens", "positions"):
        set_weight(made.embedding, name, normal(rng, tuple(getattr(made.embedding, name).shape)))
    return made, images


@probe("VisionTransformer", "from images to tokens")
def encodes_images(VisionTransformer, rng):
    made, images = model(VisionTransformer, rng)
    return made.encode(images)


@probe("VisionTransformer", "from images to logits, by the class token", weight=2, main=True)
def reads_the_class_token(VisionTransformer, rng):
    made, images = model(VisionTransformer, rng)
    return made(images), len(made.encoder.blocks)


@probe("VisionTransformer", "from images to logits, by the mean of the patches", main=True)
def reads_the_mean(VisionTransformer, rng):
    made, images = model(VisionTransformer, rng, pooling="mean", num_tokens=2)
    return made(images)


@probe("VisionTransformer", "without a head")
def gives_features(VisionTransformer, rng):
    made, images = model(VisionTransformer, rng, num_layers=2, num_classes=None)
    return made(images), len(made.encoder.blocks)


@probe("VisionTransformer", "before it has learned anything")
def starts_with_an_empty_head(VisionTransformer, rng):
    made, images = VisionTransformer((4, 6), 2, 1, 2, 8, 7, num_classes=5), normal(rng, (2, 4, 6, 3))
    return {"says something": ops.any(made(images) != 0)}


def drops_tokens(arrays, expected):
    """In training some entries of the embedded image are 0, and the blocks have the same rate."""
    if arrays["rates"].shape != expected["rates"].shape or not np.allclose(
        arrays["rates"], expected["rates"]
    ):
        return "`dropout` is to reach `self.dropout` and the blocks"
    trained = arrays["trained"]
    if trained.shape != expected["trained"].shape or not 0.2 < np.isclose(trained, 0, atol=1e-6).mean() < 0.8:
        return "in training, dropout is to be applied to the embedded image"
    return None


@probe("VisionTransformer", "in training, with dropout", compare=drops_tokens, instead_of="training")
def encodes_in_training(VisionTransformer, rng):
    made, images = model(VisionTransformer, rng, dropout=0.5)
    seen, drop = [], made.dropout.call
    made.dropout.call = lambda x, training=None: drop(x, training=True)
    run = made.encoder.call
    made.encoder.call = lambda x, **options: (seen.append(x), run(x, **options))[1]
    made.encode(images)
    rates = [made.dropout.rate, made.encoder.blocks[0].dropout.rate]
    return {"trained": seen[0], "rates": ops.convert_to_tensor(rates)}


# --- interpolate_positions --------------------------------------------------------------------------------


def stretched(interpolate_positions, rng, num_tokens, old_grid, new_grid):
    positions = normal(rng, (num_tokens + old_grid[0] * old_grid[1], int(rng.integers(3, 7))))
    return interpolate_positions(positions, old_grid, new_grid, num_tokens=num_tokens)


@probe("interpolate_positions", "to a larger grid", weight=2)
def to_a_larger_grid(interpolate_positions, rng):
    rows, columns = distinct(rng, 2, low=3, high=6)
    larger = (rows + int(rng.integers(1, 4)), 2 * columns + 1)
    positions = normal(rng, (1 + rows * columns, 5))
    return interpolate_positions(positions, (rows, columns), larger)


@probe("interpolate_positions", "to a wider and lower grid, with two tokens")
def to_a_wider_grid(interpolate_positions, rng):
    return stretched(interpolate_positions, rng, 2, (5, 3), (3, 7))


@probe("interpolate_positions", "to the same grid")
def to_the_same_grid(interpolate_positions, rng):
    return stretched(interpolate_positions, rng, 1, (4, 2), (4, 2))


@probe("interpolate_positions", "without tokens before the patches")
def without_tokens(interpolate_positions, rng):
    return stretched(interpolate_positions, rng, 0, (2, 3), (4, 4))


# --- attention_rollout ------------------------------------------------------------------------------------


def some_attention(rng, layers, batch, heads, length):
    """Weights of several layers, rows summing to 1, sharp enough for layers to differ."""
    scores = normal(rng, (layers, batch, heads, length, length), scale=2.0)
    return [weights for weights in ops.unstack(ops.softmax(scores, axis=-1), axis=0)]


@probe("attention_rollout", "through three layers", weight=2)
def rolls_three_layers(attention_rollout, rng):
    batch, heads, length = distinct(rng, 3, low=2, high=8)
    return attention_rollout(some_attention(rng, 3, batch, heads, length))


@probe("attention_rollout", "through two layers of one head")
def rolls_two_layers(attention_rollout, rng):
    return attention_rollout(some_attention(rng, 2, 3, 1, 5))


@probe("attention_rollout", "through a single layer")
def rolls_one_layer(attention_rollout, rng):
    return attention_rollout(some_attention(rng, 1, 2, 4, 6))


# --- hard_distillation_loss and soft_distillation_loss ----------------------------------------------------


def some_logits(rng):
    """Labels, and logits of class head, distillation head and teacher."""
    batch, classes = distinct(rng, 2, low=4, high=9)
    labels = ops.convert_to_tensor(rng.integers(0, classes, size=batch).astype("int32"))
    teacher = normal(rng, (batch, classes), scale=2.0, slope=False)  # which is not trained
    return labels, *normal(rng, *[(batch, classes)] * 2, scale=2.0), teacher


@probe("hard_distillation_loss", "on drawn logits", weight=2)
def hardens(hard_distillation_loss, rng):
    return hard_distillation_loss(*some_logits(rng))


@probe("hard_distillation_loss", "with a teacher who contradicts the labels")
def hardens_against_the_labels(hard_distillation_loss, rng):
    labels, own, taught, teacher = some_logits(rng)
    against = 9.0 * ops.one_hot((labels + 1) % teacher.shape[-1], teacher.shape[-1])
    return hard_distillation_loss(labels, own, taught, teacher + against)


@probe("hard_distillation_loss", "with large logits")
def hardens_large_logits(hard_distillation_loss, rng):
    labels, *logits = some_logits(rng)
    return hard_distillation_loss(labels, *(100.0 * each for each in logits)) / 100.0


@probe("soft_distillation_loss", "on drawn logits", weight=2)
def softens(soft_distillation_loss, rng):
    return soft_distillation_loss(*some_logits(rng))


@probe("soft_distillation_loss", "with other temperatures and shares")
def softens_otherwise(soft_distillation_loss, rng):
    values = some_logits(rng)
    return [
        soft_distillation_loss(*values, temperature=temperature, teacher_share=share)
        for temperature, share in ((1.0, 0.3), (5.0, 0.8), (2.0, 1.0))
    ]


@probe("soft_distillation_loss", "with large logits")
def softens_large_logits(soft_distillation_loss, rng):
    labels, *logits = some_logits(rng)
    return soft_distillation_loss(labels, *(100.0 * each for each in logits)) / 100.0

"""Visible checks of Lab 4, ViT: worked examples, properties, agreement with Keras and with `course.blocks`."""

import functools

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import check, expect, expect_close, expect_shape, fixed_normal, to_numpy
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    dropped,
    expect_no_dropout,
    expect_parts,
    expect_rate,
    expect_untouched,
    kept,
    predictable_dropout,
)
from course.checking.mistakes import (
    alike,
    attempt,
    expect_any_batch,
    expect_or_name_mistake,
    expect_other_shape,
    run_block,
    set_all,
)

BLOCK = (
    "attention_normalization",
    "attention",
    "mlp_normalization",
    "intermediate_dense",
    "output_dense",
)


def numbers(*shape):
    """0, 1, 2 ... in this shape."""
    return ops.convert_to_tensor(np.arange(np.prod(shape), dtype="float32").reshape(shape))


def linear(dense):
    """Whether a dense layer has no activation."""
    return dense.activation is keras.activations.linear


def rearranged(values, shape, order, result):
    return to_numpy(values).reshape(shape).transpose(order).reshape(result)


# --- patchify and unpatchify ------------------------------------------------------------------------------


@check("patchify")
def sixteen_pixels_in_four_patches(patchify):
    images = numbers(1, 4, 4, 1)
    right = np.array([[[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]])
    split = (1, 2, 2, 2, 2)
    mistakes = {
        "a patch is a strip of rows now: reshape to (batch, rows, patch_size, columns, patch_size, channels), and let "
        "axes change places before the last reshape": to_numpy(images).reshape(1, 4, 4),
        "the patches come column by column: they come row by row, as one reads": right[:, [0, 2, 1, 3]],
        "each patch is transposed: its pixels come row by row, too": right[:, :, [0, 2, 1, 3]],
        "a patch takes every second pixel: height splits into (rows, patch_size), in this order": rearranged(
            images, split, (0, 2, 4, 1, 3), (1, 4, 4)
        ),
    }
    found = patchify(images, 2)
    expect_other_shape(found, (1, 2, 2, 4), "the patches still stand in a grid: they are to be one sequence")
    sentence = "the pixels of a patch still stand in a square: each patch is to be one vector"
    expect_other_shape(found, (1, 4, 2, 2, 1), sentence)
    message = "the first patch of pixels 0 to 15 in rows of four is 0, 1, 4, 5"
    expect_or_name_mistake(found, right, message, mistakes)


@check("patchify")
def colours_stay_with_their_pixel(patchify):
    images, pieces = fixed_normal(2, 4, 6, 3), []
    for row in (0, 1):
        for column in (0, 1, 2):
            pieces.append(images[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2])
    right = np.stack([to_numpy(piece) for piece in pieces], axis=1)  # (batch, patches, y, x, channel)
    mistakes = {
        "each pixel keeps its channels together: channels are the last axis": right.transpose(
            0, 1, 4, 2, 3
        ).reshape(2, 6, 12),
        "each patch is transposed: its pixels come row by row, too": right.transpose(0, 1, 3, 2, 4).reshape(
            2, 6, 12
        ),
        "the patches come column by column: they come row by row": right[:, [0, 3, 1, 4, 2, 5]].reshape(
            2, 6, 12
        ),
    }
    found = attempt("colour images that are no squares do not work", patchify, images, 2)
    message = "two rows of three patches, each with 4 pixels of 3 channels"
    expect_shape(found, (2, 6, 12), message)
    expect_or_name_mistake(found, right.reshape(2, 6, 12), message, mistakes)
    expect_any_batch(lambda images: patchify(images, 2), images)


@check("unpatchify")
def four_patches_in_sixteen_pixels(unpatchify):
    patches = numbers(1, 4, 4)
    right = np.array([[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]], "float32").reshape(
        1, 4, 4, 1
    )
    mistakes = {
        "reshaping is not enough: rows of patches and rows of pixels must change places": to_numpy(patches)[
            ..., None
        ],
        "each patch is transposed: its pixels come row by row": rearranged(
            patches, (1, 2, 2, 2, 2), (0, 1, 4, 2, 3), (1, 4, 4, 1)
        ),
        "the patches are laid out column by column: they come row by row": rearranged(
            patches, (1, 2, 2, 2, 2), (0, 2, 3, 1, 4), (1, 4, 4, 1)
        ),
        "the pixels of a patch are scattered over the image: (row, y) belong together, in this order": rearranged(
            patches, (1, 2, 2, 2, 2), (0, 3, 1, 4, 2), (1, 4, 4, 1)
        ),
    }
    message = "the first row of the image is 0, 1 of the first patch and 4, 5 of the second"
    expect_or_name_mistake(unpatchify(patches, 2, (2, 2)), right, message, mistakes)


@check("unpatchify")
def undoes_patchify(unpatchify):
    images = fixed_normal(2, 4, 6, 3)
    found = unpatchify(blocks.patchify(images, 2), 2, (2, 3))
    expect_other_shape(found, (2, 6, 4, 3), "`grid` is (rows, columns): the image lies on its side now")
    right = to_numpy(images).reshape(2, 2, 2, 3, 2, 3)
    planes = rearranged(blocks.patchify(images, 2), (2, 2, 3, 3, 2, 2), (0, 1, 4, 2, 5, 3), (2, 4, 6, 3))
    turned = blocks.unpatchify(blocks.patchify(images, 2), 2, (3, 2))
    mistakes = {
        "a patch is read as channels first: each pixel has its channels together": planes,
        "`grid` is (rows, columns), and yours are exchanged": turned,
    }
    message = "two rows of three patches, 2 x 2 pixels of 3 channels each, do not come back as they were"
    expect_or_name_mistake(found, right.reshape(2, 4, 6, 3), message, mistakes)


# --- PatchEmbedding ---------------------------------------------------------------------------------------


@check("PatchEmbedding")
def one_dense_layer_for_all_patches(PatchEmbedding):
    layer, images = PatchEmbedding(2, 5), fixed_normal(2, 4, 6, 3)
    expect_shape(layer(images), (2, 6, 5), "one token for each patch, hidden_dim wide")
    set_all(layer, "projection_dense")
    dense, patches = layer.projection_dense, blocks.patchify(images, 2)
    expect_shape(dense.kernel, (12, 5), "the dense layer sees all 12 numbers of a patch")
    expect(dense.use_bias, "the dense layer must have a bias: leave `use_bias` as it is")
    expect(linear(dense), "there is an activation in the dense layer: the map is linear")
    right = ops.matmul(patches, dense.kernel) + dense.bias
    strips = ops.reshape(images, (2, 6, 12))
    mistakes = {
        "there is an activation after the dense layer: the map is linear": ops.relu(right),
        "the image is reshaped, not cut into patches: use `patchify`": ops.matmul(strips, dense.kernel)
        + dense.bias,
        "the result is multiplied by the root of the width: that was for words, in Lab 2": right * 5**0.5,
    }
    expect_or_name_mistake(
        layer(images), right, "the result is not projection_dense(patchify(images))", mistakes
    )


@check("PatchEmbedding")
def is_a_convolution_with_stride(PatchEmbedding):
    layer, images = PatchEmbedding(3, 4), fixed_normal(2, 6, 9, 2)
    layer(images)
    set_all(layer, "projection_dense")
    kernel = ops.reshape(layer.projection_dense.kernel, (3, 3, 2, 4))
    convolved = ops.conv(images, kernel, strides=3, padding="valid", data_format="channels_last")
    right = ops.reshape(convolved, (2, 6, 4)) + layer.projection_dense.bias
    expect_close(
        layer(images), right, "the result is not that of a convolution whose stride is the patch size"
    )


# --- ViTEmbedding -----------------------------------------------------------------------------------------


def embedding(ViTEmbedding, num_tokens=1):
    """A layer for 2 x 3 patches whose weights are filled, 4 wide."""
    layer = ViTEmbedding((4, 6), 2, 4, num_tokens=num_tokens)
    for name, rows in (("tokens", num_tokens), ("positions", num_tokens + 6)):
        weight = getattr(layer, name, None)
        expect(weight is not None, f"the layer needs `self.{name}`, made with `self.add_weight`")
        expect_shape(weight, (rows, 4), f"`self.{name}` with {num_tokens} learned tokens and 6 patches")
        expect(
            getattr(weight, "trainable", False), f"`self.{name}` is learned: it has to be a trainable weight"
        )
        weight.assign(fixed_normal(rows, 4, seed=rows))
    return layer


def joined(tokens, patches):
    tokens = to_numpy(tokens)
    return np.concatenate([np.broadcast_to(tokens, (len(patches), *tokens.shape)), to_numpy(patches)], axis=1)


@check("ViTEmbedding")
def tokens_first_then_patches_and_positions(ViTEmbedding):
    for count in (1, 2):
        layer, patches = embedding(ViTEmbedding, count), fixed_normal(3, 6, 4)
        tokens, positions = to_numpy(layer.tokens), to_numpy(layer.positions)
        right = joined(tokens, patches) + positions
        last = np.roll(joined(tokens, patches), -count, axis=1) + positions
        shifted = joined(tokens + positions[-count:], to_numpy(patches) + positions[:6])
        bare = joined(tokens, to_numpy(patches) + positions[count:])
        mistakes = {
            "the learned tokens come first, before the patches": last,
            "the positions are not added": joined(tokens, patches),
            "the learned tokens have positions, too: the first rows": bare,
            "the first rows of `positions` belong to the learned tokens, the others to the patches": shifted,
            "`self.tokens` is not used": joined(np.zeros_like(tokens), patches) + positions,
            "the positions are multiplied: they are added": joined(tokens, patches) * positions,
        }
        sentence = (
            f"with {count} learned tokens `place` stops: every picture needs a copy of all `self.tokens`"
        )
        found = attempt(sentence, layer.place, patches)
        expect_other_shape(
            found, (3, 6, 4), "where are the learned tokens? The sequence holds the patches alone"
        )
        expect_shape(found, (3, count + 6, 4), "the learned tokens and 6 patches")
        expect_or_name_mistake(found, right, f"with {count} learned tokens the result is off", mistakes)


@check("ViTEmbedding")
def works_from_images_to_tokens(ViTEmbedding):
    layer = embedding(ViTEmbedding)
    tokens = layer(fixed_normal(3, 4, 6, 2))
    expect_shape(tokens, (3, 7, 4), "6 patches and the class token")
    expect_any_batch(layer.place, fixed_normal(3, 6, 4))
    start = to_numpy(ViTEmbedding((4, 6), 2, 4).positions)
    expect(
        start.std() > 1e-3,
        "positions that begin all alike learn slowly: draw them, with `RandomNormal(0.02)`",
    )


# --- ViTBlock ---------------------------------------------------------------------------------------------


def normalized(x, layer, epsilon=1e-6):
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    x = centred / ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)
    return x * layer.gamma + layer.beta


def block_result(layer, inputs, *, activation=keras.activations.gelu, epsilon=1e-6, **mistake):
    """What the weights of a learner's block give, or with a mistake by name."""
    attend = lambda x: layer.attention(x)[0]  # noqa: E731
    first = functools.partial(normalized, layer=layer.attention_normalization, epsilon=epsilon)
    second = functools.partial(normalized, layer=layer.mlp_normalization, epsilon=epsilon)
    if mistake.get("one_norm"):
        second = first

    def think(x):
        wide = ops.matmul(x, layer.intermediate_dense.kernel) + layer.intermediate_dense.bias
        return ops.matmul(activation(wide), layer.output_dense.kernel) + layer.output_dense.bias

    if mistake.get("post"):
        x = first(inputs + attend(inputs))
        return second(x + think(x))
    path = {"normalized": first(inputs), "dropped": 0.0}.get(mistake.get("first_path"), inputs)
    x = path + attend(first(inputs))
    path = {"normalized": second(x), "dropped": 0.0, "input": inputs}.get(mistake.get("second_path"), x)
    return path + think(second(inputs if mistake.get("parallel") else x))


@kept
def filled_block(ViTBlock):
    """A block of width 6 with fixed weights."""
    layer = ViTBlock(2, 6, 9, dropout=0.3)
    expect_shape(run_block(layer, fixed_normal(2, 4, 6)), (2, 4, 6), "the shape stays")
    set_all(layer, *BLOCK)
    return layer


@check("ViTBlock")
def normalizes_first_and_adds(ViTBlock):
    layer, inputs = filled_block(ViTBlock), fixed_normal(2, 4, 6, scale=2.0)
    expect_shape(layer.intermediate_dense.kernel, (6, 9), "`intermediate_dense` is intermediate_dim wide")
    expect(
        linear(layer.output_dense),
        "`output_dense` has an activation: the GELU stands before it, and is the only one",
    )
    mistake = functools.partial(block_result, layer, inputs)
    mistakes = {
        "that is post-LN, as in Lab 2: normalize what each part reads, not the sum": mistake(post=True),
        "the block's input is not added to what the attention gives": mistake(first_path="dropped"),
        "what the MLP read before its normalization is not added to what it gives": mistake(
            second_path="dropped"
        ),
        "the normalized input is added: add the input itself": mistake(
            first_path="normalized", second_path="normalized"
        ),
        "the MLP reads the block's input: it reads the sum that the attention part gave": mistake(
            parallel=True
        ),
        "the activation is a ReLU: here it is a GELU": mistake(activation=ops.relu),
        "the activation is the tanh form of the GELU: here it is the exact one, Keras' `gelu`": mistake(
            activation=functools.partial(keras.activations.gelu, approximate=True)
        ),
        "there is no activation in the MLP: `intermediate_dense` has a GELU": mistake(activation=lambda x: x),
        "what is added at the end is the block's input: add the sum that the attention part gave": mistake(
            second_path="input"
        ),
        "one normalization serves for both: each part has its own": mistake(one_norm=True),
    }
    message = "the result is not x + attention(LN(x)), and to that the MLP of its LN added"
    expect_or_name_mistake(layer(inputs), mistake(), message, mistakes)


@check("ViTBlock")
def epsilon_is_small_and_dropout_used(ViTBlock):
    layer, inputs = ViTBlock(2, 6, 9, dropout=0.5), fixed_normal(7, 8, 6, scale=0.02)
    run_block(layer, inputs)
    set_all(layer, *BLOCK)
    coarse = block_result(layer, inputs, epsilon=1e-3)
    mistakes = {"epsilon is Keras' default of 1e-3, which swallows small activations: give 1e-6": coarse}
    expect_or_name_mistake(
        layer(inputs),
        block_result(layer, inputs),
        "small activations are not normalized to variance 1: which epsilon have the normalizations?",
        mistakes,
    )
    for part, value in ((layer.attention.output_dense, 1.0), (layer.output_dense, 4.0)):
        part.kernel.assign(ops.zeros(part.kernel.shape))
        part.bias.assign(value * ops.ones(part.bias.shape))
    added = to_numpy(layer(inputs, training=True) - inputs)
    expect(
        not alike(added, np.full_like(added, 5.0)), "nothing is dropped in training: is `self.dropout` used?"
    )
    fine = np.any([np.isclose(added, value, atol=1e-3) for value in (0, 2, 8, 10)], axis=0)
    expect(
        fine.all(), "dropout belongs on what the attention gives and on what the MLP gives, before each sum"
    )
    expect(np.isclose(added, 2, atol=1e-3).any(), "what the MLP gives is not dropped")
    expect(np.isclose(added, 8, atol=1e-3).any(), "what the attention gives is not dropped")


# --- VisionTransformer ------------------------------------------------------------------------------------


@kept
def small_model(VisionTransformer, num_classes=5, **options):
    """A model for 2 x 3 patches, 4 wide, with filled weights."""
    model, images = VisionTransformer((4, 6), 2, 1, 2, 4, 7, num_classes, **options), fixed_normal(3, 4, 6, 2)
    model(images)
    parts = ("embedding", "encoder")
    if num_classes:
        parts += ("head",)
        kernel = getattr(model.head, "kernel", None)
        if kernel is not None:
            sentence = "the head begins as zeros: give it `kernel_initializer='zeros'`"
            expect(not to_numpy(kernel).any(), sentence)
    set_all(model, *parts)
    return model, images


@check("VisionTransformer")
def head_reads_the_class_token(VisionTransformer):
    model, images = small_model(VisionTransformer, dropout=0.3)
    expect(linear(model.head), "the head has an activation: it gives logits")
    tokens = model.encode(images)
    expect_shape(tokens, (3, 7, 4), "`encode` gives all tokens: 6 patches and the class token")
    mean = ops.mean(tokens[:, 1:], axis=1)
    mistakes = {
        "the head reads the mean of the patches although `pooling` is 'token'": model.head(mean),
        "the head reads the last token: the class token is the first": model.head(tokens[:, -1]),
        "the head reads the mean of all tokens": model.head(ops.mean(tokens, axis=1)),
        "the result went through a softmax: give logits": ops.softmax(model.head(tokens[:, 0])),
    }
    found = model(images)
    expect_other_shape(found, (3, 7, 5), "the head answers for every token: an image has one class")
    expect_or_name_mistake(
        found, model.head(tokens[:, 0]), "the result is not the head of the class token", mistakes
    )


@check("VisionTransformer")
def mean_pooling_leaves_learned_tokens_out(VisionTransformer):
    model, images = small_model(VisionTransformer, pooling="mean", num_tokens=2)
    tokens = model.encode(images)
    expect_shape(tokens, (3, 8, 4), "6 patches and 2 learned tokens: does `num_tokens` reach the embedding?")
    mistakes = {
        "the learned tokens are averaged, too: leave the first `num_tokens` out": model.head(
            ops.mean(tokens, axis=1)
        ),
        "with two learned tokens, two are to be left out": model.head(ops.mean(tokens[:, 1:], axis=1)),
        "`pooling` is not used: with 'mean' the head reads the mean of the patches": model.head(tokens[:, 0]),
    }
    right = model.head(ops.mean(tokens[:, 2:], axis=1))
    expect_or_name_mistake(
        model(images), right, "with pooling='mean' the head reads the mean of the patches", mistakes
    )
    expect_gradients(lambda: model(images), model)
    bare, _ = small_model(VisionTransformer, num_classes=None)
    expect_close(bare(images), bare.encode(images)[:, 0], "without a head the result is what it would read")


@check("VisionTransformer")
def tokens_pass_dropout_and_encoder(VisionTransformer):
    model, images = small_model(VisionTransformer, dropout=0.5)
    blocks_of, sentence = (
        model.encoder.blocks,
        "`ViTEncoder` takes layers, heads, width, middle, in this order",
    )
    expect(len(blocks_of) == 1 and blocks_of[0].attention.num_heads == 2, sentence)
    expect_shape(blocks_of[0].intermediate_dense.kernel, (4, 7), sentence)
    right = model.encoder(model.embedding(images))
    expect_close(model.encode(images), right, "`encode` is the encoder of the embedded image")
    seen, run = [], model.encoder.call
    model.encoder.call = lambda x, **options: (seen.append(to_numpy(x)), run(x, **options))[1]
    drop = model.dropout.call
    model.dropout.call = lambda x, training=None: drop(x, training=True)
    model.encode(images)
    sentence = "there is no dropout between embedding and encoder: pass the tokens through `self.dropout`"
    expect((seen[0] == 0).any(), sentence)
    expect(model.encoder.blocks[0].dropout.rate == 0.5, "`dropout` does not reach the encoder")


# --- interpolate_positions --------------------------------------------------------------------------------


@check("interpolate_positions")
def between_two_comes_their_mean(interpolate_positions):
    # One row of two patches, 0 and 4, becomes one of four: 0, 1, 3, 4. The class token, 9, stays.
    positions = ops.convert_to_tensor(np.array([[9.0], [0.0], [4.0]], "float32"))
    found = attempt(
        "it stops with one learned token and one row of two patches: put the first `num_tokens` rows aside before the rest "
        "becomes a picture",
        interpolate_positions,
        positions,
        (1, 2),
        (1, 4),
    )
    mistakes = {
        "each new position copies the nearest old one: interpolate between them": np.array([9, 0, 0, 4, 4])[
            :, None
        ],
        "the learned token stays in front, yours stands at the end": np.array([0, 1, 3, 4, 9])[:, None],
    }
    expect_other_shape(found, (4, 1), "the row of the learned token is lost: it stays in front")
    expect_shape(found, (5, 1), "the learned token and four patches")
    message = "positions 0 and 4 stretched to four patches are 0, 1, 3, 4, behind the learned token's 9"
    expect_or_name_mistake(found, np.array([[9.0], [0.0], [1.0], [3.0], [4.0]]), message, mistakes)


@check("interpolate_positions")
def a_smaller_grid_is_not_smoothed(interpolate_positions):
    positions, old, new = fixed_normal(1 + 15, 3), (5, 3), (3, 3)
    grid = ops.reshape(positions[1:], (1, *old, 3))
    smooth = ops.image.resize(grid, new, antialias=True, data_format="channels_last")
    smooth = ops.concatenate([positions[:1], ops.reshape(smooth, (-1, 3))], axis=0)
    found = attempt("a grid cannot become smaller", interpolate_positions, positions, old, new)
    expect_shape(found, (10, 3), "the learned token and 3 x 3 patches")
    right = blocks.interpolate_positions(positions, old, new)
    message = "a grid of 5 x 3 does not become one of 3 x 3 as Keras resizes images"
    expect_or_name_mistake(found, right, message, {"the picture is smoothed: leave `antialias` out": smooth})


@check("interpolate_positions")
def stretches_rows_and_columns(interpolate_positions):
    positions, old, new = fixed_normal(2 + 6, 3), (2, 3), (5, 4)
    right = blocks.interpolate_positions(positions, old, new, 2)

    def resized(image, size, kind):
        image = ops.image.resize(image, size, interpolation=kind, data_format="channels_last")
        return ops.concatenate([positions[:2], ops.reshape(image, (-1, 3))], axis=0)

    grid, line = ops.reshape(positions[2:], (1, *old, 3)), ops.reshape(positions[2:], (1, 1, 6, 3))
    rear = ops.concatenate([positions[-2:], positions[:-2]], axis=0)
    mistakes = {
        "rows and columns have changed places: a grid is (rows, columns)": blocks.interpolate_positions(
            positions, old[::-1], new[::-1], 2
        ),
        "the interpolation is nearest neighbour: take bilinear": resized(grid, new, "nearest"),
        "the interpolation is bicubic: take bilinear": resized(grid, new, "bicubic"),
        "the positions are stretched as a line: make a grid of them, and stretch both sides": resized(
            line, (1, 20), "bilinear"
        ),
        "the learned tokens have the first rows, not the last": blocks.interpolate_positions(
            rear, old, new, 2
        ),
    }
    found = attempt(
        "two learned tokens do not work: use `num_tokens`", interpolate_positions, positions, old, new, 2
    )
    expect_shape(found, (22, 3), "two learned tokens and 5 x 4 patches: is `num_tokens` used?")
    expect_or_name_mistake(
        found, right, "a grid of 2 x 3 does not become one of 5 x 4 as Keras resizes images", mistakes
    )


# --- attention_rollout ------------------------------------------------------------------------------------


@check("attention_rollout")
def two_tokens_and_one_layer(attention_rollout):
    heads = np.array([[[[1, 0], [0, 1]], [[0, 1], [0, 1]]]], "float32")  # (batch, heads, query, key)
    found = attention_rollout([ops.convert_to_tensor(heads)])
    expect_shape(found, (1, 2, 2), "(batch, length, length): the heads are averaged")
    right = np.array([[[0.75, 0.25], [0.0, 1.0]]])
    mistakes = {
        "the residual connection is left out: half of each token stays itself": heads.mean(axis=1),
        "the identity is added in full: take half of it and half of the attention": 2 * right,
        "of the heads the strongest is taken: take their mean": 0.5 * heads.max(axis=1) + 0.5 * np.eye(2),
        "the heads are summed: take their mean": 0.5 * heads.sum(axis=1) + 0.5 * np.eye(2),
        "a row belongs to a query: yours is transposed": right.transpose(0, 2, 1),
    }
    message = "heads [[1, 0], [0, 1]] and [[0, 1], [0, 1]] have the mean [[0.5, 0.5], [0, 1]], half of it is identity"
    expect_or_name_mistake(found, right, message, mistakes)


@check("attention_rollout")
def follows_all_layers_in_order(attention_rollout):
    layers = [ops.softmax(fixed_normal(2, 3, 5, 5, seed=seed, scale=2.0), axis=-1) for seed in range(3)]
    mixed = [0.5 * to_numpy(weights).mean(axis=1) + 0.5 * np.eye(5) for weights in layers]
    mistakes = {
        "the layers are multiplied in the wrong order: the later layer stands on the left": mixed[0]
        @ mixed[1]
        @ mixed[2],
        "the layers are averaged: multiply them": np.mean(mixed, axis=0),
        "multiply the layers as matrices, with `ops.matmul`": mixed[0] * mixed[1] * mixed[2],
        "take the mean of the heads in each layer, before you multiply": functools.reduce(
            lambda done, weights: (0.5 * to_numpy(weights) + 0.5 * np.eye(5)) @ done, layers, np.eye(5)
        ).mean(axis=1),
        "half of the identity is due in each layer, not once at the end": 0.5 * np.eye(5)
        + 0.5
        * functools.reduce(lambda done, weights: to_numpy(weights).mean(axis=1) @ done, layers, np.eye(5)),
        "only the last layer counts: follow all of them": mixed[2],
        "only the first layer counts: follow all of them": mixed[0],
    }
    found = attention_rollout(layers)
    expect_or_name_mistake(
        found, mixed[2] @ mixed[1] @ mixed[0], "through three layers the product is off", mistakes
    )
    expect_close(ops.sum(found, axis=-1), 1.0, "each row sums to 1")


# --- hard_distillation_loss and soft_distillation_loss ----------------------------------------------------

LABELS = np.array([2, 0, 1], "int32")


def logits():
    """Of class head, distillation head and teacher; the teacher disagrees with the labels on one image."""
    teacher = np.array([[0.0, 1.0, 3.0, 0.5], [0.2, 2.5, 0.1, 1.0], [1.0, 2.0, 0.0, -1.0]], "float32")
    return (
        fixed_normal(3, 4, scale=2.0),
        fixed_normal(3, 4, seed=1, scale=2.0),
        ops.convert_to_tensor(teacher),
    )


def crossed(wanted, answers):
    """Cross-entropy of logits against labels, or against probabilities."""
    wanted = np.eye(4)[wanted] if np.ndim(wanted) == 1 else wanted
    return -np.mean(np.sum(wanted * to_numpy(ops.log_softmax(answers, axis=-1)), axis=-1))


@check("hard_distillation_loss")
def each_head_has_its_own_teacher(hard_distillation_loss):
    own, taught, teacher = logits()
    decided = np.array([2, 1, 1])
    right = 0.5 * crossed(LABELS, own) + 0.5 * crossed(decided, taught)
    both = (own + taught) / 2
    mistakes = {
        "the heads have changed places: the class head learns the labels": 0.5 * crossed(LABELS, taught)
        + 0.5 * crossed(decided, own),
        "the two parts are added in full: each counts half": 2 * right,
        "both parts read the class head: the teacher speaks to the distillation head": 0.5
        * crossed(LABELS, own)
        + 0.5 * crossed(decided, own),
        "both heads learn the labels: the second learns the teacher's likeliest class": 0.5
        * crossed(LABELS, own)
        + 0.5 * crossed(LABELS, taught),
        "the teacher's probabilities are learned: here only its likeliest class counts": 0.5
        * crossed(LABELS, own)
        + 0.5 * crossed(to_numpy(ops.softmax(teacher)), taught),
        "the labels are not used: half of the loss is theirs": crossed(decided, taught),
        "the student decides there: the teacher's likeliest class is what the distillation head learns": 0.5
        * crossed(LABELS, own)
        + 0.5 * crossed(to_numpy(taught).argmax(axis=-1), teacher),
        "the mean of both heads is taken first: each head has its own loss": 0.5 * crossed(LABELS, both)
        + 0.5 * crossed(decided, both),
    }
    found = attempt(
        "it stops: `cross_entropy` takes the numbers of classes first, (batch,), and `ops.argmax(..., axis=-1)` "
        "makes them of the teacher's logits",
        hard_distillation_loss,
        ops.convert_to_tensor(LABELS),
        own,
        taught,
        teacher,
    )
    expect_shape(found, (), "one number for the whole batch")
    expect_or_name_mistake(found, right, "the loss is not half labels, half teacher's decisions", mistakes)


@check("soft_distillation_loss")
def softens_both_sides(soft_distillation_loss):
    own, taught, teacher = logits()

    def divergence(p, q):
        p, q = to_numpy(ops.log_softmax(p)), to_numpy(ops.log_softmax(q))
        return np.mean(np.sum(np.exp(p) * (p - q), axis=-1))

    heat, share = 3.0, 0.3
    first, kl = crossed(LABELS, own), divergence(teacher / heat, taught / heat)
    right = (1 - share) * first + share * heat**2 * kl

    def with_taught(part):
        return (1 - share) * first + share * part

    mistakes = {
        "the factor temperature ** 2 is missing": with_taught(kl),
        "the factor is temperature ** 2, not the temperature": with_taught(heat * kl),
        "no logits are divided by the temperature: divide the teacher's and the distillation head's": with_taught(
            heat**2 * divergence(teacher, taught)
        ),
        "the labels' part is softened, too: the temperature is for the teacher's part alone": (1 - share)
        * crossed(LABELS, own / heat)
        + share * heat**2 * kl,
        "the sign of the divergence is turned: it is log p - log q": with_taught(-(heat**2) * kl),
        "divide the logits by the temperature, do not multiply": with_taught(
            heat**2 * divergence(teacher * heat, taught * heat)
        ),
        "the temperature ** 2 belongs to the teacher's part alone": heat**2
        * ((1 - share) * first + share * kl),
        "the teacher's logits are not divided by the temperature": with_taught(
            heat**2 * divergence(teacher, taught / heat)
        ),
        "the student's logits are not divided by the temperature": with_taught(
            heat**2 * divergence(teacher / heat, taught)
        ),
        "teacher and student have changed places in the divergence: p is the teacher's": with_taught(
            heat**2 * divergence(taught / heat, teacher / heat)
        ),
        "the shares have changed places": share * first + (1 - share) * heat**2 * kl,
        "the heads have changed places: the class head learns the labels": (1 - share)
        * crossed(LABELS, taught)
        + share * heat**2 * divergence(teacher / heat, own / heat),
        "that is the cross-entropy with the teacher: subtract the teacher's own entropy": with_taught(
            heat**2 * crossed(to_numpy(ops.softmax(teacher / heat)), taught / heat)
        ),
        "the divergence is a sum over the classes, not their mean": with_taught(heat**2 * kl / 4),
        "the divergence is summed over the batch: take the mean": with_taught(heat**2 * kl * 3),
    }
    arguments = (ops.convert_to_tensor(LABELS), own, taught, teacher)
    found = soft_distillation_loss(*arguments, temperature=heat, teacher_share=share)
    expect_shape(found, (), "one number for the whole batch")
    expect_or_name_mistake(found, right, "with temperature 3 and a share of 0.3 the loss is off", mistakes)


@check("soft_distillation_loss")
def nothing_to_learn_from_oneself(soft_distillation_loss):
    own, taught, _ = logits()
    found = soft_distillation_loss(ops.convert_to_tensor(LABELS), own, taught, taught, teacher_share=1.0)
    expect_close(found, 0.0, "a student that equals its teacher has a divergence of 0")


# --- what learning needs ----------------------------------------------------------------------------------


@check("patchify")
def patchify_lets_gradients_through(patchify):
    expect_gradients(lambda images: patchify(images, 2), images=fixed_normal(2, 4, 6, 3))


@check("unpatchify")
def unpatchify_lets_gradients_through(unpatchify):
    patches = fixed_normal(2, 2, 27)
    expect_gradients(lambda patches: unpatchify(patches, 3, (1, 2)), patches=patches)
    sentence = "patches of 3 x 3 pixels with 3 channels do not come back: a patch holds patch_size ** 2 * channels numbers"
    expect_close(unpatchify(patches, 3, (1, 2)), blocks.unpatchify(patches, 3, (1, 2)), sentence)


@check("PatchEmbedding")
def patch_embedding_can_be_trained(PatchEmbedding):
    layer, images = PatchEmbedding(2, 5), fixed_normal(2, 4, 6, 3)
    layer(images)
    set_all(layer, "projection_dense")
    expect_parts(layer, "projection_dense", weights=12 * 5 + 5)
    expect_gradients(layer, layer, images=images)
    expect_no_dropout(layer, images)
    expect_any_batch(layer, images)


@check("ViTEmbedding")
def vit_embedding_can_be_trained(ViTEmbedding):
    layer, images = embedding(ViTEmbedding, 2), fixed_normal(3, 4, 6, 2)
    layer(images)
    set_all(layer, "patch_embedding")
    expect_parts(layer, "patch_embedding", weights=8 * 4 + 4 + 2 * 4 + 8 * 4)
    expect_gradients(layer, layer, images=images)
    expect_gradients(layer.place, patches=fixed_normal(3, 6, 4))
    expect_no_dropout(layer, images)
    begin = to_numpy(ViTEmbedding((4, 6), 2, 4).tokens)
    expect(np.abs(begin).max() < 0.2, "`self.tokens` begin large: let them begin as zeros, or near 0")


@check("ViTBlock")
def vit_block_can_be_trained(ViTBlock):
    layer, inputs = filled_block(ViTBlock), fixed_normal(2, 4, 6)
    expect_parts(layer, *BLOCK, weights=168 + 6 * 9 + 9 + 9 * 6 + 6 + 24)
    expect_gradients(layer, layer, inputs=inputs)
    with predictable_dropout():
        found = layer(inputs, training=True)
    attended = layer.attention(normalized(inputs, layer.attention_normalization))[0]

    def think(x, middle=lambda wide: wide):
        wide = ops.matmul(normalized(x, layer.mlp_normalization), layer.intermediate_dense.kernel)
        wide = middle(keras.activations.gelu(wide + layer.intermediate_dense.bias, approximate=False))
        return ops.matmul(wide, layer.output_dense.kernel) + layer.output_dense.bias

    def drop(x):
        return dropped(x, 0.3)

    def whole(x):
        return dropped(x, 0.3, (None, None, 1))

    y = inputs + drop(attended)
    bare = inputs + attended
    mistakes = {
        "dropout falls after the GELU alone: it belongs on what the attention and the MLP give": bare
        + think(bare, drop),
        "there is a third dropout, after the GELU: two are due, each just before its sum": y
        + drop(think(y, drop)),
        "nothing is dropped in training: is `self.dropout` used?": bare + think(bare),
        "whole tokens are dropped: drop single numbers": inputs
        + whole(attended)
        + whole(think(inputs + whole(attended))),
        "what the attention gives is not dropped": bare + drop(think(bare)),
        "what the MLP gives is not dropped": y + think(y),
    }
    message = "in training dropout belongs on what the attention gives and on what the MLP gives, single numbers, once"
    expect_or_name_mistake(found, y + drop(think(y)), message, mistakes)


@check("VisionTransformer")
def vision_transformer_can_be_trained(VisionTransformer):
    model, images = small_model(VisionTransformer, dropout=0.3)
    embedding, block = 8 * 4 + 4 + 4 + 7 * 4, 4 * (4 * 4 + 4) + 4 * 7 + 7 + 7 * 4 + 4 + 2 * 8
    expect_parts(model, "embedding", "encoder", "head", weights=embedding + block + 8 + 4 * 5 + 5)
    again = "two calls differ outside training: Keras switches dropout on and off, so leave `training` to it"
    expect_close(model(images), to_numpy(model(images)), again)
    expect_gradients(model, model, images=images)
    expect_rate(model, 0.3, "dropout", "encoder")
    with predictable_dropout():
        expect_close(model(images), model.head(model.encoder(model.embedding(images))[:, 0]), again)
        found = model(images, training=True)
        tokens = model.encoder(dropped(model.embedding(images), 0.3), training=True)
        bare = model.encoder(model.embedding(images), training=True)
    missing = "the tokens are not dropped before the encoder: pass them through `self.dropout`"
    mistakes = {missing: model.head(bare[:, 0])}
    message = "in training the logits are not those of the parts: one dropout, between embedding and encoder"
    expect_or_name_mistake(found, model.head(tokens[:, 0]), message, mistakes)


@check("attention_rollout")
def leaves_the_list_alone(attention_rollout):
    layers = [ops.softmax(fixed_normal(2, 3, 5, 5, seed=seed), axis=-1) for seed in range(3)]
    first = to_numpy(expect_untouched(attention_rollout, attentions=layers))
    expect_close(attention_rollout(layers), first, "a second call with the same list gives something else")


@check("hard_distillation_loss")
def hard_distillation_loss_trains_both_heads(hard_distillation_loss):
    own, taught, teacher = logits()
    labels = ops.convert_to_tensor(LABELS)
    expect_gradients(
        lambda own, taught: hard_distillation_loss(labels, own, taught, teacher),
        class_logits=own,
        distillation_logits=taught,
    )


@check("soft_distillation_loss")
def soft_distillation_loss_trains_both_heads(soft_distillation_loss):
    own, taught, teacher = logits()
    labels = ops.convert_to_tensor(LABELS)
    expect_gradients(
        lambda own, taught: soft_distillation_loss(labels, own, taught, teacher, 2.0, 0.3),
        class_logits=own,
        distillation_logits=taught,
    )

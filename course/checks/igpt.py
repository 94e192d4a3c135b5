"""Visible checks of Lab 5, iGPT: worked examples, properties, agreement with Keras and `course.blocks`."""

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import check, expect, expect_boolean, expect_close, expect_shape, fixed_normal, to_numpy
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    expect_fresh,
    expect_no_dropout,
    expect_parts,
    expect_untouched,
    kept,
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


def integers(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="int32"))


def some_tokens(colours, *shape, seed=0):
    """Integers below `colours`, fixed and uneven."""
    return integers(np.random.default_rng([seed, *shape]).integers(0, colours, size=shape))


# --- quantize and dequantize ------------------------------------------------------------------------------


@check("quantize")
def finds_the_nearest_colour(quantize):
    palette = np.array(
        [[-1, -1, -1], [1, 1, 1], [1, -0.8, -0.6], [-0.6, 0.9, 0.8], [0.2, 0, -0.1]], "float32"
    )
    images = np.array([[[[0.9, 0.8, 1.0], [0.5, -0.5, -1.0], [0.3, 0.2, 0.1]]]], "float32")
    images = np.concatenate([images, fixed_normal(1, 1, 3, 3, seed=4)])
    differences = images[..., None, :] - palette
    squares = (differences**2).sum(axis=-1)
    found = quantize(ops.convert_to_tensor(images), palette)
    expect(
        tuple(getattr(found, "shape", ())) != (2, 1, 3, 3),
        "one number for each pixel is wanted: not its colour, and not a number for each channel",
    )
    expect_shape(found, (2, 1, 3), "(batch, height, width): one number for each pixel")
    mistakes = {
        "the farthest colour is chosen: where is the distance smallest?": squares.argmax(axis=-1),
        "only the first channel is compared: sum over all channels": (differences[..., 0] ** 2).argmin(
            axis=-1
        ),
        "differences cancel each other out: square them before you sum over the channels": (
            differences.sum(axis=-1) ** 2
        ).argmin(axis=-1),
        "the largest dot product is not the nearest colour: take squared differences": (
            images @ palette.T
        ).argmax(axis=-1),
    }
    expect_or_name_mistake(
        found, squares.argmin(axis=-1), "these are not the nearest of five colours", mistakes
    )
    expect("int" in str(found.dtype), "the numbers of colours are to be integers")


@check("quantize")
def measures_by_squares(quantize):
    palette = np.array(
        [[0.6, 0.6], [1.0, 0.0]], "float32"
    )  # from 0, 0: squares .72 and 1, absolutes 1.2 and 1
    found = quantize(ops.zeros((1, 2, 3, 2)), palette)
    message = "the distance sums squares, not absolute values: 0.6, 0.6 is nearer to 0, 0 than 1, 0 is"
    expect_close(found, np.zeros((1, 2, 3)), message)


@check("dequantize")
def looks_up_and_stretches(dequantize):
    palette = np.array([[-1.0, 0.5], [0.21, 1.0], [-0.334, -0.72]], "float32")
    tokens = np.array([[[0, 1, 2], [2, 2, 0]]], "int32")
    chosen = palette[tokens]
    found = dequantize(integers(tokens), palette)
    sentence = "the channels are lost: `ops.take` needs `axis=0` to look up whole colours"
    expect_other_shape(found, (1, 2, 3), sentence)
    expect_shape(found, (1, 2, 3, 2), "(batch, height, width, channels): a colour for each pixel")
    mistakes = {
        "the colours still lie between -1 and 1: stretch them to 0 to 255": chosen,
        "the palette runs from -1 to 1, not from 0: add 1 first": np.clip(np.rint(255 * chosen), 0, 255),
        "first add 1 to the colour, then multiply the sum by 127.5": (
            np.rint(127.5 * chosen + 1).astype("int64") % 256
        ),
        "the cast to `uint8` cuts off what stands behind the point: round before": np.floor(
            127.5 * (chosen + 1)
        ),
        "the factor is 127.5, not 255: from -1 to 1 there are two steps": np.rint(255 * (chosen + 1)).astype(
            "int64"
        )
        % 256,
        "127.5 is the factor that takes -1 to 0 and 1 to 255": np.rint(127 * (chosen + 1)),
        "the numbers themselves became greys: look them up in the palette": np.rint(
            tokens[..., None] * 127.5 + np.zeros(2)
        ),
    }
    expect_or_name_mistake(
        found, np.rint(127.5 * (chosen + 1)), "the colours are not 127.5 * (c + 1)", mistakes
    )


@check("dequantize")
def gives_bytes(dequantize):
    found = dequantize(integers([[[1, 0]]]), np.array([[-1.0], [1.0]], "float32"))
    kind = str(getattr(found, "dtype", type(found).__name__)).removeprefix("<dtype: '").removesuffix("'>")
    expect("uint8" in kind, f"pictures hold bytes: cast to `uint8` at the end (found {kind})")
    expect_close(found, np.array([[[[255], [0]]]]), "1 becomes 255 and -1 becomes 0")


# --- image_to_sequence ------------------------------------------------------------------------------------


@check("image_to_sequence")
def reads_row_by_row(image_to_sequence):
    pixels = fixed_normal(2, 3, 4, 5)
    found = image_to_sequence(pixels)
    expect_shape(found, (2, 12, 5), "(batch, height * width, hidden_dim)")
    rows = ops.reshape(pixels, (2, 12, 5))
    columns = ops.reshape(ops.transpose(pixels, (0, 2, 1, 3)), (2, 12, 5))
    late = ops.concatenate([ops.zeros((2, 1, 5)), rows[:, :-1]], axis=1)
    mistakes = {
        "pixels are read column by column: read row by row": columns,
        "without `start` nothing is shifted: place i holds pixel i": late,
    }
    expect_or_name_mistake(found, rows, "without `start`, pixels stand in reading order", mistakes)


@check("image_to_sequence")
def comes_one_step_late_with_start(image_to_sequence):
    pixels, start = fixed_normal(2, 3, 4, 5), fixed_normal(5, seed=1)
    rows, first = ops.reshape(pixels, (2, 12, 5)), ops.broadcast_to(start, (2, 1, 5))
    found = attempt(
        "it stops if there is a `start`. That is one vector, (hidden_dim,): every picture needs a copy of it, and "
        "`start is not None` asks whether there is one",
        image_to_sequence,
        pixels,
        start,
    )
    expect(
        tuple(getattr(found, "shape", ())) != (2, 13, 5),
        "there is one place too many: `start` comes first, and the last pixel is dropped",
    )
    expect_shape(found, (2, 12, 5), "as many places as pixels: `start` comes in, the last pixel goes")
    beside = ops.concatenate([first[:, None] + ops.zeros((2, 3, 1, 5)), pixels[:, :, :-1]], axis=2)
    mistakes = {
        "nothing is shifted: with `start`, place 0 holds `start` and place 1 the first pixel": rows,
        "the first pixel is lost: `start` stands before it, not in its place": ops.concatenate(
            [first, rows[:, 1:]], axis=1
        ),
        "`start` stands at the end: it comes first": ops.concatenate([rows[:, 1:], first], axis=1),
        "`start` is added to the pixels: it is one more vector in front of them": rows + start,
        "the last pixel comes round to the front: there `start` belongs": ops.roll(rows, 1, axis=1),
        "the shift is a whole row: it is one pixel": ops.concatenate(
            [ops.broadcast_to(start, (2, 4, 5)), rows[:, :-4]], axis=1
        ),
        "each row is shifted for itself: shift the whole sequence once": ops.reshape(beside, (2, 12, 5)),
    }
    wanted = ops.concatenate([first, rows[:, :-1]], axis=1)
    expect_or_name_mistake(found, wanted, "place 0 is to hold `start`, place i pixel i - 1", mistakes)
    expect_any_batch(lambda pixels: image_to_sequence(pixels, start), pixels)


# --- RMSNorm ----------------------------------------------------------------------------------------------


def normed(x, scale, epsilon=1e-5):
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + epsilon) * scale


@check("RMSNorm")
def agrees_with_keras(RMSNorm):
    layer, x = RMSNorm(), fixed_normal(2, 3, 5) + 0.7
    layer(x)
    expect(len(layer.weights) == 1, "there is one weight, `scale`: nothing is added afterwards")
    layer.scale.assign(fixed_normal(5, seed=1))
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    across = ops.mean(ops.square(x), axis=1, keepdims=True)
    root = ops.rsqrt(mean_square + 1e-5)
    mistakes = {
        "no mean is subtracted here: that is what sets this norm apart from layer normalization": normed(
            x - ops.mean(x, axis=-1, keepdims=True), layer.scale
        ),
        "divide by the root of the mean square: the root is missing": x / (mean_square + 1e-5) * layer.scale,
        "`ops.rsqrt` is one over the root already: multiply by it": x / root * layer.scale,
        "a variance subtracts the mean first: here it is the plain mean of the squares": x
        * ops.rsqrt(ops.var(x, axis=-1, keepdims=True) + 1e-5)
        * layer.scale,
        "take the mean of the squares, not their sum": x * root * layer.scale / 5**0.5,
        "`scale` is not used": x * root,
        "`scale` is a factor: multiply by it": x * root + layer.scale,
        "the mean runs over the positions: it runs over the channels of each, the last axis": x
        * ops.rsqrt(across + 1e-5)
        * layer.scale,
    }
    wanted = ops.rms_normalization(x, layer.scale, axis=-1, epsilon=1e-5)
    expect_or_name_mistake(layer(x), wanted, "the result is not that of Keras' RMS normalization", mistakes)


@check("RMSNorm")
def epsilon_stands_under_the_root(RMSNorm):
    layer, x = RMSNorm(epsilon=0.01), fixed_normal(2, 3, 5, scale=0.05)
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    mistakes = {
        "`epsilon` is added to the mean square, before the root": x / (ops.sqrt(mean_square) + 0.01),
        "`self.epsilon` is not used": normed(x, 1.0),
        "there is no epsilon": normed(x, 1.0, 0.0),
    }
    expect_or_name_mistake(layer(x), normed(x, 1.0, 0.01), "small inputs come out wrong", mistakes)
    expect_close(layer(ops.zeros((1, 2, 5))), 0.0, "zeros stay zeros: nothing may be divided by 0")


# --- PixelBlock -------------------------------------------------------------------------------------------

PARTS = (
    "attention_normalization",
    "attention",
    "feed_forward_normalization",
    "intermediate_dense",
    "output_dense",
)


@check("PixelBlock")
def has_no_biases(PixelBlock):
    layer = PixelBlock(2, 6)
    expect_shape(run_block(layer, fixed_normal(2, 4, 6)), (2, 4, 6), "the width stays")
    for name in PARTS:
        expect(getattr(layer, name, None) is not None, f"the layer needs `self.{name}`, see its docstring")
    expect(not layer.attention.use_bias, "the attention has biases: make it with `use_bias=False`")
    for name in ("intermediate_dense", "output_dense"):
        expect(not getattr(layer, name).use_bias, f"`self.{name}` has a bias: give it `use_bias=False`")
    wide = layer.intermediate_dense.kernel
    expect_shape(wide, (6, 24), "`intermediate_dense` is four times as wide as the block")
    sentence = "`output_dense` has an activation: `quick_gelu` stands before it, and is the only one"
    expect(layer.output_dense.activation is keras.activations.linear, sentence)
    x = fixed_normal(2, 4, 6) + 0.7
    for name in ("attention_normalization", "feed_forward_normalization"):
        norm = getattr(layer, name)
        expect(len(norm.weights) == 1, f"`self.{name}` is to be your `RMSNorm`, which has one weight")
        expect_close(norm(x), normed(x, 1.0), f"`self.{name}` is to be your `RMSNorm`, with its own epsilon")


@check("PixelBlock")
def looks_then_thinks(PixelBlock):
    layer, x = PixelBlock(2, 6), fixed_normal(2, 4, 6)
    layer(x)
    set_all(layer, *PARTS)
    look, first, second = layer.attention, layer.attention_normalization, layer.feed_forward_normalization

    def act(x):
        return x * ops.sigmoid(1.702 * x)

    def think(x, activation=act):
        return layer.output_dense(activation(ops.matmul(x, layer.intermediate_dense.kernel)))

    for name, mask in (("no mask", None), ("a causal mask", blocks.causal_mask(4))):

        def attend(x, mask=mask):
            return look(x, attention_mask=mask)[0]

        y = x + attend(first(x))
        blind = x + look(first(x))[0]
        after = first(x + attend(x))
        plain = first(x) + attend(first(x))
        mistakes = {
            "the mask does not reach the attention": blind + think(second(blind)),
            "the norms come after the sums: each part is to read normalized inputs": second(
                after + think(after)
            ),
            "the normalized input is added: add the input itself": second(plain) + think(second(plain)),
            "where is the activation? `quick_gelu` stands between the dense layers": y
            + think(second(y), lambda x: x),
            "the activation is a ReLU: here it is `quick_gelu`": y + think(second(y), ops.relu),
            "the activation is a SiLU: here it is `quick_gelu`": y + think(second(y), ops.silu),
            "the activation is Keras' GELU: here it is `quick_gelu`": y + think(second(y), ops.gelu),
            "the activation is the exact GELU: here it is `quick_gelu`": y
            + think(second(y), lambda x: ops.gelu(x, approximate=False)),
            "what is added at the end is the block's input: add what came out of the attention part": x
            + think(second(y)),
            "`quick_gelu` stands behind `output_dense`: it belongs between the dense layers": y
            + act(think(second(y), lambda x: x)),
            "`quick_gelu` stands before `intermediate_dense`: it belongs between the dense layers": y
            + think(act(second(y)), lambda x: x),
            "the dense layers' result is not added to what went in": think(second(y)),
            "the attention's result is not added to the input": attend(first(x))
            + think(second(attend(first(x)))),
            "the dense layers read the layer's input: they read what the attention gave": y
            + think(second(x)),
            "one norm serves for both parts: use `feed_forward_normalization` for the second": y
            + think(first(y)),
        }
        sentence = f"{name} does not work: is it passed on by its name, `attention_mask=attention_mask`?"
        result = attempt(sentence, layer, x, attention_mask=mask)
        expect_or_name_mistake(
            result, y + think(second(y)), f"with {name} the result is not attention, then dense", mistakes
        )


# --- ImageGPT ---------------------------------------------------------------------------------------------


@kept
def small_model(ImageGPT, objective):
    """A model of 3 x 4 pixels, one block more than one, with uneven weights."""
    model = ImageGPT(7, 3, 4, num_layers=2, num_heads=2, hidden_dim=6, objective=objective)
    model.embed(integers(np.zeros((1, 3, 4))))
    for seed, variable in enumerate((model.pixel_embedding.embeddings, model.positions, model.start)):
        if variable is not None:
            variable.assign(fixed_normal(*variable.shape, seed=seed))
    return model


@check("ImageGPT")
def embeds_pixels_and_places(ImageGPT):
    model, images = small_model(ImageGPT, "bert"), some_tokens(7, 2, 3, 4)
    pixels = model.pixel_embedding(images)
    rows = blocks.image_to_sequence(pixels)
    mistakes = {"the positions are not added": rows}
    found = model.embed(images)
    expect_or_name_mistake(
        found, rows + model.positions, "with the BERT objective: pixels, then positions", mistakes
    )
    mask = fixed_normal(2, 3, 4, seed=1) > 0.4
    flat = ops.reshape(mask, (2, 12, 1))
    zero = model.pixel_embedding(ops.where(mask, 0, images))
    mistakes = {
        "hidden pixels lose their position, too: set the embedding to 0 first, then add positions": ops.where(
            flat, 0.0, rows + model.positions
        ),
        "the mask is inverted: `True` means hidden": ops.where(flat, rows, 0.0) + model.positions,
        "the mask is not used: where it is `True`, the pixel's embedding is 0": rows + model.positions,
        "hidden pixels became colour 0, which is a colour like others: their embedding is all zeros": (
            blocks.image_to_sequence(zero) + model.positions
        ),
    }
    sentence = "with a mask `embed` stops: `mask[..., None]` has the axis that `hidden_dim` needs"
    found = attempt(sentence, model.embed, images, mask)
    expect_or_name_mistake(
        found, ops.where(flat, 0.0, rows) + model.positions, "hidden pixels are off", mistakes
    )


@check("ImageGPT")
def starts_late_when_autoregressive(ImageGPT):
    model, images = small_model(ImageGPT, "autoregressive"), some_tokens(7, 2, 3, 4)
    pixels = model.pixel_embedding(images)
    late = blocks.image_to_sequence(pixels, model.start)
    places = ops.reshape(model.positions, (3, 4, 6))
    mistakes = {
        "the sequence does not begin with `self.start`": blocks.image_to_sequence(pixels) + model.positions,
        "the positions are not added": late,
        "positions moved along with the pixels: shift first, then add positions": blocks.image_to_sequence(
            pixels + places, model.start
        ),
    }
    found = model.embed(images)
    expect_or_name_mistake(
        found, late + model.positions, "is `image_to_sequence` given `self.start`?", mistakes
    )


def last_outputs(model, *pictures):
    """What the last block makes of the one picture in each batch, as NumPy arrays `(length, hidden_dim)`."""
    found = []
    for images in pictures:
        outputs = attempt(
            "`layer_outputs` stops. (If it is the mask: the causal mask is for `height * width` places.)",
            model.layer_outputs,
            integers(images),
        )
        expect(isinstance(outputs, list | tuple), "`layer_outputs` gives a list")
        found.append(to_numpy(outputs[-1])[0])
    return found


@check("ImageGPT")
def no_place_sees_a_later_one(ImageGPT):
    model, images = small_model(ImageGPT, "autoregressive"), to_numpy(some_tokens(7, 1, 3, 4))
    changed = images.copy()
    changed[0, 1, 2:] = 6 - changed[0, 1, 2:]  # pixels 6 and 7 of 12
    first, second = last_outputs(model, images, changed)
    expect(
        alike(first[:7], second[:7]),
        "a pixel changes what the model says about itself or earlier ones: give the blocks `causal_mask`",
    )
    expect(not alike(first[7:], second[7:]), "a pixel is to change what the model says about later ones")


@check("ImageGPT")
def all_see_all_with_bert(ImageGPT):
    model, images = small_model(ImageGPT, "bert"), to_numpy(some_tokens(7, 1, 3, 4))
    changed = images.copy()
    changed[0, 2, 3] = 6 - changed[0, 2, 3]
    first, second = last_outputs(model, images, changed)
    message = "with the BERT objective the first place is to see the last: no causal mask there"
    expect(not alike(first[:1], second[:1]), message)


@check("ImageGPT")
def lists_what_every_layer_gave(ImageGPT):
    model, images = small_model(ImageGPT, "bert"), some_tokens(7, 2, 3, 4)
    found = model.layer_outputs(images)
    expect(isinstance(found, list | tuple), "`layer_outputs` gives a list")
    expect(
        len(found) == 3,
        f"two blocks give three outputs, the embedded sequence first; yours are {len(found)}",
    )
    message = "the first of the outputs is what `embed` gives"
    expect_close(found[0], model.embed(images), message)
    for before, block, after in zip(found, model.blocks, found[1:], strict=False):
        mistakes = {
            "the list ends with what the last block gave: `final_norm` comes later": model.final_norm(
                block(before)
            )
        }
        expect_or_name_mistake(after, block(before), "each block reads what the one before gave", mistakes)
    mask = fixed_normal(2, 3, 4, seed=1) > 0.4
    found = attempt("`layer_outputs` with a mask does not work", model.layer_outputs, images, mask)
    mistakes = {"the mask is lost on the way: give it to `embed`": model.embed(images)}
    expect_or_name_mistake(
        found[0], model.embed(images, mask), "the first output is `embed(images, mask)`", mistakes
    )
    expect_close(
        found[1],
        model.blocks[0](found[0]),
        "the mask of hidden pixels ends in `embed`: blocks get none of it",
    )


# --- losses -----------------------------------------------------------------------------------------------


def losses_of(images, logits):
    return to_numpy(keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True))


@check("autoregressive_loss")
def the_mean_surprise_of_all_pixels(autoregressive_loss):
    images, logits = some_tokens(5, 2, 3, 4), fixed_normal(2, 3, 4, 5)
    losses = losses_of(images, logits)
    flat, scores = ops.reshape(images, (2, 12)), ops.reshape(logits, (2, 12, 5))
    found = autoregressive_loss(images, logits)
    expect_shape(found, (), "one number for the whole batch")
    mistakes = {
        "pixels and logits are shifted against each other: they fit as they are": losses_of(
            flat[:, 1:], scores[:, :-1]
        ).mean(),
        "the losses are added up: take their mean": losses.sum(),
        "the losses of a picture are added up: take the mean over its pixels, too": losses.sum() / 2,
        "the sign is wrong: a loss is minus the log-probability": -losses.mean(),
        "the loss is in bits: in nats, the logarithm is the natural one": losses.mean() / np.log(2),
        "logits are no probabilities: apply a softmax": losses_of(images, ops.clip(logits, 1e-7, 1.0)).mean(),
        "logits are no probabilities: tell Keras, with `from_logits=True`": to_numpy(
            keras.losses.sparse_categorical_crossentropy(images, logits)
        ).mean(),
        "these are probabilities: take their logarithms": -np.exp(-losses).mean(),
        "the mean runs over the colours, too: pick the pixel's own first": losses.mean() / 5,
    }
    expect_or_name_mistake(found, losses.mean(), "the loss is not Keras' cross-entropy, averaged", mistakes)
    expect_any_batch(autoregressive_loss, images, logits)


@check("autoregressive_loss")
def guessing_costs_the_log_of_the_colours(autoregressive_loss):
    found = autoregressive_loss(some_tokens(6, 2, 3, 4), ops.zeros((2, 3, 4, 6)))
    expect_close(found, np.log(6), "if all 6 colours are equally likely, each costs log(6) nats")


@check("bert_mask")
def hides_where_the_noise_is_low(bert_mask):
    noise = np.random.default_rng(3).random((2, 4, 5)).astype("float32")
    below = noise < 0.15
    fewest = noise.reshape(2, -1).argsort(axis=-1).argsort(axis=-1) < 3
    mistakes = {
        "the mask is inverted: `True` means hidden, and few are": ~below,
        "all pictures hide the same pixels: use each picture's own noise": np.broadcast_to(
            below[:1], noise.shape
        ),
        "some chosen pixels stay visible: here all are hidden": noise < 0.12,
        "every picture hides as many: each pixel is chosen for itself": fewest.reshape(noise.shape),
        "whole rows are hidden: each pixel has its own noise": np.broadcast_to(below[:, :, :1], noise.shape),
    }
    found = bert_mask(ops.convert_to_tensor(noise))
    expect_or_name_mistake(found, below, "hidden is where the noise is below 0.15", mistakes)
    expect_boolean(found, "a mask holds True and False, not numbers")


@check("bert_mask")
def follows_the_probability(bert_mask):
    noise = np.random.default_rng(4).random((2, 4, 5)).astype("float32")
    mistakes = {"`probability` is not used": noise < 0.15}
    expect_or_name_mistake(
        bert_mask(ops.convert_to_tensor(noise), 0.6),
        noise < 0.6,
        "with a probability of 0.6 it is off",
        mistakes,
    )


@check("bert_loss")
def counts_hidden_pixels_only(bert_loss):
    images, logits = some_tokens(5, 2, 3, 4), fixed_normal(2, 3, 4, 5)
    mask = np.array([[1, 0, 0, 0] * 3, [1, 1, 0, 1] * 3], bool).reshape(2, 3, 4)
    losses = losses_of(images, logits)
    found = bert_loss(images, logits, ops.convert_to_tensor(mask))
    expect_shape(found, (), "one number for the whole batch")
    mistakes = {
        "all pixels count: only the hidden ones are to": losses.mean(),
        "the visible pixels count: only the hidden ones are to": losses[~mask].mean(),
        "the sum is divided by all pixels: divide by the number of hidden ones": losses[mask].sum() / 24,
        "the losses are added up: divide by the number of hidden pixels": losses[mask].sum(),
        "each picture has a mean of its own: take one mean over all hidden pixels": np.mean(
            [losses[0][mask[0]].mean(), losses[1][mask[1]].mean()]
        ),
        "the number of hidden pixels is one too large": losses[mask].sum() / 13,
    }
    expect_or_name_mistake(
        found, losses[mask].mean(), "the loss is not the mean over hidden pixels", mistakes
    )


@check("bert_loss")
def nothing_hidden_costs_nothing(bert_loss):
    found = bert_loss(some_tokens(5, 1, 2, 3), fixed_normal(1, 2, 3, 5), ops.zeros((1, 2, 3), "bool"))
    expect_close(found, 0.0, "with nothing hidden the loss is 0, not NaN: let the divisor be at least 1")


# --- next_pixel and complete ------------------------------------------------------------------------------

SHARES = np.array([0.2, 0.5, 0.05, 0.25], "float32")


def drawn(next_pixel, noise, **options):
    noise = np.asarray(noise, "float32")
    logits = np.tile(np.log(SHARES) + 3.0, (len(noise), 1))  # no probabilities yet
    found = next_pixel(ops.convert_to_tensor(logits), ops.convert_to_tensor(noise), **options)
    expect_shape(found, (len(noise),), "one colour for each row")
    expect("int" in str(found.dtype), "numbers of colours are integers: cast to `int32`")
    return found


@check("next_pixel")
def noise_falls_on_a_colour(next_pixel):
    noise = [0.71, 0.0, 0.19, 0.21, 0.69, 0.74, 0.76, 0.999]
    right = np.array([2, 0, 0, 1, 1, 2, 3, 3])
    mistakes = {
        "the likeliest colour is always taken: use the noise": np.ones(8),
        "all rows use one noise: each has its own": np.full(8, 2),
        "logits are no probabilities: apply a softmax before you lay them side by side": np.zeros(8),
        "colours are ordered by likelihood: lay them side by side as they come": np.array(
            [3, 1, 1, 1, 3, 3, 0, 2]
        ),
        "count the ends that the noise has passed, not those that lie ahead of it": 4 - right,
        "the colours are numbered from 0": right + 1,
    }
    message = "of shares .2 .5 .05 .25, noise up to .2 gives colour 0, up to .7 colour 1, up to .75 colour 2"
    expect_or_name_mistake(drawn(next_pixel, noise), right, message, mistakes)


@check("next_pixel")
def temperature_divides(next_pixel):
    noise = np.linspace(0.01, 0.99, 30)

    def ends(power, noise=noise):
        shares = SHARES**power / (SHARES**power).sum()
        return np.searchsorted(np.cumsum(shares), noise, side="right")

    mistakes = {
        "`temperature` is not used": ends(1.0),
        "the logits are multiplied by `temperature`: divide them": ends(0.5),
    }
    found = drawn(next_pixel, noise, temperature=0.5)
    expect_or_name_mistake(
        found, ends(2.0), "with a temperature of 0.5 likely colours are to become likelier", mistakes
    )


@check("next_pixel")
def top_k_leaves_the_likeliest(next_pixel):
    noise = np.linspace(0.01, 0.99, 30)

    def ends(kept):
        shares = np.where(kept, SHARES, 0.0)
        return np.searchsorted(np.cumsum(shares / shares.sum()), noise, side="right")

    mistakes = {
        "`top_k` is not used": ends(SHARES > 0),
        "the unlikeliest are kept: keep the likeliest": ends(SHARES < 0.22),
        "one colour too few is kept": ends(SHARES > 0.4),
        "one colour too many is kept": ends(SHARES > 0.1),
        "that is a place among the `top_k`: the colour's own number is wanted": (noise >= 2 / 3).astype(int),
        "what is left does not sum to 1: leave colours out before the softmax": np.searchsorted(
            np.cumsum(np.where(SHARES > 0.22, SHARES, 0.0)), noise, side="right"
        ),
    }
    found = drawn(next_pixel, noise, top_k=2)
    message = "with `top_k=2` only colours 1 and 3 may be drawn, at two to one"
    expect_or_name_mistake(found, ends(SHARES > 0.22), message, mistakes)
    low = ops.convert_to_tensor(np.log(SHARES)[None] - 9.0)
    left_out = next_pixel(low, ops.convert_to_tensor(np.array([0.01], "float32")), top_k=2)
    expect_close(left_out, np.array([1]), "a colour left out needs a score far below all others, not 0")


def follower(batch, colours=9):
    """`(step, state, read)`: the next colour follows from the one read and the place; `read` keeps what was read."""
    read = []

    def step(tokens, state):
        place = state["place"]
        latest = np.full(batch, 4) if tokens is None else to_numpy(tokens)
        read.append(None if tokens is None else latest.tolist())
        likely = (latest * 2 + place + 1) % colours
        scores = np.zeros((batch, colours), "float32")
        scores[np.arange(batch), likely] = 2.0
        scores[np.arange(batch), (likely + 3) % colours] = 1.0
        return ops.convert_to_tensor(scores), {"place": place + 1}

    return step, {"place": 0}, read


def continued(known, noise, temperature=1.0, top_k=None):
    """What `complete` is to give with `follower`."""
    step, state, _ = follower(len(noise))
    known, noise = ops.convert_to_tensor(known), ops.convert_to_tensor(noise)
    return to_numpy(blocks.complete(step, state, known, noise, temperature, top_k))


@check("complete")
def known_pixels_stay_and_are_read(complete):
    known = np.array([[1, 7, 3], [8, 2, 5]], "int32")
    noise = np.random.default_rng(5).random((2, 8)).astype("float32")
    step, state, read = follower(2)
    found = complete(step, state, integers(known), ops.convert_to_tensor(noise))
    expect(tuple(getattr(found, "shape", ())) != (2, 5), "the known pixels are missing: they belong in front")
    expect(tuple(getattr(found, "shape", ())) != (2, 7), "the last pixel is missing: the noise has 8 columns")
    expect_shape(found, (2, 8), "(batch, length): a pixel for each column of the noise")
    expect(
        (to_numpy(found)[:, :3] == known).all(),
        "the known pixels are drawn over: they are to stay as they are",
    )
    right = continued(known, noise)
    expect(read[0] is None, "the first step is to read `None`: nothing is written yet")
    expect(
        any(each is not None for each in read),
        "the model reads `None` all the time: give it the latest pixel",
    )
    seen = [each for each in read[1:4]]
    message = "where pixels are known, the model is to read the known ones"
    expect(seen == known.T.tolist(), message)
    rolled = np.concatenate([noise[:, 5:], noise[:, :5]], axis=1)
    mistakes = {
        "every pixel uses the same noise: pixel i has `noise[:, i]`": continued(
            known, np.tile(noise[:, :1], (1, 8))
        ),
        "the noise is counted from the first drawn pixel: pixel i has `noise[:, i]`": continued(
            known, rolled
        ),
    }
    message = "the drawn pixels are off: does each step get the latest pixel and the latest state?"
    expect_or_name_mistake(found, right, message, mistakes)


@check("complete")
def draws_from_nothing(complete):
    noise = np.random.default_rng(6).random((3, 6)).astype("float32")
    step, state, _ = follower(3)
    nothing = np.zeros((3, 0), "int32")
    found = attempt(
        "drawing without any known pixel does not work", complete, step, state, integers(nothing), noise
    )
    expect_close(found, continued(nothing, noise), "without known pixels all are drawn, one after the other")


@check("complete")
def passes_its_options_on(complete):
    noise = np.random.default_rng(7).random((4, 9)).astype("float32")
    known = integers([[1], [2], [3], [4]])
    for options in ({"temperature": 0.3}, {"top_k": 2}):
        step, state, _ = follower(4)
        found = complete(step, state, known, ops.convert_to_tensor(noise), **options)
        name = next(iter(options))
        mistakes = {f"`{name}` does not reach `next_pixel`": continued(known, noise)}
        expect_or_name_mistake(
            found, continued(known, noise, **options), f"with `{name}` it is off", mistakes
        )


# --- vote -------------------------------------------------------------------------------------------------


@check("vote")
def most_votes_win(vote):
    votes = np.array([[2, 0, 4, 1], [2, 0, 1, 3], [4, 4, 1, 3], [2, 4, 1, 0], [0, 4, 0, 3]], "int32")
    noise = np.random.default_rng(8).random((4, 6)).astype("float32")  # nobody votes for class 5
    mistakes = {
        "class numbers are averaged: classes have no order, so count votes": np.rint(votes.mean(axis=0)),
        "the middle number is taken: count votes": np.median(votes, axis=0),
        "only the first prediction counts": votes[0],
        "the largest number wins: count votes": votes.max(axis=0),
        "the class with the fewest votes wins": np.argmin(
            (votes[..., None] == np.arange(6)).sum(axis=0) - noise, axis=-1
        ),
    }
    sentence = "five votes on four pictures and six classes do not work: there are `noise.shape[-1]` classes"
    found = attempt(sentence, vote, integers(votes), ops.convert_to_tensor(noise))
    expect_shape(found, (4,), "one class for each picture")
    expect_or_name_mistake(
        found, np.array([2, 4, 1, 3]), "the class with the most of five votes is to win", mistakes
    )


@check("vote")
def noise_decides_ties(vote):
    # Two votes each for 1 and 3; for 1 and 3 once more; for 0 and 2.
    votes = np.array([[1, 3, 0], [3, 1, 2], [0, 0, 2], [1, 1, 0], [3, 3, 4]], "int32")
    noise = np.array([[0.99, 0.2, 0.99, 0.7, 0.9], [0.3, 0.6, 0.9, 0.1, 0.99], [0.3, 0.9, 0.5, 0.99, 0.8]])
    mistakes = {
        "ties go to the smallest class: let the noise decide": np.array([1, 1, 0]),
        "the largest noise is to win a tie, not the smallest": np.array([1, 3, 0]),
        "the noise outweighs the votes: it may decide between equals only": np.array([0, 4, 3]),
    }
    found = to_numpy(vote(integers(votes), ops.convert_to_tensor(noise.astype("float32"))))
    expect_or_name_mistake(
        found, np.array([3, 1, 2]), "of classes with as many votes, the largest noise wins", mistakes
    )


# --- what learning needs ----------------------------------------------------------------------------------


@check("quantize")
def quantize_gives_int32(quantize):
    palette = np.array([[-1, -1], [1, 1], [0.2, 0]], "float32")
    found = quantize(fixed_normal(1, 2, 3, 2), palette)
    kind = keras.backend.standardize_dtype(found.dtype)
    expect(kind == "int32", f"the numbers of colours are int32, as the docstring says (found {kind})")


@check("image_to_sequence")
def image_to_sequence_lets_gradients_through(image_to_sequence):
    expect_gradients(image_to_sequence, pixels=fixed_normal(2, 3, 4, 5), start=fixed_normal(5, seed=1))
    expect_gradients(image_to_sequence, pixels=fixed_normal(2, 3, 4, 5))


@check("RMSNorm")
def rms_norm_can_be_trained(RMSNorm):
    layer, x = RMSNorm(), fixed_normal(2, 3, 5) + 0.7
    layer(x)
    layer.scale.assign(fixed_normal(5, seed=1))
    expect_parts(layer, weights=5)
    expect_gradients(layer, layer, inputs=x)
    expect_no_dropout(layer, x)


@check("PixelBlock")
def pixel_block_can_be_trained_and_drops_nothing(PixelBlock):
    layer, x = PixelBlock(2, 6), fixed_normal(2, 4, 6)
    layer(x)
    set_all(layer, *PARTS)
    expect_parts(layer, *PARTS, weights=4 * 36 + 2 * 6 * 24 + 2 * 6)
    expect_gradients(layer, layer, inputs=x)
    expect_no_dropout(layer, x)


@check("ImageGPT")
def image_gpt_can_be_trained(ImageGPT):
    for objective in ("autoregressive", "bert"):
        model, images = small_model(ImageGPT, objective), some_tokens(7, 2, 3, 4)
        mask = fixed_normal(2, 3, 4, seed=1) > 0.4
        expect_gradients(
            lambda model=model, images=images, mask=mask: model.layer_outputs(images, mask), model
        )
        expect_no_dropout(model, images)
        hidden, plain = model.embed(images, mask), model.embed(images)
        sentence = f"with the objective {objective!r} the mask is not used: where it is `True`, the pixel's embedding is 0"
        expect(not alike(hidden, plain), sentence)


@check("autoregressive_loss")
def autoregressive_loss_can_be_trained(autoregressive_loss):
    images = some_tokens(5, 2, 3, 4)
    expect_gradients(lambda logits: autoregressive_loss(images, logits), logits=fixed_normal(2, 3, 4, 5))
    sure = np.zeros((1, 1, 2, 3), "float32")
    sure[..., 1] = 60.0
    found = autoregressive_loss(integers([[[0, 2]]]), ops.convert_to_tensor(sure))
    sentence = "who is sure and wrong pays in full, here 60 nats: take `log_softmax`, and add nothing under the logarithm"
    expect_close(found, 60.0, sentence, atol=0.01)


@check("bert_mask")
def keeps_nothing_from_call_to_call(bert_mask):
    one, other = (np.random.default_rng(seed).random((2, 4, 5)).astype("float32") for seed in (3, 9))
    expect_fresh(bert_mask, (ops.convert_to_tensor(one), 0.5), (ops.convert_to_tensor(other), 0.5))
    edge = ops.convert_to_tensor(np.array([[[0.0, 0.25, 0.5]]], "float32"))
    expect_close(
        bert_mask(edge, 0.25), np.array([[[1, 0, 0]]]), "hidden is where the noise is *below* `probability`"
    )


@check("bert_loss")
def bert_loss_can_be_trained(bert_loss):
    images, mask = some_tokens(5, 2, 3, 4), fixed_normal(2, 3, 4) > 0
    expect_gradients(lambda logits: bert_loss(images, logits, mask), logits=fixed_normal(2, 3, 4, 5))
    expect_any_batch(bert_loss, images, fixed_normal(2, 3, 4, 5), mask)


@check("bert_loss")
def every_colour_counts(bert_loss):
    images, logits = integers([[[0, 1, 2, 3]]]), fixed_normal(1, 1, 4, 4)
    losses = losses_of(images, logits)
    for place in range(4):
        mask = ops.convert_to_tensor(np.arange(4)[None, None] == place)
        message = (
            f"with one hidden pixel, of colour {place}, the loss is that pixel's: every colour counts, 0 too"
        )
        expect_close(bert_loss(images, logits, mask), losses[0, 0, place], message)


@check("next_pixel")
def goes_to_both_ends(next_pixel):
    found = drawn(next_pixel, np.linspace(0.0, 0.99, 12), top_k=1)
    expect_close(found, np.ones(12), "with `top_k=1` the likeliest colour is always drawn")
    logits = ops.convert_to_tensor(np.log(SHARES)[None].repeat(3, axis=0))
    noise = ops.convert_to_tensor(np.array([0.1, 0.5, 0.9], "float32"))
    message = "near a temperature of 0 the likeliest colour is drawn, not NaN: let `ops.softmax` do the exponentials"
    expect_close(next_pixel(logits, noise, temperature=1e-3), np.ones(3), message)
    many = np.zeros((1, 1000), "float32")
    last = next_pixel(
        ops.convert_to_tensor(many), ops.convert_to_tensor(np.array([np.nextafter(1, 0, dtype="float32")]))
    )
    expect(
        int(to_numpy(last)[0]) < 1000,
        "noise close to 1 gives a colour that does not exist: rounding left the last end below it",
    )
    kind = keras.backend.standardize_dtype(last.dtype)
    expect(kind == "int32", f"the colours are int32, as the docstring says (found {kind})")


@check("vote")
def vote_gives_int32(vote):
    votes, noise = integers([[1, 0], [1, 2], [0, 2]]), np.array([[0.9, 0.1, 0.5], [0.3, 0.2, 0.1]], "float32")
    found = expect_untouched(vote, predictions=votes, noise=noise)
    kind = keras.backend.standardize_dtype(found.dtype)
    expect(kind == "int32", f"the classes are int32, as the docstring says (found {kind})")

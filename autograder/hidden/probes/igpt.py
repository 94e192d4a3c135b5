"""Hidden probes of Lab 5, iGPT. They hold no expected value; the description is what a learner may read."""

import contextlib

import numpy as np
from keras import ops

from autograder.judge.probe import distinct, normal, probe, set_weight, set_weights, shared, switch_off

BLOCK = (
    "attention_normalization",
    *(f"attention.{name}_dense" for name in ("query", "key", "value", "output")),
    "feed_forward_normalization",
    "intermediate_dense",
    "output_dense",
)

for exercise in ("quantize", "bert_mask", "next_pixel", "complete", "vote"):
    switch_off(exercise, "it works on pictures outside of any training", "batch")


def uniform(rng, *shape):
    """Float32 tensor of numbers from 0 to 1."""
    return ops.convert_to_tensor(rng.random(shape).astype("float32"))


def numbers(rng, colours, *shape):
    """Int32 tensor of colour numbers."""
    return ops.convert_to_tensor(rng.integers(colours, size=shape).astype("int32"))


def palette(rng, colours, channels):
    return rng.uniform(-1, 1, size=(colours, channels)).astype("float32")


# --- quantize and dequantize ------------------------------------------------------------------------------


@probe("quantize", "on colour pictures", weight=2, width=True)
def quantizes_colours(quantize, rng):
    batch, height, width, colours = distinct(rng, 4, low=4, high=12)
    images = ops.convert_to_tensor(rng.uniform(-1, 1, size=(batch, height, width, 3)).astype("float32"))
    return quantize(images, palette(rng, colours, 3))


@probe("quantize", "on grey pictures")
def quantizes_greys(quantize, rng):
    batch, height, width, colours = distinct(rng, 4, low=4, high=12)
    images = ops.convert_to_tensor(rng.uniform(-1, 1, size=(batch, height, width, 1)).astype("float32"))
    return quantize(images, palette(rng, colours, 1))


def are_bytes(arrays, expected):
    """The right values, and held as bytes; a value may be off by one, where rounding is a matter of taste."""
    for path, wanted in expected.items():
        found = arrays[path]
        if found.shape != wanted.shape:
            return f"shape {wanted.shape} is expected, not {found.shape}"
        if found.dtype != np.uint8:
            return f"pictures hold bytes, uint8, not {found.dtype}"
        off = np.abs(found.astype("int64") - wanted.astype("int64"))
        if off.max() > 1 or (off > 0).mean() > 0.05:
            return "the colours are not what 127.5 * (c + 1) gives, rounded"
    return None


@probe("dequantize", "on colour pictures", weight=2, compare=are_bytes)
def dequantizes_colours(dequantize, rng):
    batch, height, width, colours = distinct(rng, 4, low=4, high=12)
    return {"images": dequantize(numbers(rng, colours, batch, height, width), palette(rng, colours, 3))}


@probe("dequantize", "on grey pictures, black and white among them", compare=are_bytes)
def dequantizes_greys(dequantize, rng):
    colours = np.concatenate([[[-1.0], [1.0]], palette(rng, 7, 1)]).astype("float32")
    return {"images": dequantize(numbers(rng, 9, 3, 5, 4), colours)}


# --- image_to_sequence ------------------------------------------------------------------------------------


@probe("image_to_sequence", "without a start")
def reads_in_order(image_to_sequence, rng):
    return image_to_sequence(normal(rng, distinct(rng, 4)))


@probe("image_to_sequence", "with a start", weight=2)
def reads_late(image_to_sequence, rng):
    shape = distinct(rng, 4)
    return image_to_sequence(normal(rng, shape), normal(rng, shape[-1:]))


# --- RMSNorm ----------------------------------------------------------------------------------------------


@probe("RMSNorm", "on inputs whose mean is not 0", weight=2)
def normalizes(RMSNorm, rng):
    inputs = normal(rng, distinct(rng, 3, low=3)) + 1.0
    layer = RMSNorm()
    layer(inputs)
    set_weight(layer, "scale", normal(rng, tuple(layer.scale.shape)))
    return layer(inputs)


@probe("RMSNorm", "on small inputs, with other epsilons")
def normalizes_small_inputs(RMSNorm, rng):
    inputs = normal(rng, distinct(rng, 3, low=3), scale=0.02)
    return RMSNorm()(inputs), RMSNorm(epsilon=0.01)(inputs)


# --- PixelBlock -------------------------------------------------------------------------------------------


def pixel_block(PixelBlock, rng):
    """A built layer with drawn weights, and inputs."""
    heads, head_dim = distinct(rng.common, 2, low=2, high=7)
    batch, length = distinct(rng, 2, low=2, high=7, but=(heads, head_dim))
    inputs = normal(rng, (batch, length + 2, heads * head_dim), scale=2.0)
    layer = shared(PixelBlock, heads, heads * head_dim, call=lambda layer: layer(inputs))
    set_weights(layer, rng, *BLOCK)
    return layer, inputs


@probe("PixelBlock", "without a mask")
def looks_everywhere(PixelBlock, rng):
    layer, inputs = pixel_block(PixelBlock, rng)
    return layer(inputs), layer.intermediate_dense.kernel


@probe("PixelBlock", "with a causal mask", weight=2)
def looks_back(PixelBlock, rng):
    layer, inputs = pixel_block(PixelBlock, rng)
    length = inputs.shape[1]
    return layer(inputs, attention_mask=ops.convert_to_tensor(np.tri(length, dtype=bool)))


# --- ImageGPT ---------------------------------------------------------------------------------------------


def image_gpt(ImageGPT, rng, objective, run):
    """What `run(model, images, mask)` gives for a small model with drawn weights."""
    height, width, colours = distinct(rng.common, 3, low=2, high=6)
    batch = int(rng.integers(6, 8))
    images, mask = numbers(rng, colours, batch, height, width), uniform(rng, batch, height, width) < 0.4

    def build(model):
        """Part by part where the whole fails, so that a mistake costs its own points only."""
        with contextlib.suppress(Exception):
            return list(model.layer_outputs(images))
        with contextlib.suppress(Exception):
            model.embed(images, mask)

    sizes = colours, height, width, 2
    model = shared(ImageGPT, *sizes, call=build, num_heads=2, hidden_dim=6, objective=objective)
    if not model.pixel_embedding.built:
        run(model, images, mask)
    set_weights(model, rng, "pixel_embedding")
    set_weight(model, "positions", normal(rng, (height * width, 6)))
    if model.start is not None:
        set_weight(model, "start", normal(rng, (6,)))
    for block in model.blocks:
        if block.built:
            set_weights(block, rng, *BLOCK)
    return run(model, images, mask)


@probe("ImageGPT", "on embeddings for BERT's objective, with and without hidden pixels", weight=2)
def embeds_for_bert(ImageGPT, rng):
    return image_gpt(
        ImageGPT,
        rng,
        "bert",
        run=lambda model, images, mask: (model.embed(images), model.embed(images, mask)),
    )


@probe("ImageGPT", "on embeddings for the autoregressive objective", weight=2)
def embeds_late(ImageGPT, rng):
    return image_gpt(
        ImageGPT,
        rng,
        "autoregressive",
        run=lambda model, images, mask: (model.embed(images), model.embed(images, mask)),
    )


@probe("ImageGPT", "on all layers, autoregressive", weight=2)
def layers_looking_back(ImageGPT, rng):
    return image_gpt(
        ImageGPT, rng, "autoregressive", lambda model, images, mask: list(model.layer_outputs(images))
    )


@probe("ImageGPT", "on all layers, for BERT's objective")
def layers_looking_everywhere(ImageGPT, rng):
    return image_gpt(
        ImageGPT, rng, "bert", lambda model, images, mask: list(model.layer_outputs(images, mask))
    )


# --- losses -----------------------------------------------------------------------------------------------


def some_guesses(rng):
    """Pictures and logits."""
    batch, height, width, colours = distinct(rng, 4, low=3, high=10)
    return (
        numbers(rng, colours, batch, height, width),
        normal(rng, (batch, height, width, colours), scale=2.0),
    )


@probe("autoregressive_loss", "on drawn pictures and logits", weight=2)
def surprise(autoregressive_loss, rng):
    return autoregressive_loss(*some_guesses(rng))


@probe("autoregressive_loss", "with large logits")
def large_surprise(autoregressive_loss, rng):
    images, logits = some_guesses(rng)
    return autoregressive_loss(images, 40.0 * logits) / 40.0


@probe("bert_mask", "with a probability of 0.15")
def hides_few(bert_mask, rng):
    return bert_mask(uniform(rng, *(4 + size for size in distinct(rng, 3))))


@probe("bert_mask", "with other probabilities", weight=2)
def hides_others(bert_mask, rng):
    noise = uniform(rng, *(4 + size for size in distinct(rng, 3)))
    return bert_mask(noise, probability=0.5), bert_mask(noise, 0.85)


@probe("bert_loss", "on drawn masks", weight=2)
def hidden_surprise(bert_loss, rng):
    images, logits = some_guesses(rng)
    mask = rng.random(images.shape) < rng.uniform(0.1, 0.6, size=(images.shape[0], 1, 1))
    mask[0, 0, 0], mask[0, 0, 1] = True, False
    return bert_loss(images, logits, ops.convert_to_tensor(mask))


@probe("bert_loss", "with nothing hidden, and with everything")
def nothing_or_all_hidden(bert_loss, rng):
    images, logits = some_guesses(rng)
    nothing = ops.zeros(images.shape, "bool")
    return bert_loss(images, logits, nothing), bert_loss(images, logits, ops.logical_not(nothing))


# --- next_pixel and complete ------------------------------------------------------------------------------


def draw(next_pixel, rng, shift=0.0, **options):
    batch, colours = 40 + distinct(rng, 1)[0], 6 + distinct(rng, 1)[0]
    logits = normal(rng, (batch, colours), scale=1.5) + shift
    return next_pixel(logits, uniform(rng, batch), **options)


@probe("next_pixel", "without options", weight=2)
def draws(next_pixel, rng):
    # And with the largest number below 1, which must not fall beyond the last colour; it is a likely one here.
    logits = np.concatenate([rng.normal(size=(200, 9)), np.full((200, 1), 3.0)], axis=1).astype("float32")
    largest = np.full(200, np.nextafter(np.float32(1), np.float32(0)), "float32")
    return draw(next_pixel, rng), next_pixel(ops.convert_to_tensor(logits), ops.convert_to_tensor(largest))


@probe("next_pixel", "with a temperature")
def draws_warm(next_pixel, rng):
    return [draw(next_pixel, rng, temperature=temperature) for temperature in (0.4, 2.5, 0.01)]


@probe("next_pixel", "with top_k")
def draws_from_few(next_pixel, rng):
    return draw(next_pixel, rng, -8.0, top_k=3), draw(next_pixel, rng, top_k=1)


@probe("next_pixel", "with both")
def draws_from_few_warm(next_pixel, rng):
    return draw(next_pixel, rng, temperature=0.7, top_k=4)


def writer(rng, batch, colours, length):
    """`(step, state)` of a toy model whose next pixel depends on place, picture and all that was read."""
    table = normal(rng, (length + 1, batch, colours), scale=1.5)
    traces, weights = normal(rng, (colours + 1, 5), (5, colours))

    def step(tokens, state):
        read = ops.full((batch,), colours, "int32") if tokens is None else ops.cast(tokens, "int32")
        trace = 0.5 * state["trace"] + ops.take(traces, read, axis=0)
        place = state["place"]
        return table[place] + ops.matmul(trace, weights), {"place": place + 1, "trace": trace}

    return step, {"place": 0, "trace": ops.zeros((batch, 5))}


def continue_pictures(complete, rng, known_length, **options):
    batch, colours, length = distinct(rng, 3, low=5, high=10)
    batch, length = batch + 6, length + 3
    step, state = writer(rng, batch, colours, length)
    known = numbers(rng, colours, batch, known_length)
    return complete(step, state, known, uniform(rng, batch, length), **options)


@probe("complete", "with known pixels", weight=2)
def completes(complete, rng):
    return continue_pictures(complete, rng, 4)


@probe("complete", "without known pixels")
def draws_all(complete, rng):
    return continue_pictures(complete, rng, 0)


@probe("complete", "with a temperature and with top_k")
def completes_with_options(complete, rng):
    return (
        continue_pictures(complete, rng, 3, temperature=0.4),
        continue_pictures(complete, rng, 2, top_k=2),
    )


# --- vote -------------------------------------------------------------------------------------------------


@probe("vote", "on drawn predictions, ties among them", weight=2)
def votes_with_ties(vote, rng):
    votes, classes = 5, int(rng.integers(4, 8))
    batch = 40 + distinct(rng, 1)[0]
    return vote(numbers(rng, classes, votes, batch), uniform(rng, batch, classes))


@probe("vote", "with other numbers of votes")
def other_numbers_of_votes(vote, rng):
    results = []
    for votes in (1, 4, 8):
        results.append(vote(numbers(rng, 6, votes, 30), uniform(rng, 30, 6)))
    return results

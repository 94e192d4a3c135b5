"""Hidden probes of Lab 2, the Transformer. They hold no expected value; the description is what a learner may read."""

import contextlib

import numpy as np
from keras import ops

from autograder.judge.probe import distinct, normal, probe, set_weights, shared, switch_off

DENSE = ("query_dense", "key_dense", "value_dense", "output_dense")
FEED_FORWARD = ("intermediate_dense", "output_dense")
ENCODER_LAYER = (
    *(f"attention.{name}" for name in DENSE),
    *(f"feed_forward.{name}" for name in FEED_FORWARD),
    "attention_residual.normalization",
    "feed_forward_residual.normalization",
)
DECODER_LAYER = (
    *(f"self_attention.{name}" for name in DENSE),
    *(f"cross_attention.{name}" for name in DENSE),
    *(f"feed_forward.{name}" for name in FEED_FORWARD),
    "self_attention_residual.normalization",
    "cross_attention_residual.normalization",
    "feed_forward_residual.normalization",
)

switch_off("shift_targets", "the batch is cut before the training, outside of the graph", "batch")
switch_off("noam_learning_rate", "steps are no batch", "batch")


def some_hidden(rng, *shape):
    """Boolean mask whose every row hides at least one entry and leaves at least one, whatever the seed."""
    rank = rng.random(shape).argsort(axis=-1)
    return ops.convert_to_tensor(rank < rng.integers(1, shape[-1], size=(*shape[:-1], 1)))


def some_tokens(rng, batch, length, vocabulary=11):
    """Tokens from 1 on, of which one row is full and the others end in padding, 0."""
    lengths = rng.integers(2, length, size=batch)
    lengths[rng.integers(batch)] = length
    tokens = rng.integers(1, vocabulary, size=(batch, length)) * (np.arange(length) < lengths[:, None])
    return ops.convert_to_tensor(tokens.astype("int32"))


# --- positional_encoding ----------------------------------------------------------------------------------


@probe("positional_encoding", "for a few positions", weight=2)
def few_positions(positional_encoding, rng):
    length, half = distinct(rng, 2, low=4, high=12)
    return positional_encoding(length, 2 * half)


@probe("positional_encoding", "for many positions")
def many_positions(positional_encoding, rng):
    return positional_encoding(int(rng.integers(40, 80)), 2 * int(rng.integers(10, 20)))


@probe("positional_encoding", "two channels wide")
def two_channels(positional_encoding, rng):
    return positional_encoding(int(rng.integers(5, 9)), 2)


# --- FeedForward ------------------------------------------------------------------------------------------


@probe("FeedForward", "on drawn sizes", weight=2)
def feeds_forward(FeedForward, rng):
    batch, length, hidden_dim, intermediate_dim = distinct(rng, 4, low=3, high=12)
    layer, inputs = FeedForward(hidden_dim, intermediate_dim), normal(rng, (batch, length, hidden_dim))
    layer(inputs)
    set_weights(layer, rng, *FEED_FORWARD)
    return layer(inputs), layer.intermediate_dense.kernel, layer.output_dense.kernel


@probe("FeedForward", "from another width than it gives")
def changes_width(FeedForward, rng):
    batch, length, width, hidden_dim, intermediate_dim = distinct(rng, 5, low=3, high=12)
    layer, inputs = FeedForward(hidden_dim, intermediate_dim), normal(rng, (batch, length, width))
    layer(inputs)
    set_weights(layer, rng, *FEED_FORWARD)
    return layer(inputs)


# --- AddAndNorm -------------------------------------------------------------------------------------------


def residual(AddAndNorm, rng, scale=1.0, **options):
    """A built layer, inputs `(batch, length, width)`, and a function that stands for a sub-layer."""
    width = int(rng.common.integers(6, 10))
    inputs = normal(rng, (*distinct(rng, 2, low=3, high=6), width), scale=scale)
    mix = normal(rng, (width, width))

    def sublayer(x):
        return scale * ops.tanh(ops.matmul(x, mix))

    layer = shared(AddAndNorm, dropout=0.3, call=lambda layer: layer(inputs, sublayer=sublayer), **options)
    set_weights(layer, rng, "normalization")
    return layer, inputs, sublayer


@probe("AddAndNorm", "post-LN", weight=2, main=True)
def normalizes_after(AddAndNorm, rng):
    layer, inputs, sublayer = residual(AddAndNorm, rng)
    return layer(inputs, sublayer=sublayer)


@probe("AddAndNorm", "pre-LN", main=True)
def normalizes_before(AddAndNorm, rng):
    layer, inputs, sublayer = residual(AddAndNorm, rng, pre_norm=True)
    return layer(inputs, sublayer=sublayer)


@probe("AddAndNorm", "with small activations")
def small_activations(AddAndNorm, rng):
    results = []
    for options in ({}, {"pre_norm": True}):
        layer, inputs, sublayer = residual(AddAndNorm, rng, scale=0.02, **options)
        results.append(layer(inputs, sublayer=sublayer))
    return results


def drops_only_the_sublayer(arrays, expected):
    """In training, what the sub-layer adds is either dropped or doubled; the input stays."""
    added = arrays["added"]
    if added.shape != expected["added"].shape:
        return f"shape {expected['added'].shape} is expected, not {added.shape}"
    dropped, kept = np.isclose(added, 0.0, atol=1e-4), np.isclose(added, 2.0, atol=1e-4)
    if not (dropped | kept).all() or dropped.mean() > 0.8 or kept.mean() > 0.8:
        return "dropout belongs on the output of the sub-layer, before the sum"
    return None


@probe("AddAndNorm", "in training, with dropout", compare=drops_only_the_sublayer, instead_of="training")
def in_training(AddAndNorm, rng):
    inputs = normal(rng, (6, 5, 8), scale=3.0)
    layer = AddAndNorm(dropout=0.5, pre_norm=True)
    return {"added": layer(inputs, sublayer=ops.ones_like, training=True) - inputs}


# --- EncoderLayer -----------------------------------------------------------------------------------------


def encoder_layer(EncoderLayer, rng, **options):
    """A built layer with drawn weights, and inputs."""
    heads, head_dim, intermediate_dim = distinct(rng.common, 3, low=2, high=9)
    batch, length = distinct(rng, 2, low=2, high=9, but=(heads, head_dim))
    inputs = normal(rng, (batch, length + 2, heads * head_dim))
    sizes = heads, heads * head_dim, intermediate_dim
    options = {"dropout": 0.3} | options
    layer = shared(EncoderLayer, *sizes, call=lambda layer: layer(inputs), **options)
    set_weights(layer, rng, *ENCODER_LAYER)
    return layer, inputs


@probe("EncoderLayer", "without a mask")
def encodes(EncoderLayer, rng):
    layer, inputs = encoder_layer(EncoderLayer, rng)
    return layer(inputs)


@probe("EncoderLayer", "with a mask", weight=2)
def encodes_with_mask(EncoderLayer, rng):
    layer, inputs = encoder_layer(EncoderLayer, rng)
    batch, length, _ = inputs.shape
    masks = some_hidden(rng, batch, 1, 1, length), some_hidden(rng, batch, 1, length, length)
    return [layer(inputs, attention_mask=mask) for mask in masks]


@probe("EncoderLayer", "with pre-LN, other dropout and without biases")
def encodes_with_options(EncoderLayer, rng):
    layer, inputs = encoder_layer(EncoderLayer, rng, pre_norm=True, dropout=0.25, use_bias=False)
    rates = [layer.attention_residual.dropout.rate, layer.feed_forward_residual.dropout.rate]
    return layer(inputs), rates


# --- DecoderLayer -----------------------------------------------------------------------------------------


def decoder_layer(DecoderLayer, rng, **options):
    """A built layer with drawn weights, inputs and memory."""
    heads, head_dim, intermediate_dim = distinct(rng.common, 3, low=2, high=8)
    batch, length, source_length = distinct(rng, 3, low=3, high=10, but=(heads, head_dim))
    hidden_dim = heads * head_dim
    inputs, memory = normal(rng, (batch, length, hidden_dim), (batch, source_length, hidden_dim))
    sizes = heads, hidden_dim, intermediate_dim
    options = {"dropout": 0.3} | options
    layer = shared(DecoderLayer, *sizes, call=lambda layer: layer(inputs, memory), **options)
    set_weights(layer, rng, *DECODER_LAYER)
    return layer, inputs, memory


@probe("DecoderLayer", "without masks")
def decodes(DecoderLayer, rng):
    layer, inputs, memory = decoder_layer(DecoderLayer, rng)
    return layer(inputs, memory)


@probe("DecoderLayer", "with a mask for the self-attention")
def decodes_with_mask(DecoderLayer, rng):
    layer, inputs, memory = decoder_layer(DecoderLayer, rng)
    batch, length, _ = inputs.shape
    return layer(inputs, memory, attention_mask=some_hidden(rng, batch, 1, length, length))


@probe("DecoderLayer", "with a mask for the cross-attention")
def decodes_with_cross_mask(DecoderLayer, rng):
    layer, inputs, memory = decoder_layer(DecoderLayer, rng)
    batch, source_length, _ = memory.shape
    return layer(inputs, memory, cross_attention_mask=some_hidden(rng, batch, 1, 1, source_length))


@probe("DecoderLayer", "with both masks", main=True)
def decodes_with_both_masks(DecoderLayer, rng):
    layer, inputs, memory = decoder_layer(DecoderLayer, rng)
    batch, length, _ = inputs.shape
    masks = some_hidden(rng, batch, 1, length, length), some_hidden(rng, batch, 1, 1, memory.shape[1])
    return layer(inputs, memory, attention_mask=masks[0], cross_attention_mask=masks[1])


@probe("DecoderLayer", "with pre-LN, other dropout and without biases")
def decodes_with_options(DecoderLayer, rng):
    layer, inputs, memory = decoder_layer(DecoderLayer, rng, pre_norm=True, dropout=0.25, use_bias=False)
    residuals = (layer.self_attention_residual, layer.cross_attention_residual, layer.feed_forward_residual)
    return layer(inputs, memory), [each.dropout.rate for each in residuals]


# --- decoder_mask and shift_targets -----------------------------------------------------------------------


@probe("decoder_mask", "on padded targets", weight=2)
def masks_padded_targets(decoder_mask, rng):
    batch, length = distinct(rng, 2, low=4, high=10)
    return decoder_mask(some_tokens(rng, batch, length))


@probe("decoder_mask", "on a single target without padding")
def masks_one_target(decoder_mask, rng):
    return decoder_mask(ops.convert_to_tensor(rng.integers(1, 9, size=(1, 6)).astype("int32")))


@probe("shift_targets", "on padded targets", weight=2)
def shifts_padded_targets(shift_targets, rng):
    batch, length = distinct(rng, 2, low=4, high=10)
    return shift_targets(some_tokens(rng, batch, length))


@probe("shift_targets", "on the shortest of targets")
def shifts_two_tokens(shift_targets, rng):
    return shift_targets(ops.convert_to_tensor(rng.integers(1, 9, size=(5, 2)).astype("int32")))


# --- Transformer ------------------------------------------------------------------------------------------


def transformer(Transformer, rng, run, **options):
    """What `run(model, source, target)` gives for a small model with drawn weights."""
    heads, head_dim = distinct(rng.common, 2, low=2, high=5)
    batch, source_length, length = distinct(rng, 3, low=4, high=9, but=(heads, head_dim))
    sizes = {"num_heads": heads, "hidden_dim": 2 * heads * head_dim, "intermediate_dim": 7, "max_length": 20}
    source, target = some_tokens(rng, batch, source_length), some_tokens(rng, batch, length)

    memory = ops.zeros((batch, source_length, sizes["hidden_dim"]))

    def build(model):
        """Part by part where the whole fails, so that a mistake costs its own points only."""
        with contextlib.suppress(Exception):
            return model((source, target))
        with contextlib.suppress(Exception):
            model.encode(source)
        with contextlib.suppress(Exception):
            model.decode(target, memory, source)

    model = shared(Transformer, 11, call=build, dropout=0.3, **sizes, **{"num_layers": 1} | options)
    if not model.embedding.built:
        run(model, source, target)
    set_weights(model, rng, "embedding")
    for stack, names in ((model.encoder, ENCODER_LAYER), (model.decoder, DECODER_LAYER)):
        for block in stack.blocks if stack.built else ():
            set_weights(block, rng, *names)
    return run(model, source, target)


@probe("Transformer", "on embeddings", weight=2)
def embeds(Transformer, rng):
    return transformer(
        Transformer, rng, lambda model, source, target: (model.embed(source), model.embed(target, start=3))
    )


@probe("Transformer", "on padded sources")
def encodes_sources(Transformer, rng):
    return transformer(Transformer, rng, lambda model, source, target: model.encode(source), num_layers=2)


@probe("Transformer", "on padded targets and a given memory")
def decodes_targets(Transformer, rng):
    seen = normal(rng, (9, 9, 40))

    def run(model, source, target):
        memory = seen[: source.shape[0], : source.shape[1], : model.hidden_dim]
        return model.decode(target, memory, source)

    return transformer(Transformer, rng, run)


@probe("Transformer", "from tokens to logits", weight=2, main=True)
def tokens_to_logits(Transformer, rng):
    def run(model, source, target):
        return model((source, target))

    return transformer(Transformer, rng, run, pre_norm=True)


def some_are_dropped(arrays, expected):
    """In training some entries of the embedding are 0, the others larger by a factor of 1 / 0.7."""
    plain, trained = arrays["plain"], arrays["trained"]
    dropped = np.isclose(trained, 0.0, atol=1e-6)
    kept = np.isclose(trained, plain / 0.7, rtol=1e-3, atol=1e-4)
    if plain.shape != expected["plain"].shape or not (dropped | kept).all() or not 0.1 < dropped.mean() < 0.6:
        return "in training, dropout is to be applied to the sum of embeddings and positions"
    return None


@probe("Transformer", "on embeddings in training", compare=some_are_dropped, instead_of="training")
def embeds_in_training(Transformer, rng):
    model = Transformer(11, 1, num_heads=2, hidden_dim=8, intermediate_dim=4, dropout=0.3)
    source = some_tokens(rng, 4, 9)
    plain = model.embed(source)
    # `embed` is no `call`, so nobody tells the dropout that this is training.
    drop = model.dropout.call
    model.dropout.call = lambda x, training=None: drop(x, training=True)
    return {"plain": plain, "trained": model.embed(source)}


# --- noam_learning_rate and smoothed_cross_entropy --------------------------------------------------------


@probe("noam_learning_rate", "before, at and after the end of the warm-up", weight=2)
def around_the_peak(noam_learning_rate, rng):
    warmup = int(rng.integers(5, 60))
    hidden_dim = 2 * int(rng.integers(4, 40))
    steps = ops.convert_to_tensor(np.array([1, warmup // 2, warmup, 2 * warmup, 30 * warmup], "float32"))
    # In parts per ten thousand, so that small rates are compared as closely as large ones.
    return 1e4 * noam_learning_rate(steps, hidden_dim, warmup)


@probe("noam_learning_rate", "with the paper's 4,000 steps, on whole numbers")
def of_the_paper(noam_learning_rate, rng):
    rates = [noam_learning_rate(int(step), 512) for step in (1, 100, 4000, rng.integers(5000, 90000))]
    return [1e6 * ops.convert_to_tensor(rate) for rate in rates]


def some_labels(rng):
    """Labels that end in padding, and logits."""
    batch, length, vocabulary = distinct(rng, 3, low=4, high=12)
    return some_tokens(rng, batch, length, vocabulary), normal(rng, (batch, length, vocabulary), scale=2.0)


@probe("smoothed_cross_entropy", "on padded labels", weight=2)
def smooths(smoothed_cross_entropy, rng):
    labels, logits = some_labels(rng)
    return smoothed_cross_entropy(labels, logits), smoothed_cross_entropy(labels, logits, smoothing=0.4)


@probe("smoothed_cross_entropy", "without smoothing")
def without_smoothing(smoothed_cross_entropy, rng):
    labels, logits = some_labels(rng)
    return smoothed_cross_entropy(labels, logits, smoothing=0.0)


@probe("smoothed_cross_entropy", "with large logits")
def large_logits(smoothed_cross_entropy, rng):
    labels, logits = some_labels(rng)
    return smoothed_cross_entropy(labels, 40.0 * logits) / 40.0


# --- greedy_decode and beam_search ------------------------------------------------------------------------


def writer(rng, batch, vocabulary, end, endings=None, length=12):
    """`(step, state, calls)` of a toy model whose next token depends on the place and on all that was written.

    With `endings`, sequence `b` writes `end` as its token number `endings[b]` and never before. In NumPy, since a
    search takes many steps of it.
    """
    table = rng.normal(size=(batch, length, vocabulary)).astype("float32")
    table[..., 0] = -50.0  # padding is never the likeliest
    if endings is not None:
        table[..., end] = -50.0
        table[np.arange(batch), np.asarray(endings) - 1, end] = 50.0
    traces, weights = (
        rng.normal(size=shape).astype("float32") for shape in ((vocabulary, 6), (6, vocabulary))
    )
    calls = []

    def step(tokens, state):
        calls.append(tuple(tokens.shape))
        known = {name: ops.convert_to_numpy(part) for name, part in state.items()}
        trace = 0.5 * known["trace"] + traces[ops.convert_to_numpy(tokens)]
        logits = known["table"][np.arange(len(trace)), known["place"]] + trace @ weights
        new = {"table": state["table"], "trace": trace, "place": known["place"] + 1}
        return ops.convert_to_tensor(logits), {
            name: ops.convert_to_tensor(part) for name, part in new.items()
        }

    state = {"table": ops.convert_to_tensor(table), "trace": ops.zeros((batch, 6))}
    return step, state | {"place": ops.zeros((batch,), dtype="int32")}, calls


@probe("greedy_decode", "when sequences end at different times", weight=2)
def ends_at_different_times(greedy_decode, rng):
    batch, vocabulary = distinct(rng, 2, low=4, high=9)
    end = int(rng.integers(2, vocabulary))
    endings = rng.integers(2, 8, size=batch)
    endings[:2] = (3, 8)
    step, state, calls = writer(rng, batch, vocabulary, end, endings)
    tokens = greedy_decode(step, state, ops.ones((batch,), dtype="int32"), end, max_length=11)
    return tokens, len(calls)


@probe("greedy_decode", "when sequences never end")
def never_ends(greedy_decode, rng):
    batch, vocabulary, max_length = distinct(rng, 3, low=4, high=10)
    end = vocabulary - 1
    step, state, _ = writer(rng, batch, vocabulary, end, endings=[12] * batch)
    start = rng.integers(1, vocabulary, size=batch).astype("int32")
    return greedy_decode(step, state, ops.convert_to_tensor(start), end, max_length)


@probe("greedy_decode", "on a single sequence that ends at once")
def ends_at_once(greedy_decode, rng):
    step, state, _ = writer(rng, 1, 6, 3, endings=[1])
    return greedy_decode(step, state, ops.ones((1,), dtype="int32"), 3, 5)


def search(beam_search, rng, count=6, length=9, **options):
    """The results for several toy models, in one row: tokens filled up with -1, then the score."""
    models = [writer(rng, 1, 7, end=2)[:2] for _ in range(count)]
    return rows_of(beam_search, models, length, **options)


def rows_of(beam_search, models, length, **options):
    rows = []
    for step, state in models:
        result = beam_search(step, state, 1, 2, length, **options)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError("two things are to be returned: (tokens, score)")
        tokens = ops.convert_to_numpy(ops.convert_to_tensor(result[0])).astype("float64").reshape(-1)[:length]
        filled = np.concatenate([tokens, np.full(length - len(tokens), -1.0)])
        rows.append(np.concatenate([filled, [float(result[1])]]))
    return np.stack(rows)


@probe("beam_search", "with the paper's beam of 4", weight=2)
def beam_of_four(beam_search, rng):
    return search(beam_search, rng)


@probe("beam_search", "with other beams and penalties")
def other_beams(beam_search, rng):
    options = ({"beam_size": 2, "length_penalty": 1.5}, {"beam_size": 6, "length_penalty": 0.0})
    return [search(beam_search, rng, count=3, **each) for each in options]


@probe("beam_search", "with a beam of 1")
def beam_of_one(beam_search, rng):
    return search(beam_search, rng, count=4, beam_size=1)


@probe("beam_search", "when there is little room")
def little_room(beam_search, rng):
    return search(beam_search, rng, count=6, length=3, beam_size=3)


def chain(rng, *probabilities):
    """`(step, state)` of a model whose next token depends on the last one, by a table of probabilities.

    Args:
        rng: draws which numbers the tokens have; 1 starts and 2 ends.
        probabilities: for the start and each token from `a` on, pairs of token and probability; what is missing is
            spread over all tokens. Tokens are letters, `.` is the end.
    """
    names = dict(zip("abcdef", (3 + rng.permutation(6)).tolist(), strict=True)) | {"start": 1, ".": 2}
    table = np.full((9, 9), 1e-9)
    for last, rest in zip(("start", *"abcdef"), probabilities, strict=False):
        row = np.full(9, (1.0 - sum(share for _, share in rest)) / 8 + 1e-9)
        row[0] = 1e-9
        for token, share in rest:
            row[names[token]] = share
        table[names[last]] = row
    logits = (np.log(table) + rng.normal(scale=1e-3, size=table.shape)).astype("float32")

    def step(tokens, state):
        return ops.convert_to_tensor(logits[ops.convert_to_numpy(tokens)]), state

    return step, {"place": ops.zeros((1,), dtype="int32")}


@probe("beam_search", "when openings end early", weight=2, main=True)
def some_end_early(beam_search, rng):
    # An opening that has ended leaves its place empty in that step, and the places after it are all free again.
    refilled = chain(rng, (("a", 0.58), (".", 0.22), ("b", 0.2)), (), ((".", 1.0),))
    shrunk = chain(
        rng, (("a", 0.6), (".", 0.22), ("b", 0.1)), (("c", 0.5), ("d", 0.48)), (), (), ((".", 1.0),)
    )
    # As many have ended as the beam is wide, and the best one is still going on.
    late = chain(rng, (("a", 0.55), (".", 0.3)), (("b", 0.6), (".", 0.3)), ((".", 1.0),))
    return rows_of(beam_search, [refilled, shrunk, late], 6, beam_size=2)

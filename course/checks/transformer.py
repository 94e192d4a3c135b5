"""Visible checks of Lab 2, the Transformer: worked examples, properties, agreement with `course.blocks`."""

import math

import keras
import numpy as np
from keras import ops

from course import blocks
from course.checking import (
    check,
    expect,
    expect_boolean,
    expect_close,
    expect_pair,
    expect_shape,
    fixed_normal,
    to_numpy,
)
from course.checking.gradients import expect_gradients
from course.checking.learning import (
    dropped,
    expect_made_once,
    expect_no_dropout,
    expect_parts,
    expect_rate,
    kept,
    predictable_dropout,
)
from course.checking.mistakes import (
    alike,
    attempt,
    expect_any_batch,
    expect_or_name_mistake,
    run_block,
    set_all,
)

SOURCE = np.array([[3, 4, 5, 6, 0], [7, 8, 0, 0, 0]], "int32")
TARGET = np.array([[1, 9, 3, 2, 0, 0], [1, 5, 6, 7, 4, 2]], "int32")
END = 2  # ends a sequence in the toy models of the decoding checks


def tokens(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="int32"))


# --- positional_encoding ----------------------------------------------------------------------------------


@check("positional_encoding")
def three_positions_of_four_channels(positional_encoding):
    angle = np.arange(3)[:, None] * np.array([1.0, 0.01])
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(3, 4)
    own = np.arange(3)[:, None] / 10000 ** (np.arange(4) / 4)
    later = np.arange(1, 4)[:, None] * np.array([1.0, 0.01])
    slow, slower, fast = (np.arange(3)[:, None] * np.array([1.0, step]) for step in (0.1, 0.0001, 100.0))

    def turns(angle):
        return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(3, 4)

    mistakes = {
        "the sines come first and the cosines after them: here they take turns": np.concatenate(
            [np.sin(angle), np.cos(angle)], axis=-1
        ),
        "sine and cosine have changed places: even channels hold the sine": pairs[:, [1, 0, 3, 2]],
        "each channel has a wave of its own: channels 2i and 2i + 1 share one": np.where(
            np.arange(4) % 2, np.cos(own), np.sin(own)
        ),
        "the exponent is 2i / hidden_dim, where 2i is the even channel itself": turns(slow),
        "the exponent is twice too large: the even channel is 2i already, 0, 2, 4 and so on": turns(slower),
        "positions count from 0": turns(later),
        "the position is divided by 10000 to the power, not multiplied by it": turns(fast),
        "the odd channels hold the cosine": np.repeat(np.sin(angle), 2, axis=-1),
        "the table is transposed: rows are positions": pairs.T,
    }
    sentence = 'it stops: do all numbers have one type? Give each `ops.arange` a dtype="float32"'
    found = attempt(sentence, positional_encoding, 3, 4)
    message = "position 1 of 4 channels is sin(1), cos(1), sin(0.01), cos(0.01)"
    expect_or_name_mistake(found, pairs, message, mistakes)


@check("positional_encoding")
def any_size_lies_on_circles(positional_encoding):
    table = positional_encoding(50, 12)
    expect_shape(table, (50, 12), "(length, hidden_dim)")
    squares = ops.sum(ops.reshape(ops.square(table), (50, 6, 2)), axis=-1)
    expect_close(squares, 1.0, "sine and cosine of one angle stand side by side, so their squares sum to 1")
    expect_close(table, blocks.positional_encoding(50, 12), "the waves have the wrong lengths", atol=1e-3)
    double = to_numpy(table).dtype == "float64"
    expect(not double, "the numbers are float64: make them float32, or they cannot be added to embeddings")


# --- FeedForward ------------------------------------------------------------------------------------------


@check("FeedForward")
def widens_and_narrows_each_position(FeedForward):
    layer, inputs = FeedForward(4, 7), fixed_normal(2, 3, 5)
    expect_shape(layer(inputs), (2, 3, 4), "the output is hidden_dim wide")
    set_all(layer, "intermediate_dense", "output_dense")
    wide, narrow = layer.intermediate_dense, layer.output_dense
    expect_shape(wide.kernel, (5, 7), "`intermediate_dense` is intermediate_dim wide")
    expect(wide.use_bias and narrow.use_bias, "both dense layers must have a bias: leave `use_bias` as it is")
    before = ops.matmul(inputs, wide.kernel) + wide.bias
    right = ops.matmul(ops.relu(before), narrow.kernel) + narrow.bias
    linear = ops.matmul(before, narrow.kernel) + narrow.bias
    mistakes = {
        "where is the ReLU? Without it two dense layers are no more than one": linear,
        "the ReLU comes after the second dense layer: it belongs between the two": ops.relu(linear),
        "the output goes through a ReLU, too: only the middle does": ops.relu(right),
        "the activation is a GELU: here it is a ReLU": ops.matmul(
            keras.activations.gelu(before), narrow.kernel
        )
        + narrow.bias,
    }
    expect_or_name_mistake(
        layer(inputs), right, "the result is not output_dense(relu(intermediate_dense(inputs)))", mistakes
    )


@check("FeedForward")
def adds_nothing_of_its_own(FeedForward):
    layer, inputs = FeedForward(5, 7), fixed_normal(2, 3, 5)
    layer(inputs)
    set_all(layer, "intermediate_dense", "output_dense")
    for part in (layer.intermediate_dense, layer.output_dense):
        for variable in part.weights:
            variable.assign(ops.zeros(variable.shape))
    expect_close(
        layer(inputs), 0.0, "with all weights 0 the output is 0: the residual connection comes later"
    )


# --- AddAndNorm -------------------------------------------------------------------------------------------


def normalized(x, epsilon=1e-6):
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)


def squared(x):
    """Stands for a sub-layer."""
    return ops.square(x)


@check("AddAndNorm")
def has_its_sub_layers(AddAndNorm):
    layer = AddAndNorm()
    for name, kind in (
        ("normalization", keras.layers.LayerNormalization),
        ("dropout", keras.layers.Dropout),
    ):
        expect(
            isinstance(getattr(layer, name, None), kind),
            f"the layer needs `self.{name}`, a keras.layers.{kind.__name__}: later layers look for this name",
        )


@check("AddAndNorm")
def post_norm_normalizes_the_sum(AddAndNorm):
    layer, x = AddAndNorm(), fixed_normal(2, 3, 5, scale=10.0)
    mistakes = {
        "that is pre-LN: without `pre_norm` the sum is normalized": x + squared(normalized(x)),
        "the input is not added": normalized(squared(x)),
        "the sub-layer's output is normalized, and then the input added: normalize the sum": x
        + normalized(squared(x)),
        "nothing is normalized": x + squared(x),
    }
    result = attempt("it stops: `sublayer` is a function, so call it", layer, x, sublayer=squared)
    expect(
        alike(result, layer(x, sublayer=squared)),
        "two calls differ outside training: Keras switches the dropout on and off, so leave `training` to it",
    )
    expect_or_name_mistake(
        result, normalized(x + squared(x)), "the result is not LN(x + sublayer(x))", mistakes
    )


@check("AddAndNorm")
def pre_norm_leaves_the_input_alone(AddAndNorm):
    layer, x = AddAndNorm(pre_norm=True), fixed_normal(2, 3, 5, scale=10.0)
    mistakes = {
        "that is post-LN: is `pre_norm` used?": normalized(x + squared(x)),
        "the input is not added": squared(normalized(x)),
        "the normalized input is added: add the input itself": normalized(x) + squared(normalized(x)),
        "nothing is normalized": x + squared(x),
    }
    result = layer(x, sublayer=squared)
    expect_or_name_mistake(
        result, x + squared(normalized(x)), "the result is not x + sublayer(LN(x))", mistakes
    )


@check("AddAndNorm")
def epsilon_is_a_millionth(AddAndNorm):
    layer, x = AddAndNorm(), fixed_normal(2, 3, 5, scale=0.02)
    result = layer(x, sublayer=ops.zeros_like)
    mistakes = {
        "epsilon is Keras' default of 1e-3, which swallows small activations: give 1e-6": normalized(x, 1e-3)
    }
    expect_or_name_mistake(
        result, normalized(x), "small activations are not normalized to variance 1", mistakes
    )


@check("AddAndNorm")
def dropout_falls_on_the_sublayer_only(AddAndNorm):
    layer, x = AddAndNorm(dropout=0.5, pre_norm=True), fixed_normal(8, 7, 6, scale=3.0)
    added = to_numpy(layer(x, sublayer=ops.ones_like, training=True) - x)
    expect(not alike(added, np.ones_like(added)), "nothing is dropped in training: is `self.dropout` used?")
    dropped = np.isclose(added, 0, atol=1e-4)
    expect(
        alike(added[~dropped], np.full_like(added[~dropped], 10 / 9)) is False,
        "dropout=0.5 was given, and one in ten is dropped: hand the rate on",
    )
    fine = dropped | np.isclose(added, 2, atol=1e-4)
    expect(fine.all(), "the input is dropped, too: dropout belongs on the sub-layer's output, before the sum")
    # With nothing to add there is nothing to drop.
    found = AddAndNorm(dropout=0.5)(x, sublayer=ops.zeros_like, training=True)
    sentence = "post-LN: dropout belongs on the sub-layer's output, not on the sum or on what was normalized"
    expect_close(found, normalized(x), sentence)


# --- EncoderLayer and DecoderLayer ------------------------------------------------------------------------

ENCODER_PARTS = ("attention", "attention_residual", "feed_forward", "feed_forward_residual")
DECODER_PARTS = (
    "self_attention",
    "self_attention_residual",
    "cross_attention",
    "cross_attention_residual",
    "feed_forward",
    "feed_forward_residual",
)


def has_options(layer, *residuals, attentions):
    """The layer was made with dropout=0.3, pre_norm=True and use_bias=False."""
    for name in residuals:
        part = getattr(layer, name, None)
        expect(part is not None, f"the layer needs `self.{name}`")
        expect(part.pre_norm, f"`pre_norm=True` does not reach `self.{name}`")
        drop = getattr(part, "dropout", None)
        expect(drop is not None, f"`self.{name}` has no `dropout`: mend your `AddAndNorm` first")
        expect(drop.rate == 0.3, f"`dropout=0.3` does not reach `self.{name}`")
    for name in attentions:
        expect(not getattr(layer, name).use_bias, f"`use_bias=False` does not reach `self.{name}`")


def look(attention, *sequences, mask=None):
    return lambda x: attention(x, *sequences, attention_mask=mask)[0]


@kept
def post_norm_layer(answer, lengths, *parts):
    """An encoder or decoder layer of width 6 with fixed weights, for sequences of these lengths."""
    layer = answer(2, 6, 7, dropout=0.3)
    result = run_block(layer, *(fixed_normal(2, length, 6) for length in lengths))
    expect_shape(result, (2, lengths[0], 6), "the width stays")
    set_all(layer, *parts)
    return layer


@check("EncoderLayer")
def attention_then_feed_forward(EncoderLayer):
    layer, x = post_norm_layer(EncoderLayer, (4,), *ENCODER_PARTS), fixed_normal(2, 4, 6)
    first, second = layer.attention_residual, layer.feed_forward_residual
    for name, mask in (
        ("no mask", None),
        ("a mask of shape (2, 1, 1, 4)", ops.convert_to_tensor(np.arange(4) < [[[[4]]], [[[2]]]])),
    ):
        attend = look(layer.attention, mask=mask)
        attended = first(x, sublayer=attend)
        inverted = None if mask is None else ops.logical_not(mask)
        wrong = first(x, sublayer=look(layer.attention))
        backwards = first(x, sublayer=look(layer.attention, mask=inverted))
        mistakes = {
            "the mask does not reach the attention": second(wrong, sublayer=layer.feed_forward),
            "the mask is inverted": second(backwards, sublayer=layer.feed_forward),
            "the feed-forward part reads the layer's input: it reads what the attention gave": second(
                attended, sublayer=lambda _: layer.feed_forward(x)
            ),
            "the second half starts from the layer's input: it starts from what the attention gave": second(
                x, sublayer=layer.feed_forward
            ),
            "the feed-forward part comes first: attention comes first": first(
                second(x, sublayer=layer.feed_forward), sublayer=attend
            ),
            "the feed-forward part has no residual connection": layer.feed_forward(attended),
            "the attention has no residual connection": second(attend(x), sublayer=layer.feed_forward),
            "one `AddAndNorm` serves for both: use `feed_forward_residual` for the second": first(
                attended, sublayer=layer.feed_forward
            ),
        }
        expected = second(attended, sublayer=layer.feed_forward)
        sentence = f"{name} does not work: hand it on by name, `attention_mask=...`, for what comes second is the key"
        result = attempt(sentence, layer, x, attention_mask=mask)
        expect_or_name_mistake(
            result, expected, f"with {name} the result is not attention, then feed-forward", mistakes
        )


@check("EncoderLayer")
def each_part_reads_what_it_is_given(EncoderLayer):
    layer, x = EncoderLayer(2, 6, 7, pre_norm=True), fixed_normal(2, 4, 6)
    run_block(layer, x)
    set_all(layer, *ENCODER_PARTS)
    attended = layer.attention_residual(x, sublayer=look(layer.attention))
    unread = layer.attention_residual(x, sublayer=lambda _: layer.attention(x)[0])

    def think(y, read=layer.feed_forward):
        return layer.feed_forward_residual(y, sublayer=read)

    mistakes = {
        "the function for the attention ignores its own argument: with pre-LN that is the normalized input": think(
            unread
        ),
        "the function for the feed-forward part ignores its own argument, which is normalized with pre-LN": think(
            attended, lambda _: layer.feed_forward(attended)
        ),
    }
    message = "with pre_norm=True the result is not attention, then feed-forward"
    expect_or_name_mistake(layer(x), think(attended), message, mistakes)


@check("EncoderLayer")
def passes_its_options_on(EncoderLayer):
    layer = EncoderLayer(2, 6, 7, dropout=0.3, pre_norm=True, use_bias=False)
    run_block(layer, fixed_normal(2, 4, 6))
    has_options(layer, "attention_residual", "feed_forward_residual", attentions=("attention",))


@check("DecoderLayer")
def looks_back_then_at_the_source(DecoderLayer):
    x, memory = fixed_normal(2, 4, 6), fixed_normal(2, 5, 6)
    layer = post_norm_layer(DecoderLayer, (4, 4), *DECODER_PARTS)
    sentence = "target and source of different lengths do not work: queries come from the target, keys and values from `memory`"
    result = attempt(sentence, layer, x, memory)
    expect(
        tuple(result.shape) != (2, 5, 6),
        "the result is as long as the source: the queries come from the target",
    )
    expect_shape(result, (2, 4, 6), "one output for each position of the target")
    causal = blocks.causal_mask(4)
    padding = ops.convert_to_tensor(np.arange(5) < [[[[5]]], [[[3]]]])
    for name, mask, cross_mask in (("no masks", None, None), ("both masks", causal, padding)):

        def stack(own=mask, cross=cross_mask, *, keys=memory, first="self", skip=False, shared=False):
            cross_part = layer.self_attention if shared else layer.cross_attention
            back = [layer.self_attention_residual, look(layer.self_attention, mask=own)]
            over = [layer.cross_attention_residual, look(cross_part, *keys, mask=cross)]
            y = x
            for residual, part in [over] if skip else [back, over] if first == "self" else [over, back]:
                y = residual(y, sublayer=part)
            return layer.feed_forward_residual(y, sublayer=layer.feed_forward)

        expected = stack(keys=(memory,))
        mistakes = {
            "cross-attention takes keys and values from the target: they come from `memory`": lambda stack=stack: (
                stack(cross=None, keys=())
            ),
            "the mask of the self-attention is not used, so the decoder sees the future": lambda stack=stack: (
                stack(own=None, keys=(memory,))
            ),
            "the mask of the cross-attention is not used": lambda stack=stack: stack(
                cross=None, keys=(memory,)
            ),
            "the masks are inverted: `True` already means may attend": lambda stack=stack: stack(
                ops.logical_not(causal), ops.logical_not(padding), keys=(memory,)
            ),
            "self-attention comes before cross-attention": lambda stack=stack: stack(
                keys=(memory,), first="cross"
            ),
            "cross-attention reads the layer's input: it reads what the self-attention gave": lambda stack=stack: (
                stack(keys=(memory,), skip=True)
            ),
            "one attention serves for both: `cross_attention` has weights of its own": lambda stack=stack: (
                stack(keys=(memory,), shared=True)
            ),
        }
        masks = {"attention_mask": mask, "cross_attention_mask": cross_mask}
        result = attempt(f"{name} do not work: which mask goes where?", layer, x, memory, **masks)
        expect_or_name_mistake(
            result, expected, f"with {name} the result is off: are keys and values from `memory`?", mistakes
        )


@check("DecoderLayer")
def reads_what_each_part_is_given(DecoderLayer):
    layer, x, memory = DecoderLayer(2, 6, 7, pre_norm=True), fixed_normal(2, 4, 6), fixed_normal(2, 5, 6)
    run_block(layer, x, memory)
    set_all(layer, *DECODER_PARTS)

    def stack(back=None, over=None):
        y = layer.self_attention_residual(x, sublayer=back or look(layer.self_attention))
        read = over(y) if over else look(layer.cross_attention, memory)
        y = layer.cross_attention_residual(y, sublayer=read)
        return layer.feed_forward_residual(y, sublayer=layer.feed_forward)

    mistakes = {
        "the function for the self-attention ignores its own argument: with pre-LN that is the normalized input": stack(
            back=lambda _: layer.self_attention(x)[0]
        ),
        "the function for the cross-attention ignores its own argument, which is normalized with pre-LN": stack(
            over=lambda y: lambda _: layer.cross_attention(y, memory)[0]
        ),
    }
    message = "with pre_norm=True the result is not self-attention, cross-attention, feed-forward"
    expect_or_name_mistake(layer(x, memory), stack(), message, mistakes)


@check("DecoderLayer")
def passes_all_options_on(DecoderLayer):
    layer = DecoderLayer(2, 6, 7, dropout=0.3, pre_norm=True, use_bias=False)
    run_block(layer, fixed_normal(2, 4, 6), fixed_normal(2, 4, 6, seed=1))
    residuals = ("self_attention_residual", "cross_attention_residual", "feed_forward_residual")
    has_options(layer, *residuals, attentions=("self_attention", "cross_attention"))


# --- decoder_mask and shift_targets -----------------------------------------------------------------------


@check("decoder_mask")
def hides_the_future_and_the_padding(decoder_mask):
    causal, real = np.tri(4, dtype=bool), np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)[:, None, None, :]
    both = causal & real
    sentence = "joining two masks stops: `ops.logical_and` joins booleans, which `+` and `and` do not"
    mask = attempt(sentence, decoder_mask, tokens([[1, 5, 6, 2], [1, 2, 0, 0]]))
    expect_shape(mask, (2, 1, 4, 4), "(batch, 1, query, key)")
    mistakes = {
        "only the future is hidden: hide the padding, too": causal | np.zeros_like(both),
        "only the padding is hidden: hide the future, too": real | np.zeros_like(both),
        "the two masks are joined by `or`: a key must be allowed by both": causal | real,
        "the mask is inverted: `True` means may attend": ~both,
        "the padding is hidden along the queries: it is keys that are hidden": causal & real.swapaxes(-1, -2),
        "the causal mask is transposed": causal.T & real,
    }
    expect_or_name_mistake(mask, both, "a query sees keys that are neither later nor padding", mistakes)
    expect_boolean(mask, "a mask holds True and False, not numbers")


@check("decoder_mask")
def fits_an_attention(decoder_mask):
    x = fixed_normal(2, 6, 4)[:, None]
    _, weights = blocks.scaled_dot_product_attention(x, x, x, mask=decoder_mask(tokens(TARGET)))
    weights = to_numpy(weights)[0, 0]
    expect(np.allclose(np.triu(weights, 1), 0), "a query still sees what comes after it")
    expect(np.allclose(weights[:, 4:], 0), "a query still sees padding")


@check("shift_targets")
def labels_are_one_step_ahead(shift_targets):
    whole = np.array([[1, 7, 8, 9, 2], [1, 5, 2, 0, 0]], "int32")
    inputs, labels = expect_pair(shift_targets(tokens(whole)), "(inputs, labels)")
    front, back = whole[:, :-1], whole[:, 1:]
    found = (to_numpy(inputs), to_numpy(labels))
    for sentence, wrong in {
        "nothing is shifted: the decoder would read the very token it is to answer": (back, back),
        "the labels begin with the start token: they begin with the token after it": (front, front),
        "inputs and labels have changed places": (back, front),
        "the inputs keep their last token: nothing follows it, so drop it": (whole, back),
        "the shift runs along the batch: it runs along the length": (whole[:-1], whole[1:]),
        "the labels are rolled round: drop a token at each end instead": (whole, np.roll(whole, -1, axis=1)),
        "the shift is two tokens long: it is one": (whole[:, :-2], whole[:, 2:]),
    }.items():
        expect(not all(map(np.array_equal, found, wrong)), sentence)
    expect_close(inputs, front, "of start 7 8 9 end, the inputs are start 7 8 9")
    expect_close(labels, back, "of start 7 8 9 end, the labels are 7 8 9 end")


# --- Transformer ------------------------------------------------------------------------------------------


@kept
def small_model(Transformer, **options):
    return Transformer(10, 1, num_heads=2, hidden_dim=8, intermediate_dim=6, max_length=12, **options)


@check("Transformer")
def embeddings_are_scaled_and_get_positions(Transformer):
    model = small_model(Transformer)
    sentence = "it stops: add only the positions of these tokens, from `start` on, in 32-bit numbers like the embeddings"
    found = attempt(sentence, model.embed, tokens(SOURCE), start=2)
    table, places = model.embedding(tokens(SOURCE)), blocks.positional_encoding(12, 8)
    root, here = math.sqrt(8), places[2:7]
    mistakes = {
        "multiply the embeddings by sqrt(hidden_dim): the positions drown them": table + here,
        "the embeddings are multiplied by hidden_dim: take its square root": 8 * table + here,
        "multiply the embeddings first and add the positions then: now the positions are scaled, too": root
        * (table + here),
        "the positions are not added": root * table,
        "`start` is not used: it says where the first token stands": root * table + places[:5],
    }
    message = "embed(tokens) is embedding * sqrt(hidden_dim) + positions"
    expect_or_name_mistake(found, root * table + here, message, mistakes)


@check("Transformer")
def embeddings_are_dropped_in_training(Transformer):
    model = small_model(Transformer, dropout=0.5)
    plain, drop = model.embed(tokens(SOURCE)), model.dropout.call
    model.dropout.call = lambda x, training=None: drop(x, training=True)
    trained = to_numpy(model.embed(tokens(SOURCE)))
    fine = np.isclose(trained, 0, atol=1e-5) | np.isclose(trained, 2 * to_numpy(plain), rtol=1e-3, atol=1e-4)
    expect((trained == 0).any(), "there is no dropout on the embeddings: pass the sum through `self.dropout`")
    expect(fine.all(), "dropout falls on a part of the sum only")


@check("Transformer")
def gives_logits_for_every_position_of_the_target(Transformer):
    model = small_model(Transformer, dropout=0.3)
    result = run_block(model, (tokens(SOURCE), tokens(TARGET)))
    expect(
        tuple(result.shape) != (2, 6, 8),
        "these are the decoder's outputs: `self.logits` makes logits of them",
    )
    sums = ops.sum(result, axis=-1)
    expect(
        not alike(sums, np.ones(sums.shape)), "these are probabilities: return the logits, without a softmax"
    )
    sentence = (
        "(batch, target_length, vocabulary): does the encoder read the source, and the decoder the target?"
    )
    expect_shape(result, (2, 6, 10), sentence)


@check("Transformer")
def nobody_sees_padding_or_future(Transformer):
    model = small_model(Transformer, dropout=0.3)
    logits = run_block(model, (tokens(SOURCE), tokens(TARGET)))
    # The same sequences with less padding mean the same.
    memory, shorter = model.encode(tokens(SOURCE[1:])), model.encode(tokens(SOURCE[1:, :2]))
    sentence = "padding of the source changes the memory of real words: give the encoder its mask"
    expect_close(memory[:, :2], shorter, sentence)
    sentence = "padding of the source changes the answers: give the decoder its `cross_attention_mask`"
    expect_close(model.decode(tokens(TARGET[1:]), memory, tokens(SOURCE[1:])), logits[1:], sentence)
    noise = ops.where(tokens(SOURCE[1:])[..., None] == 0, 5.0, memory)
    expect_close(model.decode(tokens(TARGET[1:]), noise, tokens(SOURCE[1:])), logits[1:], sentence)
    changed = TARGET.copy()
    changed[:, 3:] = 8
    sentence = "a later word of the target changes earlier answers: give the decoder `decoder_mask(target)`"
    expect_close(model((tokens(SOURCE), tokens(changed)))[:, :3], logits[:, :3], sentence)
    memory = model.encode(tokens(SOURCE))
    masks = {
        "attention_mask": blocks.decoder_mask(tokens(TARGET)),
        "cross_attention_mask": ops.ones((1, 1), "bool"),
    }
    masks["cross_attention_mask"] = (tokens(SOURCE) != 0)[:, None, None, :]
    expected = model.logits(model.decoder(model.embed(tokens(TARGET)), memory, **masks))
    sentence = "even where the target is padding, nobody attends to padding: `decoder_mask` hides it"
    expect_close(logits, expected, sentence)


# --- noam_learning_rate and smoothed_cross_entropy --------------------------------------------------------


@check("noam_learning_rate")
def rises_for_the_warm_up_then_falls(noam_learning_rate):
    steps = np.array([1.0, 5.0, 10.0, 40.0, 1000.0])
    up, down = steps * 10**-1.5, steps**-0.5
    mistakes = {
        "there is no warm-up: take the smaller of the two": down / 4,
        "the rate never falls: take the smaller of the two": up / 4,
        "the larger of the two is taken: take the smaller": np.maximum(up, down) / 4,
        "the rate grows with the width: it is hidden_dim ** -0.5": 4 * np.minimum(up, down),
        "`hidden_dim` is not used": np.minimum(up, down),
        "the power of `warmup_steps` is -1.5, so that both pieces meet at its end": np.minimum(
            steps * 10**-0.5, down
        )
        / 4,
        "`warmup_steps` is not used": np.minimum(steps * 4000**-1.5, down) / 4,
        "after the warm-up the rate falls with the square root of the step": np.minimum(up, 10**0.5 / steps)
        / 4,
    }
    sentence = (
        "several steps at once do not work: `ops.minimum` compares entry by entry, Python's `min` does not"
    )
    found = attempt(sentence, noam_learning_rate, ops.convert_to_tensor(steps.astype("float32")), 16, 10)
    message = "for width 16 and 10 steps of warm-up, steps 1, 5, 10, 40, 1000 have other rates"
    expect_or_name_mistake(found, np.minimum(up, down) / 4, message, mistakes)


@check("noam_learning_rate")
def peaks_where_the_paper_says(noam_learning_rate):
    message = "with width 512, step 4,000 has the paper's highest rate, 6.988e-4 (shown here times 10,000)"
    sentence = "a step that is a whole number does not work: cast it to float first"
    expect_close(1e4 * attempt(sentence, noam_learning_rate, 4000, 512), 6.988, message, atol=0.01)
    sentence = "in a training step it stops: build it from `ops`, not from NumPy or `float`"
    steps = ops.convert_to_tensor(np.array([1.0, 9.0], "float32"))
    attempt(sentence, expect_any_batch, lambda step: noam_learning_rate(step, 512), steps)


@check("smoothed_cross_entropy")
def a_worked_example(smoothed_cross_entropy):
    # Three tokens with probabilities 1/2, 1/4, 1/4, twice; a third position is padding.
    logs = np.log(np.array([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.6, 0.2, 0.2]]], "float32"))
    labels = tokens([[1, 1, 0]])
    chosen, every = -logs[0, [0, 1, 2], [1, 1, 0]], -logs[0].mean(axis=-1)
    losses = 0.7 * chosen + 0.3 * every
    other = 0.7 * chosen + 0.3 * (-logs[0].sum(axis=-1) - chosen) / 2
    mistakes = {
        "padding is counted: leave out the positions whose label is `PAD`": losses.mean(),
        "the mean divides by all positions: divide by the number of real labels": losses[:2].sum() / 3,
        "`smoothing` is spread over the other tokens only: it is spread over all": other[:2].mean(),
        "there is no smoothing": chosen[:2].mean(),
        "the label keeps a probability of 1: it gives `smoothing` away": (chosen + 0.3 * every)[:2].mean(),
        "`smoothing` is taken from the label and given to nobody: spread it over all tokens": 0.7
        * chosen[:2].mean(),
        "each token gets all of `smoothing`: they share it, so divide by the size of the vocabulary": (
            0.7 * chosen - 0.3 * logs[0].sum(axis=-1)
        )[:2].mean(),
        "the sign is wrong: a loss is minus the log-probability": -losses[:2].mean(),
        "the losses are added up: take their mean": losses[:2].sum(),
        "only the padding is counted: the mask is inverted": losses[2],
    }
    found = smoothed_cross_entropy(labels, ops.convert_to_tensor(logs), smoothing=0.3)
    expect_shape(found, (), "one number for the whole batch")
    expect_or_name_mistake(
        found, losses[:2].mean(), "smoothing 0.3 over probabilities 1/2, 1/4, 1/4 is off", mistakes
    )


@check("smoothed_cross_entropy")
def agrees_with_keras(smoothed_cross_entropy):
    labels, logits = tokens([[3, 1, 6, 2], [4, 0, 0, 0]]), fixed_normal(2, 4, 7)
    losses = keras.losses.categorical_crossentropy(
        ops.one_hot(labels, 7), logits, from_logits=True, label_smoothing=0.2
    )
    real = ops.cast(labels != 0, "float32")
    rows = ops.mean(ops.sum(losses * real, axis=-1) / ops.sum(real, axis=-1))
    label = ops.sum(ops.one_hot(labels, 7) * logits, axis=-1)
    raw = ops.sum((-0.8 * label - 0.2 * ops.mean(logits, axis=-1)) * real) / ops.sum(real)
    mistakes = {
        "the logits are taken for log-probabilities: `ops.log_softmax` makes them": raw,
        "each sequence has its own mean: take one mean over all real labels": rows,
        "`smoothing` is spread over the positions: it is spread over the vocabulary": lambda: (
            ops.sum(
                (
                    -0.8 * ops.sum(ops.one_hot(labels, 7) * ops.log_softmax(logits), axis=-1)
                    - 0.2 / 4 * ops.sum(ops.log_softmax(logits), axis=-1)
                )
                * real
            )
            / ops.sum(real)
        ),
    }
    found = smoothed_cross_entropy(labels, logits, smoothing=0.2)
    message = "the loss is not that of Keras, averaged over the real labels"
    expect_or_name_mistake(found, ops.sum(losses * real) / ops.sum(real), message, mistakes)


# --- greedy_decode and beam_search ------------------------------------------------------------------------


def scripted(rows, vocabulary=9):
    """`(step, state, calls)`: row `b` writes `rows[b]`, if it is given its own state and reads what it wrote."""
    script = np.array(rows, "int32")
    calls = []

    def step(latest, state):
        sentence = (
            "a step reads the latest token of each sequence, integers (batch,), not all that was written"
        )
        expect(len(np.shape(latest)) == 1, sentence)
        calls.append(latest.shape[0])
        place = to_numpy(state["place"])
        row = to_numpy(state["row"])
        latest = to_numpy(latest)
        logits = np.full((len(row), vocabulary), -5.0, "float32")
        logits[:, 0] = -9.0
        for here in range(len(row)):
            before = latest[here] if place[here] == 0 else script[row[here], place[here] - 1]
            wanted = script[row[here], min(place[here], script.shape[1] - 1)]
            # Whoever reads another token than the one written last is sent to token 8.
            logits[here, wanted if latest[here] == before or before == END or latest[here] == 0 else 8] = 5.0
        return ops.convert_to_tensor(logits), {"place": state["place"] + 1, "row": state["row"]}

    count = len(rows)
    return step, {"place": ops.zeros((count,), "int32"), "row": ops.arange(count)}, calls


@check("greedy_decode")
def writes_until_all_have_ended(greedy_decode):
    script = [[5, 6, END, 7, 7, 7], [3, END, 4, 4, 4, 4], [7, 3, 5, END, 6, 6]]
    step, state, calls = scripted(script)
    right = [[5, 6, END, 0], [3, END, 0, 0], [7, 3, 5, END]]
    found = greedy_decode(step, state, tokens([1, 1, 1]), END, max_length=6)
    written = to_numpy(found)
    expect(
        written.ndim == 2 and len(written) == 3, "the result is (batch, length): one row for each sequence"
    )
    expect(not (written[:, :1] == 1).all(), "the start token stands in the result: leave it out")
    expect(
        not (written[:, 1:] == 8).any(), "each step is to read the token that was written in the step before"
    )
    stuck = (written == np.array([[5], [3], [7]])).all()
    expect(not stuck, "give each step the state that the step before gave back: yours is always at the first")
    expect(END in written, "`end` is written, too: it belongs in the result")
    message = "the result ends with the longest sequence, here after 4 tokens: stop when all have ended, not earlier or later"
    expect(written.shape != (3, 2), "it stops when the first sequence has ended: wait for all of them")
    if written.shape == (3, 6):
        expect(not written[1, 2], "a sequence that has ended goes on: write `PAD` from there on")
    expect_shape(found, (3, 4), message)
    mistakes = {"a sequence that has ended goes on: write `PAD` from there on": [row[:4] for row in script]}
    expect_or_name_mistake(found, np.array(right), "three sequences end after 3, 2 and 4 tokens", mistakes)
    expect(len(calls) == 4, f"4 steps are enough here, and yours took {len(calls)}: stop when all have ended")


@check("greedy_decode")
def stops_at_max_length(greedy_decode):
    step, state, _ = scripted([[5, 6, 7, 3, 5], [3, 4, 3, 4, 3]])
    found = greedy_decode(step, state, tokens([1, 1]), END, max_length=3)
    expect_close(
        found, np.array([[5, 6, 7], [3, 4, 3]]), "sequences that never end stop after max_length tokens"
    )


def opening_table(first, then):
    """A toy model for one sequence: `first` are the probabilities of the first token, `then[t]` of those after `t`."""
    elsewhere = np.eye(len(first))[END]  # openings of no account come to an end

    def step(latest, state):
        latest, seen = to_numpy(latest), to_numpy(state["seen"])
        rows = [
            first if latest[here] == 1 else then.get(int(seen[here]) or int(latest[here]), elsewhere)
            for here in range(len(latest))
        ]
        keep = np.where(seen == 0, np.where(latest == 1, 0, latest), seen)
        logits = np.log(np.maximum(np.array(rows, "float32"), 1e-9)) + 3.0  # no probabilities yet
        return ops.convert_to_tensor(logits), {"seen": ops.convert_to_tensor(keep.astype("int32"))}

    return step, {"seen": ops.zeros((1,), "int32")}


# Token 3 is likelier at first, but what follows 4 is so sure that 4 wins in the end. The model remembers the first
# token in its state.
FIRST = [0, 0, 0, 0.6, 0.4, 0]
THEN = {3: [0, 0, 0.4, 0.3, 0, 0.3], 4: [0, 0, 0.9, 0, 0, 0.1]}


@check("beam_search")
def finds_what_greedy_misses(beam_search):
    step, state = opening_table(FIRST, THEN)
    result = expect_pair(
        beam_search(step, state, 1, END, 5, beam_size=3, length_penalty=0.0), "(tokens, score)"
    )
    found = np.asarray(to_numpy(ops.convert_to_tensor(result[0]))).tolist()
    expect(found[:1] != [1], "the start token stands in the result: leave it out")
    expect(
        found != [3, END],
        "token 3 is likeliest at first, but 4 END has the higher product: is `beam_size` used?",
    )
    expect(found == [4, END], f"4 END has the highest product, 0.4 * 0.9, and yours is {found}")
    message = "the score of 4 END is log(0.4 * 0.9): add up log-probabilities, of `log_softmax`"
    expect_close(np.float32(result[1]), np.log(0.36), message)


@check("beam_search")
def compares_by_the_length_penalty(beam_search):
    first = [0, 0, 0.35, 0.65, 0, 0]
    then = {3: [0, 0, 0.5, 0.3, 0, 0.2]}
    # END alone: log 0.35. 3 END: log 0.325.
    for penalty, tokens_wanted in ((0.0, [END]), (1.0, [3, END])):
        step, state = opening_table(first, then)
        found, score = expect_pair(beam_search(step, state, 1, END, 2, 4, penalty), "(tokens, score)")
        found = np.asarray(to_numpy(ops.convert_to_tensor(found))).tolist()
        total = np.log(0.35) if tokens_wanted == [END] else np.log(0.325)
        sentence = "the sum is to be divided by ((5 + length) / 6) ** length_penalty"
        expect(
            found == tokens_wanted,
            f"{sentence}: with {penalty:g}, {tokens_wanted} wins, and yours is {found}",
        )
        wanted = total / ((5 + len(found)) / 6) ** penalty
        expect_close(np.float32(score), wanted, f"{sentence}, where the length counts `end`")


@check("beam_search")
def state_goes_with_its_opening(beam_search):
    first = [0, 0, 0, 0.4, 0.6, 0]
    then = {3: [0, 0, 0.02, 0, 0, 0.98], 4: [0, 0, 0.2, 0.4, 0.4, 0]}
    step, state = opening_table(first, then)
    sentence = (
        "it stops: `select` the rows of the state for the openings that go on, and where nothing ends before "
    )
    sentence += "`max_length`, compare the unfinished openings, too"
    result = attempt(sentence, beam_search, step, state, 1, END, 3, 2, 0.0)
    tokens_found, _ = expect_pair(result, "(tokens, score)")
    found = np.asarray(to_numpy(ops.convert_to_tensor(tokens_found))).tolist()
    sentence = "after each step, `select` the rows of the state that the surviving openings came from"
    expect(found == [3, 5, 5], f"{sentence}: 3 5 5 is to win, and yours is {found}")


# --- what learning needs ----------------------------------------------------------------------------------


@check("FeedForward")
def feed_forward_can_be_trained_and_drops_nothing(FeedForward):
    layer, inputs = FeedForward(4, 7), fixed_normal(2, 3, 5)
    layer(inputs)
    set_all(layer, "intermediate_dense", "output_dense")
    expect_parts(layer, "intermediate_dense", "output_dense", weights=5 * 7 + 7 + 7 * 4 + 4)
    expect_gradients(layer, layer, inputs=inputs)
    expect_no_dropout(layer, inputs)
    expect_made_once(layer, inputs)


@check("AddAndNorm")
def add_and_norm_can_be_trained(AddAndNorm):
    for pre_norm in (False, True):
        layer, x = AddAndNorm(pre_norm=pre_norm), fixed_normal(2, 3, 5)
        layer(x, sublayer=squared)
        set_all(layer, "normalization")
        expect_parts(layer, "normalization", "dropout", weights=10)
        expect_gradients(lambda x, layer=layer: layer(x, sublayer=squared), layer, inputs=x)


@check("AddAndNorm")
def drops_at_the_rate_that_is_given(AddAndNorm):
    x = fixed_normal(8, 7, 6, scale=3.0)
    for pre_norm in (False, True):
        layer = AddAndNorm(dropout=0.3, pre_norm=pre_norm)
        with predictable_dropout():
            found = layer(x, sublayer=squared, training=True)
        read = normalized(x) if pre_norm else x

        def summed(part, x=x, pre_norm=pre_norm):
            return x + part if pre_norm else normalized(x + part)

        name = "pre_norm=True" if pre_norm else "pre_norm=False"
        mistakes = {
            "`dropout` is the share that goes, and Keras' `Dropout` takes that: not 1 - dropout": summed(
                dropped(squared(read), 0.7)
            ),
            f"with {name} nothing is dropped in training: is `self.dropout` used?": summed(squared(read)),
            f"with {name} it drops twice": summed(dropped(dropped(squared(read), 0.3), 0.3)),
            f"with {name} what the sub-layer reads is dropped: drop what it gives": summed(
                squared(dropped(read, 0.3))
            ),
        }
        message = (
            f"with {name} and dropout=0.3, training gives other values: drop the sub-layer's output, once"
        )
        expect_or_name_mistake(found, summed(dropped(squared(read), 0.3)), message, mistakes)


DROPPED_ELSEWHERE = (
    "in training the result is another than what its parts give: dropout belongs into the residual connections alone, "
    "at the rate that is given"
)


def in_training(attention, *sequences):
    return lambda x: attention(x, *sequences, training=True)[0]


@check("EncoderLayer")
def encoder_layer_can_be_trained(EncoderLayer):
    layer, x = post_norm_layer(EncoderLayer, (4,), *ENCODER_PARTS), fixed_normal(2, 4, 6)
    # Attention 4 x (6 x 6 + 6), feed-forward 6 x 7 + 7 + 7 x 6 + 6, two norms of 12.
    expect_parts(layer, *ENCODER_PARTS, weights=168 + 97 + 24)
    expect_made_once(layer, x)
    expect_gradients(layer, layer, inputs=x)
    with predictable_dropout():
        found = layer(x, training=True)
        y = layer.attention_residual(x, sublayer=in_training(layer.attention), training=True)
        right = layer.feed_forward_residual(y, sublayer=layer.feed_forward, training=True)
    expect_close(found, right, DROPPED_ELSEWHERE)


@check("DecoderLayer")
def decoder_layer_can_be_trained(DecoderLayer):
    x, memory = fixed_normal(2, 4, 6), fixed_normal(2, 5, 6)
    layer = post_norm_layer(DecoderLayer, (4, 4), *DECODER_PARTS)
    expect_parts(layer, *DECODER_PARTS, weights=2 * 168 + 97 + 3 * 12)
    expect_made_once(layer, x, memory)
    expect_gradients(layer, layer, inputs=x, memory=memory)
    with predictable_dropout():
        found = layer(x, memory, training=True)
        y = layer.self_attention_residual(x, sublayer=in_training(layer.self_attention), training=True)
        read = in_training(layer.cross_attention, memory)
        y = layer.cross_attention_residual(y, sublayer=read, training=True)
        right = layer.feed_forward_residual(y, sublayer=layer.feed_forward, training=True)
    expect_close(found, right, DROPPED_ELSEWHERE)


@check("Transformer")
def transformer_can_be_trained(Transformer):
    model, inputs = small_model(Transformer, dropout=0.3), (tokens(SOURCE), tokens(TARGET))
    run_block(model, inputs)
    set_all(model, "embedding", "encoder", "decoder")
    expect_rate(model, 0.3, "dropout", "encoder", "decoder")
    # Attentions of 4 x (8 x 8 + 8), feed-forward 8 x 6 + 6 + 6 x 8 + 8, norms of 16.
    encoder, decoder = 288 + 110 + 2 * 16, 2 * 288 + 110 + 3 * 16
    expect_parts(model, "embedding", "encoder", "decoder", weights=80 + encoder + decoder)
    expect_gradients(lambda: model(inputs), model)
    with predictable_dropout():
        found, right = model(inputs, training=True), training_logits(model, *inputs)
    message = "in training the logits are not those of its parts: is dropout on both embeddings, once each?"
    expect_close(found, right, message)


def training_logits(model, source, target):
    """What the model's parts give in training, put together by hand."""
    keep = {"training": True}

    def embed(words):
        x = model.embedding(words) * math.sqrt(8) + blocks.positional_encoding(12, 8)[: words.shape[1]]
        return model.dropout(x, **keep)

    hidden = (source != 0)[:, None, None, :]
    memory = model.encoder(embed(source), attention_mask=hidden, **keep)
    masks = {"attention_mask": blocks.decoder_mask(target), "cross_attention_mask": hidden}
    return model.logits(model.decoder(embed(target), memory, **masks, **keep))


@check("smoothed_cross_entropy")
def smoothed_cross_entropy_can_be_trained(smoothed_cross_entropy):
    labels = tokens([[3, 1, 6, 2], [4, 0, 0, 0]])
    expect_gradients(lambda logits: smoothed_cross_entropy(labels, logits), logits=fixed_normal(2, 4, 7))
    expect_any_batch(smoothed_cross_entropy, labels, fixed_normal(2, 4, 7))


@check("beam_search")
def so_many_openings_go_on(beam_search):
    # Each step has one row for each opening that goes on, so what the model is asked tells the width.
    first = [0, 0, 0, 0.4, 0.3, 0.2, 0.1]
    then = {3: [0, 0, 0.5, 0.3, 0.2, 0, 0], 4: [0, 0, 0.6, 0.35, 0, 0.05, 0], 5: [0, 0, 0.1, 0, 0, 0.5, 0.4]}
    # Of 3 and 4 the likeliest continuation is END both times, which leaves none of two openings and one of three.
    for size, right in ((2, [1, 2]), (3, [1, 3, 1, 2])):
        step, state = opening_table(first, then)
        counts = [0] * 5

        def counted(latest, state, step=step, counts=counts):
            counts[int(to_numpy(state["place"])[0])] += len(latest)
            logits, later = step(latest, {"seen": state["seen"]})
            return logits, later | {"place": state["place"] + 1}

        state["place"] = ops.zeros((1,), "int32")
        attempt(f"`beam_size={size}` does not work", beam_search, counted, state, 1, END, 4, size, 0.0)
        asked = [count for count in counts if count]
        expect(asked[:1] == [1], "the first step has one opening, the empty one")
        expect(
            asked[:2] == right[:2],
            f"with beam_size={size}, {size} openings go on after the first step, and yours are {asked[1:2]}: is "
            "`beam_size` used, not its default?",
        )
        expect(
            asked[:3] == right[:3],
            f"with beam_size={size} the best {size} continuations count those that end: {right[2:3] or 'none'} go on "
            f"after the second step, and yours are {asked[2:3] or 'none'}",
        )
        expect(
            asked == right,
            f"each step takes the best {size} anew, however many have ended: the steps have {right} openings, and yours {asked}",
        )


@check("beam_search")
def every_opening_keeps_its_own_state(beam_search):
    def step(latest, state):
        place, seen = to_numpy(state["place"]), to_numpy(state["seen"])
        seen = np.where(place == 1, to_numpy(latest), seen)
        rows = np.zeros((len(seen), 6))
        for row, (where, token) in enumerate(zip(place, seen, strict=True)):
            if where == 0:
                rows[row, [3, 4]] = 0.55, 0.45
            elif where == 1:
                rows[row, [5, 2]] = 0.9, 0.1
            else:
                rows[row, [5, 3, 4]] = (0.9, 0.1, 0) if token == 4 else (0.4, 0.3, 0.3)
        logits = ops.convert_to_tensor(np.log(np.maximum(rows, 1e-9)).astype("float32"))
        return logits, {"place": ops.convert_to_tensor(place + 1), "seen": ops.convert_to_tensor(seen)}

    state = {"place": ops.zeros((1,), "int32"), "seen": ops.zeros((1,), "int32")}
    found, _ = expect_pair(beam_search(step, state, 1, END, 3, 2, 0.0), "(tokens, score)")
    found = to_numpy(ops.convert_to_tensor(found)).tolist()
    sentence = "`select` is to take, for each opening, the row that it came from, not one row for all"
    expect(found == [4, 5, 5], f"{sentence}: 4 5 5 is to win, and yours is {found}")


@check("beam_search")
def goes_on_while_openings_are_left(beam_search):
    first = [0, 0, 0.2, 0.6, 0.1, 0.1]
    then = {3: [0, 0, 0.3, 0, 0.7, 0]}

    def step(latest, state):
        table, _ = opening_table(first, then)
        logits, later = table(latest, {"seen": state["seen"]})
        sure = to_numpy(logits).copy()
        sure[to_numpy(latest) == 4] = np.log([1e-9, 1e-9, 0.95, 0.05, 1e-9, 1e-9])
        return ops.convert_to_tensor(sure), later

    state = {"seen": ops.zeros((1,), "int32")}
    found, _ = expect_pair(beam_search(step, state, 1, END, 6, 2, 0.0), "(tokens, score)")
    found = to_numpy(ops.convert_to_tensor(found)).tolist()
    sentence = "that `beam_size` openings have ended is no reason to stop: the others may still win"
    expect(found == [3, 4, END], f"{sentence}: 3 4 END is to win, and yours is {found}")

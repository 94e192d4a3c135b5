"""Visible checks of Lab 1, attention: worked examples, properties, agreement with Keras."""

import functools
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
    expect_fresh,
    expect_half,
    expect_made_once,
    expect_no_dropout,
    expect_parts,
    expect_untouched,
    kept,
)
from course.checking.mistakes import (
    alike,
    attempt,
    expect_any_batch,
    expect_attention,
    expect_or_name_mistake,
    expect_other_shape,
    expect_output_and_weights,
    reference_attention,
    set_dense,
)

ONE_HEAD = ("query_dense", "key_dense", "value_dense")
MANY_HEADS = (*ONE_HEAD, "output_dense")


def floats(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="float32"))


@check("softmax")
def logs_of_1_and_3_become_a_quarter_and_three_quarters(softmax):
    e = np.array([[1.0, 3.0], [2.0, 3.0]])  # exp(scores)
    weights = np.array([[1 / 4, 3 / 4], [2 / 5, 3 / 5]])
    mistakes = {
        "the sum runs over the whole tensor: give it the `axis`, so that each row sums to 1": e / 9,
        "each entry is divided by another row's sum: is `keepdims=True` missing?": e / np.array([4, 5]),
        "the columns sum to 1, not the rows: the default is the last axis": e / np.array([3, 6]),
        "the scores are divided by their sum: where is `exp`?": np.log(e) / np.log([[3], [6]]),
        "that is 1 / (1 + exp(-score)), a sigmoid: each row is to sum to 1": e / (1 + e),
        "the maximum is subtracted above the division line but not below": e / [[12], [15]],
        "these are the logarithms of the weights": np.log(weights),
    }
    found = softmax(floats(np.log(e)))
    expect_or_name_mistake(found, weights, "divide exp of each score by the sum of its row", mistakes)


@check("softmax")
def weights_sum_to_one_along_the_axis(softmax):
    scores = fixed_normal(2, 3, 5)
    for axis in (-1, 0, 1):
        sentence = f"axis={axis} does not work: is `keepdims=True` missing in `max` or `sum`?"
        weights = attempt(sentence, softmax, scores, axis=axis)
        expect_shape(weights, (2, 3, 5), "the weights have the shape of the scores")
        ignored = axis != -1 and alike(ops.sum(weights, axis=-1), np.ones((2, 3)))
        expect(not ignored, f"with axis={axis} the last axis still sums to 1: is `axis` used?")
        expect_close(ops.sum(weights, axis=axis), 1.0, f"with axis={axis} that axis does not sum to 1")
        sentence = f"with axis={axis} the weights are off: is the maximum taken along the same axis?"
        expect_close(weights, ops.softmax(scores, axis=axis), sentence)


@check("softmax")
def works_inside_a_model(softmax):
    sentence = "inside a model it stops: build it from `ops.exp`, `ops.max` and `ops.sum`, not from NumPy's"
    weights = attempt(sentence, softmax, keras.KerasTensor((2, 3)))
    expect(tuple(weights.shape) == (2, 3), "inside a model, too, the weights have the shape of the scores")


@check("softmax")
def scores_of_any_size_give_no_nan(softmax):
    three = math.log(3)
    scores = [[1000, 1000 + three], [0, three], [-1000, three - 1000], [-1000, 1000]]
    fine, nan, half, last, infinite = [0.25, 0.75], [math.nan] * 2, [0.5, 0.5], [0, 1], [0, math.nan]
    mistakes = {
        "exp(1000) is too large for a number: first subtract the maximum": [nan, fine, nan, infinite],
        "a score far above the mean overflows: subtract the maximum": [fine, fine, fine, infinite],
        "a row far below the maximum of all rows becomes 0 / 0: each row has its own": [fine, nan, nan, last],
        "large scores that differ get equal weights: are the scores clipped?": [half, fine, half, last],
    }
    message = "very large or very small scores go wrong: subtract the maximum of each row first"
    expect_or_name_mistake(softmax(floats(scores)), [fine, fine, fine, last], message, mistakes)


@check("scaled_dot_product_attention")
def scores_are_divided_by_the_root_of_key_dim(attention):
    # q.k is 2 ln 3 and 0; divided by sqrt(4) the first is ln 3, and the weights are 3/4 and 1/4.
    query, key = floats([[[math.log(3), math.log(3), 0, 0]]]), floats([[[1, 1, 5, 5], [0, 0, -2, 3]]])
    sentence = "a batch of one does not work: do only the last two axes of `key` change places?"
    weights = expect_pair(attempt(sentence, attention, query, key, fixed_normal(1, 2, 3)))[1]
    expect_other_shape(weights, (1, 1, 3), "the output comes first, the weights second")

    def with_score(score):
        return np.array([[[3**score / (3**score + 1), 1 / (3**score + 1)]]])

    mistakes = {
        "the scores are not scaled: divide them by sqrt(key_dim)": with_score(2),
        "the scores are divided by key_dim: take its square root": with_score(2 / 4),
        "the scores are multiplied by sqrt(key_dim): divide": with_score(2 * 2),
        "the scores are divided by the root of the number of keys: use key_dim": with_score(2 / math.sqrt(2)),
        "the scores are divided by the root of the values' width: use that of the key": with_score(
            2 / math.sqrt(3)
        ),
        "the weights are divided by sqrt(key_dim): divide the scores, before the softmax": with_score(2) / 2,
        "these are scores, not weights: the softmax is missing": [[[math.log(3), 0]]],
        "each weight is 1: the softmax runs over the queries, not over the keys": [[[1, 1]]],
    }
    expect_or_name_mistake(
        weights, with_score(1), "q.k = 2 ln 3 and 0, key_dim 4: 3/4 and 1/4 are due", mistakes
    )


@check("scaled_dot_product_attention")
def every_query_spreads_a_weight_of_one_over_the_keys(attention):
    query, key, value = fixed_normal(2, 3, 4), fixed_normal(2, 5, 4), fixed_normal(2, 5, 6)
    sentence = "a batch of two does not work: do only the last two axes of `key` change places?"
    output, weights = expect_pair(attempt(sentence, attention, query, key, value))
    expect_shape(weights, (2, 3, 5), "one weight for each query and key")
    expect_shape(output, (2, 3, 6), "one output for each query, as wide as a value")
    columns = alike(ops.sum(weights, axis=-2), np.ones((2, 5)))
    expect(not columns, "the weights of a key sum to 1, not those of a query: the softmax runs over the keys")
    expect_close(ops.sum(weights, axis=-1), 1.0, "the weights of each query sum to 1")
    expect_close(output, ops.matmul(weights, value), "the output is the weighted mean of the values")


MASKED = "with a mask it stops: ask `if mask is not None`, and let `ops.where` choose between scores and `FORBIDDEN`"


@check("scaled_dot_product_attention")
def a_masked_key_gets_no_weight(attention):
    # Every score is ln 2, so a query weighs alike all keys it may attend to.
    query, key = floats(np.full((1, 2, 4), math.log(2))), floats(np.full((1, 4, 4), 0.5))
    allowed = np.array([[[True, True, False, False], [True, True, True, False]]])
    result = attempt(
        MASKED, attention, query, key, fixed_normal(1, 4, 3), mask=ops.convert_to_tensor(allowed)
    )
    weights = expect_pair(result)[1]

    def shares(parts):
        return parts / parts.sum(axis=-1, keepdims=True)

    mistakes = {
        "the mask is inverted: `True` means may attend, and here it hides": shares(1.0 * ~allowed),
        "the mask changes nothing: is it used?": np.full((1, 2, 4), 0.25),
        "masked weights no longer sum to 1: hide scores, before the softmax, not weights": allowed / 4,
        "a hidden score became 0, but exp(0) = 1: use a large negative number": shares(1.0 + allowed),
        "the mask was added as 1 and 0: hiding takes a large negative number": shares(np.exp(1.0 * allowed)),
    }
    expect_or_name_mistake(
        weights, shares(1.0 * allowed), "a query weighs only the keys its mask allows", mistakes
    )


@check("scaled_dot_product_attention")
def a_query_that_may_attend_nowhere_gives_no_nan(attention):
    allowed = ops.convert_to_tensor([[False, False, False], [True, False, True]])
    sentence = "NaN where the mask allows nothing: hide with `FORBIDDEN`, which is finite, not with infinity"
    inputs = fixed_normal(4, 2, 5), fixed_normal(4, 3, 5), fixed_normal(4, 3, 6)
    for result in expect_pair(attempt(MASKED, attention, *inputs, mask=allowed)):
        expect(np.isfinite(to_numpy(result)).all(), sentence)


@check("scaled_dot_product_attention")
def works_inside_a_model_of_any_batch(attention):
    query, key, value = (keras.KerasTensor((None, *shape)) for shape in ((3, 4), (5, 4), (5, 6)))
    sentence = (
        "inside a model it stops: build it from `ops`, not from NumPy, and without a loop over the batch"
    )
    output, weights = expect_pair(attempt(sentence, attention, query, key, value))
    expect(tuple(weights.shape)[1:] == (3, 5) and tuple(output.shape)[1:] == (3, 6), sentence)


@check("scaled_dot_product_attention")
def agrees_with_keras_on_several_heads(attention):
    query, key, value = fixed_normal(2, 3, 4, 5), fixed_normal(2, 3, 6, 5), fixed_normal(2, 3, 6, 5, seed=1)
    per_query, per_key = fixed_normal(4, 6, seed=1) < 0.5, fixed_normal(2, 1, 1, 6) < 0.5
    masks = {"no mask": None, "a mask (query, key)": per_query, "a mask (batch, 1, 1, key)": per_key}
    for name, mask in masks.items():
        sentence = f"(batch, heads, length, dim) with {name} does not work: "
        sentence += (
            "count axes from the end"
            if mask is None
            else "is it left as it is, and are axes counted from the end?"
        )
        output, _ = expect_pair(attempt(sentence, attention, query, key, value, mask=mask))
        expected, _ = blocks.scaled_dot_product_attention(query, key, value, mask=mask)
        expect_close(output, expected, f"{name}: the output is not that of keras.ops.dot_product_attention")


@check("causal_mask")
def three_positions_see_one_two_and_three(causal_mask):
    seen = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    mistakes = {
        "a position does not see itself: it may": np.tril(seen, -1),
        "the mask is transposed, all see the future: rows are queries, columns are keys": seen.T,
        "the mask is inverted: `True` means may attend": 1 - seen,
        "every position sees one step into the future: is the diagonal off by one?": np.tri(3, k=1),
        "every position sees only itself: the past is to be seen, too": np.eye(3),
        "everything is visible: hide the future": np.ones((3, 3)),
        "these are numbers to add to the scores: here a mask says True and False": -1e9 * (1 - seen),
    }
    message = "query 0 sees key 0, query 1 sees keys 0 and 1, query 2 sees all three"
    expect_or_name_mistake(causal_mask(3), seen, message, mistakes)


@check("causal_mask")
def says_true_and_false_for_any_length(causal_mask):
    for length in (1, 2, 7):
        mask = causal_mask(length)
        expect_boolean(mask, "a mask holds True and False, not numbers: compare positions, or cast to bool")
        expect_shape(mask, (length, length), "(query, key)")
        visible = np.sum(to_numpy(mask), axis=-1)
        message = f"for length {length} the first query sees 1 key, the next 2, and so on"
        expect_close(visible, np.arange(1, length + 1), message)


@check("padding_mask")
def lengths_3_and_1_show_three_keys_and_one(padding_mask):
    seen = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    mask = padding_mask(ops.convert_to_tensor([3, 1], dtype="int32"), 5)
    expect_other_shape(mask, (2, 1, 5, 1), "padded queries are hidden: keys are to be, on the last axis")
    expect_other_shape(mask, (2, 1, 1, 3), "the last axis is as long as the longest sequence: use max_length")
    expect_shape(mask, (2, 1, 1, 5), "(batch, 1, 1, max_length), the 1s for all heads and all queries")
    mistakes = {
        "the mask is inverted: `True` means a real key": 1 - seen,
        "one padded key is visible: positions count from 0": np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]),
        "the last real key is hidden: positions count from 0": np.array([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]),
        "the first keys are hidden: padding stands at the end": seen[:, ::-1],
    }
    message = "a key is real where its position is below the length"
    expect_or_name_mistake(ops.squeeze(mask, (1, 2)), seen, message, mistakes)
    expect_boolean(mask, "a mask holds True and False, not numbers")


@check("padding_mask")
def lengths_may_be_a_list_or_an_array(padding_mask):
    seen = np.array([[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]])[:, None, None]
    integers = np.array([4, 0, 2], dtype="int64")
    for name, lengths, cure in (
        ("a Python list", [4, 0, 2], "turn `lengths` into a tensor first, with ops.convert_to_tensor"),
        ("a NumPy array", integers, "its integers have 64 bits; give `ops.arange` the same dtype"),
        ("a tensor of 64-bit integers", ops.convert_to_tensor(integers), "give `ops.arange` the same dtype"),
    ):
        mask = attempt(f"lengths in {name} do not work: {cure}", padding_mask, lengths, 4)
        expect_close(mask, seen, f"lengths 4, 0 and 2 in {name} show four keys, none and two")


SWAPPED = {"names": ("key_dense", "query_dense", "value_dense")}
KEYS_AS_VALUES = {"names": ("query_dense", "key_dense", "key_dense")}


def mask_mistakes(mask):
    return {
        "the mask changes nothing: pass it on to the attention": {"mask": None},
        "the mask is inverted: `True` already means may attend": {"mask": ops.logical_not(mask)},
    }


@kept
def one_head(SelfAttention):
    """A layer 4 wide with fixed weights, inputs, and Keras' attention for them."""
    layer, inputs = SelfAttention(4), fixed_normal(2, 3, 5)
    layer(inputs)
    set_dense(layer, *ONE_HEAD)
    return layer, inputs, functools.partial(reference_attention, layer, inputs, inputs, inputs)


@check("SelfAttention")
def agrees_with_keras(SelfAttention):
    layer, inputs, attends = one_head(SelfAttention)
    mistakes = {
        "queries and keys have changed places": SWAPPED,
        "the keys serve as values: values come from `value_dense`": KEYS_AS_VALUES,
        "the scores are not divided by sqrt(key_dim)": {"stretch": 2.0},
        "the scores are divided by the root of the inputs' width: use key_dim": {"stretch": math.sqrt(4 / 5)},
    }
    expect_attention(
        expect_output_and_weights(layer(inputs), (2, 3, 4), (2, 1, 3, 3)), attends(), attends, mistakes
    )


@check("SelfAttention")
def a_mask_hides_keys(SelfAttention):
    layer, inputs, attends = one_head(SelfAttention)
    padding = np.array([[True, True, False], [True, False, False]])[:, None, None]
    causal = np.tri(3, dtype=bool)
    for mask in map(ops.convert_to_tensor, (causal, padding, causal & padding)):
        sentence = f"a mask of shape {tuple(mask.shape)} does not work: is there an axis of heads?"
        found = expect_output_and_weights(
            attempt(sentence, layer, inputs, attention_mask=mask), (2, 3, 4), (2, 1, 3, 3)
        )
        expect_attention(found, attends(mask=mask), attends, mask_mistakes(mask))


@check("split_heads")
def six_channels_become_two_heads_of_three(split_heads):
    x = 10.0 * np.arange(4)[None, :, None] + np.arange(6)  # 23 is position 2, channel 3
    heads, threes = np.stack([x[..., :3], x[..., 3:]], axis=1), x.reshape(1, 4, 3, 2)
    mistakes = {
        "one reshape alone mixes positions: split the width, then move the axis": x.reshape(1, 2, 4, 3),
        "the axis of heads was not moved: it belongs in front of the length": x.reshape(1, 4, 2, 3),
        "head 0 takes channels 0, 2, 4: a head's channels stand side by side": threes.transpose(0, 3, 1, 2),
        "length and head_dim have changed places": heads.swapaxes(2, 3),
        "the heads stand before the batch: the batch comes first": heads.swapaxes(0, 1),
        "these are three heads of two: `num_heads` is how many, not how wide": threes.swapaxes(1, 2),
        "the heads were folded into the batch: they need an axis of their own": heads[0],
    }
    message = "of x[0, 2] = [20, 21, 22, 23, 24, 25] head 0 gets 20, 21, 22 and head 1 the rest"
    expect_or_name_mistake(split_heads(floats(x), 2), heads, message, mistakes)


@check("split_heads")
def splits_any_size(split_heads):
    for shape, num_heads in (((3, 4, 10), 5), ((2, 5, 6), 1), ((2, 3, 4), 4)):
        inputs = fixed_normal(*shape)
        message = f"{shape} in {num_heads} heads: head 0 owns the first channels, head 1 the next"
        expect_close(split_heads(inputs, num_heads), blocks.split_heads(inputs, num_heads), message)
    expect_any_batch(lambda inputs: split_heads(inputs, 2), inputs)


@check("merge_heads")
def two_heads_of_three_become_six_channels(merge_heads):
    x = 10.0 * np.arange(4)[None, :, None] + np.arange(6)
    heads = np.stack([x[..., :3], x[..., 3:]], axis=1)
    channels_first = heads.transpose(0, 2, 3, 1)
    mistakes = {
        "one reshape alone mixes positions: move the axis of heads first": heads.reshape(1, 4, 6),
        "the heads are interleaved: they stand side by side": channels_first.reshape(1, 4, 6),
        "the heads follow each other along the length: they belong in the width": heads.reshape(1, 8, 3),
        "the heads are averaged: each keeps its own channels": heads.mean(axis=1),
        "the heads are added up: each keeps its own channels": heads.sum(axis=1),
        "the axis was moved but not merged: a reshape is missing": heads.swapaxes(1, 2),
        "the length ends up last: it is the second axis": x.swapaxes(1, 2),
    }
    message = "from [20, 21, 22] in head 0 and [23, 24, 25] in head 1, position 2 gets 20 to 25"
    expect_or_name_mistake(merge_heads(floats(heads)), x, message, mistakes)


@check("merge_heads")
def undoes_a_split(merge_heads):
    for shape, num_heads in (((3, 4, 10), 5), ((2, 5, 6), 1), ((2, 3, 4), 4)):
        inputs = fixed_normal(*shape)
        message = f"{num_heads} heads do not become the {shape} they were cut from"
        expect_close(merge_heads(blocks.split_heads(inputs, num_heads)), inputs, message)
    expect_any_batch(merge_heads, blocks.split_heads(inputs, 2))


def many_heads(MultiHeadAttention, *inputs, use_bias=True):
    """A layer of 3 heads, 6 wide, with fixed weights."""
    layer = MultiHeadAttention(num_heads=3, hidden_dim=6, use_bias=use_bias)
    if len(inputs) == 1:
        sentence = "with a query alone it stops: is a missing `key` the query, and is each dense layer `hidden_dim` wide?"
    else:
        sentence = "4 queries and 7 keys do not work: queries are the rows, and values come from `key` if `value is None`"
    attempt(sentence, layer, *inputs)
    set_dense(layer, *MANY_HEADS, use_bias=use_bias)
    expect_shape(layer.output_dense.kernel, (6, 6), "`output_dense` takes all heads side by side")
    return layer


def keras_layer(layer, query, key, value):
    """`(output, weights)` of `keras.layers.MultiHeadAttention` with the weights of `layer`."""
    twin = keras.layers.MultiHeadAttention(3, 2, output_shape=6, use_bias=layer.query_dense.use_bias)
    twin.build(query.shape, value.shape, key.shape)
    for name in MANY_HEADS:
        for own, given in zip(getattr(twin, name).weights, getattr(layer, name).weights, strict=True):
            own.assign(ops.reshape(given, own.shape))
    return twin(query, value, key, return_attention_scores=True)


@check("MultiHeadAttention")
def agrees_with_keras_as_self_attention(MultiHeadAttention):
    inputs = fixed_normal(2, 4, 5)
    layer = many_heads(MultiHeadAttention, inputs)
    result = expect_pair(layer(inputs))
    expect_other_shape(result[1], (2, 1, 4, 4), "one head attends where three should: use `split_heads`")
    expect_other_shape(
        result[1], (2, 2, 4, 4), "3 heads of width 2 became 2 heads: `split_heads` takes their number"
    )
    expect_other_shape(result[1], (2, 4, 4), "the weights lost their axis of heads: return every head's")
    split = {"split": lambda part, heads: ops.reshape(part, (2, heads, 4, 2))}
    merge = {"merge": lambda output: ops.reshape(output, (2, 4, 6))}
    mistakes = {
        "queries and keys have changed places": SWAPPED,
        "the keys serve as values: values come from `value_dense`": KEYS_AS_VALUES,
        "the output projection is missing: it is `output_dense`, after the heads are merged": {
            "project": False
        },
        "the scores are divided by sqrt(hidden_dim): a head is narrower": {"stretch": math.sqrt(2 / 6)},
        "the scores are not divided by sqrt(head_dim)": {"stretch": math.sqrt(2)},
        "the heads are split by one reshape, which mixes positions: use `split_heads`": split,
        "the heads are merged by one reshape, which mixes positions: use `merge_heads`": merge,
        "heads are split and merged by one reshape each, which mixes positions": split | merge,
    }
    attends = functools.partial(reference_attention, layer, inputs, inputs, inputs, heads=3)
    found = expect_output_and_weights(result, (2, 4, 6), (2, 3, 4, 4))
    expect_attention(found, keras_layer(layer, inputs, inputs, inputs), attends, mistakes)


@check("MultiHeadAttention")
def agrees_with_keras_as_cross_attention(MultiHeadAttention):
    query, key, value = fixed_normal(2, 4, 5), fixed_normal(2, 7, 3), fixed_normal(2, 7, 3, seed=1)
    layer = many_heads(MultiHeadAttention, query, key, use_bias=False)
    attends = functools.partial(reference_attention, layer, query, key, heads=3)
    result = expect_pair(layer(query, key=key))
    expect_other_shape(result[1], (2, 3, 4, 4), "the query attends to itself although a `key` is given")
    found = expect_output_and_weights(result, (2, 4, 6), (2, 3, 4, 7))
    expect_attention(found, keras_layer(layer, query, key, key), attends, {})
    found = expect_output_and_weights(layer(query, key=key, value=value), (2, 4, 6), (2, 3, 4, 7))
    mistakes = {"`value` is not used: when it is given, `value_dense` is for it": {"value": key}}
    expect_attention(found, attends(value=value), attends, mistakes)


@check("MultiHeadAttention")
def a_mask_reaches_every_head(MultiHeadAttention):
    query, key = fixed_normal(2, 4, 5), fixed_normal(2, 7, 3)
    layer = many_heads(MultiHeadAttention, query, key)
    attends = functools.partial(reference_attention, layer, query, key, key, heads=3)
    padding = np.arange(7) < np.array([[7], [4]])[:, None, None]
    causal = np.tri(4, 7, k=2, dtype=bool)
    for mask in map(
        ops.convert_to_tensor,
        (padding, padding & causal, causal, padding[:1] & np.tri(3, 7)[:, None].astype(bool)),
    ):
        sentence = (
            f"a mask of shape {tuple(mask.shape)} does not work for 4 queries, 7 keys: is `key` used? And it "
        )
        sentence += "broadcasts to (batch, heads, query, key) by itself: pass it on as it is"
        result = attempt(sentence, layer, query, key=key, attention_mask=mask)
        found = expect_output_and_weights(result, (2, 4, 6), (2, 3, 4, 7))
        expect_attention(found, attends(mask=mask), attends, mask_mistakes(mask))


# --- what learning needs ----------------------------------------------------------------------------------


@check("softmax")
def softmax_can_be_trained_in_half_precision_too(softmax):
    expect_gradients(softmax, scores=fixed_normal(2, 3, 5))
    expect_half(softmax, fixed_normal(2, 3, 5, scale=3.0))


@check("scaled_dot_product_attention")
def attention_can_be_trained_with_and_without_a_mask(attention):
    inputs = {"query": fixed_normal(2, 3, 4), "key": fixed_normal(2, 5, 4), "value": fixed_normal(2, 5, 6)}
    allowed = ops.convert_to_tensor(np.tri(3, 5, k=1, dtype=bool))
    expect_gradients(attention, **inputs)
    expect_gradients(functools.partial(attention, mask=allowed), **inputs)
    query, key = floats(np.full((1, 1, 4), -20.0)), floats(np.full((1, 2, 4), 25.0))  # every score is -1000
    _, weights = attention(query, key, fixed_normal(1, 2, 3), mask=ops.convert_to_tensor([[True, False]]))
    sentence = "an allowed score of -1000 gets less weight than a hidden one: hide with a number far below, `FORBIDDEN`"
    expect_close(weights, np.array([[[1.0, 0.0]]]), sentence)


@check("SelfAttention")
def self_attention_can_be_trained_and_drops_nothing(SelfAttention):
    layer, inputs, _ = one_head(SelfAttention)
    expect_parts(layer, *ONE_HEAD, weights=3 * (5 * 4 + 4))
    expect_no_dropout(layer, inputs)
    expect_gradients(layer, layer, inputs=inputs)
    expect_made_once(layer, inputs)
    expect_fresh(layer, (inputs,), (fixed_normal(2, 3, 5, seed=9),))


@check("split_heads")
def split_heads_lets_gradients_through(split_heads):
    expect_gradients(lambda inputs: split_heads(inputs, 2), inputs=fixed_normal(2, 3, 6))


@check("merge_heads")
def merge_heads_lets_gradients_through(merge_heads):
    expect_gradients(merge_heads, inputs=fixed_normal(2, 3, 4, 5))


@check("MultiHeadAttention")
def multi_head_attention_can_be_trained_and_keeps_nothing(MultiHeadAttention):
    query, key, value = fixed_normal(2, 4, 5), fixed_normal(2, 7, 3), fixed_normal(2, 7, 2)
    layer = MultiHeadAttention(num_heads=3, hidden_dim=6)
    layer(query, key=key, value=value)
    set_dense(layer, *MANY_HEADS)
    expect_parts(layer, *MANY_HEADS, weights=(5 + 3 + 2 + 6 + 4) * 6)
    expect_no_dropout(layer, query, key=key, value=value)
    expect_gradients(
        lambda query, key, value: layer(query, key=key, value=value), layer, query=query, key=key, value=value
    )
    expect_made_once(layer, query, key=key, value=value)
    expect_fresh(lambda key: layer(query, key=key, value=value)[1], (key,), (fixed_normal(2, 7, 3, seed=9),))
    expect_fresh(
        lambda value: layer(query, key=key, value=value)[0], (value,), (fixed_normal(2, 7, 2, seed=9),)
    )


@check("padding_mask")
def leaves_the_lengths_alone(padding_mask):
    expect_untouched(padding_mask, lengths=np.array([3, 1, 4]), max_length=5)
    expect_fresh(padding_mask, ([3, 1], 5), ([2, 4], 5))

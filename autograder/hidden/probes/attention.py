"""Hidden probes of Lab 1, attention. They hold no expected value; the description is what a learner may read."""

import numpy as np
from keras import ops

from autograder.judge.probe import distinct, given, normal, prepare, probe, set_weights, shared, switch_off

ONE_HEAD = ("query_dense", "key_dense", "value_dense")
MANY_HEADS = (*ONE_HEAD, "output_dense")

# The sizes of what comes in are known in this lab; what a model is trained with open, the labs on models ask for.
KNOWN = "this lab calls it on tensors whose shape is known"
for exercise in ("scaled_dot_product_attention", "padding_mask", "SelfAttention", "MultiHeadAttention"):
    switch_off(exercise, KNOWN, "batch")


def some_hidden(rng, *shape):
    """Boolean mask whose every row hides at least one entry and leaves at least two, whatever the seed.

    One entry alone would get a weight of 1, however wrong its score.
    """
    rank = rng.random(shape).argsort(axis=-1)
    return ops.convert_to_tensor(rank < rng.integers(2, shape[-1], size=(*shape[:-1], 1)))


def some_lengths(rng, batch, max_length):
    """Lengths of which one is full and the others are shorter, but not empty."""
    lengths = rng.integers(1, max_length, size=batch)
    lengths[rng.integers(batch)] = max_length
    return lengths


def causal_and_padding(rng, batch, length):
    """Mask as `(batch, 1, length, length)`: one part for the queries, one for the keys, combined.

    Drawn, not made as the exercises make it, because a probe holds no answer.
    """
    both = ops.logical_and(some_hidden(rng, length, length), some_hidden(rng, batch, 1, 1, length))
    itself = np.eye(length, dtype=bool)
    return ops.logical_or(both, itself | np.roll(itself, 1, axis=1))  # everybody keeps two keys


# --- softmax ----------------------------------------------------------------------------------------------


@probe("softmax", "on a batch of scores", half=True, width=True)
def last_axis(softmax, rng):
    return softmax(normal(rng, distinct(rng, 3)))


@probe("softmax", "along another axis than the last")
def other_axis(softmax, rng):
    scores = normal(rng, distinct(rng, 4, low=3))
    return softmax(scores, axis=0), softmax(scores, axis=1), softmax(scores, axis=-2)


@probe("softmax", "on a single list of scores")
def one_row(softmax, rng):
    return softmax(normal(rng, distinct(rng, 1, low=5)), axis=0)


@probe(
    "softmax",
    "on large scores",
    without={"slopes": "right formulas differ there: 0 times infinity on the way back"},
)
def large(softmax, rng):
    return softmax(1000.0 + normal(rng, distinct(rng, 2, low=3))), softmax(normal(rng, (7, 5), scale=500))


@probe("softmax", "on rows of very different size")
def rows_far_apart(softmax, rng):
    levels = rng.permutation([-1e9, -900.0, 0.0, 900.0])[:, None]  # -1e9: a row of forbidden scores
    return softmax(given(levels + rng.normal(size=(4, 6)), slope=False))


# --- scaled_dot_product_attention -------------------------------------------------------------------------


@probe("scaled_dot_product_attention", "without a mask")
def plain(attention, rng):
    batch, queries, keys, key_dim, value_dim = distinct(rng, 5, low=3)
    return attention(
        *normal(rng, (batch, queries, key_dim), (batch, keys, key_dim), (batch, keys, value_dim))
    )


@probe("scaled_dot_product_attention", "on one sequence, without a batch axis")
def no_batch(attention, rng):
    queries, keys, key_dim, value_dim = distinct(rng, 4, low=3)
    return attention(*normal(rng, (queries, key_dim), (keys, key_dim), (keys, value_dim)))


@probe("scaled_dot_product_attention", "with a mask", weight=2)
def masked(attention, rng):
    batch, queries, keys, key_dim, value_dim = distinct(rng, 5, low=3)
    parts = normal(rng, (batch, queries, key_dim), (batch, keys, key_dim), (batch, keys, value_dim))
    mask = some_hidden(rng, batch, queries, keys)
    # All scores are near -160: what is forbidden has to lie below the lowest of them.
    far = (160.0 / key_dim**0.5) ** 0.5
    low = [0.2 * parts[0] + far, 0.2 * parts[1] - far, parts[2]]
    return attention(*parts, mask=mask), attention(*low, mask=mask)


@probe("scaled_dot_product_attention", "with several heads and masks that broadcast", weight=2)
def masks_that_broadcast(attention, rng):
    batch, heads, queries, keys, key_dim, value_dim = distinct(rng, 6, low=3, high=10)
    lead = (batch, heads)
    parts = normal(rng, (*lead, queries, key_dim), (*lead, keys, key_dim), (*lead, keys, value_dim))
    per_query, per_key = some_hidden(rng, queries, keys), some_hidden(rng, batch, 1, 1, keys)
    both = ops.logical_and(per_query, some_hidden(rng, 1, heads, 1, keys))
    both = ops.logical_or(both, ops.arange(keys) == 0)  # every query may attend somewhere
    return [attention(*parts, mask=mask) for mask in (per_query, per_key, both)]


def finite_and_right_elsewhere(arrays, expected):
    """A row that may attend nowhere may hold any finite weights; the other rows must agree."""
    if sorted(arrays) != sorted(expected):
        return "output and weights are expected"
    somewhere = expected["allowed"].any(axis=-1)  # (batch, queries)
    for path in ("result.0", "result.1"):
        found, wanted = arrays[path], expected[path]
        if found.shape != wanted.shape or found.dtype.kind != "f":
            return f"numbers of shape {wanted.shape} are expected, not {found.dtype} of shape {found.shape}"
        if not np.isfinite(found).all():
            return "those queries give NaN"
        if not np.allclose(found[somewhere], wanted[somewhere], rtol=1e-4, atol=1e-4):
            return "the values of the other queries are not right"
    return None


@probe(
    "scaled_dot_product_attention",
    "where some queries have all their keys hidden",
    compare=finite_and_right_elsewhere,
    finite_slopes="what such a query gives is not determined, so neither is its slope",
)
def nowhere_to_attend(attention, rng):
    batch, queries, keys, key_dim, value_dim = distinct(rng, 5, low=3)
    parts = normal(rng, (batch, queries, key_dim), (batch, keys, key_dim), (batch, keys, value_dim))
    nowhere = rng.permutation(queries)[: rng.integers(1, queries)]
    allowed = ops.convert_to_numpy(some_hidden(rng, batch, queries, keys)).copy()
    allowed[:, nowhere] = False
    return {"result": attention(*parts, mask=ops.convert_to_tensor(allowed)), "allowed": allowed}


# --- causal_mask ------------------------------------------------------------------------------------------


@probe("causal_mask", "for a short sequence")
def short(causal_mask, rng):
    return causal_mask(int(rng.integers(3, 7)))


@probe("causal_mask", "for a longer sequence")
def longer(causal_mask, rng):
    return causal_mask(int(rng.integers(20, 40)))


@probe("causal_mask", "for a sequence of one")
def alone(causal_mask, rng):
    return causal_mask(1)


@probe("causal_mask", "together with a padding mask")
def with_padding(causal_mask, rng):
    batch, length = distinct(rng, 2, low=4)
    return ops.logical_and(causal_mask(length), some_hidden(rng, batch, 1, 1, length))


# --- padding_mask -----------------------------------------------------------------------------------------


@probe("padding_mask", "with lengths in a tensor")
def lengths_in_a_tensor(padding_mask, rng):
    batch, max_length = distinct(rng, 2, low=4, high=12)
    lengths = some_lengths(rng, batch, max_length - 1)  # the longest sequence is padded, too
    return padding_mask(ops.convert_to_tensor(lengths.astype("int32")), max_length)


@probe("padding_mask", "with lengths in a list")
def lengths_in_a_list(padding_mask, rng):
    batch, max_length = distinct(rng, 2, low=4, high=12)
    return padding_mask(some_lengths(rng, batch, max_length).tolist(), max_length)


@probe("padding_mask", "with lengths in a NumPy array or as 64-bit integers")
def lengths_as_int64(padding_mask, rng):
    batch, max_length = distinct(rng, 2, low=4, high=12)
    lengths = some_lengths(rng, batch, max_length).astype("int64")
    return padding_mask(lengths, max_length), padding_mask(ops.convert_to_tensor(lengths), max_length)


@probe("padding_mask", "with empty and full sequences")
def empty_and_full(padding_mask, rng):
    max_length = int(rng.integers(5, 12))
    lengths = rng.permutation([0, 1, max_length - 1, max_length])
    return padding_mask(ops.convert_to_tensor(lengths.astype("int32")), max_length)


# --- SelfAttention ----------------------------------------------------------------------------------------


def one_head(SelfAttention, rng):
    """A built layer with drawn weights, and inputs `(batch, length, width)`."""
    batch, length = distinct(rng, 2, low=3, high=6)
    width, key_dim = distinct(rng.common, 2, low=6)
    inputs = normal(rng, (batch, length, width))
    widths = dict.fromkeys(ONE_HEAD, width)
    layer = shared(SelfAttention, key_dim, call=lambda layer: prepare(layer, rng.common, inputs, **widths))
    set_weights(layer, rng, *ONE_HEAD)
    return layer, inputs


@probe("SelfAttention", "without a mask", weight=2)
def attends_to_itself(SelfAttention, rng):
    layer, inputs = one_head(SelfAttention, rng)
    return layer(inputs)


@probe("SelfAttention", "with a causal mask")
def sees_no_future(SelfAttention, rng):
    layer, inputs = one_head(SelfAttention, rng)
    length = inputs.shape[1]
    return layer(inputs, attention_mask=some_hidden(rng, length, length))


@probe("SelfAttention", "with a padding mask")
def sees_no_padding(SelfAttention, rng):
    layer, inputs = one_head(SelfAttention, rng)
    batch, length, _ = inputs.shape
    return layer(inputs, attention_mask=some_hidden(rng, batch, 1, 1, length))


@probe("SelfAttention", "with causal and padding mask together")
def sees_neither(SelfAttention, rng):
    layer, inputs = one_head(SelfAttention, rng)
    batch, length, _ = inputs.shape
    return layer(inputs, attention_mask=causal_and_padding(rng, batch, length))


# --- split_heads and merge_heads --------------------------------------------------------------------------


@probe("split_heads", "on drawn sizes", weight=2)
def splits_drawn_sizes(split_heads, rng):
    batch, length, num_heads, head_dim = distinct(rng, 4)
    return split_heads(normal(rng, (batch, length, num_heads * head_dim)), num_heads)


@probe("split_heads", "when there are as many heads as positions")
def splits_a_square(split_heads, rng):
    batch, size, head_dim = distinct(rng, 3)
    return split_heads(normal(rng, (batch, size, size * head_dim)), size)


@probe("split_heads", "with one head, and with heads one channel wide")
def splits_at_the_limits(split_heads, rng):
    inputs = normal(rng, distinct(rng, 3))
    return split_heads(inputs, 1), split_heads(inputs, inputs.shape[-1])


@probe("merge_heads", "on drawn sizes", weight=2)
def merges_drawn_sizes(merge_heads, rng):
    return merge_heads(normal(rng, distinct(rng, 4)))


@probe("merge_heads", "when there are as many heads as positions")
def merges_a_square(merge_heads, rng):
    batch, size, head_dim = distinct(rng, 3)
    return merge_heads(normal(rng, (batch, size, size, head_dim)))


@probe("merge_heads", "with one head, and with heads one channel wide")
def merges_at_the_limits(merge_heads, rng):
    batch, heads, length, head_dim = distinct(rng, 4)
    return merge_heads(normal(rng, (batch, 1, length, head_dim))), merge_heads(
        normal(rng, (batch, heads, length, 1))
    )


# --- MultiHeadAttention -----------------------------------------------------------------------------------


def many_heads(MultiHeadAttention, rng, *inputs, num_heads=None, **kwargs):
    """A layer built on `inputs`, with drawn weights."""
    drawn_heads, head_dim = distinct(rng, 2)
    num_heads = num_heads or drawn_heads
    hidden_dim = num_heads * head_dim
    layer = MultiHeadAttention(num_heads=num_heads, hidden_dim=hidden_dim, **kwargs)
    query_width, key_width, value_width = [inputs[min(part, len(inputs) - 1)].shape[-1] for part in range(3)]
    widths = dict(zip(MANY_HEADS, (query_width, key_width, value_width, hidden_dim), strict=True))
    prepare(layer, rng, *inputs, **widths)
    return layer


@probe("MultiHeadAttention", "as self-attention", weight=2)
def many_heads_on_themselves(MultiHeadAttention, rng):
    inputs = normal(rng, distinct(rng, 3, low=3))
    return many_heads(MultiHeadAttention, rng, inputs)(inputs)


@probe("MultiHeadAttention", "as cross-attention with a padding mask", weight=2)
def many_heads_on_another(MultiHeadAttention, rng):
    batch, queries, keys, query_width, key_width = distinct(rng, 5, low=3)
    query, key = normal(rng, (batch, queries, query_width), (batch, keys, key_width))
    mask = some_hidden(rng, batch, 1, 1, keys)
    return many_heads(MultiHeadAttention, rng, query, key)(query, key=key, attention_mask=mask)


@probe("MultiHeadAttention", "with values of their own")
def values_of_their_own(MultiHeadAttention, rng):
    batch, queries, keys, query_width, width = distinct(rng, 5, low=3)
    # As wide as the keys: whoever takes one for the other then gives a wrong result, which tells more than an error.
    shapes = (batch, queries, query_width), (batch, keys, width), (batch, keys, width)
    query, key, value = normal(rng, *shapes)
    return many_heads(MultiHeadAttention, rng, query, key, value)(query, key=key, value=value)


@probe("MultiHeadAttention", "without biases, with causal and padding mask together")
def no_bias_and_two_masks(MultiHeadAttention, rng):
    batch, length, width = distinct(rng, 3, low=3)
    inputs = normal(rng, (batch, length, width))
    mask = causal_and_padding(rng, batch, length)
    layer = many_heads(MultiHeadAttention, rng, inputs, use_bias=False)
    causal = some_hidden(rng, length, length)  # without axes for batch and heads
    return layer(inputs, attention_mask=mask), layer(inputs, attention_mask=causal)


@probe("MultiHeadAttention", "with one head")
def a_single_head(MultiHeadAttention, rng):
    inputs = normal(rng, distinct(rng, 3, low=3))
    return many_heads(MultiHeadAttention, rng, inputs, num_heads=1)(inputs)

"""Right answers to Lab 1 that look different from the reference. Every gate must let them through."""

import math

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from solutions.attention import merge_heads, scaled_dot_product_attention, softmax, split_heads

# --- softmax ----------------------------------------------------------------------------------------------


@alternative("softmax")
def from_differences(scores, axis=-1):
    """1 / sum_j exp(score_j - score_i): an overflow means a weight of 0, as it should."""
    scores = ops.moveaxis(scores, axis, -1)
    differences = scores[..., None, :] - scores[..., :, None]
    return ops.moveaxis(1.0 / ops.sum(ops.exp(differences), axis=-1), -1, axis)


@alternative("softmax")
def through_the_logarithm(scores, axis=-1):
    shifted = scores - ops.max(scores, axis=axis, keepdims=True)
    return ops.exp(shifted - ops.log(ops.sum(ops.exp(shifted), axis=axis, keepdims=True)))


@alternative("softmax")
def entry_by_entry(scores, axis=-1):
    entries = ops.unstack(scores, axis=axis)
    largest = entries[0]
    for entry in entries[1:]:
        largest = ops.maximum(largest, entry)
    raised = [ops.exp(entry - largest) for entry in entries]
    total = sum(raised)
    return ops.stack([entry / total for entry in raised], axis=axis)


@alternative("softmax")
def with_powers_of_two(scores, axis=-1):
    powers = ops.power(2.0, (scores - ops.amax(scores, axis=axis, keepdims=True)) / math.log(2.0))
    return ops.divide(powers, ops.expand_dims(ops.sum(powers, axis=axis), axis))


# --- scaled_dot_product_attention -------------------------------------------------------------------------


@alternative("scaled_dot_product_attention")
def einsum_with_additive_mask(query, key, value, mask=None):
    scores = ops.einsum("...qd,...kd->...qk", query, key) * key.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + (1.0 - ops.cast(mask, scores.dtype)) * -1e9
    weights = softmax(scores)
    return ops.einsum("...qk,...kv->...qv", weights, value), weights


@alternative("scaled_dot_product_attention")
def one_query_at_a_time(query, key, value, mask=None):
    if mask is not None:
        mask = ops.broadcast_to(mask, (*query.shape[:-1], key.shape[-2]))
    outputs, weights = [], []
    for position in range(query.shape[-2]):
        scores = ops.sum(query[..., position, None, :] * key, axis=-1) / np.sqrt(query.shape[-1]).astype(
            "float32"
        )
        if mask is not None:
            scores = ops.where(mask[..., position, :], scores, -1e30)
        weights.append(softmax(scores, axis=-1))
        outputs.append(ops.sum(weights[-1][..., None] * value, axis=-2))
    return ops.stack(outputs, axis=-2), ops.stack(weights, axis=-2)


@alternative("scaled_dot_product_attention")
def nothing_where_nothing_is_allowed(query, key, value, mask=None):
    """A query that may attend nowhere gets zeros instead of equal weights."""
    scaled = query / ops.sqrt(ops.cast(query.shape[-1], query.dtype))
    scores = ops.matmul(scaled, ops.moveaxis(key, -1, -2))
    if mask is None:
        weights = softmax(scores)
    else:
        allowed = ops.cast(mask, scores.dtype)
        weights = softmax(ops.where(mask, scores, -1e9)) * allowed
    return weights @ value, weights


@alternative("scaled_dot_product_attention")
def keys_times_queries(query, key, value, mask=None):
    """Scores as (key, query), the softmax down the columns."""
    scores = ops.matmul(key, ops.swapaxes(query, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        hidden = ops.logical_not(ops.broadcast_to(mask, (*query.shape[:-1], key.shape[-2])))
        scores = ops.where(ops.swapaxes(hidden, -1, -2), ops.cast(-1e8, scores.dtype), scores)
    columns = softmax(scores, axis=-2)
    weights = ops.swapaxes(columns, -1, -2)
    return ops.matmul(weights, value), weights


# --- causal_mask ------------------------------------------------------------------------------------------


@alternative("causal_mask")
def lower_triangle(length):
    return ops.cast(ops.tril(ops.ones((length, length), dtype="int32")), "bool")


@alternative("causal_mask")
def not_the_upper_triangle(length):
    return ops.logical_not(ops.cast(ops.triu(ops.ones((length, length)), k=1), "bool"))


@alternative("causal_mask")
def row_by_row(length):
    return ops.convert_to_tensor([[key <= query for key in range(length)] for query in range(length)])


@alternative("causal_mask")
def ones_run_on(length):
    return ops.cumsum(ops.eye(length), axis=0) > 0.5


# --- padding_mask -----------------------------------------------------------------------------------------


@alternative("padding_mask")
def sequence_by_sequence(lengths, max_length):
    lengths = ops.convert_to_numpy(lengths)
    rows = [[[[position < length for position in range(max_length)]]] for length in lengths]
    return ops.convert_to_tensor(rows, dtype="bool")


@alternative("padding_mask")
def rows_of_a_triangle(lengths, max_length):
    triangle = ops.cast(ops.tril(ops.ones((max_length + 1, max_length)), k=-1), "bool")
    return ops.expand_dims(ops.take(triangle, ops.convert_to_tensor(lengths), axis=0), (1, 2))


@alternative("padding_mask")
def compared_as_floats(lengths, max_length):
    positions = ops.reshape(ops.arange(max_length, dtype="float32"), (1, 1, 1, max_length))
    return ops.greater(ops.reshape(ops.cast(lengths, "float32"), (-1, 1, 1, 1)), positions)


@alternative("padding_mask")
def repeated_positions(lengths, max_length):
    lengths = ops.cast(lengths, "int32")
    positions = ops.tile(ops.arange(max_length)[None], (len(lengths), 1))
    return ops.less_equal(positions + 1, ops.expand_dims(lengths, -1))[:, np.newaxis, np.newaxis]


# --- SelfAttention ----------------------------------------------------------------------------------------


@alternative("SelfAttention")
class MadeInBuild(keras.layers.Layer):
    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.key_dim = key_dim

    def build(self, input_shape):
        self.value_dense = keras.layers.Dense(self.key_dim)
        self.key_dense = keras.layers.Dense(self.key_dim)
        self.query_dense = keras.layers.Dense(self.key_dim)
        for dense in (self.value_dense, self.key_dense, self.query_dense):
            dense.build(input_shape)

    def call(self, inputs, attention_mask=None):
        query, key, value = self.query_dense(inputs), self.key_dense(inputs), self.value_dense(inputs)
        scores = ops.einsum("bqd,bkd->bqk", query, key)[:, None] / self.key_dim**0.5
        if attention_mask is not None:
            scores = scores - 1e9 * ops.cast(ops.logical_not(attention_mask), scores.dtype)
        weights = softmax(scores)
        return ops.einsum("bhqk,bkd->bqd", weights, value), weights


@alternative("SelfAttention")
class MadeAtOnceBuiltLater(keras.layers.Layer):
    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.query_dense = keras.layers.Dense(key_dim)
        self.key_dense = keras.layers.Dense(key_dim)
        self.value_dense = keras.layers.Dense(key_dim)

    def build(self, input_shape):
        self.query_dense.build(input_shape)
        self.key_dense.build(input_shape)
        self.value_dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, attention_mask=None):
        parts = [ops.reshape(dense(inputs), (inputs.shape[0], 1, inputs.shape[1], -1))
                 for dense in (self.query_dense, self.key_dense, self.value_dense)]  # fmt: skip
        outputs, weights = scaled_dot_product_attention(*parts, attention_mask)
        return ops.sum(outputs, axis=1), weights


@alternative("SelfAttention")
class WithDotLayers(keras.layers.Layer):
    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.query_dense = keras.layers.Dense(key_dim, name="query_dense")
        self.key_dense = keras.layers.Dense(key_dim, name="key_dense")
        self.value_dense = keras.layers.Dense(key_dim, name="value_dense")
        self.scores = keras.layers.Dot(axes=(2, 2))
        self.mix = keras.layers.Dot(axes=(2, 1))
        self.root = math.sqrt(key_dim)

    def call(self, inputs, attention_mask=None):
        scores = self.scores([self.query_dense(inputs), self.key_dense(inputs)]) / self.root
        scores = ops.expand_dims(scores, 1)
        if attention_mask is not None:
            scores = ops.where(attention_mask, scores, -1e9)
        weights = softmax(scores, axis=3)
        return self.mix([ops.squeeze(weights, 1), self.value_dense(inputs)]), weights


@alternative("SelfAttention")
class ExpandedAndSqueezed(keras.layers.Layer):
    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        for name in ("value_dense", "query_dense", "key_dense"):
            setattr(self, name, keras.layers.Dense(key_dim))

    def call(self, inputs, attention_mask=None):
        one_head = ops.expand_dims(inputs, axis=1)
        answer = scaled_dot_product_attention(
            query=self.query_dense(one_head),
            key=self.key_dense(one_head),
            value=self.value_dense(one_head),
            mask=attention_mask,
        )
        return ops.squeeze(answer[0], axis=1), answer[1]


# --- split_heads ------------------------------------------------------------------------------------------


@alternative("split_heads")
def cut_and_stack(inputs, num_heads):
    return ops.stack(ops.split(inputs, num_heads, axis=-1), axis=1)


@alternative("split_heads")
def slice_after_slice(inputs, num_heads):
    size = inputs.shape[-1] // num_heads
    heads = [inputs[:, None, :, head * size : (head + 1) * size] for head in range(num_heads)]
    return ops.concatenate(heads, axis=1)


@alternative("split_heads")
def with_keras_layers(inputs, num_heads):
    _, length, width = inputs.shape
    heads = keras.layers.Reshape((length, num_heads, width // num_heads))(inputs)
    return keras.layers.Permute((2, 1, 3))(heads)


@alternative("split_heads")
def turned_then_reshaped(inputs, num_heads):
    _, length, width = inputs.shape
    channels_first = ops.reshape(ops.swapaxes(inputs, 1, 2), (-1, num_heads, width // num_heads, length))
    return ops.swapaxes(channels_first, 2, 3)


# --- merge_heads ------------------------------------------------------------------------------------------


@alternative("merge_heads")
def unstacked_and_joined(inputs):
    return ops.concatenate(ops.unstack(inputs, axis=1), axis=-1)


@alternative("merge_heads")
def head_after_head(inputs):
    merged = inputs[:, 0]
    for head in range(1, inputs.shape[1]):
        merged = ops.append(merged, inputs[:, head], axis=2)
    return merged


@alternative("merge_heads")
def permuted_by_keras(inputs):
    _, heads, length, head_dim = inputs.shape
    return keras.layers.Reshape((length, heads * head_dim))(keras.layers.Permute((2, 1, 3))(inputs))


@alternative("merge_heads")
def moved_and_flattened(inputs):
    moved = ops.moveaxis(inputs, 1, 2)
    return ops.reshape(moved, (*ops.shape(moved)[:2], -1))


# --- MultiHeadAttention -----------------------------------------------------------------------------------


@alternative("MultiHeadAttention")
class EinsumOverHeads(keras.layers.Layer):
    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError("num_heads must divide hidden_dim")
        self.num_heads, self.hidden_dim, self.use_bias = num_heads, hidden_dim, use_bias
        for name in ("output_dense", "value_dense", "key_dense", "query_dense"):
            setattr(self, name, keras.layers.Dense(hidden_dim, use_bias=use_bias, name=name))

    def call(self, query, key=None, value=None, attention_mask=None):
        if key is None:
            key = query
        if value is None:
            value = key
        shape = (self.num_heads, self.hidden_dim // self.num_heads)
        q = ops.reshape(self.query_dense(query), (*query.shape[:2], *shape))
        k = ops.reshape(self.key_dense(key), (*key.shape[:2], *shape))
        v = ops.reshape(self.value_dense(value), (*value.shape[:2], *shape))
        scores = ops.einsum("bqhd,bkhd->bhqk", q, k) / shape[1] ** 0.5
        if attention_mask is not None:
            scores = scores + ops.where(attention_mask, 0.0, -1e9)
        weights = softmax(scores)
        mixed = ops.einsum("bhqk,bkhd->bqhd", weights, v)
        return self.output_dense(ops.reshape(mixed, (*query.shape[:2], self.hidden_dim))), weights


@alternative("MultiHeadAttention")
class HeadAfterHead(keras.layers.Layer):
    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError("num_heads must divide hidden_dim")
        self.num_heads, self.hidden_dim, self.use_bias = num_heads, hidden_dim, use_bias

    def build(self, query_shape, key_shape=None, value_shape=None):
        self.query_dense = keras.layers.Dense(self.hidden_dim, use_bias=self.use_bias)
        self.key_dense = keras.layers.Dense(self.hidden_dim, use_bias=self.use_bias)
        self.value_dense = keras.layers.Dense(self.hidden_dim, use_bias=self.use_bias)
        self.output_dense = keras.layers.Dense(self.hidden_dim, use_bias=self.use_bias)

    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        shape = (query.shape[0], self.num_heads, query.shape[1], key.shape[1])
        masks = (
            [None] * self.num_heads
            if attention_mask is None
            else ops.unstack(ops.broadcast_to(attention_mask, shape), axis=1)
        )
        cut = (ops.split(dense(x), self.num_heads, axis=2) for dense, x in
               ((self.query_dense, query), (self.key_dense, key), (self.value_dense, value)))  # fmt: skip
        heads = [
            scaled_dot_product_attention(q, k, v, mask=m) for q, k, v, m in zip(*cut, masks, strict=True)
        ]
        outputs, weights = zip(*heads, strict=True)
        return self.output_dense(ops.concatenate(outputs, axis=-1)), ops.stack(weights, axis=1)


@alternative("MultiHeadAttention")
class HeadsInTheBatch(keras.layers.Layer):
    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError("num_heads must divide hidden_dim")
        self.num_heads, self.hidden_dim, self.use_bias = num_heads, hidden_dim, use_bias
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.value_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.key_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.query_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)

    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        scores_shape = (query.shape[0], self.num_heads, query.shape[1], key.shape[1])
        projected = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        parts = [split_heads(part, self.num_heads) for part in projected]
        folded = [ops.reshape(part, (-1, *part.shape[2:])) for part in parts]
        if attention_mask is not None:
            attention_mask = ops.reshape(
                ops.broadcast_to(attention_mask, scores_shape), (-1, *scores_shape[2:])
            )
        output, weights = scaled_dot_product_attention(*folded, mask=attention_mask)
        output = merge_heads(ops.reshape(output, parts[0].shape))
        return self.output_dense(output), ops.reshape(weights, scores_shape)


@alternative("MultiHeadAttention")
class ScaledQueries(keras.layers.Layer):
    """Scales the queries, not the scores, and hides with a penalty."""

    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError("num_heads must divide hidden_dim")
        self.num_heads, self.hidden_dim, self.use_bias = num_heads, hidden_dim, use_bias
        self.query_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.key_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.value_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias)

    def call(self, query, key=None, value=None, attention_mask=None):
        source = key if key is not None else query
        values = value if value is not None else source
        head_dim = self.hidden_dim // self.num_heads
        scaled = self.query_dense(query) * head_dim**-0.5
        queries, keys, values = (
            split_heads(part, self.num_heads)
            for part in (scaled, self.key_dense(source), self.value_dense(values))
        )
        scores = queries @ ops.transpose(keys, (0, 1, 3, 2))
        penalty = 0.0 if attention_mask is None else (ops.cast(attention_mask, scores.dtype) - 1.0) * 1e9
        weights = softmax(scores + penalty)
        return self.output_dense(merge_heads(weights @ values)), weights


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("softmax")
def no_gradient_through_the_maximum(scores, axis=-1):
    exponentials = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=axis, keepdims=True)))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@alternative("softmax")
def along_the_last_axis(scores, axis=-1):
    rows = ops.moveaxis(scores, axis, -1)
    rows = ops.exp(rows - ops.amax(rows, axis=-1)[..., None])
    return ops.moveaxis(rows * ops.reciprocal(ops.einsum("...i->...", rows))[..., None], -1, axis)


@alternative("scaled_dot_product_attention")
def scales_the_query(query, key, value, mask=None):
    scores = ops.einsum("...qd,...kd->...qk", query * key.shape[-1] ** -0.5, key)
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores)
    return ops.einsum("...qk,...kd->...qd", weights, value), weights


@alternative("causal_mask")
def numpys_triangle(length):
    return ops.convert_to_tensor(np.tri(length, dtype=bool))


@alternative("causal_mask")
def band_of_tensorflow(length):
    import tensorflow as tf

    return tf.cast(tf.linalg.band_part(tf.ones((length, length)), -1, 0), tf.bool)


@alternative("padding_mask")
def tensorflows_sequence_mask(lengths, max_length):
    import tensorflow as tf

    return tf.sequence_mask(lengths, max_length)[:, tf.newaxis, tf.newaxis, :]


@alternative("split_heads")
def einsum_after_a_reshape(inputs, num_heads):
    apart = ops.reshape(inputs, (-1, inputs.shape[1], num_heads, inputs.shape[2] // num_heads))
    return ops.einsum("blhd->bhld", apart)


@alternative("merge_heads")
def unstacked_by_tensorflow(inputs):
    import tensorflow as tf

    return tf.concat(tf.unstack(inputs, axis=1), axis=-1)

"""Named wrong answers of Lab 1, attention: one fault each, and the sentence that tells a learner about it."""

import math

import keras
from keras import ops

from autograder.hidden.entries import misconception
from solutions.attention import (
    MultiHeadAttention,
    SelfAttention,
    merge_heads,
    scaled_dot_product_attention,
    softmax,
    split_heads,
)

# --- softmax ----------------------------------------------------------------------------------------------


@misconception(
    "softmax", "Large scores overflow to infinity: subtract the largest score of each row before `exp`."
)
def no_max_subtraction(scores, axis=-1):
    exponentials = ops.exp(scores)
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@misconception(
    "softmax", "You subtract the mean, so a score far above it still overflows: subtract the maximum."
)
def mean_subtracted(scores, axis=-1):
    exponentials = ops.exp(scores - ops.mean(scores, axis=axis, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@misconception("softmax", "The maximum is taken over the whole tensor, so rows far below it become 0 / 0.")
def largest_of_all_subtracted(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@misconception("softmax", "Clipping the scores avoids the overflow but makes all large scores equal.")
def clipped_scores(scores, axis=-1):
    exponentials = ops.exp(ops.clip(scores, -50.0, 50.0))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@misconception("softmax", "The weights always sum to 1 along the last axis: `axis` is not used.")
def axis_ignored(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=-1, keepdims=True)


@misconception("softmax", "The maximum is always taken along the last axis: give `ops.max` the `axis`, too.")
def max_along_the_last_axis(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)


@misconception("softmax", "The sum runs over the whole tensor: every row must sum to 1 by itself.")
def normalised_over_everything(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores))
    return exponentials / ops.sum(exponentials)


@misconception(
    "softmax", "The sum lost its axis, so the division pairs the wrong entries: `keepdims=True` is missing."
)
def keepdims_missing(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores, axis=axis, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=axis)


@misconception("softmax", "The scores are divided by their sum without `exp`, so weights can be negative.")
def no_exponential(scores, axis=-1):
    return scores / ops.sum(scores, axis=axis, keepdims=True)


@misconception(
    "softmax", "The maximum is subtracted above the division line only: use the same `exp` in the sum."
)
def max_only_above_the_line(scores, axis=-1):
    exponentials = ops.exp(scores - ops.max(scores, axis=axis, keepdims=True))
    return exponentials / ops.sum(ops.exp(scores), axis=axis, keepdims=True)


@misconception("softmax", "That is a sigmoid: it looks at each score alone, and the weights do not sum to 1.")
def each_score_alone(scores, axis=-1):
    return 1.0 / (1.0 + ops.exp(-scores))


# --- scaled_dot_product_attention -------------------------------------------------------------------------


@misconception("scaled_dot_product_attention", "The scores are not divided by sqrt(key_dim).")
def unscaled(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception("scaled_dot_product_attention", "The scores are divided by key_dim: take its square root.")
def scaled_by_key_dim(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / key.shape[-1]
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception("scaled_dot_product_attention", "The scores are multiplied by sqrt(key_dim): divide.")
def multiplied_by_the_root(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) * math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention", "The scores are divided by the root of the number of keys: use key_dim."
)
def scaled_by_key_length(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-2])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention", "The weights, not the scores, are divided by sqrt(key_dim): scale first."
)
def scaled_after_softmax(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1) / math.sqrt(key.shape[-1])
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention",
    "The softmax runs over the queries: it belongs on the keys, the last axis.",
)
def softmax_over_queries(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-2)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention", "The softmax is missing: the scores themselves are used as weights."
)
def no_softmax(query, key, value, mask=None):
    weights = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        weights = ops.where(mask, weights, 0.0)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention", "All axes of `key` are turned round: only the last two change places."
)
def whole_key_transposed(query, key, value, mask=None):
    scores = ops.matmul(query, ops.transpose(key)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention", "The mask is inverted: `True` means may attend, here it hides."
)
def inverted_mask(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, -1e9, scores)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception("scaled_dot_product_attention", "The mask is not used at all.")
def forgotten_mask(query, key, value, mask=None):
    weights = softmax(ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1]), axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention",
    "The mask is applied after the softmax, so masked rows sum to less than 1.",
)
def mask_after_softmax(query, key, value, mask=None):
    weights = softmax(ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1]), axis=-1)
    if mask is not None:
        weights = weights * ops.cast(mask, weights.dtype)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention",
    "The mask is added as 1 and 0, which hides nothing: hiding takes a large negative number.",
)
def mask_added_as_one_and_zero(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = scores + ops.cast(mask, scores.dtype)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention",
    "Masked scores become 0, and exp(0) is 1: they need a large negative number.",
)
def masked_scores_are_zero(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = scores * ops.cast(mask, scores.dtype)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception(
    "scaled_dot_product_attention",
    "Masked scores become -infinity, so a query whose keys are all hidden gets NaN: use a finite number such as -1e9.",
)
def minus_infinity(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -math.inf)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights


@misconception("scaled_dot_product_attention", "Only the output is returned: return `(output, weights)`.")
def output_only(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    return ops.matmul(softmax(scores, axis=-1), value)


@misconception(
    "scaled_dot_product_attention", "The weights come first: return `(output, weights)` in this order."
)
def weights_first(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = softmax(scores, axis=-1)
    return weights, ops.matmul(weights, value)


# --- causal_mask ------------------------------------------------------------------------------------------


@misconception("causal_mask", "A position does not see itself: `key <= query`, not `key < query`.")
def hides_itself(length):
    position = ops.arange(length)
    return position[None, :] < position[:, None]


@misconception(
    "causal_mask", "The mask is transposed: the rows are the queries, and here they see the future."
)
def sees_the_future(length):
    position = ops.arange(length)
    return position[:, None] <= position[None, :]


@misconception(
    "causal_mask", "The mask is inverted: `True` means may attend, here it marks what is forbidden."
)
def marks_the_forbidden(length):
    position = ops.arange(length)
    return position[None, :] > position[:, None]


@misconception("causal_mask", "Every position sees one step into the future: check the diagonal.")
def sees_one_ahead(length):
    position = ops.arange(length)
    return position[None, :] <= position[:, None] + 1


@misconception("causal_mask", "Every position sees only itself: the past is to be seen, too.")
def sees_only_itself(length):
    position = ops.arange(length)
    return position[None, :] == position[:, None]


@misconception("causal_mask", "The mask holds 1.0 and 0.0: make it boolean.")
def ones_and_zeros(length):
    return ops.tril(ops.ones((length, length)))


@misconception("causal_mask", "The mask holds the whole numbers 1 and 0: make it boolean.")
def whole_numbers(length):
    return ops.tril(ops.ones((length, length), dtype="int32"))


@misconception("causal_mask", "The mask holds numbers to add to the scores: here masks are boolean.")
def numbers_to_add(length):
    return -1e9 * (1.0 - ops.tril(ops.ones((length, length))))


# --- padding_mask -----------------------------------------------------------------------------------------


@misconception(
    "padding_mask", "One padded key stays visible: positions count from 0, so `position < length`."
)
def one_too_many(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(max_length)[None, :] <= lengths[:, None])[:, None, None, :]


@misconception("padding_mask", "The last real key is hidden: positions count from 0, so `position < length`.")
def one_too_few(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(1, max_length + 1)[None, :] < lengths[:, None])[:, None, None, :]


@misconception("padding_mask", "The mask is inverted: `True` means real, here it marks the padding.")
def marks_the_padding(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(max_length)[None, :] >= lengths[:, None])[:, None, None, :]


@misconception("padding_mask", "The real keys are taken to stand at the end: the padding does.")
def padding_in_front(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(max_length)[None, :] >= max_length - lengths[:, None])[:, None, None, :]


@misconception(
    "padding_mask", "The axes of heads and queries are missing: the shape is (batch, 1, 1, max_length)."
)
def two_axes(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return ops.arange(max_length)[None, :] < lengths[:, None]


@misconception("padding_mask", "Three axes do not fit several heads: the shape is (batch, 1, 1, max_length).")
def three_axes(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(max_length)[None, :] < lengths[:, None])[:, None, :]


@misconception(
    "padding_mask", "Padded queries are hidden, not padded keys: the positions belong on the last axis."
)
def hides_queries(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(max_length)[None, :] < lengths[:, None])[:, None, :, None]


@misconception("padding_mask", "The mask holds 1.0 and 0.0: make it boolean.")
def padding_as_numbers(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    real = ops.arange(max_length)[None, :] < lengths[:, None]
    return ops.cast(real, "float32")[:, None, None, :]


@misconception(
    "padding_mask", "The mask is as long as the longest sequence: `max_length` says how long it is."
)
def as_long_as_the_longest(lengths, max_length):
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    return (ops.arange(int(ops.max(lengths)))[None, :] < lengths[:, None])[:, None, None, :]


@misconception("padding_mask", "`lengths` may be a Python list: make it a tensor before you index it.")
def no_lists(lengths, max_length):
    return (ops.arange(max_length, dtype=lengths.dtype)[None, :] < lengths[:, None])[:, None, None, :]


@misconception(
    "padding_mask", "64-bit lengths are compared with 32-bit positions: give `arange` the dtype of `lengths`."
)
def no_64_bit_lengths(lengths, max_length):
    lengths = ops.convert_to_tensor(lengths)
    return (ops.arange(max_length, dtype="int32")[None, :] < lengths[:, None])[:, None, None, :]


# --- SelfAttention ----------------------------------------------------------------------------------------


@misconception("SelfAttention", "The keys are used as values: values have a projection of their own.")
class KeysAreValues(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key = self.query_dense(inputs)[:, None], self.key_dense(inputs)[:, None]
        output, weights = scaled_dot_product_attention(query, key, key, mask=attention_mask)
        return output[:, 0], weights


@misconception("SelfAttention", "One projection makes queries, keys and values: each has its own.")
class OneProjectionForAll(SelfAttention):
    def call(self, inputs, attention_mask=None):
        projected = self.query_dense(inputs)[:, None]
        output, weights = scaled_dot_product_attention(projected, projected, projected, mask=attention_mask)
        return output[:, 0], weights


@misconception("SelfAttention", "The inputs themselves are used as values: project them with `value_dense`.")
class ValuesNotProjected(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key = self.query_dense(inputs)[:, None], self.key_dense(inputs)[:, None]
        output, weights = scaled_dot_product_attention(query, key, inputs[:, None], mask=attention_mask)
        return output[:, 0], weights


@misconception(
    "SelfAttention", "Queries and keys have changed places: the rows of the weights belong to the queries."
)
class QueriesAndKeysSwapped(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key, value = (
            dense(inputs)[:, None] for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        output, weights = scaled_dot_product_attention(key, query, value, mask=attention_mask)
        return output[:, 0], weights


@misconception("SelfAttention", "The mask does not reach the attention: pass it on.")
class MaskNotPassedOn(SelfAttention):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs)


@misconception("SelfAttention", "The mask is inverted on its way: `True` already means may attend.")
class MaskInverted(SelfAttention):
    def call(self, inputs, attention_mask=None):
        return super().call(
            inputs, attention_mask=None if attention_mask is None else ops.logical_not(attention_mask)
        )


@misconception("SelfAttention", "The axis of heads is missing: the weights are (batch, 1, length, length).")
class NoAxisOfHeads(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key, value = self.query_dense(inputs), self.key_dense(inputs), self.value_dense(inputs)
        return scaled_dot_product_attention(query, key, value, mask=attention_mask)


@misconception(
    "SelfAttention",
    "The output keeps the axis of heads: take it off, the output is (batch, length, key_dim).",
)
class HeadLeftInOutput(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key, value = (
            dense(inputs)[:, None] for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        return scaled_dot_product_attention(query, key, value, mask=attention_mask)


@misconception(
    "SelfAttention", "The axis of heads stands behind the length, so each position attends only to itself."
)
class HeadBehindLength(SelfAttention):
    def call(self, inputs, attention_mask=None):
        parts = (dense(inputs)[:, :, None] for dense in (self.query_dense, self.key_dense, self.value_dense))
        output, weights = scaled_dot_product_attention(*parts, mask=attention_mask)
        return output[:, :, 0], weights


@misconception("SelfAttention", "The scores are divided by the root of the inputs' width: use key_dim.")
class ScaledByWidth(SelfAttention):
    def call(self, inputs, attention_mask=None):
        query, key, value = (
            dense(inputs)[:, None] for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(inputs.shape[-1])
        if attention_mask is not None:
            scores = ops.where(attention_mask, scores, -1e9)
        weights = softmax(scores, axis=-1)
        return ops.matmul(weights, value)[:, 0], weights


@misconception("SelfAttention", "The projections have an activation: a plain `Dense(key_dim)` has none.")
class ActivatedProjections(SelfAttention):
    def __init__(self, key_dim, **kwargs):
        super().__init__(key_dim, **kwargs)
        self.query_dense = keras.layers.Dense(key_dim, activation="relu", name="query_dense")
        self.key_dense = keras.layers.Dense(key_dim, activation="relu", name="key_dense")
        self.value_dense = keras.layers.Dense(key_dim, activation="relu", name="value_dense")


@misconception("SelfAttention", "The projections have no bias: a plain `Dense(key_dim)` has one.")
class ProjectionsWithoutBias(SelfAttention):
    def __init__(self, key_dim, **kwargs):
        super().__init__(key_dim, **kwargs)
        self.query_dense = keras.layers.Dense(key_dim, use_bias=False, name="query_dense")
        self.key_dense = keras.layers.Dense(key_dim, use_bias=False, name="key_dense")
        self.value_dense = keras.layers.Dense(key_dim, use_bias=False, name="value_dense")


@misconception("SelfAttention", "Only the output is returned: return `(output, weights)`.")
class OutputOnly(SelfAttention):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs, attention_mask=attention_mask)[0]


# --- split_heads ------------------------------------------------------------------------------------------


@misconception(
    "split_heads", "One reshape alone mixes positions: split the width first, then move the axis of heads."
)
def reshaped_at_once(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    return ops.reshape(inputs, (batch, num_heads, length, hidden_dim // num_heads))


@misconception("split_heads", "The axis of heads was not moved: it belongs in front of the length.")
def heads_not_moved(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    return ops.reshape(inputs, (batch, length, num_heads, hidden_dim // num_heads))


@misconception(
    "split_heads", "Each head takes every n-th channel: a head owns channels that stand side by side."
)
def every_nth_channel(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    heads = ops.reshape(inputs, (batch, length, hidden_dim // num_heads, num_heads))
    return ops.transpose(heads, (0, 3, 1, 2))


@misconception("split_heads", "Length and head_dim have changed places: length comes before head_dim.")
def length_last(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    heads = ops.reshape(inputs, (batch, length, num_heads, hidden_dim // num_heads))
    return ops.transpose(heads, (0, 2, 3, 1))


@misconception("split_heads", "The heads stand before the batch: the batch comes first.")
def heads_before_batch(inputs, num_heads):
    return ops.stack(ops.split(inputs, num_heads, axis=-1), axis=0)


@misconception("split_heads", "`num_heads` is taken for the width of a head: it is how many heads there are.")
def heads_and_width_exchanged(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    heads = ops.reshape(inputs, (batch, length, hidden_dim // num_heads, num_heads))
    return ops.transpose(heads, (0, 2, 1, 3))


@misconception("split_heads", "The heads are folded into the batch: keep an axis of their own for them.")
def heads_folded_into_batch(inputs, num_heads):
    batch, length, hidden_dim = ops.shape(inputs)
    heads = ops.reshape(inputs, (batch, length, num_heads, hidden_dim // num_heads))
    return ops.reshape(
        ops.transpose(heads, (0, 2, 1, 3)), (batch * num_heads, length, hidden_dim // num_heads)
    )


@misconception("split_heads", "A list of heads is returned: stack them into one tensor, along axis 1.")
def list_of_heads(inputs, num_heads):
    return list(ops.split(inputs, num_heads, axis=-1))


# --- merge_heads ------------------------------------------------------------------------------------------


@misconception(
    "merge_heads", "One reshape alone mixes positions: move the axis of heads behind the length first."
)
def reshaped_without_moving(inputs):
    batch, num_heads, length, head_dim = ops.shape(inputs)
    return ops.reshape(inputs, (batch, length, num_heads * head_dim))


@misconception("merge_heads", "The heads are interleaved channel by channel: they stand side by side.")
def interleaved(inputs):
    batch, num_heads, length, head_dim = ops.shape(inputs)
    return ops.reshape(ops.transpose(inputs, (0, 2, 3, 1)), (batch, length, num_heads * head_dim))


@misconception(
    "merge_heads",
    "The heads stand one after the other along the length: they belong side by side in the width.",
)
def along_the_length(inputs):
    batch, num_heads, length, head_dim = ops.shape(inputs)
    return ops.reshape(inputs, (batch, num_heads * length, head_dim))


@misconception("merge_heads", "The heads are averaged: each keeps its own channels.")
def averaged(inputs):
    return ops.mean(inputs, axis=1)


@misconception("merge_heads", "The heads are added up: each keeps its own channels.")
def added_up(inputs):
    return ops.sum(inputs, axis=1)


@misconception(
    "merge_heads", "The axis of heads was moved, but not merged with head_dim: the reshape is missing."
)
def not_reshaped(inputs):
    return ops.transpose(inputs, (0, 2, 1, 3))


@misconception("merge_heads", "The length ends up last: the result is (batch, length, num_heads * head_dim).")
def width_before_length(inputs):
    batch, num_heads, length, head_dim = ops.shape(inputs)
    return ops.reshape(ops.transpose(inputs, (0, 1, 3, 2)), (batch, num_heads * head_dim, length))


# --- MultiHeadAttention -----------------------------------------------------------------------------------


@misconception(
    "MultiHeadAttention", "The output projection is missing: pass the merged heads through `output_dense`."
)
class NoOutputProjection(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        parts = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        output, weights = scaled_dot_product_attention(
            *(split_heads(part, self.num_heads) for part in parts), mask=attention_mask
        )
        return merge_heads(output), weights


@misconception(
    "MultiHeadAttention", "The projected keys are used as values: values have a projection of their own."
)
class KeysUsedAsValues(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        query, key = (
            split_heads(part, self.num_heads) for part in (self.query_dense(query), self.key_dense(key))
        )
        output, weights = scaled_dot_product_attention(query, key, key, mask=attention_mask)
        return self.output_dense(merge_heads(output)), weights


@misconception(
    "MultiHeadAttention",
    "Without `value`, the values are taken from the query: they should come from the key.",
)
class ValuesFromTheQuery(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, key, query if value is None else value, attention_mask)


@misconception("MultiHeadAttention", "`value` is not used: the values are always made from the key.")
class ValueIgnored(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, key, None, attention_mask)


@misconception(
    "MultiHeadAttention", "`key` is not used: with another sequence given, the query still attends to itself."
)
class KeyIgnored(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, attention_mask=attention_mask)


@misconception("MultiHeadAttention", "Queries and keys have changed places in the attention.")
class QueryAndKeySwapped(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        parts = (self.key_dense(key), self.query_dense(query), self.value_dense(value))
        output, weights = scaled_dot_product_attention(
            *(split_heads(part, self.num_heads) for part in parts), mask=attention_mask
        )
        return self.output_dense(merge_heads(output)), weights


@misconception("MultiHeadAttention", "The heads are never split: one big head attends.")
class OneBigHead(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        parts = (
            self.query_dense(query)[:, None],
            self.key_dense(key)[:, None],
            self.value_dense(value)[:, None],
        )
        output, weights = scaled_dot_product_attention(*parts, mask=attention_mask)
        return self.output_dense(output[:, 0]), weights


@misconception(
    "MultiHeadAttention", "The scores are divided by sqrt(hidden_dim): a head is only head_dim wide."
)
class ScaledByHiddenDim(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        parts = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        query, key, value = (split_heads(part, self.num_heads) for part in parts)
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(self.hidden_dim)
        if attention_mask is not None:
            scores = ops.where(attention_mask, scores, -1e9)
        weights = softmax(scores, axis=-1)
        return self.output_dense(merge_heads(ops.matmul(weights, value))), weights


@misconception("MultiHeadAttention", "The mask does not reach the attention: pass it on.")
class MaskForgotten(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, key, value)


@misconception("MultiHeadAttention", "The mask is inverted on its way: `True` already means may attend.")
class MaskTurnedRound(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(
            query,
            key,
            value,
            attention_mask=None if attention_mask is None else ops.logical_not(attention_mask),
        )


@misconception("MultiHeadAttention", "`use_bias` is not passed on: the dense layers always have a bias.")
class AlwaysBiased(MultiHeadAttention):
    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(num_heads, hidden_dim, **kwargs)


@misconception("MultiHeadAttention", "`use_bias` is not passed on: the dense layers never have a bias.")
class NeverBiased(MultiHeadAttention):
    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(num_heads, hidden_dim, use_bias=False, **kwargs)


@misconception(
    "MultiHeadAttention", "The heads are split by one reshape, which mixes positions: use `split_heads`."
)
class SplitByReshape(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        head_dim = self.hidden_dim // self.num_heads
        parts = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        heads = (
            ops.reshape(part, (part.shape[0], self.num_heads, part.shape[1], head_dim)) for part in parts
        )
        output, weights = scaled_dot_product_attention(*heads, mask=attention_mask)
        return self.output_dense(merge_heads(output)), weights


@misconception(
    "MultiHeadAttention", "The heads are merged by one reshape, which mixes positions: use `merge_heads`."
)
class MergedByReshape(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        batch, length = query.shape[:2]
        key = query if key is None else key
        value = key if value is None else value
        parts = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        output, weights = scaled_dot_product_attention(
            *(split_heads(part, self.num_heads) for part in parts), mask=attention_mask
        )
        return self.output_dense(ops.reshape(output, (batch, length, self.hidden_dim))), weights


@misconception(
    "MultiHeadAttention", "The heads are averaged before the output projection: put them side by side."
)
class HeadsAveraged(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        parts = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        output, weights = scaled_dot_product_attention(
            *(split_heads(part, self.num_heads) for part in parts), mask=attention_mask
        )
        return self.output_dense(ops.mean(output, axis=1)), weights


@misconception("MultiHeadAttention", "The weights are averaged over the heads: return those of every head.")
class WeightsAveraged(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        output, weights = super().call(query, key, value, attention_mask)
        return output, ops.mean(weights, axis=1)


@misconception("MultiHeadAttention", "Only the output is returned: return `(output, weights)`.")
class OnlyTheOutput(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, key, value, attention_mask)[0]


@misconception("MultiHeadAttention", "The weights come first: return `(output, weights)` in this order.")
class WeightsComeFirst(MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        return super().call(query, key, value, attention_mask)[::-1]

"""Blind spots of Lab 1."""

import math

import keras
import numpy as np
from keras import ops

from blind_spots import blind_spot
from solutions import attention
from solutions.attention import merge_heads, scaled_dot_product_attention, split_heads


@blind_spot("softmax", "no gradient gets through")
def softmax_detached(scores, axis=-1):
    raised = ops.exp(ops.stop_gradient(scores - ops.max(scores, axis=axis, keepdims=True)))
    return raised / ops.sum(raised, axis=axis, keepdims=True)


@blind_spot("softmax", "NumPy: no gradient, no graph")
def softmax_in_numpy(scores, axis=-1):
    values = ops.convert_to_numpy(scores)
    raised = np.exp(values - values.max(axis=axis, keepdims=True))
    return ops.convert_to_tensor(raised / raised.sum(axis=axis, keepdims=True))


@blind_spot("softmax", "float32 whatever it was given")
def softmax_widened(scores, axis=-1):
    wide = ops.cast(scores, "float32")
    raised = ops.exp(wide - ops.max(wide, axis=axis, keepdims=True))
    return raised / ops.sum(raised, axis=axis, keepdims=True)


@blind_spot("scaled_dot_product_attention", "-100 is not low enough")
def hidden_by_minus_100(query, key, value, mask=None):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / math.sqrt(query.shape[-1])
    weights = attention.softmax(scores if mask is None else ops.where(mask, scores, -100.0))
    return ops.matmul(weights, value), weights


@blind_spot("SelfAttention", "dropout on the weights, which nobody asked for")
class DropsWeights(attention.SelfAttention):
    def __init__(self, key_dim, **kwargs):
        super().__init__(key_dim, **kwargs)
        self.weight_dropout = keras.layers.Dropout(0.1)

    def call(self, inputs, attention_mask=None, training=None):
        parts = self.query_dense(inputs), self.key_dense(inputs), self.value_dense(inputs)
        query, key, value = (part[:, None] for part in parts)
        _, weights = scaled_dot_product_attention(query, key, value, mask=attention_mask)
        weights = self.weight_dropout(weights, training=training)
        return ops.matmul(weights, value)[:, 0], weights


@blind_spot("MultiHeadAttention", "a mask of queries and keys alone breaks")
class RepeatsTheMask(attention.MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        if attention_mask is not None:
            attention_mask = ops.repeat(attention_mask, self.num_heads, axis=1)
        return super().call(query, key, value, attention_mask)


@blind_spot("MultiHeadAttention", "keeps keys and values of the first call")
class KeepsKeys(attention.MultiHeadAttention):
    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        kept = self.__dict__.setdefault("kept", {})
        shapes = tuple(key.shape), tuple(value.shape)
        if shapes not in kept:
            kept[shapes] = [
                split_heads(dense(part), self.num_heads)
                for dense, part in ((self.key_dense, key), (self.value_dense, value))
            ]
        own = split_heads(self.query_dense(query), self.num_heads)
        found, weights = scaled_dot_product_attention(own, *kept[shapes], mask=attention_mask)
        return self.output_dense(merge_heads(found)), weights

"""Attention, from a softmax to many heads (Vaswani et al. 2017, *Attention Is All You Need*,
section 3.2).

Masks are boolean everywhere: `True` = may attend, broadcastable to `(batch, heads, query, key)`.
"""

import math

import keras
from keras import ops

# What a forbidden score becomes. Finite, so that a row of nothing but forbidden scores is no division by zero,
# and within the range of half precision, which ends at 65,504.
FORBIDDEN = -3e4


def softmax(scores, axis=-1):
    """Turn scores into weights that are positive and sum to 1 along `axis`.

    Stable: scores of 1,000 and more give weights, not NaN.

    Args:
        scores: float tensor of any shape.
        axis: the axis along which the weights sum to 1.

    Returns:
        Weights of the same shape and dtype as `scores`.
    """
    ### BEGIN SOLUTION
    # Subtracting the maximum changes no weight, and no exponential can overflow any more.
    exponentials = ops.exp(scores - ops.max(scores, axis=axis, keepdims=True))
    return exponentials / ops.sum(exponentials, axis=axis, keepdims=True)
    ### END SOLUTION


def scaled_dot_product_attention(query, key, value, mask=None):
    """Let every query attend to all keys (Vaswani et al. 2017, section 3.2.1).

    Args:
        query: `(..., query_length, key_dim)`.
        key: `(..., key_length, key_dim)`.
        value: `(..., key_length, value_dim)`.
        mask: optional boolean, broadcastable to `(..., query_length, key_length)`; `True` = may
            attend. A row that may attend nowhere must not become NaN.

    Returns:
        `(output, weights)`: `(..., query_length, value_dim)` and `(..., query_length, key_length)`;
        each row of `weights` sums to 1.
    """
    ### BEGIN SOLUTION
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))  # (..., query_length, key_length)
    scores = scores / math.sqrt(key.shape[-1])  # keeps their variance near 1
    if mask is not None:
        scores = ops.where(mask, scores, FORBIDDEN)
    weights = softmax(scores, axis=-1)
    return ops.matmul(weights, value), weights  # (..., query_length, value_dim)
    ### END SOLUTION


def causal_mask(length):
    """Let each position attend to itself and to what came before (section 3.2.3).

    Args:
        length: number of positions, an int.

    Returns:
        Boolean `(length, length)`: entry `[query, key]` is `True` where `key <= query`.
    """
    ### BEGIN SOLUTION
    position = ops.arange(length)
    return position[None, :] <= position[:, None]  # (query, key)
    ### END SOLUTION


def padding_mask(lengths, max_length):
    """Hide the padding at the end of shorter sequences.

    Args:
        lengths: integers `(batch,)`, a tensor, an array or a list: how many positions of each
            sequence are real.
        max_length: the padded length, an int.

    Returns:
        Boolean `(batch, 1, 1, max_length)`: `True` where the key is real. The two axes of size 1
        stand for all heads and all queries.
    """
    ### BEGIN SOLUTION
    lengths = ops.convert_to_tensor(lengths)
    real = ops.arange(max_length, dtype=lengths.dtype)[None, :] < lengths[:, None]  # (batch, key)
    return real[:, None, None, :]  # (batch, heads, query, key)
    ### END SOLUTION


class SelfAttention(keras.layers.Layer):
    """One head of attention in which a sequence attends to itself.

    Sub-layers: `query_dense`, `key_dense`, `value_dense`, each a `Dense(key_dim)`.

    Args:
        key_dim: width of queries, keys, values and output.
    """

    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.key_dim = key_dim
        ### BEGIN SOLUTION
        self.query_dense = keras.layers.Dense(key_dim, name="query_dense")
        self.key_dense = keras.layers.Dense(key_dim, name="key_dense")
        self.value_dense = keras.layers.Dense(key_dim, name="value_dense")
        ### END SOLUTION

    def call(self, inputs, attention_mask=None):
        """Attend.

        Args:
            inputs: `(batch, length, width)`.
            attention_mask: optional boolean, broadcastable to `(batch, 1, length, length)`; `True`
                = may attend.

        Returns:
            `(output, weights)`: `(batch, length, key_dim)` and `(batch, 1, length, length)`. The
            axis of
            size 1 is the head: here there is one.
        """
        ### BEGIN SOLUTION
        query = self.query_dense(inputs)[:, None]  # (batch, 1, length, key_dim)
        key = self.key_dense(inputs)[:, None]  # (batch, 1, length, key_dim)
        value = self.value_dense(inputs)[:, None]  # (batch, 1, length, key_dim)
        output, weights = scaled_dot_product_attention(query, key, value, mask=attention_mask)
        return output[:, 0], weights  # (batch, length, key_dim)
        ### END SOLUTION


def split_heads(inputs, num_heads):
    """Give every head its own slice of the width.

    Args:
        inputs: `(batch, length, num_heads * head_dim)`. Head 0 owns the first `head_dim` channels.
        num_heads: number of heads, an int.

    Returns:
        `(batch, num_heads, length, head_dim)`.
    """
    ### BEGIN SOLUTION
    batch, length, hidden_dim = ops.shape(inputs)
    head_dim = hidden_dim // num_heads
    heads = ops.reshape(inputs, (batch, length, num_heads, head_dim))  # (batch, length, heads, head_dim)
    return ops.transpose(heads, (0, 2, 1, 3))  # (batch, heads, length, head_dim)
    ### END SOLUTION


def merge_heads(inputs):
    """Put the heads side by side again: the inverse of `split_heads`.

    Args:
        inputs: `(batch, num_heads, length, head_dim)`.

    Returns:
        `(batch, length, num_heads * head_dim)`.
    """
    ### BEGIN SOLUTION
    batch, num_heads, length, head_dim = ops.shape(inputs)
    heads = ops.transpose(inputs, (0, 2, 1, 3))  # (batch, length, heads, head_dim)
    return ops.reshape(heads, (batch, length, num_heads * head_dim))  # (batch, length, hidden_dim)
    ### END SOLUTION


class MultiHeadAttention(keras.layers.Layer):
    """Several attentions side by side, each over its own slice of the width (section 3.2.2).

    Sub-layers: `query_dense`, `key_dense`, `value_dense`, `output_dense`, each a
    `Dense(hidden_dim)`.

    Args:
        num_heads: number of heads; must divide `hidden_dim`.
        hidden_dim: width of the layer; each head is `hidden_dim // num_heads` wide.
        use_bias: whether the four dense layers have a bias. The paper's have none; Keras' have.

    Raises:
        ValueError: if `num_heads` does not divide `hidden_dim`.
    """

    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError(f"{num_heads} heads cannot share a width of {hidden_dim} evenly.")
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.use_bias = use_bias
        ### BEGIN SOLUTION
        self.query_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="query_dense")
        self.key_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="key_dense")
        self.value_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="value_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="output_dense")
        ### END SOLUTION

    def call(self, query, key=None, value=None, attention_mask=None):
        """Attend: to itself when only `query` is given, to another sequence when `key` is given too.

        Args:
            query: `(batch, query_length, query_width)`.
            key: `(batch, key_length, key_width)`; `query` if left out.
            value: `(batch, key_length, value_width)`; `key` if left out.
            attention_mask: optional boolean, broadcastable to
                `(batch, heads, query_length, key_length)`; `True` = may attend.

        Returns:
            `(output, weights)`: `(batch, query_length, hidden_dim)` and
            `(batch, heads, query_length, key_length)`.
        """
        ### BEGIN SOLUTION
        key = query if key is None else key
        value = key if value is None else value
        query = split_heads(self.query_dense(query), self.num_heads)  # (batch, heads, query_length, head_dim)
        key = split_heads(self.key_dense(key), self.num_heads)  # (batch, heads, key_length, head_dim)
        value = split_heads(self.value_dense(value), self.num_heads)  # (batch, heads, key_length, head_dim)
        output, weights = scaled_dot_product_attention(query, key, value, mask=attention_mask)
        return self.output_dense(merge_heads(output)), weights  # (batch, query_length, hidden_dim)
        ### END SOLUTION

    def get_config(self):
        config = {"num_heads": self.num_heads, "hidden_dim": self.hidden_dim, "use_bias": self.use_bias}
        return super().get_config() | config

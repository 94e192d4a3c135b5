"""Lab 1 ready-made: attention as Keras ships it."""

import keras
from keras import ops


def softmax(scores, axis=-1):
    """Weights that sum to 1 along `axis`; same shape as `scores`."""
    return ops.softmax(scores, axis=axis)


def _attend(query, key, value, mask):
    """Keras' attention on `(batch, heads, length, dim)`; Keras itself wants the heads behind the length.

    On JAX it also wants values as wide as keys: zeros at the end change no score and no other value.
    """
    key_dim, value_dim = key.shape[-1], value.shape[-1]
    query, key, value = (
        ops.swapaxes(_widened(tensor, max(key_dim, value_dim)), 1, 2) for tensor in (query, key, value)
    )
    output = ops.dot_product_attention(query, key, value, mask=mask, scale=key_dim**-0.5)
    return ops.swapaxes(output[..., :value_dim], 1, 2)


def _widened(tensor, width):
    missing = width - tensor.shape[-1]
    return ops.pad(tensor, ((0, 0), (0, 0), (0, 0), (0, missing))) if missing else tensor


def scaled_dot_product_attention(query, key, value, mask=None):
    """`(output, weights)` for `(..., length, dim)`; boolean mask, `True` = may attend."""
    lead = ops.shape(query)[:-2]
    query_length, key_length = query.shape[-2], key.shape[-2]
    if mask is not None:
        mask = ops.broadcast_to(mask, (*lead, query_length, key_length))
        mask = ops.reshape(mask, (-1, 1, query_length, key_length))  # (batch, 1, query, key)
    query, key, value = (ops.reshape(t, (-1, 1, *t.shape[-2:])) for t in (query, key, value))  # one head
    # Whoever attends to one-hot values reads off the weights.
    one_hot = ops.broadcast_to(
        ops.eye(key_length, dtype=value.dtype), (ops.shape(key)[0], 1, key_length, key_length)
    )
    output, weights = (_attend(query, key, values, mask) for values in (value, one_hot))
    return ops.reshape(output, (*lead, query_length, value.shape[-1])), ops.reshape(
        weights, (*lead, query_length, key_length)
    )


def causal_mask(length):
    """Boolean `(length, length)`; `True` = may attend."""
    return ops.cast(ops.tril(ops.ones((length, length))), "bool")


def padding_mask(lengths, max_length):
    """Boolean `(batch, 1, 1, max_length)`; `True` = a real key."""
    ends = ops.one_hot(ops.convert_to_tensor(lengths), max_length + 1)
    return ops.expand_dims(ops.cumsum(ends, axis=-1)[:, :max_length] < 0.5, (1, 2))


class SelfAttention(keras.layers.Layer):
    """One head; `(output, weights)` of `(batch, length, key_dim)` and `(batch, 1, length, length)`."""

    def __init__(self, key_dim, **kwargs):
        super().__init__(**kwargs)
        self.query_dense = keras.layers.Dense(key_dim, name="query_dense")
        self.key_dense = keras.layers.Dense(key_dim, name="key_dense")
        self.value_dense = keras.layers.Dense(key_dim, name="value_dense")

    def call(self, inputs, attention_mask=None):
        parts = (
            ops.expand_dims(dense(inputs), 1)
            for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        output, weights = scaled_dot_product_attention(*parts, mask=attention_mask)
        return ops.squeeze(output, 1), weights


def split_heads(inputs, num_heads):
    """`(batch, length, heads * dim)` to `(batch, heads, length, dim)`."""
    return ops.stack(ops.split(inputs, num_heads, axis=-1), axis=1)


def merge_heads(inputs):
    """`(batch, heads, length, dim)` to `(batch, length, heads * dim)`."""
    return ops.concatenate(ops.unstack(inputs, axis=1), axis=-1)


class MultiHeadAttention(keras.layers.Layer):
    """Keras' dot-product attention between four dense layers, with this course's sub-layer names."""

    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            raise ValueError(f"{num_heads} heads cannot share a width of {hidden_dim} evenly.")
        self.num_heads, self.hidden_dim, self.use_bias = num_heads, hidden_dim, use_bias
        self.query_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="query_dense")
        self.key_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="key_dense")
        self.value_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="value_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=use_bias, name="output_dense")

    def call(self, query, key=None, value=None, attention_mask=None):
        key = query if key is None else key
        value = key if value is None else value
        projected = (self.query_dense(query), self.key_dense(key), self.value_dense(value))
        heads = (split_heads(tensor, self.num_heads) for tensor in projected)
        output, weights = scaled_dot_product_attention(*heads, mask=attention_mask)
        return self.output_dense(merge_heads(output)), weights

    def get_config(self):
        config = {"num_heads": self.num_heads, "hidden_dim": self.hidden_dim, "use_bias": self.use_bias}
        return super().get_config() | config

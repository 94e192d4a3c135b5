"""Earlier labs' answers behind the same interface, as thin wrappers of what Keras ships.

A later lab that asks for attention gets the learner's own, if they carry it over (`course.carry`), or this.
The grader uses it so that one mistake costs its own points and no others.
"""

import types

import keras
import numpy as np
from keras import ops

from course.composite import Composite


def softmax(scores, axis=-1):
    """Weights that sum to 1 along `axis`; same shape as `scores`."""
    return ops.softmax(scores, axis=axis)


def _attend(query, key, value, mask):
    """Keras' attention on `(batch, heads, length, dim)`; Keras itself wants the heads behind the length."""
    query, key, value = (ops.swapaxes(tensor, 1, 2) for tensor in (query, key, value))
    return ops.swapaxes(ops.dot_product_attention(query, key, value, mask=mask), 1, 2)


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


# --- Lab 2, the Transformer -------------------------------------------------------------------------------


def positional_encoding(length, hidden_dim):
    """Sine and cosine in turn, `(length, hidden_dim)`."""
    channel = np.arange(hidden_dim)
    angle = np.arange(length)[:, None] / 10000.0 ** (channel // 2 * 2 / hidden_dim)
    return ops.convert_to_tensor(np.where(channel % 2, np.cos(angle), np.sin(angle)).astype("float32"))


class FeedForward(Composite):
    """Two dense layers with a ReLU between them."""

    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")

    def call(self, inputs):
        return self.output_dense(keras.activations.relu(self.intermediate_dense(inputs)))


class AddAndNorm(Composite):
    """A residual connection with dropout; normalizes the sum, or with `pre_norm` what the sub-layer reads."""

    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.pre_norm = pre_norm
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-6, name="normalization")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def call(self, inputs, sublayer):
        read = self.normalization(inputs) if self.pre_norm else inputs
        total = keras.layers.add([inputs, self.dropout(sublayer(read))])
        return total if self.pre_norm else self.normalization(total)


# While this lab is graded, the module's own names for it are closed (`autograder.sandbox.student`); what is
# built of them keeps them here.
_parts = types.SimpleNamespace(feed_forward=FeedForward, residual=AddAndNorm, positions=positional_encoding)


class _TransformerLayer(Composite):
    """What encoder and decoder layers share: attentions by name and a feed-forward part, all in residuals."""

    attentions: tuple[str, ...] = ()

    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        for name in self.attentions:
            setattr(self, name, MultiHeadAttention(num_heads, hidden_dim, use_bias=use_bias, name=name))
        self.feed_forward = _parts.feed_forward(hidden_dim, intermediate_dim, name="feed_forward")
        for name in (*self.attentions, "feed_forward"):
            setattr(self, f"{name}_residual", _parts.residual(dropout, pre_norm, name=f"{name}_residual"))

    def attend(self, name, x, *memory, attention_mask):
        attention, residual = getattr(self, name), getattr(self, f"{name}_residual")
        return residual(x, sublayer=lambda x: attention(x, *memory, attention_mask=attention_mask)[0])


class EncoderLayer(_TransformerLayer):
    """Self-attention and feed-forward, `(batch, length, hidden_dim)` to the same."""

    attentions = ("attention",)

    def call(self, inputs, attention_mask=None):
        x = self.attend("attention", inputs, attention_mask=attention_mask)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


class DecoderLayer(_TransformerLayer):
    """Self-attention, cross-attention to `memory`, feed-forward."""

    attentions = ("self_attention", "cross_attention")

    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        x = self.attend("self_attention", inputs, attention_mask=attention_mask)
        x = self.attend("cross_attention", x, memory, attention_mask=cross_attention_mask)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


def _real(tokens):
    return ops.not_equal(tokens, 0)[:, None, None, :]  # (batch, 1, 1, length)


def decoder_mask(tokens):
    """Causal and padding mask of the target: boolean `(batch, 1, length, length)`."""
    return ops.logical_and(_real(tokens), causal_mask(tokens.shape[1]))


_parts.decoder_mask = decoder_mask


def shift_targets(tokens):
    """`(inputs, labels)`: all tokens but the last, all but the first."""
    length = tokens.shape[1]
    return ops.take(tokens, range(length - 1), axis=1), ops.take(tokens, range(1, length), axis=1)


class _Stack(Composite):
    """Layers in `blocks`, one after the other; with `pre_norm`, a normalization after the last."""

    def __init__(self, layer, num_layers, pre_norm, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [layer(f"block_{number}") for number in range(num_layers)]
        self.final_normalization = keras.layers.LayerNormalization(epsilon=1e-6) if pre_norm else None

    def call(self, inputs, *memory, **masks):
        for block in self.blocks:
            inputs = block(inputs, *memory, **masks)
        return self.final_normalization(inputs) if self.final_normalization else inputs


_parts.layers = (EncoderLayer, DecoderLayer)


class Transformer(Composite, keras.Model):
    """Encoder and decoder around one shared embedding; see Lab 2."""

    def __init__(
        self,
        vocabulary_size,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        dropout=0.1,
        max_length=512,
        pre_norm=False,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        initializer = keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
        self.embedding = keras.layers.Embedding(vocabulary_size, hidden_dim, initializer, name="embedding")
        self.positions = _parts.positions(max_length, hidden_dim)
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        sizes = (num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias)
        encoder, decoder = _parts.layers
        self.encoder = _Stack(lambda name: encoder(*sizes, name=name), num_layers, pre_norm, name="encoder")
        self.decoder = _Stack(lambda name: decoder(*sizes, name=name), num_layers, pre_norm, name="decoder")

    def embed(self, tokens, start=0):
        x = self.embedding(tokens) * self.hidden_dim**0.5
        return self.dropout(x + ops.cast(self.positions[start : start + tokens.shape[1]], x.dtype))

    def encode(self, source):
        return self.encoder(self.embed(source), attention_mask=_real(source))

    def decode(self, target, memory, source):
        masks = {"attention_mask": _parts.decoder_mask(target), "cross_attention_mask": _real(source)}
        return self.logits(self.decoder(self.embed(target), memory, **masks))

    def logits(self, outputs):
        return ops.matmul(outputs, ops.transpose(self.embedding.embeddings))

    def call(self, inputs):
        source, target = inputs
        return self.decode(target, self.encode(source), source)


def noam_learning_rate(step, hidden_dim, warmup_steps=4000):
    """Linear warm-up, then the inverse root of the step; shaped as `step`."""
    step = ops.cast(step, "float32")
    rising = step < warmup_steps
    return hidden_dim**-0.5 * ops.where(
        rising, step * warmup_steps**-1.5, ops.power(ops.maximum(step, 1.0), -0.5)
    )


def smoothed_cross_entropy(labels, logits, smoothing=0.1):
    """Mean smoothed cross-entropy over the labels that are not padding, in nats."""
    wanted = ops.one_hot(labels, logits.shape[-1]) * (1 - smoothing) + smoothing / logits.shape[-1]
    losses = keras.losses.categorical_crossentropy(wanted, ops.cast(logits, "float32"), from_logits=True)
    return ops.average(losses, weights=ops.cast(ops.not_equal(labels, 0), "float32"))


def greedy_decode(step, state, start, end, max_length):
    """The likeliest token at each step, `(batch, length)`; see Lab 2."""
    written, tokens = [], ops.convert_to_numpy(start)
    ended = np.zeros(len(tokens), "bool")
    while len(written) < max_length and not ended.all():
        logits, state = step(ops.convert_to_tensor(tokens, dtype="int32"), state)
        tokens = np.where(ended, 0, ops.convert_to_numpy(ops.argmax(logits, axis=-1))).astype("int32")
        ended |= tokens == end
        written.append(tokens)
    return ops.convert_to_tensor(np.stack(written, axis=1))

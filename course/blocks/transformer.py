"""Lab 2 ready-made: the Transformer of Keras' own layers."""

import keras
import numpy as np
from keras import ops

from course.blocks.attention import MultiHeadAttention, causal_mask
from course.models.composite import Composite


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


class _TransformerLayer(Composite):
    """What encoder and decoder layers share: attentions by name and a feed-forward part, all in residuals."""

    attentions: tuple[str, ...] = ()

    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        for name in self.attentions:
            setattr(self, name, MultiHeadAttention(num_heads, hidden_dim, use_bias=use_bias, name=name))
        self.feed_forward = FeedForward(hidden_dim, intermediate_dim, name="feed_forward")
        for name in (*self.attentions, "feed_forward"):
            setattr(self, f"{name}_residual", AddAndNorm(dropout, pre_norm, name=f"{name}_residual"))

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
        self.positions = positional_encoding(max_length, hidden_dim)
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        sizes = (num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, use_bias)
        self.encoder = _Stack(
            lambda name: EncoderLayer(*sizes, name=name), num_layers, pre_norm, name="encoder"
        )
        self.decoder = _Stack(
            lambda name: DecoderLayer(*sizes, name=name), num_layers, pre_norm, name="decoder"
        )

    def embed(self, tokens, start=0):
        x = self.embedding(tokens) * self.hidden_dim**0.5
        return self.dropout(x + ops.cast(self.positions[start : start + tokens.shape[1]], x.dtype))

    def encode(self, source):
        return self.encoder(self.embed(source), attention_mask=_real(source))

    def decode(self, target, memory, source):
        masks = {"attention_mask": decoder_mask(target), "cross_attention_mask": _real(source)}
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

"""Lab 5 ready-made: iGPT of Keras' own layers."""

import keras
import numpy as np
from keras import ops

from course.blocks.attention import MultiHeadAttention, causal_mask
from course.models.composite import Composite


def quantize(images, palette):
    """Number of the nearest colour for each pixel, int32 `(batch, height, width)`."""
    palette = ops.convert_to_tensor(palette)
    # The square of the pixel itself is the same for every colour, so it may stay away.
    closeness = 2 * ops.matmul(images, ops.transpose(palette)) - ops.sum(palette * palette, axis=-1)
    return ops.cast(ops.argmax(closeness, axis=-1), "int32")


def dequantize(tokens, palette):
    """Colours of the numbers, `uint8 (batch, height, width, channels)`."""
    bright = ops.round((ops.convert_to_tensor(palette) + 1.0) * 127.5)
    return ops.cast(ops.take(bright, tokens, axis=0), "uint8")


def image_to_sequence(pixels, start=None):
    """Rows one after the other; with `start`, one step late."""
    rows = ops.concatenate(ops.unstack(pixels, axis=1), axis=1)
    if start is None:
        return rows
    late = ops.pad(rows, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    first = ops.one_hot(ops.zeros((1,), "int32"), rows.shape[1], dtype=rows.dtype)[..., None]
    return late + first * start


class RMSNorm(keras.layers.Layer):
    """Keras' RMS normalization under this course's names."""

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return ops.rms_normalization(inputs, self.scale, axis=-1, epsilon=self.epsilon)


def _quick_gelu(x):
    return ops.silu(1.702 * x) / 1.702


class PixelBlock(Composite):
    """Attention and two dense layers, pre-norm, without biases."""

    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.attention_normalization = RMSNorm(name="attention_normalization")
        self.attention = MultiHeadAttention(num_heads, hidden_dim, use_bias=False, name="attention")
        self.feed_forward_normalization = RMSNorm(name="feed_forward_normalization")
        wide = 4 * hidden_dim
        self.intermediate_dense = keras.layers.Dense(wide, _quick_gelu, False, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=False, name="output_dense")

    def call(self, inputs, attention_mask=None):
        inputs += self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)[0]
        return inputs + self.output_dense(self.intermediate_dense(self.feed_forward_normalization(inputs)))


class ImageGPT(Composite, keras.Model):
    """The model of both objectives; see Lab 5."""

    def __init__(
        self,
        num_colours,
        height,
        width,
        num_layers,
        num_heads,
        hidden_dim,
        objective="autoregressive",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if objective not in ("autoregressive", "bert"):
            raise ValueError(f'The objective is "autoregressive" or "bert", not {objective!r}.')
        self.objective, self.num_colours, self.height, self.width = objective, num_colours, height, width

        def normal(spread):
            return keras.initializers.RandomNormal(stddev=spread)

        self.pixel_embedding = keras.layers.Embedding(
            num_colours, hidden_dim, normal(0.02), name="pixel_embedding"
        )
        places = (height * width, hidden_dim)
        self.positions = self.add_weight(shape=places, initializer=normal(0.01), name="positions")
        self.start = None
        if objective == "autoregressive":
            self.start = self.add_weight(shape=(hidden_dim,), initializer=normal(0.02), name="start")
        self.blocks = [PixelBlock(num_heads, hidden_dim, name=f"block_{n}") for n in range(num_layers)]
        self.final_norm = RMSNorm(name="final_norm")
        self.logits_dense = keras.layers.Dense(
            num_colours, use_bias=False, kernel_initializer="zeros", name="logits_dense"
        )

    def embed(self, images, mask=None):
        pixels = self.pixel_embedding(images)
        if mask is not None:
            pixels *= ops.cast(ops.logical_not(mask), pixels.dtype)[..., None]
        return image_to_sequence(pixels, self.start) + self.positions

    def layer_outputs(self, images, mask=None):
        causal = causal_mask(self.height * self.width) if self.start is not None else None
        outputs = [self.embed(images, mask)]
        for block in self.blocks:
            outputs += [block(outputs[-1], attention_mask=causal)]
        return outputs

    def logits(self, x):
        scores = self.logits_dense(self.final_norm(x))
        return ops.reshape(scores, (-1, self.height, self.width, self.num_colours))

    def call(self, inputs):
        images, mask = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        return self.logits(self.layer_outputs(images, mask)[-1])


def _surprise(images, logits):
    """Cross-entropy of each pixel, `(batch, height, width)`."""
    return keras.losses.sparse_categorical_crossentropy(images, ops.cast(logits, "float32"), from_logits=True)


def autoregressive_loss(images, logits):
    """Mean cross-entropy over all pixels, in nats."""
    return ops.mean(_surprise(images, logits))


def bert_mask(noise, probability=0.15):
    """Boolean, `True` = hidden, each pixel by its own noise."""
    return ops.less(noise, probability)


def bert_loss(images, logits, mask):
    """Mean cross-entropy over the hidden pixels, in nats; 0 if there are none."""
    hidden = ops.cast(mask, "float32")
    return ops.vdot(hidden, _surprise(images, logits)) / ops.maximum(ops.sum(hidden), 1.0)


def next_pixel(logits, noise, temperature=1.0, top_k=None):
    """A drawn colour for each row, int32 `(batch,)`."""
    scores = ops.convert_to_numpy(logits).astype("float64") / temperature
    if top_k is not None:
        scores[scores < np.sort(scores, axis=-1)[:, -top_k, None]] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    ends = np.cumsum(weights, axis=-1)
    aims = ops.convert_to_numpy(noise)[:, None] * ends[:, -1:]
    return ops.convert_to_tensor((ends > aims).argmax(axis=-1).astype("int32"))


def complete(step, state, known, noise, temperature=1.0, top_k=None):
    """Known pixels, then drawn ones, int32 `(batch, length)`."""
    rows = [ops.cast(pixel, "int32") for pixel in ops.unstack(known, axis=1)] if known.shape[1] else []
    rows = rows[: noise.shape[1]]
    for place in range(noise.shape[1]):
        logits, state = step(rows[place - 1] if place else None, state)
        if place == len(rows):
            rows.append(next_pixel(logits, noise[:, place], temperature, top_k))
    return ops.stack(rows, axis=1)


def vote(predictions, noise):
    """The class with most votes, ties by the larger noise, int32 `(batch,)`."""
    rows = ops.convert_to_numpy(predictions).T
    noise = ops.convert_to_numpy(noise)
    counts = np.stack([np.bincount(row, minlength=noise.shape[1]) for row in rows])
    return ops.convert_to_tensor(np.argmax(counts + noise, axis=-1).astype("int32"))

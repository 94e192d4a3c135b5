"""Right answers to Lab 5 that look different from the reference. Every gate must let them through."""

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from course.models.composite import Composite
from solutions.attention import MultiHeadAttention, causal_mask
from solutions.igpt import ImageGPT, PixelBlock, RMSNorm, image_to_sequence, next_pixel, quick_gelu

# --- quantize ---------------------------------------------------------------------------------------------


@alternative("quantize")
def by_the_binomial_formula(images, palette):
    palette = ops.convert_to_tensor(palette, dtype="float32")
    images = ops.convert_to_tensor(images)
    cross = ops.einsum("bhwc,pc->bhwp", images, palette)
    distance = ops.sum(images**2, axis=-1, keepdims=True) - 2 * cross + ops.sum(palette**2, axis=-1)
    return ops.argmin(distance, axis=-1)


@alternative("quantize")
def colour_after_colour(images, palette):
    images = ops.convert_to_numpy(images)
    best = np.full(images.shape[:-1], np.inf)
    numbers = np.zeros(images.shape[:-1], "int32")
    for number, colour in enumerate(np.asarray(palette)):
        distance = ((images - colour) ** 2).sum(axis=-1)
        numbers[distance < best] = number
        best = np.minimum(best, distance)
    return ops.convert_to_tensor(numbers)


@alternative("quantize")
def by_norms(images, palette):
    distances = [
        ops.norm(images - ops.convert_to_tensor(colour), axis=-1) for colour in ops.convert_to_numpy(palette)
    ]
    return ops.argmin(ops.stack(distances, axis=-1), axis=-1)


# --- dequantize -------------------------------------------------------------------------------------------


@alternative("dequantize")
def plain_numpy(tokens, palette):
    palette = np.asarray(ops.convert_to_numpy(palette))
    return np.rint((palette + 1) / 2 * 255).astype("uint8")[ops.convert_to_numpy(tokens)]


@alternative("dequantize")
def by_one_hot(tokens, palette):
    palette = ops.convert_to_tensor(palette, dtype="float32")
    chosen = ops.matmul(ops.one_hot(tokens, palette.shape[0]), palette)
    return ops.cast(ops.round(chosen * 127.5 + 127.5), "uint8")


@alternative("dequantize")
def adds_a_half(tokens, palette):
    bright = ops.floor(127.5 * (ops.convert_to_tensor(palette) + 1.0) + 0.5)
    return ops.take(ops.cast(ops.clip(bright, 0, 255), "uint8"), ops.cast(tokens, "int32"), axis=0)


# --- image_to_sequence ------------------------------------------------------------------------------------


@alternative("image_to_sequence")
def row_after_row(pixels, start=None):
    rows = [pixels[:, row] for row in range(pixels.shape[1])]
    if start is None:
        return ops.concatenate(rows, axis=1)
    start = ops.convert_to_tensor(start)
    first = ops.broadcast_to(start[None, None], (ops.shape(pixels)[0], 1, pixels.shape[-1]))
    return ops.concatenate([first, *rows[:-1], rows[-1][:, :-1]], axis=1)


@alternative("image_to_sequence")
def pixel_after_pixel(pixels, start=None):
    _, height, width, _ = ops.shape(pixels)
    found = [pixels[:, row, column] for row in range(height) for column in range(width)]
    if start is not None:
        found = [ops.zeros_like(found[0]) + ops.convert_to_tensor(start), *found[:-1]]
    return ops.stack(found, axis=1)


@alternative("image_to_sequence")
def cut_at_the_end(pixels, start=None):
    batch, height, width, hidden_dim = ops.shape(pixels)
    sequence = ops.reshape(pixels, (batch, height * width, hidden_dim))
    if start is None:
        return sequence
    first = ops.tile(ops.reshape(start, (1, 1, -1)), (batch, 1, 1))
    return ops.concatenate([first, sequence], axis=1)[:, : height * width]


# --- RMSNorm ----------------------------------------------------------------------------------------------


@alternative("RMSNorm")
class DividesByTheRoot(RMSNorm):
    def call(self, inputs):
        root = ops.sqrt(ops.mean(inputs**2, axis=-1, keepdims=True) + self.epsilon)
        return self.scale * (inputs / root)


@alternative("RMSNorm")
class ByEinsum(RMSNorm):
    def call(self, inputs):
        mean_square = ops.einsum("...d,...d->...", inputs, inputs) / inputs.shape[-1]
        return inputs / ops.power(mean_square + self.epsilon, 0.5)[..., None] * self.scale


@alternative("RMSNorm")
class WithItsOwnWeight(keras.layers.Layer):
    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape):
        self.scale = self.add_weight(name="gain", shape=shape[-1:], initializer="ones")

    def call(self, inputs):
        total = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        return inputs * ops.rsqrt(total / inputs.shape[-1] + self.epsilon) * self.scale


# --- PixelBlock -------------------------------------------------------------------------------------------


@alternative("PixelBlock")
class ActivationInTheDense(Composite):
    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=False)
        self.intermediate_dense = keras.layers.Dense(hidden_dim * 4, activation=quick_gelu, use_bias=False)
        self.feed_forward_normalization = RMSNorm()
        self.attention_normalization = RMSNorm()
        self.attention = MultiHeadAttention(num_heads, hidden_dim, use_bias=False)

    def call(self, inputs, attention_mask=None):
        x = self.attention_normalization(inputs)
        x = self.attention(x, x, x, attention_mask=attention_mask)[0] + inputs
        return x + self.output_dense(self.intermediate_dense(self.feed_forward_normalization(x)))


@alternative("PixelBlock")
class PlainKerasLayer(keras.layers.Layer):
    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.attention_normalization, self.feed_forward_normalization = RMSNorm(1e-5), RMSNorm(1e-5)
        self.attention = MultiHeadAttention(num_heads, hidden_dim, False)
        self.intermediate_dense = keras.layers.Dense(4 * hidden_dim, use_bias=False)
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=False)

    def call(self, inputs, attention_mask=None):
        output, weights = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        x = keras.layers.add([inputs, output])
        wide = self.intermediate_dense(self.feed_forward_normalization(x))
        return keras.layers.add([x, self.output_dense(wide * ops.sigmoid(1.702 * wide))])


@alternative("PixelBlock")
class InTwoMethods(PixelBlock):
    def look(self, x, attention_mask):
        return self.attention(self.attention_normalization(x), attention_mask=attention_mask)[0]

    def think(self, x):
        return self.output_dense(quick_gelu(self.intermediate_dense(self.feed_forward_normalization(x))))

    def call(self, inputs, attention_mask=None):
        x = inputs + self.look(inputs, attention_mask)
        return x + self.think(x)


# --- ImageGPT ---------------------------------------------------------------------------------------------


@alternative("ImageGPT")
class HidesByMultiplying(ImageGPT):
    def embed(self, images, mask=None):
        x = self.pixel_embedding(images)
        if mask is not None:
            x = x * (1.0 - ops.cast(ops.expand_dims(mask, -1), x.dtype))
        x = image_to_sequence(x, start=self.start)
        return ops.add(x, self.positions[None])


@alternative("ImageGPT")
class AsksForTheObjectiveFirst(ImageGPT):
    def embed(self, images, mask=None):
        x = self.pixel_embedding(images)
        if mask is not None:
            x = ops.where(ops.expand_dims(mask, -1), ops.zeros_like(x), x)
        if self.objective == "bert":
            return image_to_sequence(x) + self.positions
        return image_to_sequence(x, self.start) + self.positions

    def layer_outputs(self, images, mask=None):
        x = self.embed(images, mask)
        found, options = [x], {}
        if self.objective == "autoregressive":
            options["attention_mask"] = causal_mask(x.shape[1])
        for block in self.blocks:
            x = block(x, **options)
            found.append(x)
        return found


@alternative("ImageGPT")
class MaskOfOnes(ImageGPT):
    def layer_outputs(self, images, mask=None):
        length = self.height * self.width
        everywhere = ops.ones((length, length), dtype="bool")
        attention_mask = everywhere if self.start is None else causal_mask(length)
        x = self.embed(images, mask)
        outputs = [x]
        for block in self.blocks:
            outputs = [*outputs, block(outputs[-1], attention_mask=attention_mask)]
        return outputs


# --- autoregressive_loss ----------------------------------------------------------------------------------


@alternative("autoregressive_loss")
def keras_cross_entropy(images, logits):
    return ops.mean(keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True))


@alternative("autoregressive_loss")
def with_one_hot(images, logits):
    wanted = ops.one_hot(images, logits.shape[-1])
    return -ops.sum(wanted * ops.log_softmax(logits, axis=-1)) / ops.cast(ops.size(images), "float32")


@alternative("autoregressive_loss")
def by_logsumexp(images, logits):
    own = ops.take_along_axis(logits, ops.expand_dims(ops.cast(images, "int32"), -1), axis=-1)[..., 0]
    return ops.mean(ops.logsumexp(logits, axis=-1) - own)


# --- bert_mask --------------------------------------------------------------------------------------------


@alternative("bert_mask")
def by_less(noise, probability=0.15):
    return ops.less(noise, probability)


@alternative("bert_mask")
def by_not_greater(noise, probability=0.15):
    return ops.logical_not(ops.greater_equal(ops.convert_to_tensor(noise), probability))


@alternative("bert_mask")
def in_numpy(noise, probability=0.15):
    return ops.convert_to_numpy(noise) < probability


# --- bert_loss --------------------------------------------------------------------------------------------


@alternative("bert_loss")
def keras_losses_weighted(images, logits, mask):
    losses = keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True)
    hidden = ops.cast(mask, losses.dtype)
    count = ops.sum(hidden)
    return ops.where(count > 0, ops.sum(losses * hidden) / ops.maximum(count, 1.0), 0.0)


@alternative("bert_loss")
def with_one_hot_and_where(images, logits, mask):
    wanted = ops.one_hot(images, logits.shape[-1])
    losses = -ops.sum(wanted * ops.log_softmax(logits, axis=-1), axis=-1)
    count = ops.sum(ops.cast(mask, "float32"))
    return ops.divide_no_nan(ops.sum(ops.where(mask, losses, 0.0)), count)


@alternative("bert_loss")
def picks_the_hidden(images, logits, mask):
    losses = -ops.sum(ops.one_hot(images, logits.shape[-1]) * ops.log_softmax(logits), axis=-1)
    return ops.sum(ops.where(mask, losses, 0.0)) / ops.maximum(
        ops.cast(ops.count_nonzero(mask), losses.dtype), 1
    )


# --- next_pixel -------------------------------------------------------------------------------------------


@alternative("next_pixel")
def row_after_row_in_numpy(logits, noise, temperature=1.0, top_k=None):
    logits, noise = ops.convert_to_numpy(logits).astype("float64") / temperature, ops.convert_to_numpy(noise)
    drawn = []
    for row, place in zip(logits, noise, strict=True):
        weights = np.exp(row - row.max())
        if top_k is not None:
            weights[np.argsort(-row)[top_k:]] = 0.0
        ends = np.cumsum(weights / weights.sum())
        drawn.append(min(np.searchsorted(ends, place, side="right"), len(row) - 1))
    return ops.convert_to_tensor(np.array(drawn, "int32"))


@alternative("next_pixel")
def first_end_beyond(logits, noise, temperature=1.0, top_k=None):
    logits = ops.divide(logits, temperature)
    if top_k is not None:
        kept = ops.sort(logits, axis=-1)[:, -top_k]
        logits = ops.where(logits < kept[:, None], -1e9, logits)
    ends = ops.cumsum(ops.softmax(logits), axis=-1)
    beyond = ops.cast(ends > ops.reshape(noise, (-1, 1)) * ends[:, -1:], "int32")
    return ops.cast(ops.argmax(beyond, axis=-1), "int32")


@alternative("next_pixel")
def keeps_by_rank(logits, noise, temperature=1.0, top_k=None):
    weights = ops.exp((logits - ops.max(logits, axis=-1, keepdims=True)) / temperature)
    if top_k is not None:
        rank = ops.argsort(ops.argsort(-logits, axis=-1), axis=-1)
        weights = ops.where(rank < top_k, weights, 0.0)
    ends = ops.cumsum(weights, axis=-1)
    aim = noise[:, None] * ends[:, -1:]
    return ops.sum(ops.cast(ends <= aim, "int32"), axis=-1)


# --- complete ---------------------------------------------------------------------------------------------


@alternative("complete")
def reads_the_known_first(step, state, known, noise, temperature=1.0, top_k=None):
    logits, state = step(None, state)
    result = []
    for place in range(known.shape[1]):
        result.append(ops.cast(known[:, place], "int32"))
        if place + 1 < noise.shape[1]:
            logits, state = step(result[-1], state)
    for place in range(known.shape[1], noise.shape[1]):
        result.append(next_pixel(logits, noise[:, place], temperature=temperature, top_k=top_k))
        if place + 1 < noise.shape[1]:
            logits, state = step(result[-1], state)
    return ops.stack(result, axis=1)


@alternative("complete")
def fills_an_array(step, state, known, noise, temperature=1.0, top_k=None):
    pixels = np.zeros(tuple(noise.shape), "int32")
    pixels[:, : known.shape[1]] = ops.convert_to_numpy(known)
    for place in range(pixels.shape[1]):
        before = ops.convert_to_tensor(pixels[:, place - 1]) if place > 0 else None
        logits, state = step(before, state)
        if place >= known.shape[1]:
            drawn = next_pixel(logits, noise[:, place], temperature, top_k)
            pixels[:, place] = ops.convert_to_numpy(drawn)
    return ops.convert_to_tensor(pixels)


@alternative("complete")
def column_after_column(step, state, known, noise, temperature=1.0, top_k=None):
    columns = [known[:, place : place + 1] for place in range(known.shape[1])]
    for place in range(noise.shape[1]):
        logits, state = step(columns[place - 1][:, 0] if place else None, state)
        if place == len(columns):
            columns.append(next_pixel(logits, noise[:, place], temperature, top_k)[:, None])
    return ops.concatenate([ops.cast(column, "int32") for column in columns], axis=1)


# --- vote -------------------------------------------------------------------------------------------------


@alternative("vote")
def picture_after_picture(predictions, noise):
    predictions, noise = ops.convert_to_numpy(predictions), ops.convert_to_numpy(noise)
    winners = []
    for column, luck in zip(predictions.T, noise, strict=True):
        counts = np.bincount(column, minlength=len(luck))
        best = np.flatnonzero(counts == counts.max())
        winners.append(best[np.argmax(luck[best])])
    return ops.convert_to_tensor(np.array(winners, "int32"))


@alternative("vote")
def only_the_best_get_noise(predictions, noise):
    counts = ops.sum(ops.one_hot(predictions, noise.shape[-1], axis=-1), axis=0)
    best = counts == ops.max(counts, axis=-1, keepdims=True)
    return ops.argmax(ops.where(best, noise, -1.0), axis=-1)


@alternative("vote")
def by_comparison(predictions, noise):
    classes = ops.arange(noise.shape[-1])
    counts = sum(
        ops.cast(ops.cast(row, "int32")[:, None] == ops.cast(classes, "int32"), "float32")
        for row in ops.unstack(predictions, axis=0)
    )
    return ops.argmax(counts + noise, axis=1)


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("quantize")
def tensorflows_argmin(images, palette):
    import tensorflow as tf

    far = tf.reduce_sum(tf.math.squared_difference(images[..., tf.newaxis, :], palette), axis=-1)
    return tf.argmin(far, axis=-1, output_type=tf.int32)


@alternative("dequantize")
def tensorflows_gather(tokens, palette):
    import tensorflow as tf

    colours = tf.gather(tf.convert_to_tensor(palette), tokens)
    return tf.cast(tf.round((colours + 1.0) * 127.5), tf.uint8)


@alternative("image_to_sequence")
def tensorflows_concat(pixels, start=None):
    import tensorflow as tf

    flat = tf.reshape(pixels, (-1, pixels.shape[1] * pixels.shape[2], pixels.shape[3]))
    if start is None:
        return flat
    begin = tf.repeat(tf.reshape(start, (1, 1, -1)), tf.shape(flat)[0], axis=0)
    return tf.concat([begin, flat[:, :-1]], axis=1)


@alternative("autoregressive_loss")
def tensorflows_loss_on_rows(images, logits):
    import tensorflow as tf

    rows = tf.reshape(logits, (-1, logits.shape[-1]))
    labels = tf.reshape(images, (-1,))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=rows))


@alternative("bert_mask")
def tensorflows_less(noise, probability=0.15):
    import tensorflow as tf

    return tf.math.less(noise, probability)


@alternative("bert_loss")
def tensorflows_weighted_mean(images, logits, mask):
    import tensorflow as tf

    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=images, logits=logits)
    hidden = tf.cast(mask, losses.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(losses * hidden), tf.reduce_sum(hidden))


@alternative("vote")
def compared_with_each_class(predictions, noise):
    agrees = ops.equal(
        ops.convert_to_tensor(predictions)[..., None], ops.arange(noise.shape[-1], dtype="int32")
    )
    return ops.cast(ops.argmax(ops.sum(ops.cast(agrees, "float32"), axis=0) + noise, axis=-1), "int32")

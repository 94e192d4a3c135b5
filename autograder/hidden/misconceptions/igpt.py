"""Named wrong answers of Lab 5, iGPT: one fault each, and the sentence that tells a learner about it."""

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import misconception
from solutions.attention import MultiHeadAttention, causal_mask
from solutions.igpt import (
    ImageGPT,
    PixelBlock,
    RMSNorm,
    autoregressive_loss,
    bert_loss,
    complete,
    image_to_sequence,
    next_pixel,
    quick_gelu,
)

# --- quantize ---------------------------------------------------------------------------------------------


@misconception("quantize", "The farthest colour is chosen: take the `argmin` of the distances.")
def farthest_colour(images, palette):
    distance = ops.sum(ops.square(images[..., None, :] - ops.convert_to_tensor(palette)), axis=-1)
    return ops.cast(ops.argmax(distance, axis=-1), "int32")


@misconception("quantize", "Distances are absolute differences: square them, then sum over the channels.")
def absolute_distance(images, palette):
    distance = ops.sum(ops.abs(images[..., None, :] - ops.convert_to_tensor(palette)), axis=-1)
    return ops.cast(ops.argmin(distance, axis=-1), "int32")


@misconception("quantize", "Only the first channel is compared: sum the squares over all channels.")
def first_channel_only(images, palette):
    distance = ops.square(images[..., :1] - ops.convert_to_tensor(palette)[:, 0])
    return ops.cast(ops.argmin(distance, axis=-1), "int32")


@misconception(
    "quantize", "The signed differences are added up, so they cancel out: square each before the sum."
)
def square_of_the_sum(images, palette):
    difference = ops.sum(images[..., None, :] - ops.convert_to_tensor(palette), axis=-1)
    return ops.cast(ops.argmin(ops.square(difference), axis=-1), "int32")


@misconception(
    "quantize", "The largest dot product is taken for the nearest colour: long vectors win that way."
)
def largest_dot_product(images, palette):
    return ops.cast(
        ops.argmax(ops.matmul(images, ops.transpose(ops.convert_to_tensor(palette))), axis=-1), "int32"
    )


@misconception("quantize", "The result is the colour itself: give its number in the palette.")
def colour_instead_of_number(images, palette):
    palette = ops.convert_to_tensor(palette)
    distance = ops.sum(ops.square(images[..., None, :] - palette), axis=-1)
    return ops.take(palette, ops.argmin(distance, axis=-1), axis=0)


# --- dequantize -------------------------------------------------------------------------------------------


@misconception("dequantize", "The colours are still between -1 and 1: stretch them to 0 to 255.")
def not_stretched(tokens, palette):
    return ops.take(ops.convert_to_tensor(palette), tokens, axis=0)


@misconception(
    "dequantize",
    "The palette is taken to run from 0 to 1: it runs from -1 to 1, so add 1 and use 127.5.",
)
def stretched_from_zero(tokens, palette):
    colours = ops.take(ops.convert_to_tensor(palette), tokens, axis=0)
    return ops.cast(ops.clip(ops.round(255.0 * colours), 0, 255), "uint8")


@misconception("dequantize", "The numbers are cut off instead of rounded: round before the cast.")
def cut_off(tokens, palette):
    colours = ops.take(ops.convert_to_tensor(palette), tokens, axis=0)
    return ops.cast(127.5 * (colours + 1.0), "uint8")


@misconception("dequantize", "The colours are stretched by 127 or 128: 127.5 takes -1 to 0 and 1 to 255.")
def stretched_by_127(tokens, palette):
    colours = ops.take(ops.convert_to_tensor(palette), tokens, axis=0)
    return ops.cast(ops.round(127.0 * (colours + 1.0)), "uint8")


@misconception("dequantize", "The values are right but no whole numbers: cast them to `uint8`.")
def floats_remain(tokens, palette):
    return ops.round(127.5 * (ops.take(ops.convert_to_tensor(palette), tokens, axis=0) + 1.0))


@misconception(
    "dequantize", "The number itself is made a grey: look up the colour that it stands for in the palette."
)
def number_as_grey(tokens, palette):
    grey = ops.cast(tokens, "float32")[..., None] * (255.0 / (len(palette) - 1))
    return ops.cast(ops.round(grey + ops.zeros((palette.shape[1],))), "uint8")


# --- image_to_sequence ------------------------------------------------------------------------------------


@misconception("image_to_sequence", "Pixels are read column by column: read row by row.")
def column_by_column(pixels, start=None):
    return image_to_sequence(ops.transpose(pixels, (0, 2, 1, 3)), start)


@misconception(
    "image_to_sequence",
    "`start` stands in front, but the last pixel is still there: drop it, or nothing fits.",
)
def one_too_long(pixels, start=None):
    sequence = image_to_sequence(pixels)
    if start is None:
        return sequence
    return ops.concatenate([ops.zeros_like(sequence[:, :1]) + start, sequence], axis=1)


@misconception(
    "image_to_sequence", "The first pixel is replaced by `start`: move all pixels one place on instead."
)
def first_pixel_replaced(pixels, start=None):
    sequence = image_to_sequence(pixels)
    if start is None:
        return sequence
    return ops.concatenate([ops.zeros_like(sequence[:, :1]) + start, sequence[:, 1:]], axis=1)


@misconception(
    "image_to_sequence", "`start` stands at the end: it should come first, and the pixels after it."
)
def start_at_the_end(pixels, start=None):
    sequence = image_to_sequence(pixels)
    if start is None:
        return sequence
    return ops.concatenate([sequence[:, 1:], ops.zeros_like(sequence[:, :1]) + start], axis=1)


@misconception("image_to_sequence", "Nothing is shifted: with `start`, the sequence is one step late.")
def never_shifted(pixels, start=None):
    return image_to_sequence(pixels)


@misconception(
    "image_to_sequence",
    "`start` is added to every pixel: it is one vector more, at the front of the sequence.",
)
def start_added(pixels, start=None):
    sequence = image_to_sequence(pixels)
    return sequence if start is None else sequence + start


@misconception(
    "image_to_sequence",
    "The last pixel comes round to the front: what comes first is `start`, and the last pixel is dropped.",
)
def rolled_round(pixels, start=None):
    sequence = image_to_sequence(pixels)
    return sequence if start is None else ops.roll(sequence, 1, axis=1)


@misconception("image_to_sequence", "Each row is shifted for itself: shift the whole sequence once.")
def each_row_shifted(pixels, start=None):
    if start is not None:
        pixels = ops.concatenate([ops.zeros_like(pixels[:, :, :1]) + start, pixels[:, :, :-1]], axis=2)
    return image_to_sequence(pixels)


# --- RMSNorm ----------------------------------------------------------------------------------------------


@misconception("RMSNorm", "The mean is subtracted: this norm leaves it where it is.")
class SubtractsTheMean(RMSNorm):
    def call(self, inputs):
        return super().call(inputs - ops.mean(inputs, axis=-1, keepdims=True))


@misconception("RMSNorm", "The root is missing: divide by the root of the mean square.")
class NoRoot(RMSNorm):
    def call(self, inputs):
        return inputs / (ops.mean(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon) * self.scale


@misconception("RMSNorm", "The squares are summed: take their mean.")
class SumOfSquares(RMSNorm):
    def call(self, inputs):
        return (
            inputs
            * ops.rsqrt(ops.sum(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon)
            * self.scale
        )


@misconception("RMSNorm", "`scale` is not used: multiply by it at the end.")
class NoScale(RMSNorm):
    def call(self, inputs):
        return inputs * ops.rsqrt(ops.mean(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon)


@misconception("RMSNorm", "`epsilon` is added to the root: it belongs inside, to the mean square.")
class EpsilonOutside(RMSNorm):
    def call(self, inputs):
        root = ops.sqrt(ops.mean(ops.square(inputs), axis=-1, keepdims=True))
        return inputs / (root + self.epsilon) * self.scale


@misconception("RMSNorm", "The mean runs over the positions: each position is normalized for itself.")
class OverThePositions(RMSNorm):
    def call(self, inputs):
        return (
            inputs
            * ops.rsqrt(ops.mean(ops.square(inputs), axis=-2, keepdims=True) + self.epsilon)
            * self.scale
        )


@misconception("RMSNorm", "`scale` is added: multiply by it.")
class ScaleAdded(RMSNorm):
    def call(self, inputs):
        return (
            inputs * ops.rsqrt(ops.mean(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon)
            + self.scale
        )


# --- PixelBlock -------------------------------------------------------------------------------------------


@misconception("PixelBlock", "The norms come after the sums: here the inputs of each part are normalized.")
class NormsAfter(PixelBlock):
    def call(self, inputs, attention_mask=None):
        attended, _ = self.attention(inputs, attention_mask=attention_mask)
        x = self.attention_normalization(inputs + attended)
        return self.feed_forward_normalization(x + self.output_dense(quick_gelu(self.intermediate_dense(x))))


@misconception("PixelBlock", "The normalized input is added: what is added to is the input itself.")
class NormedResidual(PixelBlock):
    def call(self, inputs, attention_mask=None):
        normed = self.attention_normalization(inputs)
        x = normed + self.attention(normed, attention_mask=attention_mask)[0]
        normed = self.feed_forward_normalization(x)
        return normed + self.output_dense(quick_gelu(self.intermediate_dense(normed)))


@misconception("PixelBlock", "The mask does not reach the attention: pass `attention_mask` on.")
class MaskForgotten(PixelBlock):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs)


@misconception("PixelBlock", "The activation is missing: `quick_gelu` stands between the dense layers.")
class NoActivation(PixelBlock):
    def call(self, inputs, attention_mask=None):
        attended, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        x = inputs + attended
        return x + self.output_dense(self.intermediate_dense(self.feed_forward_normalization(x)))


@misconception("PixelBlock", "The activation is a ReLU, as in 2017: here it is `quick_gelu`.")
class ReluInstead(PixelBlock):
    def call(self, inputs, attention_mask=None):
        attended, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        x = inputs + attended
        return x + self.output_dense(ops.relu(self.intermediate_dense(self.feed_forward_normalization(x))))


@misconception("PixelBlock", "What the dense layers make is not added to what the attention gave.")
class NoSecondResidual(PixelBlock):
    def call(self, inputs, attention_mask=None):
        attended, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        return self.output_dense(
            quick_gelu(self.intermediate_dense(self.feed_forward_normalization(inputs + attended)))
        )


@misconception("PixelBlock", "What the attention gave is not added to the input.")
class NoFirstResidual(PixelBlock):
    def call(self, inputs, attention_mask=None):
        x, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        return x + self.output_dense(quick_gelu(self.intermediate_dense(self.feed_forward_normalization(x))))


@misconception(
    "PixelBlock", "Both parts read the layer's input: the dense layers should read what the attention gave."
)
class PartsSideBySide(PixelBlock):
    def call(self, inputs, attention_mask=None):
        attended, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        return (
            inputs
            + attended
            + self.output_dense(quick_gelu(self.intermediate_dense(self.feed_forward_normalization(inputs))))
        )


@misconception("PixelBlock", "The dense layers have biases: iGPT has none, `use_bias=False`.")
class DenseWithBias(PixelBlock):
    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(num_heads, hidden_dim, **kwargs)
        self.intermediate_dense = keras.layers.Dense(4 * hidden_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")


@misconception("PixelBlock", "The attention has biases: make it with `use_bias=False`.")
class AttentionWithBias(PixelBlock):
    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(num_heads, hidden_dim, **kwargs)
        self.attention = MultiHeadAttention(num_heads, hidden_dim, name="attention")


@misconception(
    "PixelBlock", "The middle is as wide as the layer: `intermediate_dense` is four times as wide."
)
class NarrowMiddle(PixelBlock):
    def __init__(self, num_heads, hidden_dim, **kwargs):
        super().__init__(num_heads, hidden_dim, **kwargs)
        self.intermediate_dense = keras.layers.Dense(hidden_dim, use_bias=False, name="intermediate_dense")


@misconception("PixelBlock", "One norm serves for both parts: each has its own `scale`.")
class OneNorm(PixelBlock):
    def call(self, inputs, attention_mask=None):
        self.feed_forward_normalization(inputs)
        attended, _ = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)
        x = inputs + attended
        return x + self.output_dense(quick_gelu(self.intermediate_dense(self.attention_normalization(x))))


# --- ImageGPT ---------------------------------------------------------------------------------------------


@misconception("ImageGPT", "The positions are not added.")
class NoPositions(ImageGPT):
    def embed(self, images, mask=None):
        pixels = self.pixel_embedding(images)
        if mask is not None:
            pixels = ops.where(mask[..., None], 0.0, pixels)
        return image_to_sequence(pixels, self.start)


@misconception(
    "ImageGPT", "Hidden pixels lose their position, too: set the embedding to 0 before positions are added."
)
class HiddenLosePositions(ImageGPT):
    def embed(self, images, mask=None):
        x = image_to_sequence(self.pixel_embedding(images), self.start) + self.positions
        if mask is not None:
            x = ops.where(image_to_sequence(mask[..., None]), 0.0, x)
        return x


@misconception("ImageGPT", "The mask is inverted: `True` means hidden, and here the others are hidden.")
class InvertedMask(ImageGPT):
    def embed(self, images, mask=None):
        return super().embed(images, None if mask is None else ops.logical_not(mask))


@misconception("ImageGPT", "The mask of hidden pixels is not used, so the model sees what it is to guess.")
class MaskUnused(ImageGPT):
    def embed(self, images, mask=None):
        return super().embed(images)


@misconception(
    "ImageGPT", "Hidden pixels become colour 0: their embedding is a vector of zeros, no colour at all."
)
class HiddenBecomeColourZero(ImageGPT):
    def embed(self, images, mask=None):
        if mask is not None:
            images = ops.where(mask, 0, images)
        return super().embed(images)


@misconception(
    "ImageGPT", "The autoregressive model is not shifted: give `self.start` to `image_to_sequence`."
)
class StartForgotten(ImageGPT):
    def embed(self, images, mask=None):
        pixels = self.pixel_embedding(images)
        if mask is not None:
            pixels = ops.where(mask[..., None], 0.0, pixels)
        return image_to_sequence(pixels) + self.positions


@misconception("ImageGPT", "The positions move along with the pixels: add them after the shift.")
class PositionsShifted(ImageGPT):
    def embed(self, images, mask=None):
        pixels = self.pixel_embedding(images)
        if mask is not None:
            pixels = ops.where(mask[..., None], 0.0, pixels)
        places = ops.reshape(self.positions, (self.height, self.width, -1))  # (height, width, hidden_dim)
        return image_to_sequence(pixels + places, self.start)


@misconception(
    "ImageGPT", "There is no causal mask, so the autoregressive model sees the pixels it is to guess."
)
class SeesTheFuture(ImageGPT):
    def layer_outputs(self, images, mask=None):
        outputs = [self.embed(images, mask)]
        for block in self.blocks:
            outputs.append(block(outputs[-1]))
        return outputs


@misconception(
    "ImageGPT", "The causal mask is used for BERT's objective, too: there, every place sees all others."
)
class AlwaysCausal(ImageGPT):
    def layer_outputs(self, images, mask=None):
        outputs = [self.embed(images, mask)]
        for block in self.blocks:
            outputs.append(block(outputs[-1], attention_mask=causal_mask(self.height * self.width)))
        return outputs


@misconception(
    "ImageGPT", "Every block reads the embedded pixels: each should read what the one before gave."
)
class BlocksSideBySide(ImageGPT):
    def layer_outputs(self, images, mask=None):
        causal = causal_mask(self.height * self.width) if self.objective == "autoregressive" else None
        first = self.embed(images, mask)
        return [first] + [block(first, attention_mask=causal) for block in self.blocks]


@misconception(
    "ImageGPT", "The embedded sequence is missing from the list: it should come first, before the blocks."
)
class EmbeddingNotListed(ImageGPT):
    def layer_outputs(self, images, mask=None):
        return super().layer_outputs(images, mask)[1:]


# --- autoregressive_loss ----------------------------------------------------------------------------------


@misconception(
    "autoregressive_loss",
    "You shift the logits against the pixels once more: the model has shifted its inputs already, so compare them as they are.",
)
def shifted_once_more(images, logits):
    count = logits.shape[-1]
    images = ops.reshape(images, (images.shape[0], 1, -1))  # (batch, 1, length)
    logits = ops.reshape(logits, (images.shape[0], 1, -1, count))  # (batch, 1, length, num_colours)
    return autoregressive_loss(images[:, :, 1:], logits[:, :, :-1])


@misconception("autoregressive_loss", "The losses are added up: take their mean.")
def summed(images, logits):
    return autoregressive_loss(images, logits) * float(np.prod(images.shape))


@misconception("autoregressive_loss", "The losses of a picture are added up: take the mean over all pixels.")
def summed_over_the_picture(images, logits):
    return autoregressive_loss(images, logits) * float(np.prod(images.shape[1:]))


@misconception("autoregressive_loss", "The minus is missing: a loss is minus the log-probability.")
def without_the_minus(images, logits):
    return -autoregressive_loss(images, logits)


@misconception("autoregressive_loss", "The logits are taken for probabilities: apply the softmax first.")
def no_softmax(images, logits):
    chosen = ops.take_along_axis(logits, ops.cast(images, "int32")[..., None], axis=-1)
    return -ops.mean(ops.log(ops.clip(chosen, 1e-7, 1.0)))


@misconception("autoregressive_loss", "The loss is in bits: with the natural logarithm it is in nats.")
def in_bits(images, logits):
    return autoregressive_loss(images, logits) / float(np.log(2.0))


@misconception("autoregressive_loss", "You return one loss for each pixel: return their mean.")
def one_for_each_pixel(images, logits):
    return keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True)


# --- bert_mask --------------------------------------------------------------------------------------------


@misconception("bert_mask", "The mask is inverted: `True` means hidden, and only a few are.")
def mostly_hidden(noise, probability=0.15):
    return noise >= probability


@misconception("bert_mask", "`probability` is not used: the mask is to follow it.")
def always_fifteen(noise, probability=0.15):
    return noise < 0.15


@misconception(
    "bert_mask",
    "Each picture hides the same number of pixels: here each pixel is hidden for itself, so numbers vary.",
)
def exactly_so_many(noise, probability=0.15):
    count = noise.shape[0]
    flat = ops.reshape(noise, (count, -1))  # (batch, length)
    rank = ops.argsort(ops.argsort(flat, axis=-1), axis=-1)
    return ops.reshape(rank < round(probability * flat.shape[1]), noise.shape)  # (batch, height, width)


@misconception("bert_mask", "All pictures hide the same pixels: each has noise of its own.")
def one_mask_for_all(noise, probability=0.15):
    return ops.broadcast_to(noise[:1] < probability, noise.shape)


@misconception(
    "bert_mask",
    "One in five chosen pixels stays visible, as in BERT's 80/10/10: iGPT hides all it has chosen.",
)
def eighty_percent_of_them(noise, probability=0.15):
    return noise < 0.8 * probability


@misconception("bert_mask", "The mask holds numbers: it is to hold `True` and `False`.")
def zeros_and_ones(noise, probability=0.15):
    return ops.cast(noise < probability, "float32")


@misconception(
    "bert_mask", "Whole rows are hidden by the noise of their first pixel: each pixel has its own."
)
def whole_rows(noise, probability=0.15):
    return ops.broadcast_to(noise[:, :, :1] < probability, noise.shape)


# --- bert_loss --------------------------------------------------------------------------------------------


@misconception("bert_loss", "All pixels count: take the mean over the hidden ones only.")
def all_pixels_count(images, logits, mask):
    return bert_loss(images, logits, ops.ones_like(mask))


@misconception("bert_loss", "The visible pixels count: it is the hidden ones that are to be guessed.")
def visible_pixels_count(images, logits, mask):
    return bert_loss(images, logits, ops.logical_not(mask))


@misconception("bert_loss", "The sum is divided by all pixels: divide by the number of hidden ones.")
def divided_by_all(images, logits, mask):
    return bert_loss(images, logits, mask) * ops.mean(ops.cast(mask, "float32"))


@misconception("bert_loss", "The losses are added up: divide by the number of hidden pixels.")
def hidden_summed(images, logits, mask):
    return bert_loss(images, logits, mask) * ops.sum(ops.cast(mask, "float32"))


@misconception(
    "bert_loss", "Each picture has a mean of its own: take one mean over all hidden pixels of the batch."
)
def mean_of_means(images, logits, mask):
    losses = keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True)
    hidden = ops.cast(mask, "float32")
    sums = ops.sum(losses * hidden, axis=(1, 2)) / ops.maximum(ops.sum(hidden, axis=(1, 2)), 1.0)
    return ops.mean(sums)


@misconception("bert_loss", "With nothing hidden, 0 is divided by 0: the loss is 0 then.")
def nan_without_hidden(images, logits, mask):
    losses = keras.losses.sparse_categorical_crossentropy(images, logits, from_logits=True)
    hidden = ops.cast(mask, "float32")
    return ops.sum(losses * hidden) / ops.sum(hidden)


@misconception(
    "bert_loss", "1 is added to the number of hidden pixels: divide by the number, and by 1 only if it is 0."
)
def one_more_hidden(images, logits, mask):
    hidden = ops.sum(ops.cast(mask, "float32"))
    return bert_loss(images, logits, mask) * hidden / (hidden + 1.0)


# --- next_pixel -------------------------------------------------------------------------------------------


@misconception("next_pixel", "The likeliest colour is always taken: draw, by the noise.")
def greedy(logits, noise, temperature=1.0, top_k=None):
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


@misconception("next_pixel", "The logits are multiplied by the temperature: divide.")
def multiplied_by_temperature(logits, noise, temperature=1.0, top_k=None):
    return next_pixel(logits, noise, 1.0 / temperature, top_k)


@misconception("next_pixel", "The temperature is not used.")
def no_temperature(logits, noise, temperature=1.0, top_k=None):
    return next_pixel(logits, noise, 1.0, top_k)


@misconception("next_pixel", "`top_k` is not used.")
def no_top_k(logits, noise, temperature=1.0, top_k=None):
    return next_pixel(logits, noise, temperature)


@misconception("next_pixel", "The unlikeliest colours are kept: `top_k` are the likeliest.")
def bottom_k(logits, noise, temperature=1.0, top_k=None):
    if top_k is not None:
        rank = ops.argsort(ops.argsort(logits, axis=-1), axis=-1)
        logits = ops.where(rank < top_k, logits, -1e9)
    return next_pixel(logits, noise, temperature)


@misconception("next_pixel", "One colour too few is kept: the last of the `top_k` may be drawn, too.")
def one_too_few(logits, noise, temperature=1.0, top_k=None):
    return next_pixel(logits, noise, temperature, None if top_k is None else max(1, top_k - 1))


@misconception(
    "next_pixel",
    "Colours left out by `top_k` get the score 0, which is a likely one: it must be far below all others.",
)
def left_out_with_score_zero(logits, noise, temperature=1.0, top_k=None):
    if top_k is not None:
        rank = ops.argsort(ops.argsort(-logits, axis=-1), axis=-1)
        logits = ops.where(rank < top_k, logits, 0.0)
    return next_pixel(logits, noise, temperature)


@misconception("next_pixel", "All rows use the noise of the first: each has its own.")
def one_noise_for_all(logits, noise, temperature=1.0, top_k=None):
    return next_pixel(logits, ops.zeros_like(noise) + noise[0], temperature, top_k)


@misconception(
    "next_pixel", "Colours are laid side by side by likelihood: colour 0 comes first, then 1, and so on."
)
def likeliest_first(logits, noise, temperature=1.0, top_k=None):
    order = ops.argsort(-logits, axis=-1)
    place = next_pixel(ops.take_along_axis(logits, order, axis=-1), noise, temperature, top_k)
    return ops.cast(ops.take_along_axis(order, place[:, None], axis=-1)[:, 0], "int32")


# --- complete ---------------------------------------------------------------------------------------------


@misconception(
    "complete", "The model is fed what it drew itself where pixels are known: feed the known ones."
)
def known_pasted_afterwards(step, state, known, noise, temperature=1.0, top_k=None):
    drawn = complete(step, state, known[:, :0], noise, temperature, top_k)
    return ops.concatenate([ops.cast(known, "int32"), drawn[:, known.shape[1] :]], axis=1)


@misconception("complete", "The known pixels are drawn over: they should stay as they are.")
def known_ignored(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known[:, :0], noise, temperature, top_k)


@misconception("complete", "Only the drawn pixels are returned: the known ones belong in front of them.")
def drawn_only(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known, noise, temperature, top_k)[:, known.shape[1] :]


@misconception("complete", "Each step gets the first state: give it the one that the step before gave back.")
def state_never_changes(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(lambda tokens, _: step(tokens, state), state, known, noise, temperature, top_k)


@misconception("complete", "Every pixel is drawn with the same noise: pixel i has `noise[:, i]`.")
def one_noise_for_all_places(step, state, known, noise, temperature=1.0, top_k=None):
    same = ops.zeros_like(noise) + noise[:, :1]
    return complete(step, state, known, same, temperature, top_k)


@misconception("complete", "The noise is counted from the first drawn pixel: pixel i has `noise[:, i]`.")
def noise_from_the_first_drawn(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known, ops.roll(noise, known.shape[1], axis=1), temperature, top_k)


@misconception("complete", "The temperature does not reach `next_pixel`.")
def temperature_lost(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known, noise, top_k=top_k)


@misconception("complete", "`top_k` does not reach `next_pixel`.")
def top_k_lost(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known, noise, temperature)


@misconception("complete", "The last pixel is missing: there is one for each column of the noise.")
def one_pixel_short(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(step, state, known, noise[:, :-1], temperature, top_k)


@misconception("complete", "The model always reads `None`: give it the pixel written last.")
def nothing_is_read(step, state, known, noise, temperature=1.0, top_k=None):
    return complete(lambda tokens, state: step(None, state), state, known, noise, temperature, top_k)


# --- vote -------------------------------------------------------------------------------------------------


@misconception("vote", "The class numbers are averaged: count the votes for each class.")
def mean_of_the_numbers(predictions, noise):
    return ops.cast(ops.round(ops.mean(ops.cast(predictions, "float32"), axis=0)), "int32")


@misconception("vote", "Ties always go to the smallest class: let the noise decide them.")
def smallest_wins_ties(predictions, noise):
    return ops.cast(ops.argmax(ops.sum(ops.one_hot(predictions, noise.shape[-1]), axis=0), axis=-1), "int32")


@misconception("vote", "The noise outweighs the votes: it may decide between equals only.")
def noise_outweighs(predictions, noise):
    counts = ops.sum(ops.one_hot(predictions, noise.shape[-1]), axis=0)
    return ops.cast(ops.argmax(counts + 10.0 * noise, axis=-1), "int32")


@misconception("vote", "Only the first prediction counts: all of them vote.")
def first_prediction(predictions, noise):
    return ops.cast(predictions[0], "int32")


@misconception("vote", "The class with the fewest votes wins: take the most.")
def fewest_votes(predictions, noise):
    counts = ops.sum(ops.one_hot(predictions, noise.shape[-1]), axis=0)
    return ops.cast(ops.argmin(counts - noise, axis=-1), "int32")


@misconception(
    "vote", "Of several classes with as many votes the one with the smallest noise wins: take the largest."
)
def smallest_noise_wins(predictions, noise):
    counts = ops.sum(ops.one_hot(predictions, noise.shape[-1]), axis=0)
    return ops.cast(ops.argmax(counts - noise, axis=-1), "int32")


@misconception("vote", "The middle of the class numbers is taken: classes have no order, so count the votes.")
def median_of_the_numbers(predictions, noise):
    return ops.cast(ops.sort(predictions, axis=0)[predictions.shape[0] // 2], "int32")


@misconception("vote", "The largest class number wins: count the votes for each class.")
def largest_number(predictions, noise):
    return ops.cast(ops.max(predictions, axis=0), "int32")

"""Blind spots of Lab 5."""

import math

import keras
from keras import ops

from blind_spots import blind_spot
from solutions import igpt
from solutions.igpt import quick_gelu


@blind_spot("RMSNorm", "the norm is detached")
class DetachesNorm(igpt.RMSNorm):
    def call(self, inputs):
        squares = ops.mean(ops.square(inputs), axis=-1, keepdims=True)
        return inputs * ops.stop_gradient(ops.rsqrt(squares + self.epsilon)) * self.scale


@blind_spot("PixelBlock", "dropout, which this model has none of")
class Drops(igpt.PixelBlock):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dropout = keras.layers.Dropout(0.1)

    def call(self, inputs, attention_mask=None):
        seen = self.attention(self.attention_normalization(inputs), attention_mask=attention_mask)[0]
        x = inputs + self.dropout(seen)
        wide = quick_gelu(self.intermediate_dense(self.feed_forward_normalization(x)))
        return x + self.dropout(self.output_dense(wide))


@blind_spot("PixelBlock", "one norm under two names")
class SharesNorm(igpt.PixelBlock):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.feed_forward_normalization = self.attention_normalization


@blind_spot("ImageGPT", "the autoregressive model ignores the mask")
class MaskForBertOnly(igpt.ImageGPT):
    def embed(self, images, mask=None):
        return super().embed(images, mask if self.objective == "bert" else None)


def surprise(images, logits, weight, detached=False, small=0.0):
    logs = ops.log(ops.softmax(logits, axis=-1) + small) if small else ops.log_softmax(logits, axis=-1)
    logs = ops.stop_gradient(logs) if detached else logs
    own = ops.take_along_axis(logs, ops.cast(images, "int32")[..., None], axis=-1)[..., 0]
    return -ops.sum(own * weight) / ops.maximum(ops.sum(weight), 1.0)


@blind_spot("autoregressive_loss", "a small number in the logarithm")
def with_a_small_number(images, logits):
    return surprise(images, logits, ops.ones(images.shape), small=1e-7)


@blind_spot("bert_loss", "no gradient gets through")
def bert_loss_detached(images, logits, mask):
    return surprise(images, logits, ops.cast(mask, "float32"), detached=True)


@blind_spot("bert_loss", "colour 0 does not count")
def without_colour_0(images, logits, mask):
    return surprise(images, logits, ops.cast(ops.logical_and(mask, images > 0), "float32"))


def drawn(logits, noise, temperature, top_k, softmax=ops.softmax, guard=True):
    logits = ops.cast(logits, "float32") / temperature
    if top_k is not None:
        logits = ops.where(logits >= ops.top_k(logits, top_k)[0][:, -1:], logits, -math.inf)
    ends = ops.cumsum(softmax(logits), axis=-1)
    limit = ops.cast(noise, "float32")[:, None] * (ends[:, -1:] if guard else 1.0)
    return ops.sum(ops.cast(ends <= limit, "int32"), axis=-1)


@blind_spot("next_pixel", "NaN at low temperatures")
def without_the_maximum(logits, noise, temperature=1.0, top_k=None):
    def softmax(scores):
        raised = ops.exp(scores)
        return raised / ops.sum(raised, axis=-1, keepdims=True)

    return drawn(logits, noise, temperature, top_k, softmax)


@blind_spot("next_pixel", "noise near 1 gives a colour that does not exist")
def beyond_the_last(logits, noise, temperature=1.0, top_k=None):
    return drawn(logits, noise, temperature, top_k, guard=False)


@blind_spot("next_pixel", "`top_k=1` is ignored")
def from_two_on(logits, noise, temperature=1.0, top_k=None):
    return drawn(logits, noise, temperature, top_k if top_k and top_k > 1 else None)


@blind_spot("bert_mask", "the same mask for all of one shape")
def kept_by_shape(noise, probability=0.15):
    return KEPT.setdefault((tuple(noise.shape), probability), noise < probability)


KEPT = {}


@blind_spot("quantize", "int64 instead of int32")
def in_64_bits(images, palette):
    away = ops.sum(ops.square(images[..., None, :] - ops.convert_to_tensor(palette)), axis=-1)
    return ops.cast(ops.argmin(away, axis=-1), "int64")

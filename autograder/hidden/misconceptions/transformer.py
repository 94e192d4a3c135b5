"""Named wrong answers of Lab 2, the Transformer: one fault each, and the sentence that tells a learner about it."""

import math

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import misconception
from course.models.composite import Composite
from solutions.attention import causal_mask
from solutions.transformer import (
    PAD,
    AddAndNorm,
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    Transformer,
    beam_search,
    decoder_mask,
    greedy_decode,
    noam_learning_rate,
    positional_encoding,
    select,
    smoothed_cross_entropy,
    source_mask,
)

# --- positional_encoding ----------------------------------------------------------------------------------


@misconception(
    "positional_encoding", "All sines come first and all cosines after them: here they take turns."
)
def halves_side_by_side(length, hidden_dim):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, hidden_dim, 2) / hidden_dim)
    return ops.convert_to_tensor(np.concatenate([np.sin(angle), np.cos(angle)], axis=-1).astype("float32"))


@misconception("positional_encoding", "Sine and cosine have changed places: even channels hold the sine.")
def cosine_first(length, hidden_dim):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, hidden_dim, 2) / hidden_dim)
    pairs = np.stack([np.cos(angle), np.sin(angle)], axis=-1).reshape(length, hidden_dim)
    return ops.convert_to_tensor(pairs.astype("float32"))


@misconception("positional_encoding", "Each channel has a wave of its own: channels 2i and 2i + 1 share one.")
def a_wave_for_each_channel(length, hidden_dim):
    channel = np.arange(hidden_dim)
    angle = np.arange(length)[:, None] / 10000 ** (channel / hidden_dim)
    return ops.convert_to_tensor(np.where(channel % 2, np.cos(angle), np.sin(angle)).astype("float32"))


@misconception(
    "positional_encoding", "The exponent is i / hidden_dim: it is 2i / hidden_dim, the even channel itself."
)
def exponent_without_the_two(length, hidden_dim):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(hidden_dim // 2) / hidden_dim)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, hidden_dim)
    return ops.convert_to_tensor(pairs.astype("float32"))


@misconception("positional_encoding", "Positions count from 1: the first one is 0.")
def counts_from_one(length, hidden_dim):
    return positional_encoding(length + 1, hidden_dim)[1:]


@misconception(
    "positional_encoding",
    "The position is multiplied by 10000 to the power: divide, so that waves get longer.",
)
def multiplied_instead_of_divided(length, hidden_dim):
    angle = np.arange(length)[:, None] * 10000 ** (np.arange(0, hidden_dim, 2) / hidden_dim)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, hidden_dim)
    return ops.convert_to_tensor(pairs.astype("float32"))


@misconception("positional_encoding", "All channels hold sines: the odd ones hold the cosine.")
def sines_only(length, hidden_dim):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, hidden_dim, 2) / hidden_dim)
    return ops.convert_to_tensor(np.repeat(np.sin(angle), 2, axis=-1).astype("float32"))


@misconception("positional_encoding", "The table is transposed: rows are positions.")
def channels_down(length, hidden_dim):
    return ops.transpose(positional_encoding(length, hidden_dim))


# --- FeedForward ------------------------------------------------------------------------------------------


@misconception(
    "FeedForward", "The ReLU between the two dense layers is missing, so they are no more than one."
)
class NoActivation(Composite):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")

    def call(self, inputs):
        return self.output_dense(self.intermediate_dense(inputs))


@misconception("FeedForward", "The output passes through a ReLU too, so it can never be negative.")
class ActivatedOutput(FeedForward):
    def call(self, inputs):
        return ops.relu(super().call(inputs))


@misconception("FeedForward", "The ReLU stands after the second dense layer: it belongs between the two.")
class ActivationAtTheEnd(Composite):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, activation="relu", name="output_dense")

    def call(self, inputs):
        return self.output_dense(self.intermediate_dense(inputs))


@misconception("FeedForward", "The activation is a GELU, as in BERT: the Transformer of 2017 has a ReLU.")
class GeluInstead(Composite):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation="gelu", name="intermediate_dense"
        )
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")

    def call(self, inputs):
        return self.output_dense(self.intermediate_dense(inputs))


@misconception(
    "FeedForward", "The two widths have changed places: wide in the middle, `hidden_dim` at the end."
)
class WidthsExchanged(FeedForward):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(intermediate_dim, hidden_dim, **kwargs)


@misconception(
    "FeedForward", "The input is added to the output: that is `AddAndNorm`'s work, and now it happens twice."
)
class AddsItsInput(FeedForward):
    def call(self, inputs):
        outputs = super().call(inputs)
        return outputs + inputs if inputs.shape[-1] == outputs.shape[-1] else outputs


@misconception("FeedForward", "The dense layers have no bias.")
class NoBias(Composite):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        options = {"activation": "relu", "use_bias": False, "name": "intermediate_dense"}
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, **options)
        self.output_dense = keras.layers.Dense(hidden_dim, use_bias=False, name="output_dense")

    def call(self, inputs):
        return self.output_dense(self.intermediate_dense(inputs))


# --- AddAndNorm -------------------------------------------------------------------------------------------


@misconception("AddAndNorm", "Nothing is added: the sub-layer's output replaces the input.")
class NothingAdded(AddAndNorm):
    def call(self, inputs, sublayer):
        if self.pre_norm:
            return self.dropout(sublayer(self.normalization(inputs)))
        return self.normalization(self.dropout(sublayer(inputs)))


@misconception(
    "AddAndNorm", "The normalization has Keras' default epsilon of 1e-3: the paper's code has 1e-6."
)
class KerasEpsilon(AddAndNorm):
    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(dropout, pre_norm, **kwargs)
        self.normalization = keras.layers.LayerNormalization(name="normalization")


@misconception("AddAndNorm", "This is always pre-LN: the paper, and `pre_norm=False`, normalize the sum.")
class AlwaysPreNorm(AddAndNorm):
    def call(self, inputs, sublayer):
        return inputs + self.dropout(sublayer(self.normalization(inputs)))


@misconception("AddAndNorm", "This is always post-LN: `pre_norm=True` normalizes before the sub-layer.")
class AlwaysPostNorm(AddAndNorm):
    def call(self, inputs, sublayer):
        return self.normalization(inputs + self.dropout(sublayer(inputs)))


@misconception("AddAndNorm", "The sub-layer's output is normalized before the sum: normalize the sum.")
class NormalizedBeforeTheSum(AddAndNorm):
    def call(self, inputs, sublayer):
        if self.pre_norm:
            return inputs + self.dropout(sublayer(self.normalization(inputs)))
        return inputs + self.normalization(self.dropout(sublayer(inputs)))


@misconception(
    "AddAndNorm", "With pre-LN the normalized input is added: the path past the sub-layer stays untouched."
)
class NormalizedInputAdded(AddAndNorm):
    def call(self, inputs, sublayer):
        if self.pre_norm:
            normalized = self.normalization(inputs)
            return normalized + self.dropout(sublayer(normalized))
        return super().call(inputs, sublayer)


@misconception(
    "AddAndNorm", "Dropout falls on the sum: it belongs on the sub-layer's output, before the sum."
)
class SumDropped(AddAndNorm):
    def call(self, inputs, sublayer):
        if self.pre_norm:
            return self.dropout(inputs + sublayer(self.normalization(inputs)))
        return self.normalization(self.dropout(inputs + sublayer(inputs)))


@misconception("AddAndNorm", "Dropout is made but not used.")
class NoDropout(AddAndNorm):
    def call(self, inputs, sublayer):
        if self.pre_norm:
            return inputs + sublayer(self.normalization(inputs))
        return self.normalization(inputs + sublayer(inputs))


@misconception("AddAndNorm", "Nothing is normalized.")
class NothingNormalized(AddAndNorm):
    def call(self, inputs, sublayer):
        return inputs + self.dropout(sublayer(inputs))


# --- EncoderLayer -----------------------------------------------------------------------------------------


@misconception("EncoderLayer", "The mask does not reach the attention, so padding is attended to.")
class EncoderMaskUnused(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs)


@misconception("EncoderLayer", "The mask is inverted: `True` already means may attend.")
class EncoderMaskInverted(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs, None if attention_mask is None else ops.logical_not(attention_mask))


@misconception(
    "EncoderLayer", "The feed-forward part reads the layer's input: it should read what the attention gave."
)
class FeedForwardBesideAttention(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=lambda x: self.feed_forward(inputs))


@misconception(
    "EncoderLayer", "The function for the attention ignores its argument: with pre-LN that is normalized."
)
class AttentionReadsInputs(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda _: self.attention(inputs, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception(
    "EncoderLayer",
    "The function for the feed-forward part ignores its argument: with pre-LN that is normalized.",
)
class FeedForwardReadsSum(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=lambda _: self.feed_forward(x))


@misconception("EncoderLayer", "The feed-forward part comes first: attention should come first.")
class FeedForwardFirst(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        x = self.feed_forward_residual(inputs, sublayer=self.feed_forward)
        return self.attention_residual(
            x, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )


@misconception("EncoderLayer", "The feed-forward part has no residual connection.")
class FeedForwardWithoutResidual(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        self.feed_forward_residual(x, sublayer=self.feed_forward)  # built, but its result is thrown away
        return self.feed_forward(x)


@misconception(
    "EncoderLayer", "Both parts go through one `AddAndNorm`: each has its own, with its own weights."
)
class OneResidualForBoth(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        self.feed_forward_residual(inputs, sublayer=self.feed_forward)
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.attention_residual(x, sublayer=self.feed_forward)


@misconception("EncoderLayer", "`pre_norm` is not passed on to the residual connections.")
class PreNormForgotten(EncoderLayer):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, False, use_bias, **kwargs)


@misconception("EncoderLayer", "`dropout` is not passed on to the residual connections.")
class DropoutForgotten(EncoderLayer):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(num_heads, hidden_dim, intermediate_dim, 0.1, pre_norm, use_bias, **kwargs)


@misconception("EncoderLayer", "`use_bias` is not passed on to the attention.")
class BiasForgotten(EncoderLayer):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, pre_norm, True, **kwargs)


# --- DecoderLayer -----------------------------------------------------------------------------------------


@misconception(
    "DecoderLayer",
    "Cross-attention takes its keys and values from the target: they should come from `memory`.",
)
class MemoryUnused(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        x = self.self_attention_residual(
            inputs, sublayer=lambda x: self.self_attention(x, attention_mask=attention_mask)[0]
        )
        x = self.cross_attention_residual(x, sublayer=lambda x: self.cross_attention(x)[0])
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception("DecoderLayer", "Only the keys come from `memory`: the values come from it, too.")
class ValuesFromTheTarget(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        length = memory.shape[1]

        def look_at_source(x):
            values = ops.tile(x, (1, -(-length // x.shape[1]), 1))[:, :length]
            return self.cross_attention(x, memory, values, attention_mask=cross_attention_mask)[0]

        x = self.self_attention_residual(
            inputs, sublayer=lambda x: self.self_attention(x, attention_mask=attention_mask)[0]
        )
        x = self.cross_attention_residual(x, sublayer=look_at_source)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception(
    "DecoderLayer",
    "Target and source have changed places in the cross-attention: queries come from the target.",
)
class QueriesFromTheSource(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        x = self.self_attention_residual(
            inputs, sublayer=lambda x: self.self_attention(x, attention_mask=attention_mask)[0]
        )
        x = self.cross_attention_residual(memory, sublayer=lambda m: self.cross_attention(m, x)[0])
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception(
    "DecoderLayer",
    "The causal mask does not reach the self-attention, so the decoder sees what it is to write.",
)
class NoCausalMask(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        return super().call(inputs, memory, None, cross_attention_mask)


@misconception("DecoderLayer", "The padding mask is there but does not reach the cross-attention.")
class CrossMaskUnused(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        return super().call(inputs, memory, attention_mask)


@misconception("DecoderLayer", "Both masks are inverted: `True` already means may attend.")
class DecoderMasksInverted(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        masks = [
            None if mask is None else ops.logical_not(mask) for mask in (attention_mask, cross_attention_mask)
        ]
        return super().call(inputs, memory, *masks)


@misconception("DecoderLayer", "Cross-attention comes before self-attention: it is the other way round.")
class CrossAttentionFirst(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        x = self.cross_attention_residual(
            inputs, sublayer=lambda x: self.cross_attention(x, memory, attention_mask=cross_attention_mask)[0]
        )
        x = self.self_attention_residual(
            x, sublayer=lambda x: self.self_attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception(
    "DecoderLayer", "Cross-attention reads the layer's input: it should read what the self-attention gave."
)
class SelfAttentionSkipped(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        self.self_attention_residual(inputs, sublayer=lambda x: self.self_attention(x)[0])
        x = self.cross_attention_residual(
            inputs, sublayer=lambda x: self.cross_attention(x, memory, attention_mask=cross_attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception("DecoderLayer", "One attention layer serves for both: cross-attention has weights of its own.")
class OneAttentionForBoth(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        self.cross_attention(inputs, memory)
        x = self.self_attention_residual(
            inputs, sublayer=lambda x: self.self_attention(x, attention_mask=attention_mask)[0]
        )
        x = self.cross_attention_residual(
            x, sublayer=lambda x: self.self_attention(x, memory, attention_mask=cross_attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@misconception("DecoderLayer", "`pre_norm` is not passed on to the residual connections.")
class DecoderPreNormForgotten(DecoderLayer):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, False, use_bias, **kwargs)


@misconception("DecoderLayer", "`dropout` is not passed on to the residual connections.")
class DecoderDropoutForgotten(DecoderLayer):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, pre_norm=False, use_bias=True, **kwargs
    ):
        super().__init__(num_heads, hidden_dim, intermediate_dim, 0.1, pre_norm, use_bias, **kwargs)


# --- decoder_mask and shift_targets -----------------------------------------------------------------------


@misconception("decoder_mask", "Only the future is hidden: hide the padding, too.")
def causal_only(tokens):
    length = tokens.shape[1]
    return ops.broadcast_to(causal_mask(length), (tokens.shape[0], 1, length, length))


@misconception("decoder_mask", "Only the padding is hidden: hide the future, too.")
def padding_only(tokens):
    length = tokens.shape[1]
    return ops.broadcast_to(source_mask(tokens), (tokens.shape[0], 1, length, length))


@misconception(
    "decoder_mask", "The two masks are joined by `or`: a key must be allowed by both, so use `and`."
)
def either_is_enough(tokens):
    return ops.logical_or(causal_mask(tokens.shape[1]), source_mask(tokens))


@misconception("decoder_mask", "The mask is inverted: `True` means may attend.")
def marks_the_hidden(tokens):
    return ops.logical_not(ops.logical_and(causal_mask(tokens.shape[1]), source_mask(tokens)))


@misconception("decoder_mask", "The padding mask lies along the queries: it hides keys, the last axis.")
def hides_padded_queries(tokens):
    return ops.logical_and(causal_mask(tokens.shape[1]), ops.swapaxes(source_mask(tokens), -1, -2))


@misconception("decoder_mask", "The causal mask is transposed: everybody sees the future and not the past.")
def future_instead_of_past(tokens):
    return ops.logical_and(ops.transpose(causal_mask(tokens.shape[1])), source_mask(tokens))


@misconception("decoder_mask", "The mask holds 1 and 0: it is to hold True and False.")
def ones_and_zeros(tokens):
    return ops.cast(ops.logical_and(causal_mask(tokens.shape[1]), source_mask(tokens)), "float32")


@misconception("shift_targets", "Nothing is shifted: the decoder reads the very token it is to answer.")
def nothing_shifted(tokens):
    return tokens[:, 1:], tokens[:, 1:]


@misconception(
    "shift_targets", "The labels are not shifted: they begin with the token after the start token."
)
def labels_begin_with_start(tokens):
    return tokens[:, :-1], tokens[:, :-1]


@misconception("shift_targets", "Inputs and labels have changed places: the decoder reads the earlier token.")
def shifted_backwards(tokens):
    return tokens[:, 1:], tokens[:, :-1]


@misconception("shift_targets", "The inputs keep their last token: both are one shorter than the target.")
def inputs_not_shortened(tokens):
    return tokens, tokens[:, 1:]


@misconception(
    "shift_targets", "The shift runs along the batch: it should run along the length, the second axis."
)
def shifted_along_the_batch(tokens):
    return tokens[:-1], tokens[1:]


@misconception("shift_targets", "The labels are rolled round, so the start token stands at the end of them.")
def rolled_round(tokens):
    return tokens, ops.roll(tokens, -1, axis=1)


@misconception("shift_targets", "The labels are shifted by two: one token is never answered.")
def shifted_by_two(tokens):
    return tokens[:, :-2], tokens[:, 2:]


# --- Transformer ------------------------------------------------------------------------------------------


@misconception(
    "Transformer", "The embeddings are not multiplied by sqrt(hidden_dim), so positions drown the tokens."
)
class EmbeddingsUnscaled(Transformer):
    def embed(self, tokens, start=0):
        return self.dropout(self.embedding(tokens) + self.positions[start : start + tokens.shape[1]])


@misconception("Transformer", "The embeddings are multiplied by hidden_dim: take its square root.")
class EmbeddingsScaledTooMuch(Transformer):
    def embed(self, tokens, start=0):
        x = self.embedding(tokens) * self.hidden_dim
        return self.dropout(x + self.positions[start : start + tokens.shape[1]])


@misconception(
    "Transformer", "The positions are scaled as well: multiply the embeddings, then add the positions."
)
class PositionsScaledToo(Transformer):
    def embed(self, tokens, start=0):
        x = self.embedding(tokens) + self.positions[start : start + tokens.shape[1]]
        return self.dropout(x * math.sqrt(self.hidden_dim))


@misconception(
    "Transformer", "The positions are not added, so the model cannot tell one order of words from another."
)
class PositionsForgotten(Transformer):
    def embed(self, tokens, start=0):
        return self.dropout(self.embedding(tokens) * math.sqrt(self.hidden_dim))


@misconception("Transformer", "`start` is not used: the positions always begin with the first.")
class StartIgnored(Transformer):
    def embed(self, tokens, start=0):
        return super().embed(tokens)


@misconception("Transformer", "There is no dropout on the embeddings.")
class EmbeddingsNotDropped(Transformer):
    def embed(self, tokens, start=0):
        x = self.embedding(tokens) * math.sqrt(self.hidden_dim)
        return x + self.positions[start : start + tokens.shape[1]]


@misconception("Transformer", "Source and target have changed places: the encoder reads the source.")
class InputsSwapped(Transformer):
    def call(self, inputs):
        target, source = inputs
        return super().call((source, target))


@misconception("Transformer", "The encoder gets no mask, so it attends to the padding of the source.")
class SourceMaskUnused(Transformer):
    def encode(self, source):
        return self.encoder(self.embed(source))


@misconception(
    "Transformer", "The cross-attention gets no mask, so the decoder attends to the padding of the source."
)
class MemoryMaskUnused(Transformer):
    def decode(self, target, memory, source):
        return self.logits(self.decoder(self.embed(target), memory, attention_mask=decoder_mask(target)))


@misconception(
    "Transformer", "None of the padding masks is used: they hide the padding only if the layers get them."
)
class MasksComputedButUnused(Transformer):
    def encode(self, source):
        return self.encoder(self.embed(source))

    def decode(self, target, memory, source):
        mask = causal_mask(target.shape[1])
        return self.logits(self.decoder(self.embed(target), memory, attention_mask=mask))


@misconception("Transformer", "The decoder gets no causal mask, so it sees what it is to write.")
class FutureVisible(Transformer):
    def decode(self, target, memory, source):
        masks = {"attention_mask": source_mask(target), "cross_attention_mask": source_mask(source)}
        return self.logits(self.decoder(self.embed(target), memory, **masks))


@misconception(
    "Transformer", "The decoder's output is returned: `logits` turns it into one number for each token."
)
class NoLogits(Transformer):
    def decode(self, target, memory, source):
        masks = {"attention_mask": decoder_mask(target), "cross_attention_mask": source_mask(source)}
        return self.decoder(self.embed(target), memory, **masks)


# --- noam_learning_rate -----------------------------------------------------------------------------------


@misconception("noam_learning_rate", "There is no warm-up: the rate is highest at the first step.")
def no_warm_up(step, hidden_dim, warmup_steps=4000):
    return hidden_dim**-0.5 * ops.rsqrt(ops.cast(step, "float32"))


@misconception(
    "noam_learning_rate", "The rate never falls: after the warm-up it should, with the root of the step."
)
def no_decay(step, hidden_dim, warmup_steps=4000):
    return hidden_dim**-0.5 * ops.cast(step, "float32") * warmup_steps**-1.5


@misconception("noam_learning_rate", "The larger of the two is taken: take the smaller.")
def maximum_taken(step, hidden_dim, warmup_steps=4000):
    step = ops.cast(step, "float32")
    return hidden_dim**-0.5 * ops.maximum(ops.rsqrt(step), step * warmup_steps**-1.5)


@misconception("noam_learning_rate", "The rate grows with the width: it is to the power of minus one half.")
def width_above_the_line(step, hidden_dim, warmup_steps=4000):
    return noam_learning_rate(step, hidden_dim, warmup_steps) * hidden_dim


@misconception("noam_learning_rate", "The width of the model does not enter.")
def width_forgotten(step, hidden_dim, warmup_steps=4000):
    return noam_learning_rate(step, 1, warmup_steps)


@misconception(
    "noam_learning_rate", "`warmup_steps` has the wrong power: with -1.5 the two pieces meet at its end."
)
def wrong_power(step, hidden_dim, warmup_steps=4000):
    step = ops.cast(step, "float32")
    return hidden_dim**-0.5 * ops.minimum(ops.rsqrt(step), step * warmup_steps**-0.5)


@misconception("noam_learning_rate", "`warmup_steps` is not used: 4,000 is only its default.")
def always_4000(step, hidden_dim, warmup_steps=4000):
    return noam_learning_rate(step, hidden_dim)


@misconception(
    "noam_learning_rate",
    "After the warm-up the rate falls with the step itself: with its square root is right.",
)
def falls_too_fast(step, hidden_dim, warmup_steps=4000):
    step = ops.cast(step, "float32")
    return hidden_dim**-0.5 * ops.minimum(warmup_steps**0.5 / step, step * warmup_steps**-1.5)


# --- smoothed_cross_entropy -------------------------------------------------------------------------------


@misconception(
    "smoothed_cross_entropy",
    "Padding counts: the mean runs over all positions, with the loss of `PAD` in it.",
)
def padding_counts(labels, logits, smoothing=0.1):
    log_probabilities = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(log_probabilities, labels[..., None], axis=-1)[..., 0]
    return ops.mean(-(1 - smoothing) * chosen - smoothing * ops.mean(log_probabilities, axis=-1))


@misconception(
    "smoothed_cross_entropy", "The losses of the padding are 0, but the mean divides by all positions."
)
def divided_by_everything(labels, logits, smoothing=0.1):
    real = ops.cast(labels != PAD, "float32")
    return smoothed_cross_entropy(labels, logits, smoothing) * ops.mean(real)


@misconception(
    "smoothed_cross_entropy",
    "`smoothing` is spread over the other tokens only: it is spread over all of them.",
)
def spread_over_the_others(labels, logits, smoothing=0.1):
    return smoothed_cross_entropy(labels, logits, smoothing * logits.shape[-1] / (logits.shape[-1] - 1))


@misconception(
    "smoothed_cross_entropy", "`smoothing` is spread over the positions: it is spread over the vocabulary."
)
def spread_over_the_positions(labels, logits, smoothing=0.1):
    log_probabilities = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(log_probabilities, labels[..., None], axis=-1)[..., 0]
    spread = smoothing / labels.shape[1] * ops.sum(log_probabilities, axis=-1)
    real = ops.cast(labels != PAD, "float32")
    return ops.sum((-(1 - smoothing) * chosen - spread) * real) / ops.sum(real)


@misconception("smoothed_cross_entropy", "There is no smoothing: the label is wanted with probability 1.")
def no_smoothing(labels, logits, smoothing=0.1):
    return smoothed_cross_entropy(labels, logits, 0.0)


@misconception(
    "smoothed_cross_entropy",
    "The label itself does not lose what is given to the others: `1 - smoothing` is missing.",
)
def nothing_taken_from_the_label(labels, logits, smoothing=0.1):
    hard = smoothed_cross_entropy(labels, logits, 0.0)
    return hard + smoothed_cross_entropy(labels, logits, smoothing) - (1 - smoothing) * hard


@misconception("smoothed_cross_entropy", "The losses are added up: take their mean over the real labels.")
def added_up_not_averaged(labels, logits, smoothing=0.1):
    return smoothed_cross_entropy(labels, logits, smoothing) * ops.sum(ops.cast(labels != PAD, "float32"))


@misconception(
    "smoothed_cross_entropy", "Each sequence has its own mean, so words of short sequences count more."
)
def mean_of_means(labels, logits, smoothing=0.1):
    log_probabilities = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(log_probabilities, labels[..., None], axis=-1)[..., 0]
    losses = -(1 - smoothing) * chosen - smoothing * ops.mean(log_probabilities, axis=-1)
    real = ops.cast(labels != PAD, "float32")
    return ops.mean(ops.sum(losses * real, axis=-1) / ops.sum(real, axis=-1))


@misconception("smoothed_cross_entropy", "The mask is inverted: only the padding is counted.")
def only_padding_counts(labels, logits, smoothing=0.1):
    log_probabilities = ops.log_softmax(logits, axis=-1)
    chosen = ops.take_along_axis(log_probabilities, labels[..., None], axis=-1)[..., 0]
    losses = -(1 - smoothing) * chosen - smoothing * ops.mean(log_probabilities, axis=-1)
    padding = ops.cast(labels == PAD, "float32")
    return ops.sum(losses * padding) / ops.sum(padding)


# --- greedy_decode ----------------------------------------------------------------------------------------


@misconception("greedy_decode", "A sequence that has ended goes on: after `end` only `PAD` is to follow.")
def never_stops(step, state, start, end, max_length):
    tokens, written = ops.convert_to_tensor(start), []
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = ops.cast(ops.argmax(logits, axis=-1), "int32")
        written.append(tokens)
    return ops.stack(written, axis=1)


@misconception("greedy_decode", "All `max_length` steps are taken: stop when every sequence has ended.")
def stops_too_late(step, state, start, end, max_length):
    tokens, written = ops.convert_to_tensor(start), []
    ended = ops.zeros_like(tokens, dtype="bool")
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = ops.where(ended, PAD, ops.cast(ops.argmax(logits, axis=-1), "int32"))
        written.append(tokens)
        ended = ops.logical_or(ended, tokens == end)
    return ops.stack(written, axis=1)


@misconception("greedy_decode", "It stops as soon as one sequence has ended: wait for all of them.")
def stops_with_the_first(step, state, start, end, max_length):
    tokens, written = ops.convert_to_tensor(start), []
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = ops.cast(ops.argmax(logits, axis=-1), "int32")
        written.append(tokens)
        if ops.any(tokens == end):
            break
    return ops.stack(written, axis=1)


@misconception("greedy_decode", "The state is not carried on: give each step the state of the step before.")
def state_forgotten(step, state, start, end, max_length):
    return greedy_decode(lambda tokens, _: (step(tokens, state)[0], state), state, start, end, max_length)


@misconception("greedy_decode", "Every step reads the start token: it is to read the token written last.")
def always_reads_the_start(step, state, start, end, max_length):
    first = ops.convert_to_tensor(start)
    return greedy_decode(lambda tokens, state: step(first, state), state, start, end, max_length)


@misconception("greedy_decode", "The start token stands in the result: only what was written belongs there.")
def start_in_the_result(step, state, start, end, max_length):
    written = greedy_decode(step, state, start, end, max_length)
    return ops.concatenate([ops.cast(start, "int32")[:, None], written], axis=1)


@misconception(
    "greedy_decode", "`end` itself is missing from the result: it is written, and `PAD` follows it."
)
def end_left_out(step, state, start, end, max_length):
    written = greedy_decode(step, state, start, end, max_length)
    return ops.where(written == end, PAD, written)


@misconception("greedy_decode", "The least likely token is chosen: take the largest logit.")
def least_likely(step, state, start, end, max_length):
    def reversed_step(tokens, state):
        logits, state = step(tokens, state)
        return -logits, state

    return greedy_decode(reversed_step, state, start, end, max_length)


# --- beam_search ------------------------------------------------------------------------------------------


@misconception("beam_search", "There is no length penalty: sums of log-probabilities favour short sequences.")
def no_length_penalty(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    return beam_search(step, state, start, end, max_length, beam_size, 0.0)


@misconception("beam_search", "The length penalty works the wrong way: divide the sum by it.")
def penalty_turned_round(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    return beam_search(step, state, start, end, max_length, beam_size, -length_penalty)


@misconception(
    "beam_search", "The sum is divided by length ** length_penalty: the paper's rule has (5 + length) / 6."
)
def plain_length(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
        rows, tokens = np.unravel_index(np.argsort(-totals, axis=None)[:beam_size], totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each in found if each[0][-1] == end]
        openings = [each[0] for each in found if each[0][-1] != end]
        sums = np.array([each[1] for each in found if each[0][-1] != end])
        if not openings:
            break
        state = select(state, rows[tokens != end])
    done += zip(openings, sums, strict=True)
    scores = [total / len(tokens) ** length_penalty for tokens, total in done]
    return np.array(done[int(np.argmax(scores))][0], dtype="int32"), float(np.max(scores))


@misconception("beam_search", "`beam_size` is not used: this is greedy decoding.")
def only_one_opening(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    return beam_search(step, state, start, end, max_length, 1, length_penalty)


@misconception(
    "beam_search", "The logits are added up: they become comparable as log-probabilities, by `log_softmax`."
)
def raw_logits(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(logits)
        rows, tokens = np.unravel_index(np.argsort(-totals, axis=None)[:beam_size], totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each in found if each[0][-1] == end]
        openings = [each[0] for each in found if each[0][-1] != end]
        sums = np.array([each[1] for each in found if each[0][-1] != end])
        if not openings:
            break
        state = select(state, rows[tokens != end])
    done += zip(openings, sums, strict=True)
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    return np.array(done[int(np.argmax(scores))][0], dtype="int32"), float(np.max(scores))


@misconception(
    "beam_search", "The state stays with the wrong opening: `select` the rows the survivors came from."
)
def state_not_selected(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
        rows, tokens = np.unravel_index(np.argsort(-totals, axis=None)[:beam_size], totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each in found if each[0][-1] == end]
        openings = [each[0] for each in found if each[0][-1] != end]
        before, sums = len(sums), np.array([each[1] for each in found if each[0][-1] != end])
        if not openings:
            break
        state = select(state, np.arange(len(openings)) % before)  # the first rows, whoever they belong to
    done += zip(openings, sums, strict=True)
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    return np.array(done[int(np.argmax(scores))][0], dtype="int32"), float(np.max(scores))


@misconception(
    "beam_search", "Only the latest token counts: add its log-probability to the sum of its opening."
)
def sums_forgotten(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    openings, done = [[]], []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
        rows, tokens = np.unravel_index(np.argsort(-totals, axis=None)[:beam_size], totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each in found if each[0][-1] == end]
        openings = [each[0] for each in found if each[0][-1] != end]
        sums = [each[1] for each in found if each[0][-1] != end]
        if not openings:
            break
        state = select(state, rows[tokens != end])
    done += zip(openings, sums, strict=True)
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    return np.array(done[int(np.argmax(scores))][0], dtype="int32"), float(np.max(scores))


@misconception("beam_search", "The first sequence that ends is taken: others may still get a better score.")
def takes_the_first_to_end(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    openings, sums, done = [[]], np.zeros(1), []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens in openings]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        totals = sums[:, None] + ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
        rows, tokens = np.unravel_index(np.argsort(-totals, axis=None)[:beam_size], totals.shape)
        found = [
            (openings[row] + [int(token)], totals[row, token])
            for row, token in zip(rows, tokens, strict=True)
        ]
        done += [each for each in found if each[0][-1] == end]
        openings = [each[0] for each in found if each[0][-1] != end]
        sums = np.array([each[1] for each in found if each[0][-1] != end])
        if done or not openings:
            break
        state = select(state, rows[tokens != end])
    done = done or list(zip(openings, sums, strict=True))
    scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for tokens, total in done]
    return np.array(done[int(np.argmax(scores))][0], dtype="int32"), float(np.max(scores))

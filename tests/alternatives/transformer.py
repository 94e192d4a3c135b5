"""Right answers to Lab 2 that look different from the reference. Every gate must let them through."""

import math

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from course.models.composite import Composite
from solutions.attention import causal_mask
from solutions.transformer import (
    PAD,
    AddAndNorm,
    DecoderLayer,
    EncoderLayer,
    Transformer,
    decoder_mask,
    select,
    source_mask,
)

# --- positional_encoding ----------------------------------------------------------------------------------


@alternative("positional_encoding")
def entry_by_entry(length, hidden_dim):
    table = np.zeros((length, hidden_dim), "float32")
    for position in range(length):
        for pair in range(hidden_dim // 2):
            angle = position / 10000 ** (2 * pair / hidden_dim)
            table[position, 2 * pair : 2 * pair + 2] = math.sin(angle), math.cos(angle)
    return ops.convert_to_tensor(table)


@alternative("positional_encoding")
def strided_numpy(length, hidden_dim):
    table = np.empty((length, hidden_dim))
    angle = np.outer(np.arange(length), 10000.0 ** (-np.arange(0, hidden_dim, 2) / hidden_dim))
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)
    return table.astype("float32")


@alternative("positional_encoding")
def cosine_as_a_shifted_sine(length, hidden_dim):
    channel = ops.arange(hidden_dim)
    even = ops.cast(channel // 2 * 2, "float32")
    angle = ops.arange(length, dtype="float32")[:, None] / ops.power(10000.0, even / hidden_dim)
    return ops.sin(angle + ops.cast(channel % 2, "float32") * (math.pi / 2))


# --- FeedForward ------------------------------------------------------------------------------------------


@alternative("FeedForward")
class MaximumWithZero(Composite):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.output_dense = keras.layers.Dense(hidden_dim)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim)

    def call(self, inputs):
        return self.output_dense(ops.maximum(self.intermediate_dense(inputs), 0.0))


@alternative("FeedForward")
class PlainKerasLayer(keras.layers.Layer):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.intermediate_dense = keras.layers.Dense(intermediate_dim)
        self.activation = keras.layers.ReLU()
        self.output_dense = keras.layers.Dense(hidden_dim)

    def call(self, inputs):
        wide = self.activation(self.intermediate_dense(inputs))
        return self.output_dense(wide)


@alternative("FeedForward")
class BuiltWithBuild(keras.layers.Layer):
    def __init__(self, hidden_dim, intermediate_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim, self.intermediate_dim = hidden_dim, intermediate_dim
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, activation=ops.relu)
        self.output_dense = keras.layers.Dense(hidden_dim)

    def build(self, input_shape):
        self.intermediate_dense.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.intermediate_dim))

    def call(self, inputs):
        return self.output_dense(self.intermediate_dense(inputs))


# --- AddAndNorm -------------------------------------------------------------------------------------------


@alternative("AddAndNorm")
class WithKerasAdd(AddAndNorm):
    def call(self, inputs, sublayer):
        read = self.normalization(inputs) if self.pre_norm else inputs
        total = ops.add(self.dropout(sublayer(read)), inputs)
        return total if self.pre_norm else self.normalization(total)


@alternative("AddAndNorm")
class OtherOrder(Composite):
    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.pre_norm = pre_norm
        self.dropout = keras.layers.Dropout(rate=dropout)
        self.normalization = keras.layers.LayerNormalization(axis=-1, epsilon=1e-6)

    def call(self, inputs, sublayer):
        if not self.pre_norm:
            x = sublayer(inputs)
            x = self.dropout(x)
            x = x + inputs
            return self.normalization(x)
        x = self.normalization(inputs)
        x = sublayer(x)
        return inputs + self.dropout(x)


@alternative("AddAndNorm")
class TrainingPassedOn(AddAndNorm):
    def call(self, inputs, sublayer, training=False):
        if self.pre_norm:
            return inputs + self.dropout(sublayer(self.normalization(inputs)), training=training)
        return self.normalization(inputs + self.dropout(sublayer(inputs), training=training))


# --- EncoderLayer -----------------------------------------------------------------------------------------


@alternative("EncoderLayer")
class WithLambda(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        attended = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, x, x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(attended, sublayer=lambda x: self.feed_forward(x))


@alternative("EncoderLayer")
class AttentionInAMethod(EncoderLayer):
    def attend(self, x):
        return self.attention(query=x, key=x, attention_mask=self.current_mask)[0]

    def call(self, inputs, attention_mask=None):
        object.__setattr__(self, "current_mask", attention_mask)
        x = self.attention_residual(inputs, sublayer=self.attend)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@alternative("EncoderLayer")
class ResidualsWrittenOut(EncoderLayer):
    def call(self, inputs, attention_mask=None):
        first, second = self.attention_residual, self.feed_forward_residual
        read = first.normalization(inputs) if first.pre_norm else inputs
        x = inputs + first.dropout(self.attention(read, attention_mask=attention_mask)[0])
        x = x if first.pre_norm else first.normalization(x)
        read = second.normalization(x) if second.pre_norm else x
        y = x + second.dropout(self.feed_forward(read))
        return y if second.pre_norm else second.normalization(y)


# --- DecoderLayer -----------------------------------------------------------------------------------------


@alternative("DecoderLayer")
class WithLambdas(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        look_back = lambda x: self.self_attention(x, attention_mask=attention_mask)[0]  # noqa: E731
        look_over = lambda x: self.cross_attention(x, memory, memory, cross_attention_mask)[0]  # noqa: E731
        x = self.self_attention_residual(inputs, sublayer=look_back)
        x = self.cross_attention_residual(x, sublayer=look_over)
        return self.feed_forward_residual(x, sublayer=self.feed_forward)


@alternative("DecoderLayer")
class InALoop(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        x = inputs
        for residual, part in (
            (
                self.self_attention_residual,
                lambda x: self.self_attention(x, x, attention_mask=attention_mask)[0],
            ),
            (
                self.cross_attention_residual,
                lambda x: self.cross_attention(query=x, key=memory, attention_mask=cross_attention_mask)[0],
            ),
            (self.feed_forward_residual, self.feed_forward),
        ):
            x = residual(x, sublayer=part)
        return x


@alternative("DecoderLayer")
class AllMasksExplicit(DecoderLayer):
    def call(self, inputs, memory, attention_mask=None, cross_attention_mask=None):
        if attention_mask is None:
            attention_mask = ops.ones((inputs.shape[1], inputs.shape[1]), dtype="bool")
        if cross_attention_mask is None:
            cross_attention_mask = ops.ones((inputs.shape[1], memory.shape[1]), dtype="bool")
        return super().call(inputs, memory, attention_mask, cross_attention_mask)


# --- decoder_mask and shift_targets -----------------------------------------------------------------------


@alternative("decoder_mask")
def real_tokens_and_a_triangle(tokens):
    return (tokens != PAD)[:, None, None, :] & causal_mask(tokens.shape[1])


@alternative("decoder_mask")
def multiplied(tokens):
    causal = ops.cast(causal_mask(tokens.shape[1]), "int32")
    return ops.cast(causal * ops.cast(source_mask(tokens), "int32"), "bool")


@alternative("decoder_mask")
def nothing_is_hidden(tokens):
    position = ops.arange(tokens.shape[1])
    hidden = ops.logical_or(position[None, :] > position[:, None], ops.equal(tokens, PAD)[:, None, None, :])
    return ops.logical_not(hidden)


@alternative("shift_targets")
def by_length(tokens):
    length = tokens.shape[1]
    return tokens[:, : length - 1], tokens[:, 1:length]


@alternative("shift_targets")
def unstacked(tokens):
    columns = ops.unstack(tokens, axis=1)
    return [ops.stack(columns[:-1], axis=1), ops.stack(columns[1:], axis=1)]


@alternative("shift_targets")
def sliced(tokens):
    batch, length = tokens.shape
    return ops.slice(tokens, (0, 0), (batch, length - 1)), ops.slice(tokens, (0, 1), (batch, length - 1))


# --- Transformer ------------------------------------------------------------------------------------------


@alternative("Transformer")
class EverythingInCall(Transformer):
    def call(self, inputs):
        source, target = inputs[0], inputs[1]
        memory = self.encoder(self.embed(source), attention_mask=source_mask(source))
        x = self.decoder(self.embed(target), memory, decoder_mask(target), source_mask(source))
        return self.logits(x)


@alternative("Transformer")
class EmbeddedByHand(Transformer):
    def embed(self, tokens, start=0):
        rows = ops.arange(start, start + tokens.shape[1])
        x = ops.sqrt(float(self.hidden_dim)) * self.embedding(tokens)
        return self.dropout(x + ops.take(self.positions, rows, axis=0)[None])


@alternative("Transformer")
class MasksFromTokens(Transformer):
    def encode(self, source):
        return self.encoder(self.embed(source), (source != PAD)[:, None, None, :])

    def decode(self, target, memory, source):
        x = self.decoder(
            self.embed(target),
            memory,
            cross_attention_mask=source_mask(source),
            attention_mask=decoder_mask(target),
        )
        return self.logits(x)


# --- noam_learning_rate -----------------------------------------------------------------------------------


@alternative("noam_learning_rate")
def two_pieces(step, hidden_dim, warmup_steps=4000):
    step = ops.cast(step, "float32")
    peak = 1 / math.sqrt(hidden_dim * warmup_steps)
    return ops.where(step < warmup_steps, peak * step / warmup_steps, peak * ops.sqrt(warmup_steps / step))


@alternative("noam_learning_rate")
def with_powers(step, hidden_dim, warmup_steps=4000):
    step = ops.convert_to_tensor(step, dtype="float32")
    return ops.minimum(step**-0.5, step * warmup_steps**-1.5) / hidden_dim**0.5


@alternative("noam_learning_rate")
def factored(step, hidden_dim, warmup_steps=4000):
    step = ops.cast(step, "float32")
    return ops.rsqrt(step) * ops.minimum(1.0, (step / warmup_steps) ** 1.5) * hidden_dim**-0.5


# --- smoothed_cross_entropy -------------------------------------------------------------------------------


@alternative("smoothed_cross_entropy")
def one_hot_targets(labels, logits, smoothing=0.1):
    wanted = ops.one_hot(labels, logits.shape[-1]) * (1 - smoothing) + smoothing / logits.shape[-1]
    losses = -ops.sum(wanted * ops.log_softmax(logits, axis=-1), axis=-1)
    real = ops.cast(ops.not_equal(labels, PAD), losses.dtype)
    return ops.sum(losses * real) / ops.sum(real)


@alternative("smoothed_cross_entropy")
def kerass_own(labels, logits, smoothing=0.1):
    one_hot = ops.one_hot(labels, logits.shape[-1])
    losses = keras.losses.categorical_crossentropy(
        one_hot, logits, from_logits=True, label_smoothing=smoothing
    )
    return ops.average(losses, weights=ops.cast(labels != PAD, "float32"))


@alternative("smoothed_cross_entropy")
def with_logsumexp(labels, logits, smoothing=0.1):
    total = ops.logsumexp(logits, axis=-1)
    chosen = ops.sum(ops.one_hot(labels, logits.shape[-1]) * logits, axis=-1)
    losses = total - (1 - smoothing) * chosen - smoothing * ops.mean(logits, axis=-1)
    losses = ops.where(labels == PAD, 0.0, losses)
    return ops.sum(losses) / ops.cast(ops.count_nonzero(labels), "float32")


# --- greedy_decode ----------------------------------------------------------------------------------------


@alternative("greedy_decode")
def in_numpy(step, state, start, end, max_length):
    tokens = ops.convert_to_numpy(start)
    written, ended = [], np.zeros(len(tokens), "bool")
    while len(written) < max_length and not ended.all():
        logits, state = step(ops.convert_to_tensor(tokens, dtype="int32"), state)
        tokens = np.where(ended, PAD, np.argmax(ops.convert_to_numpy(logits), axis=-1)).astype("int32")
        ended |= tokens == end
        written.append(tokens)
    return np.stack(written, axis=1)


@alternative("greedy_decode")
def filled_afterwards(step, state, start, end, max_length):
    tokens, columns, seen = ops.cast(start, "int32"), [], np.zeros(start.shape[0], "bool")
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = ops.cast(ops.argmax(logits, axis=1), "int32")
        columns.append(ops.convert_to_numpy(tokens))
        seen |= columns[-1] == end
        if seen.all():
            break
    written = np.stack(columns, axis=1)
    before = np.cumsum(written == end, axis=1) - (written == end)
    return ops.convert_to_tensor(np.where(before > 0, PAD, written))


@alternative("greedy_decode")
def by_multiplication(step, state, start, end, max_length):
    tokens = ops.cast(start, "int32")
    goes_on, written = ops.ones_like(tokens), ops.zeros((tokens.shape[0], 0), dtype="int32")
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = goes_on * ops.cast(ops.argmax(logits, axis=-1), "int32")
        written = ops.concatenate([written, tokens[:, None]], axis=1)
        goes_on = goes_on * ops.cast(tokens != end, "int32")
        if int(ops.sum(goes_on)) == 0:
            break
    return written


# --- beam_search ------------------------------------------------------------------------------------------


@alternative("beam_search")
def sorted_lists(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    def score(tokens, total):
        return total / ((5 + len(tokens)) / 6) ** length_penalty

    beam, done = [((), 0.0)], []
    for _ in range(max_length):
        latest = [tokens[-1] if tokens else start for tokens, _ in beam]
        logits, state = step(ops.convert_to_tensor(latest, dtype="int32"), state)
        gains = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1)).tolist()
        candidates = [
            (total + gain, row, (*tokens, token))
            for row, (tokens, total) in enumerate(beam)
            for token, gain in enumerate(gains[row])
        ]
        best = sorted(candidates, reverse=True)[:beam_size]
        done += [(score(tokens, total), tokens) for total, _, tokens in best if tokens[-1] == end]
        best = [each for each in best if each[2][-1] != end]
        beam = [(tokens, total) for total, _, tokens in best]
        if not beam:
            break
        state = select(state, [row for _, row, _ in best])
    done += [(score(tokens, total), tokens) for tokens, total in beam]
    value, tokens = max(done)
    return list(tokens), value


@alternative("beam_search")
def in_tensors(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    tokens = ops.full((1, 1), start, dtype="int32")
    sums = ops.zeros((1,))
    best, value = None, -math.inf
    for length in range(1, max_length + 1):
        logits, state = step(tokens[:, -1], state)
        vocabulary = logits.shape[-1]
        totals = ops.reshape(sums[:, None] + ops.log_softmax(logits, axis=-1), (-1,))
        sums, places = ops.top_k(totals, min(beam_size, totals.shape[0]))
        rows, latest = places // vocabulary, ops.cast(places % vocabulary, "int32")
        tokens = ops.concatenate([ops.take(tokens, rows, axis=0), latest[:, None]], axis=1)
        scores = ops.convert_to_numpy(sums) / ((5 + length) / 6) ** length_penalty
        ended = ops.convert_to_numpy(latest) == end
        for row in range(len(scores)):
            if (ended[row] or length == max_length) and scores[row] > value:
                best, value = ops.convert_to_numpy(tokens[row, 1:]), float(scores[row])
        on = np.flatnonzero(~ended)
        if not len(on):
            break
        state = select(state, ops.convert_to_numpy(rows)[on])
        tokens, sums = ops.take(tokens, on, axis=0), ops.take(sums, on, axis=0)
    return best, value


@alternative("beam_search")
def each_opening_keeps_its_state(step, state, start, end, max_length, beam_size=4, length_penalty=0.6):
    beam, done = [([start], 0.0, state)], []
    for _ in range(max_length):
        grown = []
        for tokens, total, own in beam:
            logits, after = step(ops.convert_to_tensor(tokens[-1:], dtype="int32"), own)
            gains = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))[0]
            grown += [(tokens + [token], total + gain, after) for token, gain in enumerate(gains)]
        grown.sort(key=lambda each: -each[1])
        beam = [each for each in grown[:beam_size] if each[0][-1] != end]
        done += [each for each in grown[:beam_size] if each[0][-1] == end]
        if not beam:
            break
    done += beam
    scored = [(total / ((4 + len(tokens)) / 6) ** length_penalty, tokens[1:]) for tokens, total, _ in done]
    value, tokens = max(scored)
    return np.array(tokens), float(value)


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("positional_encoding")
def filled_by_numpy(length, hidden_dim):
    table = np.zeros((length, hidden_dim), "float32")
    angle = np.arange(length)[:, None] / np.power(10000.0, np.arange(0, hidden_dim, 2) / hidden_dim)
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)
    return ops.convert_to_tensor(table)


@alternative("AddAndNorm")
class HandsTrainingOn(Composite):
    def __init__(self, dropout=0.1, pre_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.pre_norm = pre_norm
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-6)
        self.dropout = keras.layers.Dropout(dropout)

    def call(self, inputs, sublayer, training=None):
        read = self.normalization(inputs) if self.pre_norm else inputs
        total = keras.layers.add([inputs, self.dropout(sublayer(read), training=training)])
        return total if self.pre_norm else self.normalization(total)


@alternative("decoder_mask")
def tensorflows_band(tokens):
    import tensorflow as tf

    square = tf.ones((tokens.shape[1], tokens.shape[1]))
    past = tf.cast(tf.linalg.band_part(square, -1, 0), tf.bool)
    return past[tf.newaxis, tf.newaxis] & tf.not_equal(tokens, PAD)[:, tf.newaxis, tf.newaxis, :]


@alternative("shift_targets")
def taken_by_place(tokens):
    places = ops.arange(tokens.shape[1] - 1)
    return ops.take(tokens, places, axis=1), ops.take(tokens, places + 1, axis=1)


@alternative("noam_learning_rate")
def tensorflows_minimum(step, hidden_dim, warmup_steps=4000):
    import tensorflow as tf

    step = tf.cast(step, tf.float32)
    return tf.math.rsqrt(float(hidden_dim)) * tf.minimum(tf.math.rsqrt(step), step / warmup_steps**1.5)


@alternative("smoothed_cross_entropy")
def tensorflows_soft_labels(labels, logits, smoothing=0.1):
    import tensorflow as tf

    size = logits.shape[-1]
    wanted = (1 - smoothing) * tf.one_hot(labels, size) + smoothing / size
    losses = tf.nn.softmax_cross_entropy_with_logits(labels=wanted, logits=logits)
    real = tf.cast(tf.not_equal(labels, PAD), losses.dtype)
    return tf.reduce_sum(losses * real) / tf.reduce_sum(real)


@alternative("greedy_decode")
def concatenated_by_tensorflow(step, state, start, end, max_length):
    import tensorflow as tf

    latest = tf.cast(start, tf.int32)
    done, text = tf.zeros_like(latest, tf.bool), tf.zeros((len(latest), 0), tf.int32)
    while text.shape[1] < max_length and not bool(tf.reduce_all(done)):
        logits, state = step(latest, state)
        latest = tf.where(done, PAD, tf.argmax(logits, axis=-1, output_type=tf.int32))
        text = tf.concat([text, latest[:, tf.newaxis]], axis=1)
        done = done | (latest == end)
    return text

"""Right answers of Lab 3, BERT, that look different from the reference."""

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import alternative
from course.models.composite import Composite
from solutions.attention import MultiHeadAttention, padding_mask
from solutions.bert import (
    CLS,
    MASK,
    PAD,
    SEP,
    Bert,
    BertClassifier,
    BertEmbedding,
    BertLayer,
    MaskedLanguageHead,
)
from solutions.transformer import AddAndNorm

# --- pack -------------------------------------------------------------------------------------------------


@alternative("pack")
def counts_first_then_builds(first, second=None, max_length=64, cls=CLS, sep=SEP):
    lengths = [len(first)] if second is None else [len(first), len(second)]
    while sum(lengths) + len(lengths) + 1 > max_length:
        if len(lengths) == 2 and lengths[1] >= lengths[0]:
            lengths[1] -= 1
        else:
            lengths[0] -= 1
    tokens = np.full(max_length, PAD, "int32")
    segments = np.zeros(max_length, "int32")
    tokens[0], place = cls, 1
    for number, (part, length) in enumerate(zip((first, second), lengths, strict=False)):
        tokens[place : place + length] = part[:length]
        tokens[place + length] = sep
        segments[place : place + length + 1] = number
        place += length + 1
    return tokens, segments


@alternative("pack")
def lists_with_padding_loops(first, second=None, max_length=64, cls=CLS, sep=SEP):
    first = list(first)
    if second is None:
        row = [cls] + first[: max_length - 2] + [sep]
        marks = [0] * len(row)
    else:
        second = list(second)
        while len(first) + len(second) + 3 > max_length:
            if len(first) > len(second):
                first = first[:-1]
            else:
                second = second[:-1]
        row = [cls] + first + [sep] + second + [sep]
        marks = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    while len(row) < max_length:
        row.append(PAD)
        marks.append(0)
    return np.array(row, dtype="int32"), np.array(marks, dtype="int32")


@alternative("pack")
def tensors_padded_at_the_end(first, second=None, max_length=64, cls=CLS, sep=SEP):
    parts = [np.array(first, "int32")] + ([] if second is None else [np.array(second, "int32")])
    surplus = sum(map(len, parts)) + 1 + len(parts) - max_length
    for _ in range(max(surplus, 0)):
        longest = len(parts) - 1 - int(np.argmax([len(part) for part in parts[::-1]]))
        parts[longest] = parts[longest][:-1]
    pieces = [np.append(part, sep) for part in parts]
    tokens = np.concatenate([[cls], *pieces])
    segments = np.concatenate([[0], *(np.full(len(piece), n) for n, piece in enumerate(pieces))])
    room = (0, max_length - len(tokens))
    return np.pad(tokens, room).astype("int32"), np.pad(segments, room).astype("int32")


# --- mask_tokens ------------------------------------------------------------------------------------------


@alternative("mask_tokens")
def row_after_row(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens, choice, kind, others = (
        ops.convert_to_numpy(each) for each in (tokens, choice_noise, kind_noise, random_tokens)
    )
    inputs, chosen = tokens.copy(), np.zeros(tokens.shape, dtype=bool)
    for row in range(len(tokens)):
        ordinary = [place for place, token in enumerate(tokens[row]) if token not in (PAD, CLS, SEP)]
        number = max(1, round(share * int(np.sum(tokens[row] != PAD))))
        for place in sorted(ordinary, key=lambda place: choice[row, place])[:number]:
            chosen[row, place] = True
            if kind[row, place] < 0.8:
                inputs[row, place] = MASK
            elif kind[row, place] < 0.9:
                inputs[row, place] = others[row, place]
    return ops.convert_to_tensor(inputs), ops.convert_to_tensor(chosen)


@alternative("mask_tokens")
def by_a_threshold_of_noise(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    special = ops.logical_or(tokens == PAD, ops.logical_or(tokens == CLS, tokens == SEP))
    length = ops.sum(ops.cast(tokens != PAD, "float32"), axis=1)
    number = ops.cast(ops.maximum(ops.round(length * share), 1), "int32")
    noise = ops.where(special, 9.0, choice_noise)
    limit = ops.take_along_axis(ops.sort(noise, axis=-1), number[:, None] - 1, axis=-1)
    chosen = ops.logical_and(noise <= limit, ops.logical_not(special))
    hidden = ops.logical_and(chosen, kind_noise < 0.8)
    random = ops.logical_and(chosen, ops.logical_and(kind_noise >= 0.8, kind_noise < 0.9))
    inputs = ops.where(random, ops.cast(random_tokens, "int32"), tokens)
    return ops.where(hidden, MASK, inputs), chosen


@alternative("mask_tokens")
def counts_who_is_smaller(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    real = ops.cast(tokens != PAD, "float32")
    ordinary = ops.logical_and(ops.logical_and(tokens != CLS, tokens != SEP), tokens != PAD)
    noise = ops.where(ordinary, choice_noise, 2.0)
    smaller = ops.sum(ops.cast(noise[:, None, :] < noise[:, :, None], "float32"), axis=-1)
    number = ops.maximum(ops.round(share * ops.sum(real, axis=-1, keepdims=True)), 1.0)
    chosen = ops.logical_and(ordinary, smaller < number)
    new = ops.where(
        kind_noise < 0.8,
        ops.full_like(tokens, MASK),
        ops.where(kind_noise < 0.9, ops.cast(random_tokens, "int32"), tokens),
    )
    return ops.where(chosen, new, tokens), chosen


# --- sentence_pair ----------------------------------------------------------------------------------------


@alternative("sentence_pair")
def others_as_a_list(documents, document, place, noise):
    own = documents[document]
    if noise[0] < 0.5 and place < len(own) - 1:
        return own[place], own[place + 1], 1
    others = [each for number, each in enumerate(documents) if number != document]
    chosen = others[int(noise[1] * len(others))]
    return own[place], chosen[int(noise[2] * len(chosen))], 0


@alternative("sentence_pair")
def numbers_of_the_others(documents, document, place, noise):
    coin, which, where = noise
    first, rest = documents[document][place], documents[document][place + 1 :]
    if rest and coin < 0.5:
        return first, rest[0], True
    numbers = [*range(document), *range(document + 1, len(documents))]
    other = documents[numbers[int(which * len(numbers))]]
    return first, other[int(where * len(other))], False


@alternative("sentence_pair")
def asks_for_forgiveness(documents, document, place, noise):
    first = documents[document][place]
    if noise[0] < 0.5:
        try:
            return first, documents[document][place + 1], 1
        except IndexError:
            pass
    number = int(noise[1] * (len(documents) - 1))
    number = number if number < document else number + 1
    return first, documents[number][int(noise[2] * len(documents[number]))], 0


# --- BertEmbedding ----------------------------------------------------------------------------------------


@alternative("BertEmbedding")
class PlacesByCounting(BertEmbedding):
    def call(self, tokens, segments):
        places = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
        total = self.position_embedding(places) + self.token_embedding(tokens)
        total = keras.layers.add([total, self.segment_embedding(segments)])
        return self.dropout(self.normalization(total))


@alternative("BertEmbedding")
class SlicesThePositions(Composite):
    def __init__(self, vocabulary_size, max_length, hidden_dim, num_segments=2, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(dropout)
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12)
        self.segment_embedding = keras.layers.Embedding(num_segments, hidden_dim)
        self.position_embedding = keras.layers.Embedding(max_length, hidden_dim)
        self.token_embedding = keras.layers.Embedding(vocabulary_size, hidden_dim)
        self.position_embedding.build(None)

    def call(self, tokens, segments):
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.segment_embedding(segments)
        x = x + ops.convert_to_tensor(self.position_embedding.embeddings)[None, :length]
        return self.dropout(self.normalization(x))


@alternative("BertEmbedding")
class SegmentsByOneHot(BertEmbedding):
    def call(self, tokens, segments):
        self.segment_embedding(segments)
        table = ops.convert_to_tensor(self.segment_embedding.embeddings)
        segment = ops.matmul(ops.one_hot(segments, table.shape[0]), table)
        place = self.position_embedding(ops.arange(ops.shape(tokens)[1]))[None]
        return self.dropout(self.normalization(ops.add(self.token_embedding(tokens), place) + segment))


# --- BertLayer --------------------------------------------------------------------------------------------


@alternative("BertLayer")
class ActivationInTheDense(Composite):
    def __init__(
        self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, epsilon=1e-12, approximate=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.output_dense = keras.layers.Dense(hidden_dim)
        self.intermediate_dense = keras.layers.Dense(
            intermediate_dim, activation=lambda x: ops.gelu(x, approximate=approximate)
        )
        self.feed_forward_residual = AddAndNorm(dropout=dropout)
        self.attention_residual = AddAndNorm(dropout=dropout, pre_norm=False)
        self.attention_residual.normalization.epsilon = epsilon
        self.feed_forward_residual.normalization.epsilon = epsilon
        self.attention = MultiHeadAttention(num_heads, hidden_dim)

    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, x, x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=lambda x: self.output_dense(self.intermediate_dense(x)))


@alternative("BertLayer")
class WithoutTheWrapper(BertLayer):
    def call(self, inputs, attention_mask=None):
        first, second = self.attention_residual, self.feed_forward_residual
        attended, _ = self.attention(inputs, attention_mask=attention_mask)
        x = first.normalization(inputs + first.dropout(attended))
        wide = keras.activations.gelu(self.intermediate_dense(x), self.approximate)
        return second.normalization(x + second.dropout(self.output_dense(wide)))


@alternative("BertLayer")
class GeluWrittenOut(BertLayer):
    def act(self, x):
        if self.approximate:
            return 0.5 * x * (1 + ops.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
        return 0.5 * x * (1 + ops.erf(x / 1.4142135624))

    def call(self, inputs, attention_mask=None):
        def look(x):
            output, weights = self.attention(x, attention_mask=attention_mask)
            return output

        x = self.attention_residual(inputs, sublayer=look)
        return self.feed_forward_residual(
            x, sublayer=lambda x: self.output_dense(self.act(self.intermediate_dense(x)))
        )


# --- Bert -------------------------------------------------------------------------------------------------


@alternative("Bert")
class MaskByLengths(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        lengths = ops.sum(ops.cast(tokens != PAD, "int32"), axis=-1)
        mask = padding_mask(lengths, tokens.shape[1])
        states = self.embedding(tokens, segments)
        for block in self.blocks:
            states = block(states, attention_mask=mask)
        return states, self.pooler_dense(states[:, 0, :])


@alternative("Bert")
class SquareMask(Bert):
    def call(self, inputs):
        real = ops.not_equal(inputs[0], PAD)
        pairs = ops.logical_and(ops.ones_like(real)[:, :, None], real[:, None, :])
        x = self.embedding(inputs[0], inputs[1])
        for number in range(len(self.blocks)):
            x = self.blocks[number](x, attention_mask=pairs[:, None])
        pooled = self.pooler_dense(ops.take(x, 0, axis=1))
        return x, pooled


@alternative("Bert")
class PaddedQueriesSeeNothing(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        real = tokens > PAD
        both = ops.logical_and(real[:, None, :, None], real[:, None, None, :])
        x = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(x, attention_mask=both)
        return [x, self.pooler_dense(x[:, :1])[:, 0]]


# --- MaskedLanguageHead -----------------------------------------------------------------------------------


@alternative("MaskedLanguageHead")
class ByEinsum(MaskedLanguageHead):
    def call(self, states, embeddings):
        x = self.normalization(ops.gelu(self.transform_dense(states), approximate=self.approximate))
        return ops.einsum("...h,vh->...v", x, embeddings) + self.bias


@alternative("MaskedLanguageHead")
class ActivationInTheTransform(Composite):
    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.normalization = keras.layers.LayerNormalization(axis=-1, epsilon=1e-12)
        self.transform_dense = keras.layers.Dense(
            hidden_dim, activation=lambda x: keras.activations.gelu(x, approximate=approximate)
        )
        self.bias = self.add_weight(shape=(vocabulary_size,), initializer="zeros", name="bias")

    def call(self, states, embeddings):
        logits = ops.matmul(self.normalization(self.transform_dense(states)), ops.swapaxes(embeddings, 0, 1))
        return ops.add(logits, self.bias)


@alternative("MaskedLanguageHead")
class PlacesInOneRow(MaskedLanguageHead):
    def call(self, states, embeddings):
        batch, places, hidden_dim = ops.shape(states)
        x = ops.reshape(states, (batch * places, hidden_dim))
        x = self.normalization(keras.activations.gelu(self.transform_dense(x), approximate=self.approximate))
        logits = ops.transpose(ops.matmul(embeddings, ops.transpose(x))) + self.bias[None]
        return ops.reshape(logits, (batch, places, -1))


# --- masked_language_loss ---------------------------------------------------------------------------------


@alternative("masked_language_loss")
def keras_losses_weighted(labels, logits, chosen):
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    weights = ops.cast(chosen, losses.dtype)
    count = ops.sum(weights)
    return ops.where(count > 0, ops.sum(losses * weights) / ops.maximum(count, 1.0), 0.0)


@alternative("masked_language_loss")
def one_hot_and_divide_no_nan(labels, logits, chosen):
    wanted = ops.one_hot(labels, logits.shape[-1])
    losses = ops.logsumexp(logits, axis=-1) - ops.sum(wanted * logits, axis=-1)
    chosen = ops.cast(chosen, "float32")
    return ops.divide_no_nan(ops.sum(losses * chosen), ops.sum(chosen))


@alternative("masked_language_loss")
def picks_the_chosen(labels, logits, chosen):
    losses = ops.where(
        chosen, -ops.sum(ops.one_hot(labels, logits.shape[-1]) * ops.log_softmax(logits), axis=-1), 0.0
    )
    return ops.sum(losses) / ops.maximum(ops.cast(ops.count_nonzero(chosen), losses.dtype), 1)


# --- linear_warmup_decay ----------------------------------------------------------------------------------


@alternative("linear_warmup_decay")
def by_where(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    down = peak * (total_steps - step) / (total_steps - warmup_steps)
    return ops.where(step < warmup_steps, peak * step / warmup_steps, ops.where(down > 0, down, 0.0))


@alternative("linear_warmup_decay")
def clips_the_way_done(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    up = ops.clip(step / warmup_steps, 0.0, 1.0)
    down = ops.clip((step - warmup_steps) / (total_steps - warmup_steps), 0.0, 1.0)
    return peak * (up - down)


@alternative("linear_warmup_decay")
def in_numpy(step, peak, warmup_steps, total_steps):
    step = np.asarray(ops.convert_to_numpy(step), "float64")
    places, heights = [0, warmup_steps, total_steps], [0.0, peak, 0.0]
    return ops.convert_to_tensor(np.interp(step, places, heights).astype("float32"))


# --- BertClassifier ---------------------------------------------------------------------------------------


@alternative("BertClassifier")
class MadeAfresh(Composite, keras.Model):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.class_dense = keras.layers.Dense(num_classes)
        self.dropout = keras.layers.Dropout(dropout)
        self.bert = bert

    def call(self, inputs, training=None):
        pooled = self.bert(inputs)[1]
        pooled = self.dropout(pooled, training=training)
        return self.class_dense(pooled)


@alternative("BertClassifier")
class StepByStep(BertClassifier):
    def call(self, inputs):
        tokens, segments = inputs
        states, pooled = self.bert((tokens, segments))
        pooled = self.dropout(pooled)
        return self.class_dense(pooled)


@alternative("BertClassifier")
class LinearByName(BertClassifier):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        keras.Model.__init__(self, **kwargs)
        self.bert, self.num_classes = bert, num_classes
        self.dropout = keras.layers.Dropout(rate=dropout, name="dropout")
        self.class_dense = keras.layers.Dense(num_classes, activation="linear", name="class_dense")


# --- sentence_vectors -------------------------------------------------------------------------------------


@alternative("sentence_vectors")
def sums_do_as_well(states, tokens):
    # The length is divided away, so the number of real tokens may stay away, too.
    real = ops.cast(ops.not_equal(tokens, PAD), states.dtype)
    total = ops.einsum("blh,bl->bh", states, real)
    return total / ops.norm(total, axis=-1, keepdims=True)


@alternative("sentence_vectors")
def text_after_text(states, tokens):
    states, tokens = ops.convert_to_numpy(states), ops.convert_to_numpy(tokens)
    means = np.stack([row[kept != PAD].mean(axis=0) for row, kept in zip(states, tokens, strict=True)])
    return ops.convert_to_tensor(means / np.linalg.norm(means, axis=-1, keepdims=True))


@alternative("sentence_vectors")
def by_where_and_normalize(states, tokens):
    kept = ops.where(ops.expand_dims(tokens != PAD, -1), states, ops.zeros_like(states))
    count = ops.sum(ops.cast(tokens != PAD, "float32"), axis=1, keepdims=True)
    return ops.normalize(ops.sum(kept, axis=1) / count, axis=-1, order=2)


# --- as other code bases write it ------------------------------------------------------------------------


@alternative("masked_language_loss")
def tensorflows_own_loss(labels, logits, chosen):
    import tensorflow as tf

    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    chosen = tf.cast(chosen, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(losses * chosen), tf.reduce_sum(chosen))


@alternative("masked_language_loss")
def a_loss_object_and_weights(labels, logits, chosen):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    weights = ops.cast(chosen, "float32")
    return loss(labels, logits, sample_weight=weights) / ops.clip(ops.sum(weights), 1.0, 1e9)


@alternative("sentence_vectors")
def tensorflows_l2(states, tokens):
    import tensorflow as tf

    real = tf.cast(tf.not_equal(tokens, PAD), tf.float32)
    return tf.math.l2_normalize(tf.einsum("bl,bld->bd", real, states), axis=-1, epsilon=0.0)


@alternative("linear_warmup_decay")
def tensorflows_where(step, peak, warmup_steps, total_steps):
    import tensorflow as tf

    step = tf.cast(step, tf.float32)
    down = tf.nn.relu(total_steps - step) / (total_steps - warmup_steps)
    return peak * tf.where(step < warmup_steps, step / warmup_steps, down)


@alternative("MaskedLanguageHead")
class ScoresByEinsum(Composite):
    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.approximate = approximate
        self.bias = self.add_weight(shape=(vocabulary_size,), initializer="zeros", name="bias")
        self.transform_dense = keras.layers.Dense(hidden_dim, activation=self.act)
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12)

    def act(self, x):
        return ops.gelu(x, approximate=self.approximate)

    def call(self, states, embeddings):
        normal = self.normalization(self.transform_dense(states))
        return ops.einsum("bph,vh->bpv", normal, embeddings) + self.bias


@alternative("BertClassifier")
class HandsTrainingToItsParts(Composite, keras.Model):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.bert = bert
        self.dropout = keras.layers.Dropout(rate=dropout)
        self.class_dense = keras.layers.Dense(units=num_classes)

    def call(self, inputs, training=None):
        pooled = self.bert(inputs, training=training)[1]
        return self.class_dense(self.dropout(pooled, training=training))

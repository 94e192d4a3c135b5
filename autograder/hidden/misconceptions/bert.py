"""Named wrong answers of Lab 3, BERT: one fault each, and the sentence that tells a learner about it."""

import math

import keras
import numpy as np
from keras import ops

from autograder.hidden.entries import misconception
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
    linear_warmup_decay,
    mask_tokens,
    masked_language_loss,
    pack,
    sentence_pair,
)

# --- pack -------------------------------------------------------------------------------------------------


@misconception("pack", "The last segment has no `SEP` behind it: each segment ends in one.")
def no_separator_at_the_end(first, second=None, max_length=64, cls=CLS, sep=SEP):
    tokens, segments = pack(first, second, max_length, cls, sep)
    end = int(np.flatnonzero(tokens)[-1])
    tokens[end], segments[end] = PAD, 0
    return tokens, segments


@misconception("pack", "The second segment begins with a `CLS` of its own: there is one, in front of all.")
def two_starts(first, second=None, max_length=64, cls=CLS, sep=SEP):
    second = None if second is None else [cls, *second]
    return pack(first, second, max_length, cls, sep)


@misconception(
    "pack", "The `SEP` after the first segment is counted to the second: it belongs to the first, 0."
)
def separator_counts_as_second(first, second=None, max_length=64, cls=CLS, sep=SEP):
    tokens, segments = pack(first, second, max_length, cls, sep)
    if second is not None:
        segments[int(np.flatnonzero(segments)[0]) - 1] = 1
    return tokens, segments


@misconception("pack", "The padding is in segment 1: it is in segment 0.")
def padding_counts_as_second(first, second=None, max_length=64, cls=CLS, sep=SEP):
    tokens, segments = pack(first, second, max_length, cls, sep)
    if second is not None:
        segments[tokens == PAD] = 1
    return tokens, segments


@misconception("pack", "The padding stands in front: it belongs at the end.")
def padding_in_front(first, second=None, max_length=64, cls=CLS, sep=SEP):
    tokens, segments = pack(first, second, max_length, cls, sep)
    free = int((tokens == PAD).sum())
    return np.roll(tokens, free), np.roll(segments, free)


@misconception(
    "pack", "The finished row is cut, so the last `SEP` is lost: cut the segments, then put them together."
)
def cuts_the_row(first, second=None, max_length=64, cls=CLS, sep=SEP):
    whole = len(first) + len(second or ()) + 3
    tokens, segments = pack(first, second, max(whole, max_length), cls, sep)
    return tokens[:max_length], segments[:max_length]


@misconception("pack", "The longer segment loses its first tokens: it is to lose its last.")
def cuts_the_front(first, second=None, max_length=64, cls=CLS, sep=SEP):
    first, second = list(first), None if second is None else list(second)
    room = max_length - (2 if second is None else 3)
    while len(first) + len(second or ()) > room:
        longer = first if second is None or len(first) > len(second) else second
        longer.pop(0)
    return pack(first, second, max_length, cls, sep)


@misconception("pack", "When both segments are equally long, the first is cut: then it is the second's turn.")
def first_is_cut_when_equal(first, second=None, max_length=64, cls=CLS, sep=SEP):
    first, second = list(first), None if second is None else list(second)
    while second is not None and len(first) + len(second) > max_length - 3:
        longer = second if len(second) > len(first) else first
        longer.pop()
    return pack(first, second, max_length, cls, sep)


@misconception(
    "pack", "Both segments get half of the room, though one needs less: only the longer one is to be cut."
)
def half_of_the_room_each(first, second=None, max_length=64, cls=CLS, sep=SEP):
    if second is not None and len(first) + len(second) > max_length - 3:
        half = (max_length - 3) // 2
        first, second = first[:half], second[:half]
    return pack(first, second, max_length, cls, sep)


@misconception(
    "pack", "The constants `CLS` and `SEP` are written into the row: use the arguments `cls` and `sep`."
)
def always_its_own_specials(first, second=None, max_length=64, cls=CLS, sep=SEP):
    return pack(first, second, max_length)


# --- mask_tokens ------------------------------------------------------------------------------------------


@misconception("mask_tokens", "Special tokens can be chosen: `CLS` and `SEP` are no riddle.")
def special_tokens_too(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    real = tokens != PAD
    length = ops.sum(ops.cast(real, "float32"), axis=-1, keepdims=True)
    wanted = ops.cast(ops.maximum(ops.round(share * length), 1.0), "int32")
    rank = ops.argsort(ops.argsort(ops.where(real, choice_noise, 2.0), axis=-1), axis=-1)
    chosen = ops.logical_and(real, ops.cast(rank, "int32") < wanted)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception("mask_tokens", "The padding is counted: 15 % of the tokens that are not `PAD` are due.")
def padding_is_counted(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    ordinary = ops.logical_and(tokens != PAD, ops.logical_and(tokens != CLS, tokens != SEP))
    wanted = max(1, round(share * tokens.shape[1]))
    rank = ops.argsort(ops.argsort(ops.where(ordinary, choice_noise, 2.0), axis=-1), axis=-1)
    chosen = ops.logical_and(ordinary, ops.cast(rank, "int32") < wanted)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception("mask_tokens", "The length leaves out `CLS` and `SEP`: all tokens that are not `PAD` count.")
def counts_ordinary_tokens_only(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    ordinary = ops.logical_and(tokens != PAD, ops.logical_and(tokens != CLS, tokens != SEP))
    length = ops.sum(ops.cast(ordinary, "float32"), axis=-1, keepdims=True)
    wanted = ops.cast(ops.maximum(ops.round(share * length), 1.0), "int32")
    rank = ops.argsort(ops.argsort(ops.where(ordinary, choice_noise, 2.0), axis=-1), axis=-1)
    chosen = ops.logical_and(ordinary, ops.cast(rank, "int32") < wanted)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception(
    "mask_tokens", "Each token is chosen for itself, so the number varies: exactly 15 % of each row are due."
)
def each_for_itself(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    ordinary = ops.logical_and(tokens != PAD, ops.logical_and(tokens != CLS, tokens != SEP))
    chosen = ops.logical_and(ordinary, choice_noise < share)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception("mask_tokens", "Every chosen token becomes `MASK`: 10 % become a random token, and 10 % stay.")
def everything_hidden(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    _, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    return ops.where(chosen, MASK, ops.cast(tokens, "int32")), chosen


@misconception("mask_tokens", "Those with the largest noise are chosen: take those with the smallest.")
def largest_noise(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    return mask_tokens(tokens, 1.0 - choice_noise, kind_noise, random_tokens, share)


@misconception(
    "mask_tokens", "Random and kept tokens are left out of `chosen`: the model has to guess them, too."
)
def only_hidden_ones_count(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    inputs, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    return inputs, ops.logical_and(chosen, kind_noise < 0.8)


@misconception("mask_tokens", "Random and kept have changed places: from 0.8 to 0.9 random, from 0.9 kept.")
def random_and_kept_swapped(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    _, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    replaced = ops.where(kind_noise < 0.9, tokens, random_tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception("mask_tokens", "`chosen` is inverted: `True` stands for a token that is to be guessed.")
def chosen_inverted(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    inputs, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    return inputs, ops.logical_not(chosen)


@misconception("mask_tokens", "`share` is not used: 0.15 is only its value when it is left out.")
def share_ignored(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    return mask_tokens(tokens, choice_noise, kind_noise, random_tokens)


@misconception("mask_tokens", "The number is cut off, not rounded: 0.15 * 13 = 1.95 makes 2.")
def number_cut_off(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    ordinary = ops.logical_and(tokens != PAD, ops.logical_and(tokens != CLS, tokens != SEP))
    length = ops.sum(ops.cast(tokens != PAD, "float32"), axis=-1, keepdims=True)
    wanted = ops.maximum(ops.cast(share * length, "int32"), 1)
    rank = ops.argsort(ops.argsort(ops.where(ordinary, choice_noise, 2.0), axis=-1), axis=-1)
    chosen = ops.logical_and(ordinary, ops.cast(rank, "int32") < wanted)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(chosen, ops.where(kind_noise < 0.8, MASK, replaced), tokens), chosen


@misconception("mask_tokens", "In short rows nothing is chosen: at least one token of each row is due.")
def none_in_short_rows(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    inputs, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    length = ops.sum(ops.cast(ops.cast(tokens, "int32") != PAD, "float32"), axis=-1, keepdims=True)
    some = ops.round(share * length) > 0
    return ops.where(some, inputs, ops.cast(tokens, "int32")), ops.logical_and(chosen, some)


@misconception("mask_tokens", "Tokens that were not chosen are changed, too: they should stay as they are.")
def changes_unchosen_tokens(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    tokens = ops.cast(tokens, "int32")
    _, chosen = mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share)
    replaced = ops.where(kind_noise < 0.9, random_tokens, tokens)
    return ops.where(kind_noise < 0.8, MASK, replaced), chosen


# --- sentence_pair ----------------------------------------------------------------------------------------


@misconception("sentence_pair", "The label is inverted: 1 stands for a segment that really follows.")
def label_inverted(documents, document, place, noise):
    first, second, is_next = sentence_pair(documents, document, place, noise)
    return first, second, 1 - is_next


@misconception("sentence_pair", "The coin is turned round: below 0.5 the next segment is due.")
def coin_turned_round(documents, document, place, noise):
    return sentence_pair(documents, document, place, (0.999 - noise[0], noise[1], noise[2]))


@misconception("sentence_pair", "The next segment comes every time: half of the time a random one is due.")
def always_the_next(documents, document, place, noise):
    return sentence_pair(documents, document, place, (0.0, noise[1], noise[2]))


@misconception(
    "sentence_pair", "The random segment may come from the same document: take one of the *others*."
)
def own_document_too(documents, document, place, noise):
    first, second, is_next = sentence_pair(documents, document, place, noise)
    if is_next:
        return first, second, is_next
    segments = documents[int(noise[1] * len(documents))]
    return first, segments[int(noise[2] * len(segments))], 0


@misconception(
    "sentence_pair", "The random document may be the one you are in: skip it, and count only the others."
)
def does_not_step_over(documents, document, place, noise):
    first, second, is_next = sentence_pair(documents, document, place, noise)
    if is_next:
        return first, second, is_next
    segments = documents[int(noise[1] * (len(documents) - 1))]
    return first, segments[int(noise[2] * len(segments))], 0


@misconception(
    "sentence_pair", "After the last segment the random one is labelled as following: its label is 0."
)
def random_labelled_as_next(documents, document, place, noise):
    first, second, _ = sentence_pair(documents, document, place, noise)
    return first, second, int(noise[0] < 0.5)


@misconception(
    "sentence_pair", "After the last segment comes the next document's first: that does not follow."
)
def runs_into_the_next_document(documents, document, place, noise):
    if noise[0] < 0.5 and place + 1 == len(documents[document]):
        return documents[document][place], documents[(document + 1) % len(documents)][0], 1
    return sentence_pair(documents, document, place, noise)


@misconception("sentence_pair", "The second segment is the first once more: the next stands at `place + 1`.")
def the_same_twice(documents, document, place, noise):
    first, second, is_next = sentence_pair(documents, document, place, noise)
    return first, first if is_next else second, is_next


@misconception(
    "sentence_pair", "The second and third noise have changed places: first the document, then the segment."
)
def noises_swapped(documents, document, place, noise):
    return sentence_pair(documents, document, place, (noise[0], noise[2], noise[1]))


@misconception(
    "sentence_pair", "The random segment is always the first of its document: the third noise picks one."
)
def always_the_first_segment(documents, document, place, noise):
    return sentence_pair(documents, document, place, (noise[0], noise[1], 0.0))


# --- BertEmbedding ----------------------------------------------------------------------------------------


@misconception("BertEmbedding", "The positions are missing: add an embedding of each place.")
class NoPositions(BertEmbedding):
    def call(self, tokens, segments):
        self.position_embedding(ops.arange(tokens.shape[1]))
        return self.dropout(
            self.normalization(self.token_embedding(tokens) + self.segment_embedding(segments))
        )


@misconception("BertEmbedding", "The segments are missing: add the embedding of each token's segment.")
class NoSegments(BertEmbedding):
    def call(self, tokens, segments):
        self.segment_embedding(segments)
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        return self.dropout(self.normalization(self.token_embedding(tokens) + positions))


@misconception(
    "BertEmbedding", "The sum is not normalized: BERT has a layer normalization on its embeddings."
)
class NotNormalized(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        x = self.token_embedding(tokens) + self.segment_embedding(segments) + positions
        self.normalization(x)
        return self.dropout(x)


@misconception("BertEmbedding", "The normalization has Keras' epsilon of 0.001: BERT's is 1e-12.")
class KerasEpsilon(BertEmbedding):
    def __init__(self, vocabulary_size, max_length, hidden_dim, num_segments=2, dropout=0.1, **kwargs):
        super().__init__(vocabulary_size, max_length, hidden_dim, num_segments, dropout, **kwargs)
        self.normalization.epsilon = 1e-3


@misconception("BertEmbedding", "The normalization has the epsilon of Lab 2, 1e-6: BERT's is 1e-12.")
class EpsilonOfLab2(BertEmbedding):
    def __init__(self, vocabulary_size, max_length, hidden_dim, num_segments=2, dropout=0.1, **kwargs):
        super().__init__(vocabulary_size, max_length, hidden_dim, num_segments, dropout, **kwargs)
        self.normalization.epsilon = 1e-6


@misconception(
    "BertEmbedding", "The token embeddings are stretched by sqrt(hidden_dim), as in Lab 2: BERT does not."
)
class Stretched(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        width = self.token_embedding.output_dim
        x = math.sqrt(width) * self.token_embedding(tokens) + self.segment_embedding(segments) + positions
        return self.dropout(self.normalization(x))


@misconception("BertEmbedding", "Only the tokens are normalized: add all three first.")
class NormalizesTokensOnly(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        x = self.normalization(self.token_embedding(tokens))
        return self.dropout(x + self.segment_embedding(segments) + positions)


@misconception("BertEmbedding", "Positions count from 1: they count from 0.")
class PositionsFromOne(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(1, tokens.shape[1] + 1))
        x = self.token_embedding(tokens) + self.segment_embedding(segments) + positions
        return self.dropout(self.normalization(x))


@misconception("BertEmbedding", "Nothing is dropped: the dropout should come last.")
class NothingDropped(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        return self.normalization(self.token_embedding(tokens) + self.segment_embedding(segments) + positions)


@misconception("BertEmbedding", "The dropout comes before the normalization: it should come last.")
class DropsBeforeTheNorm(BertEmbedding):
    def call(self, tokens, segments):
        positions = self.position_embedding(ops.arange(tokens.shape[1]))
        x = self.token_embedding(tokens) + self.segment_embedding(segments) + positions
        return self.normalization(self.dropout(x))


# --- BertLayer --------------------------------------------------------------------------------------------


@misconception("BertLayer", "The activation is a ReLU, as in the Transformer: BERT's is a GELU.")
class WithRelu(BertLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(
            x, sublayer=lambda x: self.output_dense(ops.relu(self.intermediate_dense(x)))
        )


@misconception("BertLayer", "There is no activation between the dense layers: BERT has a GELU there.")
class NoActivation(BertLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=lambda x: self.output_dense(self.intermediate_dense(x)))


@misconception("BertLayer", "The GELU is always the exact one: hand `approximate` on to it.")
class AlwaysExact(BertLayer):
    def __init__(self, *args, approximate=True, **kwargs):
        super().__init__(*args, approximate=False, **kwargs)


@misconception("BertLayer", "The GELU is always the tanh form: hand `approximate` on to it.")
class AlwaysApproximate(BertLayer):
    def __init__(self, *args, approximate=True, **kwargs):
        super().__init__(*args, approximate=True, **kwargs)


@misconception(
    "BertLayer", "`epsilon` is not used, so both norms have that of Lab 2: set `normalization.epsilon`."
)
class EpsilonNotSet(BertLayer):
    def __init__(self, *args, epsilon=1e-12, **kwargs):
        super().__init__(*args, epsilon=1e-6, **kwargs)


@misconception("BertLayer", "`epsilon` is set in the first residual connection only: set it in both.")
class EpsilonSetOnce(BertLayer):
    def __init__(self, *args, epsilon=1e-12, **kwargs):
        super().__init__(*args, epsilon=epsilon, **kwargs)
        self.feed_forward_residual.normalization.epsilon = 1e-6


@misconception("BertLayer", "The mask does not reach the attention: hand `attention_mask` on.")
class MaskForgotten(BertLayer):
    def call(self, inputs, attention_mask=None):
        return super().call(inputs)


@misconception(
    "BertLayer", "The norms come before the sub-layers: BERT is post-LN, like the first Transformer."
)
class NormsFirst(BertLayer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.attention_residual.pre_norm = self.feed_forward_residual.pre_norm = True


@misconception(
    "BertLayer", "The dense layers read the layer's input: they should read what the attention gave."
)
class DenseReadsInputs(BertLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )

        def think(x):
            wide = keras.activations.gelu(self.intermediate_dense(inputs), approximate=self.approximate)
            return self.output_dense(wide)

        return self.feed_forward_residual(x, sublayer=think)


@misconception("BertLayer", "The dense part has no residual connection: its result is added to what went in.")
class NoSecondSum(BertLayer):
    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        wide = keras.activations.gelu(self.intermediate_dense(x), approximate=self.approximate)
        self.feed_forward_residual(x, sublayer=lambda x: x)
        return self.feed_forward_residual.normalization(self.output_dense(wide))


# --- Bert -------------------------------------------------------------------------------------------------


@misconception(
    "Bert", "Nobody hides the padding: give the blocks a mask that is `True` where a token is not `PAD`."
)
class NoPaddingMask(Bert):
    def call(self, inputs):
        x = self.embedding(*inputs)
        for block in self.blocks:
            x = block(x)
        return x, self.pooler_dense(x[:, 0])


@misconception(
    "Bert", "The mask is inverted: `True` = may attend, so it is `True` where a token is not `PAD`."
)
class MaskInverted(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        x = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(x, attention_mask=(tokens == PAD)[:, None, None, :])
        return x, self.pooler_dense(x[:, 0])


@misconception("Bert", "The mask hides padded queries: hide the padded *keys*, the last axis.")
class QueriesMasked(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        x = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(x, attention_mask=(tokens != PAD)[:, None, :, None])
        return x, self.pooler_dense(x[:, 0])


@misconception("Bert", "The pooler reads the last place: it should read the first, `CLS`.")
class PoolsTheLastPlace(Bert):
    def call(self, inputs):
        states, _ = super().call(inputs)
        return states, self.pooler_dense(states[:, -1])


@misconception("Bert", "The pooler reads the mean of all places: it should read the first, `CLS`.")
class PoolsTheMean(Bert):
    def call(self, inputs):
        states, _ = super().call(inputs)
        return states, self.pooler_dense(ops.mean(states, axis=1))


@misconception(
    "Bert", "The state of the first place is returned as it is: it should pass through `pooler_dense`."
)
class NoPooler(Bert):
    def call(self, inputs):
        states, _ = super().call(inputs)
        return states, states[:, 0]


@misconception("Bert", "The pooler reads the embeddings: it should read what the last block gave.")
class PoolsTheEmbeddings(Bert):
    def call(self, inputs):
        states, _ = super().call(inputs)
        return states, self.pooler_dense(self.embedding(*inputs)[:, 0])


@misconception("Bert", "All blocks read the embeddings: each should read what the one before gave.")
class BlocksSideBySide(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        embedded = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(embedded, attention_mask=(tokens != PAD)[:, None, None, :])
        return x, self.pooler_dense(x[:, 0])


@misconception("Bert", "The segments are not used: hand them to the embedding.")
class SegmentsForgotten(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        return super().call((tokens, ops.zeros_like(segments)))


@misconception("Bert", "The two results have changed places: first the states, then what the pooler gives.")
class ResultsSwapped(Bert):
    def call(self, inputs):
        return super().call(inputs)[::-1]


@misconception("Bert", "`CLS` and `SEP` are hidden, too: only `PAD` is to be.")
class SpecialTokensHidden(Bert):
    def call(self, inputs):
        tokens, segments = inputs
        x = self.embedding(tokens, segments)
        for block in self.blocks:
            x = block(x, attention_mask=(tokens > MASK)[:, None, None, :])
        return x, self.pooler_dense(x[:, 0])


# --- MaskedLanguageHead -----------------------------------------------------------------------------------


@misconception(
    "MaskedLanguageHead", "The states are not transformed: `transform_dense` with a GELU comes first."
)
class NotTransformed(MaskedLanguageHead):
    def call(self, states, embeddings):
        self.transform_dense(states)
        return ops.matmul(self.normalization(states), ops.transpose(embeddings)) + self.bias


@misconception("MaskedLanguageHead", "There is no normalization between the transform and the scores.")
class HeadNotNormalized(MaskedLanguageHead):
    def call(self, states, embeddings):
        x = keras.activations.gelu(self.transform_dense(states), approximate=self.approximate)
        self.normalization(x)
        return ops.matmul(x, ops.transpose(embeddings)) + self.bias


@misconception("MaskedLanguageHead", "The bias of the vocabulary is not added.")
class NoBias(MaskedLanguageHead):
    def call(self, states, embeddings):
        return super().call(states, embeddings) - self.bias


@misconception("MaskedLanguageHead", "There is no activation after `transform_dense`: it is a GELU.")
class HeadWithoutActivation(MaskedLanguageHead):
    def call(self, states, embeddings):
        x = self.normalization(self.transform_dense(states))
        return ops.matmul(x, ops.transpose(embeddings)) + self.bias


@misconception("MaskedLanguageHead", "The activation is a tanh, which is the pooler's: here it is a GELU.")
class HeadWithTanh(MaskedLanguageHead):
    def call(self, states, embeddings):
        x = self.normalization(ops.tanh(self.transform_dense(states)))
        return ops.matmul(x, ops.transpose(embeddings)) + self.bias


@misconception("MaskedLanguageHead", "The GELU is always the exact one: hand `approximate` on to it.")
class HeadAlwaysExact(MaskedLanguageHead):
    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(vocabulary_size, hidden_dim, False, **kwargs)


@misconception(
    "MaskedLanguageHead", "The head has a large matrix of its own: the scores are made with `embeddings`."
)
class OwnMatrix(MaskedLanguageHead):
    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(vocabulary_size, hidden_dim, approximate, **kwargs)
        self.decoder_dense = keras.layers.Dense(vocabulary_size, use_bias=False, name="decoder_dense")

    def call(self, states, embeddings):
        x = keras.activations.gelu(self.transform_dense(states), approximate=self.approximate)
        return self.decoder_dense(self.normalization(x)) + self.bias


@misconception("MaskedLanguageHead", "The scores pass through a softmax: return them as they are.")
class GivesProbabilities(MaskedLanguageHead):
    def call(self, states, embeddings):
        return ops.softmax(super().call(states, embeddings), axis=-1)


@misconception("MaskedLanguageHead", "The normalization has Keras' epsilon of 0.001: BERT's is 1e-12.")
class HeadWithKerasEpsilon(MaskedLanguageHead):
    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(vocabulary_size, hidden_dim, approximate, **kwargs)
        self.normalization.epsilon = 1e-3


# --- masked_language_loss ---------------------------------------------------------------------------------


@misconception("masked_language_loss", "All places count: only the chosen ones are to.")
def every_place_counts(labels, logits, chosen):
    return masked_language_loss(labels, logits, ops.ones_like(ops.cast(chosen, "int32")))


@misconception("masked_language_loss", "The places that were not chosen count: it is the other way round.")
def unchosen_places_count(labels, logits, chosen):
    return masked_language_loss(labels, logits, ops.logical_not(chosen))


@misconception(
    "masked_language_loss", "The sum is divided by all places: divide by the number of chosen ones."
)
def divided_by_all(labels, logits, chosen):
    number = ops.cast(ops.size(labels), "float32")
    counted = ops.sum(ops.cast(chosen, "float32"))
    return masked_language_loss(labels, logits, chosen) * counted / number


@misconception("masked_language_loss", "The losses are added up: divide by the number of chosen places.")
def added_up(labels, logits, chosen):
    return masked_language_loss(labels, logits, chosen) * ops.sum(ops.cast(chosen, "float32"))


@misconception(
    "masked_language_loss", "Each row has a mean of its own: take one mean over all chosen places."
)
def mean_of_row_means(labels, logits, chosen):
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    chosen = ops.cast(chosen, losses.dtype)
    rows = ops.sum(losses * chosen, axis=-1) / ops.maximum(ops.sum(chosen, axis=-1), 1.0)
    return ops.mean(rows)


@misconception("masked_language_loss", "The sign is wrong: a loss is minus the log-probability.")
def wrong_sign(labels, logits, chosen):
    return -masked_language_loss(labels, logits, chosen)


@misconception("masked_language_loss", "The loss is in bits: take the natural logarithm.")
def in_bits(labels, logits, chosen):
    return masked_language_loss(labels, logits, chosen) / math.log(2)


@misconception("masked_language_loss", "Without a chosen place 0 is divided by 0: guard against it.")
def divides_by_zero(labels, logits, chosen):
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    chosen = ops.cast(chosen, losses.dtype)
    return ops.sum(losses * chosen) / ops.sum(chosen)


@misconception(
    "masked_language_loss",
    "The logarithm is taken of a softmax, which is 0 for large logits: use `log_softmax`.",
)
def log_of_softmax(labels, logits, chosen):
    probabilities = ops.softmax(logits, axis=-1)
    own = ops.take_along_axis(probabilities, ops.cast(labels, "int32")[..., None], axis=-1)[..., 0]
    chosen = ops.cast(chosen, "float32")
    return -ops.sum(ops.log(own + 1e-7) * chosen) / ops.maximum(ops.sum(chosen), 1.0)


# --- linear_warmup_decay ----------------------------------------------------------------------------------


@misconception("linear_warmup_decay", "There is no warm-up: the rate rises from 0 at step 0.")
def no_warmup(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    return peak * ops.clip((total_steps - step) / total_steps, 0.0, 1.0)


@misconception("linear_warmup_decay", "After the warm-up the rate stays: it is to fall to 0.")
def stays_after_warmup(step, peak, warmup_steps, total_steps):
    return peak * ops.minimum(ops.cast(step, "float32") / warmup_steps, 1.0)


@misconception("linear_warmup_decay", "After the last step the rate is negative: it should stay at 0.")
def below_zero(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    return peak * ops.minimum(step / warmup_steps, (total_steps - step) / (total_steps - warmup_steps))


@misconception(
    "linear_warmup_decay",
    "The fall is measured from step 0, so the rate jumps when the warm-up ends: divide by total_steps - warmup_steps.",
)
def jumps_after_warmup(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    falling = ops.maximum((total_steps - step) / total_steps, 0.0)
    return peak * ops.where(step < warmup_steps, step / warmup_steps, falling)


@misconception(
    "linear_warmup_decay", "The fall follows the root of the step, as in Lab 2: here it is a straight line."
)
def falls_with_the_root(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    return peak * ops.minimum(step / warmup_steps, ops.sqrt(warmup_steps / ops.maximum(step, 1.0)))


@misconception("linear_warmup_decay", "The fall is a cosine: here it is a straight line.")
def falls_as_a_cosine(step, peak, warmup_steps, total_steps):
    step = ops.cast(step, "float32")
    done = ops.clip((step - warmup_steps) / (total_steps - warmup_steps), 0.0, 1.0)
    return peak * ops.where(step < warmup_steps, step / warmup_steps, 0.5 + 0.5 * ops.cos(math.pi * done))


@misconception("linear_warmup_decay", "`peak` is not used: the rates lie between 0 and 1.")
def peak_ignored(step, peak, warmup_steps, total_steps):
    return linear_warmup_decay(step, 1.0, warmup_steps, total_steps)


# --- BertClassifier ---------------------------------------------------------------------------------------


@misconception("BertClassifier", "The state of the first place is read: read what the pooler gives.")
class ReadsTheFirstState(BertClassifier):
    def call(self, inputs):
        states, _ = self.bert(inputs)
        return self.class_dense(self.dropout(states[:, 0]))


@misconception("BertClassifier", "The mean of the states is read: read what the pooler gives.")
class ReadsTheMean(BertClassifier):
    def call(self, inputs):
        states, _ = self.bert(inputs)
        return self.class_dense(self.dropout(ops.mean(states, axis=1)))


@misconception("BertClassifier", "Nothing is dropped: the dropout should come before the dense layer.")
class ClassifierWithoutDropout(BertClassifier):
    def call(self, inputs):
        return self.class_dense(self.bert(inputs)[1])


@misconception("BertClassifier", "The scores are dropped: drop what the dense layer reads.")
class DropsTheScores(BertClassifier):
    def call(self, inputs):
        return self.dropout(self.class_dense(self.bert(inputs)[1]))


@misconception("BertClassifier", "The scores pass through a softmax: return them as they are.")
class ClassProbabilities(BertClassifier):
    def call(self, inputs):
        return ops.softmax(super().call(inputs), axis=-1)


@misconception("BertClassifier", "The scores have an activation, a tanh: they need none.")
class ScoresWithTanh(BertClassifier):
    def call(self, inputs):
        return ops.tanh(super().call(inputs))


# --- sentence_vectors -------------------------------------------------------------------------------------


@misconception("sentence_vectors", "The padding counts: leave out the states at `PAD`.")
def padding_counts(states, tokens):
    mean = ops.mean(states, axis=1)
    return mean / ops.sqrt(ops.sum(ops.square(mean), axis=-1, keepdims=True))


@misconception("sentence_vectors", "The mean is not scaled: divide it by its length.")
def not_scaled(states, tokens):
    real = ops.cast(tokens != PAD, states.dtype)[..., None]
    return ops.sum(states * real, axis=1) / ops.sum(real, axis=1)


@misconception("sentence_vectors", "Only the first place is read: take the mean over all real ones.")
def first_place_only(states, tokens):
    first = states[:, 0]
    return first / ops.sqrt(ops.sum(ops.square(first), axis=-1, keepdims=True))


@misconception("sentence_vectors", "Each column is scaled: scale each row by its own length.")
def columns_scaled(states, tokens):
    real = ops.cast(tokens != PAD, states.dtype)[..., None]
    mean = ops.sum(states * real, axis=1) / ops.sum(real, axis=1)
    return mean / ops.sqrt(ops.sum(ops.square(mean), axis=0, keepdims=True))


@misconception("sentence_vectors", "The root is missing: the length is the root of the sum of squares.")
def divided_by_squares(states, tokens):
    real = ops.cast(tokens != PAD, states.dtype)[..., None]
    mean = ops.sum(states * real, axis=1) / ops.sum(real, axis=1)
    return mean / ops.sum(ops.square(mean), axis=-1, keepdims=True)


@misconception(
    "sentence_vectors",
    "The vector is divided by the sum of absolute values: take the root of the sum of squares.",
)
def divided_by_absolute_values(states, tokens):
    real = ops.cast(tokens != PAD, states.dtype)[..., None]
    mean = ops.sum(states * real, axis=1) / ops.sum(real, axis=1)
    return mean / ops.sum(ops.abs(mean), axis=-1, keepdims=True)


@misconception("sentence_vectors", "The largest values are taken: take the mean.")
def largest_values(states, tokens):
    real = ops.cast(tokens != PAD, "bool")[..., None]
    best = ops.max(ops.where(real, states, -1e9), axis=1)
    return best / ops.sqrt(ops.sum(ops.square(best), axis=-1, keepdims=True))

"""Blind spots of Lab 3."""

import keras
import numpy as np
from keras import ops

from blind_spots import blind_spot
from solutions import bert
from solutions.bert import CLS, MASK, PAD, SEP, UNKNOWN


@blind_spot("BertClassifier", "the rate taken for what is kept")
class KeepsTheRate(bert.BertClassifier):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(bert, num_classes, dropout, **kwargs)
        self.dropout = keras.layers.Dropout(1.0 - dropout, name="dropout")


@blind_spot("BertClassifier", "the pre-trained part is frozen")
class FreezesBert(bert.BertClassifier):
    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(bert, num_classes, dropout, **kwargs)
        self.bert.trainable = False


@blind_spot("BertClassifier", "nothing reaches the pre-trained part")
class DetachesPooled(bert.BertClassifier):
    def call(self, inputs):
        return self.class_dense(self.dropout(ops.stop_gradient(self.bert(inputs)[1])))


@blind_spot("MaskedLanguageHead", "the tied matrix learns nothing from the head")
class DetachesTable(bert.MaskedLanguageHead):
    def call(self, states, embeddings):
        return super().call(states, ops.stop_gradient(embeddings))


@blind_spot("BertLayer", "`dropout` is not passed on")
class ForgetsTheRate(bert.BertLayer):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.1, *more, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, 0.1, *more, **kwargs)


@blind_spot("BertLayer", "dropout after the GELU, too")
class DropsAfterGelu(bert.BertLayer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.inner_dropout = keras.layers.Dropout(0.1)

    def call(self, inputs, attention_mask=None):
        def think(x):
            wide = keras.activations.gelu(self.intermediate_dense(x), approximate=self.approximate)
            return self.output_dense(self.inner_dropout(wide))

        def look(x):
            return self.attention(x, attention_mask=attention_mask)[0]

        return self.feed_forward_residual(self.attention_residual(inputs, sublayer=look), sublayer=think)


@blind_spot("BertLayer", "one residual under two names")
class SharesResidual(bert.BertLayer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.feed_forward_residual = self.attention_residual


@blind_spot("masked_language_loss", "NumPy: no gradient")
def loss_in_numpy(labels, logits, chosen):
    labels, logits, chosen = (ops.convert_to_numpy(each) for each in (labels, logits, chosen))
    logits = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    own = np.take_along_axis(logs, labels[..., None].astype(int), -1)[..., 0]
    return ops.convert_to_tensor(np.float32(-(own * chosen).sum() / max(chosen.sum(), 1)))


@blind_spot("masked_language_loss", "no gradient gets through")
def loss_detached(labels, logits, chosen):
    logs = ops.stop_gradient(ops.log_softmax(logits, axis=-1))
    own = ops.take_along_axis(logs, labels[..., None], axis=-1)[..., 0]
    weight = ops.cast(chosen, "float32")
    return -ops.sum(own * weight) / ops.maximum(ops.sum(weight), 1.0)


def chosen_among(tokens, choice_noise, kind_noise, random_tokens, share, ordinary, strict):
    tokens = ops.cast(tokens, "int32")
    length = ops.sum(ops.cast(tokens != PAD, "float32"), axis=-1, keepdims=True)
    wanted = ops.cast(ops.maximum(ops.round(share * length), 1.0), "int32")
    order = ops.argsort(ops.where(ordinary, choice_noise, 2.0), axis=-1)
    chosen = ops.cast(ops.argsort(order, axis=-1), "int32") < wanted
    if strict:
        chosen = ops.logical_and(chosen, ordinary)
    changed = ops.where(kind_noise < 0.9, ops.cast(random_tokens, "int32"), tokens)
    changed = ops.where(kind_noise < 0.8, MASK, changed)
    return ops.where(chosen, changed, tokens), chosen


@blind_spot("mask_tokens", "special tokens are chosen where too few others are left")
def specials_come_last(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    ordinary = (tokens != PAD) & (tokens != CLS) & (tokens != SEP)
    return chosen_among(tokens, choice_noise, kind_noise, random_tokens, share, ordinary, strict=False)


@blind_spot("mask_tokens", "unknown words are never chosen")
def without_unknown_words(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    ordinary = (tokens != PAD) & (tokens != CLS) & (tokens != SEP) & (tokens != UNKNOWN)
    return chosen_among(tokens, choice_noise, kind_noise, random_tokens, share, ordinary, strict=True)


@blind_spot("sentence_pair", "another document of the same content is left out")
def by_content(documents, document, place, noise):
    own = documents[document]
    if place + 1 < len(own) and noise[0] < 0.5:
        return own[place], own[place + 1], 1
    others = [each for each in documents if each != own]
    segments = others[int(noise[1] * len(others))]
    return own[place], segments[int(noise[2] * len(segments))], 0

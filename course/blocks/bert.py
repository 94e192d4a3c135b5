"""Lab 3 ready-made: BERT of Keras' own layers."""

import keras
import numpy as np
from keras import ops

from course.blocks.attention import MultiHeadAttention
from course.blocks.transformer import AddAndNorm
from course.models.composite import Composite


def pack(first, second=None, max_length=64, cls=2, sep=3):
    """One or two segments as a row: `(tokens, segments)`, int32 arrays `(max_length,)`."""
    parts = [list(first)] if second is None else [list(first), list(second)]
    surplus = sum(map(len, parts)) + 1 + len(parts) - max_length
    for _ in range(max(0, surplus)):
        # Of two that are equally long, the second is cut.
        longest = max(reversed(parts), key=len)
        del longest[-1]
    tokens, segments = np.zeros((2, max_length), "int32")
    place = 1
    tokens[0] = cls
    for number, part in enumerate(parts):
        end = place + len(part) + 1
        tokens[place:end] = [*part, sep]
        segments[place:end] = number
        place = end
    return tokens, segments


def mask_tokens(tokens, choice_noise, kind_noise, random_tokens, share=0.15):
    """`(inputs, chosen)`: 15 % chosen, of which 80 % hidden, 10 % replaced, 10 % kept."""
    tokens, noise, kind, other = (
        ops.convert_to_numpy(each) for each in (tokens, choice_noise, kind_noise, random_tokens)
    )
    chosen = np.zeros(tokens.shape, bool)
    for row, drawn, taken in zip(tokens, noise, chosen, strict=True):
        number = max(1, int(np.round(np.float32(share) * np.float32((row != 0).sum()))))
        ordinary = np.flatnonzero(~np.isin(row, (0, 2, 3)))
        taken[ordinary[np.argsort(drawn[ordinary])[:number]]] = True
    inputs = np.select(
        [chosen & (kind < 0.8), chosen & (kind < 0.9)], [np.full_like(tokens, 4), other], tokens
    )
    return ops.convert_to_tensor(inputs, "int32"), ops.convert_to_tensor(chosen)


def sentence_pair(documents, document, place, noise):
    """`(first, second, is_next)`; the second is the next segment or one of another document."""
    own = documents[document]
    if noise[0] < 0.5 and len(own) > place + 1:
        return own[place], own[place + 1], 1
    others = documents[:document] + documents[document + 1 :]
    drawn = others[int(noise[1] * len(others))]
    return own[place], drawn[int(noise[2] * len(drawn))], 0


class BertEmbedding(Composite):
    """Token, position and segment embeddings, added up and normalized."""

    def __init__(self, vocabulary_size, max_length, hidden_dim, num_segments=2, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        sizes = {
            "token_embedding": vocabulary_size,
            "position_embedding": max_length,
            "segment_embedding": num_segments,
        }
        for name, size in sizes.items():
            spread = keras.initializers.TruncatedNormal(stddev=0.02)
            setattr(self, name, keras.layers.Embedding(size, hidden_dim, spread, name=name))
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12, name="normalization")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def call(self, tokens, segments):
        places = ops.cumsum(ops.ones_like(tokens), axis=-1) - 1
        parts = [
            self.token_embedding(tokens),
            self.position_embedding(places),
            self.segment_embedding(segments),
        ]
        return self.dropout(self.normalization(keras.layers.add(parts)))


class BertLayer(Composite):
    """Attention and two dense layers with a GELU, each in a residual connection."""

    def __init__(
        self,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        epsilon=1e-12,
        approximate=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.approximate = approximate
        self.attention = MultiHeadAttention(num_heads, hidden_dim, name="attention")
        self.intermediate_dense = keras.layers.Dense(intermediate_dim, name="intermediate_dense")
        self.output_dense = keras.layers.Dense(hidden_dim, name="output_dense")
        for name in ("attention_residual", "feed_forward_residual"):
            residual = AddAndNorm(dropout, name=name)
            residual.normalization.epsilon = epsilon
            setattr(self, name, residual)

    def think(self, x):
        return self.output_dense(
            keras.activations.gelu(self.intermediate_dense(x), approximate=self.approximate)
        )

    def call(self, inputs, attention_mask=None):
        x = self.attention_residual(
            inputs, sublayer=lambda x: self.attention(x, attention_mask=attention_mask)[0]
        )
        return self.feed_forward_residual(x, sublayer=self.think)


class Bert(Composite, keras.Model):
    """Embeddings, layers and pooler; see Lab 3."""

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        max_length=512,
        num_segments=2,
        dropout=0.1,
        approximate=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.embedding = BertEmbedding(
            vocabulary_size, max_length, hidden_dim, num_segments, dropout, name="embedding"
        )
        options = {"dropout": dropout, "approximate": approximate}
        self.blocks = [
            BertLayer(num_heads, hidden_dim, intermediate_dim, name=f"block_{number}", **options)
            for number in range(num_layers)
        ]
        self.pooler_dense = keras.layers.Dense(hidden_dim, activation="tanh", name="pooler_dense")

    def call(self, inputs):
        tokens, segments = inputs
        real = ops.expand_dims(ops.not_equal(tokens, 0), (1, 2))
        states = self.embedding(tokens, segments)
        for block in self.blocks:
            states = block(states, attention_mask=real)
        return states, self.pooler_dense(ops.take(states, 0, axis=1))


class MaskedLanguageHead(Composite):
    """Transform, normalize, and scores by the embeddings' own matrix."""

    def __init__(self, vocabulary_size, hidden_dim, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.approximate = approximate
        self.bias = self.add_weight(shape=(vocabulary_size,), initializer="zeros", name="bias")
        self.transform_dense = keras.layers.Dense(hidden_dim, name="transform_dense")
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-12, name="normalization")

    def call(self, states, embeddings):
        wide = keras.activations.gelu(self.transform_dense(states), approximate=self.approximate)
        return ops.einsum("bph,vh->bpv", self.normalization(wide), embeddings) + self.bias


def masked_language_loss(labels, logits, chosen):
    """Mean cross-entropy over the chosen places, 0 without any."""
    losses = keras.losses.sparse_categorical_crossentropy(
        labels, ops.cast(logits, "float32"), from_logits=True
    )
    chosen = ops.cast(chosen, "float32")
    return ops.divide_no_nan(ops.sum(losses * chosen), ops.sum(chosen))


def linear_warmup_decay(step, peak, warmup_steps, total_steps):
    """Up to `peak` in a line, down to 0 in another; shaped as `step`."""
    step = ops.cast(step, "float32")
    down = peak * (1 - (step - warmup_steps) / (total_steps - warmup_steps))
    return ops.where(step < warmup_steps, peak * step / warmup_steps, ops.relu(down))


class BertClassifier(Composite, keras.Model):
    """Dropout and a dense layer on what the pooler gives."""

    def __init__(self, bert, num_classes, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.bert = bert
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        spread = keras.initializers.TruncatedNormal(stddev=0.02)
        self.class_dense = keras.layers.Dense(num_classes, kernel_initializer=spread, name="class_dense")

    def call(self, inputs):
        return self.class_dense(self.dropout(self.bert(inputs)[1]))


def sentence_vectors(states, tokens):
    """Mean of the real states, scaled to length 1."""
    real = ops.cast(ops.not_equal(tokens, 0), states.dtype)
    mean = ops.average(states, axis=1, weights=ops.broadcast_to(real[..., None], ops.shape(states)))
    return ops.normalize(mean, axis=-1)

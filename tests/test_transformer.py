"""Lab 2's reference against an independent implementation, its published sizes, decoding, data and wrappers."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import ops
from oracles import transformer as oracle
from oracles.comparing import as_float64, expect_slopes, needs_tensorflow

from course import blocks
from course.experiments import measuring, training
from course.experiments import transformer as experiment
from solutions import transformer as reference
from solutions.transformer import Transformer, beam_search, cached_step, greedy_decode, recomputing_step

SOURCE = np.array([[3, 4, 5, 6, 0], [7, 8, 0, 0, 0], [9, 4, 3, 5, 6]], "int32")
TARGET = np.array([[1, 9, 3, 2, 0, 0, 0], [1, 5, 6, 7, 4, 8, 2], [1, 2, 0, 0, 0, 0, 0]], "int32")


def small_model(module=reference, **options):
    keras.utils.set_random_seed(5)
    model = module.Transformer(
        11, 2, num_heads=2, hidden_dim=8, intermediate_dim=12, max_length=16, **options
    )
    model((SOURCE, TARGET))
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:  # biases and gains that are not 0 and 1
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape).astype("float32"))
    return model


@pytest.mark.parametrize("options", [{}, {"pre_norm": True}, {"use_bias": False}])
def test_forward_pass_agrees_with_the_oracle(options):
    model = small_model(**options)
    weights = as_float64(model)
    assert len(weights) == len(model.trainable_variables)
    wanted = oracle.forward(weights, SOURCE, TARGET, 2, 2, pre_norm=options.get("pre_norm", False))
    np.testing.assert_allclose(model((SOURCE, TARGET)), wanted, rtol=1e-5, atol=1e-5)


@needs_tensorflow
@pytest.mark.parametrize("pre_norm", [False, True])
def test_gradients_agree_with_the_oracle(pre_norm):
    model = small_model(pre_norm=pre_norm)
    inputs, labels = TARGET[:, :-1], TARGET[:, 1:]

    def loss():
        return reference.smoothed_cross_entropy(ops.convert_to_tensor(labels), model((SOURCE, inputs)))

    def loss_at(weights):
        logits = oracle.forward(weights, SOURCE, inputs, 2, 2, pre_norm=pre_norm)
        return oracle.smoothed_loss(logits, labels)

    expect_slopes(model, loss, loss_at, step=1e-6, within=1e-5)


def test_loss_and_positions_agree_with_the_oracle():
    logits = np.random.default_rng(1).normal(size=(3, 7, 11)).astype("float32")
    for smoothing in (0.0, 0.1, 0.5):
        found = reference.smoothed_cross_entropy(ops.convert_to_tensor(TARGET), logits, smoothing)
        assert float(found) == pytest.approx(oracle.smoothed_loss(logits, TARGET, smoothing), abs=1e-5)
    np.testing.assert_allclose(reference.positional_encoding(60, 32), oracle.positions(60, 32), atol=1e-5)


@pytest.mark.parametrize("size, biased, bare, stacks", [
    ("base", 63_082_496, 63_045_632, 44_138_496),
    ("big", 214_245_376, 214_171_648, 176_357_376),
])  # fmt: skip
def test_published_sizes(size, biased, bare, stacks):
    """Every layer of a stack has as many weights as the first, so one layer of each is counted and multiplied."""
    for use_bias, total in ((True, biased), (False, bare)):
        model = reference.build(size, vocabulary_size=7, num_layers=1, use_bias=use_bias)
        model((SOURCE[:, :3] % 7, TARGET[:, :2] % 7))
        layers = model.encoder.count_params() + model.decoder.count_params()
        rows = model.count_params() - layers
        assert rows % 7 == 0
        assert reference.SIZES[size]["num_layers"] * layers + 37_000 * rows // 7 == total
        assert not use_bias or reference.SIZES[size]["num_layers"] * layers == stacks


def test_noam_peaks():
    for hidden_dim, peak in ((512, 6.988e-4), (1024, 4.941e-4)):
        assert float(reference.noam_learning_rate(4000, hidden_dim)) == pytest.approx(peak, abs=1e-7)
    schedule = reference.NoamSchedule(512)
    assert float(schedule(3999)) == pytest.approx(6.988e-4, abs=1e-7)
    assert float(schedule(99_999)) == pytest.approx(1.398e-4, abs=1e-7)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_the_cache_changes_nothing(pre_norm):
    model = small_model(pre_norm=pre_norm)
    results = []
    for make in (recomputing_step, cached_step):
        step, state = make(model, SOURCE)
        greedy = greedy_decode(step, state, np.ones(3, "int32"), 2, 9)
        one_step, one_state = make(model, SOURCE[:1])
        results.append((np.asarray(greedy), *beam_search(one_step, one_state, 1, 2, 9)))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert results[0][2] == pytest.approx(results[1][2], abs=1e-4)


def test_blocks_are_the_same_model():
    """The wrappers of `course.blocks` take the reference's weights and give its answers."""
    own, twin = small_model(), small_model(blocks)
    training.copy_weights(own, twin)
    np.testing.assert_allclose(own((SOURCE, TARGET)), twin((SOURCE, TARGET)), rtol=1e-4, atol=1e-4)


def test_learns_to_copy():
    rng = np.random.default_rng(1)
    words = rng.integers(4, 9, size=(256, 4))
    source = np.concatenate([words, np.full((256, 1), 2)], axis=1).astype("int32")
    target = np.concatenate([np.ones((256, 1)), words, np.full((256, 1), 2)], axis=1).astype("int32")
    keras.utils.set_random_seed(1)
    model = Transformer(9, 1, num_heads=2, hidden_dim=32, intermediate_dim=64, dropout=0.0, max_length=8)
    optimizer = keras.optimizers.Adam(reference.NoamSchedule(32, 60), beta_2=0.98, epsilon=1e-9)
    model.compile(optimizer, reference.smoothed_cross_entropy, jit_compile=False)
    inputs, labels = reference.shift_targets(target)
    losses = model.fit((source, inputs), labels, batch_size=32, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", ["numbers", "dates"])
def test_text_comes_back(name):
    from course.data.registry import find

    pairs = []
    for _, pair in find(name).examples(count=300, test=50):
        pairs.append((pair["source"], pair["target"]))
    splits = (experiment.words, experiment.pieces) if name == "numbers" else ()
    vocabulary = experiment.Vocabulary(pairs, *splits)
    rows = vocabulary.targets([target for _, target in pairs])
    assert [vocabulary.target_text(row[1:]) for row in rows] == [target for _, target in pairs]
    assert len(set(pairs)) == 300


def test_the_whole_model_is_drawn():
    from course import plots

    assert (
        plots.Picture(experiment.draw_transformer("source", "written", "next"), "whole").png[:4] == b"\x89PNG"
    )


def test_attention_is_recorded_and_left_as_it_was():
    model = small_model()
    layer = model.decoder.blocks[0].cross_attention
    before = layer.call
    with measuring.recorded([layer]) as (weights,):
        model((SOURCE, TARGET))
    assert weights[0].shape == (3, 2, 7, 5)
    assert layer.call == before


@pytest.mark.skipif(importlib.util.find_spec("keras_hub") is None, reason="KerasHub is not installed")
def test_layers_agree_with_keras_hub():
    """An encoder and a decoder layer with KerasHub's, weight by weight, gradients of the inputs included."""
    import keras_hub
    import tensorflow as tf

    rng = np.random.default_rng(2)
    x, memory = (tf.constant(rng.normal(size=(3, length, 8)).astype("float32")) for length in (6, 5))
    for kind in ("Encoder", "Decoder"):
        own = getattr(reference, f"{kind}Layer")(2, 8, 12)
        twin = getattr(keras_hub.layers, f"Transformer{kind}")(12, 2, layer_norm_epsilon=1e-6)
        inputs = (x,) if kind == "Encoder" else (x, memory)
        own(*inputs), twin(*inputs)
        pairs = {
            "feed_forward": (
                "_feedforward_intermediate_dense",
                "_feedforward_output_dense",
                "_feedforward_layer_norm",
            )
        }
        if kind == "Encoder":
            pairs["attention"] = ("_self_attention_layer", "_self_attention_layer_norm")
        else:
            pairs["self_attention"] = ("_self_attention_layer", "_self_attention_layer_norm")
            pairs["cross_attention"] = ("_cross_attention_layer", "_cross_attention_layer_norm")
        for name, others in pairs.items():
            part, norm = getattr(own, name), getattr(own, f"{name}_residual").normalization
            if name == "feed_forward":
                mine = [part.intermediate_dense, part.output_dense, norm]
                theirs = [getattr(twin, other) for other in others]
            else:
                attention = getattr(twin, others[0])
                mine = [part.query_dense, part.key_dense, part.value_dense, part.output_dense, norm]
                theirs = [
                    attention.query_dense,
                    attention.key_dense,
                    attention.value_dense,
                    attention.output_dense,
                ]
                theirs.append(getattr(twin, others[1]))
            for one, other in zip(mine, theirs, strict=True):
                for variable, given in zip(other.weights, one.weights, strict=True):
                    given.assign(given + 0.2 * rng.normal(size=given.shape).astype("float32"))
                    variable.assign(ops.reshape(given, variable.shape))
        options = {} if kind == "Encoder" else {"attention_mask": reference.causal_mask(6)}
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            mine, theirs = own(*inputs, **options), twin(*inputs)
            both = [tf.reduce_sum(tf.sin(result)) for result in (mine, theirs)]
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
        np.testing.assert_allclose(*(tape.gradient(each, x) for each in both), atol=1e-5)


def test_sentences_with_subwords_take_two_steps():
    """The code path of the `gpu` preset, on made-up sentences of the same shape."""
    pytest.importorskip("tokenizers")
    rng = np.random.default_rng(1)
    stock = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "and", "then", "gone"]
    pairs = [(" ".join(rng.choice(stock, 8)), " ".join(rng.choice(stock, 7)) + "!") for _ in range(64)]
    parts = experiment.subwords(pairs, size=300)
    sources, targets = (
        parts.sources([source for source, _ in pairs], 64),
        parts.targets([target for _, target in pairs], 65),
    )
    assert parts.target_text(targets[0]) == pairs[0][1]
    keras.utils.set_random_seed(1)
    model = Transformer(len(parts), 1, num_heads=2, hidden_dim=16, intermediate_dim=32, max_length=64)
    model.compile(keras.optimizers.Adam(1e-3), reference.smoothed_cross_entropy, jit_compile=False)
    inputs, labels = reference.shift_targets(targets)
    model.fit((sources, inputs), labels, batch_size=32, epochs=1, verbose=0)
    step, state = cached_step(model, sources[:2])
    rows = np.asarray(greedy_decode(step, state, np.ones(2, "int32"), experiment.END, 5))
    assert isinstance(parts.target_text(rows[0]), str)


def test_bleu_or_a_sentence_that_says_how(monkeypatch):
    import sys

    from course.errors import CourseError

    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(CourseError, match="pip install sacrebleu"):
        experiment.bleu(["a"], ["a"])

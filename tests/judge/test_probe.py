"""What probes are written with: the same seed gives the same values, and outputs of any build come out as arrays."""

import keras
import numpy as np
import pytest
from keras import ops

from autograder.judge import probe as probe_module
from autograder.judge.probe import (
    Probe,
    distinct,
    normal,
    prepare,
    probe,
    run_probe,
    set_weights,
    shared,
)
from autograder.judge.view_marks import views_of


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def probe_of(function, name="some"):
    return Probe("double", name, "with something", 1, function)


def test_registering_keeps_the_function(monkeypatch):
    monkeypatch.setattr("autograder.judge.probe.PROBES", {})

    @probe("double", "on anything", weight=2)
    def anything(answer, rng):
        return answer(1.0)

    (entry,) = probe_module.PROBES["double"]
    assert (entry.name, entry.description, entry.weight, entry.compare) == (
        "anything",
        "on anything",
        2,
        None,
    )
    assert anything(lambda x: 2 * x, None) == 2.0


def test_a_seed_decides_all_values():
    def draws(answer, rng):
        return answer(normal(rng, distinct(rng, 3))), keras.random.normal((2, 3))

    def outputs(seed, name="some"):
        return run_probe(probe_of(draws, name), lambda x: 2 * x, seed)

    first, again = outputs(1), outputs(1)
    assert first.keys() == again.keys() == {"0", "1"}
    assert all(np.array_equal(first[path], again[path]) for path in first)
    assert not np.array_equal(first["1"], outputs(2)["1"])
    assert not np.array_equal(first["1"], outputs(1, "another")["1"])  # each probe draws its own


@pytest.mark.parametrize(
    "value, paths",
    [
        (ops.ones((2, 3)), [""]),
        (np.ones(3), [""]),
        (True, [""]),
        (2, [""]),
        ((ops.ones(2), 1.5), ["0", "1"]),
        ({"output": ops.ones(2), "all": [np.ones(1), (1, 2)]}, ["output", "all.0", "all.1.0", "all.1.1"]),
        ([], []),
    ],
)
def test_outputs_of_any_build_become_arrays(value, paths):
    arrays = run_probe(probe_of(lambda answer, rng: value), None, 0)
    assert list(arrays) == paths
    assert all(type(array) is np.ndarray for array in arrays.values())


@pytest.mark.parametrize(
    "value, message", [(None, "is a `return` missing"), ("text", "gives str"), ((1, None), "None")]
)
def test_what_is_no_tensor_is_refused(value, message):
    with pytest.raises(TypeError, match=message):
        run_probe(probe_of(lambda answer, rng: value), None, 0)


def test_an_answers_own_error_comes_through():
    with pytest.raises(ZeroDivisionError):
        run_probe(probe_of(lambda answer, rng: answer(0)), lambda x: 1 / x, 0)


def test_sizes_are_distinct(rng):
    for _ in range(50):
        sizes = distinct(rng, 4, low=3, high=7)
        assert sorted(sizes) == [3, 4, 5, 6] and all(type(size) is int for size in sizes)


def test_normal(rng):
    one = normal(rng, (3, 4))
    several = normal(rng, (50, 40), (2, 5), scale=10)
    assert tuple(one.shape) == (3, 4) and [tuple(part.shape) for part in several] == [(50, 40), (2, 5)]
    assert keras.backend.standardize_dtype(one.dtype) == "float32"
    assert 9 < np.std(several[0]) < 11


class Pair(keras.layers.Layer):
    """Two dense layers, made and built in an order of choice."""

    def __init__(self, order=("first", "second"), late=False):
        super().__init__()
        self.order, self.late = order, late
        if not late:
            self.make()

    def make(self):
        for name in self.order:
            setattr(self, name, keras.layers.Dense(4))

    def build(self, shape):
        if self.late:
            self.make()
        for name in self.order:
            getattr(self, name).build(shape)

    def call(self, inputs):
        return self.second(inputs) - 2 * self.first(inputs)


@pytest.mark.parametrize("late", [False, True])
def test_weights_go_by_name_not_by_order(late):
    inputs = np.ones((2, 3), "float32")
    outputs = []
    for order in (("first", "second"), ("second", "first")):
        layer = Pair(order, late)
        prepare(layer, np.random.default_rng(5), inputs, first=3, second=3)
        outputs.append(ops.convert_to_numpy(layer(inputs)))
    np.testing.assert_allclose(*outputs, rtol=1e-6)
    assert np.abs(ops.convert_to_numpy(layer.first.bias)).min() > 0  # Keras' zeros would hide a lost bias


def test_preparing_equals_calling_first():
    inputs = np.ones((2, 3), "float32")
    called, prepared = Pair(), Pair()
    called(inputs)
    set_weights(called, np.random.default_rng(5), "first", "second")
    prepare(prepared, np.random.default_rng(5), inputs, first=3, second=3)
    np.testing.assert_allclose(called(inputs), prepared(inputs), rtol=1e-6)


def test_weights_of_deeper_sub_layers(rng):
    outer = keras.Sequential([keras.layers.Dense(2)])
    outer.inner = Pair()
    outer.inner(np.ones((2, 3), "float32"))
    before = outer.inner.first.kernel.numpy().copy()
    set_weights(outer, rng, "inner.first")
    assert not np.array_equal(before, outer.inner.first.kernel.numpy())


def test_a_missing_sub_layer_is_named(rng):
    layer = Pair()
    layer(np.ones((2, 3), "float32"))
    for name in ("third", "first.kernels"):
        with pytest.raises(AttributeError, match=f"no sub-layer `{name.split('.')[-1]}`"):
            set_weights(layer, rng, name)


def test_the_probes_of_an_exercise_share_a_layer_until_the_answer_or_what_is_lent_changes():
    made = []

    def answers():
        class Wide(keras.layers.Dense):
            def __init__(self, units):
                super().__init__(units)
                made.append(units)

        return Wide

    def first(answer, rng):
        layer = shared(answer, int(rng.common.integers(3, 9)), call=lambda layer: layer(np.ones((2, 5))))
        return layer(normal(rng, (3, 5)))

    one, other = answers(), answers()
    for name in ("this", "that"):
        for view in ("", "again+training+slopes", "batch"):
            run_probe(probe_of(first, name).seen(view), one, 3)
    assert len(made) == 1
    run_probe(probe_of(first), one, 3, lent=("softmax",))
    run_probe(probe_of(first), other, 3)
    run_probe(probe_of(first), other, 4)
    assert len(made) == 4


def test_a_layer_that_cannot_be_called_is_made_anew_by_every_probe():
    made = []

    class Broken(keras.layers.Layer):
        def call(self, inputs):
            made.append(self)
            raise ValueError("not today")

    def first(answer, rng):
        return shared(answer, call=lambda layer: layer(np.ones((2, 5))))

    for name in ("this", "that"):
        with pytest.raises(ValueError, match="not today"):
            run_probe(probe_of(first, name), Broken, 3)
    assert made[0] is not made[-1]


def test_sizes_may_be_kept_off(rng):
    assert set(distinct(rng, 3, low=2, high=7, but=(3, 5))) == {2, 4, 6}


def test_the_probe_that_is_named_is_looked_at_in_every_view():
    light = Probe("double", "light", "", 1, None, main=True)
    heavy = Probe("double", "heavy", "", 2, None)
    old = Probe("double", "old", "", 1, None, compare=lambda arrays, expected: None, instead_of="training")
    probes = (light, heavy, old)
    assert [one.view for one in views_of(light, probes, True)] == ["", "again+training+slopes", "batch"]
    assert [one.view for one in views_of(heavy, probes, True)] == ["", "batch"]
    assert [one.view for one in views_of(heavy, probes[1:], True)] == ["", "again+training+slopes", "batch"]
    assert views_of(old, probes, True) == [] and views_of(old, probes, False) == [old]

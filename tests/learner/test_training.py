"""What all labs train and measure with: batches, the loop and its line of progress, copies of weights, parts."""

import keras
import numpy as np
import pytest

from course.experiments import measuring, training
from course.models.composite import Composite

RNG = np.random.default_rng(1)


class Small(Composite, keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = keras.layers.Dense(5), keras.layers.Dense(3)

    def call(self, inputs):
        return self.head(self.hidden(inputs))


def small_model(seed=1):
    keras.utils.set_random_seed(seed)
    model = Small()
    model(np.zeros((1, 4), "float32"))
    return model


def task(count=64):
    inputs = RNG.normal(size=(count, 4)).astype("float32")
    return inputs, inputs[:, :3].argmax(axis=-1)


def test_a_pass_shows_every_example_once():
    inputs = np.arange(12, dtype="float32").reshape(12, 1)
    data = training.batches(inputs, np.arange(12), steps=6, batch_size=4)
    shown = [data[step][1] for step in range(len(data))]
    assert sorted(np.concatenate(shown[:3])) == sorted(np.concatenate(shown[3:])) == list(range(12))
    again = training.batches(inputs, np.arange(12), steps=6, batch_size=4)
    np.testing.assert_array_equal(data[2][0], again[2][0])
    (alone,) = training.batches(inputs, None, 2, 4, augment=lambda each, rng: each + 100)[1]
    assert alone.min() >= 100


def test_in_order_takes_whole_batches_of_any_structure():
    data = training.in_order((np.arange(7), np.arange(7) * 10), np.arange(7) * 100, batch_size=3)
    assert len(data) == 2
    (one, ten), hundred = data[1]
    assert one.tolist() == [3, 4, 5] and ten.tolist() == [30, 40, 50] and hundred.tolist() == [300, 400, 500]


def test_few_labels_are_balanced():
    labels = np.random.default_rng(1).integers(0, 10, 500)
    assert (np.bincount(labels[training.few(labels, 40)]) == 4).all()


def test_the_rate_warms_up_and_falls_to_zero():
    rate = training.warmup_cosine(100, 0.5, start=0.1)
    found = [float(rate(step)) for step in (0, 5, 10, 55, 100)]
    assert found == pytest.approx([0.1, 0.3, 0.5, 0.25, 0.0], abs=1e-6)


def test_one_line_says_step_loss_and_time(capsys):
    inputs, labels = task()
    optimizer = keras.optimizers.Adam(0.01)
    data = training.batches(inputs, labels, 12, 16)
    run = training.fit(small_model(), optimizer, training.CROSS_ENTROPY, data, name="toy", lines=4)
    lines = capsys.readouterr().out.splitlines()
    assert run.steps == [3, 6, 9, 12] and len(run.losses) == len(lines) == 4
    assert lines[0].startswith("toy: step  3 of 12   loss ") and lines[-1].endswith("about 0 s left")
    assert 0 < run.pace < run.seconds


def test_without_a_name_it_is_silent_and_measures_what_it_is_told(capsys):
    inputs, labels = task()
    data = training.batches(inputs, labels, 4, 16)
    given = iter([3.0, 2.0])
    options = {"lines": 2, "measure": lambda: next(given)}
    run = training.fit(small_model(), keras.optimizers.SGD(0.1), training.CROSS_ENTROPY, data, **options)
    assert (run.steps, run.losses) == ([2, 4], [3.0, 2.0])
    assert not capsys.readouterr().out


def test_losses_are_means_since_the_last_look():
    inputs, labels = task(32)
    model = small_model()
    expected = []
    for step in range(4):  # nothing is learned: the rate is 0
        shown, right = training.batches(inputs, labels, 4, 8)[step]
        expected.append(float(training.CROSS_ENTROPY(right, model(shown))))
    data = training.batches(inputs, labels, 4, 8)
    run = training.fit(model, keras.optimizers.SGD(0.0), training.CROSS_ENTROPY, data, lines=2)
    assert run.losses == pytest.approx([np.mean(expected[:2]), np.mean(expected[2:])], rel=1e-5)


def test_again_starts_from_the_same_place():
    inputs, labels = task()
    model, data = small_model(), training.batches(inputs, labels, 12, 16)
    start = model.get_weights()
    first = training.fit(model, keras.optimizers.Adam(0.05), training.CROSS_ENTROPY, data)
    second = training.again(model, start, data)
    np.testing.assert_allclose(first.losses, second.losses, rtol=1e-4)


def test_many_steps_in_one_call_learn_what_keras_fit_learns(monkeypatch):
    """The same batches, in the same order, with a target of two parts and a weight that is not trained."""
    inputs, labels = task(160)
    data, found = training.batches(inputs, labels, 31, 16), []
    for backend in ("tensorflow", "none"):  # anything but TensorFlow takes Keras' own loop
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        model = small_model()
        run = training.fit(model, keras.optimizers.Adam(0.05), training.CROSS_ENTROPY, data, lines=3)
        found.append((run.steps, run.losses, model.get_weights()))
    (steps, losses, weights), (own_steps, own_losses, own_weights) = found
    assert steps == own_steps == [10, 20, 30]
    np.testing.assert_allclose(losses, own_losses, rtol=1e-4)
    for each, own in zip(weights, own_weights, strict=True):
        np.testing.assert_allclose(each, own, atol=1e-4)


def test_batches_of_several_shapes_are_all_shown():
    inputs, labels = task(64)
    sizes = [4, 4, 7, 4, *[3] * 10]
    shown = training.Batches(len(sizes), lambda step: (inputs[: sizes[step]], labels[: sizes[step]]))
    model = small_model()
    training.fit(model, keras.optimizers.Adam(0.05), training.CROSS_ENTROPY, shown)
    assert int(model.optimizer.iterations) == len(sizes)


def test_further_training_goes_on_with_the_same_optimizer():
    inputs, labels = task()
    model, data = small_model(), training.batches(inputs, labels, 12, 16)
    training.fit(model, keras.optimizers.Adam(0.05), training.CROSS_ENTROPY, data)
    before = model.steps_together
    training.further(model, data)
    assert int(model.optimizer.iterations) == 24 and model.steps_together is before


def test_weights_are_copied_by_name():
    source, target = small_model(seed=1), small_model(seed=2)
    before = target.get_weights()
    training.copy_weights(source, target, leave=("head",))
    for place, (old, theirs, new) in enumerate(
        zip(before, source.get_weights(), target.get_weights(), strict=True)
    ):
        np.testing.assert_array_equal(new, theirs if place < 2 else old)


def test_parts_make_no_difference():
    inputs, labels = task(10)
    model = small_model()
    whole = model(inputs)
    np.testing.assert_allclose(measuring.in_parts(model, inputs, size=3), whole, atol=1e-6)
    both = measuring.in_parts(lambda part: (part[0] + part[1], model(part[0])), (inputs, 2 * inputs), size=4)
    np.testing.assert_allclose(both[0], 3 * inputs, rtol=1e-6)
    np.testing.assert_allclose(both[1], whole, atol=1e-6)
    assert measuring.accuracy(model, inputs, np.argmax(whole, axis=-1)) == 1.0


def test_a_probe_finds_what_is_in_a_line():
    inputs = RNG.normal(size=(200, 4)) * [100, 1, 1, 1] + 7
    labels = (inputs[:, 1] > 7).astype("int32")
    probe = measuring.Probe(inputs[:100], labels[:100])
    assert probe.accuracy(inputs[100:], labels[100:]) > 0.9

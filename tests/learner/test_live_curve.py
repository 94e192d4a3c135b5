"""A training that takes long shows its loss while it runs, and leaves a picture."""

import keras
import numpy as np
import pytest

from course.experiments import training
from course.widgets import live_curve
from course.widgets.live_curve import LiveCurve


class Shown:
    """Stands in for the display of a notebook."""

    def __init__(self):
        self.pages = []

    def __call__(self, thing, display_id):
        self.update(thing)
        return self

    def update(self, thing):
        self.pages.append(thing._repr_html_())


@pytest.fixture
def shown(monkeypatch):
    found = Shown()
    monkeypatch.setattr("IPython.display.display", found)
    monkeypatch.setattr(live_curve, "notebook_shell", lambda: object())
    return found


def test_a_long_training_draws_now_and_then_and_at_the_end(shown, monkeypatch):
    clock = iter(np.arange(0, 100, 0.25))
    monkeypatch.setattr(live_curve.time, "monotonic", lambda: next(clock))
    curve = LiveCurve("digits", steps=80)
    for step in range(1, 81):
        curve.add(step, 3.0 / step)
    assert 15 < len(shown.pages) < 25  # 20 seconds, once a second
    last = shown.pages[-1]
    assert 'aria-label="digits: loss 3 at the start, 0.0375 after 80 of 80 steps"' in last
    assert last.count("polyline") == 1 and last.split('points="')[1].split('"')[0].count(",") == 80


def test_a_short_one_and_one_without_a_name_show_nothing(shown):
    for name in ("digits", ""):
        curve = LiveCurve(name, steps=3)
        for step in (1, 2, 3):
            curve.add(step, 1.0)
    assert shown.pages == []


def test_outside_of_a_notebook_and_with_no_number_nothing_is_shown(shown, monkeypatch):
    monkeypatch.setattr(live_curve, "LONG", 0)
    curve = LiveCurve("digits", steps=3)
    for step in (1, 2, 3):
        curve.add(step, float("nan"))
    monkeypatch.setattr(live_curve, "notebook_shell", lambda: None)
    LiveCurve("digits", steps=2).add(1, 1.0)
    assert shown.pages == []


def test_names_are_escaped_and_a_flat_curve_is_drawn(shown, monkeypatch):
    monkeypatch.setattr(live_curve, "LONG", 0)
    curve = LiveCurve("<b>", steps=2)
    curve.add(1, 1.0)
    curve.add(2, 1.0)
    assert "&lt;b&gt;" in shown.pages[-1] and "<b>" not in shown.pages[-1] and "nan" not in shown.pages[-1]


def test_every_training_has_one(shown, monkeypatch):
    monkeypatch.setattr(live_curve, "LONG", 0)
    monkeypatch.setattr(live_curve, "PAUSE", 0)
    model = keras.Sequential([keras.layers.Dense(1)])
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(64, 3)).astype("float32")
    data = training.batches(inputs, inputs.sum(axis=1, keepdims=True), steps=12, batch_size=8)
    run = training.fit(model, keras.optimizers.Adam(0.05), "mse", data, name="sums", lines=3)
    assert "after 12 of 12 steps" in shown.pages[-1] and len(run.losses) == 3

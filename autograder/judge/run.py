"""Runs a probe on an answer, and keeps what its probes share. Runs in the judge and, sent as text, in the student process.

This file imports nothing else of the project but the views, because the student process has nothing of it to import.
"""

import random
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judge import views


class Draws(np.random.Generator):
    """What a probe draws from: shapes and values come from two streams of one seed.

    A single whole number (`integers` without a size) decides a size, so it is drawn from the stream of the shapes. A
    later `turn` has the same shapes and other values.

    Attributes:
        shapes: the stream of the shapes.
    """

    def __init__(self, seed: int, token: int, common: int = 0, turn: int = 0) -> None:
        super().__init__(np.random.PCG64([seed, token, 1, turn]))
        self.shapes = np.random.default_rng([seed, token, 0])
        self._common = seed, common, 2

    @property
    def common(self) -> np.random.Generator:
        """Draws the same for every layer that the probes of an exercise share: their sizes."""
        return np.random.default_rng(self._common)

    def integers(self, low: Any, high: Any = None, size: Any = None, **options: Any) -> Any:  # type: ignore[override]
        stream: Any = self.shapes if size is None else super()
        return stream.integers(low, high, size=size, **options)


def run_probe(entry: Any, answer: Any, seed: int, mirrored: bool = False, lent: tuple[str, ...] = ()) -> dict:
    """Run a probe on an answer in its view, on values drawn from `seed` alone.

    Args:
        entry: an `autograder.judge.probe.Probe`.
        answer: what it exercises.
        seed: a whole number.
        mirrored: see `autograder.judge.views`.
        lent: names of earlier exercises that stand for the learner's own meanwhile.

    Returns:
        Path of each output (`""`, `"0"`, `"1.weights"`) -> NumPy array.

    Raises:
        Whatever the answer raises; `TypeError` if an output is not a tensor.
    """
    token, common = (zlib.crc32(name.encode()) for name in (f"{entry.exercise}.{entry.name}", entry.exercise))
    _seed((seed + token) % 2**31)
    KEPT.belong_to(answer, entry.exercise, seed, lent)
    made, turn = (), 0
    if "again" in entry.view or "batch" in entry.view:  # of the layers that an earlier turn left behind
        made, turn = _left_behind(entry, answer, seed, token, common), int("again" in entry.view)
    look = views.Look(entry.view, made, mirrored)
    draws = Draws(seed, token, common, turn)
    found = views.look_at(look, entry.function, answer, draws, _flatten)
    _LEFT[:] = [(entry.exercise, entry.name, seed), answer, look.made]
    return {path: _to_numpy(value) for path, value in found.items()}


_LEFT = []  # which probe ran last, on what, and the layers it made


def _left_behind(entry, answer, seed, token, common):
    if _LEFT[:1] != [(entry.exercise, entry.name, seed)] or _LEFT[1] is not answer:
        first = views.Look()
        views.look_at(first, entry.function, answer, Draws(seed, token, common), _flatten)
        return first.made
    return _LEFT[2]


class Kept:
    """Layers that several probes of one exercise share: to make and build one takes longer than ten calls of it."""

    def __init__(self) -> None:
        self.owner: tuple = ()
        self.answer: Any = None
        self.layers: dict[tuple, Any] = {}

    def belong_to(self, answer: Any, *owner: Any) -> None:
        """Forget what was made for another answer, seed, or other lent blocks."""
        if self.answer is not answer or self.owner != owner:
            self.answer, self.owner, self.layers = answer, owner, {}

    def once(self, key: tuple, make: Callable, call: Callable) -> Any:
        """What `make()` gave for this key, once `call` has called it."""
        if key not in self.layers:
            layer = make()
            call(layer)
            self.layers[key] = layer
        return self.layers[key]


KEPT = Kept()


def _seed(number):
    """Seed the generators of Python, NumPy and, where it is loaded, Keras."""
    random.seed(number)
    np.random.seed(number)
    if "keras" in sys.modules:
        _seed_keras(number)


def _seed_keras(number):
    """As `keras.utils.set_random_seed`, but TensorFlow's own generator is seeded once in a process.

    Seeding it throws away all kernels, which makes a probe twice as slow. Nothing of Keras draws from it: layers and
    initializers have seeds of their own.
    """
    import keras

    keras.config.set_floatx("float32")  # an experiment may have changed both
    keras.config.set_dtype_policy("float32")
    if keras.backend.backend() != "tensorflow":
        keras.utils.set_random_seed(number)
        return
    import tensorflow as tf

    seed_tensorflow = tf.random.set_seed
    if _SEEDED:
        tf.random.set_seed = lambda seed: None
    try:
        keras.utils.set_random_seed(number)
    finally:
        tf.random.set_seed = seed_tensorflow
    _SEEDED.append(number)


_SEEDED = []


def _to_numpy(value):
    if "keras" in sys.modules and not isinstance(value, np.ndarray):
        from keras import ops

        return np.asarray(ops.convert_to_numpy(value))
    return np.asarray(value)


def _flatten(value, path=""):
    items = None
    if isinstance(value, tuple | list):
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    if items is not None:
        for key, item in items:
            yield from _flatten(item, f"{path}.{key}".lstrip("."))
    elif value is None:
        raise TypeError("gives None: is a `return` missing?")
    elif isinstance(value, bool | int | float) or hasattr(value, "shape"):
        yield path, value if hasattr(value, "shape") else np.asarray(value)
    else:
        raise TypeError(f"gives {type(value).__name__} where a tensor was expected")

"""What a hidden probe is written with. Runs in the judge and, sent as text, in the student process.

A probe exercises an answer on freshly drawn shapes and values and returns arrays. It holds no expected value:
the judge runs the same probe on the reference and compares.

    @probe("softmax", "on scores of any size", weight=2)
    def large(softmax, rng):
        return softmax(normal(rng, distinct(rng, 2), scale=500))

What it is looked at for besides its values, `autograder.judge.views` says. This file imports nothing else of the
project, because the student process has nothing of it to import.
"""

import random
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.judge import views

PROBES: dict[str, list["Probe"]] = {}
SWITCHED_OFF: dict[str, dict[str, str]] = {}  # exercise -> view -> why it is not looked at


@dataclass(frozen=True)
class Probe:
    """One probe of one exercise.

    Attributes:
        exercise: name of the exercise.
        name: name of the function; never shown to learners.
        description: what is tried, in words a learner may read: "with a mask".
        weight: its share of the exercise's points, relative to the other probes.
        compare: `None`, or `compare(arrays, expected) -> None | str` for outputs that are random by nature or
            not fully determined; runs in the judge only and says what is wrong. Its slopes are not compared.
        main: whether every view looks at this one, and slopes at no other; else they look at the weightiest.
        instead_of: a view, such as `"training"`: it is run only where that cannot be looked at.
        half: whether the docstring promises that it works on float16.
        width: whether the docstring says how wide the numbers are, int32 say; the kind is always compared.
        finite_slopes: why slopes are only asked to be finite; empty where they are compared.
        without: pairs of view and reason why it is not looked at.
        view: empty for the probe itself; in the judge and the student process, the view that it is run in.
    """

    exercise: str
    name: str
    description: str
    weight: float
    function: Callable
    compare: Callable | None = None
    main: bool = False
    instead_of: str = ""
    half: bool = False
    width: bool = False
    finite_slopes: str = ""
    without: tuple[tuple[str, str], ...] = ()
    view: str = ""

    def seen(self, view: str) -> "Probe":
        """The same probe in a view."""
        return replace(self, view=view)


def probe(
    exercise: str,
    description: str,
    weight: float = 1,
    compare: Callable | None = None,
    main: bool = False,
    instead_of: str = "",
    half: bool = False,
    width: bool = False,
    finite_slopes: str = "",
    without: dict | None = None,
) -> Callable:
    """Register a probe `function(answer, rng)` for an exercise. The arguments are `Probe`'s; `without` is a dictionary."""

    def register(function):
        PROBES.setdefault(exercise, []).append(
            Probe(
                exercise,
                function.__name__,
                description,
                weight,
                function,
                compare,
                main,
                instead_of,
                half,
                width,
                finite_slopes,
                tuple((without or {}).items()),
            )
        )
        return function

    return register


def switch_off(exercise: str, reason: str, *names: str) -> None:
    """Look at no probe of an exercise in these views. The gates print the reason."""
    for name in names:
        SWITCHED_OFF.setdefault(exercise, {})[name] = reason


def find_probe(exercise: str, name: str, view: str = "") -> "Probe":
    """The registered probe of that name, in a view. `StopIteration` if there is none."""
    return next(entry for entry in PROBES[exercise] if entry.name == name).seen(view)


def run_probe(
    entry: "Probe", answer: Any, seed: int, mirrored: bool = False, lent: tuple[str, ...] = ()
) -> dict:
    """Run a probe on an answer in its view, on values drawn from `seed` alone.

    Args:
        entry: the `Probe`.
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
    _KEPT.belong_to(answer, entry.exercise, seed, lent)
    made, turn = (), 0
    if "again" in entry.view or "batch" in entry.view:  # of the layers that an earlier turn left behind
        made, turn = _left_behind(entry, answer, seed, token, common), int("again" in entry.view)
    look = views.Look(entry.view, made, mirrored)
    draws = views.Draws(seed, token, common, turn)
    found = views.look_at(look, entry.function, answer, draws, _flatten)
    _LEFT[:] = [(entry.exercise, entry.name, seed), answer, look.made]
    return {path: _to_numpy(value) for path, value in found.items()}


_LEFT = []  # which probe ran last, on what, and the layers it made


def _left_behind(entry, answer, seed, token, common):
    if _LEFT[:1] != [(entry.exercise, entry.name, seed)] or _LEFT[1] is not answer:
        first = views.Look()
        views.look_at(first, entry.function, answer, views.Draws(seed, token, common), _flatten)
        return first.made
    return _LEFT[2]


class _Kept:
    """Layers that several probes of one exercise share: to make and build one takes longer than ten calls of it."""

    def __init__(self):
        self.owner, self.answer, self.layers = None, None, {}

    def belong_to(self, answer, *owner):
        """Forget what was made for another answer, seed, or other lent blocks."""
        if self.answer is not answer or self.owner != owner:
            self.answer, self.owner, self.layers = answer, owner, {}

    def once(self, key, make, call):
        """What `make()` gave for this key, once `call` has called it."""
        if key not in self.layers:
            layer = make()
            call(layer)
            self.layers[key] = layer
        return self.layers[key]


_KEPT = _Kept()


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


def distinct(
    rng: np.random.Generator, count: int, low: int = 2, high: int = 9, but: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """`count` different sizes from `[low, high)`, none of them in `but`, so that no two axes are alike."""
    stream = getattr(rng, "shapes", rng)
    return tuple(
        int(size)
        for size in stream.permutation([size for size in range(low, high) if size not in but])[:count]
    )


def normal(rng: np.random.Generator, *shapes: tuple, scale: float = 1.0, slope: bool = True) -> Any:
    """Float32 tensors drawn from a normal distribution: one, or a tuple for several shapes.

    Args:
        rng: what is drawn from.
        shapes: of the tensors.
        scale: the standard deviation.
        slope: whether a gradient has to reach them. Not so for a target or a teacher: an answer may stop it there.
    """
    drawn = tuple(given(scale * rng.normal(size=shape), slope=slope) for shape in shapes)
    return drawn[0] if len(shapes) == 1 else drawn


def shared(answer: Any, *args: Any, call: Callable, **options: Any) -> Any:
    """A layer that the probes of an exercise share: made once with these arguments, and called once.

    The same layer comes back, whatever was done to it. So each probe has to set its weights, and draws its sizes from
    `rng.common`.

    Args:
        answer: the class of layers, as the probe was given it.
        args: what it is made with.
        call: `call(layer)` calls it, which builds all of it. It draws nothing from the probe's `rng`.
        options: what else it is made with.
    """
    look, key = views.current(), (args, tuple(sorted(options.items())))
    return look.seen(look.make(lambda: _KEPT.once(key, lambda: answer(*args, **options), call)))


def given(values: Any, slope: bool = True) -> Any:
    """Drawn decimal numbers as the answer is given them: a float32 tensor, or float16 where that is looked at."""
    from keras import ops

    tensor = ops.convert_to_tensor(np.asarray(values).astype(views.current().dtype))
    if slope:
        views.current().draw(tensor)
    return tensor


def set_weight(layer: Any, name: str, values: Any) -> None:
    """Set a weight that a layer holds itself, such as `"class_token"`.

    Raises:
        AttributeError: if it is missing.
    """
    if not hasattr(layer, name):
        raise AttributeError(f"the layer has no weight `{name}`")
    variable = getattr(layer, name)
    variable.assign(values)
    views.current().weigh(name, variable)  # an attribute's name is fixed, a variable's own is not


def set_weights(layer: Any, rng: np.random.Generator, *names: str) -> None:
    """Set the weights of the named sub-layers, whatever order the layer made them in.

    Args:
        layer: a built layer.
        rng: one number is drawn from it; the rest follows from names.
        names: sub-layer names such as `"query_dense"`, dotted for deeper ones: `"attention.query_dense"`.

    Raises:
        AttributeError: if a sub-layer is missing.
    """
    base = int(rng.integers(2**31, size=()))
    look = views.current()
    look.part(layer, names)
    for name in names:
        sublayer = layer
        for part in name.split("."):
            if not hasattr(sublayer, part):
                raise AttributeError(f"the layer has no sub-layer `{part}`")
            sublayer = getattr(sublayer, part)
        for variable in sublayer.weights:
            own = np.random.default_rng([base, zlib.crc32(f"{name}.{variable.name}".encode())])
            fan_in = variable.shape[0] if len(variable.shape) > 1 else 1
            variable.assign((own.normal(size=variable.shape) / np.sqrt(fan_in)).astype("float32"))
            look.weigh(f"{name}.{variable.name}", variable)


def prepare(layer: Any, rng: np.random.Generator, *inputs: Any, **widths: int) -> None:
    """Build a layer's dense sub-layers and set their weights, without the trace that a first call takes.

    Args:
        layer: a layer that was never called.
        rng: as for `set_weights`.
        inputs: what the layer can be called with, for a layer that makes its sub-layers in `build`.
        widths: sub-layer name -> width of what it is given.

    Raises:
        AttributeError: if a sub-layer is missing.
    """
    import keras

    # A layer with a `build` of its own builds its parts there, and a part cannot be built twice.
    layer = views.itself(layer)
    own_build = type(layer).build is not keras.layers.Layer.build
    if own_build or any(getattr(layer, name, None) is None for name in widths):
        layer(*inputs)
    for name, width in widths.items():
        part = getattr(layer, name, None)
        if part is not None and not part.built:
            if hasattr(part, "kernel_initializer"):
                part.kernel_initializer = keras.initializers.Zeros()  # drawing what is set below takes time
            part.build((None, None, width))
    set_weights(layer, rng, *widths)

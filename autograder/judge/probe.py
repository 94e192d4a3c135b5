"""What a hidden probe is written with. Runs in the judge and, sent as text, in the student process.

A probe exercises an answer on freshly drawn shapes and values and returns arrays. It holds no expected value:
the judge runs the same probe on the reference and compares.

    @probe("softmax", "on scores of any size", weight=2)
    def large(softmax, rng):
        return softmax(normal(rng, distinct(rng, 2), scale=500))

What it is looked at for besides its values, `autograder.judge.views` says. This file imports nothing of the
project but the views and what runs a probe, because the student process has nothing else of it to import.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.judge import views
from autograder.judge.run import KEPT
from autograder.judge.run import run_probe as run_probe

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
    return look.seen(look.make(lambda: KEPT.once(key, lambda: answer(*args, **options), call)))


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

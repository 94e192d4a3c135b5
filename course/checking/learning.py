"""What else a visible check asks of code that is to learn: dropout, parts with weights of their own, and no memory.

`course.checking.gradients` asks for the slopes. Each expectation works without a reference.
"""

import contextlib
import copy
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from course.checking.expectations import NamedMistake, to_numpy


def kept(make: Callable) -> Callable:
    """Decorator of a function that builds a layer for checks: those of one answer share it.

    Building takes most of a check's time. The first argument is the answer, the others choose between variants; a
    check may set weights to fixed values in it, and nothing else.
    """
    latest = [None, {}]

    @functools.wraps(make)
    def get(answer, *variant, **options):
        if latest[0] is not answer:
            latest[:] = [answer, {}]
        key = (variant, tuple(sorted(options.items())))
        if key not in latest[1]:
            latest[1][key] = make(answer, *variant, **options)
        return latest[1][key]

    return get


# --- dropout ----------------------------------------------------------------------------------------------


def dropped(x: Any, rate: float, noise_shape: Any = None) -> Any:
    """What dropout makes of `x` inside `predictable_dropout`: which entries go follows from shape and rate."""
    shape = tuple(x.shape)
    if noise_shape is not None:
        shape = tuple(size or own for size, own in zip(noise_shape, shape, strict=True))
    kept = np.random.default_rng([5, *shape]).random(shape) >= rate
    return x * ops.cast(kept / (1.0 - rate), x.dtype)


@contextlib.contextmanager
def predictable_dropout() -> Any:
    """Within it, all dropout of Keras and TensorFlow does what `dropped` does.

    So two layers that drop at the same rate in the same places give the same in training.
    """

    def call(self, inputs, training=False):
        return dropped(inputs, self.rate, self.noise_shape) if training and self.rate else inputs

    def function(x, rate, noise_shape=None, seed=None, **_):
        return dropped(x, rate, noise_shape)

    places = [(keras.layers.Dropout, "call", call), (keras.random, "dropout", function)]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        places += [(tf.nn, "dropout", function), (tf.nn.experimental, "stateless_dropout", function)]
    before = [getattr(place, name) for place, name, _ in places]
    try:
        for place, name, replacement in places:
            setattr(place, name, replacement)
        yield
    finally:
        for (place, name, _), original in zip(places, before, strict=True):
            setattr(place, name, original)


def expect_no_dropout(layer: Any, *args: Any, **kwargs: Any) -> None:
    """Fail if anything is dropped, in training or outside it.

    Raises:
        NamedMistake: if it is.
    """
    plain, again = layer(*args, **kwargs), layer(*args, **kwargs)
    if not _alike(plain, again):
        raise NamedMistake("two calls with the same input differ: nothing here is left to chance")
    if not _alike(plain, layer(*args, training=True, **kwargs)):
        raise NamedMistake(
            "in training the result is another: there is a dropout, and the text asks for none here"
        )


def expect_rate(layer: Any, rate: float, *names: str) -> None:
    """Fail unless every `Dropout` at or below the named sub-layers has this rate.

    Raises:
        NamedMistake: naming the first that has not.
    """
    for name in names:
        part = getattr(layer, name, None)
        for each in [] if part is None else part._flatten_layers():
            if isinstance(each, keras.layers.Dropout) and abs(each.rate - rate) > 1e-6:
                raise NamedMistake(
                    f"`self.{name}` drops {each.rate:g}, and dropout={rate:g} was given: hand it on"
                )


# --- parts, arguments, memory -----------------------------------------------------------------------------


def expect_parts(layer: Any, *names: str, weights: int | None = None) -> None:
    """Fail unless the named sub-layers are different ones, all trained, with as many weights as are due.

    Args:
        layer: a built layer.
        names: sub-layers with weights of their own.
        weights: how many numbers there are to train, in all; not asked if left out.

    Raises:
        NamedMistake: if two are one, one is frozen or missing, or there are more or fewer weights.
    """
    seen = {}
    for name in names:
        part = getattr(layer, name, None)
        if part is None:
            raise NamedMistake(f"the layer needs `self.{name}`, see its docstring")
        if id(part) in seen:
            raise NamedMistake(
                f"`self.{seen[id(part)]}` and `self.{name}` are one and the same layer: each has weights of its own"
            )
        seen[id(part)] = name
    for each in layer._flatten_layers():
        if not each.trainable and each.weights:
            raise NamedMistake(
                f"`{each.name}` is frozen, `trainable` is False: its weights are to be trained, too"
            )
    if weights is not None:
        found = sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables)
        if found != weights:
            raise NamedMistake(
                f"there are {found} numbers to train, and {weights} are due: is a part missing, used under two names, "
                "made twice, or of another width? The docstring lists all parts"
            )


def expect_made_once(layer: Any, *args: Any, **kwargs: Any) -> None:
    """Fail if a call makes weights anew, which would forget what was learned.

    Raises:
        NamedMistake: if the second call does.
    """
    try:
        if not layer.built:
            layer(*args, **kwargs)
        before = [id(variable) for variable in layer.weights]
        layer(*args, **kwargs)
    except ValueError as error:
        if "cannot add new elements of state" not in str(error):
            raise
        before = None  # Keras notices as well
    if [id(variable) for variable in layer.weights] != before:
        raise NamedMistake(
            "each call makes new weights, which forget what was learned: make all parts in `__init__`"
        )


def expect_untouched(function: Callable, **arguments: Any) -> None:
    """The result of `function(**arguments)`; fail if it changed one of the arguments.

    Raises:
        NamedMistake: naming the argument.
    """
    before = copy.deepcopy({name: _frozen(value) for name, value in arguments.items()})
    result = function(**arguments)
    for name, value in arguments.items():
        if not _same(before[name], _frozen(value)):
            raise NamedMistake(f"your code changed `{name}`, which belongs to the caller: work on a copy")
    return result


def expect_fresh(function: Callable, *calls: Any) -> None:
    """Fail if calls with the same shapes and other numbers give the same result: something was kept.

    Args:
        function: what is called.
        calls: tuples of arguments whose results differ.

    Raises:
        NamedMistake: if two results are alike.
    """
    results = [function(*arguments) for arguments in calls]
    if any(_alike(results[0], other) for other in results[1:]):
        raise NamedMistake(
            "a second call with other numbers gives the result of the first: is something kept from call to call?"
        )


def expect_half(function: Callable, *tensors: Any, same_kind: bool = True) -> None:
    """Fail unless a function also works in half precision.

    Args:
        function: takes the tensors and gives a tensor or several.
        tensors: float tensors; they are handed over as float16, others as they are.
        same_kind: whether the result is to be float16, too.

    Raises:
        NamedMistake: if it is another type, not finite, or far from the result in float32.
    """
    halves = [ops.cast(each, "float16") if "float" in str(each.dtype) else each for each in tensors]
    full, half = function(*tensors), function(*halves)
    for wanted, found in zip(keras.tree.flatten(full), keras.tree.flatten(half), strict=True):
        kind = keras.backend.standardize_dtype(found.dtype)
        if same_kind and kind != "float16":
            raise NamedMistake(f"float16 comes in and {kind} goes out: the result has the type of the input")
        if not np.isfinite(to_numpy(found).astype("float32")).all():
            raise NamedMistake("in half precision the result is not finite: no number may be beyond 65,504")
        if not np.allclose(to_numpy(found).astype("float32"), to_numpy(wanted), atol=2e-2, rtol=2e-2):
            raise NamedMistake("in half precision, float16, the result is another")


def _frozen(value):
    """A copyable picture of an argument."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_frozen(item) for item in value]
    return to_numpy(value).copy() if hasattr(value, "shape") else value


def _same(one, other):
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    return np.array_equal(one, other)


def _alike(one, other):
    one, other = keras.tree.flatten(one), keras.tree.flatten(other)
    return len(one) == len(other) and all(
        a is b or np.allclose(to_numpy(a), to_numpy(b), atol=1e-5, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )

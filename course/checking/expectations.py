"""What a visible check is written with.

    @check("softmax")
    def weights_sum_to_one(softmax):
        weights = softmax(fixed_normal(3, 5))
        expect_close(ops.sum(weights, axis=-1), 1.0, "each row must sum to 1: do you divide by the sum?")

A check needs no reference: it tests properties, tiny worked examples, and agreement with Keras.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_CHECKS = {}


def check(exercise: str) -> Callable:
    """Register a visible check. Its name, read as a sentence, is what the learner sees."""

    def register(function):
        _CHECKS.setdefault(exercise, []).append(function)
        return function

    return register


class CheckFailed(AssertionError):
    """A check that did not hold; its text is for the learner."""


class NamedMistake(CheckFailed):
    """A check that did not hold for a reason that is known: other checks' guesses are not shown beside it."""


def expect(condition: object, message: str) -> None:
    """Fail with `message` unless `condition` holds."""
    if not condition:
        raise CheckFailed(message)


def expect_shape(tensor: Any, shape: Sequence[int], message: str = "") -> None:
    """Fail unless `tensor` is a tensor of that shape."""
    _expect_tensor(tensor)
    if tuple(tensor.shape) != tuple(shape):
        raise NamedMistake(
            f"the shape should be {tuple(shape)}, not {tuple(tensor.shape)}" + _because(message)
        )


def expect_close(actual: Any, expected: Any, message: str = "", atol: float = 1e-4) -> None:
    """Fail, naming the entry that is furthest off, unless both agree within `atol` and have one shape.

    `expected` may be a plain number, which every entry must equal.
    """
    _expect_tensor(actual)
    actual, expected = to_numpy(actual), to_numpy(expected)
    if expected.ndim:
        expect_shape(actual, expected.shape, message)
    error = np.abs(actual.astype("float64") - expected.astype("float64"))
    if actual.size == 0 or (error <= atol).all():
        return
    where = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    found, wanted = actual[where], np.broadcast_to(expected, actual.shape)[where]
    place = f" at {list(map(int, where))}" if where else ""
    found, wanted = told_apart(found, wanted)
    raise CheckFailed(f"{message or 'the values differ'} (found {found}{place}, expected {wanted})")


def told_apart(one: Any, other: Any) -> tuple[str, str]:
    """Two numbers that differ, as text with as many digits as it takes to see it."""
    pairs = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(4, 18))
    return next((pair for pair in pairs if pair[0] != pair[1]), (str(one), str(other)))


def expect_boolean(tensor: Any, message: str = "a mask holds True and False, not numbers") -> None:
    """Fail unless `tensor` holds booleans."""
    _expect_tensor(tensor)
    if to_numpy(tensor).dtype != bool:
        raise CheckFailed(f"{message} (found {to_numpy(tensor).dtype})")


def expect_pair(value: Any, names: str = "(output, weights)") -> tuple | list:
    """Fail unless `value` is a pair; return it."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise CheckFailed(f"two things are to be returned: {names}")
    return value


def to_numpy(value: Any) -> np.ndarray:
    """Any backend's tensor, list or number as a NumPy array."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(value) if hasattr(value, "shape") else value)


def fixed_normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    """Float32 tensor of that shape with fixed values drawn from a normal distribution.

    Choose a different number for every axis, so that a swapped axis shows.
    """
    from keras import ops

    return ops.convert_to_tensor(
        (scale * np.random.default_rng([seed, *shape]).normal(size=shape)).astype("float32")
    )


def _expect_tensor(value):
    if value is None:
        raise CheckFailed("your code gave None: is a `return` missing?")
    if isinstance(value, tuple | list):
        raise CheckFailed(
            f"one tensor was expected here, and your code gave {len(value)} in a {type(value).__name__}"
        )
    if not hasattr(value, "shape"):
        raise CheckFailed(f"a tensor was expected, and your code gave {type(value).__name__}")


def _because(message):
    return f": {message}" if message else ""

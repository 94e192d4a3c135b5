"""Which classes of values the probes drew for each argument, so that a hole is seen.

The reference stands in for an answer and notes what it is called with.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judge.assignment import Assignment
from autograder.judge.probe import run_probe

LARGE, TINY = 50.0, 0.05  # decimal numbers all of which lie beyond or below are worth a word of their own
Drawn = dict[str, dict[str, int]]  # argument -> class of values -> how many calls had it


def corners(assignment: Assignment, exercise: str, seed: int) -> Drawn:
    """What the probes of an exercise call its reference with.

    Args:
        assignment: the `Assignment` it stands in.
        exercise: its name.
        seed: what probes draw from.

    Returns:
        Argument -> class of values, in words, -> number of calls.
    """
    drawn: Drawn = {}
    answer = _noting(assignment.reference[exercise], drawn)
    for probe in assignment.probes[exercise]:
        run_probe(probe, answer, seed)
    return drawn


def in_words(drawn: Drawn) -> str:
    """One line: `axis: absent 4, int -2, int 0; scores: float of rank 1, 2, 3`."""
    return "; ".join(
        f"{argument}: {', '.join(f'{kind} ({count})' for kind, count in sorted(kinds.items()))}"
        for argument, kinds in drawn.items()
    )


def _noting(answer: Any, drawn: Drawn) -> Any:
    """An answer that notes its arguments: a function's own, a layer's when it is made and when it is called."""
    if not isinstance(answer, type):
        return _noting_calls(answer, drawn)

    class Noting(answer):
        def __init__(self, *args, **kwargs):
            _note(answer.__init__, (self, *args), kwargs, drawn)
            super().__init__(*args, **kwargs)

        call = _noting_calls(answer.call, drawn)

    Noting.__name__ = answer.__name__
    return Noting


def _noting_calls(function: Callable, drawn: Drawn) -> Callable:
    @functools.wraps(function)
    def noted(*args, **kwargs):
        _note(function, args, kwargs, drawn)
        return function(*args, **kwargs)

    return noted


def _note(function, args, kwargs, drawn):
    bound = inspect.signature(function).bind(*args, **kwargs)
    for name, parameter in inspect.signature(function).parameters.items():
        if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            kinds = drawn.setdefault(name, {})
            kind = class_of(bound.arguments[name]) if name in bound.arguments else "absent"
            kinds[kind] = kinds.get(kind, 0) + 1


def class_of(value: Any) -> str:
    """The class of a value in words: `float of rank 3`, `bool of rank 4, broadcast`, `int 0`, `list of 3`."""
    if value is None or isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return f"int {value}" if abs(value) < 3 else "int"
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__} of {len(value) if len(value) < 3 else 'many'}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _class_of_array(value)
    return type(value).__name__ if not callable(value) else "a function"


def _class_of_array(value):
    kind = str(value.dtype).rpartition("'")[0].rpartition("'")[2] or str(value.dtype)
    words = [f"{'NumPy ' if isinstance(value, np.ndarray) else ''}{kind} of rank {len(value.shape)}"]
    words += ["empty"] * (0 in value.shape) + ["an axis of 1"] * (1 in value.shape)
    try:
        values = np.asarray(value)
    except (NotImplementedError, TypeError, ValueError):  # in a graph it has none
        return ", ".join(words)
    if values.size and values.dtype.kind == "f":
        size = np.abs(values).max()
        words += ["large"] * bool(size > LARGE) + ["tiny"] * bool(size < TINY)
    if values.size and values.dtype.kind == "b":
        words += ["all True"] * bool(values.all()) + ["all False"] * bool(not values.any())
        nowhere = values.ndim and not values.any(axis=-1).all() and values.any()
        words += ["a row of False"] * bool(nowhere)
    return ", ".join(words)

"""Counter-examples for an exercise that lost points: small inputs, what the answer makes of them, what is right for them.

It is drawn from a seed of its own. Marks come from other numbers, so what is shown helps nobody to pass a probe without
solving it. Neither the probe's name nor its code is in it, and what is shown is bounded.
"""

import functools
import inspect
import zlib
from typing import Any

import numpy as np

from autograder.judge.assignment import Assignment, Session
from autograder.judge.marking import LocalSession
from autograder.judge.outcome import ATOL, RTOL, Status, difference
from autograder.judge.probe import Probe

DRAWS = 3  # of which the smallest is shown
MOST_EXAMPLES = 3  # of one exercise
MOST_NUMBERS = 12  # of an array that is shown whole
MOST_INPUTS = 4


def counter_examples(
    session: Session, assignment: Assignment, exercise: str, seed: int, follow: tuple[str, ...] = ()
) -> list[dict]:
    """What can be shown of an exercise's answer: one example for each probe that it fails with values, up to a limit.

    Called when all marks are made, so that no example can move one.

    Args:
        session: answers probes with the learner's code.
        seed: the marks' own, from which the examples' seeds follow.
        follow: earlier exercises that were replaced when the mark was made.

    Returns:
        For each example `tried`, `given` (pairs of name and value), `got` and `expected`, all of them texts.
    """
    found = []
    for probe in assignment.probes.get(exercise, ()):
        if len(found) == MOST_EXAMPLES:
            break
        drawn = _draw(assignment, probe, seed)
        if drawn is not None:
            number, inputs, wanted = drawn
            outcome = session.run(probe, number, follow)
            if outcome.status is Status.UNANSWERED:  # one endless loop is enough
                break
            shown = _shown(outcome, wanted)
            if shown is not None:
                row = shown.pop("row", ())
                given = [[name, _input(value, row)] for name, value in inputs]
                found.append({"tried": probe.description, "given": given} | shown)
    return found


@functools.cache
def _draw(assignment: Assignment, probe: Probe, seed: int) -> tuple | None:
    """`(seed, inputs by name, Outcome of the reference)` of the smallest of a few draws: once for a whole class."""
    if probe.compare is not None:  # nothing in it has one right value
        return None
    found = []
    for number in range(DRAWS):
        own = zlib.crc32(f"example {seed} {number}".encode()) % 2**31
        calls: list[tuple] = []
        watched = _recorded(assignment.reference[probe.exercise], calls)
        outcome = LocalSession({probe.exercise: watched}).run(probe, own)
        if outcome.arrays is None:  # a reference that cannot be watched has no example
            return None
        size = sum(array.size for _, array in _arrays(calls))
        found.append((size, number, own, _inputs(calls), outcome))
    return min(found, key=lambda one: one[:2])[2:]


def _recorded(answer: Any, calls: list) -> Any:
    """The reference, noting what it is called with first."""
    if inspect.isclass(answer):

        class Recorded(answer):
            def __call__(self, *args, **kwargs):
                if not calls:
                    calls.append(
                        (answer.call if hasattr(answer, "call") else answer.__call__, (self, *args), kwargs)
                    )
                return super().__call__(*args, **kwargs)

        Recorded.__name__ = Recorded.__qualname__ = answer.__name__
        return Recorded

    @functools.wraps(answer)
    def recorded(*args, **kwargs):
        if not calls:
            calls.append((answer, args, kwargs))
        return answer(*args, **kwargs)

    return recorded


def _arguments(calls):
    """`(name, value)` of what the first call was given."""
    for function, args, kwargs in calls:
        try:
            bound = inspect.signature(function).bind(*args, **kwargs).arguments
        except (TypeError, ValueError):
            return
        yield from (
            (name, value)
            for name, value in bound.items()
            if name not in ("self", "training") and value is not None
        )


def _arrays(calls):
    for name, value in _arguments(calls):
        if hasattr(value, "shape"):
            yield name, np.asarray(value)


def _inputs(calls):
    found = [
        (name, np.asarray(value) if hasattr(value, "shape") else value)
        for name, value in _arguments(calls)
        if hasattr(value, "shape") or isinstance(value, bool | int | float | str)
    ]
    return found[:MOST_INPUTS]


def _input(value, row):
    """An input: whole if it is small, else the row from which the row that is shown was made, where the shapes say which."""
    if not isinstance(value, np.ndarray):
        return f"{value:.4g}" if isinstance(value, float) else repr(value)[:60]
    if value.size <= MOST_NUMBERS:
        return _numbers(value)
    text = f"{_kind(value)} of shape {value.shape}"
    at = row if row and len(row) == value.ndim - 1 else (0,) * (value.ndim - 1)
    if (
        value.ndim
        and value.shape[-1] <= MOST_NUMBERS
        and all(i < n for i, n in zip(at, value.shape, strict=False))
    ):
        text += f"; {_place(at)}{_numbers(value[at])}"
    return text


def _place(at):
    return f"at {list(at)}: " if at else ""


def _kind(array):
    return {"b": "booleans", "f": "numbers"}.get(array.dtype.kind, "whole numbers")


def _numbers(array):
    return np.array2string(
        array, precision=3, suppress_small=True, separator=", ", max_line_width=70, threshold=50
    )


def _shown(outcome, wanted):
    """What came and what is right, for the first result that differs; `None` if nothing does."""
    if outcome.arrays is None or difference(outcome, wanted) is None:
        return None
    if outcome.arrays.keys() != wanted.arrays.keys():
        return {"got": f"{len(outcome.arrays)} results", "expected": f"{len(wanted.arrays)} results"}
    for path, got in outcome.arrays.items():
        right = wanted.arrays[path]
        if got.shape != right.shape:
            return {"got": f"shape {got.shape}", "expected": f"shape {right.shape}"}
        if (got.dtype.kind == "b") != (right.dtype.kind == "b") or (got.dtype.kind == "f") != (
            right.dtype.kind == "f"
        ):
            return {"got": _kind(got), "expected": _kind(right)}
        wrong = _differs(got, right)
        if not wrong.any():
            continue
        if got.size <= MOST_NUMBERS:
            return {"got": _numbers(got), "expected": _numbers(right)}
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        if got.shape[-1] <= MOST_NUMBERS:
            at = at[:-1]
            return {
                "got": _place(at) + _numbers(got[at]),
                "expected": _place(at) + _numbers(right[at]),
                "row": at,
            }
        return {
            "got": _place(at) + _number(got[at]),
            "expected": _place(at) + _number(right[at]),
            "row": at[:-1],
        }
    return None


def _differs(got, right):
    if got.dtype.kind == "b":
        return got != right
    return ~np.isclose(got.astype("float64"), right.astype("float64"), rtol=RTOL, atol=ATOL, equal_nan=True)


def _number(value):
    return str(bool(value)) if value.dtype.kind == "b" else f"{value:.5g}"

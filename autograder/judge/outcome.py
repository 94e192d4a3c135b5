"""What one probe of one answer came to, and whether two of them are the same."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from autograder.judge.sandbox.tripwire import ForbiddenCall

RTOL = ATOL = 1e-4  # float32, over a handful of matrix products in any order


class Status(StrEnum):
    """What an answer came to when it was asked. Kept in verdicts by its value."""

    ANSWERED = "answered"  # with arrays, right or wrong
    RAISED = "raised"
    UNWRITTEN = "unwritten"  # the stub is still there
    FORBIDDEN = "forbidden"  # it called what it is to build
    UNANSWERED = "unanswered"  # it hung, or ended its process


@dataclass(frozen=True)
class Outcome:
    """Arrays, or the error that came instead.

    Attributes:
        arrays: path -> NumPy array; `None` if the answer raised or never came back.
        error: type of the exception; empty if there are arrays, or if nothing came back.
        message: the exception's text, as a learner may read it.
        line: the learner's own line where it happened.
    """

    arrays: dict | None
    error: str = ""
    message: str = ""
    line: str = ""

    @property
    def status(self) -> Status:
        """What it came to. The one place where types of errors, which is all that comes back of one, get a meaning."""
        if self.arrays is not None:
            return Status.ANSWERED
        if not self.error:
            return Status.UNANSWERED
        if self.error == ForbiddenCall.__name__:
            return Status.FORBIDDEN
        if self.error == NotImplementedError.__name__ and not self.message:  # TensorFlow has one with words
            return Status.UNWRITTEN
        return Status.RAISED

    def in_words(self) -> str:
        """The error as a sentence for the learner."""
        if self.status is Status.UNWRITTEN:
            return "not written yet"
        if self.status is Status.UNANSWERED:
            return self.message
        text = f"your code stopped with {self.error}" + (f": {self.message}" if self.message else "")
        return text + (f" (in the line `{self.line}`)" if self.line else "")


def difference(outcome: "Outcome", expected: "Outcome", compare: Callable | None = None) -> str | None:
    """What is wrong with `outcome`, in words that give no expected value away; `None` if nothing is.

    Args:
        outcome: the answer's `Outcome`.
        expected: the reference's, from the same probe and seed.
        compare: a probe's own comparison, see `autograder.judge.probe.Probe`.
    """
    if outcome.arrays is None:
        return outcome.in_words()
    assert expected.arrays is not None, "the reference has arrays, or nothing is marked"
    if compare is not None:
        try:
            return compare(outcome.arrays, expected.arrays)
        except Exception as error:  # written for sound arrays; a submission may send anything
            return f"the result cannot be compared ({type(error).__name__})"
    if outcome.arrays.keys() != expected.arrays.keys():
        return f"{len(outcome.arrays)} results were given where {len(expected.arrays)} are due"
    for path, array in outcome.arrays.items():
        problem = _array_difference(array, expected.arrays[path])
        if problem:
            return problem
    return None


def _array_difference(array, expected):
    if array.shape != expected.shape:
        return f"the result has the wrong shape, {array.shape}"
    if _kind(array) != _kind(expected):
        return f"the result holds {_kind(array)} where {_kind(expected)} are due"
    if array.dtype.kind == "U":
        return None if np.array_equal(array, expected) else "the text is not right"
    if array.dtype == bool:
        return (
            None
            if np.array_equal(array, expected)
            else "some entries are True that should be False, or the reverse"
        )
    if np.isnan(array).any() and not np.isnan(expected).any():
        return "the result holds NaN"
    if not np.allclose(
        array.astype("float64"), expected.astype("float64"), rtol=RTOL, atol=ATOL, equal_nan=True
    ):
        return "the values are not right"
    return None


def _kind(array):
    return {"b": "booleans", "f": "decimal numbers", "U": "text"}.get(array.dtype.kind, "whole numbers")


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes cannot be told apart: equal arrays, or the same type of error."""
    if one.arrays is None or other.arrays is None:
        return one.arrays is None and other.arrays is None and one.error == other.error
    return difference(one, other) is None and difference(other, one) is None

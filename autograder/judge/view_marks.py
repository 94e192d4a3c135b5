"""Which views a probe gets, and what is wrong with what an answer showed in one. Runs in the judge only.

What can be looked at is found out from the reference: a view that it does not survive, or in which nothing can go
wrong, is not asked of an answer. An author may switch views off with a reason.
"""

import os
import re
from typing import Any

import numpy as np

from autograder.judge.outcome import Outcome, Status, difference
from autograder.judge.outcome import same as same_values
from autograder.judge.probe import SWITCHED_OFF, Probe
from autograder.judge.views import GIVEN, PART, SLOPE

SLOPE_TOLERANCE = (
    2e-3  # of the largest slope: a backward pass adds up more, in more orders, than a forward one
)
HALF_TOLERANCE = 2e-2  # float16 has eleven bits


def sees_tensors(runtime: Any) -> bool:
    """Whether a runtime holds what the views need besides `again`: Keras on TensorFlow."""
    return "keras" in runtime.imports and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"


def views_of(probe: Probe, probes: tuple[Probe, ...], tensors: bool) -> list[Probe]:
    """A probe in each view that may apply to it; the first is its values. One `batch` is enough for an exercise.

    Args:
        probe: one of `probes`.
        probes: all of the exercise. What costs a run of its own is looked at in the weightiest.
        tensors: what `sees_tensors` says.
    """
    off = reasons(probe)
    if not tensors:
        return [probe]
    if probe.instead_of and probe.instead_of not in off:
        return []
    plain = [one for one in probes if one.compare is None]
    main = max(plain, key=lambda one: (one.main, one.weight), default=None)
    taped = "slopes" not in off and (probe.compare is None or bool(probe.finite_slopes))
    if (probe is main or probe.main) and "again" not in off:
        names = ("again", *(name for name in ("training", "slopes") if name not in off))
        found = [probe, probe.seen("+".join(names))]
    else:  # the way back takes as long as the way there: taken where most points are
        alike = main is None or (not main.main and probe.weight >= main.weight)
        heavy = alike or bool(probe.finite_slopes)
        found = [probe.seen("slopes" if taped and heavy else "")]
    if probe.compare is None and "batch" not in off:
        found.append(probe.seen("batch"))
    if probe.half and "half" not in off:
        found.append(probe.seen("half"))
    return found


def reasons(probe: Probe) -> dict[str, str]:
    """View -> why the author switched it off."""
    return SWITCHED_OFF.get(probe.exercise, {}) | dict(probe.without)


def _split(outcome):
    own = {path: array for path, array in outcome.arrays.items() if not path.startswith("@")}
    added = {path: array for path, array in outcome.arrays.items() if path.startswith("@")}
    return Outcome(own), added


def view_difference(probe: Probe, outcome: Outcome, expected: tuple[Outcome, ...]) -> str | None:
    """What is wrong with an outcome in a view, in words; `None` if nothing is.

    Args:
        probe: in its view.
        outcome: the answer's.
        expected: the reference's; where dropout may be drawn two ways, both.
    """
    problems = [_difference(probe, outcome, one) for one in expected]
    if None in problems:
        return None
    if outcome.status is Status.UNWRITTEN:
        return problems[0]
    return f"{probe.description}: {WORDS.get(probe.view, '')}{problems[0]}"


def _difference(probe, outcome, expected):
    if outcome.arrays is None:
        return difference(outcome, expected)
    own, added = _split(outcome)
    wanted, wanted_added = _split(expected)
    if probe.view == "half":
        return _half_difference(own.arrays, wanted.arrays)
    problem = difference(own, wanted, probe.compare)
    if problem is None and probe.width:
        problem = _width_difference(own.arrays, wanted.arrays)
    return problem or _added_difference(added, wanted_added, bool(probe.finite_slopes))


def _added_difference(added, wanted, finite):
    # A slope that is 0 by the formula, such as a key's bias, comes out as noise.
    slopes = [array for path, array in wanted.items() if path.startswith(SLOPE) and np.isfinite(array).all()]
    noise = 1e-5 * max((np.abs(array).max(initial=0.0) for array in slopes), default=0.0)
    for path, expected in wanted.items():
        found = added.get(path)
        if path.startswith(GIVEN):
            if found is None or found.shape != expected.shape or not np.array_equal(found, expected):
                return "what it was given is changed afterwards: make a copy"
        elif found is None or found.shape != expected.shape:
            return f"{_source(path)} has another shape than it should have"
        elif path.startswith(PART):
            if not np.array_equal(found, expected):
                return _parts_difference(found, expected)
        else:
            problem = _slope_difference(path, found, expected, finite, noise)
            if problem:
                return problem
    if len(added) > len(wanted):
        return "what it was given is changed afterwards: make a copy"
    return None


def _parts_difference(found, expected):
    if not np.array_equal(found[1:], expected[1:]):
        return "two parts of it are one and the same object: each needs weights of its own"
    if found[0] < expected[0]:
        return "it learns fewer weights than it should: is a part shared, frozen or missing?"
    return "it learns more weights than it should: is a part made twice, or in `call`?"


def _slope_difference(path, found, expected, finite, noise):
    if not np.isfinite(expected).all():
        return None  # not determined here
    if not np.isfinite(found).all():
        return f"the gradient that reaches {_source(path)} is NaN or infinite"
    size = np.abs(expected).max(initial=0.0)
    if finite or size <= noise:  # what the reference has no slope to, an answer may have one to
        return None
    if not found.any():
        return f"no gradient reaches {_source(path)}: is there a `stop_gradient`, or NumPy inside?"
    if not np.allclose(found, expected, rtol=SLOPE_TOLERANCE, atol=SLOPE_TOLERANCE * size + noise):
        return f"the values are right, but the gradient that reaches {_source(path)} is not"
    return None


def _source(path):
    name = path.removeprefix(SLOPE).partition("#")[0]
    if name.startswith("input"):
        return f"its {name}"
    return f"`{re.sub(r'[^A-Za-z0-9_.]', '', name)}`"


def _half_difference(arrays, expected):
    for path, wanted in expected.items():
        found = arrays.get(path)
        if found is None or found.shape != wanted.shape:
            return "the result has the wrong shape"
        if found.dtype != wanted.dtype:
            return f"the result is {found.dtype} where {wanted.dtype} is due, as the inputs are"
        if not np.isfinite(found).all():
            return "the result holds NaN or infinity"
        if not np.allclose(
            found.astype("float64"), wanted.astype("float64"), rtol=HALF_TOLERANCE, atol=HALF_TOLERANCE
        ):
            return "the values are not right"
    return None


def _width_difference(arrays, expected):
    wrong = [path for path, wanted in expected.items() if arrays[path].dtype != wanted.dtype]
    return (
        f"the result is {arrays[wrong[0]].dtype} where {expected[wrong[0]].dtype} is due" if wrong else None
    )


WORDS = {
    "again": "called again with other numbers: ",
    "again+slopes": "called again with other numbers: ",
    "again+training": "called again with other numbers, in training: ",
    "again+training+slopes": "called again with other numbers, in training: ",
    "batch": "in a graph, with a batch of unknown size: ",
    "half": "on half precision: ",
}


def same_view(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes in one view cannot be told apart."""
    if one.arrays is None or other.arrays is None:
        return same_values(one, other)
    (first, first_added), (second, second_added) = _split(one), _split(other)
    if not same_values(first, second) or first_added.keys() != second_added.keys():
        return False
    return all(_alike(array, second_added[path]) for path, array in first_added.items())


def _alike(one, other):
    if one.shape != other.shape:
        return False
    with np.errstate(invalid="ignore"):
        size = np.abs(one[np.isfinite(one)]).max(initial=0.0) if one.dtype.kind == "f" else 0.0
    return bool(np.allclose(one, other, SLOPE_TOLERANCE, SLOPE_TOLERANCE * size + 1e-6, equal_nan=True))

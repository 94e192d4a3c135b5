"""What the probes of a course of your own are written with: `from autograder.probes import probe, misconception`.

    @probe("median", "on an even number of values")
    def even(median, rng):
        return median(list(rng.integers(0, 50, size=8)))

A probe calls the answer on values that it draws and returns whatever the answer gives, of any library. It holds no
expected value: the judge runs it on the solution of your source notebook as well, and compares. `docs/own_course.md`
has a complete example. Runs in the judge and, sent as text, in the student process.
"""

import functools

from autograder.judge.probe import distinct
from autograder.judge.probe import probe as _register
from autograder.judge.values import difference, to_arrays

try:
    from autograder.judge.entries import alternative, misconception
except ImportError:  # in a student process, which has no answers, neither right nor wrong

    def misconception(exercise, feedback):
        return lambda answer: answer

    def alternative(exercise):
        return lambda answer: answer


__all__ = ["alternative", "distinct", "misconception", "probe"]


def probe(exercise, description, weight=1, rtol=None, atol=None, compare=None):
    """Register a probe `function(answer, rng)`.

    Args:
        exercise: the name that the answer defines: of a function, a class or another object.
        description: what is tried, in words that a learner may read: "on an empty list".
        weight: its share of the exercise's points, relative to the other probes.
        rtol, atol: tolerances for decimal numbers, relative and absolute; sensible ones if left out.
        compare: for results that are random by nature: `compare(parts, expected) -> None | str` on what
            `autograder.judge.values.to_arrays` gives; says what is wrong.
    """
    compare = compare or functools.partial(difference, rtol=rtol, atol=atol)

    def register(function):
        @functools.wraps(function)
        def apart(answer, rng):
            return to_arrays(function(answer, rng))

        _register(exercise, description, weight, compare)(apart)
        return function

    return register

"""Counter-examples: drawn anew, bounded, true, and without anything that is hidden."""

import json

import numpy as np
import pytest

from autograder.hidden.assignments import assignment_of
from autograder.judge import DEFAULT_SEED
from autograder.judge.example import MOST_EXAMPLES, MOST_NUMBERS, _draw, _shown, counter_examples
from autograder.judge.marking import EntrySession, LocalSession, reference_outcomes
from autograder.judge.outcome import Outcome


@pytest.fixture(scope="module")
def assignment(lesson):
    return assignment_of(lesson)


def test_a_wrong_answer_is_shown_on_other_numbers_than_its_mark(assignment):
    def softmax(scores):
        from keras import ops

        exponents = ops.exp(scores - ops.max(scores))
        return exponents / ops.sum(exponents)

    shown = counter_examples(LocalSession({"softmax": softmax}), assignment, "softmax", DEFAULT_SEED)
    assert 1 <= len(shown) <= MOST_EXAMPLES
    for example in shown:
        assert example["given"] and example["got"] != example["expected"]
    marked = {}
    for seen, outcomes in reference_outcomes(assignment, "softmax", DEFAULT_SEED).items():
        marked.setdefault(seen.name, outcomes[0])  # the first look at a probe is at its values
    for probe in assignment.probes["softmax"]:
        number, _, wanted = _draw(assignment, probe, DEFAULT_SEED)
        assert number != DEFAULT_SEED
        for path, array in wanted.arrays.items():
            other = marked[probe.name].arrays[path]
            assert array.shape != other.shape or not np.array_equal(array, other), probe.name


def test_every_known_mistake_has_examples_that_give_nothing_away(assignment):
    names = {probe.name for probes in assignment.probes.values() for probe in probes if "_" in probe.name}
    without = []
    for exercise, entries in assignment.misconceptions.items():
        for entry in entries:
            shown = counter_examples(EntrySession(entry), assignment, exercise, DEFAULT_SEED)
            text = json.dumps(shown)
            assert not [name for name in names if name in text]
            assert "/" not in text.replace("1/", "") and len(text) < 4000 * MOST_EXAMPLES
            without += [] if shown else [entry.name]
    # Some answers only raise errors, which speak for themselves.
    assert len(without) <= sum(map(len, assignment.misconceptions.values())) / 4, without


def test_the_reference_has_none(assignment):
    session = LocalSession(assignment.reference)
    for exercise in assignment.exercises:
        assert counter_examples(session, assignment, exercise, DEFAULT_SEED) == []


def test_large_arrays_show_one_place_and_small_ones_all():
    large, small = np.zeros((9, 9), "float32"), np.arange(MOST_NUMBERS, dtype="float32")
    wrong = large.copy()
    wrong[2, 3] = 1
    assert _shown(Outcome({"": wrong}), Outcome({"": large})) == {
        "got": "at [2]: [0., 0., 0., 1., 0., 0., 0., 0., 0.]",
        "expected": "at [2]: [0., 0., 0., 0., 0., 0., 0., 0., 0.]",
        "row": (2,),
    }
    assert "11." in _shown(Outcome({"": -small}), Outcome({"": small}))["expected"]
    assert _shown(Outcome({"": large[:2]}), Outcome({"": large})) == {
        "got": "shape (2, 9)",
        "expected": "shape (9, 9)",
    }
    assert _shown(Outcome({"": large > 1}), Outcome({"": large}))["got"] == "booleans"
    assert _shown(
        Outcome({"": np.full((3, 9), np.nan, "float32")}), Outcome({"": np.zeros((3, 9), "float32")})
    )
    assert _shown(Outcome(None, "ValueError", "x"), Outcome({"": large})) is None

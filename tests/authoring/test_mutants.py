"""The mutants of the references: made by themselves, tried in processes of their own, and few of them called equivalent."""

import time

import pytest

from autograder.authoring.mutants import workers
from autograder.authoring.mutants.equivalent import EQUIVALENT, NO_SLOPE, NOT_LEARNED
from autograder.authoring.mutants.operators import Mutant, mutants
from autograder.authoring.mutants.survey import survey
from course.notebooks.lesson import find_exercise, lessons

MOST_EQUIVALENT = 0.08  # of all mutants may be listed one by one


@pytest.fixture(scope="module")
def made():
    return {name: mutants(lesson.name, name) for lesson in lessons().values() for name in lesson.exercises}


def test_every_exercise_has_mutants(made):
    assert len(made) == 64 and all(len(found) >= 3 for found in made.values())
    kinds = {mutant.kind for found in made.values() for mutant in found}
    assert {"operator", "axis or index", "argument dropped", "arguments swapped", "line dropped"} <= kinds
    assert {"gradient stopped", "eager only", "rate halved", "number", "call dropped", "branch"} <= kinds


def test_given_code_stays_as_it_is(made):
    assert not [mutant for mutant in made["MAEEncoder"] if "trainable=True" in mutant.source]
    assert len({mutant.source for mutant in made["softmax"]}) == len(made["softmax"])


def test_what_is_called_equivalent_exists_and_is_short(made):
    stale = [
        (exercise, change)
        for exercise, listed in EQUIVALENT.items()
        for change in listed
        if change not in {mutant.change for mutant in made[exercise]}
    ]
    assert not stale
    assert all(reason for listed in EQUIVALENT.values() for reason in listed.values())
    assert sum(map(len, EQUIVALENT.values())) <= MOST_EQUIVALENT * sum(map(len, made.values()))
    assert set(NOT_LEARNED) | set(NO_SLOPE) <= set(made)


def test_the_mutants_of_an_exercise_are_caught():
    lesson, _ = find_exercise("causal_mask")
    heard = []
    (tally,) = survey(lesson, "causal_mask", workers=1, progress=lambda *told: heard.append(told))
    assert tally.made >= 5 and tally.judged == tally.seen == tally.wrong > 0
    assert len(heard) == tally.made


def test_one_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 2)
    lesson, _ = find_exercise("causal_mask")
    endless = Mutant("causal_mask", "branch", "def causal_mask(length):\n    while True:\n        pass", "")
    start = time.monotonic()
    (trial,) = workers.try_all(lesson, [endless], seed=1, workers=1, done=lambda: None)
    assert trial.judged and trial.seen
    assert time.monotonic() - start < 120

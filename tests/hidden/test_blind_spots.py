"""Wrong answers with right numbers lose points, whatever the seed; why a view is switched off is written down."""

import pytest
from blind_spots import blind_spots

from autograder.hidden.assignments import assignment_of
from autograder.judge import DEFAULT_SEED
from autograder.judge.marking import LocalSession, mark_exercise, reference_outcomes
from autograder.judge.view_marks import reasons
from course.notebooks.lesson import lessons

BANK = {f"{one.lab}-{one.exercise}-{one.answer.__name__}": one for one in blind_spots(lessons())}
SEEDS = (DEFAULT_SEED, 1, 22, 333, 4444)


def points_of(one, seed):
    session = LocalSession({one.exercise: one.answer})
    return mark_exercise(session, assignment_of(lessons()[one.lab]), one.exercise, seed)


@pytest.mark.parametrize("name", list(BANK)[::3])
def test_it_loses_points(name):
    mark = points_of(BANK[name], DEFAULT_SEED)
    assert not mark.right and mark.problems


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", BANK)
def test_it_loses_points_whatever_the_seed(name, seed):
    assert not points_of(BANK[name], seed).right


def test_every_lab_has_some():
    assert {one.lab for one in BANK.values()} == set(lessons())


def test_a_stopped_gradient_is_named():
    mark = points_of(BANK["attention-softmax-softmax_detached"], DEFAULT_SEED)
    assert any("no gradient reaches its input 1" in problem for problem in mark.problems)


def test_the_text_forbids_no_view_without_a_reason():
    for lesson in lessons().values():
        for probes in assignment_of(lesson).probes.values():
            for probe in probes:
                names = {"again", "training", "slopes", "batch", "half"}
                assert all(view in names and reason for view, reason in reasons(probe).items())


def test_the_reference_is_seen_in_every_view():
    seen = set()
    for exercise in ("softmax", "split_heads"):
        seen |= {
            probe.view for probe in reference_outcomes(assignment_of(lessons()["attention"]), exercise, 5)
        }
    assert seen >= {"", "again+training+slopes", "batch", "half"}

"""Difficulty and discrimination, against NumPy and by hand."""

import math

import numpy as np
import pytest

from autograder.classroom.report.item_statistics import Item, items


def test_they_are_the_share_of_points_and_the_correlation_with_the_rest():
    rng = np.random.default_rng(0)
    skill = rng.normal(size=40)
    marks = [
        {"a": 2.0 * (s > 0), "b": 1.0 * (s + rng.normal() > 0.5), "c": float(rng.integers(2))} for s in skill
    ]
    found = {one.name: one for one in items({"a": 2, "b": 1, "c": 1}, marks)}
    table = np.array([[one[name] for name in "abc"] for one in marks])
    for column, (name, worth) in enumerate((("a", 2), ("b", 1), ("c", 1))):
        rest = table.sum(axis=1) - table[:, column]
        assert found[name].difficulty == pytest.approx(table[:, column].mean() / worth)
        assert found[name].discrimination == pytest.approx(np.corrcoef(table[:, column], rest)[0, 1])
    assert found["a"].discrimination > found["c"].discrimination


@pytest.mark.parametrize(
    ("difficulty", "discrimination", "words"),
    [
        (0.98, math.nan, "says nothing about who is ahead"),
        (0.5, math.nan, "too few learners"),
        (0.5, -0.2, "may mislead"),
        (0.2, 0.5, "is hard, and who has it"),
        (0.6, 0.2, "only loosely"),
        (math.nan, math.nan, "Nobody is graded"),
    ],
)
def test_each_has_its_sentence(difficulty, discrimination, words):
    assert words in Item("a", difficulty, discrimination).in_words()


def test_a_small_class_and_equal_marks_have_no_discrimination():
    few = items({"a": 1, "b": 1}, [{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}])
    same = items({"a": 1, "b": 1}, [{"a": 1.0, "b": 1.0}] * 20)
    assert all(math.isnan(one.discrimination) for one in (*few, *same))
    assert few[0].difficulty == 0.5 and same[0].difficulty == 1
    assert math.isnan(items({"a": 1}, [])[0].difficulty)

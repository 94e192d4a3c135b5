"""The self-check at the end of a lab: questions in data, answered at once, also where no kernel runs."""

import pytest

import course
from course.checking import quiz
from course.errors import CourseError
from course.notebooks.lesson import lessons


@pytest.mark.parametrize("name", lessons())
def test_each_lab_has_questions_that_hold_together(name):
    asked = quiz.questions(name)
    assert len(asked) >= 3
    for one in asked:
        assert one["ask"].endswith("?") and len(one["options"]) == len(one["why"]) >= 2
        assert 0 <= one["right"] < len(one["options"]) and all(one["why"])
        assert len(set(one["options"])) == len(one["options"])
    assert len({one["right"] for one in asked}) > 1  # the first is not always right


def test_options_answer_at_once_and_the_right_one_says_so():
    found = course.quiz("attention")
    assert found.answer(2, 3).startswith("Right. 256 products") and found.answer(2, 2).startswith(
        "Not quite. 16 is"
    )
    page = found._repr_html_()
    assert page.count("<summary>") == sum(len(one["options"]) for one in found.questions)
    assert page.count("Right.") == len(found.questions)
    assert "1. All scores of one query" in str(found) and "Right." not in str(found)


def test_the_open_notebook_tells_the_lab(monkeypatch, tmp_path):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/lab6_mae/mae.ipynb")
    assert course.quiz().lesson.name == "mae"
    monkeypatch.setenv("JPY_SESSION_NAME", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=r"Name the lab: course.quiz\(1\)"):
        course.quiz()
    monkeypatch.setattr(quiz, "questions", lambda lab: ())
    with pytest.raises(CourseError, match="Lab 2 has no questions"):
        course.quiz(2)

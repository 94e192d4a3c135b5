"""`course.quiz()`: a short self-check at the end of a lab, which answers at once. It earns no points and keeps nothing.

Questions stand in `course/lessons/en/quizzes.toml`, one table a lab: `ask`, `options`, `right` (the number of the right option,
from 0), and for each option `why`, the sentence that it is answered with.
"""

import functools
import html
import tomllib
from typing import Any

from course.errors import CourseError
from course.notebooks.lesson import LESSONS, Lesson, find_lesson
from course.notebooks.sections import current_lesson

FILE = "quizzes.toml"


@functools.cache
def questions(lab: str) -> tuple[dict[str, Any], ...]:
    """The questions of a lab, such as `attention`; none if it has none."""
    path = LESSONS / FILE
    if not path.is_file():
        return ()
    return tuple(tomllib.loads(path.read_text(encoding="utf-8")).get(lab, ()))


class Quiz:
    """Questions with their options. Shows itself as text with folded answers; `answer` says what an option is worth."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.questions = questions(lesson.name)

    def answer(self, question: int, option: int) -> str:
        """What is said to an option, both counted from 1."""
        asked = self.questions[question - 1]
        sign = "Right." if option - 1 == asked["right"] else "Not quite."
        return f"{sign} {asked['why'][option - 1]}"

    def __str__(self):
        rows = [f"{self.lesson.title}: {len(self.questions)} questions for yourself"]
        for number, asked in enumerate(self.questions, start=1):
            rows.append(f"{number}. {asked['ask']}")
            rows += [f"   {place}) {option}" for place, option in enumerate(asked["options"], start=1)]
        return "\n".join(rows)

    __repr__ = __str__

    def _repr_html_(self):
        """Each option unfolds its answer: that needs no kernel, and works on a page and from the keyboard."""
        parts = []
        for number, asked in enumerate(self.questions, start=1):
            options = "".join(
                f'<details style="margin:2px 0 2px 1.2em"><summary>{html.escape(option)}</summary>'
                f'<div style="margin:2px 0 6px 1.2em">{html.escape(self.answer(number, place))}</div></details>'
                for place, option in enumerate(asked["options"], start=1)
            )
            parts.append(f"<li><p>{html.escape(asked['ask'])}</p>{options}</li>")
        return (
            '<div style="border-left:4px solid #1565c0;padding:4px 12px"><b>For yourself: unfold what you think is right</b>'
            f"<ol>{''.join(parts)}</ol></div>"
        )


def quiz(lab: str | int | None = None, namespace: dict[str, Any] | None = None) -> Quiz:
    """The self-check of a lab.

    Args:
        lab: such as `attention`, `lab1_attention` or `1`; the one whose notebook is open if left out.
        namespace: the notebook's variables, by which that lab is found where JupyterLab does not tell.

    Raises:
        UnknownName: if there is no such lab.
        CourseError: if it cannot be told which lab is meant, or if it has no questions.
    """
    lesson = find_lesson(str(lab)) if lab is not None else current_lesson(namespace)
    if lesson is None:
        raise CourseError("Name the lab: course.quiz(1).")
    found = Quiz(lesson)
    if not found.questions:
        raise CourseError(f"Lab {lesson.number} has no questions for yourself.")
    return found

"""Stuck alone: `course.step_over("softmax")` goes on with the course's, `course.solution("softmax")` shows an answer.

**How answers travel.** They do not come with what a learner installs. A package that a submission can import where it is
graded must not hold them, or three lines would earn full marks. So `solution` looks for the reference in a folder
`solutions`: the one that `COURSE_SOLUTIONS` names, one beside the labs, which an instructor may hand out when the time has
come, or the one of a clone of the repository. `COURSE_SOLUTIONS=off` switches it off.

What `step_over` brings is not an answer of that kind: `course.blocks` wraps what Keras has ready-made, later labs fall
back on it anyway, and where a submission is graded it is not there.
"""

import ast
import html
import os
import re
from importlib import metadata
from pathlib import Path

from course.errors import CourseError
from course.notebooks.cell_source import read_cell
from course.notebooks.definitions import lines_of
from course.notebooks.labs_folder import CHECKOUT
from course.notebooks.lesson import find_exercise
from course.notebooks.sections import where
from course.progress import store
from course.progress.after_check import now

ENOUGH = 3  # different tries that a check has seen, before an answer is shown
MARKER = re.compile(r"^\s*### (BEGIN|END) SOLUTION\s*$")


def step_over(exercise, namespace):
    """Go on with the course's own instead of an exercise that one is stuck at.

    Args:
        exercise: its name.
        namespace: the caller's variables; in a notebook the name is bound there as well.

    Returns:
        The function or class. While grading, what the learner wrote under that name; the course's earns nothing.

    Raises:
        UnknownName: if there is no such exercise.
        CourseError: if the course has none ready-made.
    """
    lesson, _ = find_exercise(exercise)
    if os.environ.get("COURSE_GRADING") == "1":
        return namespace.get(exercise) or _not_written
    from course import blocks

    found = getattr(blocks, exercise, None)
    if found is None:
        raise CourseError(
            f"The course has no ready-made {exercise}, and nothing in later labs needs it: leave out what uses it "
            f"and read on. {_hint(exercise)}"
        )
    bound = namespace.get("__name__") == "__main__"
    if bound:
        namespace[exercise] = found
    if not store.recall(exercise).get("passed"):
        store.remember(exercise, stepped_over=True)
    print(
        f"{exercise} is the course's from here on: what comes next works, and it earns no points. "
        f"To go back to yours, run its cell again ({where(lesson, exercise)})."
    )
    return found


def _not_written(*args, **options):
    raise NotImplementedError()


def solution(exercise):
    """Show the reference's answer to an exercise, after a pass or after real tries.

    Args:
        exercise: its name.

    Returns:
        A `Solution`, which shows itself as code.

    Raises:
        UnknownName: if there is no such exercise.
        CourseError: before there were tries, or where there are no answers; the text says what to do.
    """
    lesson, _ = find_exercise(exercise)
    if os.environ.get("COURSE_SOLUTIONS", "").strip().lower() == "off":
        raise CourseError(f"Answers are not shown in this course. {_hint(exercise)}")
    known = store.recall(exercise)
    tries = len(known.get("tries", ()))
    if not known.get("passed") and tries < ENOUGH:
        raise CourseError(
            f"First try it yourself: an answer is shown after {ENOUGH} different tries that course.check has seen "
            f"({tries} so far), or when yours passes. {_hint(exercise)}"
        )
    code = _find_answer(lesson, exercise)
    if not known.get("passed"):
        store.remember(exercise, seen=known.get("seen") or now())
    return Solution(exercise, code, bool(known.get("passed")))


class Solution:
    """One way to write an exercise. Shows itself as code in a notebook and in a terminal."""

    def __init__(self, exercise, code, passed):
        self.exercise, self.code = exercise, code
        self.note = (
            "One way to write it. Yours passes too; where do they differ?"
            if passed
            else "One way to write it. Read it, close it, and write yours. That you have seen it is noted in course.status(), "
            "on your disk alone."
        )

    def __str__(self):
        return f"{self.code}\n\n{self.note}"

    __repr__ = __str__

    def _repr_html_(self):
        return (
            f'<div style="border-left:4px solid #1565c0;padding:4px 12px"><b>{html.escape(self.exercise)}</b><br>'
            f'<i>{html.escape(self.note)}</i><pre style="overflow-x:auto">{html.escape(self.code)}</pre></div>'
        )


def _find_answer(lesson, exercise):
    for folder in _folders():
        path = folder / f"{lesson.name}.py"
        if path.is_file():
            code = _cut_out(path.read_text(encoding="utf-8"), exercise)
            if code:
                return code
    address = _address()
    at = f" They stand in {address}, in solutions/{lesson.name}.py." if address else ""
    raise CourseError(
        f"The answers do not come with the course, so that graded courses can use it.{at} An instructor can hand out a folder "
        f"called solutions; put it beside the labs. {_hint(exercise)}"
    )


def _folders():
    here = Path.cwd()
    chosen = os.environ.get("COURSE_SOLUTIONS", "").strip()
    named = [Path(chosen).expanduser()] if chosen else []
    return [*named, here / "solutions", here.parent / "solutions", CHECKOUT / "solutions"]


def _cut_out(source, exercise):
    """The definition of an exercise, without the marks around its solution; `None` if it is not there."""
    read = read_cell(source)
    for statement in read.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == exercise:
            first, last = lines_of(statement)
            rows = read.python.split("\n")[first - 1 : last]
            return "\n".join(row for row in rows if not MARKER.match(row))
    return None


def _address():
    try:
        told = metadata.metadata("transformer-labs").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    found = [line.split(",", 1)[1].strip() for line in told if line.startswith("Repository,")]
    return found[0] if found and "/OWNER/" not in found[0] else ""


def _hint(exercise):
    return f'course.hint("{exercise}") helps, and course.step_over("{exercise}") goes on without it.'

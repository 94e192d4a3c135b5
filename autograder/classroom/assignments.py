"""Which assignments a course folder can grade: this course's labs, and those that a teacher has described.

Both have a name (`lab`), a notebook (`name`), exercises and questions, so the rest of the room asks no further.
"""

from pathlib import Path

import nbformat

from autograder.authoring.build import build, release_own
from autograder.authoring.own_course.description import (
    OwnCourseError,
    OwnNotebook,
    find_notebooks,
    own_assignments,
)
from autograder.authoring.own_course.framing import in_frame
from autograder.authoring.own_course.source import assignment_of_own
from autograder.hidden.assignments import assignment_of
from autograder.judge.assignment import Assignment
from autograder.judge.verdict import verdict_path
from course.errors import UnknownName
from course.notebooks.lesson import find_lesson, lessons


def known_assignments(course_dir):
    """Names of all that can be graded in a course folder."""
    return [*own_assignments(course_dir), *(lesson.lab for lesson in lessons().values())]


def find_assignments(course_dir, name):
    """The notebooks of an assignment: a lab's `Lesson`, or an own one's `OwnNotebook`s.

    Raises:
        UnknownName: if nobody described it.
        autograder.authoring.own_course.description.OwnCourseError: if what was described does not fit together.
    """
    own = find_notebooks(course_dir, name)
    if own:
        return own
    try:
        return [find_lesson(name)]
    except UnknownName as error:
        if (Path(course_dir) / "source" / name).is_dir():
            raise UnknownName(
                f"{name} is not described to trusted grading, so nothing of it was run: write probes/{name}.py in the "
                "course folder (docs/own_course.md), or say there `contain = True`"
            ) from None
        raise error


def find_notebook(course_dir, name, notebook=None):
    """One notebook of an assignment.

    Args:
        course_dir: the course folder.
        name: the assignment's name, or `ASSIGNMENT/NOTEBOOK` for one of several.
        notebook: which of them; may be left out where there is one.

    Raises:
        OwnCourseError: if it has to be said which one.
        LookupError: if there is no such notebook. Others as `find_assignments`.
    """
    if notebook is None and "/" in name:
        name, notebook = name.split("/", 1)
    found = find_assignments(course_dir, name)
    if notebook is None and len(found) > 1:
        names = [f"{name}/{one.name}" for one in found]
        raise OwnCourseError(f"{name} has several notebooks: say which, {' or '.join(names)}")
    for one in found:
        if notebook in (None, one.name):
            return one
    raise LookupError(f"{name} has no notebook {notebook} that trusted grading knows")


def find_chosen(course_dir, name):
    """The notebooks that a person means by `ASSIGNMENT`, all, or by `ASSIGNMENT/NOTEBOOK`, that one."""
    if "/" not in name:
        return find_assignments(course_dir, name)
    try:
        return [find_notebook(course_dir, name)]
    except LookupError as error:
        raise UnknownName(str(error)) from None


def judged_as(lesson) -> Assignment:
    """What the judge is told of it."""
    return assignment_of_own(lesson) if isinstance(lesson, OwnNotebook) else assignment_of(lesson)


def grade_ids(lesson):
    """Names of the cells in the gradebook that hold points: `(exercises, questions)`."""
    if isinstance(lesson, OwnNotebook):
        return set(mark_cells(lesson)), set(lesson.questions)
    return {f"check_{name}" for name in lesson.exercises}, {
        question_id(lesson, one) for one in lesson.questions
    }


def question_id(lesson, name):
    """The name in the gradebook of a question's cell."""
    return name if isinstance(lesson, OwnNotebook) else f"question_{name}"


def place_name(lesson):
    """What a file about a notebook is called: as its assignment, unless that has several."""
    several = isinstance(lesson, OwnNotebook) and lesson.several
    return f"{lesson.lab}_{lesson.name}" if several else lesson.lab


def verdict_file(course_dir, lesson, student):
    """Where a learner's verdict on a notebook is kept; of several in one assignment, each has a folder of its own."""
    several = isinstance(lesson, OwnNotebook) and lesson.several
    return verdict_path(course_dir, f"{lesson.lab}/{lesson.name}" if several else lesson.lab, student)


def mark_cells(lesson):
    """Name of each cell that a mark goes to -> `(exercise, share of its points)`."""
    if not isinstance(lesson, OwnNotebook):
        return {name: (name, 1.0) for name in lesson.exercises}
    return {
        grade_id: (one.name, points / one.points if one.points else 0.0)
        for one in lesson.exercises.values()
        for grade_id, points in one.cells
    }


def release(course_dir, lesson, config):
    """Let nbgrader make the notebook that learners get, and enter it in the gradebook."""
    if isinstance(lesson, OwnNotebook):
        release_own(course_dir, lesson, config)
    else:
        build(course_dir, [lesson], config=config)


def read_release(folder, lesson):
    """The released notebook, each cell of which says what it is.

    Args:
        folder: `release/LAB`.
        lesson: the notebook, as `find_assignments` gives it.
    """
    release = nbformat.read(Path(folder) / f"{lesson.name}.ipynb", as_version=4)
    return in_frame(release, lesson) if isinstance(lesson, OwnNotebook) else release

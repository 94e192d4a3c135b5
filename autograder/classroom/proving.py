"""The gates of whatever a course folder can grade: one of our labs, or an assignment of somebody's own."""

from pathlib import Path

from autograder.authoring import gates
from autograder.authoring.own_course.description import OwnNotebook
from autograder.authoring.own_course.proofs import own_gates
from autograder.classroom.assignments import find_assignments, release
from autograder.classroom.submissions import load_config
from course.errors import UnknownName


def prove(course_dir, name, exercise, seed, isolation, progress):
    """Run the gates of an assignment.

    Args:
        course_dir: the course folder, for an own assignment.
        name: of the lab or assignment; `ASSIGNMENT/NOTEBOOK` for one of several notebooks.
        exercise: only this one; all if `None`.
        seed, isolation: as for grading.
        progress: called with what is being proved.

    Returns:
        `(lesson, rows)`; for several notebooks the first one, and the rows of all.

    Raises:
        UnknownName: if there is no such assignment or exercise.
    """
    found, rows = find_assignments(course_dir, name), []
    known = [one for lesson in found for one in lesson.exercises]
    if exercise is not None and exercise not in known:
        raise UnknownName(f"{name} has no exercise {exercise!r}; it has {', '.join(known)}")
    for lesson in found:
        if exercise is not None and exercise not in lesson.exercises:
            continue
        if not isinstance(lesson, OwnNotebook):
            rows += gates.gates(lesson, seed, isolation, progress, exercise)
            continue
        config = load_config(course_dir)
        if not (Path(course_dir) / "release" / lesson.lab / f"{lesson.name}.ipynb").exists():
            progress("the release")
            release(course_dir, lesson, config)
        seconds = float(config.GradeInSandbox.get("seconds", 10.0))
        rows += own_gates(course_dir, lesson, seed, isolation, exercise, progress, seconds)
    return found[0], rows

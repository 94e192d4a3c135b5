"""The gates of an own assignment, and notebooks as learners might hand them in.

* the solutions earn every point and the untouched notebook none, both through the sandbox;
* every misconception loses points and comes out under its own name;
* every alternative earns every point.
"""

import ast
import copy
from dataclasses import replace
from pathlib import Path

import nbformat

from autograder.authoring.gates import Row, record_misconception, record_whole
from autograder.authoring.own_course.framing import in_frame
from autograder.authoring.own_course.source import assignment_of_own
from autograder.judge import DEFAULT_SEED
from autograder.judge.grader import Grader
from autograder.judge.marking import EntrySession, mark_exercise
from autograder.judge.notebook_repair import repair
from course.checking import code_reader
from course.checking.shortcuts import parse

ATTACK = "import os\nos.system('touch /tmp/was_here')\nopen('/etc/passwd').read()"
ENDLESS = "while True:\n    pass"


def released(course_dir, own):
    """The notebook that learners get."""
    return nbformat.read(Path(course_dir) / "release" / own.lab / f"{own.name}.ipynb", as_version=4)


def submission(course_dir, own, answers):
    """A learner's notebook. `answers`: `grade_id` -> source of that cell; the others stay as released."""
    notebook = copy.deepcopy(released(course_dir, own))
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    return notebook


def solutions(own):
    """`grade_id` -> source of every solution cell."""
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in own.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def pasted(own, entry):
    """An entry of the file of probes as a learner would have written it."""
    text = own.bank.path.read_text(encoding="utf-8")
    for one in parse(text).body:
        if getattr(one, "name", None) == entry.name:
            one.name, one.decorator_list = entry.exercise, []
            return ast.unparse(one)
    raise LookupError(f"{entry.name} is not defined in {own.bank.path}")


def _place(own, exercise):
    """The solution cell that defines an exercise."""
    from course.checking.shortcuts import defines

    return next(grade_id for grade_id, source in solutions(own).items() if defines(source, exercise))


def sample_class(course_dir, own):
    """Student -> notebook: right in two styles, mistaken, untouched, hostile, endless."""
    right = solutions(own)

    def with_entries(entries):
        return right | {_place(own, entry.exercise): pasted(own, entry) for entry in entries}

    others = [entries[0] for entries in own.bank.alternatives.values()]
    wrong = [entries[0] for entries in own.bank.misconceptions.values()]
    hostile = submission(course_dir, own, right)
    hostile.cells.append(nbformat.v4.new_code_cell(ATTACK))
    endless = submission(course_dir, own, right)
    endless.cells.append(nbformat.v4.new_code_cell(ENDLESS))
    return {
        "ada": submission(course_dir, own, right),
        "barbara": submission(course_dir, own, with_entries(others)),
        "chen": submission(course_dir, own, with_entries(wrong)),
        "dmitri": submission(course_dir, own, {}),
        "emeka": hostile,
        "fatima": endless,
    }


def own_gates(
    course_dir,
    own,
    seed=DEFAULT_SEED,
    isolation="full",
    exercise=None,
    progress=lambda text: None,
    seconds=10.0,
):
    """Run the gates of an own assignment.

    Args:
        course_dir: the course folder, with the release.
        own: an `OwnNotebook`.
        seed: what probes draw from.
        isolation: as for grading.
        exercise: only this one; all if left out.
        progress: called with what is being proved.
        seconds: processor seconds for one cell or probe.

    Returns:
        A list of `Row`, one per exercise.
    """
    assignment = assignment_of_own(own)
    if exercise is not None:
        assignment = replace(assignment, exercises={exercise: assignment.exercises[exercise]})
    rows = {name: Row(name, one.points) for name, one in assignment.exercises.items()}
    progress("solutions and untouched notebook")
    _whole_notebooks(course_dir, own, assignment, rows, Grader(isolation, seed, seconds))
    for name, row in rows.items():
        progress(name)
        _entries(assignment, own, row, seed)
    return list(rows.values())


def _whole_notebooks(course_dir, own, assignment, rows, grader):
    frame = in_frame(released(course_dir, own), own)
    try:
        full, empty = (
            grader.grade(
                assignment,
                repair(frame, nbformat.writes(submission(course_dir, own, answers)), code_reader).notebook,
            )
            for answers in (solutions(own), {})
        )
    finally:
        grader.close()
    record_whole(rows, full, empty, "the solution")


def _entries(assignment, own, row, seed):
    for entry in own.bank.misconceptions.get(row.exercise, ()):
        row.misconceptions += 1
        mark = mark_exercise(EntrySession(entry), assignment, row.exercise, seed)
        record_misconception(row, entry, mark)
    for entry in own.bank.alternatives.get(row.exercise, ()):
        row.alternatives += 1
        mark = mark_exercise(EntrySession(entry), assignment, row.exercise, seed)
        row.accepted += mark.right
        if not mark.right:
            row.faults.append(f"alternative {entry.name} is refused: {mark.problems[0]}")

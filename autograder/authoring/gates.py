"""The gates every exercise must pass before a lab may be taught. Authors live by them, and CI runs them.

* the reference earns every point, the untouched notebook none (both through the sandbox, as a submission);
* every misconception loses points in the hidden probes and comes out under its own name;
* the visible checks catch at least nine in ten misconceptions;
* every alternative passes visible checks and hidden probes.
"""

from dataclasses import dataclass, field, replace

from autograder.authoring.build import entry_source, submission
from autograder.authoring.corners import Drawn, corners
from autograder.authoring.source_code import without_markers
from autograder.hidden import entries
from autograder.hidden.assignments import assignment_of, import_keras
from autograder.judge import DEFAULT_SEED
from autograder.judge.grader import Grader
from autograder.judge.marking import EntrySession, mark_exercise
from course import checking
from course.checking.shortcuts import find_shortcuts

LEAST_MISCONCEPTIONS, LEAST_ALTERNATIVES, LEAST_VISIBLE = 5, 3, 0.9


@dataclass
class Row:
    """The gates of one exercise. `faults` says in words what does not hold, `drawn` what the probes drew."""

    exercise: str
    points: float
    reference: float = 0.0
    untouched: float = 0.0
    misconceptions: int = 0
    visible: int = 0
    hidden: int = 0
    named: int = 0
    alternatives: int = 0
    accepted: int = 0
    drawn: Drawn = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def gates(lesson, seed=DEFAULT_SEED, isolation="full", progress=lambda text: None, exercise=None):
    """Run all gates of one lab.

    Args:
        lesson: a `Lesson`.
        seed: what probes draw from.
        isolation: as for grading.
        progress: called with the name of each exercise as its turn comes.
        exercise: only this one; all if left out.

    Returns:
        A list of `Row`, one per exercise.
    """
    import_keras()
    rows = {
        name: Row(name, cell.points) for name, cell in lesson.exercises.items() if exercise in (None, name)
    }
    progress("reference and untouched notebook")
    _whole_notebooks(lesson, rows, seed, isolation)
    for name, row in rows.items():
        progress(name)
        _misconceptions(lesson, row, seed)
        _alternatives(lesson, row, seed)
        row.drawn = corners(assignment_of(lesson), name, seed)
    return list(rows.values())


def reference_submission(lesson):
    """The released notebook, every exercise answered as the reference does."""
    from autograder.authoring.build import source_notebook

    answers = {
        cell.metadata.course["name"]: without_markers(cell.source)
        for cell in source_notebook(lesson).cells
        if cell.metadata.course["role"] == "answer"
    }
    return submission(lesson, answers)


def _whole_notebooks(lesson, rows, seed, isolation):
    grader, assignment = Grader(isolation, seed), assignment_of(lesson)
    if len(rows) < len(assignment.exercises):
        assignment = replace(assignment, exercises={name: assignment.exercises[name] for name in rows})
    try:
        full, empty = (
            grader.grade(assignment, notebook)
            for notebook in (reference_submission(lesson), submission(lesson, {}))
        )
    finally:
        grader.close()
    record_whole(rows, full, empty, "the reference")


def record_whole(rows, full, empty, right):
    """Note what a right and an untouched notebook earned.

    Args:
        rows: exercise -> its `Row`.
        full, empty: the `Verdict`s of the two.
        right: what the right one is called in a sentence.
    """
    for mark in full.marks:
        rows[mark.exercise].reference = mark.points
        if not mark.right:
            rows[mark.exercise].faults.append(f"{right} loses points: {'; '.join(mark.problems)}")
    for mark in empty.marks:
        rows[mark.exercise].untouched = mark.points
        if mark.points:
            rows[mark.exercise].faults.append(f"the untouched notebook earns {mark.points:g} points")


def record_misconception(row, entry, mark):
    """Note in an exercise's `Row` the `Mark` of one of its misconceptions: points must be lost, under its name."""
    row.hidden += not mark.right
    row.named += mark.diagnosis == entry.name
    if mark.right:
        row.faults.append(f"misconception {entry.name} loses no points")
    elif mark.diagnosis != entry.name:
        row.faults.append(f"misconception {entry.name} is diagnosed as {mark.diagnosis or 'nothing known'}")


def _misconceptions(lesson, row, seed):
    found = entries.misconceptions(lesson.name, row.exercise)
    row.misconceptions = len(found)
    if len(found) < LEAST_MISCONCEPTIONS:
        row.faults.append(f"{len(found)} misconceptions; at least {LEAST_MISCONCEPTIONS} are due")
    for entry in found:
        _expect_pastable(lesson, entry, row)
        row.visible += not checking.run_checks(entry.answer, row.exercise).passed
        mark = mark_exercise(EntrySession(entry), assignment_of(lesson), row.exercise, seed)
        record_misconception(row, entry, mark)
    if row.visible < LEAST_VISIBLE * len(found):
        row.faults.append(
            f"the visible checks catch {row.visible} of {len(found)} misconceptions; nine in ten are due"
        )


def _alternatives(lesson, row, seed):
    found = entries.alternatives(lesson.name, row.exercise)
    row.alternatives = len(found)
    if len(found) < LEAST_ALTERNATIVES:
        row.faults.append(f"{len(found)} alternatives; at least {LEAST_ALTERNATIVES} are due")
    for entry in found:
        _expect_pastable(lesson, entry, row)
        report = checking.run_checks(entry.answer, row.exercise)
        mark = mark_exercise(EntrySession(entry), assignment_of(lesson), row.exercise, seed)
        problems = report.problems + mark.problems + _shortcut(lesson, entry)
        row.accepted += not problems
        if problems:
            row.faults.append(f"alternative {entry.name} is refused: {problems[0]}")


def _shortcut(lesson, entry):
    cell = lesson.exercises[entry.exercise]
    return [
        f"taken for a shortcut: {name}"
        for name in find_shortcuts(entry_source(entry), entry.exercise, cell.forbidden)
    ]


def _expect_pastable(lesson, entry, row):
    """Each entry must be able to stand in a notebook: it is handed in as a submission in tests and in the demo."""
    try:
        compile(entry_source(entry, lesson), entry.name, "exec")
    except (ValueError, SyntaxError) as error:
        row.faults.append(f"{entry.name} cannot be pasted into a notebook: {error}")

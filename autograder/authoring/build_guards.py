"""What a build refuses to do: lose marks, give answers away, overwrite somebody's work."""

from pathlib import Path

import nbformat

from autograder.authoring.model_answers import model_answers
from autograder.authoring.source_code import BEGIN, END, Reference
from course.notebooks.lesson import LessonError


def is_answer(cell):
    """Whether a learner writes in this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def expect_same_cells(settings, lesson, notebook):
    """Raise `LessonError` if nbgrader's cells came or went while the gradebook holds submissions.

    nbgrader would fail on this too, but only after it has removed the old release.
    """
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.coursedir import CourseDirectory

    coursedir = CourseDirectory(config=settings)
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            known = gradebook.find_notebook(lesson.name, lesson.lab)
        except MissingEntry:
            return
        if not known.submissions:
            return
        before = {cell.name for cell in known.source_cells}
    after = {cell.metadata.nbgrader["grade_id"] for cell in notebook.cells if "nbgrader" in cell.metadata}
    if before != after:
        reason = "the gradebook holds submissions of this lab, so its graded and locked cells must stay as they are; "
        reason += f"these came or went: {', '.join(sorted(before ^ after))}. Build into a new course folder"
        raise LessonError(lesson.path, 1, reason)


def expect_no_answers(released, lesson, root):
    """Raise `LessonError` if a cell of the released notebook holds what a learner is to find."""
    reference = Reference(Path(root) / "solutions" / f"{lesson.name}.py")
    secrets = [
        (cell, text) for cell in lesson.exercises.values() for text in reference.answer(cell.name).solutions()
    ]
    answers = model_answers(root, lesson.name)
    secrets += [(cell, answers[name].text) for name, cell in lesson.questions.items()]
    secrets = [(cell, [row.strip() for row in text.splitlines()]) for cell, text in secrets if text.strip()]
    for cell in released.cells:
        rows = [row.strip() for row in cell.source.splitlines()]
        for origin, secret in secrets:
            if any(rows[start : start + len(secret)] == secret for start in range(len(rows))):
                reason = (
                    f"the released notebook gives the answer to {origin.name!r} away, in cell {cell.id!r}"
                )
                raise LessonError(lesson.path, origin.line, reason)
        if BEGIN in cell.source or END in cell.source:
            raise LessonError(lesson.path, 1, f"a solution marker is left in cell {cell.id!r}")


def expect_untouched(lab):
    """Raise `LessonError` if somebody has written an answer into this released notebook."""
    from nbgrader.utils import compute_checksum

    try:
        cells = nbformat.read(lab, as_version=4).cells
    except Exception:  # whatever it is, it may be somebody's
        raise LessonError(
            lab, 1, "this is no notebook any more; move the file away, then build again"
        ) from None
    for cell in cells:
        if is_answer(cell) and cell.metadata.nbgrader.get("checksum") not in (None, compute_checksum(cell)):
            name = cell.metadata.nbgrader["grade_id"]
            raise LessonError(
                lab, 1, f"somebody's answer to {name!r} stands here; move the file away, then build again"
            )

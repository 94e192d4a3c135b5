"""Tells the judge which cell of an ordinary nbgrader notebook is what, as our own labs' notebooks say of themselves.

`cell.metadata.course` is `{"role": ..., "name": ...}`, a pair that no other cell has: an answer, a check whose mark is
somebody else's to say, a contained test, a cell given or free to write in, a question that a person grades, prose.
"""

import copy
import re

from autograder.authoring.own_course.description import OwnCourseError, OwnNotebook


def in_frame(released, own: OwnNotebook):
    """A copy of the released notebook that says what its cells are; contained tests as they stand in the source.

    Raises:
        OwnCourseError: if the release is not of this source.
    """
    contained = {grade_id for one in own.exercises.values() if one.contained for grade_id, _ in one.cells}
    sources = {_grade_id(cell): cell.source for cell in own.notebook.cells if _grade_id(cell)}
    checks = {grade_id for one in own.exercises.values() for grade_id, _ in one.cells}
    framed = copy.deepcopy(released)
    framed.nbformat_minor = max(5, framed.nbformat_minor)
    missing = checks - {_grade_id(cell) for cell in framed.cells}
    if missing:
        raise OwnCourseError(
            f"the released {own.name} lacks {', '.join(sorted(missing))}: run `nbgrader generate_assignment {own.lab}` "
            "again"
        )
    for number, cell in enumerate(framed.cells):
        role, name = _role(cell, contained), _grade_id(cell) or f"cell-{number}"
        cell.metadata.course = {"role": role, "name": name}
        if role == "test":
            cell.source = sources[name]
        # Free cells keep their id, which is all that a submitted one is found by.
        keep = role == "free" and cell.get("id")
        cell["id"] = cell["id"] if keep else cell_id(role, name)
    framed.metadata.course = {"lab": own.lab}
    return framed


def cell_id(role, name):
    """What a cell is called where it runs."""
    return f"{role}-{re.sub(r'[^A-Za-z0-9_-]', '_', name)}"[:64]


def _grade_id(cell):
    about = cell.metadata.get("nbgrader", {})
    return about.get("grade_id", "") if isinstance(about, dict) else ""


def _role(cell, contained):
    about = cell.metadata.get("nbgrader", {})
    code = cell.cell_type == "code"
    if about.get("grade") and not about.get("solution"):
        return "test" if about["grade_id"] in contained else "check"
    if about.get("task") or about.get("grade"):
        return "free" if code else "question"
    if about.get("solution"):
        return "answer" if code else "question"
    if about.get("locked"):
        return "given" if code else "prose"
    return "free" if code else "prose"

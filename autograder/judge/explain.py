"""Says what really cost a mark, where the probes alone can only say that something is missing or of a wrong kind.

A cell that stopped before it defined its answer, or a name that the notebook binds once more further down: the probes see
"not defined" or "'int' object is not callable". Explanations never change points.
"""

import ast
import re
from typing import Any

from autograder.judge.assignment import CodeReader
from autograder.judge.outcome import Status
from autograder.judge.verdict import Mark

_UNDEFINED = re.compile(r"name '(\w+)' is not defined")


def explain(mark: Mark, cells: Any, stopped: Any, reader: CodeReader) -> Mark:
    """Add the true reason to a mark that is not full.

    Args:
        mark: what an exercise earned.
        cells: `(name, source)` of the cells that ran.
        stopped: name of a cell -> how it stopped, in words.
        reader: reads cells.

    Returns:
        The same `Mark`, with the reason as its first problem if one was found.
    """
    if mark.right:
        return mark
    foreign = _imported_from_elsewhere(mark.exercise, cells, stopped, reader)
    if foreign:
        mark.problems, mark.status = [foreign], Status.RAISED
        return mark
    reason = _never_defined(mark, cells, stopped, reader) or _bound_again(mark.exercise, cells, reader)
    if reason:
        mark.problems = [reason, *(text for text in mark.problems if "no definition of" not in text)]
        if mark.status is Status.UNWRITTEN:  # something is written, and does not count
            mark.status = Status.RAISED
    return mark


def _imported_from_elsewhere(exercise, cells, stopped, reader):
    """A sentence for an answer that is only imported, from a module that is not there."""
    found = None
    for cell, source in cells:
        for statement in reader.definitions(reader.read_cell(source).tree).get(exercise, ()):
            missing = cell in stopped and "ModuleNotFoundError" in stopped[cell]
            if not (missing and isinstance(statement, ast.ImportFrom)):
                return None
            found = f"`{exercise}` is imported, and the cell {stopped[cell]}{_about_modules(stopped[cell])}"
    return found


def _never_defined(mark, cells, stopped, reader):
    missing = {name for text in mark.problems for name in _UNDEFINED.findall(text)}
    missing |= {mark.exercise} if any("no definition of" in text for text in mark.problems) else set()
    ordered = sorted(missing, key=lambda name: name != mark.exercise)
    for name in ordered:
        for cell, source in reversed(cells):
            if cell in stopped and _would_bind(source, name, reader):
                hint = _about_modules(stopped[cell])
                return f"the cell that defines `{name}` {stopped[cell]}{hint}"
    for cell, source in reversed(cells):
        if mark.exercise in missing and cell in stopped and re.search(r"(?m)^\s*from .+ import \*", source):
            return (
                f"`{mark.exercise}` is defined in no cell, and one that might import it {stopped[cell]}"
                + _about_modules(stopped[cell])
            )
    return None


def _about_modules(sentence):
    if "ModuleNotFoundError" not in sentence:
        return ""
    return (
        ". Only the notebook is handed in, and only the packages of the course are there when it is graded: paste what you "
        "import from a file of your own into a cell"
    )


def _would_bind(source, name, reader):
    cell = reader.read_cell(source)
    if not cell.problem:
        return name in reader.definitions(cell.tree)
    word = re.escape(name)
    return bool(
        re.search(rf"(?m)^[ \t]*(?:(?:async )?(?:def|class)[ \t]+{word}\b|{word}[ \t]*=[^=])", source)
    )


def _bound_again(exercise, cells, reader):
    """A sentence about the statement that binds an exercise's name once more, after its definition."""
    again = reader.rebound(exercise, [reader.read_cell(source).tree for _, source in cells])
    return f"{again}: that is what was graded, not what stands above it" if again else None

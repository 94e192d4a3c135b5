"""Where in a lab something stands: the section of an exercise, the cell that a name comes from, which lab is open."""

import functools
import os
import re
from pathlib import Path

from course.notebooks.cell_source import read_cell
from course.notebooks.definitions import definitions
from course.notebooks.lesson import lessons

HEADING = re.compile(r"(?m)^#{2,3} +(.+?) *$")
NUMBER = re.compile(r"(\d+\.\d+)\s+(.*)")


@functools.lru_cache(maxsize=64)
def sections(lesson):
    """`(kind, name)` of each exercise, question and experiment -> the heading above it, such as "1.2 From scores to ..."."""
    found, heading = {}, ""
    for cell in lesson.cells:
        if cell.kind in ("lab", "markdown"):
            for title in HEADING.findall(cell.source):
                heading = title if NUMBER.match(title) or not heading else heading
        elif cell.name:
            found[cell.kind, cell.name] = heading
    return found


def section_number(lesson, exercise):
    """The number of an exercise's section, such as "1.2"; an empty text where its heading has none."""
    found = NUMBER.match(sections(lesson).get(("exercise", exercise), ""))
    return found.group(1) if found else ""


def where(lesson, exercise):
    """Words that lead to an exercise: "section 1.2", or the lab's title if its sections have no numbers."""
    number = section_number(lesson, exercise)
    return f"section {number}" if number else f"Lab {lesson.number}"


@functools.lru_cache(maxsize=8)
def sources_of_names(lesson):
    """Name -> words for the cell of the lab that binds it first: "the experiment in section 1.3"."""
    found, heading = {}, ""
    for cell in lesson.cells:
        if cell.kind in ("lab", "markdown", "question"):
            heading = next(
                (title for title in reversed(HEADING.findall(cell.source)) if NUMBER.match(title)), heading
            )
            continue
        if cell.kind == "exercise":
            continue
        number = NUMBER.match(heading)
        place = f"in section {number.group(1)}" if number else "at the top"
        what = {"code": "the set-up cell", "given": "the cell that the lab gives you"}.get(
            cell.kind, "the experiment"
        )
        names = cell.name.replace(" ", "").split(",") if cell.kind == "given" else []
        tree = read_cell(cell.source).tree
        for name in [*names, *(definitions(tree) if tree else ())]:
            found.setdefault(name, f"{what} {place}")
    return found


def notebook_path(namespace=None):
    """The notebook that this kernel belongs to, as JupyterLab or VS Code tells it; `None` if it cannot be found out."""
    told = str((namespace or {}).get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", ""))
    for place in (Path(told), Path.home() / told.lstrip("/"), Path.cwd() / Path(told).name):
        if told.endswith(".ipynb") and place.is_file():
            return place
    inside = sorted(Path.cwd().glob("*.ipynb"))
    return inside[0] if len(inside) == 1 else None


def current_lesson(namespace=None):
    """The lesson of the open notebook; without one, of whose exercises most are defined; `None` if there are none."""
    namespace = namespace or {}
    told = str(namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", ""))
    for lesson in lessons().values():
        if Path(told).stem == lesson.name or lesson.lab in Path(told).parts:
            return lesson
    # What was carried over from other labs is no sign of this one.
    own = {
        lesson: sum(getattr(namespace.get(name), "__module__", "") == "__main__" for name in lesson.exercises)
        for lesson in lessons().values()
    }
    best = max(own, key=own.get, default=None)
    if best is not None and own[best]:
        return best
    named = [lesson for lesson in lessons().values() if Path.cwd().name == lesson.lab]
    return named[0] if named else None

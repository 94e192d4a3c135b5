"""In a notebook: a cell that is run too early says what it waits for, instead of a traceback.

An experiment calls what the learner has not written yet, or a name that a cell above was to bind. Both end in an error
that says nothing to a beginner. Here IPython is asked to let us look first.
"""

import difflib
import linecache
import traceback
from collections.abc import Mapping
from typing import Any

from course.checking.report import unwritten
from course.notebooks.cell_source import read_cell
from course.notebooks.definitions import definitions, unfinished
from course.notebooks.lesson import find_exercise, lessons
from course.notebooks.sections import current_lesson, sources_of_names, where

THEN = "then run this cell again"


def install(shell: Any) -> None:
    """Have a notebook's cells looked at when they stop. Somebody else's handler is left in place."""
    if shell is not None and not shell.custom_exceptions:
        shell.set_custom_exc((NotImplementedError, NameError), _look_first)


def _look_first(shell, kind, error, trace, tb_offset=None):
    try:
        said = reason(error, shell.user_ns)
    except Exception:  # a sentence would be kind; the learner's error is what matters
        said = None
    if said:
        error._render_traceback_ = lambda: [said]  # what IPython asks an exception for
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)


def reason(error: BaseException, namespace: Mapping[str, Any]) -> str | None:
    """What a cell that stopped with this error waits for, in a sentence; `None` if it is an error like any other.

    Args:
        error: a `NotImplementedError` or `NameError` with its traceback.
        namespace: the notebook's variables.
    """
    if isinstance(error, NameError):
        return _unbound(error, namespace)
    message = str(error)
    if not unwritten(error) and "in user code:" not in message:
        return None
    waited = _in_traceback(error) or _in_cell(namespace)
    if not waited:
        return None
    places = " and ".join(f"{name} ({where(find_exercise(name)[0], name)})" for name in waited)
    still = "is not written yet: write it" if len(waited) == 1 else "are not written yet: write them"
    return f"Not yet: this waits for {places}, which {still}, {THEN}."


def _in_traceback(error):
    """The innermost exercise whose code was running."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        owner = type(frame.f_locals["self"]).__mro__ if "self" in frame.f_locals else ()
        for name in (frame.f_code.co_name, *(part.__name__ for part in owner)):
            if _is_exercise(name):
                return [name]
    return []


def _in_cell(namespace):
    """Exercises that the cell which runs speaks of and that are unwritten: in a graph, frames are hidden."""
    cells = [cell for cell in namespace.get("In", ()) if isinstance(cell, str)]
    source = cells[-1] if cells else ""
    return [name for name in _exercises() if name in source and _is_unwritten(namespace.get(name), name)]


def _is_unwritten(thing, name):
    codes = [getattr(part, "__code__", None) for part in (thing, *vars(thing).values())] if thing else []
    for code in codes:
        source = "".join(linecache.getlines(code.co_filename)) if code else ""
        if source and any(unfinished(made) for made in definitions(read_cell(source).tree).get(name, ())):
            return True
    return False


def _unbound(error, namespace):
    """What a name that is not there was to come from."""
    name = getattr(error, "name", None)
    if not name or (f"'{name}'" not in str(error)):
        return None
    lesson = current_lesson(namespace)
    if _is_exercise(name):
        home = find_exercise(name)[0]
        return f"Not yet: {name} is not there. Run its cell ({where(home, name)}), {THEN}."
    place = lesson and sources_of_names(lesson).get(name)
    if place:
        return f"Not yet: {name} comes from {place}. Run that cell first, {THEN}."
    near = difflib.get_close_matches(name, lesson.exercises if lesson else _exercises(), n=1, cutoff=0.8)
    return f"There is no {name}. Did you mean {near[0]}?" if near else None


def _exercises():
    return [name for lesson in lessons().values() for name in lesson.exercises]


def _is_exercise(name):
    return any(name in lesson.exercises for lesson in lessons().values())

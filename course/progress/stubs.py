"""`course.reset("softmax")`: an exercise as it was handed out, in a new cell. Nothing is taken away.

What an unwritten exercise looks like is in the notebook alone, and there it is written over. So when a lab is opened, the
ones that are still unwritten are copied to the learner's folder of progress.
"""

import json
import time

from course.errors import CourseError
from course.notebooks import notebook as notebooks
from course.notebooks.find_cells import defined_in
from course.notebooks.labs_folder import CHECKOUT
from course.notebooks.lesson import find_exercise
from course.notebooks.sections import notebook_path
from course.notebooks.shell import notebook_shell
from course.progress import store


def keep_stubs(path):
    """Copy the exercises of a notebook that are still as they were handed out, those that were not copied before.

    Never raises: it runs when a lab is opened.
    """
    place = store.folder()
    try:
        if place is None or path is None:
            return
        book = notebooks.read(path)
        known = _kept(place, book.lab)
        found = _stubs(book)
        if found.items() - known.items():
            store.write(place / "stubs" / f"{book.lab}.json", json.dumps(known | found))
    except Exception:  # a notebook in whatever state: `reset` says then that there is no copy
        return


def reset(exercise, namespace=None):
    """Put an exercise back as it was handed out: in a new cell below, or printed where there is no notebook.

    What the learner wrote stays in its cell, and a copy of it as it was last saved is kept.

    Args:
        exercise: its name.
        namespace: the notebook's variables.

    Raises:
        UnknownName: if there is no such exercise.
        CourseError: if no copy of it is there; the text says what to do.
    """
    lesson, _ = find_exercise(exercise)
    path = notebook_path(namespace)
    stub = _kept(store.folder(), lesson.lab).get(exercise) if store.folder() else None
    if stub is None:
        stub = _from_checkout(lesson).get(exercise)
    if stub is None:
        raise CourseError(
            f"There is no copy of {exercise} as it was handed out. Take it from a fresh copy of {lesson.lab}: copy its "
            "cell and paste it below yours."
        )
    copy = _keep_own(path, lesson, exercise)
    shell = notebook_shell()
    if shell is None:
        print(stub)
    else:
        shell.set_next_input(stub)
    print(
        f"{exercise}, as it was handed out, is {'in the new cell below' if shell else 'above'}. Write it there and run it; or copy it over "
        f"what stands in its own cell, and delete the new one (click beside it, then press D twice). Yours is still in its cell"
        f"{f', and as it was last saved in {copy}' if copy else ''}."
    )


def _stubs(book):
    return {
        cell.name: cell.source
        for cell in book.cells
        if cell.role == "answer" and defined_in(cell.source, (cell.name,)).get(cell.name) is False
    }


def _kept(place, lab):
    try:
        found = json.loads((place / "stubs" / f"{lab}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def _from_checkout(lesson):
    path = CHECKOUT / "labs" / lesson.lab / f"{lesson.name}.ipynb"
    try:
        return _stubs(notebooks.read(path))
    except CourseError:
        return {}


def _keep_own(path, lesson, exercise):
    """A copy of what the learner wrote, as the notebook was last saved; where it is, or `None`."""
    place = store.folder()
    if place is None or path is None:
        return None
    try:
        book = notebooks.read(path)
    except CourseError:
        return None
    own = [cell.source for cell in book.cells if cell.role == "answer" and cell.name == exercise]
    if book.lab != lesson.lab or not own or exercise in _stubs(book):
        return None
    copy = place / "kept" / f"{exercise}-{time.strftime('%Y%m%d-%H%M%S')}.py"
    return copy if store.write(copy, "\n\n\n".join(own) + "\n") else None

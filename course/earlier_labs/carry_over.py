"""Carry-over: a later lab is built on what the learner wrote in an earlier one.

    MultiHeadAttention, causal_mask = course.carry("MultiHeadAttention", "causal_mask")

brings the learner's own, if it passes all its visible checks, and else the course's, and says which, out of which file.
"""

import contextlib
import functools
import io
import os
from pathlib import Path

from course.errors import CourseError
from course.machine.time_limit import TooLong, time_limit
from course.notebooks import notebook as notebooks

UP = 3  # how many folders above the current one are searched for the earlier lab
SECONDS_A_CELL = 20  # definitions alone are run, which take none
SECONDS_OF_CHECKS = 60  # of one exercise


def carry(*names, notebook=None):
    """Bring earlier answers into this lab, the learner's own where they pass.

    Args:
        names: names of exercises of earlier labs.
        notebook: the earlier lab's notebook, if it does not lie in its folder next to this lab's.

    Returns:
        The function or class itself for one name, a tuple in the order of `names` for several. Prints one line for
        each: whose it is, and why. While grading (COURSE_GRADING=1) always the course's, without a word.

    Raises:
        CourseError: if a name is no exercise; the text names the nearest.
    """
    if not names:
        raise CourseError('Name what to carry over, for example course.carry("MultiHeadAttention").')
    grading = os.environ.get("COURSE_GRADING") == "1"
    found = []
    for name in names:
        own, reason = (None, "") if grading else _own(name, notebook)
        found.append(_ours(name, reason) if own is None else own)
        if not grading:
            end = "" if reason.endswith((".", "?", "!")) else "."
            print(f"{name}: {'the course’s, because ' if own is None else ''}{reason}{end}")
    return found[0] if len(found) == 1 else tuple(found)


def _ours(name, reason):
    from course import blocks

    try:
        return getattr(blocks, name)
    except AttributeError:
        why = f" and yours cannot be used: {reason}" if reason else ""
        raise CourseError(
            f"The course has no ready-made {name!r}{why}. Finish it in its lab first."
        ) from None


def _own(name, given):
    """`(the learner's, whose it is and where it is from)`, or `(None, why not)`."""
    from course.notebooks.lesson import find_exercise

    lesson, _ = find_exercise(name)
    path = Path(given).expanduser() if given is not None else look_for(lesson)
    if path is None:
        return None, f"there is no {lesson.lab}/{lesson.name}.ipynb next to this lab"
    elsewhere = given is None and not _beside(path, lesson)
    if elsewhere:  # a path that runs up through folders says little
        path = path.resolve()
    try:
        book = notebooks.read(path)
    except notebooks.NotebookError as error:
        return None, str(error).rstrip(".")
    if book.lab != lesson.lab:
        return None, f"{path} is {book.lab}, and {name} is an exercise of {lesson.lab}"
    module, problems = _run(book)
    if name in problems:
        return None, f"in {path} {problems[name]}"
    if not book.has_answer(name) or name not in vars(module):
        return None, f"{path} does not define it"
    return _checked(name, getattr(module, name), path, elsewhere)


def _checked(name, own, path, elsewhere):
    from course import checking
    from course.checking.rerun import UNWRITTEN

    try:
        with _hushed(), time_limit(SECONDS_OF_CHECKS):
            report = checking.run_checks(own, name)
    except TooLong:
        return (
            None,
            f"yours in {path} does not come to an end in its checks: is there a loop that never ends?",
        )
    wrong = [outcome for outcome in report.outcomes if outcome.problem]
    if not wrong:
        passes = f"it passes {_count(len(report.outcomes), 'check')}"
        if elsewhere:
            return own, (
                f"from {path}, since there is none next to this lab; {passes}. Not yours? Name your own: "
                f'course.carry("{name}", notebook="...")'
            )
        return own, f"yours, from {path}: {passes}"
    if all(outcome.problem.startswith(UNWRITTEN) for outcome in wrong):
        return None, f"you have not written it yet in {path}"
    worst = f"“{wrong[0].name}”: {wrong[0].problem.splitlines()[0]}"
    return (
        None,
        f"yours in {path} fails {len(wrong)} of {_count(len(report.outcomes), 'check')}, first {worst}",
    )


def _count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def look_for(lesson):
    """The notebook in its folder beside the current one or above, also in a folder `labs`; `None` if nowhere."""
    here = Path.cwd()
    for folder in (here, *here.parents[:UP]):
        for place in (folder, folder / "labs"):
            path = place / lesson.lab / f"{lesson.name}.ipynb"
            if path.is_file():
                return Path(os.path.relpath(path))
    return None


def _beside(path, lesson):
    """Whether a notebook lies in the labs folder of the current one, or in that which one stands in or above."""
    here = Path.cwd()
    homes = (here.parent, here, here / "labs")
    return any((home / lesson.lab / path.name).resolve() == path.resolve() for home in homes)


@functools.lru_cache(maxsize=8)
def _run(book):
    # A `Notebook` is its own text: a notebook that was saved anew is another key.
    with _hushed():
        return notebooks.execute(book, own="definitions", limit=SECONDS_A_CELL)


@contextlib.contextmanager
def _hushed():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield

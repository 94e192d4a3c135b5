"""What follows a check: it is remembered, and after a pass the learner hears what comes next."""

import datetime
import hashlib
import inspect
import linecache

from course.checking import NOT_WRITTEN
from course.notebooks.lesson import find_exercise, lessons
from course.notebooks.sections import where
from course.progress import store


def now():
    """The time, to the second, as text."""
    return datetime.datetime.now().isoformat(timespec="seconds")


def after_check(report, answer):
    """Remember what a check found, and give the report its last sentence.

    Args:
        report: a `course.checking.Report`.
        answer: what was checked.
    """
    name = report.exercise
    if is_courses_own(answer):
        report.then = f"This is the course's {name}, not yours. To check yours, run its cell again."
        return
    known = store.recall(name)
    if report.passed:
        store.remember(name, passed=known.get("passed") or now(), stepped_over=False)
        report.then = next_step(name)
        return
    written = [outcome for outcome in report.outcomes if outcome.problem not in (None, NOT_WRITTEN)]
    if written and (mark := _fingerprint(answer)) not in known.get("tries", ()):
        store.remember(name, tries=[*known.get("tries", ()), mark])


def is_courses_own(answer):
    """Whether something is the course's own layer or function, which the learner did not write."""
    return str(getattr(answer, "__module__", "")).startswith("course.")


def _fingerprint(answer):
    """The same for the same code, so that pressing Shift-Enter ten times is one try."""
    try:
        code = inspect.getsource(answer)
    except (OSError, TypeError):
        parts = [
            getattr(part, "__code__", None) for part in (answer, *getattr(answer, "__dict__", {}).values())
        ]
        code = "".join("".join(linecache.getlines(part.co_filename)) for part in parts if part is not None)
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def next_step(name):
    """What comes after an exercise that passes, in a sentence or two."""
    lesson, _ = find_exercise(name)
    order = list(lesson.exercises)
    open_ones = [each for each in order if each != name and not store.recall(each).get("passed")]
    later = [each for each in order[order.index(name) + 1 :] if each in open_ones]
    if later:
        return f"Next: `{later[0]}`, {where(lesson, later[0])}."
    if open_ones and store.folder() is not None:
        return f"That was the last one in the text. Still open: {_listed(lesson, open_ones)}."
    following = [each for each in lessons().values() if each.number == lesson.number + 1]
    last = f"That was the last exercise of Lab {lesson.number}: read on, its experiments use all of them."
    if following:
        return f"{last} Then comes Lab {following[0].number}, {following[0].title}."
    return f"{last} You have built everything there is to build."


def _listed(lesson, names):
    shown = [f"`{name}` ({where(lesson, name)})" for name in names[:4]]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(shown) + more

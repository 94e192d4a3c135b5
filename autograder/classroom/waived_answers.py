"""Answers that a workshop's instructor gave away earn no points, wherever the notebook is graded.

`course.catch_up` marks the cell it makes, and the board writes down who took what, so taking the mark out changes
nothing.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from autograder.judge.atomic_write import write_whole
from course.workshop.submit import MARK

RECORD = "caught_up.json"  # in the course folder: student -> exercises
SAYS = "you took the course's answer here, which earns no points"
_MARKED = re.compile(rf"^{re.escape(MARK)}: (\w+) ", re.MULTILINE)


def read_record(course_dir):
    """Student -> exercises whose answers they took; empty without a workshop."""
    try:
        found = json.loads((Path(course_dir) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_record(course_dir, record):
    """Write what `read_record` reads, whole or not at all."""
    write_whole(Path(course_dir) / RECORD, json.dumps(record, indent=1, sort_keys=True))


def marked(cells):
    """The exercises whose marked answers are in a notebook, from the `(name, source)` of its code cells."""
    return {name for _, source in cells for name in _MARKED.findall(source)}


def without_points(verdict, exercises):
    """The `Verdict` without points for those exercises; the one given is left as it is."""
    return replace(
        verdict,
        marks=[
            replace(mark, points=0.0, diagnosis="", problems=[SAYS]) if mark.exercise in exercises else mark
            for mark in verdict.marks
        ],
    )

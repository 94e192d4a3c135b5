"""Visible checks: what a learner reads a second after pressing Shift-Enter.

This package is the face: a check's author imports from here, whatever module a name lives in. A change here can turn a
right answer red in front of every learner; it never changes a mark.
"""

from course.checking.expectations import (
    CheckFailed,
    NamedMistake,
    check,
    expect,
    expect_boolean,
    expect_close,
    expect_pair,
    expect_shape,
    fixed_normal,
    to_numpy,
)
from course.checking.report import (
    BY_HAND,
    NOT_WRITTEN,
    CheckOutcome,
    Report,
    checks_of,
    first_lines,
    in_html,
    run_checks,
    unwritten,
)

__all__ = [
    "BY_HAND",
    "NOT_WRITTEN",
    "CheckFailed",
    "CheckOutcome",
    "NamedMistake",
    "Report",
    "check",
    "checks_of",
    "expect",
    "expect_boolean",
    "expect_close",
    "expect_pair",
    "expect_shape",
    "first_lines",
    "in_html",
    "run_checks",
    "to_numpy",
    "fixed_normal",
    "unwritten",
]

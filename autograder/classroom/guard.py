"""Importing this module guards nbgrader in this process, even where `nbgrader_config.py` could not be read.

nbgrader logs that such a file is broken, goes on without it, and would run every submission unprotected. So
`autograder init` names `before_grading` in `nbgrader_config.json` as well, which nbgrader reads on its own.
"""

from autograder.classroom.fail_closed import guard_nbgrader

guard_nbgrader()


def before_grading(**_):
    """What nbgrader calls before each submission; the guard stands since the import."""

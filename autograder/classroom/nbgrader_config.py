"""Plugs trusted grading into stock nbgrader.

A course folder's own `nbgrader_config.py` calls `configure(get_config())`, and `nbgrader autograde lab1_attention` does
the rest. `autograder init FOLDER` writes such a folder.
"""

import os

from autograder.authoring.nbgrader_assignment import find_programs, stubs

COURSE_FILE = '''"""Settings of this course; see nbgrader's documentation for all there are."""

import sys

try:
    from autograder.classroom.nbgrader_config import configure
except ImportError as error:  # nbgrader would go on without it, and run every submission unprotected
    sys.exit(f"Nothing was done: trusted grading is not installed here ({error}). Use the checkout's .venv.")

c = get_config()  # noqa: F821
configure(c)

# c.GradeInSandbox.seed = 20170612     # what probes draw shapes and values from
# c.GradeInSandbox.isolation = "none"  # only where `autograder doctor` says that code cannot be shut in
'''


def configure(config):
    """Set what trusted grading needs on a traitlets `Config`; everything else stays nbgrader's default."""
    find_programs()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        GetGrades,
        IgnorePattern,
        LimitOutput,
        SaveAutoGrades,
    )

    from autograder.classroom.fail_closed import guard_nbgrader
    from autograder.classroom.feedback_export import FeedbackExporter, WhoMarked
    from autograder.classroom.late_steps import LatenessInSummary, LatePenalties
    from autograder.classroom.nbgrader_plugin import GradeInSandbox, RepairingExporter

    guard_nbgrader()
    config.Autograde.exporter_class = RepairingExporter
    config.Autograde.autograde_preprocessors = [
        GradeInSandbox,  # in the place of Execute
        IgnorePattern,
        LimitOutput,
        SaveAutoGrades,
        LatePenalties,  # in the place of AssignLatePenalties
        CheckCellMetadata,
    ]
    config.GenerateFeedback.exporter_class = FeedbackExporter
    config.GenerateFeedback.preprocessors = [
        GetGrades,
        WhoMarked,
        LatenessInSummary,
        CSSHTMLHeaderPreprocessor,
    ]
    return stubs(config)

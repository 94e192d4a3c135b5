"""How nbgrader makes an assignment of a source notebook: what stands where an answer is to be, and its programs."""

import os
import sys
from pathlib import Path

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"

TEXT_STUB = "Your answer here."


def stubs(config):
    """Set what stands in a released notebook where an answer is to be; returns the config."""
    if "code_stub" not in config.ClearSolutions:  # a course's own stay
        config.ClearSolutions.code_stub = {"python": STUB}
    if "text_stub" not in config.ClearSolutions:
        config.ClearSolutions.text_stub = TEXT_STUB
    return config


def find_programs():
    """Put the environment's programs on PATH: nbgrader starts `alembic` by its bare name."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")

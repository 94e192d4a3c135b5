"""The old place of `autograder.classroom.nbgrader_config`, for course folders made before 0.2. Goes with 0.3."""

import sys

from autograder.classroom.nbgrader_config import configure as _configure


def configure(config):
    """As `autograder.classroom.nbgrader_config.configure`, and says where that stands now."""
    print(
        "nbgrader_config.py names autograder.nbgrader_config, which moves for good with version 0.3: "
        "write `from autograder.classroom.nbgrader_config import configure` there.",
        file=sys.stderr,
    )
    return _configure(config)

"""One grading of a course folder, from the moment nobody else may grade there to the moment the judge's processes end.

Whoever grades makes one: `autograder grade`, and for plain `nbgrader autograde` and the formgrader the guard around
nbgrader's step (`autograder.classroom.fail_closed`).
"""

import contextlib
from pathlib import Path

from autograder.classroom.course_folder import lock_course_folder
from autograder.judge.grader import Grader


class GradingRun:
    """A course folder that is held, and the judge for it. A context manager.

    Args:
        course_dir: the course folder.
        grader: judges; its settings and its cache are the run's.
        keep: whether the grader's warm servers outlive the run.

    Raises:
        autograder.classroom.course_folder.GradeError: on entering, if somebody else is grading in the folder.
    """

    def __init__(self, course_dir: str | Path, grader: Grader, keep: bool = False) -> None:
        self.course_dir, self.grader = Path(course_dir).resolve(), grader
        self._keep, self._stack = keep, contextlib.ExitStack()

    def __enter__(self) -> "GradingRun":
        with contextlib.ExitStack() as stack:
            stack.enter_context(lock_course_folder(self.course_dir))
            if not self._keep:
                stack.callback(self.grader.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

"""The steps by which nbgrader itself assigns late penalties, and says so on a feedback page."""

from pathlib import Path

from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lateness import read_state, settle


class LatePenalties(AssignLatePenalties):
    """nbgrader's step that assigns penalties, by the rules of `deadlines.toml` where a course has one."""

    def preprocess(self, nb, resources):
        from autograder.classroom.assignments import find_notebook

        nb, resources = super().preprocess(nb, resources)
        names = resources["nbgrader"]
        try:
            notebook = find_notebook(_course_dir(self), names["assignment"], names["notebook"])
            settle(_course_dir(self), notebook, self.config, names["student"])
        except GradeError as error:
            self.log.error("no penalty was assigned: %s", error)
        return nb, resources


def _course_dir(step):
    """The course folder of the converter whose exporter takes the step."""
    return Path(step.parent.parent.coursedir.root)


class LatenessInSummary(NbGraderPreprocessor):
    """Says at the top of a feedback page when it was late and what that cost. Used by `nbgrader generate_feedback`."""

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        said = read_state(_course_dir(self)).get(names["assignment"], {}).get(names["student"], {})
        names["lateness"] = said.get("words", "")  # `autograder.classroom.feedback_export` prints it
        return nb, resources

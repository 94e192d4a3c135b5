"""What stock nbgrader is given in the place of its own reading and executing of submissions.

`RepairingExporter` reads a submission, whatever its state. `GradeInSandbox` replaces `Execute`: it has the notebook
judged and writes each verdict into its grade cell, where nbgrader looks for a score. Gradebook, formgrader, feedback
and export are nbgrader's own.
"""

import atexit
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Integer, Unicode

from autograder.classroom.assignments import find_assignments, find_notebook, judged_as, read_release
from autograder.classroom.course_folder import GradeError, digest, drop_ungradable, notebook_in, with_note
from autograder.classroom.feedback_page import write_verdict
from autograder.classroom.waived_answers import marked, read_record, without_points
from autograder.judge import DEFAULT_SEED
from autograder.judge.errors import JudgeError
from autograder.judge.grader import Grader, code_cells
from autograder.judge.notebook_repair import read_submission, repair
from autograder.judge.verdict import Verdict, verdict_path
from course.checking import code_reader


class RepairingExporter(NotebookExporter):
    """Reads a submitted notebook into the released one's frame. Used by `nbgrader autograde`."""

    def __init__(self, **options):
        super().__init__(**options)
        # nbgrader makes its exporter when it knows what is there to grade and has touched nothing yet.
        if not getattr(self.parent, "prepared", False) and hasattr(self.parent, "assignments"):
            try:
                drop_ungradable(self.parent)
            except GradeError as error:
                self.parent.log.error(str(error))
                raise NbGraderException(str(error)) from None

    def from_filename(self, filename, resources=None, **options):
        autograde = self.parent
        if not autograde._sanitizing:  # the second pass reads what the first one wrote
            return super().from_filename(filename, resources=resources, **options)
        names = resources["nbgrader"]
        folder = autograde.coursedir.format_path(
            autograde.coursedir.release_directory, ".", names["assignment"]
        )
        release = Path(folder) / f"{names['notebook']}.ipynb"
        if not release.exists():
            raise NbGraderException(
                f"{release} is missing; run `autograder build --course .` in the course folder first"
            )
        path, note, reason = notebook_in(Path(filename).parent, names["notebook"])
        if path is None:
            _leave_open(names, reason)
        try:
            content = read_submission(path)
        except OSError as error:
            _leave_open(names, f"it could not be read: {error.strerror}")
        try:
            lesson = find_notebook(autograde.coursedir.root, names["assignment"], names["notebook"])
            repaired = repair(read_release(folder, lesson), content, code_reader)
        except (JudgeError, LookupError) as error:
            raise NbGraderException(f"{names['assignment']}: {error}") from None
        notes = with_note(repaired.notes, note)
        if repaired.undecided:
            _leave_open(names, repaired.undecided, notes)
        repaired.notebook.metadata.course.update(repairs=notes, submitted=digest(content))
        return self.from_notebook_node(repaired.notebook, resources=resources, **options)


class GradeInSandbox(NbGraderPreprocessor):
    """Judges a notebook and writes the verdict into its grade cells."""

    seed = Integer(DEFAULT_SEED, help="What probes draw shapes and values from.").tag(config=True)
    isolation = Unicode("full", help="'full', or 'none' to grade where code cannot be shut in.").tag(
        config=True
    )
    seconds = Float(10.0, help="Processor seconds one cell or probe may take.").tag(config=True)

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        lesson = find_notebook(Path.cwd(), names["assignment"], names["notebook"])
        notes = nb.metadata.course.pop("repairs", [])
        try:
            verdict = shared_grader(self.isolation, self.seed, self.seconds).grade(
                judged_as(lesson), nb, notes
            )
        except Exception as fault:  # whatever it is, it is not the learner's
            _leave_open(names, str(fault) or type(fault).__name__, notes, self.seed)
        given = {*marked(code_cells(nb)), *read_record(Path.cwd()).get(names["student"], ())}
        verdict = without_points(verdict, given)  # answers that a workshop's instructor gave away
        write_verdict(nb, verdict, lesson)
        verdict.save(_verdict_file(names))
        nb.metadata.course["graded"] = nb.metadata.course.pop(
            "submitted", ""
        )  # see `autograder.classroom.course_folder.is_complete_result`
        return nb, resources


def _verdict_file(names):
    """Of an assignment with several notebooks, each has its verdicts in a folder of its own."""
    several = len(find_assignments(Path.cwd(), names["assignment"])) > 1
    folder = f"{names['assignment']}/{names['notebook']}" if several else names["assignment"]
    return verdict_path(Path.cwd(), folder, names["student"])


def _leave_open(names, reason, notes=(), seed=DEFAULT_SEED):
    """A fault of the machine is no mark: say so, take back what stood there, and let the next run try again.

    Raises:
        NbGraderException: always, so that nbgrader goes on with the next submission.
    """
    # Here, because that module knows nbgrader's converters, which know this one.
    from autograder.classroom.gradebook import forget_marks

    Verdict(names["assignment"], seed, notes=list(notes), regrade=reason).save(_verdict_file(names))
    forget_marks(names)
    raise NbGraderException(f"to be graded again: {reason}") from None


_GRADERS = {}


def shared_grader(isolation, seed, seconds):
    """One `Grader`, with its warm server, for all submissions of a run."""
    key = (isolation, seed, seconds)
    if key not in _GRADERS:
        _GRADERS[key] = Grader(isolation, seed, seconds)
        atexit.register(close_graders)
    return _GRADERS[key]


def close_graders():
    """End the warm servers."""
    while _GRADERS:
        _GRADERS.popitem()[1].close()

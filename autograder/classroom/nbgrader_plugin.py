"""What stock nbgrader is given in the place of its own reading and executing of submissions.

`RepairingExporter` reads a submission, whatever its state. `GradeInSandbox` replaces `Execute`: it has the notebook
judged and writes each verdict into its grade cell, where nbgrader looks for a score. Gradebook, formgrader, feedback
and export are nbgrader's own.
"""

from dataclasses import asdict
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Integer, Unicode
from traitlets.utils.importstring import import_item

from autograder.classroom.assignments import find_notebook, judged_as, read_release, verdict_file
from autograder.classroom.course_folder import GradeError, digest, drop_ungradable, notebook_in, with_note
from autograder.classroom.feedback_page import write_verdict
from autograder.classroom.waived_answers import marked, read_record, without_points
from autograder.judge import DEFAULT_SEED
from autograder.judge.errors import JudgeError
from autograder.judge.grader import JudgeSettings, code_cells
from autograder.judge.note import Note
from autograder.judge.notebook_repair import read_submission, repair
from autograder.judge.verdict import Verdict
from course.checking import code_reader


class RepairingExporter(NotebookExporter):
    """Reads a submitted notebook into the released one's frame. Used by `nbgrader autograde`."""

    def __init__(self, **options):
        super().__init__(**options)
        # nbgrader makes its exporter when it knows what is there to grade and has touched nothing yet.
        if isinstance(self.parent, Autograde) and self.parent.grading_run is not None:
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
            _leave_open(autograde.coursedir.root, names, reason)
        try:
            content = read_submission(path)
        except OSError as error:
            _leave_open(autograde.coursedir.root, names, f"it could not be read: {error.strerror}")
        try:
            lesson = find_notebook(autograde.coursedir.root, names["assignment"], names["notebook"])
            repaired = repair(read_release(folder, lesson), content, code_reader)
        except (JudgeError, LookupError) as error:
            raise NbGraderException(f"{names['assignment']}: {error}") from None
        notes = with_note(repaired.notes, note)
        if repaired.undecided:
            _leave_open(autograde.coursedir.root, names, repaired.undecided, notes)
        repaired.notebook.metadata.course.update(repairs=list(map(asdict, notes)), submitted=digest(content))
        return self.from_notebook_node(repaired.notebook, resources=resources, **options)


class GradeInSandbox(NbGraderPreprocessor):
    """Judges a notebook and writes the verdict into its grade cells."""

    seed = Integer(DEFAULT_SEED, help="What probes draw shapes and values from.").tag(config=True)
    isolation = Unicode("full", help="'full', or 'none' to grade where code cannot be shut in.").tag(
        config=True
    )
    seconds = Float(10.0, help="Processor seconds one cell or probe may take.").tag(config=True)

    def preprocess(self, nb, resources):
        run = _converter(self).grading_run
        if run is None:  # the guard gives one to each `Autograde` that is started
            raise NbGraderException("nothing was judged: this step runs in `nbgrader autograde` alone")
        names, course_dir = resources["nbgrader"], run.course_dir
        lesson = find_notebook(course_dir, names["assignment"], names["notebook"])
        notes = list(map(Note.of, nb.metadata.course.pop("repairs", [])))
        try:
            verdict = run.grader.grade(judged_as(lesson), nb, notes)
        except Exception as fault:  # whatever it is, it is not the learner's
            _leave_open(course_dir, names, str(fault) or type(fault).__name__, notes, self.seed)
        given = {*marked(code_cells(nb)), *read_record(course_dir).get(names["student"], ())}
        verdict = without_points(verdict, given)  # answers that a workshop's instructor gave away
        write_verdict(nb, verdict, lesson)
        verdict.save(verdict_file(course_dir, lesson, names["student"]))
        nb.metadata.course["graded"] = nb.metadata.course.pop(
            "submitted", ""
        )  # see `autograder.classroom.course_folder.is_complete_result`
        return nb, resources


def settings_of(converter):
    """The `JudgeSettings` of a converter: those of our step among its steps, wherever they were set."""
    kinds = (
        import_item(step) if isinstance(step, str) else step for step in converter.autograde_preprocessors
    )
    kind = next(
        (one for one in kinds if isinstance(one, type) and issubclass(one, GradeInSandbox)), GradeInSandbox
    )
    step = kind(parent=converter)
    return JudgeSettings(step.isolation, step.seed, step.seconds)


def _converter(step):
    """nbgrader's converter, whose exporter takes the step."""
    return step.parent.parent


def _leave_open(course_dir, names, reason, notes=(), seed=DEFAULT_SEED):
    """A fault of the machine is no mark: say so, take back what stood there, and let the next run try again.

    Args:
        course_dir: the course folder.
        names: `db_url`, `notebook`, `assignment` and `student`, as nbgrader calls them.
        reason: what happened.
        notes: `Note`s on the repair.
        seed: what the verdict would have been drawn from.

    Raises:
        NbGraderException: always, so that nbgrader goes on with the next submission.
    """
    # Here, because that module knows nbgrader's converters, which know this one.
    from autograder.classroom.gradebook import forget_marks

    lesson = find_notebook(course_dir, names["assignment"], names["notebook"])
    verdict = Verdict(names["assignment"], seed, notes=list(notes), regrade=reason)
    verdict.save(verdict_file(course_dir, lesson, names["student"]))
    forget_marks(names)
    raise NbGraderException(f"to be graded again: {reason}") from None

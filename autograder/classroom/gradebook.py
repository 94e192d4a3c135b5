"""Has stock nbgrader record a class in the gradebook and write its feedback, one learner at a time.

What fails for one learner is noted in a sentence and does not stop the others. What fails for the gradebook stops
the recording: nothing of it is lost, and the same command goes on from there.
"""

import contextlib
import logging
import os
import shutil
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from autograder.classroom.course_folder import GradeError, reason_ungradable
from autograder.classroom.fail_closed import expect_protected

TRIES = 3  # of a gradebook that another program holds; each waits as long as the database does, five seconds for SQLite
CURES = {
    "locked": "another program is writing to it: wait for it or close it, then run the same command again",
    "readonly": "make it writable, then run the same command again",
    "is full": "make room on the disk, then run the same command again",
    "no such column": "another version of nbgrader made it: keep a copy, then run `nbgrader db upgrade`",
}


def expect_gradebook(config, notebooks):
    """Whether the gradebook knows an assignment's notebooks. Asked before any time is spent on judging.

    Raises:
        GradeError: if the gradebook cannot be written.
    """
    coursedir, lab = CourseDirectory(config=config), notebooks[0].lab
    if make_url(coursedir.db_url).get_backend_name() != "sqlite" and not coursedir.course_id:
        raise GradeError(  # nbgrader enters no course then, which SQLite alone lets pass
            "With this kind of gradebook nbgrader needs the course's name: set c.CourseDirectory.course_id in "
            "nbgrader_config.py"
        )
    with _in_a_sentence(coursedir.db_url), Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        # Changes nothing, and needs all that a change needs.
        nothing = update(Assignment).where(Assignment.name == lab).values(name=lab)
        gradebook.db.execute(nothing, execution_options={"synchronize_session": False})
        gradebook.db.rollback()
        try:
            known = {one.name for one in gradebook.find_assignment(lab).notebooks}
            return known.issuperset(lesson.name for lesson in notebooks)
        except MissingEntry:
            return False


def gradebook_place(config):
    """`(file, name)` of the gradebook: the file of a SQLite one, else `None`; and its address without a password."""
    url = make_url(CourseDirectory(config=config).db_url)
    own = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:")
    return (Path(url.database) if own else None), url.render_as_string()


def record(run, lab, config, todo, tick=lambda: None):
    """Grade and record submissions through stock nbgrader, with its log in `grading.log`.

    One that fails stays as if it had never been graded, for the next run.

    Args:
        run: the `GradingRun`, whose grader has judged them or does it now.
        lab: the assignment's name.
        config: the course folder's configuration.
        todo: of each learner the `Submission`s, recorded whatever was there before; or what yields them.
        tick: called after each learner.

    Returns:
        Student -> why that one could not be recorded.

    Raises:
        GradeError: if the gradebook cannot be written; what was recorded before stays.
    """
    expect_protected(config)
    with _course(run.course_dir, lab, config, "w") as (coursedir, log):
        recorder = _Recorder(run, todo, tick, coursedir=coursedir, config=config, log=log)
        recorder.start()
        return recorder.failed


class _TolerantCourse(CourseDirectory):
    def get_existing_timestamp(self, dest_path):
        try:
            return super().get_existing_timestamp(dest_path)
        except (Exception, SystemExit):  # rubbish in one learner's timestamp.txt would end the whole run
            return None


class _Recorder(Autograde):
    """Stock nbgrader's step, told what to do by us and asked why it failed."""

    def __init__(self, run, todo, tick, **options):
        super().__init__(**options)
        self.grading_run, self.todo, self.tick = run, todo, tick
        self.failed, self.reason = {}, None

    def init_notebooks(self):
        self.assignments, self.notebooks = {}, []

    def convert_notebooks(self):
        for learner in self.todo:
            student = learner[0].student
            source = self._format_source(self.coursedir.assignment_id, student)
            # By the names that the gradebook knows; `RepairingExporter` finds the files, whatever they are called.
            paths = [os.path.join(source, f"{one.notebook}.ipynb") for one in learner]
            for last in (*[False] * (TRIES - 1), True):
                self.assignments, self.reason = {source: paths}, None
                try:
                    super().convert_notebooks()
                except NbGraderException as error:
                    database = _database_fault(self.reason)
                    if database is not None:
                        if "locked" in str(database) and not last:
                            continue
                        raise _fault(self.coursedir.db_url, database) from None
                    self.failed[student] = _sentence(self.reason or error)
                    for one in learner:
                        if (
                            one.note
                        ):  # nbgrader missed the notebook by its name, and wrote 0 points to begin with
                            self._leave_open(one)
                break
            self.tick()

    def _leave_open(self, one):
        place = {"db_url": self.coursedir.db_url, "assignment": self.coursedir.assignment_id}
        with contextlib.suppress(MissingEntry):
            forget_marks(place | {"notebook": one.notebook, "student": one.student})

    def init_destination(self, assignment_id, student_id):
        """Whatever is there belongs to an earlier run; the page first, so that none outlives its marks."""
        with self._noted():
            for step in (self.coursedir.feedback_directory, self.coursedir.autograded_directory):
                folder = self.coursedir.format_path(step, student_id, assignment_id)
                if os.path.lexists(folder):
                    shutil.rmtree(folder)
        return True

    def init_assignment(self, assignment_id, student_id):
        with self._noted():
            source = Path(self._format_source(assignment_id, student_id))
            # Looked at once more: nbgrader copies what lies there, and gives a notebook that is gone no points.
            reason = reason_ungradable(source) if source.is_dir() else "the submission is no longer there"
            if reason:
                raise NbGraderException(reason)
            super().init_assignment(assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename):
        with self._noted():
            super().convert_single_notebook(notebook_filename)

    def set_permissions(self, assignment_id, student_id):
        with self._noted():
            super().set_permissions(assignment_id, student_id)

    @contextlib.contextmanager
    def _noted(self):
        try:
            yield
        except Exception as error:
            self.reason = error
            raise


def forget_marks(names):
    """Leave the scores of a submission open and ask for a person's eye.

    Args:
        names: `db_url`, `notebook`, `assignment` and `student`, as nbgrader calls them.
    """
    with Gradebook(names["db_url"]) as gradebook:
        notebook = gradebook.find_submission_notebook(
            names["notebook"], names["assignment"], names["student"]
        )
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        gradebook.db.commit()


def forget_pages(course_dir, lesson, students):
    """Take away feedback pages that say something else than they should by now; `write_feedback` writes them anew."""
    for student in students:
        shutil.rmtree(Path(course_dir) / "feedback" / student / lesson.lab, ignore_errors=True)


def write_feedback(course_dir, notebooks, config, force=False):
    """Let stock nbgrader write the feedback pages that are missing, and export the gradebook as CSV.

    Args:
        course_dir: the course folder.
        notebooks: those of the assignment, as `find_assignments` gives them.
        config: the course folder's configuration.
        force: write all pages anew.

    Returns:
        The students whose page could not be written.

    Raises:
        GradeError: if the gradebook cannot be read.
    """
    lab, pages = notebooks[0].lab, Path(course_dir) / "feedback"
    with _course(course_dir, lab, config) as (coursedir, log):
        due = {}
        for path in Path(course_dir).glob(f"autograded/*/{lab}"):
            names = [one.name for one in notebooks if (path / f"{one.name}.ipynb").exists()]
            due[path.parent.name] = [
                pages / path.parent.name / lab / f"{name}.html" for name in names or [notebooks[0].name]
            ]
        for folder in pages.glob(f"*/{lab}"):
            if not all(map(_ends, due.get(folder.parent.name, [folder]))):  # a run that was cut short
                shutil.rmtree(folder)
        if due:
            with _in_a_sentence(coursedir.db_url), contextlib.suppress(NbGraderException):
                GenerateFeedback(coursedir=coursedir, config=config, log=log, force=force).start()
        with _in_a_sentence(coursedir.db_url), Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            exporter = CsvExportPlugin(config=config, log=log)
            draft = Path(course_dir) / f".{lab}.csv"
            exporter.assignment, exporter.to = [lab], str(draft)
            exporter.export(gradebook)
            draft.replace(Path(course_dir) / f"{lab}.csv")
        return sorted(student for student, wanted in due.items() if not all(map(_ends, wanted)))


def _ends(page):
    try:
        return page.read_bytes().rstrip().endswith(b"</html>")
    except OSError:
        return False


@contextlib.contextmanager
def _course(course_dir, lab, config, mode="a"):
    """nbgrader's view of the course folder, and a log that never gets in the way."""
    log = logging.Logger("nbgrader", level=logging.INFO)
    handler = _Handler(
        Path(course_dir) / "grading.log", mode=mode, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    # nbgrader's gradebook tells of its troubles there, with tracebacks.
    aside = logging.getLogger("tornado.application")
    before, aside.propagate = aside.propagate, False
    aside.addHandler(handler)
    coursedir = _TolerantCourse(config=config)
    coursedir.assignment_id = lab
    here = os.getcwd()
    try:
        yield coursedir, log
    finally:
        os.chdir(here)
        aside.removeHandler(handler)
        aside.propagate = before
        with contextlib.suppress(OSError):
            handler.close()


class _Handler(logging.FileHandler):
    def handleError(self, record):
        """Say nothing: that the log cannot be written, as on a full disk, is no reason for a traceback."""


@contextlib.contextmanager
def _in_a_sentence(url):
    try:
        yield
    except SQLAlchemyError as error:
        raise _fault(url, error) from None


def _database_fault(error):
    """The database's own error that is behind another one: nbgrader wraps some of them."""
    while error is not None and not isinstance(error, OperationalError):
        error = error.__cause__ or error.__context__
    return error


def _fault(url, error):
    """What is wrong with the gradebook, and what to do."""
    reason = _sentence(getattr(error, "orig", None) or error)
    cure = next(
        (cure for word, cure in CURES.items() if word in reason), "mend that, then run the same command again"
    )
    return GradeError(f"The gradebook {make_url(url).render_as_string()} cannot be used ({reason}): {cure}.")


def _sentence(error):
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    known = isinstance(error, OSError | NbGraderException | GradeError) or type(error).__module__ == "sqlite3"
    return lines[0] if lines and known else f"{type(error).__name__}{': ' + lines[0] if lines else ''}"

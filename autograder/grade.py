"""Grades a class: judges submissions side by side, then lets stock nbgrader record, in a course folder.

The judging needs no gradebook and the recording no student process, so the first runs in parallel and the second is
one writer. Both go through the code that plain `nbgrader autograde` uses; here it finds the verdicts ready.
"""

import contextlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import nbformat

try:
    import fcntl
except ImportError:
    fcntl = None

from autograder.grading import Verdict, verdict_path
from autograder.repair import read_submission, repair
from course.errors import CourseError


class GradeError(CourseError):
    """Grading cannot start, or did not finish. Says what to do."""


@dataclass(frozen=True)
class Submission:
    """One learner's notebook in `submitted/`."""

    student: str
    path: Path


def load_config(course_dir):
    """The course folder's nbgrader configuration.

    Raises:
        GradeError: if the folder is no course folder.
    """
    from traitlets.config import PyFileConfigLoader

    course_dir = Path(course_dir).resolve()
    if not (course_dir / "nbgrader_config.py").exists():
        raise GradeError(
            f"{course_dir} is no course folder: make one with `autograder init {course_dir.name}`"
        )
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course_dir)).load_config()
    config.CourseDirectory.root = str(course_dir)
    return config


def submissions(course_dir, lesson, student="*"):
    """The submissions there are for a lab, by student.

    Raises:
        GradeError: if there is none.
    """
    folder = Path(course_dir) / "submitted"
    found = [
        Submission(path.parts[-3], path)
        for path in sorted(folder.glob(f"{student}/{lesson.lab}/{lesson.name}.ipynb"))
    ]
    left_out = unfit(course_dir, lesson)
    found = [one for one in found if one.student not in left_out]
    if not found:
        wanted = folder / ("STUDENT" if student == "*" else student) / lesson.lab / f"{lesson.name}.ipynb"
        raise GradeError(f"there is nothing to grade: put the submissions at {wanted}")
    return found


def unfit(course_dir, lesson):
    """Submitted folders that are left out, and why: a link in one could publish a file of the grader's to a learner."""
    found = {}
    folders = Path(course_dir) / "submitted"
    for folder in sorted(folders.iterdir()) if folders.is_dir() else ():
        lab = folder / lesson.lab
        if set(folder.name) & set("[]*?\n\r") or folder.name.startswith("."):
            found[folder.name] = "nbgrader cannot handle the folder's name: rename it"
        elif folder.is_symlink() or lab.is_symlink() or any(path.is_symlink() for path in lab.rglob("*")):
            found[folder.name] = "there is a link in the folder: put the file itself there"
    return found


def pending(course_dir, lesson, found, force=False):
    """Those not graded yet: new, newer than their marks by nbgrader's reckoning, or left for regrading."""
    if force:
        return list(found)
    return [one for one in found if not _done(Path(course_dir), lesson, one.student)]


def _done(course_dir, lesson, student):
    autograded = course_dir / "autograded" / student / lesson.lab
    if not (autograded / f"{lesson.name}.ipynb").exists():
        return False
    stamps = [
        folder / "timestamp.txt" for folder in (course_dir / "submitted" / student / lesson.lab, autograded)
    ]
    if all(stamp.exists() for stamp in stamps):
        return stamps[0].read_bytes() <= stamps[1].read_bytes()
    return True


def judge_all(course_dir, lesson, found, grader, workers, progress):
    """Judge submissions side by side. The grader remembers, so recording them afterwards takes no second run.

    Args:
        progress: called with `(student, verdict or None)` as each is done; `None` for one to be graded again.
    """
    release = nbformat.read(Path(course_dir) / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)

    def judge(one):
        repaired = repair(release, read_submission(one.path))
        return grader.grade(lesson, repaired.notebook, repaired.notes)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting = {pool.submit(judge, one): one for one in found}
        try:
            for future in as_completed(waiting):
                try:
                    verdict = future.result()
                except Exception:  # one submission's trouble is never the class's
                    verdict = None  # recording tries once more, and says what is wrong if it stays
                progress(waiting[future].student, verdict)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def record(course_dir, lesson, config, student="*", force=False, tick=lambda: None):
    """Let stock nbgrader grade and record, with its log in `grading.log`.

    Raises:
        GradeError: if nbgrader itself cannot go on, for instance because the gradebook cannot be written.
    """
    from nbgrader.converters import Autograde
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    class TolerantCourse(CourseDirectory):
        def get_existing_timestamp(self, dest_path):
            try:
                return super().get_existing_timestamp(dest_path)
            except (Exception, SystemExit):  # rubbish in one learner's timestamp.txt would end the whole run
                return None

    class CountingAutograde(Autograde):
        def convert_single_notebook(self, notebook_filename):
            super().convert_single_notebook(notebook_filename)
            tick()

    log = logging.Logger("autograde", level=logging.INFO)
    path = Path(course_dir) / "grading.log"
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    coursedir = TolerantCourse(config=config)
    coursedir.assignment_id, coursedir.student_id = lesson.lab, student
    coursedir.student_id_exclude = ",".join(unfit(course_dir, lesson))
    here = os.getcwd()
    try:
        CountingAutograde(coursedir=coursedir, config=config, log=log, force=force).start()
    except NbGraderException as error:
        if not any(verdict.regrade for _, verdict in verdicts(course_dir, lesson)):
            raise GradeError(
                f"nbgrader stopped: {str(error) or 'see ' + str(path)}; its log is {path}"
            ) from error
    finally:
        os.chdir(here)
        handler.close()


@contextlib.contextmanager
def alone(course_dir):
    """Hold the course folder, so that two gradings at once do not trip over each other.

    Raises:
        GradeError: if another one holds it.
    """
    if fcntl is None:  # Windows; there the gradebook's own lock has to do
        yield
        return
    with (Path(course_dir) / ".grading.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradeError(
                f"somebody is grading in {course_dir} already; try again when that is done"
            ) from None
        yield


def verdicts(course_dir, lesson):
    """`(student, Verdict)` of everybody graded so far, by name."""
    folder = verdict_path(course_dir, lesson.lab, "x").parent
    return [
        (path.stem, Verdict.load(path))
        for path in sorted(folder.glob("*.json"))
        if not path.name.startswith(".")
    ]

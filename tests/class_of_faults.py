"""A class of a few submissions to grade while things go wrong, judged in no time by a stand-in for the judge.

The stand-in gives marks that depend on what was handed in and on nothing else, so two gradebooks can be compared.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import sys
import time

import nbformat
from sqlalchemy import event
from sqlalchemy.engine import Engine

from autograder.authoring.build import submission
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.judge.grader import Grader
from autograder.judge.verdict import Mark, Verdict

STUDENTS = ("ada", "ben")


def make(folder, template, lesson, students=STUDENTS, config=""):
    """A course folder with a submission of each student, no two alike."""
    shutil.copytree(template, folder)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE + "\n" + config)
    for student in students:
        hand_in(folder, lesson, student, f"# by {student}\n")
    return folder


def hand_in(folder, lesson, student, text="", stamp=None):
    """Put a submission there; returns the notebook's path."""
    path = folder / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    first = next(iter(lesson.exercises))
    nbformat.write(submission(lesson, {first: text}), path)
    if stamp:
        (path.parent / "timestamp.txt").write_text(stamp)
    return path


def judged(assignment, cells, notes):
    """The stand-in's verdict."""
    token = int(hashlib.sha256(repr(cells).encode()).hexdigest(), 16)
    marks = []
    for name, cell in assignment.exercises.items():
        token, points = divmod(token, int(4 * cell.points) + 1)
        problems = [] if points == 4 * cell.points else ["the values are not right"]
        marks.append(Mark(name, points / 4, cell.points, problems=problems))
    return Verdict(assignment.name, 1, marks, list(notes))


@contextlib.contextmanager
def stand_in(monkeypatch):
    """Judge by the stand-in; yields the list of what was judged."""
    asked = []

    def judge(self, assignment, cells, notes):
        asked.append(cells)
        return judged(assignment, cells, notes)

    def hasty(connection, _):
        # Whether a killed process loses anything does not depend on it, only a machine without power would.
        connection.execute("pragma synchronous = off")

    # No context of its own: a test may patch the same names again, and all of it is undone in one go, the last first.
    monkeypatch.setattr(Grader, "_judge", judge)
    monkeypatch.setattr(Grader, "warm", lambda self, runtime: None)
    event.listen(Engine, "connect", hasty)
    try:
        yield asked
    finally:
        event.remove(Engine, "connect", hasty)


def gradebook(folder, url=None):
    """Everything that stands in the gradebook about submissions, as one value to compare."""
    from nbgrader.api import Gradebook

    with Gradebook(url or f"sqlite:///{folder}/gradebook.db") as book:
        return sorted(
            (one.student.id, one.assignment.name, str(one.timestamp), notebook.name, grade.name)
            + (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
            for assignment in book.assignments
            for one in book.assignment_submissions(assignment.name)
            for notebook in one.notebooks
            for grade in notebook.grades
        )


def in_a_child(work, kill_after=None, events=None, out=None):
    """Do `work` in a forked process, and perhaps kill that with signal 9.

    Args:
        work: called without arguments.
        kill_after: seconds; or `None`.
        events: called with the name and the arguments of every audit event, such as the opening of a file.
        out: a file for what it prints.

    Returns:
        Its exit code; negative for a signal.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            where = os.open(out or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(where, 1)
            os.dup2(where, 2)
            sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
            if events is not None:
                sys.addaudithook(events)
            try:
                work()
                code = 0
            except SystemExit as end:
                code = end.code or 0
            sys.stdout.flush()
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Writes:
    """Counts what changes files, and does something at one of them.

    Args:
        at: which one, from 1; 0 for never.
        then: called there.
        folder: only what lies in it counts.
    """

    def __init__(self, folder, at=0, then=None):
        self.folder, self.at, self.then, self.count = os.path.realpath(folder), at, then, 0
        self.over = False

    def __call__(self, event, arguments):
        if event == "open":
            path, mode, flags = arguments
            changes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR)) or (mode and set(mode) & set("wax+"))
        else:
            path = arguments[0] if arguments else None
            changes = event in (
                "os.rename",
                "os.mkdir",
                "os.remove",
                "os.rmdir",
                "os.chmod",
                "sqlite3.connect",
            )
        if not changes or not isinstance(path, str | bytes | os.PathLike):
            return
        if not os.path.abspath(os.fsdecode(path)).startswith(self.folder):
            return
        self.count += 1
        if self.at and (self.count == self.at or self.over):
            self.then(self, event)


def dies(writes, event):
    """The machine, or somebody, ends the process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def disk_is_full(writes, event):
    """From now on no file can be made or opened for writing, but what is there can be removed."""
    writes.over = True
    if event in ("open", "os.mkdir"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

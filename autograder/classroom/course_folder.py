"""What state a course folder is in: which submissions can be graded, which results are whole, who is at work in it.

Both ways of grading ask here, `autograder grade` and plain `nbgrader autograde`. A grading may end at any moment, be
it for a full disk or a pulled plug; what it leaves behind is told from a whole result by what the result itself says,
so there is no list of finished work that could be wrong.
"""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from autograder.judge.errors import JudgeError
from autograder.judge.note import Note, NoteKind
from autograder.judge.notebook_repair import read_submission
from course.errors import CourseError
from course.terminal import ExitStatus


class GradeError(CourseError):
    """Grading cannot start, or did not finish. Says what to do.

    Attributes:
        exit_status: with what a command ends for it.
    """

    exit_status = ExitStatus.NOT_DONE


class LeftToDo(GradeError):
    """Grading went through, and some submissions have to be graded again."""

    exit_status = ExitStatus.NOT_GOOD


def reason_ungradable(folder):
    """Why a submitted folder must be left out; empty if it can be graded.

    nbgrader copies whatever lies beside a notebook, following links: one could publish a file of the grader's, or
    fill the disk.

    Args:
        folder: `submitted/STUDENT/LAB`.
    """
    folder = Path(folder)
    student = folder.parent.name
    if set(student) & set("[]*?") or student.startswith(".") or not student.isprintable():
        return "nbgrader cannot handle the folder's name: rename it"
    if folder.parent.is_symlink() or folder.is_symlink():
        return "there is a link in the folder: put the file itself there"
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink():
                return "there is a link in the folder: put the file itself there"
            if not path.is_file() and not path.is_dir() and os.path.lexists(path):
                return f"{printable(path.name)} in the folder is no ordinary file: take it out"
    return ""


NOTHING = "nothing handed in for this lab"


def notebook_in(folder, name, others=()):
    """The notebook that counts in a submitted folder: the one with the lab's name, or else the only one.

    Args:
        folder: `submitted/STUDENT/LAB`.
        name: the notebook's name, without `.ipynb`.
        others: names of other notebooks of the same assignment, which are not taken for this one.

    Returns:
        `(path, note, reason)`: where it is, what a person has to know about that, and why there is none; `path` is
        `None` then.
    """
    folder = Path(folder)
    right = folder / f"{name}.ipynb"
    if right.is_file():
        return right, "", ""
    if not folder.is_dir():
        return None, "", NOTHING
    try:
        if right.is_dir():
            return None, "", f"{right.name} is a folder, no notebook"
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    except OSError as error:
        return None, "", f"the folder cannot be read ({error.strerror})"
    files = [path for path in files if not path.name.startswith("timestamp.") and not _hidden(path, folder)]
    books = [path for path in files if path.suffix.lower() == ".ipynb" and path.stem not in others]
    shown = [printable(path.relative_to(folder).as_posix()) for path in books or files]
    listed = ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
    if not files:
        return None, "", "the folder is empty"
    if not books and others:
        return None, "", f"{right.name} is not in the folder, only {listed}"
    if not books:
        return None, "", f"there is no notebook in the folder, only {listed}"
    if len({_content(path) for path in books}) > 1:
        return None, "", f"several notebooks, {listed}: call the one that counts {right.name}"
    return books[0], f"taken although it is called {shown[0]}: it is the only notebook in the folder", ""


def with_note(notes, note):
    """The notes on a submission, with one on where its notebook lay."""
    return [Note(note, NoteKind.RENAMED), *notes] if note else list(notes)


def _hidden(path, folder):
    return any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)


def _content(path):
    try:
        return digest(path.read_bytes())
    except OSError:
        return path


def printable(name):
    """A file's name as any terminal can show it."""
    return name if name.isprintable() else name.encode("unicode_escape", "backslashreplace").decode("ascii")


def digest(content):
    """What identifies a submitted file's content: SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_complete_result(submitted, autograded, name):
    """Whether a result is whole, and that of what lies in the submitted folder now.

    The last thing a grading writes is the graded notebook with the digest of what was graded. Where it can be read
    and agrees, nothing before it can be missing.

    Args:
        submitted: `submitted/STUDENT/LAB`.
        autograded: `autograded/STUDENT/LAB`.
        name: the notebook's name, without `.ipynb`.
    """
    try:
        result = json.loads((Path(autograded) / f"{name}.ipynb").read_text(encoding="utf-8"))
        path, _, _ = notebook_in(submitted, name)
        if path is None or result["metadata"]["course"]["graded"] != digest(read_submission(path)):
            return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return _stamp(submitted) == _stamp(autograded)  # another date of handing in may be another penalty


def _stamp(folder):
    try:
        return (Path(folder) / "timestamp.txt").read_bytes()
    except OSError:
        return None


def notebooks_of(course_dir, assignment):
    """Names of an assignment's notebooks.

    Raises:
        GradeError: if trusted grading does not know the assignment, or not well enough.
    """
    from autograder.classroom.assignments import find_assignments, known_assignments

    known = known_assignments(course_dir)
    if assignment not in known:  # by its whole name: nbgrader would take `*` as well
        raise GradeError(
            f"{printable(assignment)} is no assignment that trusted grading knows, so nothing of it was run: describe "
            f"it in probes/{printable(assignment)}.py (docs/own_course.md); it knows {', '.join(known)}"
        )
    try:
        return [one.name for one in find_assignments(course_dir, assignment)]
    except JudgeError as error:
        raise GradeError(str(error)) from None


def drop_ungradable(converter):
    """Ready an nbgrader converter that is about to grade: drop what cannot be graded, clear away what is not whole.

    Args:
        converter: an `Autograde` that has found its assignments, in a folder that is held.

    Raises:
        GradeError: if nobody has described the assignment.
    """
    coursedir, log = converter.coursedir, converter.log
    names = notebooks_of(coursedir.root, coursedir.assignment_id)
    for source in list(converter.assignments):
        student = Path(source).parent.name
        reason = reason_ungradable(source) or _undated(coursedir, source)
        if reason:
            log.error("%s is left out: %s", printable(student), reason)
            del converter.assignments[source]
            continue
        if len(names) == 1 and notebook_in(source, names[0])[0] is not None:
            # Whatever it is called: `RepairingExporter` finds it.
            converter.assignments[source] = [os.path.join(source, f"{names[0]}.ipynb")]
        result = coursedir.format_path(coursedir.autograded_directory, student, coursedir.assignment_id)
        if os.path.isdir(result) and not all(is_complete_result(source, result, name) for name in names):
            log.info("%s is graded again: the result there is not whole, or of another submission", student)
            shutil.rmtree(result)


def _undated(coursedir, source):
    try:
        coursedir.get_existing_timestamp(source)
    except (Exception, SystemExit):  # nbgrader would end the whole run
        return "timestamp.txt in the folder is no date: mend it or take it out"
    return ""


@contextlib.contextmanager
def lock_course_folder(course_dir):
    """Hold the course folder, so that two gradings at once do not trip over each other.

    The hold ends with the process, however that ends.

    Raises:
        GradeError: if another one holds it.
    """
    if fcntl is None:  # Windows; there the gradebook's own lock has to do
        yield
        return
    name = os.path.realpath(course_dir)
    with open(os.path.join(name, ".grading.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradeError(
                f"somebody is grading in {course_dir} already; try again when that is done"
            ) from None
        yield

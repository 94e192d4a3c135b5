"""Grades a class: judges submissions side by side, then lets stock nbgrader record, in a course folder.

The judging needs no gradebook and the recording no student process, so the first runs in parallel (here, or on a
cluster: `autograder.classroom.dask_cluster`) and the second is one writer, at work while others are still judged. Both go through
the code that plain `nbgrader autograde` uses; here it finds the verdicts ready. Either may be cut short at any
moment: the same command goes on from there.
"""

import contextlib
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.assignments import find_assignments, judged_as, read_release, verdict_file
from autograder.classroom.course_folder import (
    NOTHING,
    GradeError,
    is_complete_result,
    notebook_in,
    printable,
    reason_ungradable,
    with_note,
)
from autograder.judge.grader import code_cells
from autograder.judge.notebook_repair import read_submission, repair
from autograder.judge.verdict import Verdict
from course.checking import code_reader


@dataclass(frozen=True)
class Submission:
    """One learner's notebook in `submitted/`.

    Attributes:
        student: the learner.
        path: where it lies.
        note: what a person has to know about that.
        notebook: the name of the notebook that it answers.
    """

    student: str
    path: Path
    note: str = ""
    notebook: str = ""


def load_config(course_dir):
    """The course folder's nbgrader configuration.

    Raises:
        GradeError: if the folder is no course folder.
    """
    from sqlalchemy.engine import make_url

    course_dir = Path(course_dir).resolve()
    if not any((course_dir / name).exists() for name in ("nbgrader_config.py", "nbgrader_config.json")):
        raise GradeError(
            f"{course_dir} is no course folder: make one with `autograder init {course_dir.name}`"
        )
    if set(str(course_dir)) & set("[]*?"):
        raise GradeError(f"nbgrader cannot handle the brackets, * or ? in {course_dir}: rename that folder")
    config = _read_settings(course_dir)
    config.CourseDirectory.root = str(course_dir)
    if "db_url" in config.CourseDirectory:
        # A file named without its folder lies in the course folder, wherever the command was typed.
        url = make_url(config.CourseDirectory.db_url)
        file = url.database or ""
        if url.get_backend_name() == "sqlite" and file and not file.startswith((":memory:", "file:")):
            url = url.set(database=str(course_dir / file))
            config.CourseDirectory.db_url = url.render_as_string(hide_password=False)
    return config


def _read_settings(course_dir):
    """What nbgrader reads in a course folder, in its order: the last file wins."""
    from traitlets.config import Config, ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

    config = Config()
    for loader, name in (
        (PyFileConfigLoader, "nbgrader_config.py"),
        (JSONFileConfigLoader, "nbgrader_config.json"),
    ):
        try:
            config.merge(loader(name, path=str(course_dir)).load_config())
        except ConfigFileNotFound:
            pass
        except SystemExit as stopped:
            raise GradeError(f"{course_dir / name} stopped: {stopped.code}") from None
        except Exception as error:  # nbgrader would go on without these settings, and so run code unprotected
            line = getattr(error, "lineno", None) or _line_of(error, course_dir / name)
            where = f", line {line}" if line else ""
            raise GradeError(
                f"{course_dir / name}{where} cannot be read ({type(error).__name__}: {error}): nothing was done; mend "
                "that file first"
            ) from None
    return config


def _line_of(error, file):
    """The line of `file` at which an error was raised, as far as it can be told."""
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == str(file)]
    return lines[-1] if lines else None


def find_submissions(course_dir, lesson, student="*"):
    """What was handed in for a lab.

    Returns:
        `(found, left_out)`: the submissions by student, and student -> why that one cannot be graded. Whoever has a
        folder in `submitted/` is in one of the two.
    """
    found, left_out = [], {}
    others = {one.name for one in find_assignments(course_dir, lesson.lab)} - {lesson.name}
    for person in sorted((Path(course_dir) / "submitted").glob("*")):
        name = person.name
        folder = person / lesson.lab
        if student not in ("*", name) or not (person.is_dir() or person.is_symlink()):
            continue
        if name.startswith(".") and not folder.is_dir():  # a program's, such as .ipynb_checkpoints
            continue
        reason = reason_ungradable(folder) or _absent(person, lesson)
        path, note = None, ""
        if not reason:
            path, note, reason = notebook_in(folder, lesson.name, others)
        if reason:
            left_out[name] = reason
        else:
            found.append(Submission(name, path, note, lesson.name))
    return found, left_out


def _absent(person, lesson):
    """Why there is nothing of a lab in a learner's folder; empty if there is."""
    if (person / lesson.lab).is_dir():
        return ""
    try:
        inside = sorted(path.name for path in person.iterdir())
    except OSError as error:
        return f"the folder cannot be read ({error.strerror})"
    if (person / lesson.lab).exists():
        return f"{lesson.lab} is a file, and should be a folder with the notebook in it"
    if not inside:
        return "the folder is empty"
    strays = [name for name in inside if name.lower().endswith(".ipynb")]
    if strays:
        return f"{printable(strays[0])} lies in the learner's folder: put it into {lesson.lab}/ in it"
    return NOTHING


def ungraded(course_dir, lesson, found, force=False):
    """Those without a whole result of what lies there now: new, changed, cut short, or left for regrading."""
    if force:
        return list(found)
    results = Path(course_dir) / "autograded"
    return [
        one
        for one in found
        if not is_complete_result(
            Path(course_dir) / "submitted" / one.student / lesson.lab,
            results / one.student / lesson.lab,
            lesson.name,
        )
    ]


def read_cells(course_dir, lesson, found):
    """`(submission, cells, notes)` of each submission, repaired; `cells` is `None` where no mark can be given."""
    release = read_release(Path(course_dir) / "release" / lesson.lab, lesson)
    for one in found:
        try:
            repaired = repair(release, read_submission(one.path), code_reader)
        except OSError:
            yield one, None, []
        else:
            cells = None if repaired.undecided else code_cells(repaired.notebook)
            yield one, cells, with_note(repaired.notes, one.note)


def judge_in_parallel(course_dir, notebooks, todo, grader, workers, progress):
    """Judge submissions side by side, and hand learners on one by one, to be recorded while others are judged.

    The grader remembers, so recording them takes no second run.

    Args:
        course_dir: the course folder.
        notebooks: those of the assignment, as `find_assignments` gives them.
        todo: of each learner the `Submission`s, one for each notebook that was handed in.
        grader: a `Grader`.
        workers: how many are judged at a time.
        progress: called with `(Submission, verdict or None)` after each; `None` for one to be graded again.

    Yields:
        What `todo` holds, in its order. Closing the generator cancels what is left.
    """

    def judge(lesson, cells, notes):
        return None if cells is None else grader.grade_cells(judged_as(lesson), cells, notes)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting = {}
        for lesson in notebooks:
            here = [one for learner in todo for one in learner if one.notebook == lesson.name]
            for one, cells, notes in read_cells(course_dir, lesson, here):
                waiting[one] = pool.submit(judge, lesson, cells, notes)
        try:
            for learner in todo:
                for one in learner:
                    try:
                        verdict = waiting[one].result()
                    except Exception:  # one submission's trouble is never the class's
                        verdict = None  # recording tries once more, and says what is wrong if it stays
                    progress(one, verdict)
                yield learner
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def load_verdicts(course_dir, lesson):
    """`(student, Verdict)` of everybody graded so far, by name."""
    folder = verdict_file(course_dir, lesson, "x").parent
    found = []
    for path in sorted(folder.glob("*.json")):
        # One that cannot be read is a disk's fault, and its submission is graded again in time.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            found.append((path.stem, Verdict.load(path)))
    return found

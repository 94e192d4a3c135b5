"""Turns lessons and reference into nbgrader source notebooks and, through stock nbgrader, into `labs/`.

    source_notebook(lesson)     one lesson with its answers, ready for nbgrader
    build(course_dir)           an nbgrader course folder: source/, release/, gradebook.db
    build_labs(labs_dir)        what learners open
    submission(lesson, answers) a learner's notebook with these answers, for demos, gates and tests

Everything is decided by names, so two builds are byte-identical and ids stay when prose comes or goes.
A lesson that cannot be built stops with `LessonError`: file, line, reason.
"""

import functools
import io
import logging
import tempfile
from pathlib import Path

import nbformat

from autograder.authoring.build_guards import (
    expect_no_answers,
    expect_same_cells,
    expect_untouched,
    is_answer,
)
from autograder.authoring.colab_cell import colab_cells
from autograder.authoring.nbgrader_assignment import find_programs, stubs
from autograder.authoring.source_cells import write_cells
from autograder.authoring.source_code import Reference, bank_source, free_names, renamed, without_markers
from autograder.paths import ROOT
from course.notebooks.lesson import LessonError, find_exercise, lessons


def source_notebook(lesson, root=ROOT):
    """One lesson with its answers, as nbgrader wants it.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        root: the project's folder, which holds `solutions/` and `course/checks/`.

    Returns:
        A `NotebookNode` without outputs, each cell with a fixed id.

    Raises:
        LessonError: if a reference, a solution region, a model answer or a visible check is missing, or code
            uses a name that a learner does not have at that place.
    """
    cells, _ = write_cells(lesson, root)
    notebook = nbformat.v4.new_notebook(cells=[*colab_cells(root), *cells])
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "course": {"lab": lesson.lab},
        }
    )
    nbformat.validate(notebook)
    return notebook


def build(course_dir, only=None, root=ROOT, config=None, gradebook=True):
    """Write source notebooks and let nbgrader make the released ones and enter them in the gradebook.

    May be repeated, also when the gradebook holds submissions: their marks stay.

    Args:
        course_dir: the nbgrader course folder; made if need be.
        only: the lessons to build; all if left out.
        root: the project's folder.
        config: more of a traitlets `Config`, such as another `CourseDirectory.db_url`.
        gradebook: `False` writes notebooks only, as `nbgrader generate_assignment --no-db` does.

    Returns:
        Path of each released notebook -> whether it changed.

    Raises:
        LessonError: as `source_notebook`; or if cells were added or removed while there are submissions; or if
            a released notebook would give an answer away.
    """
    course_dir = Path(course_dir).resolve()
    built = {}
    for lesson in lessons().values() if only is None else only:
        notebook = source_notebook(lesson, root)
        settings = _settings(course_dir, config, gradebook)
        if gradebook:
            expect_same_cells(settings, lesson, notebook)
        _write(course_dir / "source" / lesson.lab / f"{lesson.name}.ipynb", nbformat.writes(notebook) + "\n")
        release = course_dir / "release" / lesson.lab / f"{lesson.name}.ipynb"
        before = release.read_bytes() if release.exists() else None
        _generate_assignment(settings, lesson)
        expect_no_answers(nbformat.read(release, as_version=4), lesson, root)
        built[release] = release.read_bytes() != before
    return built


def release_own(course_dir, own, config=None):
    """Let nbgrader make the released notebooks of a teacher's own assignment, and enter them in the gradebook."""
    _generate_assignment(_settings(Path(course_dir).resolve(), config, True), own)


def build_labs(labs_dir=ROOT / "labs", only=None, root=ROOT):
    """Bring `labs/` up to date; files that are as they should be are not touched.

    Returns:
        Path of each notebook -> whether it was written.

    Raises:
        LessonError: as `build`; or if somebody has written answers into a notebook that would be replaced.
    """
    written = {}
    with tempfile.TemporaryDirectory() as course_dir:
        for release in build(course_dir, only, root, gradebook=False):
            lab = Path(labs_dir) / release.parent.name / release.name
            text = release.read_text(encoding="utf-8")
            if lab.exists() and lab.read_text(encoding="utf-8") != text:
                expect_untouched(lab)
            written[lab] = _write(lab, text)
    return written


def submission(lesson, answers, root=ROOT):
    """A learner's notebook.

    Args:
        lesson: the lesson it answers.
        answers: name of an exercise or question -> the source of its cell; the others stay as released.
        root: the project's folder.

    Returns:
        A `NotebookNode`.

    Raises:
        KeyError: for a name that has no answer cell.
    """
    solutions = (Path(root) / "solutions" / f"{lesson.name}.py").read_text(encoding="utf-8")
    notebook = nbformat.reads(_released(lesson, root, solutions), as_version=4)
    cells = {cell.metadata.course["name"]: cell for cell in notebook.cells if is_answer(cell)}
    for name, source in answers.items():
        if name not in cells:
            raise KeyError(f"{lesson.lab} has no answer cell {name!r}; it has {', '.join(cells)}")
        cells[name].source = source
    return notebook


def entry_source(entry, lesson=None, root=ROOT):
    """What a learner with that misconception, or with that alternative, would have handed in.

    An entry that builds on the reference of its own exercise gets it pasted above, under another name.

    Args:
        entry: an `autograder.hidden.entries.Entry`.
        lesson: the lesson of its exercise; looked up if left out.
        root: the project's folder.

    Raises:
        LessonError: if it uses names that a learner does not have at that place.
    """
    lesson = lesson or find_exercise(entry.exercise)[0]
    known = _known(lesson, root, (Path(root) / "solutions" / f"{lesson.name}.py").read_text(encoding="utf-8"))
    snippet = bank_source(entry)
    snippet.expect_names(known[entry.exercise] | {entry.exercise}, "an entry of a bank stands on its own")
    if entry.exercise not in free_names(snippet.source, snippet.path, snippet.line):
        return renamed(snippet.source, {entry.answer.__name__: entry.exercise})
    reference = Reference(Path(root) / "solutions" / f"{lesson.name}.py").answer(entry.exercise)
    base = f"Reference{entry.exercise}" if isinstance(entry.answer, type) else f"reference_{entry.exercise}"
    below = renamed(snippet.source, {entry.exercise: base, entry.answer.__name__: entry.exercise})
    return renamed(without_markers(reference.source), {entry.exercise: base}) + "\n\n\n" + below


@functools.lru_cache(maxsize=16)
def _known(lesson, root, solutions):
    """Exercise -> the names an answer may use, worked out once for all entries of a bank."""
    return write_cells(lesson, root)[1]


@functools.lru_cache(maxsize=16)
def _released(lesson, root, solutions):
    with tempfile.TemporaryDirectory() as course_dir:
        (release,) = build(course_dir, [lesson], root, gradebook=False)
        return release.read_text(encoding="utf-8")


def _settings(course_dir, more, gradebook):
    from traitlets.config import Config

    find_programs()
    course_dir.mkdir(parents=True, exist_ok=True)
    config = stubs(Config())
    config.CourseDirectory.root = str(course_dir)
    config.GenerateAssignment.force = True
    config.GenerateAssignment.no_database = not gradebook
    config.SaveCells.enabled = gradebook
    config.merge(more or {})
    return config


def _generate_assignment(settings, lesson):
    """Stock `nbgrader generate_assignment --force`, in this process."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    log, heard = logging.Logger("generate_assignment"), io.StringIO()
    log.addHandler(logging.StreamHandler(heard))
    coursedir = CourseDirectory(config=settings, assignment_id=lesson.lab)
    try:
        GenerateAssignment(coursedir=coursedir, config=settings, log=log).start()
    except NbGraderException:
        raise LessonError(
            lesson.path, 1, f"nbgrader could not make the assignment:\n{heard.getvalue()}"
        ) from None


def _write(path, text):
    """Write, unless the file is so already; return whether it was written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return True

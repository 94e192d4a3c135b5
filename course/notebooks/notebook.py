"""A learner's notebook: which cell is what, and how to run the ones that count.

The build leaves a note in each cell it makes, `cell.metadata["course"] = {"role": ..., "name": ...}`, and in the
notebook, `nb.metadata["course"] = {"lab": "lab1_attention"}`. A cell without a note is the learner's own.
"""

import ast
import asyncio
import contextlib
import dataclasses
import inspect
import json
import linecache
import re
import sys
import traceback
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

from course.errors import CourseError, UnknownName
from course.machine.time_limit import TooLong, time_limit
from course.notebooks.cell_source import read_cell
from course.notebooks.find_cells import ALIKE, defined_in, likeness, without_labs_code, without_unfinished
from course.notebooks.lesson import find_lesson, lessons
from course.notebooks.notebook_file import read_file

# What an answer is made of. Experiments take minutes, and checks are run by whoever asks.
NEEDED = ("setup", "given", "answer")
# Statements of the learner's own cells that cost no time: what an answer may lean on.
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class NotebookError(CourseError):
    """A notebook that cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Cell:
    """One code cell. `role` is `None` for a cell that the learner added."""

    number: int
    role: str | None
    name: str
    source: str

    @property
    def runs(self):
        """Whether it counts for the answers: experiments and checks do not."""
        return self.role is None or self.role in NEEDED

    @property
    def title(self):
        if self.role is None:
            return f"cell {self.number} (your own)"
        return f"cell {self.number} ({self.name or self.role})"


@dataclass(frozen=True)
class Notebook:
    """A lab notebook: its path, its lab such as `lab1_attention`, its code cells in order, and notes on its file."""

    path: Path
    lab: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()

    def has_answer(self, exercise):
        return any(cell.role == "answer" and cell.name == exercise for cell in self.cells)


def read(path):
    """Read a lab notebook, in whatever state its file is: what the grader can read, this can.

    A cell without a note is known by what it holds: an answer by what it defines, the lab's own by its text.

    Args:
        path: the notebook, or the folder with exactly one in it.

    Raises:
        NotebookError: if there is none, if nothing can be read, or if it is no lab of this course.
    """
    path = _find(Path(path))
    try:
        text = path.read_bytes()
        content = read_file(text)
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content.cells and content.notes:
        raise NotebookError(
            f"{path} is damaged and cannot be read as a notebook{_place(text)}. Take an earlier copy: in JupyterLab, "
            "File > Revert Notebook to Checkpoint."
        )
    lesson = None if _is_as_built(content) else _lesson_of(content)
    lab = _note(content).get("lab") or (lesson and lesson.lab)
    if not lab:
        raise NotebookError(
            f"{path} is a notebook, but none of this course's labs. Name the one you did a lab in."
        )
    found = _one_side(content.cells, lesson)
    cells = [_placed(n, cell, lesson) for n, cell in enumerate(found, start=1) if cell.kind == "code"]
    return Notebook(path, str(lab), tuple(_settled(cells, lesson)), content.notes)


def _place(text):
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f" (line {error.lineno} of the file)"
    except (ValueError, RecursionError):
        pass
    return ""


def _is_as_built(content):
    """Whether each code cell has its note, and each answer one cell: then nothing has to be looked for."""
    notes = [_note(cell) for cell in content.cells if cell.kind == "code"]
    answers = [note.get("name") for note in notes if note.get("role") == "answer"]
    return bool(_note(content).get("lab")) and all(notes) and len(answers) == len(set(map(str, answers)))


def _lesson_of(content):
    """The lesson that the notebook names, or else the one whose exercises it defines most of."""
    lab = _note(content).get("lab")
    if lab:
        try:
            return find_lesson(str(lab))
        except UnknownName:
            return None
    sources = [cell.source for cell in content.cells if cell.kind == "code"]
    counts = {
        lesson: sum(len(defined_in(source, lesson.exercises)) for source in sources)
        for lesson in lessons().values()
    }
    best = max(counts, key=counts.get, default=None)
    return best if best and counts[best] else None


def _one_side(cells, lesson):
    """The cells without those of a git conflict's second side, but for answers that stand there alone."""
    names = lesson.exercises if lesson else ()

    def written(cell):
        return {name for name, full in defined_in(cell.source, names).items() if full and cell.kind == "code"}

    first = {name for cell in cells if not cell.other_side for name in written(cell)}
    return [cell for cell in cells if not cell.other_side or written(cell) - first]


def _placed(number, cell, lesson):
    role, name = _note(cell).get("role"), _note(cell).get("name") or ""
    source = cell.source
    if lesson is None:
        return Cell(number, role, name, source)
    defined = defined_in(source, lesson.exercises)
    if role == "answer" or any(defined.values()) or (role is None and defined):
        source = without_labs_code(source, _labs_own(lesson))
        if role != "answer":
            role, name = "answer", max(defined, key=list(lesson.exercises).index)
    elif role is None and any(likeness(source, text) >= ALIKE for text in _labs_own(lesson)):
        role = "experiment"
    return Cell(number, role, name, source)


def _labs_own(lesson):
    checks = [f"course.check({name})" for name in lesson.exercises]
    return [*(cell.source for cell in lesson.cells if cell.kind == "experiment"), *checks]


def _settled(cells, lesson):
    """The cells without unwritten answers where another cell holds a written one."""
    if lesson is None:
        return cells
    written = {
        name
        for cell in cells
        if cell.role in (None, "answer")
        for name, full in defined_in(cell.source, lesson.exercises).items()
        if full
    }
    return [
        dataclasses.replace(cell, source=without_unfinished(cell.source, written))
        if cell.role in (None, "answer")
        else cell
        for cell in cells
    ]


def _find(path):
    if path.is_dir():
        inside = sorted(path.glob("*.ipynb"))
        if len(inside) == 1:
            return inside[0]
        names = ", ".join(file.name for file in inside)
        raise NotebookError(
            f"{path} is a folder with {f'several notebooks ({names})' if inside else 'no notebook'}; name one."
        )
    if not path.exists():
        nearby = (
            ", ".join(str(file) for file in sorted(path.parent.glob("*.ipynb")))
            if path.parent.is_dir()
            else ""
        )
        raise NotebookError(f"There is no file {path}.{f' Did you mean {nearby}?' if nearby else ''}")
    return path


def _note(thing):
    note = thing.metadata.get("course")
    return note if isinstance(note, dict) else {}


def execute(notebook, own="all", before=lambda cell: None, limit=None):
    """Run set-up, given and answer cells, and the learner's own, in a fresh module.

    A cell that fails does not stop the others. Its traceback has the right lines, and `inspect.getsource` works.

    Args:
        notebook: a `Notebook`.
        own: `"all"` runs the learner's own cells as they are; `"definitions"` only their imports, functions and
            classes. Errors in them are not reported either way.
        before: called with each cell before it runs.
        limit: seconds that each cell may take; as long as it likes if left out.

    Returns:
        `(module, problems)`: the module with everything defined, and for each answer whose cell failed, its name
        -> what happened, in words.
    """
    module = types.ModuleType(notebook.lab, f"What {notebook.path.name} defines.")
    module.display = lambda *shown, **options: None
    module.get_ipython = MagicMock(name="get_ipython")  # magics and shell lines do nothing here
    loop = None
    sys.modules[notebook.lab] = module  # dataclasses and pickle look classes up there
    problems = {}
    for cell in notebook.cells:
        if not cell.runs:
            continue
        before(cell)
        file = f"<{notebook.path.name}, {cell.title}>"
        read_as = read_cell(cell.source)
        source = read_as.python
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        if read_as.problem:
            if cell.role is not None:
                problems[cell.name or cell.role] = _unreadable(read_as.problem)
            continue
        try:
            with warnings.catch_warnings(), time_limit(limit) if limit else contextlib.nullcontext():
                warnings.simplefilter("ignore")
                tree = read_as.tree
                if cell.role is None and own == "definitions":
                    tree.body = [statement for statement in tree.body if isinstance(statement, DEFINITIONS)]
                code = compile(tree, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
                if code.co_flags & inspect.CO_COROUTINE:
                    loop = loop or asyncio.new_event_loop()
                    _wait_for(loop, eval(code, module.__dict__))
                else:
                    exec(code, module.__dict__)
        except TooLong:
            if cell.role is not None:
                problems[cell.name or cell.role] = (
                    f"its cell did not come to an end within {limit:g} s: is there a loop that never ends?"
                )
        except (Exception, SystemExit) as error:
            if cell.role is not None:
                problems[cell.name or cell.role] = _in_words(error, file)
        else:
            problems.pop(cell.name, None)  # the copy of a cell that was mended further down
    if loop is not None:
        loop.close()
    return module, problems


def _wait_for(loop, coroutine):
    """Run it to its end, in a thread of its own: in a notebook another loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(loop.run_until_complete, coroutine).result()


def _unreadable(problem):
    found = re.match(r"line (\d+): (.*)", problem)
    line, what = found.groups() if found else ("", problem)
    return f"its cell stops{f' in line {line}' if line else ''} with SyntaxError: {what}"


def _in_words(error, file):
    what = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    if isinstance(error, SyntaxError):
        line = error.lineno
        what = f"{type(error).__name__}: {error.msg}"
    else:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file
        ]
        line = lines[-1] if lines else None
    return f"its cell stops{f' in line {line}' if line else ''} with {what}"

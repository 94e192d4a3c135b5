"""A learner's notebook: which cell is what, and how to run the ones that count.

The build leaves a note in each cell it makes, `cell.metadata["course"] = {"role": ..., "name": ...}`, and in the
notebook, `nb.metadata["course"] = {"lab": "lab1_attention"}`. A cell without a note is the learner's own.
"""

import ast
import contextlib
import json
import linecache
import sys
import traceback
import types
import warnings
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError

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
    def title(self):
        if self.role is None:
            return f"cell {self.number} (your own)"
        return f"cell {self.number} ({self.name or self.role})"


@dataclass(frozen=True)
class Notebook:
    """A lab notebook: its path, its lab such as `lab1_attention`, its code cells in order."""

    path: Path
    lab: str
    cells: tuple[Cell, ...]

    def has_answer(self, exercise):
        return any(cell.role == "answer" and cell.name == exercise for cell in self.cells)


def read(path):
    """Read a lab notebook.

    Args:
        path: the notebook, or the folder with exactly one in it.

    Raises:
        NotebookError: if there is none, if it is damaged, or if it is no lab of this course.
    """
    path = _find(Path(path))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
        sources = [(cell, _text(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
        lab = _note(content).get("lab")
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        place = f" (line {error.lineno} of the file)" if isinstance(error, json.JSONDecodeError) else ""
        raise NotebookError(
            f"{path} is damaged and cannot be read as a notebook{place}. Take an earlier copy: in JupyterLab, "
            "File > Revert Notebook to Checkpoint."
        ) from error
    if not lab:
        raise NotebookError(
            f"{path} is a notebook, but none of this course's labs. Name the one you did a lab in."
        )
    numbers = {id(cell): number for number, cell in enumerate(cells, start=1)}
    found = (
        Cell(numbers[id(cell)], _note(cell).get("role"), _note(cell).get("name") or "", text)
        for cell, text in sources
    )
    return Notebook(path, str(lab), tuple(found))


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


def _text(source):
    if isinstance(source, str):
        return source
    return "".join(source)


def _note(thing):
    note = thing["metadata"].get("course")
    return note if isinstance(note, dict) else {}


def execute(notebook, own="all", before=lambda cell: None):
    """Run set-up, given and answer cells, and the learner's own, in a fresh module.

    A cell that fails does not stop the others. Its traceback has the right lines, and `inspect.getsource` works.

    Args:
        notebook: a `Notebook`.
        own: `"all"` runs the learner's own cells as they are; `"definitions"` only their imports, functions and
            classes. Errors in them are not reported either way.
        before: called with each cell before it runs.

    Returns:
        `(module, problems)`: the module with everything defined, and for each answer whose cell failed, its name
        -> what happened, in words.
    """
    module = types.ModuleType(notebook.lab, f"What {notebook.path.name} defines.")
    module.display = lambda *shown, **options: None
    sys.modules[notebook.lab] = module  # dataclasses and pickle look classes up there
    problems = {}
    for cell in notebook.cells:
        if cell.role is not None and cell.role not in NEEDED:
            continue
        before(cell)
        file = f"<{notebook.path.name}, {cell.title}>"
        source = plain_python(cell.source)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source, file)
                if cell.role is None and own == "definitions":
                    tree.body = [statement for statement in tree.body if isinstance(statement, DEFINITIONS)]
                code = compile(tree, file, "exec", dont_inherit=True)
                exec(code, module.__dict__)
        except (Exception, SystemExit) as error:
            if cell.role is not None:
                problems[cell.name or cell.role] = _in_words(error, file)
        else:
            problems.pop(cell.name, None)  # the copy of a cell that was mended further down
    return module, problems


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


def plain_python(source):
    """The source without IPython's `%magic` and `!shell` lines, line numbers kept."""
    with contextlib.suppress(SyntaxError, ValueError):
        ast.parse(source)
        return source
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in ("%%time", "%%timeit", "%%capture"):
        return ""  # another language
    for number, line in enumerate(lines):
        code = line.lstrip()
        if code.startswith(("%", "!", "?")) or code.endswith("?"):
            lines[number] = line[: len(line) - len(code)] + "pass"
    return "\n".join(lines)

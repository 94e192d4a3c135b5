"""What a source notebook and its probes say of an assignment: its exercises, points, and which cell is what."""

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from autograder.authoring.own_course.bank_file import BankFile, read_bank
from autograder.judge.errors import JudgeError
from course.checking import shortcuts

OTHER_LANGUAGE = re.compile(
    r"^%%?(R|julia|octave|bash|sh|perl|ruby|javascript|js|cython|sql)\b", re.MULTILINE
)


class OwnCourseError(JudgeError):
    """An assignment that cannot be graded as it is described. Says what to do."""


@dataclass(frozen=True)
class OwnExercise:
    """One exercise: what its solution defines, or, contained, one test cell.

    Attributes:
        name: of what the answer defines; of a contained one, the test cell's `grade_id`.
        points: of all its test cells together.
        cells: `(grade_id, points)` of the test cells that its mark goes to.
        contained: whether those cells decide the mark themselves.
        forbidden: names that the answer may not call.
    """

    name: str
    points: float
    cells: tuple[tuple[str, float], ...]
    contained: bool = False
    forbidden: tuple[str, ...] = ()
    kind: str = "exercise"


@dataclass(frozen=True)
class OwnQuestion:
    """A cell that a person grades."""

    name: str
    points: float
    source: str = ""  # the text above it, or its own


@dataclass(frozen=True, eq=False)
class OwnNotebook:
    """One notebook of an assignment, with what a `Lesson` has, so that a class is graded and shown alike.

    Attributes:
        lab: the assignment's name.
        name: the notebook's.
        path: the source notebook.
        bank: the probes' file, read.
        notebook: the source notebook, read.
        exercises, questions: by name.
        several: whether the assignment has other notebooks besides.
    """

    lab: str
    name: str
    path: Path
    bank: BankFile = field(repr=False)
    notebook: nbformat.NotebookNode = field(repr=False)
    exercises: dict = field(repr=False)
    questions: dict = field(repr=False)
    minutes: float = 0
    several: bool = False

    @property
    def number(self):
        return self.lab

    @property
    def title(self):
        return f"{self.lab}/{self.name}" if self.several else self.lab


def own_assignments(course_dir):
    """Names of the assignments of a course folder that somebody has described, by a file in `probes/`."""
    folder = Path(course_dir) / "probes"
    return sorted(
        {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}
    )


def find_notebooks(course_dir, lab):
    """The described notebooks of an assignment, by name; empty if nobody described it.

    Raises:
        OwnCourseError: if what was described does not fit together.
    """
    course_dir = Path(course_dir).resolve()
    if lab not in own_assignments(course_dir):
        return []
    source = course_dir / "source" / lab
    paths = sorted(source.glob("*.ipynb"))
    if not paths:
        raise OwnCourseError(f"probes for {lab} are there, but no notebook lies in {source}")
    found = []
    for path in paths:
        own = course_dir / "probes" / lab / f"{path.stem}.py"
        file = own if own.exists() or len(paths) > 1 else course_dir / "probes" / f"{lab}.py"
        if not file.exists():
            raise OwnCourseError(
                f"{file} is missing: an assignment of several notebooks has one file for each"
            )
        found.append(_read(lab, path, file, len(paths) > 1, path.stat().st_mtime_ns, file.stat().st_mtime_ns))
    return found


@functools.lru_cache(maxsize=64)
def _read(lab, path, file, several, *_):
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise OwnCourseError(f"{path} cannot be read as a notebook ({type(error).__name__})") from None
    _expect_python(path, notebook)
    bank = read_bank(file)
    tests, questions = _sort_cells(path, notebook, bank)
    exercises = {}
    for name, cells in tests.items():
        contained = name not in bank.probes
        points = sum(points for _, points in cells)
        exercises[name] = OwnExercise(name, points, tuple(cells), contained, bank.forbidden.get(name, ()))
    # Of several notebooks, one may be for a person alone, or to read only.
    _expect_whole(path, file, bank, exercises, exercises or questions or several)
    return OwnNotebook(lab, path.stem, path, bank, notebook, exercises, questions, several=several)


def _sort_cells(path, notebook, bank):
    """`(exercise -> [(grade_id, points)], questions)`: each test cell belongs to the solution above it."""
    owner = {grade_id: name for name, cells in bank.cells.items() for grade_id in cells}
    tests, questions, above, text_above = {}, {}, [], ""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        grade_id, points = about.get("grade_id", ""), float(about.get("points") or 0)
        if about.get("task") or (about.get("grade") and about.get("solution")):
            questions[grade_id] = OwnQuestion(grade_id, points, text_above or cell.source)
        elif about.get("solution") and cell.cell_type == "code":
            text = plain_python(cell.source)
            above = [name for name in bank.probes if shortcuts.defines(text, name)] or (
                [] if text.strip() else above
            )
        elif about.get("grade"):
            names = [owner[grade_id]] if grade_id in owner else above
            if len(names) > 1:
                raise OwnCourseError(
                    f"{path.name}: the test cell {grade_id} stands below {' and '.join(names)}; say in the file of "
                    f'probes whose points it carries: cells = {{"{names[0]}": ["{grade_id}"]}}'
                )
            if not names and not bank.contain:
                raise OwnCourseError(
                    f"{path.name}: for the test cell {grade_id} there are no probes. Write some for what its solution "
                    "defines, or say `contain = True` in the file of probes: then the cell's own asserts decide, "
                    "contained but not protected against tampering"
                )
            tests.setdefault(names[0] if names else grade_id, []).append((grade_id, points))
        text_above = cell.source if cell.cell_type == "markdown" and not about.get("grade") else ""
    return tests, questions


def _expect_whole(path, file, bank, exercises, anything):
    for name in bank.probes:
        if name not in exercises:
            raise OwnCourseError(
                f"{file.name} has probes for {name}, but no test cell of {path.name} carries its points: it has to stand "
                "below the solution that defines it"
            )
    if not anything:
        raise OwnCourseError(f"{path.name} has no test cell and no question, so there is nothing to grade")


def _expect_python(path, notebook):
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    language = notebook.metadata.get("language_info", {}).get("name", language)
    if language.lower() not in ("python", "ipython"):
        raise OwnCourseError(f"{path.name} is in {language}: only Python can be run shut in")
    for cell in notebook.cells:
        found = OTHER_LANGUAGE.search(cell.source) if cell.cell_type == "code" else None
        if found:
            raise OwnCourseError(
                f"{path.name}: a cell begins with {found[0]}: only Python can be run shut in"
            )


def plain_python(source):
    """A cell as Python, magics turned into calls; empty if it cannot be read."""
    try:
        return TransformerManager().transform_cell(source)
    except SyntaxError:
        return ""

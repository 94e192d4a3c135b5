"""Reads a lesson: prose, figures, experiments and the place of each exercise.

A lesson is a jupytext `py:percent` file whose cells carry short tags on their marker line:

    # %% [markdown] lab=1 title="Attention" minutes=90 seconds=180 builds="softmax, ..."
                                                             the first cell: which lab this is, how long it takes a
                                                             learner and, its experiments, two quiet cores; what one builds
    # %% [markdown]                                          prose
    # %%                                                     set-up code, which runs when grading too
    # %% given="FORBIDDEN"                                   set-up code lifted from the reference
    # %% exercise="softmax" points=2 minutes=10 difficulty=1 forbidden="softmax"
    # hint: ...                                              two or three hints, from gentle to plain
    # %% experiment="why_scale" minutes=2                    code to run and look at; never runs when grading
    # %% [markdown] question="why_heads" points=2 minutes=5  a question that a person grades

`forbidden` names what an answer may not call because it is what the exercise builds.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

from course.errors import CourseError, UnknownName

LESSONS = Path(__file__).parents[1] / "lessons" / "en"

# kind: (tags it must have, tags it may have)
TAGS = {
    "lab": ({"lab", "title", "minutes"}, {"seconds", "builds"}),
    "exercise": ({"exercise", "points", "minutes", "difficulty"}, {"forbidden"}),
    "question": ({"question", "points", "minutes"}, set()),
    "experiment": ({"experiment"}, {"minutes"}),
    "given": ({"given"}, set()),
    "markdown": (set(), set()),
    "code": (set(), set()),
}


class LessonError(CourseError, ValueError):
    """A lesson that cannot be used. Says file, line and reason."""

    def __init__(self, path, line, reason):
        super().__init__(f"{path}:{line}: {reason}")


@dataclass(frozen=True)
class LessonCell:
    """One cell of a lesson. `kind` is a key of `TAGS`; `name` is that tag's value."""

    kind: str
    name: str
    source: str
    line: int
    points: float = 0
    minutes: float = 0
    difficulty: int = 0
    hints: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """One lab: `lab1_attention` is the lab, `attention` its name, which all its files share."""

    name: str
    number: int
    title: str
    minutes: float
    path: Path
    cells: tuple[LessonCell, ...] = field(repr=False)
    seconds: float = 0
    builds: str = ""

    @property
    def lab(self):
        return f"lab{self.number}_{self.name}"

    @property
    def exercises(self):
        return {cell.name: cell for cell in self.cells if cell.kind == "exercise"}

    @property
    def questions(self):
        return {cell.name: cell for cell in self.cells if cell.kind == "question"}


def read_lesson(path):
    """Read one lesson file.

    Raises:
        LessonError: for an unknown, missing or doubled tag, a value of the wrong type, or no lab header.
    """
    import jupytext

    path = Path(path)
    text = path.read_text(encoding="utf-8")
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if line.startswith("# %%")]
    notebook = jupytext.reads(text, fmt="py:percent")
    if len(lines) != len(notebook.cells):
        raise LessonError(path, 1, "text before the first `# %%` marker; start the file with a cell")
    cells = [_read_cell(path, line, cell) for line, cell in zip(lines, notebook.cells, strict=True)]
    if not cells or cells[0].kind != "lab":
        raise LessonError(path, 1, 'the first cell must carry lab=NUMBER title="..." minutes=NUMBER')
    _expect_unique(path, cells)
    header = notebook.cells[0].metadata
    told = {tag: header[tag] for tag in ("seconds", "builds") if tag in header}
    return Lesson(path.stem, header["lab"], header["title"], header["minutes"], path, tuple(cells), **told)


def _read_cell(path, line, cell):
    # jupytext notes down unusual numbers of blank lines; they are no tags.
    tags = {tag: value for tag, value in cell.metadata.items() if not tag.startswith("lines_to_")}
    kinds = [kind for kind in TAGS if kind in tags] or [cell.cell_type]
    if len(kinds) > 1 or kinds[0] not in TAGS:
        raise LessonError(
            path, line, f"a cell is one of {', '.join(TAGS)}, and this one is {' and '.join(kinds)}"
        )
    kind = kinds[0]
    required, optional = TAGS[kind]
    for tag in required - tags.keys():
        raise LessonError(path, line, f"a cell tagged {kind} needs {tag}=...")
    for tag in tags.keys() - required - optional:
        raise LessonError(
            path, line, f"unknown tag {tag!r}; a {kind} cell takes {sorted(required | optional)}"
        )
    for tag in tags.keys() & {"lab", "points", "minutes", "seconds", "difficulty"}:
        if isinstance(tags[tag], bool) or not isinstance(tags[tag], int | float) or tags[tag] <= 0:
            raise LessonError(path, line, f"{tag} must be a number above 0, not {tags[tag]!r}")
    for tag in tags.keys() & {"title", "builds", "exercise", "question", "experiment", "given", "forbidden"}:
        if not isinstance(tags[tag], str) or not tags[tag].strip():
            raise LessonError(path, line, f"{tag} must be a text that is not empty, not {tags[tag]!r}")
    if (kind in ("lab", "question")) != (cell.cell_type == "markdown") and kind not in ("markdown", "code"):
        raise LessonError(
            path, line, f"a {kind} cell is {'[markdown]' if kind in ('lab', 'question') else 'code'}"
        )
    if tags.get("difficulty", 1) not in (1, 2, 3):
        raise LessonError(path, line, "difficulty is 1, 2 or 3")
    hints = ()
    if kind == "exercise":
        hints = tuple(row.removeprefix("# hint:").strip() for row in cell.source.splitlines() if row.strip())
        if any(not row.startswith("# hint:") for row in cell.source.splitlines() if row.strip()):
            raise LessonError(
                path, line, "an exercise cell holds `# hint: ...` lines only; prose goes above it"
            )
        if not 2 <= len(hints) <= 3:
            raise LessonError(path, line, f"an exercise has two or three hints, not {len(hints)}")
    forbidden = tuple(name.strip() for name in tags.get("forbidden", "").split(",") if name.strip())
    numbers = {tag: tags[tag] for tag in ("points", "minutes", "difficulty") if tag in tags}
    return LessonCell(
        kind, str(tags.get(kind, "")), cell.source, line, hints=hints, forbidden=forbidden, **numbers
    )


def _expect_unique(path, cells):
    seen = {}
    for cell in cells:
        if cell.kind in ("exercise", "question", "experiment", "given"):
            if (cell.kind, cell.name) in seen:
                first = seen[cell.kind, cell.name]
                raise LessonError(
                    path, cell.line, f"{cell.kind} {cell.name!r} stands already on line {first}"
                )
            seen[cell.kind, cell.name] = cell.line


@functools.cache
def lessons():
    """All lessons by name, in the order of their labs."""
    taken = {}
    found = sorted((read_lesson(path) for path in LESSONS.glob("*.py")), key=lambda lesson: lesson.number)
    for lesson in found:
        for cell in lesson.exercises.values():
            if cell.name in taken:
                raise LessonError(
                    lesson.path, cell.line, f"exercise {cell.name!r} stands already in {taken[cell.name]}"
                )
            taken[cell.name] = lesson.lab
    return {lesson.name: lesson for lesson in found}


def find_lesson(name):
    """The lesson called `attention`, `lab1_attention` or `1`.

    Raises:
        UnknownName: with the names there are.
    """
    for lesson in lessons().values():
        if name in (lesson.name, lesson.lab, str(lesson.number)):
            return lesson
    raise UnknownName(
        f"no lab called {name!r}; there are: {', '.join(lesson.lab for lesson in lessons().values())}"
    )


def find_exercise(name):
    """The `(lesson, cell)` of an exercise.

    Raises:
        UnknownName: with the nearest names.
    """
    import difflib

    known = {exercise: lesson for lesson in lessons().values() for exercise in lesson.exercises}
    if name in known:
        return known[name], known[name].exercises[name]
    alike = {each.lower(): each for each in known}
    near = [alike[each] for each in difflib.get_close_matches(str(name).lower(), alike, n=3, cutoff=0.6)]
    if not near and len(known) <= 12:
        near = sorted(known)
    if not near:
        raise UnknownName(
            f"no exercise called {name!r}: each lab's table of contents lists its exercises, and so does course.status()"
        )
    raise UnknownName(f"no exercise called {name!r}; did you mean {', '.join(near)}?")

"""Writes the cells of a lesson's source notebook.

`cell.metadata.course` tells what a cell is: `{"role": ..., "name": ...}`, a pair that no other cell of the notebook
has. Roles: prose; setup and given, which run before answers do; answer and check, the two halves of an exercise;
question, the answer a person grades; experiment; and colab, which `autograder.authoring.colab_cell` puts in front.
"""

import builtins
import re
from pathlib import Path

import nbformat

from autograder.authoring.model_answers import answers_path, expect_rubric, model_answers
from autograder.authoring.source_code import Reference, Snippet, bound_names, exercises_with_checks
from course.notebooks.lesson import LessonError

# What Python and Jupyter give to every cell.
EVERYWHERE = frozenset(dir(builtins)) | {"__name__", "__class__", "display"}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}")  # leaves room for a prefix in a cell id of 64


def write_cells(lesson, root):
    """All cells of a lesson's source notebook, answers included.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        root: the project's folder, which holds `solutions/` and `course/checks/`.

    Returns:
        `(cells, known)`: the notebook's cells, and for each exercise the names that an answer may use.

    Raises:
        LessonError: see `autograder.authoring.build.source_notebook`.
    """
    writer = _Writer(lesson, Path(root))
    for cell in lesson.cells:
        writer.write(cell)
    return writer.cells, writer.known_at


class _Writer:
    """Goes through a lesson from top to bottom and keeps in mind which names a learner has there."""

    def __init__(self, lesson, root):
        self.lesson, self.cells, self.known_at = lesson, [], {}
        self.reference = Reference(root / "solutions" / f"{lesson.name}.py")
        self.answers, self.answers_path = model_answers(root, lesson.name), answers_path(root, lesson.name)
        self.checked = exercises_with_checks(root / "course" / "checks" / f"{lesson.name}.py")
        self.known = set(EVERYWHERE)  # what an answer may use
        self.shown = set()  # what experiments bind: they do not run when grading, so answers may not use it
        self.above, self.count, self.setups, self.taken = "top", 0, 0, set()

    def write(self, cell):
        self.line = cell.line
        if cell.kind in ("exercise", "question", "experiment") and not NAME.fullmatch(cell.name):
            raise self.error(cell, f"{cell.name!r} is no name: up to 48 letters, digits, - and _")
        write = {"lab": self.prose, "markdown": self.prose, "code": self.setup, "given": self.given}
        write |= {"exercise": self.exercise, "question": self.question, "experiment": self.experiment}
        write[cell.kind](cell)
        if cell.kind not in ("lab", "markdown"):
            self.above, self.count = self.cells[-1].id.split("-", 1)[1], 0

    def prose(self, cell):
        # Numbered from the last cell that has a name, so that a new paragraph moves few ids.
        self.count += 1
        name = f"{self.above}-{self.count}"
        self.markdown(f"prose-{name}", "prose", name, cell.source)

    def setup(self, cell):
        self.setups += 1
        name = f"setup_{self.setups}"
        self.expect_names(cell, self.known, "import or define it in a set-up cell above")
        self.known |= bound_names(cell.source, self.lesson.path, cell.line + 1)
        self.code(f"setup-{self.setups}", "setup", name, cell.source, _nbgrader(name, locked=True))

    def given(self, cell):
        names = [name.strip() for name in cell.name.split(",") if name.strip()]
        snippets = []
        for name in names:
            snippet = self.reference.given(name)
            if snippet is None:
                raise self.error(cell, f"{self.reference.path} defines no {name!r} that could be given")
            snippet.expect_names(self.known | set(names), f"needed by line {cell.line} of {self.lesson.path}")
            snippets.append(snippet)
        if not snippets or cell.source.strip():
            raise self.error(
                cell, 'given="NAME" or given="ONE, OTHER" names what to lift; the cell itself is empty'
            )
        self.known |= set(names)
        blocks = any(self.reference.answer(name) for name in names)
        source = ("\n\n\n" if blocks else "\n").join(snippet.source for snippet in snippets)
        self.code(f"given-{names[0]}", "given", names[0], source, _nbgrader(f"given_{names[0]}", locked=True))

    def exercise(self, cell):
        name, answer = cell.name, self.reference.answer(cell.name)
        if answer is None:
            raise self.error(cell, f"{self.reference.path} defines no function or class {name!r}")
        answer.solutions()  # complains if there is nothing to write
        cure = "lift it with `# %% given=...`, or import it in a set-up cell above"
        answer.expect_names(self.known, f"{cure} line {cell.line} of {self.lesson.path}")
        if name not in self.checked:
            raise self.error(
                cell,
                f'no visible check is registered; write @check("{name}") in course/checks/{self.lesson.name}.py',
            )
        if "course" not in self.known:
            raise self.error(cell, "its check needs `import course` in a set-up cell above")
        self.known_at[name] = frozenset(self.known)
        self.known.add(name)
        self.markdown(f"task-{name}", "prose", f"task-{name}", _task(cell))
        self.code(f"answer-{name}", "answer", name, answer.source, _nbgrader(name, solution=True))
        check = _nbgrader(f"check_{name}", grade=True, locked=True, points=cell.points)
        self.code(f"check-{name}", "check", name, f"course.check({name})", check)

    def question(self, cell):
        name, answer = cell.name, self.answers.get(cell.name)
        if answer is None:
            raise self.error(cell, f"{self.answers_path} has no model answer `## {name}`")
        expect_rubric(answer, cell.points, self.answers_path)
        head = f"**{_points(cell)}** · about {_minutes(cell)} · a person reads your answer"
        prompt = _nbgrader(f"prompt_{name}", locked=True)
        self.markdown(f"prompt-{name}", "prose", f"prompt-{name}", f"{head}\n\n{cell.source}", prompt)
        metadata = _nbgrader(f"question_{name}", grade=True, solution=True, points=cell.points)
        self.markdown(f"question-{name}", "question", name, answer.in_markdown(), metadata)

    def experiment(self, cell):
        self.expect_names(cell, self.known | self.shown, "import it in a set-up cell, or define it above")
        self.shown |= bound_names(cell.source, self.lesson.path, cell.line + 1)
        self.code(f"experiment-{cell.name}", "experiment", cell.name, cell.source)

    def code(self, identity, role, name, source, nbgrader=None):
        self.add(nbformat.v4.new_code_cell, identity, role, name, source, nbgrader)

    def markdown(self, identity, role, name, source, nbgrader=None):
        self.add(nbformat.v4.new_markdown_cell, identity, role, name, source, nbgrader)

    def add(self, make, identity, role, name, source, nbgrader):
        if identity in self.taken:
            raise LessonError(self.lesson.path, self.line, f"two cells would have the id {identity!r}")
        self.taken.add(identity)
        metadata = {"course": {"role": role, "name": name}} | ({"nbgrader": nbgrader} if nbgrader else {})
        self.cells.append(make(source, id=identity, metadata=metadata))

    def expect_names(self, cell, known, cure):
        Snippet(cell.source, self.lesson.path, cell.line + 1).expect_names(known, cure)

    def error(self, cell, reason):
        return LessonError(self.lesson.path, cell.line, reason)


def _nbgrader(grade_id, grade=False, solution=False, locked=False, points=None):
    flags = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    return {"schema_version": 3, "grade_id": grade_id} | flags | ({"points": points} if grade else {})


def _points(cell):
    return f"{cell.points:g} point{'' if cell.points == 1 else 's'}"


def _minutes(cell):
    return f"{cell.minutes:g} minute{'' if cell.minutes == 1 else 's'}"


def _task(cell):
    """What a learner reads above an exercise: its frame and its folded hints. The heading is for the table of contents."""
    stars = "●" * cell.difficulty + "○" * (3 - cell.difficulty)
    rows = [f"#### Exercise: `{cell.name}`"]
    rows.append(f"{_points(cell)} · about {_minutes(cell)} · difficulty {stars}")
    rows.append(
        f"Write `{cell.name}` in the next cell and run it; then run the check below it. "
        f'Stuck? Unfold a hint, or call `course.hint("{cell.name}")` for one at a time.'
    )
    if cell.forbidden:
        *others, last = [f"`{name}`" for name in cell.forbidden]
        names = f"{', '.join(others)} or {last}" if others else last
        rows.append(
            f"Build it by hand: your own functions from above are welcome, a ready-made {names} is not."
        )
    for number, hint in enumerate(cell.hints, start=1):
        rows.append(f"<details><summary>Hint {number}</summary>\n\n{hint}\n\n</details>")
    return "\n\n".join(rows)

"""What changed since the last model: two of the learner's own classes, line by line.

    course.changed(ViTBlock, since="BertLayer")

shows what the class that was just written does beside what the one from the earlier lab did, and marks what is new.
Comments, docstrings and line breaks are left out, and so is the making of sub-layers.
"""

import ast
import difflib
import html
import inspect
import linecache
import re

# They make things ready; what a layer does stands in the others.
NOT_SHOWN = ("__init__", "build", "get_config")
ALIKE = 0.5  # two lines that share as much are taken for one line that was changed
GONE, NEW = "−", "+"
STYLE = {"": "", GONE: "background:rgba(213,94,0,.22)", NEW: "background:rgba(0,158,115,.22)"}
CELL = "text-align:left;white-space:pre-wrap;font-family:monospace;vertical-align:top;padding:1px 6px;"


def changed(new, since):
    """Compare a class with the one it grew out of.

    Args:
        new: a class of this notebook.
        since: another one, or the name of an exercise of an earlier lab.

    Returns:
        A `Comparison`, which a notebook shows as a table. Where an earlier lab's class is not there or not written, the
        course's stands in, and the comparison says so. Without code to show, it says what is missing.

    Raises:
        CourseError: if `since` is no exercise; the text names the nearest.
    """
    earlier = since if isinstance(since, str) else since.__name__
    try:
        lines = _lines(_source_of(new), new.__name__)
        old, instead = _earlier(since, earlier)
        return Comparison(earlier, old, new.__name__, lines, instead=instead)
    except _Missing as missing:
        return Comparison(earlier, [], new.__name__, [], str(missing))


def _earlier(since, name):
    """The lines of the older class, and why they are the course's, if they are."""
    try:
        return _lines(_source_of(since), name), ""
    except _Missing as missing:
        from course import blocks

        ready = getattr(blocks, name, None) if isinstance(since, str) else None
        if not inspect.isclass(ready):
            raise
        return _lines(inspect.getsource(ready), name), f"{missing} So this is the course’s {name}."


class Comparison:
    """Two classes side by side. `rows` holds `(mark, old line, mark, new line)`; a mark is `""`, `GONE` or `NEW`."""

    def __init__(self, old_name, old, new_name, new, missing="", instead=""):
        self.old_name, self.new_name, self.missing, self.instead = old_name, new_name, missing, instead
        self.rows = list(_side_by_side(old, new))
        self.kept = sum(not mark for _, _, mark, line in self.rows if line)
        self.total = len(new)

    def __repr__(self):
        if self.missing:
            return self.missing
        lines = [f"{self.old_name} ({GONE}) and {self.new_name} ({NEW})"]
        for left, old, right, new in self.rows:
            if not left and not right:
                lines.append(f"  {new}")
            else:
                lines += [f"{mark} {line}" for mark, line in ((left, old), (right, new)) if mark]
        return "\n".join([*lines, self.summary()])

    def summary(self):
        """How much stayed, in a sentence."""
        whose = "the course’s" if self.instead else "your"
        found = f"Of {self.total} lines of what your {self.new_name} does, {self.kept} stood in {whose} {self.old_name}."
        return f"{self.instead} {found}".lstrip()

    def _repr_html_(self):
        if self.missing:
            return f"<p>{html.escape(self.missing)}</p>"
        head = "".join(
            f'<th scope="col" style="text-align:left;padding:1px 6px">{html.escape(name)}</th>'
            for name in (self.old_name, self.new_name)
        )
        body = "".join(
            f"<tr>{_cell(left, old, new)}{_cell(right, new, old)}</tr>" for left, old, right, new in self.rows
        )
        return (
            f'<table style="width:100%;table-layout:fixed"><caption style="text-align:left">{html.escape(self.summary())} '
            f"What is gone has a {GONE}, what is new a {NEW}.</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class _Missing(Exception):
    """A class without code that could be shown; the text says why and what to do."""


def _cell(mark, line, other):
    return f'<td style="{CELL}{STYLE[mark]}">{mark or " "} {_emphasized(line, other) if mark else html.escape(line)}</td>'


def _emphasized(line, other):
    """A line as HTML, with the words in bold that the other one does not have in their place."""
    words, others = ([*filter(None, re.split(r"(\w+|\s+)", text))] for text in (line, other))
    found = difflib.SequenceMatcher(None, words, others, autojunk=False)
    if found.ratio() < ALIKE:
        return html.escape(line)
    parts = []
    for kind, start, end, _, _ in found.get_opcodes():
        text = html.escape("".join(words[start:end]))
        parts.append(f"<b>{text}</b>" if kind != "equal" and text.strip() else text)
    return "".join(parts)


def _side_by_side(old, new):
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left, right = old[a:b], new[c:d]
        for number in range(max(len(left), len(right))):
            pair = []
            for lines, mark in ((left, GONE), (right, NEW)):
                there = number < len(lines)
                pair += [mark if there and kind != "equal" else "", lines[number] if there else ""]
            yield tuple(pair)


def _source_of(thing):
    """The text that holds the class: the cell it was written in, or the answer's cell of an earlier notebook."""
    if isinstance(thing, str):
        return _from_notebook(thing)
    for part in vars(thing).values():
        code = getattr(part, "__code__", None)
        if code is not None and (lines := linecache.getlines(code.co_filename)):
            return "".join(lines)
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        raise _Missing(
            f"The code of {thing.__name__} cannot be found. Run its cell again, then this one."
        ) from None


def _from_notebook(name):
    from course.earlier_labs.carry_over import look_for
    from course.notebooks import notebook as notebooks
    from course.notebooks.cell_source import read_cell
    from course.notebooks.lesson import find_exercise

    lesson, _ = find_exercise(name)
    path = look_for(lesson)
    if path is None:
        raise _Missing(
            f"There is no {lesson.lab}/{lesson.name}.ipynb next to this lab, so there is no {name} of yours to compare with."
        )
    try:
        book = notebooks.read(path)
    except notebooks.NotebookError as error:
        raise _Missing(str(error)) from None
    answers = [cell for cell in book.cells if cell.role == "answer" and cell.name == name]
    if not answers:
        raise _Missing(f"{path} does not hold your {name} any more.")
    cell = read_cell(answers[-1].source)
    if cell.problem:
        raise _Missing(f"The cell of your {name} cannot be read: {cell.problem}.")
    return cell.python


def _lines(source, name):
    """What a class does, a statement a line, as `ast.unparse` breaks lines, without comments and docstrings."""
    try:
        found = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ClassDef) and node.name == name
        ]
    except SyntaxError as error:
        raise _Missing(
            f"The cell of your {name} cannot be read: {error.msg} in line {error.lineno}."
        ) from None
    if not found:
        raise _Missing(f"There is no class {name} in its cell.")
    methods = [
        part for part in found[-1].body if isinstance(part, ast.FunctionDef) and part.name not in NOT_SHOWN
    ]
    for node in ast.walk(found[-1]):
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node):
            raise _Missing(f"You have not written {name} yet.")
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return [line for method in methods for line in ast.unparse(method).splitlines() if line.strip()]

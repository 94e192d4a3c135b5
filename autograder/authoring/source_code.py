"""Lifts code out of `solutions/` and out of the banks, as text: nothing is imported, so a build needs no Keras."""

import ast
import inspect
import io
import symtable
import textwrap
import tokenize
from dataclasses import dataclass
from pathlib import Path

from course.notebooks.lesson import LessonError

BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"  # as nbgrader looks for them


@dataclass(frozen=True)
class Snippet:
    """A piece of a file: its text, and where it starts."""

    source: str
    path: Path
    line: int

    def solutions(self):
        """The text of each solution region.

        Raises:
            LessonError: if there is none, or a marker lacks its partner.
        """
        found, start = [], None
        rows = self.source.splitlines()
        for number, row in enumerate(rows):
            begins, ends = BEGIN in row, END in row
            if (begins and start is not None) or (ends and start is None):
                raise LessonError(self.path, self.line + number, f"`{row.strip()}` without its partner")
            if begins:
                start = number
            elif ends:
                found.append("\n".join(rows[start + 1 : number]))
                start = None
        if start is not None:
            raise LessonError(self.path, self.line + start, f"`{BEGIN}` without its partner")
        if not any(text.strip() for text in found):
            raise LessonError(
                self.path,
                self.line,
                f"nothing stands between `{BEGIN}` and `{END}`: what should learners write?",
            )
        return found

    def expect_names(self, known, cure):
        """Raise `LessonError`, with the line, if a name is used that is not in `known`."""
        for name in sorted(free_names(self.source, self.path, self.line) - set(known)):
            places = [
                node.lineno for node in ast.walk(ast.parse(self.source)) if getattr(node, "id", None) == name
            ]
            line = self.line + min(places, default=1) - 1
            raise LessonError(self.path, line, f"`{name}` is not known at that place in the notebook; {cure}")


class Reference:
    """The top-level names of a module of `solutions/`, each with its source.

    Raises:
        LessonError: if the file is missing or does not parse.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.exists():
            raise LessonError(
                self.path, 1, "this reference is missing; it answers the lesson of the same name"
            )
        text = self.path.read_text(encoding="utf-8")
        self._rows = text.splitlines()
        body = parse(text, self.path).body
        self._nodes = {name: node for node in body for name in _bound_by(node)}
        # Name -> the earlier lab's module that it is imported from.
        self._earlier = {
            alias.name: node.module.removeprefix("solutions.")
            for node in body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("solutions.")
            for alias in node.names
        }

    def answer(self, name):
        """The function or class of that name with its decorators, or `None`."""
        node = self._nodes.get(name)
        return self._cut(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else None

    def given(self, name):
        """The statement that binds `name` with the comment right above it, or `None`.

        What this module imports from an earlier lab's reference is lifted from there.
        """
        if name in self._nodes:
            return self._cut(self._nodes[name], comment=True)
        if name in self._earlier:
            return Reference(self.path.with_name(f"{self._earlier[name]}.py")).given(name)
        return None

    def _cut(self, node, comment=False):
        start = (
            min([node.lineno] + [decorator.lineno for decorator in getattr(node, "decorator_list", ())]) - 1
        )
        while comment and start and self._rows[start - 1].startswith("#"):
            start -= 1
        end = node.end_lineno
        # Comments after the last statement belong to the body, too: the end marker is one.
        while end < len(self._rows) and (not self._rows[end].strip() or self._rows[end][0].isspace()):
            end += 1
        return Snippet("\n".join(self._rows[start:end]).rstrip(), self.path, start + 1)


def _bound_by(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [
        name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)
    ]


def parse(source, path, line=1):
    """The syntax tree of a piece of `path` that starts on `line`.

    Raises:
        LessonError: with the line of the fault, if it is no Python.
    """
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise LessonError(
            path, line + (error.lineno or 1) - 1, f"this is no plain Python: {error.msg}"
        ) from None


def bound_names(source, path, line=1):
    """The names that a cell binds at top level."""
    parse(source, path, line)
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {
        symbol.get_name()
        for symbol in symbols
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }


def free_names(source, path, line=1):
    """The global names that a cell uses, inside its functions and classes too, and does not bind itself."""
    bound, used = bound_names(source, path, line), set()
    waiting = [symtable.symtable(source, "cell", "exec")]
    while waiting:
        table = waiting.pop()
        top = table.get_type() == "module"
        used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        waiting += table.get_children()
    return used - bound


def exercises_with_checks(path):
    """The exercises that a module of `course/checks/` registers a check for."""
    if not Path(path).exists():
        return set()
    calls = [
        node
        for node in ast.walk(parse(Path(path).read_text(encoding="utf-8"), path))
        if isinstance(node, ast.Call)
    ]
    named = [call.args[0] for call in calls if call.args and getattr(call.func, "id", "") == "check"]
    return {argument.value for argument in named if isinstance(argument, ast.Constant)}


def bank_source(entry):
    """The source of a misconception or alternative, without the decorator that registers it."""
    rows, line = inspect.getsourcelines(entry.answer)
    rows = textwrap.dedent("".join(rows)).splitlines()
    (definition,) = ast.parse("\n".join(rows)).body
    for decorator in definition.decorator_list:
        if getattr(getattr(decorator, "func", None), "id", "") in ("misconception", "alternative"):
            rows[decorator.lineno - 1 : decorator.end_lineno] = [None] * (
                decorator.end_lineno - decorator.lineno + 1
            )
    dropped = next(number for number, row in enumerate(rows) if row is not None)
    source = "\n".join(row for row in rows if row is not None)
    return Snippet(source, Path(inspect.getsourcefile(entry.answer)), line + dropped)


def renamed(source, names):
    """`source` with identifiers replaced, attributes excepted; comments and layout stay."""
    rows, before = source.splitlines(keepends=True), None
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string in names and before != ".":
            found.append(token)
        before = token.string
    for token in reversed(found):
        (number, start), (_, end) = token.start, token.end
        row = rows[number - 1]
        rows[number - 1] = row[:start] + names[token.string] + row[end:]
    return "".join(rows)


def without_markers(source):
    """`source` without the lines that mark solution regions."""
    return "\n".join(row for row in source.splitlines() if BEGIN not in row and END not in row)

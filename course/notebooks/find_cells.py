"""Finds answers by what cells define, wherever they stand, and tells the lab's own code from the learner's.

Used where names and ids are gone, and to see to it that what is written is never overruled by what is not.
"""

import ast
import re

from course.notebooks.cell_source import read_cell
from course.notebooks.definitions import SCOPES, definitions, flat, lines_of, unfinished

_FENCE = re.compile(r"(?ms)^[ \t]*(?:```|~~~)[^\n]*\n(.*?)^[ \t]*(?:```|~~~)[ \t]*$")
ALIKE = 0.5  # of a cell's lines: from here on it is a cell of the lab that somebody edited
FEWEST = 3  # lines that are compared; fewer may be alike by chance


def defined_in(source, names):
    """Name -> whether it is written (and not only begun), of those names that a code cell defines.

    A cell that cannot be read defines what its lines begin to define.
    """
    cell = read_cell(source)
    if cell.problem:
        starts = re.findall(r"(?m)^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*=[^=]", source)
        return {name: True for start in starts for name in start if name in names}
    found = {}
    for name, statements in definitions(cell.tree).items():
        makers = [statement for statement in statements if _makes(statement)] if name in names else []
        if makers:
            found[name] = any(not unfinished(statement) for statement in makers)
    return found


def _makes(statement):
    """Whether a statement can give a name an answer: a definition, an import, a value that is computed."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return not (statement.value is None or isinstance(statement.value, ast.Constant))
    return isinstance(statement, (*SCOPES, ast.Import, ast.ImportFrom))


def code_in_text(source):
    """The code of a markdown or raw cell: what stands between fences, or else all of it."""
    return "\n\n".join(_FENCE.findall(source)) or source


def without_unfinished(source, names):
    """A cell without its definitions of some names that are not written; their lines become empty."""
    lines = source.split("\n")
    tree = read_cell(source).tree
    for statement in tree.body:
        if isinstance(statement, SCOPES) and statement.name in names and unfinished(statement):
            _empty(lines, statement)
    return "\n".join(lines)


def without_labs_code(source, lab):
    """A cell without the checks and experiments of the lab that were merged into it, where most of one stands there.

    Args:
        lab: sources of the lab's cells.
    """
    tree = read_cell(source).tree
    own = {ast.dump(statement): statement for statement in tree.body}
    lines = source.split("\n")
    for text in lab:
        theirs = {ast.dump(statement) for statement in read_cell(text).tree.body}
        both = theirs & own.keys()
        if both and len(both) >= 2 / 3 * len(theirs):
            for shared in both:
                _empty(lines, own[shared])
    return "\n".join(lines)


def added(source, template):
    """What a learner added to a set-up cell: imports, functions, classes and new names, but no other values."""
    known = definitions(read_cell(template).tree)
    text, kept = read_cell(source).python, []
    for statement in flat(read_cell(source).tree.body):
        names = [
            alias.asname or alias.name.split(".")[0]
            for alias in getattr(statement, "names", ())
            if isinstance(statement, ast.Import | ast.ImportFrom)
        ]
        names += [statement.name] if isinstance(statement, SCOPES) else []
        if isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
            names += [target.id for target in statement.targets]
        if names and any(name not in known for name in names) and statement.col_offset == 0:
            first, last = lines_of(statement)
            kept.append("\n".join(text.split("\n")[first - 1 : last]))
    return "\n".join(kept)


def _empty(lines, statement):
    first, last = lines_of(statement)
    if last <= len(lines):
        lines[first - 1 : last] = [""] * (last - first + 1)


def likeness(source, template):
    """Which part of a cell's lines, 0 to 1, also stand in a cell of the lab; comments and imports do not count."""
    lines, known = _telling_lines(source), set(_telling_lines(template))
    if len(lines) < FEWEST:
        return float(bool(lines) and " ".join(lines) == " ".join(_telling_lines(template)))
    return sum(line in known for line in lines) / len(lines)


def _telling_lines(source):
    lines = [line.strip() for line in source.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "import ", "from "))]


def belongs_together(first, second):
    """Whether two cells are one that was split in the middle of a definition: only together can they be read."""
    if not second[:1].isspace() and not read_cell(first).problem:
        return False
    if read_cell(first + "\n" + second).problem:
        return False
    if read_cell(first).problem or read_cell(second).problem:
        return True
    # A method that was cut off its class looks like a function, because IPython takes the indentation away.
    last = next(reversed(read_cell(first).tree.body), None)
    return isinstance(last, ast.ClassDef) and any(
        isinstance(part, ast.FunctionDef) and "self" in [argument.arg for argument in part.args.args]
        for part in read_cell(second).tree.body
    )

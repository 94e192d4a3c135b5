"""Finds answers that are more alike than chance makes them. A hint for a person, never a mark.

How it is decided, in four steps:

1. Code is normalised: comments, formatting, docstrings and type hints do not count, and neither does how variables,
   attributes and helper functions are called. What is left is cut into overlapping pieces of `PIECE` syntax nodes,
   about one line each; a written answer into runs of `WORDS` words.
2. What everybody has does not count: pieces of the released notebook, of the reference, of the known misconceptions
   and alternatives, and pieces that more than a third of the class writes. What remains is a learner's own way.
3. Two learners are named if at least `ENOUGH` pieces are shared, of one exercise or question or of the whole
   notebook, and those are `PART` of what either has there. A one-liner never has so many pieces.
4. Pairs that share a learner become one group.
"""

import ast
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from autograder.authoring.own_course.description import OwnNotebook
from autograder.authoring.own_course.source import code_of
from autograder.paths import ROOT
from course.checking.shortcuts import parse

PIECE = 12  # syntax nodes
WORDS = 6
ENOUGH = 60  # pieces, about ten lines of code that nobody else writes
PART = 0.7
USUAL = 5  # however small the class: what more than so many write is usual
MOST = 20_000  # nodes of one cell that are looked at

WHOLE = "the whole notebook"


@dataclass(frozen=True)
class Pair:
    """Two learners whose answers are near-identical.

    Attributes:
        learners: both names, sorted.
        where: exercises and questions that are alike, or `(WHOLE,)`.
        shared: how many pieces they share there.
        part: which part that is of the smaller one's own pieces, 0 to 1.
    """

    learners: tuple[str, str]
    where: tuple[str, ...]
    shared: int
    part: float


@dataclass
class Group:
    """Learners who are linked by pairs."""

    learners: list[str]
    pairs: list[Pair] = field(default_factory=list)

    @property
    def where(self):
        return sorted({name for pair in self.pairs for name in pair.where})


def pieces_of_code(source, exercises=()):
    """The normalised pieces of some code: a set of numbers; empty for code that does not parse.

    Args:
        source: Python, notebook magics already gone.
        exercises: names to keep, because they mean the same in every notebook.
    """
    tree = parse(source)
    if tree is None:
        return set()
    helpers = {node.name for node in tree.body if hasattr(node, "name")} - set(exercises)
    found = set()
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not _is_remark(statement):
            found |= _runs(_nodes(statement, helpers), PIECE)
    return found


def pieces_of_text(text):
    """The pieces of a written answer: runs of words, in small letters."""
    return _runs(re.findall(r"\w+", text.lower())[:MOST], WORDS)


def _runs(words, length):
    if not words:
        return set()
    starts = range(max(1, len(words) - length + 1))
    # Not `hash`, which differs from process to process: the same class gives the same report.
    return {zlib.crc32("\x1f".join(words[start : start + length]).encode()) for start in starts}


def _nodes(statement, helpers):
    """A statement as a flat list of words, its own names made alike. Without recursion: code may be nested deeply."""
    own, fields = set(), set()
    for node in ast.walk(statement):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            fields.add(node.attr)
    words, waiting = [], [statement]
    while waiting and len(words) < MOST:
        node = waiting.pop()
        words.append(_word(node, own, fields, helpers))
        waiting += reversed(list(_children(node)))
    return words


def _children(node):
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "ctx", "type_comment", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_remark(child):
                yield child


def _is_remark(node):
    """A docstring, or a constant that stands about."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _word(node, own, fields, helpers):
    match node:
        case ast.Name(id=name) | ast.arg(arg=name):
            return "own" if name in own else "helper" if name in helpers else name
        case ast.Attribute(attr=name):
            return ".own" if name in fields else f".{name}"
        case ast.Constant(value=value):
            return repr(value)[:80]
        case ast.keyword(arg=name):
            return f"{name}="
        case ast.AnnAssign():
            return "Assign"
        case _:
            return type(node).__name__


def usual_pieces(lesson, root=ROOT):
    """Pieces that say nothing about who wrote them: the reference, known right answers and known wrong ones."""
    found = set()
    if isinstance(lesson, OwnNotebook):
        return pieces_of_code(code_of(lesson), lesson.exercises) | pieces_of_code(
            lesson.bank.path.read_text(encoding="utf-8"), lesson.exercises
        )
    for folder in ("solutions", "autograder/hidden/misconceptions", "tests/alternatives"):
        path = Path(root) / folder / f"{lesson.name}.py"
        if path.exists():  # read, not imported: that would take Keras, and seconds
            found |= pieces_of_code(path.read_text(encoding="utf-8"), lesson.exercises)
    return found


def find_pairs(own):
    """The pairs that are near-identical, those who share most first.

    Args:
        own: learner -> exercise or question -> set of pieces, what is usual already left out.

    Returns:
        A list of `Pair`.
    """
    from scipy.sparse import csr_matrix

    names = sorted(own)
    limit = max(USUAL, len(names) / 3)
    holders = Counter(piece for name in names for piece in set().union(*own[name].values()))
    rare = {
        name: {place: {p for p in pieces if holders[p] <= limit} for place, pieces in own[name].items()}
        for name in names
    }
    for name in names:
        rare[name][WHOLE] = set().union(*rare[name].values())
    found = {}
    for place in sorted({place for places in rare.values() for place in places}):
        column = {}
        rows, columns = [], []
        sizes = [len(rare[name].get(place, ())) for name in names]
        for row, name in enumerate(names):
            for piece in rare[name].get(place, ()) if sizes[row] >= ENOUGH else ():
                rows.append(row)
                columns.append(column.setdefault(piece, len(column)))
        matrix = csr_matrix(([1] * len(rows), (rows, columns)), shape=(len(names), len(column) or 1))
        shared = (matrix @ matrix.T).tocoo()
        for one, other, count in zip(shared.row, shared.col, shared.data, strict=True):
            part = count / min(sizes[one], sizes[other]) if one < other else 0
            if count >= ENOUGH and part >= PART:
                found.setdefault((names[one], names[other]), {})[place] = (int(count), float(part))
    return sorted((_pair(*item) for item in found.items()), key=lambda pair: (-pair.shared, pair.learners))


def _pair(learners, places):
    named = {place: value for place, value in places.items() if place != WHOLE} or places
    shared, part = places.get(WHOLE) or max(named.values())
    return Pair(learners, tuple(named), shared, part)


def groups(pairs):
    """Pairs joined where they share a learner, the largest group first."""
    found = []
    for pair in pairs:
        linked = [group for group in found if set(pair.learners) & set(group.learners)]
        for group in linked:
            found.remove(group)
        learners = {*pair.learners, *(name for group in linked for name in group.learners)}
        before = [one for group in linked for one in group.pairs]
        found.append(Group(sorted(learners), [*before, pair]))
    return sorted(found, key=lambda group: (-len(group.learners), group.learners))

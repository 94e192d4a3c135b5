"""What goes wrong in a mutant: each operator takes a node of the syntax tree and gives what could stand there instead."""

import ast
import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.authoring.source_code import BEGIN, END, Reference
from autograder.paths import ROOT

OTHER_OPERATOR = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
OTHER_FUNCTION = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "sum": "mean",
    "mean": "sum",
    "sin": "cos",
    "cos": "sin",
    "logical_and": "logical_or",
    "logical_or": "logical_and",
    "rsqrt": "sqrt",
    "floor": "round",
    "round": "floor",
    "log_softmax": "softmax",
    "softmax": "log_softmax",
}
OTHER_TEXT = {"relu": "gelu", "gelu": "relu", "tanh": "sigmoid", "zeros": "ones", "bilinear": "nearest"}


@dataclass(frozen=True)
class Mutant:
    """One wrong version of a reference.

    Attributes:
        exercise: whose.
        kind: the operator that made it, in a few words.
        source: all of its code.
        change: the lines that differ, `old -> new`; with the exercise its identity.
    """

    exercise: str
    kind: str
    source: str
    change: str


def mutants(lesson: str, exercise: str) -> list[Mutant]:
    """All mutants of an exercise's reference, without repetitions, in the order of its lines."""
    snippet = Reference(ROOT / "solutions" / f"{lesson}.py").answer(exercise)
    tree = ast.parse(snippet.source)
    rows = snippet.source.splitlines()
    inside, solution = [], False
    for row in rows:
        solution = (solution or BEGIN in row) and END not in row
        inside.append(solution)
    original, found = ast.unparse(tree), {}
    for number, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", None)
        if line is None or not inside[line - 1]:
            continue
        for kind, replacement in _replacements(node):
            source = ast.unparse(ast.fix_missing_locations(_Replace(number, replacement).of(tree)))
            if source != original and source not in found:
                found[source] = Mutant(exercise, kind, source, _change(original, source))
    return sorted(found.values(), key=lambda mutant: (mutant.change, mutant.kind))


class _Replace(ast.NodeTransformer):
    """A copy of a tree in which the node of that number, counted as `ast.walk` does, is another."""

    def __init__(self, number, replacement):
        self.number, self.replacement = number, replacement

    def of(self, tree):
        tree = copy.deepcopy(tree)
        self.target = next(node for number, node in enumerate(ast.walk(tree)) if number == self.number)
        return self.visit(tree)

    def visit(self, node):
        return self.replacement if node is self.target else super().visit(node)


def _change(original, source):
    rows = list(difflib.unified_diff(original.splitlines(), source.splitlines(), lineterm="", n=0))[2:]
    old = " ; ".join(row[1:].strip() for row in rows if row.startswith("-"))
    return f"{old} -> {' ; '.join(row[1:].strip() for row in rows if row.startswith('+')) or '(nothing)'}"


def _replacements(node) -> Iterator[tuple[str, ast.AST]]:
    for operator in (_arithmetic, _numbers, _texts, _calls, _branches, _statements, _learning):
        yield from operator(node)


def _with(node, **fields):
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _arithmetic(node):
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OTHER_OPERATOR:
        yield "operator", _with(node, op=OTHER_OPERATOR[type(node.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER_OPERATOR:
        yield "comparison", _with(node, ops=[OTHER_OPERATOR[type(node.ops[0])](), *node.ops[1:]])
    signed = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub)
    if signed and not isinstance(node.operand, ast.Constant):
        yield "sign", node.operand


def _numbers(node):
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        value = node.operand.value
        if isinstance(value, int):
            yield "axis or index", ast.Constant(1 - value)
            return
    if not isinstance(node, ast.Constant) or isinstance(node.value, str | bytes | None.__class__):
        return
    value = node.value
    if isinstance(value, bool):
        yield "truth", ast.Constant(not value)
    elif isinstance(value, int):
        yield "number", ast.Constant(value + 1)
    elif isinstance(value, float):
        yield "number", ast.Constant(value * 1000 if 0 < value < 1e-3 else value * 2 + (value == 0))


def _texts(node):
    if isinstance(node, ast.Constant) and node.value in OTHER_TEXT:
        yield "name", ast.Constant(OTHER_TEXT[node.value])


def _calls(node):
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute) and node.func.attr in OTHER_FUNCTION:
        yield "function", _with(node, func=_with(node.func, attr=OTHER_FUNCTION[node.func.attr]))
    for place, keyword in enumerate(node.keywords):
        if keyword.arg not in ("name", None):
            yield "argument dropped", _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])
    if len(node.args) >= 2 and not any(isinstance(each, ast.Starred) for each in node.args[:2]):
        yield "arguments swapped", _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if node.args and not isinstance(node.args[0], ast.Starred | ast.Constant | ast.Lambda):
        yield "call dropped", node.args[0]
    if isinstance(node.func, ast.Attribute) and node.func.attr == "Dropout" and node.args:
        half = ast.BinOp(node.args[0], ast.Mult(), ast.Constant(0.5))
        yield "rate halved", _with(node, args=[half, *node.args[1:]])
        kept = ast.BinOp(ast.Constant(1.0), ast.Sub(), node.args[0])
        yield "rate is what is kept", _with(node, args=[kept, *node.args[1:]])


def _branches(node):
    if isinstance(node, ast.IfExp):
        yield "branch", node.body
        yield "branch", node.orelse
    if isinstance(node, ast.If):
        yield "branch", _with(node, test=ast.Constant(False))
        yield "branch", _with(node, test=ast.Constant(True))


def _names(node):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _statements(node):
    again = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    again = again and node.targets[0].id in _names(node.value)
    if again or isinstance(node, ast.Expr | ast.AugAssign | ast.Break):
        yield "line dropped", ast.Pass()


def _learning(node):
    """Right numbers, and nothing is learned; or only without a graph."""
    values = []
    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        values = [] if _makes_a_part(node) else [node.value]
    for value in values:
        for kind, name in (("gradient stopped", "_stopped"), ("eager only", "_eager")):
            yield kind, _with(node, value=ast.Call(ast.Name(name, ast.Load()), [value], []))


def _makes_a_part(node):
    """`self.dense = ...`: no tensor."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)

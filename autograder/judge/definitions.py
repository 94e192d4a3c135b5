"""Which statements of some code are needed for a name, so that not one answer more is given away."""

import ast
from collections.abc import Callable, Collection
from typing import Any


def needed(text: str, names: Collection[str], parse: Callable[[str], Any]) -> str:
    """The statements that define the names and what they are made of, and all imports, in their order.

    Args:
        text: Python without magics.
        names: defined at its top level.
        parse: gives the syntax tree of some code.
    """
    wanted, statements = set(names), parse(text).body
    while True:
        kept = [
            one for one in statements if isinstance(one, ast.Import | ast.ImportFrom) or binds(one) & wanted
        ]
        used = {node.id for one in kept for node in ast.walk(one) if isinstance(node, ast.Name)}
        if used <= wanted:
            return "\n\n".join(_source(text, one) for one in kept)
        wanted |= used


def binds(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _source(text, statement):
    """With its decorators, which `ast.get_source_segment` leaves out."""
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1 : statement.end_lineno])

"""What a student process is lent of `course.blocks`: earlier labs whole, and of its own lab what a probe needs.

The blocks hold what the labs ask for, ready-made, so their files are out of a student process's reach.
"""

import ast
import functools
from pathlib import Path

from course import blocks
from course.checking.shortcuts import parse
from course.notebooks.lesson import lessons

FOLDER = Path(blocks.__file__).parent


@functools.cache  # every student process of a class is lent the same
def earlier_blocks(lesson):
    """Lab name -> source of its blocks, for every lab that comes before this one, by number."""
    earlier = {other.name for other in lessons().values() if other.number < lesson.number}
    return {lab: _text(lab) for lab in blocks.labs if lab in earlier}


@functools.cache
def needed_blocks(lesson, names):
    """Source that defines the named blocks of this lab and what they are made of, and not one answer more."""
    text = _text(lesson.name)
    wanted, statements = set(names), parse(text).body
    while True:
        kept = [one for one in statements if _is_setup(one) or _binds(one) & wanted]
        used = {node.id for one in kept for node in ast.walk(one) if isinstance(node, ast.Name)}
        if used <= wanted:
            return "\n\n".join(ast.get_source_segment(text, one) for one in kept)
        wanted |= used


def _text(lab):
    path = FOLDER / f"{lab}.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _is_setup(statement):
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _binds(statement):
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }

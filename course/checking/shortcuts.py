"""Finds answers that call the very thing an exercise builds.

Reads the code, does not run it. A name is a shortcut when it is reached as an attribute (`keras.ops.softmax`),
imported (`from keras.ops import softmax as s`), or spelled as a string (`getattr(ops, "softmax")`). Followed
from the answer through everything it uses in the notebook, so a helper function or an alias hides nothing. Names
worked out at run time are the grader's to catch (`autograder.judge.sandbox.tripwire`).
"""

import ast
import builtins
import functools
from collections.abc import Iterable

from course.notebooks.cell_source import parse
from course.notebooks.definitions import definitions

PICKING = ("getattr", "Activation", "attrgetter", "import_module")


def find_shortcuts(
    source: str, exercise: str, forbidden: Iterable[str], lab: Iterable[str] = ()
) -> list[str]:
    """Which forbidden names the answer to `exercise` reaches.

    Args:
        source: the learner's code, all of it or only the answer.
        exercise: name of the function or class to start from.
        forbidden: names it may not call, without their modules, such as `("softmax",)`.
        lab: the exercises of this lab. They may not come from `course.blocks` either; and the search stops at them,
            because what another exercise does costs that exercise's points.

    Returns:
        The shortcuts as the learner wrote them, such as `["keras.ops.softmax"]`; empty for code that
        does not parse (it does not run either).
    """
    defined = _parse(source)
    waiting, reached, found = [exercise], set(), []
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for statement in defined.get(name, ()):
            found += _shortcuts_in(statement, set(forbidden), set(lab), defined)
            waiting += sorted(_used(statement) - reached - set(lab) - set(dir(builtins)))
    return list(dict.fromkeys(found))


def exercises_with_shortcuts(
    source: str, exercise: str, forbidden: Iterable[str], lab: Iterable[str]
) -> list[str]:
    """Other exercises of the lab that reach what `exercise` may not, and could do its work for it."""
    return [name for name in lab if name != exercise and find_shortcuts(source, name, forbidden, lab)]


def defines(source: str, name: str) -> bool:
    """Whether the code binds `name` at its top level."""
    return name in _parse(source)


@functools.lru_cache(maxsize=64)
def _parse(source):
    """Top-level name -> its statements; nothing for code that does not parse."""
    tree = parse(source)
    return {} if tree is None else definitions(tree)


def _used(statement):
    """Names a statement takes from around it; what a function binds itself is its own."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    used = {node.id for node in names}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        shared = {name for node in ast.walk(statement) if isinstance(node, ast.Global) for name in node.names}
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        own |= {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
        used -= own - shared
    return used


def _shortcuts_in(statement, forbidden, lab, definitions):
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute):
            from_blocks = node.attr in lab and ast.unparse(node.value).split(".")[-1] == "blocks"
            if from_blocks or (node.attr in forbidden and not _is_own(node.value, definitions)):
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            names = forbidden | lab | {"*"} if node.module == "course.blocks" else forbidden
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name in names)
        elif isinstance(node, ast.Call | ast.Subscript):
            yield from (text for text in _texts(node) if text in forbidden)


def _texts(node):
    """Strings that pick something: `getattr(ops, "softmax")`, `Activation("softmax")`, `vars(ops)["softmax"]`."""
    if isinstance(node, ast.Subscript):
        space = ast.unparse(node.value)
        values = [node.slice] if space.startswith(("vars(", "globals(")) or space.endswith("__dict__") else []
    else:
        function = ast.unparse(node.func)
        picks = function.split(".")[-1] in PICKING or function.endswith("activations.get")
        values = [*node.args] if picks else []
        values += [keyword.value for keyword in node.keywords if keyword.arg == "activation"]
    return [
        value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def _is_own(owner, definitions):
    """`self`, a class of the notebook or an object of one: their attributes are the learner's, not a library's."""
    if not isinstance(owner, ast.Name):
        return False
    made = [
        statement.value.func.id
        for statement in definitions.get(owner.id, ())
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
    ]
    return owner.id == "self" or any(_is_class(name, definitions) for name in (owner.id, *made))


def _is_class(name, definitions):
    return any(isinstance(statement, ast.ClassDef) for statement in definitions.get(name, ()))

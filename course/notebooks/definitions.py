"""What code binds at its top level: which statement gives a name its meaning, and which takes it away again."""

import ast

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SHOWN = 60  # characters of a learner's line, in a sentence
_INNER = (*SCOPES, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def definitions(tree):
    """Top-level name -> the statements that bind it, also inside `if`, `try`, `for` and `with`, or by `global`."""
    found = {}
    for statement in flat(tree.body):
        for name in bound(statement):
            found.setdefault(name, []).append(statement)
    return found


def flat(statements):
    """Statements and those in their blocks, in order; not those of functions and classes."""
    for statement in statements:
        yield statement
        if not isinstance(statement, SCOPES):
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from flat(getattr(statement, block, ()))


def bound(statement):
    """The names that one statement binds, or changes a part of, at the top level."""
    if isinstance(statement, SCOPES):
        return {statement.name, *_by_global(statement)}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    nodes = list(_same_scope(statement))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    # `Layer.call = helper` changes what Layer does, so it belongs to Layer's definition.
    owners = [
        node
        for node in nodes
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
    ]
    return names | {owner.id for owner in map(root, owners) if isinstance(owner, ast.Name)}


def root(node):
    """What an attribute, an item or a call is taken from, at the very left."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def unfinished(statement):
    """Whether a definition still waits to be written: it raises a bare `NotImplementedError`, or does nothing."""
    if not isinstance(statement, SCOPES):
        return False
    for node in ast.walk(statement):
        raised = ast.unparse(node.exc) if isinstance(node, ast.Raise) and node.exc else ""
        if raised in ("NotImplementedError", "NotImplementedError()"):
            return True
    body = [node for node in statement.body if not isinstance(node, ast.Global)]
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def lines_of(statement):
    """`(first, last)` line of a statement, its decorators included."""
    first = min([statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", ()))])
    return first, statement.end_lineno


def _by_global(statement):
    """Names that a function makes global and binds: calling it defines them."""
    shared = {name for node in ast.walk(statement) if isinstance(node, ast.Global) for name in node.names}
    if not shared:
        return set()
    made = set()
    for node in ast.walk(statement):
        if isinstance(node, SCOPES):
            made.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            made |= bound(node)
    return shared & made


def _same_scope(statement):
    """The nodes of a statement, without what functions, classes and comprehensions in it keep to themselves."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _INNER):
            waiting += ast.iter_child_nodes(node)


def rebound(name, trees):
    """Says which statement binds a name once more, further down than its definition; `None` if none does.

    Args:
        name: an exercise's.
        trees: syntax trees of the cells that run, in their order.
    """
    found = [statement for tree in trees for statement in definitions(tree).get(name, ())]
    written = [one for one in found if isinstance(one, SCOPES) and not unfinished(one)]
    if not written or found[-1] is written[0] or _uses(found[-1], name):
        return None
    line = ast.unparse(found[-1]).split("\n")[0]
    line = line if len(line) <= SHOWN else line[:SHOWN] + " ..."
    again = "defined" if isinstance(found[-1], SCOPES) else "bound"
    return f"`{name}` is {again} again further down in the notebook, by `{line}`"


def _uses(statement, name):
    """Whether a statement makes something of the name's old value, as in `f = tf.function(f)`."""
    return not isinstance(statement, SCOPES) and any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(statement)
    )

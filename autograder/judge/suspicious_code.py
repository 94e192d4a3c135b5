"""What is unusual in an answer and worth a person's look: reaching into Python, the machine or the libraries.

A note, never a mark. It reads the code, so who wants to hide from it can; it is there so that a grader's eye falls on
the few notebooks out of two hundred that try something.
"""

import ast
from collections.abc import Callable, Iterable

MODULES = {
    "_thread", "atexit", "autograder", "builtins", "ctypes", "gc", "http", "marshal", "mmap", "multiprocessing", "nbgrader",
    "pickle", "pty", "resource", "requests", "shutil", "signal", "socket", "solutions", "sqlite3", "subprocess",
    "threading", "urllib",
}  # fmt: skip
ATTRIBUTES = {
    "__builtins__", "__class__", "__closure__", "__code__", "__globals__", "__subclasses__", "_exit", "_getframe", "abort",
    "ast_transformers", "chmod", "chown", "close", "dup2", "environ", "events", "excepthook", "displayhook", "execv", "f_back",
    "f_globals", "f_locals", "fork", "getppid", "input_transformers_cleanup", "input_transformers_post", "kill", "meta_path",
    "modules", "path_hooks", "register_magic_function", "reload", "set_custom_exc", "setprofile", "setrecursionlimit", "setsid",
    "settrace", "symlink", "system", "utime", "walk",
}  # fmt: skip
CALLS = {"__import__", "compile", "eval", "exec", "globals", "input", "open", "vars"}
MAX_SHOWN = 6


def find_suspicious_code(
    own: str, parse: Callable, given: str = "", watched: Iterable[str] = ()
) -> list[str]:
    """What is unusual in some code, as the learner wrote it; empty for most.

    Args:
        own: the learner's code, as plain Python.
        parse: gives the syntax tree of some code, or `None`.
        given: what ran before it, such as the lab's own imports.
        watched: modules that are unusual here, besides `MODULES`.

    Returns:
        Short pieces of code such as `"np.allclose = ..."` or `"gc"`, each once, no more than `MAX_SHOWN`.
    """
    own, given = _nodes(parse(own)), _nodes(parse(given))
    names = {name for name, _ in _imports(given + own)}
    found = [module for _, module in _imports(own) if _is_watched(module, watched)]
    for node in own:
        found += _in(node, names)
    return list(dict.fromkeys(found))[:MAX_SHOWN]


def _nodes(tree):
    return [] if tree is None else list(ast.walk(tree))


def _imports(nodes):
    """`(name it gets, module)` of every import."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                module = alias.name if isinstance(node, ast.Import) else node.module or ""
                yield alias.asname or alias.name.split(".")[0], module


def _is_watched(module, watched):
    return module.split(".")[0] in MODULES or any(f"{module}.".startswith(f"{name}.") for name in watched)


def _in(node, imported):
    if isinstance(node, ast.Attribute):
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        library = isinstance(root, ast.Name) and root.id in imported
        if isinstance(node.ctx, ast.Store) and library:
            yield f"{ast.unparse(node)} = ..."
        elif node.attr == "system" and _shell(root):
            return  # `!pip list`: a shell line, and nothing runs it here
        elif node.attr in ATTRIBUTES and (library or node.attr.startswith(("_", "f_")) or _shell(root)):
            yield ast.unparse(node)[:60]
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if (
            name == "setattr"
            and node.args
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id in imported
        ):
            yield f"setattr({node.args[0].id}, ...)"
        elif name in CALLS:
            yield f"{name}(...)"


def _shell(root):
    """`get_ipython().events`: what IPython's shell offers."""
    return isinstance(root, ast.Call) and isinstance(root.func, ast.Name) and root.func.id == "get_ipython"

"""The one reader of notebook cells: what Python a cell stands for, magics and shell lines included.

Whoever looks at a cell, the learner's check, `course check`, the grader, its student process and the report, looks at it
through `read_cell`; so what Jupyter accepts means the same everywhere. IPython does the translating; nothing is run.
"""

import ast
import functools
import re
import threading
import time
from dataclasses import dataclass

# Cell magics whose body does not run as this notebook's Python. The body of every other one does, as with `%%time`.
OTHER_LANGUAGES = frozenset(
    [
        "!",
        "bash",
        "bigquery",
        "cd",
        "cmd",
        "cpp",
        "cypher",
        "cython",
        "file",
        "html",
        "javascript",
        "js",
        "julia",
        "latex",
        "load",
        "markdown",
        "matlab",
        "md",
        "mermaid",
        "octave",
        "perl",
        "powershell",
        "pypy",
        "python",
        "python2",
        "python3",
        "pwsh",
        "r",
        "R",
        "ruby",
        "rust",
        "script",
        "sh",
        "skip",
        "sql",
        "svg",
        "sx",
        "system",
        "typescript",
        "writefile",
        "writetemplate",
        "zsh",
    ]
)
_CELL_MAGIC = re.compile(r"%%(!|\w[\w.-]*)[ \t]*(.*)")
# `%time x = f()` runs its rest in the notebook, and `y = %time f()` is what that gives.
_TRANSPARENT_LINE = re.compile(
    r"(?m)^(\s*(?:[\w., ]+=\s*)?)get_ipython\(\)\.run_line_magic\('(?:time|prun|memit)', ('.*'|\".*\")\)$"
)
_MAGIC_LINE = re.compile(r"(?m)^\s*[%!?]|=\s*[%!]|\?\s*$")
_ONE_AT_A_TIME = threading.Lock()  # Python 3.11 parses wrongly, with a SystemError, in two threads at once
_TRIES = 20
MAX_WORK = 2_000_000  # IPython reads a cell once for each of its magics: magics times characters


@dataclass(frozen=True)
class CellSource:
    """A cell as Python.

    Attributes:
        python: the code, line for line where it stands in the cell; empty for another language, and for a cell that
            cannot be read. It may `await` at its top level.
        problem: why it cannot be read, such as `"line 2: invalid character '−' (U+2212)"`; empty for most.
        language: the cell magic whose body is no Python of this notebook, such as `"bash"`; empty for most.
    """

    python: str
    problem: str = ""
    language: str = ""

    @property
    def tree(self):
        """The syntax tree of `python`."""
        return parse(self.python) or ast.Module([], [])


@functools.lru_cache(maxsize=256)  # repair, judge and explanation look at the same cells
def read_cell(source):
    """Read one code cell. Runs nothing.

    Args:
        source: the cell's text, as the notebook holds it.

    Returns:
        A `CellSource`.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tree, problem = _parse(source)
    if tree is not None:  # no line of it is IPython's
        return CellSource(source)
    body, language = _without_cell_magics(source)
    if language:
        return CellSource("", language=language)
    try:
        python = _translate(body)
    except SyntaxError as error:
        return CellSource("", _in_words(error))
    except Exception as error:  # IPython's translation was not written for what a submission may hold
        return CellSource("", str(error) or type(error).__name__)
    tree, problem = _parse(python)
    return CellSource("" if tree is None else python, problem)


def plain_python(source):
    """`read_cell(source).python`."""
    return read_cell(source).python


def parse(source):
    """The syntax tree of some code, or `None` if it cannot be read. Safe in threads, which `ast.parse` is not."""
    return _parse(source)[0]


def _parse(source):
    """`(tree, "")`, or `(None, problem)`."""
    with _ONE_AT_A_TIME:
        try:
            return _expect_runnable(_syntax_tree(source)), ""
        except SyntaxError as error:
            return None, _in_words(error)
        except (ValueError, RecursionError, MemoryError) as error:
            return None, type(error).__name__


def _syntax_tree(source):
    """`ast.parse`, tried again when a library that parses in another thread, which our lock does not see, broke it.

    Python 3.11 counts the depth of all trees that are made in a process together, and raises `SystemError` when two
    are made at once; the cell has nothing to do with it.
    """
    for _ in range(_TRIES - 1):
        try:
            return ast.parse(source)
        except SystemError:
            time.sleep(0.01)
    return ast.parse(source)


def _expect_runnable(tree):
    """What Python parses and then refuses to compile: `return` and `yield` outside a function."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            word = "return" if isinstance(node, ast.Return) else "yield"
            raise SyntaxError(f"'{word}' outside function", ("", node.lineno, 0, ""))
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp):
            waiting += ast.iter_child_nodes(node)
    return tree


def _in_words(error):
    return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)


def _without_cell_magics(source):
    """`(source, language)`: lines with a magic for the cell became comments; `language` if its body is no Python."""
    lines = source.split("\n")
    for number, line in enumerate(lines):
        # IPython asks that the magic comes first; Colab and VS Code allow comments above it, so they cost nothing here.
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _CELL_MAGIC.fullmatch(line.strip())
        if found is None:
            break
        name, rest = found.groups()
        if name in OTHER_LANGUAGES:
            return "", name
        indent = line[: len(line) - len(line.lstrip())]
        output = re.fullmatch(r"(?:-\S+\s+)*([A-Za-z_]\w*).*", rest) if name == "capture" else None
        # `%%capture out` binds `out`, which later cells may ask.
        lines[number] = indent + (f"{output[1]} = get_ipython()" if output else f"# {line.strip()}")
    return "\n".join(lines), ""


def _translate(source):
    from IPython.core.inputtransformer2 import TransformerManager

    if len(_MAGIC_LINE.findall(source)) * len(source) > MAX_WORK:
        raise ValueError("too many magics in one cell")
    blank = len(source) - len(source.lstrip("\n"))
    # IPython takes empty lines away at the top; they are kept, so that lines have their numbers.
    python = "\n" * blank + TransformerManager().transform_cell(source[blank:])
    return _TRANSPARENT_LINE.sub(lambda found: found[1] + ast.literal_eval(found[2]), python)

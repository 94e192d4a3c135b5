"""All who read a cell read the same: student process, the judge's static reading, `course check`, checks and report."""

import ast
import json

import pytest

from autograder.hidden.assignments import RUNTIME, assignment_of
from autograder.judge.sandbox import isolation
from autograder.judge.sandbox.client import Server
from autograder.judge.sandbox.faults import Unanswered
from autograder.judge.session import SandboxSession
from course.checking.code_reader import defines, read_cell
from course.notebooks import cell_source, notebook

BODY = "def softmax(x):\n    return x\n"

# A cell, and whether `softmax` is there afterwards.
CORPUS = {
    "plain": (BODY, True),
    "time": ("%%time\n" + BODY, True),
    "timeit": ("%%timeit -n 1\n" + BODY, True),
    "capture": ("%%capture out\n" + BODY + "out.show()", True),
    "prun": ("%%prun\n" + BODY, True),
    "unknown magic": ("%%some_magic with words\n" + BODY, True),
    "nested": ("%%time\n%%capture\n" + BODY, True),
    "comment above": ("# mine\n\n%%time\n" + BODY, True),
    "empty lines above": ("\n\n%%time\n" + BODY, True),
    "indented": ("    %%time\n    softmax = abs", True),
    "line magic": ("%load_ext autoreload\n" + BODY + "%timeit softmax(1)", True),
    "line magic that binds": ("%time softmax = abs", True),
    "assigned magic": ("softmax = %time abs", True),
    "shell": ("!pip install x\nfiles = !ls\n" + BODY, True),
    "shell inside": ("if True:\n    !ls\n    softmax = abs", True),
    "question mark": ("print?\n" + BODY + "?print", True),
    "prompts": (">>> softmax = abs\n>>> y = 1", True),
    "await": ("import asyncio\nawait asyncio.sleep(0)\n" + BODY, True),
    "async for": (
        "async def numbers():\n    yield 1\nasync for n in numbers():\n    softmax = abs",
        True,
    ),
    "await below time": ("%%time\nimport asyncio\nawait asyncio.sleep(0)\n" + BODY, True),
    "global": ("def make():\n    global softmax\n    softmax = abs\nmake()", True),
    "in try": ("try:\n    import no_such\nexcept ImportError:\n    softmax = abs", True),
    "in with": ("import contextlib\nwith contextlib.nullcontext():\n" + "    softmax = abs", True),
    "display": ("display(1)\n" + BODY, True),
    "get_ipython": ("get_ipython().run_line_magic('matplotlib', 'inline')\n" + BODY, True),
    "byte order mark": ("\ufeff" + BODY, True),
    "windows lines": (BODY.replace("\n", "\r\n"), True),
    "percent in a string": ('text = """\n%%time\n"""\n' + BODY, True),
    "modulo on a new line": ("y = (7\n% 2)\n" + BODY, True),
    "bash": ("%%bash\nsoftmax=3", False),
    "html": ("%%html\n<b>softmax = 3</b>", False),
    "writefile": ("%%writefile mine.py\n" + BODY, False),
    "comment above bash": ("# run this\n%%bash\nsoftmax=3", False),
    "typographic minus": (BODY + "print(3 − 1)", False),
    "open bracket": (BODY + "print((1", False),
    "return outside": (BODY + "return 3", False),
    "local name": ("def other():\n    softmax = abs\nother()", False),
    "loop of a comprehension": ("y = [softmax for softmax in range(3)]", False),
    "too many magics": ("!ls\n" * 3000 + BODY, False),
}


@pytest.mark.parametrize("name", CORPUS)
def test_static_reading_and_course_check_agree(name, tmp_path):
    source, there = CORPUS[name]
    assert defines(read_cell(source).python, "softmax") == there
    cell = {"cell_type": "code", "metadata": {}, "source": source}
    path = tmp_path / "attention.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {"course": {"lab": "lab1_attention"}}}))
    module, _ = notebook.execute(notebook.read(path))
    assert hasattr(module, "softmax") == there


@pytest.mark.skipif(bool(isolation.missing_layers()), reason="no isolation here")
def test_the_student_process_agrees(lesson):
    disagree = {}
    server = Server(RUNTIME)
    try:
        for name, (source, there) in CORPUS.items():
            session = SandboxSession(lambda: server, assignment_of(lesson), [("cell", source)])
            with session:
                session.start()
                try:
                    session._student.run_cell("look", "softmax")
                    found = True
                except Unanswered:
                    found = False
            if found != there:
                disagree[name] = session.stopped
    finally:
        server.close()
    assert disagree == {}


def test_lines_keep_their_numbers_and_problems_are_named():
    for source, there in CORPUS.values():
        cell = read_cell(source)
        if there and "def softmax" in source and not source.startswith("\ufeff"):
            lines = source.replace("\r", "").split("\n")
            number = next(n for n, line in enumerate(lines) if "def softmax" in line)
            assert cell.python.split("\n")[number] == lines[number]
        assert there or cell.problem or cell.language or "softmax" in cell.python
    assert read_cell("x = 1\ny = 3 − 1").problem == "line 2: invalid character '−' (U+2212)"
    assert read_cell("%%bash\nls").language == "bash"


def test_a_cell_is_read_while_a_library_parses_in_another_thread(monkeypatch):
    """Python 3.11 raises `SystemError` then, for which no learner can do anything."""
    parse, failures = ast.parse, iter([SystemError("AST constructor recursion depth mismatch")] * 3)

    def disturbed(source):
        for failure in failures:
            raise failure
        return parse(source)

    monkeypatch.setattr(cell_source.ast, "parse", disturbed)
    cell = cell_source.read_cell("x = 1 + 2")
    assert cell.python == "x = 1 + 2" and not cell.problem
    assert next(failures, None) is None, "the disturbance never came"

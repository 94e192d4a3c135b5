"""Whoever breaks Python in the student process gets a mark, not an endless regrade."""

import pytest

from autograder.hidden.assignments import assignment_of
from autograder.judge.grader import Grader
from course.notebooks.lesson import lessons

RIGHT = """
from keras import ops
def causal_mask(length):
    return ops.arange(length)[:, None] >= ops.arange(length)
"""
BREAKING = {
    "modules cleared": "import sys\nsys.modules.clear()",
    "modules deleted": "import sys\nfor name in list(sys.modules):\n    del sys.modules[name]",
    "no imports": "import builtins\nbuiltins.__import__ = None",
    "no classes": "import builtins\nbuiltins.__build_class__ = None",
    "no dataclasses": "import dataclasses\ndataclasses.dataclass = None",
    "nothing built in": "import builtins\nvars(builtins).clear()",
    "no finders": "import sys\nsys.meta_path.clear()\nsys.path_hooks.clear()",
}


@pytest.fixture(scope="module")
def grader():
    with_server = Grader()
    yield with_server
    with_server.close()


@pytest.mark.parametrize("how", BREAKING)
def test_it_is_marked(grader, how):
    cells = [("answer-causal_mask", RIGHT), ("own-1", BREAKING[how])]
    verdict = grader.grade_cells(assignment_of(lessons()["attention"]), cells)
    mark = next(mark for mark in verdict.marks if mark.exercise == "causal_mask")
    assert not verdict.regrade
    assert mark.right or mark.problems, "a mark, or a sentence that says why not"
    assert all(mark.right or mark.problems for mark in verdict.marks)


def test_what_can_be_put_back_costs_nothing(grader):
    cells = [("answer-causal_mask", RIGHT), ("own-1", BREAKING["no imports"])]
    verdict = grader.grade_cells(assignment_of(lessons()["attention"]), cells)
    assert next(mark for mark in verdict.marks if mark.exercise == "causal_mask").right

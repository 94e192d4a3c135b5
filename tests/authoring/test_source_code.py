"""Misconceptions and alternatives as what a learner would have handed in."""

import linecache
import sys
import types

import pytest
from small_project import SOLUTION

from autograder.authoring.build import entry_source
from autograder.hidden.entries import Entry
from course.notebooks.lesson import LessonError

BANK = """\
from autograder.hidden.entries import misconception
from solutions.sums import Doubler, double


@misconception("double", "It is not doubled.")
def once(number):
    return number if number < 1 else once(number - 1) + 1  # once


@misconception("double", "It is doubled twice.")
def twice(number):
    return double(double(number))


@misconception(
    "Doubler",
    "It starts with one more.",
)
class Late(Doubler):
    def __call__(self, number):
        return Doubler.__call__(self, number + 1)


@misconception("double", "Uses what no learner has.")
def stranger(number):
    return helper(number)
"""


@pytest.fixture
def bank(project, monkeypatch):
    """Name -> entry of a small bank, as `autograder.hidden.entries` would register them."""
    project.write("bank.py", BANK)
    path = str(project.root / "bank.py")
    scope = {}
    exec(SOLUTION, scope)
    module = types.ModuleType("small_bank")
    module.__file__ = path
    monkeypatch.setitem(sys.modules, "small_bank", module)
    entries = {}

    def misconception(exercise, says):
        def register(answer):
            entries[answer.__name__] = Entry(exercise, answer.__name__, says, answer)
            return answer

        return register

    vars(module).update(scope, misconception=misconception, __name__="small_bank")
    body = "\n" * 3 + BANK.split("\n", 3)[3]  # without its imports, on the same lines
    linecache.checkcache(path)
    exec(compile(body, path, "exec"), vars(module))
    return entries


def run(source, **names):
    """What a notebook cell with that source would define."""
    scope = {"LIMIT": 1e9, "math": __import__("math")} | names
    exec(compile(source, "cell", "exec"), scope)
    return scope


def test_an_entry_becomes_a_learners_cell(project, bank):
    source = entry_source(bank["once"], project.lesson, project.root)
    assert (
        source == "def double(number):\n    return number if number < 1 else double(number - 1) + 1  # once"
    )


def test_an_entry_may_build_on_the_reference(project, bank):
    source = entry_source(bank["twice"], project.lesson, project.root)
    assert run(source)["double"](3) == 12 and "misconception" not in source and "SOLUTION" not in source
    source = entry_source(bank["Late"], project.lesson, project.root)
    doubler = run(source, double=lambda number: 2 * number)["Doubler"]
    # Its name is the exercise's, because `course.check(Doubler)` goes by the name.
    assert doubler.__name__ == "Doubler" and doubler()(3) == 8


def test_an_entry_stands_on_its_own(project, bank):
    with pytest.raises(LessonError, match=r"bank.py:\d+: `helper` is not known"):
        entry_source(bank["stranger"], project.lesson, project.root)

"""A course of one tiny lab, for tests of the learner's tools: no Keras, no dependence on any real lesson.

`install` is the body of a fixture, `notebook` writes what a learner might hand in.
"""

import importlib
import sys

import nbformat

LESSON = """
# %% [markdown] lab=7 title="Tiny" minutes=1
# # Tiny
# %%
import math
# %% exercise="double" points=2 minutes=1 difficulty=1
# hint: What is two times a number?
# hint: Multiply by 2.
# %% exercise="quadruple" points=4 minutes=1 difficulty=1
# hint: You have `double`.
# hint: Use it twice.
"""
CHECKS = """
from course.checking import check, expect

@check("double")
def of_three(double):
    expect(double(3) == 6, f"double(3) should be 6, not {double(3)}: do you add 2?")

@check("double")
def of_zero(double):
    expect(double(0) == 0, "double(0) should be 0")

@check("quadruple")
def of_one(quadruple):
    expect(quadruple(1) == 4, "quadruple(1) should be 4")
"""
PATCH = """
import course.notebooks.lesson, course.checks
from pathlib import Path
course.notebooks.lesson.LESSONS = Path({lessons!r})
course.checks.__path__.append({checks!r})
"""
RIGHT = {
    "double": "def double(x):\n    return 2 * x\n",
    "quadruple": "def quadruple(x):\n    return double(double(x))\n",
}
SETUP = "import math\nCHECKED = False\n"


def install(tmp_path, monkeypatch):
    """Put the tiny lab in place of the real ones, here and in child processes; yields the temporary folder."""
    from course import checking, checks
    from course.notebooks import lesson

    lessons, extra, site = (tmp_path / name for name in ("lessons", "checks", "site"))
    for folder in (lessons, extra, site):
        folder.mkdir()
    (lessons / "tiny.py").write_text(LESSON.lstrip())
    (extra / "tiny.py").write_text(CHECKS)
    (site / "sitecustomize.py").write_text(PATCH.format(lessons=str(lessons), checks=str(extra)))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(lesson, "LESSONS", lessons)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(extra)])
    _forget(lesson, checking)
    importlib.invalidate_caches()
    yield tmp_path
    _forget(lesson, checking)


def _forget(lesson, checking):
    lesson.lessons.cache_clear()
    checking.checks_of.cache_clear()
    for exercise in RIGHT:
        checking.expectations._CHECKS.pop(exercise, None)
    for module in ("course.checks.tiny", "lab7_tiny"):
        sys.modules.pop(module, None)


def notebook(path, answers=RIGHT, extra=(), lab="lab7_tiny", setup=SETUP):
    """Write a lab notebook as the build would.

    Args:
        path: where to.
        answers: exercise -> source of its answer cell.
        extra: sources of the learner's own cells, put before the answers.
        lab: its lab, or `None` for a notebook that is no lab.
        setup: source of the set-up cell.
    """

    def cell(source, role=None, name=None):
        note = {"course": {"role": role, "name": name}} if role else {}
        return nbformat.v4.new_code_cell(source, metadata=note)

    book = nbformat.v4.new_notebook(metadata={"course": {"lab": lab}} if lab else {})
    book.cells = [nbformat.v4.new_markdown_cell("# Tiny"), cell(setup, "setup")]
    book.cells += [cell(source) for source in extra]
    for name, source in answers.items():
        book.cells += [cell(source, "answer", name), cell(f"course.check({name})", "check", name)]
    book.cells.append(cell("raise SystemError('an experiment must not run')", "experiment", "boom"))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)
    return path

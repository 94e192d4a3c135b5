"""Visible checks: what a learner reads a second after pressing Shift-Enter.

A check takes the learner's answer and says what is wrong with it in a learner's words:

    @check("softmax")
    def weights_sum_to_one(softmax):
        weights = softmax(uneven(3, 5))
        expect_close(ops.sum(weights, axis=-1), 1.0, "each row must sum to 1: do you divide by the sum?")

It needs no reference: it tests properties, tiny worked examples, and agreement with Keras.
"""

import functools
import html
import importlib
import inspect
import linecache
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course.checking.expectations import _CHECKS, CheckFailed, NamedMistake
from course.checking.shortcuts import find_shortcuts
from course.errors import UnknownName
from course.notebooks.cell_source import read_cell
from course.notebooks.find_cells import defined_in
from course.notebooks.lesson import find_exercise
from course.terminal import printable

BY_HAND = "written by hand"
BEHIND = "look again when the mistake that is named here is mended: it may be all there is to this, too"
NOT_WRITTEN = "not written yet: replace `raise NotImplementedError()` with your code"


def in_html(text: str) -> str:
    """A sentence for a page: escaped, and `code` set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


@dataclass(frozen=True)
class CheckOutcome:
    """One check: its name as a sentence, and what went wrong (`None` if nothing did)."""

    name: str
    problem: str | None


class Report:
    """What `course.check` found. Shows itself as a list, in a notebook and in a terminal.

    `then` is a sentence that comes last, such as what to do next; `code` in it is set as code.
    """

    def __init__(self, exercise: str, points: float, outcomes: list[CheckOutcome]) -> None:
        self.exercise = exercise
        self.outcomes = outcomes
        self.then = ""
        # As in grading, a shortcut earns nothing; and not taking one earns nothing by itself.
        shortcut = any(outcome.problem for outcome in outcomes if outcome.name == BY_HAND)
        tried = [outcome.problem for outcome in outcomes if outcome.name != BY_HAND]
        self.points = 0.0 if shortcut else points * tried.count(None) / len(tried)

    @property
    def passed(self) -> bool:
        return all(outcome.problem is None for outcome in self.outcomes)

    @property
    def problems(self) -> list[str]:
        return [f"{outcome.name}: {outcome.problem}" for outcome in self.outcomes if outcome.problem]

    def headline(self) -> str:
        good = sum(outcome.problem is None for outcome in self.outcomes)
        if self.passed:
            return f"{self.exercise}: all {good} checks pass. Well done!"
        return f"{self.exercise}: {good} of {len(self.outcomes)} checks pass."

    def __str__(self):
        wrong, right = "✗✓" if printable("✓") == "✓" else "x+"  # a console's code page may have no tick
        rows = [self.headline()]
        for outcome in self.outcomes:
            rows.append(f"  {wrong if outcome.problem else right} {outcome.name}")
            rows += [f"      {line}" for line in (outcome.problem or "").splitlines()]
        rows += [self.then.replace("`", "")] if self.then else []
        return printable("\n".join(rows))

    def _repr_html_(self):
        rows = []
        for outcome in self.outcomes:
            colour, sign = ("#c62828", "✗") if outcome.problem else ("#2e7d32", "✓")
            rows.append(f'<li><b style="color:{colour}">{sign}</b> {html.escape(outcome.name)}')
            if outcome.problem:
                lines = "<br>".join(in_html(line) for line in outcome.problem.splitlines())
                rows.append(f'<div style="margin:2px 0 6px 1.4em">{lines}</div>')
            rows.append("</li>")
        colour = "#2e7d32" if self.passed else "#c62828"
        then = f"<div>{in_html(self.then)}</div>" if self.then else ""
        return (
            f'<div style="border-left:4px solid {colour};padding:4px 12px"><b>{html.escape(self.headline())}</b>'
            f'<ul style="list-style:none;margin:4px 0;padding:0">{"".join(rows)}</ul>{then}</div>'
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Stock nbgrader reads partial credit from a plain number; a learner wants sentences.
        grading = os.environ.get("NBGRADER_EXECUTION") == "autograde"
        return {"text/plain": str(self.points) if grading else str(self), "text/html": self._repr_html_()}


def run_checks(answer: Any, exercise: str | None = None) -> Report:
    """Run the visible checks of an exercise on an answer.

    Args:
        answer: the function or layer class, under its own name.
        exercise: its exercise, if it goes by another name.

    Returns:
        A `Report`.

    Raises:
        UnknownName: if there is no such exercise; the message names the nearest.
    """
    exercise = str(exercise or getattr(answer, "__name__", answer))
    lesson, cell = find_exercise(exercise)
    if not checks_of(exercise):
        raise UnknownName(f"no checks are written for {exercise!r} yet")
    outcomes = _outcomes(answer, exercise)
    shortcut = _shortcut(answer, cell, lesson) if cell.forbidden else None
    # What is not written is not written by hand either.
    if cell.forbidden and (shortcut or any(outcome.problem != NOT_WRITTEN for outcome in outcomes)):
        outcomes.insert(0, CheckOutcome(BY_HAND, shortcut))
    return Report(exercise, cell.points, outcomes)


def _outcomes(answer, exercise):
    """One `CheckOutcome` for each check. Beside a mistake that is known by name, the others' guesses are not shown."""
    found = [
        (function.__name__.replace("_", " "), *_problem(function, answer)) for function in checks_of(exercise)
    ]
    if any(named for _, problem, named in found if problem):
        found = [
            (name, problem if named or problem in (None, NOT_WRITTEN) else BEHIND, named)
            for name, problem, named in found
        ]
    return [CheckOutcome(name, problem) for name, problem, _ in found]


def _problem(function, answer):
    """What `function` finds wrong with `answer`, in words, `None` if nothing; and whether that is known by name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras' advice about layers is not the learner's concern here
            function(answer)
    except CheckFailed as failure:
        return str(failure), isinstance(failure, NamedMistake)
    except Exception as error:
        if unwritten(error):
            return NOT_WRITTEN, False
        stopped = (
            f"your code stopped with {type(error).__name__}: {first_lines(error)}{_place(error, answer)}"
        )
        return stopped, False
    return None, False


def unwritten(error: BaseException) -> bool:
    """Whether an error is the released notebook's own. TensorFlow has one of that name about NumPy, with a message.

    Keras wraps an error that comes out of a layer in words of its own, around nothing.
    """
    return isinstance(error, NotImplementedError) and not first_lines(error).strip(" .")


def first_lines(text: object, limit: int = 300) -> str:
    """An error's message without what TensorFlow adds for its own developers."""
    text = re.split(
        r"\n\nArguments received by|\s*; NodeDef:|\s*If you are looking for numpy| Inputs received: ",
        str(text),
    )[0]
    text = re.sub(r"^Exception encountered when calling [\w.]+\(\)\.\s*", "", text.strip())
    text = re.sub(r"\{\{function_node .*?\}\} ?| ?\[Op:\w+\]( name: ?\S*)?|\x1b\[[0-9;]*m", "", text).strip()
    return text if len(text) <= limit else text[:limit] + " ..."


def _place(error, answer):
    """The line of the learner's own code where it happened."""
    file = _file_of(answer)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if not frames:
        return ""
    line = linecache.getline(file, frames[-1].lineno).strip()
    return f"\nin {frames[-1].name}, line {frames[-1].lineno} of your cell: {line}"


def _file_of(answer):
    try:
        return inspect.getfile(answer.call if inspect.isclass(answer) else answer)
    except (AttributeError, TypeError, OSError):
        return None


def _shortcut(answer, cell, lesson):
    file = _file_of(answer) or ""
    if file == getattr(sys.modules.get(getattr(answer, "__module__", None)), "__file__", None):
        return None  # an author's, out of a bank, where a decorator spells the exercise's name
    # `inspect.getsource` finds no class of a notebook; its cell is there all the same.
    name = getattr(answer, "__name__", "")
    source = read_cell("".join(linecache.getlines(file)) or _cell_of(name)).python
    found = find_shortcuts(
        source, name if name.isidentifier() else cell.name, cell.forbidden, lesson.exercises
    )
    if not found:
        return None
    return f"this exercise builds what {found[0]} does for you: write it with smaller operations"


def _cell_of(name):
    """The last cell that defined a name, of those that were run: what `%%time` ran has no lines of its own."""
    main = sys.modules.get("__main__")
    cells = [cell for cell in getattr(main, "In", ()) or () if isinstance(cell, str)]
    return next((cell for cell in reversed(cells) if name in defined_in(cell, (name,))), "")


@functools.cache
def checks_of(exercise: str) -> tuple[Callable, ...]:
    """The visible checks of an exercise, as a tuple of functions."""
    lesson, _ = find_exercise(exercise)
    importlib.import_module(f"course.checks.{lesson.name}")
    return tuple(_CHECKS.get(exercise, ()))

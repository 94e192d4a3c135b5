"""Registers named wrong answers (misconceptions) and right ones that look different (alternatives).

Both are self-contained: they use what a learner has at that place in the notebook (`keras`, `ops`, `math`, `np`,
earlier exercises by name) and nothing else, so that each can be pasted into a notebook and graded like a
submission. A class may subclass the reference of its own exercise.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

from autograder.paths import ROOT

ALTERNATIVES_FOLDER = ROOT / "tests" / "alternatives"


@dataclass(frozen=True)
class Entry:
    """One wrong or right answer.

    Attributes:
        exercise: what it answers.
        name: its own name, the diagnosis when it is a misconception.
        feedback: one sentence of feedback; empty for an alternative.
        answer: the function or class.
    """

    exercise: str
    name: str
    feedback: str
    answer: Callable


_MISCONCEPTIONS: dict[str, list[Entry]] = {}
_ALTERNATIVES: dict[str, list[Entry]] = {}


def misconception(exercise, feedback):
    """Register a wrong answer that people really give, with one sentence that tells them what it is."""

    def register(answer):
        _MISCONCEPTIONS.setdefault(exercise, []).append(Entry(exercise, answer.__name__, feedback, answer))
        return answer

    return register


def alternative(exercise):
    """Register a right answer that looks different from the reference."""

    def register(answer):
        _ALTERNATIVES.setdefault(exercise, []).append(Entry(exercise, answer.__name__, "", answer))
        return answer

    return register


def misconceptions(lesson, exercise):
    """The misconceptions of an exercise of that lesson (by its short name: `attention`)."""
    importlib.import_module(f"autograder.hidden.misconceptions.{lesson}")
    return tuple(_MISCONCEPTIONS.get(exercise, ()))


def alternatives(lesson, exercise):
    """The alternatives of an exercise. They live with the tests, so they need a checkout of the project.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = ALTERNATIVES_FOLDER / f"{lesson}.py"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: alternatives are part of the repository, not of a package"
        )
    _load(path)
    return tuple(_ALTERNATIVES.get(exercise, ()))


_LOADED = set()


def _load(path):
    if path not in _LOADED:
        spec = importlib.util.spec_from_file_location(f"alternatives_{path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(
            spec
        )  # where `inspect` looks for a class
        spec.loader.exec_module(module)
        _LOADED.add(path)

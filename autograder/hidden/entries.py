"""The banks of this course's labs: named wrong answers (misconceptions), right ones that look different (alternatives).

Both are self-contained: they use what a learner has at that place in the notebook (`keras`, `ops`, `math`, `np`,
earlier exercises by name) and nothing else, so that each can be pasted into a notebook and graded like a
submission. A class may subclass the reference of its own exercise.
"""

import importlib
import importlib.util
import sys

from autograder.judge.entries import ALTERNATIVES, MISCONCEPTIONS, Entry, alternative, misconception
from autograder.paths import ROOT

__all__ = ["Entry", "alternative", "alternatives", "misconception", "misconceptions"]
ALTERNATIVES_FOLDER = ROOT / "tests" / "alternatives"


def misconceptions(lesson, exercise):
    """The misconceptions of an exercise of that lesson (by its short name: `attention`)."""
    importlib.import_module(f"autograder.hidden.misconceptions.{lesson}")
    return tuple(MISCONCEPTIONS.get(exercise, ()))


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
    return tuple(ALTERNATIVES.get(exercise, ()))


_LOADED = set()


def _load(path):
    if path not in _LOADED:
        spec = importlib.util.spec_from_file_location(f"alternatives_{path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(
            spec
        )  # where `inspect` looks for a class
        spec.loader.exec_module(module)
        _LOADED.add(path)

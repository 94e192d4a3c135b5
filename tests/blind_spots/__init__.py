"""Wrong answers with right numbers, which one eager forward pass cannot tell from right ones.

No gradient, dropout of another rate or place, a known batch only, a state between calls, parts that are one and the
same, corners of what the docstring allows. `hidden/test_blind_spots.py` marks each: all have to lose points, whatever
the seed. One module for each lab; `_Base` style subclasses stand for the reference with one thing changed.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

FOUND: list["BlindSpot"] = []


@dataclass(frozen=True)
class BlindSpot:
    """One wrong answer.

    Attributes:
        lab: the lab's short name.
        exercise: what it answers.
        wrong: what is wrong with it, in a few words.
        answer: the function or class.
    """

    lab: str
    exercise: str
    wrong: str
    answer: Callable


def blind_spot(exercise, wrong):
    """Register a wrong answer; the lab is the module's name."""

    def register(answer):
        FOUND.append(BlindSpot(answer.__module__.rpartition(".")[2], exercise, wrong, answer))
        return answer

    return register


def blind_spots(labs):
    """All of these labs."""
    for lab in labs:
        importlib.import_module(f"{__name__}.{lab}")
    return tuple(FOUND)

"""Named wrong answers (misconceptions), and right ones that look different (alternatives), as they are registered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MISCONCEPTIONS: dict[str, list["Entry"]] = {}
ALTERNATIVES: dict[str, list["Entry"]] = {}


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
    answer: Callable[..., Any]


def misconception(exercise: str, feedback: str) -> Callable[[Any], Any]:
    """Register a wrong answer that people really give, with one sentence that tells them what it is."""

    def register(answer: Any) -> Any:
        MISCONCEPTIONS.setdefault(exercise, []).append(Entry(exercise, answer.__name__, feedback, answer))
        return answer

    return register


def alternative(exercise: str) -> Callable[[Any], Any]:
    """Register a right answer that looks different from the reference."""

    def register(answer: Any) -> Any:
        ALTERNATIVES.setdefault(exercise, []).append(Entry(exercise, answer.__name__, "", answer))
        return answer

    return register

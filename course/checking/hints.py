"""`course.hint("softmax")`: one more hint per call, from gentle to plain."""

import html
from collections.abc import Callable

from course.checking import in_html
from course.checking.which import name_of
from course.notebooks.lesson import find_exercise

_SHOWN = {}


class Hint:
    """A hint that shows itself in a notebook and in a terminal."""

    def __init__(self, exercise: str, number: int, total: int, text: str) -> None:
        self.title = f"{exercise}, hint {number} of {total}"
        self.text = text
        self.more = "" if number == total else "Run the cell again for the next one."

    def __str__(self):
        return f"{self.title}: {self.text} {self.more}".rstrip()

    __repr__ = __str__

    def _repr_html_(self):
        return (
            f'<div style="border-left:4px solid #1565c0;padding:4px 12px"><b>{html.escape(self.title)}</b><br>'
            f"{in_html(self.text)} <i>{html.escape(self.more)}</i></div>"
        )


def hint(exercise: str | Callable) -> Hint:
    """The next hint of an exercise; the last one again when there is no further.

    Args:
        exercise: its name, or the function or class itself.

    Raises:
        CourseError: if it is no exercise, an `UnknownName` that names the nearest if it is nearly one.
    """
    exercise = name_of(exercise, "course.hint")
    _, cell = find_exercise(exercise)
    number = _SHOWN[exercise] = min(_SHOWN.get(exercise, 0) + 1, len(cell.hints))
    return Hint(exercise, number, len(cell.hints), cell.hints[number - 1])

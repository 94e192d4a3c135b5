"""Which exercise somebody means: the function or class itself, or its name; and what to say to anything else."""

from collections.abc import Mapping
from typing import Any

from course.errors import CourseError
from course.notebooks.lesson import find_exercise, lessons
from course.notebooks.sections import where


def name_of(thing: Any, call: str = "course.check") -> str:
    """The exercise that is meant.

    Args:
        thing: a function or class, or a name.
        call: what was called, for the sentence.

    Raises:
        CourseError: if it is nothing of the kind; the sentence says what to give.
        UnknownName: if there is no such exercise; it names the nearest.
    """
    if isinstance(thing, str):
        return find_exercise(thing.strip())[1].name
    name = getattr(thing, "__name__", None)
    if isinstance(name, str) and callable(thing):
        return find_exercise(name)[1].name
    made_by = type(thing).__name__
    if any(made_by in lesson.exercises for lesson in lessons().values()):
        raise CourseError(f"This is an object that {made_by} made. Give the class itself: {call}({made_by}).")
    shown = repr(thing) if isinstance(thing, int | float | None) else f"A {made_by}"
    raise CourseError(
        f'{shown} is no exercise. Give what you wrote, as in {call}(softmax), or its name: {call}("softmax").'
    )


def find_answer(thing: Any, exercise: Any, namespace: Mapping[str, Any]) -> tuple[Any, str]:
    """The answer that is to be checked, and its exercise.

    Args:
        thing: the function or class, or its name.
        exercise: its exercise, if it goes by another name; `None` if not.
        namespace: the caller's variables, in which a name is looked up.

    Raises:
        CourseError: if nothing of that name is there, or as in `name_of`.
    """
    name = name_of(thing if exercise is None else exercise)
    if not isinstance(thing, str):
        return thing, name
    if thing.strip() not in namespace:
        lesson, _ = find_exercise(name)
        raise CourseError(
            f"There is no {thing.strip()} here yet: run its cell ({where(lesson, name)}), then this one again."
        )
    return namespace[thing.strip()], name

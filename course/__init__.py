"""Build attention, a Transformer, BERT, ViT, iGPT and MAE yourself, one small exercise at a time.

In a lab notebook:

    import course

    course.check(softmax)       # is my answer right? if not, what is the likely mistake?
    course.hint("softmax")      # one more hint
    course.status()             # how far am I, and what comes next?
    course.step_over("softmax") # stuck: go on with the course's
    course.solution("softmax")  # one way to write it, after a pass or after real tries
    course.reset("softmax")     # the exercise as it was handed out, in a new cell
    course.quiz()               # a few questions for yourself

and inside a workshop `course.submit()`, marks at once, and `course.catch_up("softmax")`, an answer that was released.
"""

import importlib
import os
import sys
from importlib import metadata

from course.machine.quiet import quiet

if "ipykernel" in sys.modules:  # a notebook, which needs Keras anyway: let TensorFlow greet nobody
    with quiet():
        import keras

        keras.ops.zeros(())  # looking for a GPU is part of the greeting
        # So that the first check is as fast as the others.
        importlib.import_module("course.notebooks.lesson").lessons()

try:
    __version__ = metadata.version("transformer-labs")
except metadata.PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = [
    "carry",
    "catch_up",
    "changed",
    "check",
    "checkpoint",
    "choose",
    "data",
    "hint",
    "jit_compile",
    "plots",
    "preset",
    "pretrained",
    "quiz",
    "reset",
    "solution",
    "status",
    "step_over",
    "submit",
    "use_preset",
]


def __getattr__(name):
    """`course.data`, `course.plots` and the presets, imported when they are first asked for."""
    if name in ("data", "plots"):
        return importlib.import_module(f"course.{name}")
    if name in ("choose", "jit_compile", "preset", "use_preset"):
        return getattr(importlib.import_module("course.machine.presets"), name)
    raise AttributeError(f"module 'course' has no attribute {name!r}")


def check(answer, exercise=None):
    """Check an answer at once; say what comes next when it passes.

    Args:
        answer: the function or class, or its name.
        exercise: its exercise, if it goes by another name.

    Returns:
        A `course.checking.Report`, which shows itself.

    Raises:
        CourseError: if that is no exercise, or nothing of that name is there yet; the text says what to do.
    """
    from course.checking import run_checks
    from course.checking.which import find_answer
    from course.progress.after_check import after_check

    answer, exercise = find_answer(answer, exercise, _callers_variables())
    found = run_checks(answer, exercise)
    after_check(found, answer)
    if "COURSE_WORKSHOP_URL" in os.environ:
        from course.workshop.board_client import report

        report(found)
    return found


def hint(exercise):
    """Show one more hint for an exercise. See `course.checking.hints.hint`."""
    from course.checking.hints import hint as show

    return show(exercise)


def status(lab=None):
    """How far you are, in this lab and in all of them. See `course.progress.status.status`."""
    from course.progress.status import status as look

    return look(lab, _callers_variables())


def quiz(lab=None):
    """A few questions for yourself, answered at once. See `course.checking.quiz.quiz`."""
    from course.checking.quiz import quiz as ask

    return ask(lab, _callers_variables())


def reset(exercise):
    """An exercise as it was handed out, in a new cell. See `course.progress.stubs.reset`."""
    from course.checking.which import name_of
    from course.progress.stubs import reset as put_back

    return put_back(name_of(exercise, "course.reset"), _callers_variables())


def step_over(exercise):
    """Stuck: go on with the course's own. See `course.progress.ways_on.step_over`."""
    from course.checking.which import name_of
    from course.progress.ways_on import step_over as go_on

    return go_on(name_of(exercise, "course.step_over"), _callers_variables())


def solution(exercise):
    """One way to write an exercise, after a pass or after real tries. See `course.progress.ways_on.solution`."""
    from course.checking.which import name_of
    from course.progress.ways_on import solution as show

    return show(name_of(exercise, "course.solution"))


def _callers_variables():
    """The global variables of whoever called a function of this module: the notebook's."""
    return sys._getframe(2).f_globals


def carry(*names, **options):
    """Bring your own layers from an earlier lab. See `course.earlier_labs.carry_over.carry`."""
    from course.earlier_labs.carry_over import carry as bring

    return bring(*names, **options)


def changed(new, since):
    """Compare your new class with an earlier one, line by line. See `course.earlier_labs.class_diff.changed`."""
    from course.earlier_labs.class_diff import changed as compare

    return compare(new, since)


def checkpoint(model, name):
    """Load small trained weights into your own model. See `course.models.checkpoints.checkpoint`."""
    from course.models.checkpoints import checkpoint as load

    return load(model, name)


def pretrained(name):
    """Weights that others trained, for your own models. See `course.models.pretrained.pretrained`."""
    from course.models.pretrained import pretrained as read

    return read(name)


def submit(lab=None, notebook=None):
    """In a workshop: have this notebook graded now. See `course.workshop.submit.submit`."""
    from course.workshop.submit import submit as hand_in

    return hand_in(lab, notebook)


def catch_up(exercise):
    """In a workshop: fetch an answer that the instructor released. See `course.workshop.submit.catch_up`."""
    from course.workshop.submit import catch_up as fetch

    return fetch(exercise)


if "ipykernel" in sys.modules:
    importlib.import_module("course.progress.opening").open_lab()

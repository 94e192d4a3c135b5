"""`autograder init | new`: the commands that make a course folder."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from autograder.console import console


def register(app, errors_as_sentences):
    """Add the commands to an app.

    Args:
        app: the `typer.Typer` of `autograder`.
        errors_as_sentences: a decorator that turns errors meant for people into one sentence.
    """
    for command in (init, new):
        app.command()(errors_as_sentences(command))


def init(
    folder: Annotated[Path, typer.Argument(help="Where the course is to live.")],
    labs: Annotated[
        bool | None,
        typer.Option(
            "--labs/--no-labs",
            help="Release our labs into it; if left out, not into a folder that holds a course already.",
        ),
    ] = None,
):
    """Make a course folder: nbgrader with trusted grading, all labs released, an empty gradebook."""
    from autograder.authoring.build import build as build_course
    from autograder.classroom.fail_closed import add_trusted_grading
    from autograder.classroom.submissions import load_config

    folder.mkdir(parents=True, exist_ok=True)
    foreign = _holds_other_course(folder)
    if add_trusted_grading(folder):
        console.print(f"Trusted grading was added to your {folder / 'nbgrader_config.py'}", highlight=False)
    if labs is False or (labs is None and foreign):
        _say_how_to_describe(folder)
        return
    with console.status("building the labs into it"):
        build_course(folder, config=load_config(folder))  # it may name another gradebook
    console.print(
        f"Ready: {folder}\nHand out  {folder / 'release'}\nCollect   {folder / 'submitted'}/STUDENT/LAB/NAME.ipynb",
        highlight=False,
    )
    typed = shlex.quote(str(folder))
    console.print(
        f"Grade     autograder grade 1 --course {typed}", highlight=False, markup=False, soft_wrap=True
    )


def _assignments(folder):
    """Names of the assignments in a course folder's `source/`, whoever made them."""
    return sorted({path.parent.name for path in folder.glob("source/*/*.ipynb")})


def _holds_other_course(folder):
    """Whether a folder holds assignments of somebody else, or settings of somebody else and no assignments yet."""
    from autograder.classroom.fail_closed import ADDED
    from course.notebooks.lesson import lessons

    names, file = _assignments(folder), folder / "nbgrader_config.py"
    if names:
        return bool(set(names) - {lesson.lab for lesson in lessons().values()})
    if not file.exists():
        return (folder / "nbgrader_config.json").exists()
    text = file.read_text(encoding="utf-8", errors="replace")
    return ADDED in text or "nbgrader_config import configure" not in text


def _say_how_to_describe(folder):
    """What is next in a course of somebody's own, into which no lab of ours goes unasked."""
    names = _assignments(folder)
    for line in (
        f"Ready: {folder}",
        "Our labs were not released into it: autograder init --labs does that.",
        f"Its assignments: {', '.join(names)}" if names else "It holds no assignments yet, in source/.",
        "Say of each how it is graded, in probes/NAME.py (docs/own_course.md); `contain = True` keeps your own tests.",
        f"Then     autograder gates NAME --course {shlex.quote(str(folder))}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def new(folder: Annotated[Path, typer.Argument(help="Where the course is to live; must not exist yet.")]):
    """Write a small course of your own that works: an assignment, its probes, and a few submissions to grade."""
    from autograder.classroom.new_course import ASSIGNMENT, new_course

    with console.status("writing the course"):
        new_course(folder)
    console.print(f"Ready: {folder}, with one assignment, {ASSIGNMENT}. In it:", highlight=False)
    console.print(f"    autograder gates {ASSIGNMENT}      is it graded as it must be?", highlight=False)
    console.print(
        f"    autograder grade {ASSIGNMENT}      six sample submissions are handed in", highlight=False
    )
    console.print("README.md there says what each file is.", highlight=False)

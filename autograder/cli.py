"""`autograder`: build the labs, grade a class, prove the gates."""

import dataclasses
import functools
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

# Quiet TensorFlow's C++ log before anything imports it, and what libraries warn each other of.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if not sys.warnoptions:
    warnings.simplefilter("ignore")

import typer
from rich.markup import escape

from autograder.classroom import commands as folders
from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms import commands as lms
from autograder.classroom.marking import commands as marking
from autograder.console import answer, as_sentence, console, count_progress, print_error, steps
from autograder.judge import DEFAULT_SEED
from autograder.judge.errors import JudgeError
from autograder.teaching.handouts import commands
from autograder.teaching.site import commands as site
from autograder.teaching.workshop import commands as room
from course.errors import CourseError
from course.terminal import ExitStatus, complete_lab, installed_version, printable_streams

app = typer.Typer(no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

Lab = Annotated[
    str, typer.Argument(help="The lab: 1, attention or lab1_attention.", autocompletion=complete_lab)
]
Course = Annotated[Path, typer.Option("--course", help="The course folder, made by `autograder init`.")]
Seed = Annotated[int, typer.Option(help="What probes draw shapes and values from.")]
Isolation = Annotated[
    str, typer.Option(help="full, or none where `autograder doctor` says code cannot be shut in.")
]


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for a program.")]


def errors_as_sentences(command):
    """Errors that have a sentence for the user end with it, on stderr, and an `ExitStatus`; no traceback."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            print_error("stopped. What was recorded stays; the same command goes on from there.")
            raise typer.Exit(130) from None
        except (CourseError, JudgeError, OSError) as error:
            print_error(as_sentence(error))
            status = error.exit_status if isinstance(error, GradeError) else ExitStatus.NOT_DONE
            raise typer.Exit(status) from None

    return run


def _status(good):
    return ExitStatus.GOOD if good else ExitStatus.NOT_GOOD


def _version(wanted):
    if wanted:
        typer.echo(f"autograder {installed_version()}")
        raise typer.Exit


@app.callback()
def _prepare(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
):
    printable_streams()


@app.command()
@errors_as_sentences
def build(
    labs: Annotated[
        Path | None, typer.Option(help="Where to write; the checkout's labs/ if left out.")
    ] = None,
    course: Annotated[Path | None, typer.Option(help="Build into this course folder instead.")] = None,
):
    """Build the labs from the lessons and the reference, through stock nbgrader."""
    from autograder.authoring import build as builder
    from autograder.authoring.readme_tables import write_tables
    from autograder.paths import ROOT

    with console.status("building"):
        if course is not None:
            written = builder.build(course)
        else:
            written = builder.build_labs(labs) if labs else builder.build_labs()
            if not labs:
                written[ROOT / "README.md"] = write_tables()
    for path, changed in written.items():
        console.print(f"{'written  ' if changed else 'unchanged'} {path}", highlight=False)


@app.command()
@errors_as_sentences
def gates(
    lab: Annotated[str | None, typer.Argument(help="One lab or assignment; all labs if left out.")] = None,
    exercise: Annotated[str | None, typer.Option(help="Only this exercise: seconds, not minutes.")] = None,
    course: Course = Path("."),
    seed: Seed = DEFAULT_SEED,
    isolation: Isolation = "full",
    json: Json = False,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Try small wrong versions of each reference instead.")
    ] = False,
    sample: Annotated[int | None, typer.Option(min=1, help="With --mutants: so many of each.")] = None,
):
    """Prove that every exercise grades as it must. Exit status 1 if one does not."""
    if mutants:
        raise typer.Exit(_status(_try_mutants(lab, exercise, sample, seed)))
    from autograder.authoring.gates_table import gates_table, not_looked_at, what_was_drawn
    from autograder.classroom.proving import prove
    from course.notebooks.lesson import lessons

    good = True
    with answer(json) as facts:
        for name in [lab] if lab else [lesson.lab for lesson in lessons().values()]:
            with steps() as step:
                lesson, rows = prove(
                    course, name, exercise, seed, isolation, lambda text: step(f"proving {text}")
                )
            facts[lesson.lab] = [dataclasses.asdict(row) for row in rows]
            console.print(gates_table(lesson, rows))
            for line in (*what_was_drawn(rows), *not_looked_at(rows)):
                console.print(line, highlight=False, markup=False)
            for row in rows:
                for fault in row.faults:
                    console.print(f"[red]{row.exercise}: {escape(fault)}[/]", highlight=False)
                    good = False
    raise typer.Exit(_status(good))


def _try_mutants(lab, exercise, sample, seed):
    """Try the mutants of a lab, or of all; True if the goals are reached in each."""
    from autograder.authoring.mutants.survey import survey
    from autograder.authoring.mutants.table import print_tallies
    from course.notebooks.lesson import find_exercise, find_lesson, lessons

    if exercise:
        chosen = [find_exercise(exercise)[0]]
    else:
        chosen = [find_lesson(lab)] if lab else list(lessons().values())
    good = True
    for lesson in chosen:
        with count_progress(f"{lesson.lab}: mutants") as report:
            tallies = survey(lesson, exercise, sample, seed, progress=report)
        good = print_tallies(console, lesson, tallies, sample) and good
    return good


@app.command()
@errors_as_sentences
def grade(
    lab: Lab,
    course: Course = Path("."),
    student: Annotated[str, typer.Option(help="Only this learner.")] = "*",
    force: Annotated[bool, typer.Option("--force", help="Grade again what is graded already.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Submissions judged side by side; the number of cores if left out.")
    ] = os.cpu_count() or 1,
    seed: Annotated[
        int | None, typer.Option(help="What probes draw from; the course's setting if left out.")
    ] = None,
    isolation: Annotated[
        str | None, typer.Option(help="full or none; the course's setting if left out.")
    ] = None,
    feedback: Annotated[bool, typer.Option(help="Write nbgrader's feedback pages and a CSV as well.")] = True,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="A Dask scheduler, such as tcp://HOST:8786, to judge on its workers (docs/cluster.md)."
        ),
    ] = None,
    json: Json = False,
):
    """Grade a class: live progress, then who got what and why. Exit status 1 if something is left to do."""
    from autograder.classroom.grade_screen import show_grading

    with answer(json) as facts:
        show_grading(
            course,
            lab,
            facts,
            student=student,
            force=force,
            workers=workers,
            seed=seed,
            isolation=isolation,
            feedback=feedback,
            scheduler=scheduler,
        )


@app.command()
@errors_as_sentences
def report(
    lab: Lab,
    course: Course = Path("."),
    to: Annotated[
        Path | None, typer.Option(help="Folder to write to; the course's reports/ if left out.")
    ] = None,
    json: Json = False,
):
    """Show on one page what the class understood, what it did not, and what a person should look at."""
    from autograder.classroom.report import show_report

    with answer(json) as facts:
        show_report(course, lab, to, facts)


@app.command()
@errors_as_sentences
def demo(
    folder: Annotated[
        Path, typer.Argument(help="Where the demonstration's course goes; made afresh.")
    ] = Path("demo_course"),
):
    """Grade a bundled class: right in several styles, mistaken, empty, broken, endless and hostile."""
    from autograder.classroom.demo import run

    run(folder)


@app.command()
@errors_as_sentences
def doctor(json: Json = False):
    """Say whether this machine can grade, and which layers shut code in. Exit status 1 if something is missing."""
    from rich.table import Table

    from autograder.classroom.doctor import findings

    table = Table(show_header=False, box=None)
    rows = findings()
    for row in rows:
        table.add_row("[red]✗[/]" if row.cure else "[green]✓[/]", row.what, row.found, escape(row.cure))
    with answer(json) as facts:
        facts["ready"] = not any(row.cure for row in rows)
        facts["findings"] = [dataclasses.asdict(row) for row in rows]
        console.print(table)
    raise typer.Exit(_status(facts["ready"]))


folders.register(app, errors_as_sentences)  # init, new
lms.register(app, errors_as_sentences, Lab, Course, Json)  # collect, export, return
commands.register(app, errors_as_sentences)  # slides, guide, pack, readiness
site.register(app, errors_as_sentences)
room.register(app, errors_as_sentences)  # workshop
marking.register(app, errors_as_sentences)  # formgrader, mark

if __name__ == "__main__":
    sys.exit(app())

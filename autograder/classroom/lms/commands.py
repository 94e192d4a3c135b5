"""The command line between learning management systems and a course folder: `collect`, `export` and `return`."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.console import answer

Roster = Annotated[
    Path | None, typer.Option(help="The file exported from Canvas or Moodle: it is filled in.")
]
Column = Annotated[str | None, typer.Option(help="The grade column, where it is not plain.")]
OutOf = Annotated[float | None, typer.Option(help="Scale to this many points; the lab's own if left out.")]
ExercisesOnly = Annotated[
    bool, typer.Option("--exercises-only", help="Without the questions that a person grades.")
]


def register(app, errors_as_sentences, Lab, Course, Json):
    """Add the commands to the grader's.

    Args:
        app: the `typer.Typer`.
        errors_as_sentences: wraps a command so that errors meant for people end with their sentence.
        Lab, Course, Json: the types of arguments that all commands share.
    """

    @app.command()
    @errors_as_sentences
    def export(
        lab: Lab,
        format: Annotated[str, typer.Option("--format", help="nbgrader, canvas or moodle.")] = "nbgrader",
        course: Course = Path("."),
        roster: Roster = None,
        to: Annotated[Path | None, typer.Option(help="File to write; LAB_FORMAT.csv if left out.")] = None,
        column: Column = None,
        out_of: OutOf = None,
        exercises_only: ExercisesOnly = False,
    ):
        """Write the marks as nbgrader, Canvas or Moodle import them. Who has no mark is left empty, never 0."""
        from autograder.classroom.lms.export import export_marks

        export_marks(course, lab, format, roster, to, column, out_of, exercises_only)

    @app.command()
    @errors_as_sentences
    def collect(
        source: Annotated[Path, typer.Argument(help="A folder or zip, as downloaded.")],
        lab: Lab,
        course: Course = Path("."),
        pattern: Annotated[
            str | None, typer.Option(help="Regular expression on each path, with (?P<student_id>...).")
        ] = None,
        origin: Annotated[
            str | None,
            typer.Option(
                "--from",
                help="moodle, canvas, blackboard, brightspace, gradescope or ilias, in the place of --pattern.",
            ),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be collected.")] = False,
        timezone: Annotated[
            str | None,
            typer.Option(
                help="Of times that have none, such as Europe/Berlin; that of deadlines.toml if left out."
            ),
        ] = None,
        day_first: Annotated[
            bool | None, typer.Option("--day-first/--month-first", help="How to read 05.11.2026.")
        ] = None,
        encoding: Annotated[
            str | None, typer.Option(help="Of names in a zip that does not say, such as cp850 or cp932.")
        ] = None,
        json: Json = False,
    ):
        """Put downloaded submissions where they are graded. The latest of several tries wins."""
        from autograder.classroom.lms.collect import collect as collect_all

        with answer(json) as facts:
            found = collect_all(source, lab, course, pattern, origin, dry_run, timezone, day_first, encoding)
            facts.update(found.facts())

    @app.command("return")
    @errors_as_sentences
    def return_(
        lab: Lab,
        system: Annotated[str, typer.Option("--to", help="moodle or canvas.")],
        course: Course = Path("."),
        output: Annotated[
            Path | None, typer.Option(help="File to write; LAB_SYSTEM_feedback.zip if left out.")
        ] = None,
        roster: Roster = None,
        column: Column = None,
        out_of: OutOf = None,
        exercises_only: ExercisesOnly = False,
    ):
        """Write the zip of feedback pages that Moodle or Canvas takes back; with a roster, marks and comments, too."""
        from autograder.classroom.lms.replies import return_feedback

        return_feedback(course, lab, system, output, roster, column, out_of, exercises_only)

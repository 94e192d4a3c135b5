"""The command line of marking by hand: `autograder formgrader` and `autograder mark`."""

from pathlib import Path
from typing import Annotated

import typer

from course.terminal import ExitStatus


def register(app, errors_as_sentences):
    """Add the commands to the grader's.

    Args:
        app: the `typer.Typer`.
        errors_as_sentences: wraps a command so that errors meant for people end with their sentence.
    """

    @app.command()
    @errors_as_sentences
    def formgrader(
        lab: Annotated[
            str, typer.Argument(help="The lab to grade by hand; the list of assignments if left out.")
        ] = "",
        course: Annotated[
            Path, typer.Option("--course", help="The course folder, made by `autograder init`.")
        ] = Path("."),
        port: Annotated[int, typer.Option(min=1, max=65535, help="The first port to try.")] = 8888,
        browser: Annotated[bool, typer.Option(help="Open a browser tab.")] = True,
    ):
        """Open nbgrader's formgrader: one notebook at a time, in JupyterLab on the course folder. Ctrl-C ends it."""
        from autograder.classroom.formgrader import formgrader as serve

        raise typer.Exit(serve(course, lab, port, browser))

    @app.command()
    @errors_as_sentences
    def mark(
        lab: Annotated[str, typer.Argument(help="The lab: 1, attention or lab1_attention.")],
        course: Annotated[
            Path, typer.Option("--course", help="The course folder, made by `autograder init`.")
        ] = Path("."),
        anonymous: Annotated[bool, typer.Option("--anonymous", help="Hide the learners' names.")] = False,
        port: Annotated[int, typer.Option(min=1, max=65535, help="The first port to try.")] = 8765,
        host: Annotated[
            str, typer.Option(help="Where to listen; 0.0.0.0 lets markers at other machines in.")
        ] = "127.0.0.1",
        browser: Annotated[bool, typer.Option(help="Open a browser tab.")] = True,
    ):
        """Mark written answers on a local web page, question by question over the whole class. Ctrl-C ends it."""
        from autograder.classroom.marking.serve import mark as serve

        serve(course, lab, port, anonymous, browser, host)

    @app.command()
    @errors_as_sentences
    def feedback(
        lab: Annotated[str, typer.Argument(help="The lab: 1, attention or lab1_attention.")],
        course: Annotated[
            Path, typer.Option("--course", help="The course folder, made by `autograder init`.")
        ] = Path("."),
    ):
        """Write the feedback pages and the CSV anew, with what a person has marked since."""
        from autograder.classroom import gradebook
        from autograder.classroom.assignments import find_assignments
        from autograder.classroom.course_folder import lock_course_folder
        from autograder.classroom.submissions import load_config
        from autograder.console import console, short_path

        course = course.resolve()
        notebooks = find_assignments(course, lab)
        config = load_config(course)
        with lock_course_folder(course), console.status("writing feedback pages and the CSV"):
            failed = gradebook.write_feedback(course, notebooks, config, force=True)
        console.print(
            f"Written: {short_path(course / 'feedback')}/STUDENT/{notebooks[0].lab}/{notebooks[0].name}.html",
            highlight=False,
        )
        for name in failed:
            console.print(f"[red]not written: {name}: grading.log says why[/]", highlight=False)
        raise typer.Exit(ExitStatus.NOT_GOOD if failed else ExitStatus.GOOD)

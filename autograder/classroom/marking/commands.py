"""The command line of marking by hand: `autograder formgrader` and `autograder mark`."""

from pathlib import Path
from typing import Annotated

import typer


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

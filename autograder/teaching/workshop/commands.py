"""The command line of a workshop: `autograder workshop`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app, errors_as_sentences):
    """Add the command to the grader's.

    Args:
        app: the `typer.Typer`.
        sentences: wraps a command so that errors meant for people end with their sentence.
    """

    @app.command()
    @errors_as_sentences
    def workshop(
        folder: Annotated[Path, typer.Argument(help="Where everything is kept; goes on from there.")] = Path(
            "workshop"
        ),
        lab: Annotated[str, typer.Option(help="The lab that opens first.")] = "1",
        port: Annotated[int, typer.Option(min=1, max=65535, help="Where people join.")] = 8000,
        local: Annotated[
            bool, typer.Option("--local", help="Only this machine can join: a rehearsal.")
        ] = False,
        names: Annotated[
            Path | None, typer.Option(help="A file with one name a line; only these may join.")
        ] = None,
        certificate: Annotated[
            Path | None, typer.Option(help="For https: the certificate's file; needs --key.")
        ] = None,
        key: Annotated[Path | None, typer.Option(help="For https: the certificate's key.")] = None,
        forget: Annotated[
            str, typer.Option(help="Only let NAME choose a new password.", metavar="NAME")
        ] = "",
        remove_accounts: Annotated[
            bool,
            typer.Option("--remove-accounts", help="Only remove the learners' Unix accounts; homes stay."),
        ] = False,
        stop: Annotated[bool, typer.Option("--stop", help="Only stop the room that runs in FOLDER.")] = False,
        status: Annotated[
            bool, typer.Option("--status", help="Only say how the room that runs in FOLDER is.")
        ] = False,
        wall_names: Annotated[
            bool,
            typer.Option(
                "--wall-names",
                help="Learners' names on the projector; whoever joins is told so. Else aliases.",
            ),
        ] = False,
        memory: Annotated[
            float, typer.Option(min=0.5, help="GiB of memory for each learner, where it can be limited.")
        ] = 4.0,
        trial: Annotated[
            bool, typer.Option(help="Try a learner's server and a check before the room is ready.")
        ] = True,
    ):
        """Run the course for a room: JupyterHub, a live board, marks at once. Ctrl-C stops it and loses nothing."""
        from autograder.teaching.workshop import room_words, run

        if remove_accounts:
            return run.remove_accounts(folder)
        if stop or status:
            return room_words.stop(folder) if stop else room_words.status(folder)
        if forget:
            return run.forget(folder, forget)
        if bool(certificate) != bool(key):
            raise run.WorkshopError("https needs both files: --certificate and --key.")
        files = (certificate, key) if key else None
        return run.workshop(folder, lab, port, local, names, files, wall_names, memory, trial)

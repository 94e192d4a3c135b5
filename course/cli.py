"""`course`: doctor, lab, check. The learner's three commands.

Starts fast: what needs TensorFlow runs in processes of its own.
"""

import os
from importlib import util
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from course.errors import CourseError
from course.machine.quiet import LOG_LEVEL
from course.terminal import ExitStatus, complete_lab, installed_version, printable_streams

app = typer.Typer(
    help="Build attention, the Transformer, BERT, ViT, iGPT and MAE yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
SIGNS = {"good": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}


def _version(wanted):
    if wanted:
        typer.echo(f"course {installed_version()}")
        raise typer.Exit


@app.callback()
def _prepare(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
):
    os.environ.setdefault(LOG_LEVEL, "2")
    printable_streams()


@app.command()
def doctor(
    summary: Annotated[
        bool, typer.Option("--summary", help="also print a short block to send to your instructor")
    ] = False,
    name: Annotated[str, typer.Option(help="who you are, for the summary; left out, it names nobody")] = "",
):
    """Is this computer ready for the labs? Says what is wrong and how to cure it."""
    from course.doctor.doctor import examine

    console = Console(highlight=False)
    problems, seen = 0, []
    for title, look in examine():
        with console.status(f"Looking at {title.lower() if title != 'Python' else title} ..."):
            findings = look()
        seen.append((title, findings))
        console.print(f"[bold]{title}[/]")
        for finding in findings:
            problems += finding.state == "problem"
            console.print(Padding(f"{SIGNS[finding.state]} {escape(finding.text)}", (0, 0, 0, 2)))
            if finding.cure:
                console.print(Padding(f"→ {escape(finding.cure)}", (0, 0, 0, 4)))
    if summary:
        from course.doctor.readiness_summary import block

        console.print("\nSend your instructor these lines. They hold no paths and no account names:\n")
        print(block(seen, name))
    if problems:
        console.print(
            f"\n[red]{problems} {'problem' if problems == 1 else 'problems'}[/] to solve before you start: follow the arrows."
        )
        raise typer.Exit(ExitStatus.NOT_GOOD)
    console.print("\n[green]Ready.[/] Open a lab with  course lab")


@app.command()
def lab(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[LAB]", help="such as attention, lab1_attention or 1", autocompletion=complete_lab
        ),
    ] = "",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the browser at once")] = True,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="where JupyterLab listens, if it is free")
    ] = 8888,
):
    """Open JupyterLab on the labs, or on one of them."""
    from course.notebooks import jupyter_lab
    from course.notebooks.labs_folder import find_labs, lies_here, notebook_of

    console = Console(highlight=False, soft_wrap=True)
    with _spoken():
        labs = find_labs(Path.cwd())
        target = notebook_of(labs, name) if name else None
        if util.find_spec("jupyterlab") is None:
            raise CourseError("JupyterLab is not installed: run  pip install jupyterlab")
    if not lies_here(labs, Path.cwd()):
        console.print(
            f"{SIGNS['note']} There is no labs folder here or above. These are the labs in {escape(str(labs))}."
        )
    command = jupyter_lab.command_line(labs, target, port, browser)
    say = lambda text: console.print(escape(text))  # noqa: E731
    raise typer.Exit(jupyter_lab.serve(command, labs, jupyter_lab.environment(labs), say))


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="a lab notebook, or the folder with it")],
    time_limit: Annotated[float, typer.Option(min=1, help="seconds for all of it")] = 120,
):
    """Run a notebook's answers and show what the visible checks say. Exit status 0 if all of them pass."""
    from course.checking.rerun import replay
    from course.notebooks.notebook import read

    console = Console(highlight=False)
    with _spoken():
        book = read(notebook)
        with console.status("Starting ...") as status:
            results, remarks = replay(
                book, time_limit, progress=lambda text: status.update(f"At {escape(text)} ...")
            )
    for remark in remarks:
        console.print(f"{SIGNS['note']} {escape(remark)}")
    for result in results:
        _print_result(console, result)
    passed = sum(result.passed for result in results)
    console.print(
        f"\n{book.lab}: [bold]{passed} of {len(results)}[/] exercises pass all their visible checks."
    )
    if passed < len(results):
        stuck = next(result.exercise for result in results if not result.passed)
        console.print(f'Stuck? In the notebook,  course.hint("{stuck}")  helps.')
        raise typer.Exit(ExitStatus.NOT_GOOD)


def _print_result(console, result):
    wrong = [(name, problem) for name, problem in result.outcomes if problem]
    if result.unwritten:
        console.print(f"[dim]·[/] [bold]{result.exercise}[/]  not written yet")
        return
    count = len(result.outcomes)
    if not wrong:
        console.print(f"{SIGNS['good']} [bold]{result.exercise}[/]  {count} of {count} checks")
        return
    console.print(f"{SIGNS['problem']} [bold]{result.exercise}[/]  {count - len(wrong)} of {count} checks")
    for name, problem in wrong:
        console.print(Padding(f"[red]{escape(name)}[/]: {escape(problem)}", (0, 0, 0, 4)))


class _spoken:
    """Inside this `with` block, errors meant for people are said in one sentence."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, CourseError):
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"[red]course:[/] {escape(str(error))}"
            )
            raise typer.Exit(ExitStatus.NOT_DONE)


if __name__ == "__main__":
    app()

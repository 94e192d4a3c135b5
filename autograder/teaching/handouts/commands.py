"""`autograder slides | guide | pack | readiness`: the commands of whoever prepares a workshop."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.console import console, short_path
from course.machine.quiet import quiet
from course.notebooks.lesson import find_lesson, lessons
from course.terminal import ExitStatus

LabOrAll = Annotated[
    str | None, typer.Argument(help="One lab: 1, attention or lab1_attention; all if left out.")
]

Preset = Annotated[str, typer.Option(help="laptop, gpu, or smoke to try it out (it learns nothing).")]


def register(app, errors_as_sentences):
    """Add the commands to an app.

    Args:
        app: the `typer.Typer` of `autograder`.
        errors_as_sentences: a decorator that turns errors meant for people into one sentence.
    """
    for command in (slides, guide, pack, readiness):
        app.command()(errors_as_sentences(command))


def _lessons(lab):
    return [find_lesson(lab)] if lab else list(lessons().values())


def expect_preset(preset):
    """Raise `CourseError` for what is no preset."""
    from course.errors import CourseError
    from course.machine.presets import PRESETS

    if preset not in PRESETS:
        raise CourseError(f"--preset is one of {', '.join(PRESETS)}, not {preset}.")


def shown_by(lesson, preset, status):
    """What the lesson's experiments show, with the progress of running them on a console's status line."""
    from autograder.teaching.handouts.pictures import pictures

    def progress(name, behind, total):
        left = f", about {total - behind:g} minutes left" if total > behind else ""
        status.update(f"running {lesson.lab} for its pictures: {name}{left}")

    found = pictures(lesson, preset, progress)
    for name, each in found.items():
        if each.failed:
            console.print(
                f"[yellow]{lesson.lab}: experiment {name} failed: {escape(each.failed)}[/]", highlight=False
            )
    return found


def slides(
    lab: LabOrAll = None,
    to: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("slides"),
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Run the lab's cells for the pictures of its experiments.")
    ] = True,
    preset: Preset = "laptop",
):
    """Write each lab's slides: one page with reveal.js inside, for a room without network."""
    expect_preset(preset)
    with console.status("gathering") as status:
        with quiet():
            import keras  # noqa: F401 - what the bank of misconceptions needs, without its greetings

            from autograder.teaching.handouts.slides import write_slides
        for lesson in _lessons(lab):
            shown = shown_by(lesson, preset, status) if run else None
            status.update(f"writing {lesson.lab}")
            path, count = write_slides(lesson, to, shown)
            size = path.stat().st_size / 2**20
            console.print(f"written {short_path(path)}: {count} slides, {size:.1f} MB", highlight=False)
    console.print(
        "Open it in a browser: S for the speaker's view, T for an exercise's clock, Esc for all slides."
    )


def guide(
    lab: LabOrAll = None,
    to: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("guide"),
    counts: Annotated[
        Path | None, typer.Option(help="What a room got wrong: CSV or JSON with exercise, mistake, count.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="html, or md for a documentation site.")] = "html",
):
    """Write the instructor's page of each lab: plan, what to draw, where people get stuck, model answers."""
    from autograder.teaching.handouts.room_counts import read_counts
    from course.errors import CourseError

    if format not in ("html", "md"):
        raise CourseError(f"--format is html or md, not {format}.")
    seen = read_counts(counts) if counts else None
    with console.status("gathering") as status:
        with quiet():
            import keras  # noqa: F401 - what the bank of misconceptions needs, without its greetings

            from autograder.teaching.handouts.guide import write_guide
        for lesson in _lessons(lab):
            status.update(f"writing {lesson.lab}")
            console.print(f"written {short_path(write_guide(lesson, to, seen, format))}", highlight=False)


def pack(
    folder: Annotated[Path, typer.Argument(help="Where to pack: a USB stick, a shared folder.")],
    kind: Annotated[
        str,
        typer.Option("--for", help="linux, linux-arm, macos or windows; machines like this one if left out."),
    ] = "",
    python: Annotated[
        str, typer.Option(help="The participants' Python, such as 3.12; this one's if left out.")
    ] = "",
    data: Annotated[
        bool, typer.Option("--data/--no-data", help="Put in the data sets, ready to use.")
    ] = True,
    extra: Annotated[list[str] | None, typer.Option(help="An extra of the course, such as text.")] = None,
):
    """Pack labs, packages and data into a folder that installs without network."""
    from autograder.console import progress as bar
    from autograder.teaching.handouts.offline_pack import pack as make

    with bar(transient=True) as live:
        task = live.add_task("starting", total=None)
        parts = make(
            folder,
            kind,
            python,
            data,
            tuple(extra or ()),
            lambda text, done, total: live.update(
                task, description=text, completed=done, total=total or None
            ),
        )
    sizes = ", ".join(f"{part} {size / 2**20:,.0f} MB" for part, size in parts.items())
    console.print(
        f"Packed into {short_path(folder)}: {sizes}; {sum(parts.values()) / 2**30:.1f} GB in all.",
        highlight=False,
    )
    console.print("There:  sh install.sh   or on Windows  install.bat", highlight=False)


def readiness(
    answers: Annotated[
        list[Path], typer.Argument(help="Files or folders with what `course doctor --summary` printed.")
    ],
    expected: Annotated[int | None, typer.Option(help="How many people you expect.")] = None,
):
    """Say who is ready for the workshop, and what to do for the others. Exit status 1 if somebody is not."""
    from rich.table import Table

    from autograder.teaching.handouts.readiness_report import common_problems, read_answers

    found, without = read_answers(answers)
    table = Table("", "who", "machine", "what to mend")
    for answer in found:
        machine = ", ".join(str(answer.facts.get(key, "")) for key in ("system", "python"))
        facts = "; ".join(map(str, answer.facts.get("facts", [])[:1]))
        rows = "\n".join(answer.problems) or "nothing"
        table.add_row(
            "[green]✓[/]" if answer.ready else "[red]✗[/]",
            *map(escape, (answer.who, f"{machine}\n{facts}", rows)),
        )
    if found:
        console.print(table)
    ready = sum(answer.ready for answer in found)
    console.print(f"{ready} of {len(found)} are ready.", highlight=False)
    if expected is not None and expected > len(found):
        console.print(f"[yellow]{expected - len(found)} of {expected} have not answered.[/]", highlight=False)
    for path in without:
        console.print(f"[yellow]{short_path(path)} holds no summary; ask for it again.[/]", highlight=False)
    shared = [(problem, count) for problem, count in common_problems(found) if count > 1]
    if shared:
        console.print("\nMost frequent:")
        for problem, count in shared:
            console.print(f"  {count} × {escape(problem)}", highlight=False)
    good = found and ready == len(found) and not without
    raise typer.Exit(ExitStatus.GOOD if good else ExitStatus.NOT_GOOD)

"""Tables and progress for people at a terminal."""

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

console = Console()


def progress(**options):
    """A live bar with elapsed time and an estimate."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left about"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, **options)


def class_table(lesson, graded):
    """One row per submission: marks by exercise, total, and what went wrong in words.

    Args:
        lesson: the `Lesson`.
        graded: `(student, Verdict)` pairs.
    """
    table = Table(
        title=f"{lesson.lab}: {len(graded)} submissions", show_lines=True, title_justify="left", expand=False
    )
    table.add_column("student", style="bold", no_wrap=True)
    for number, cell in enumerate(lesson.exercises.values(), start=1):
        table.add_column(f"{number}\n/{cell.points:g}", justify="right")
    total = sum(cell.points for cell in lesson.exercises.values())
    table.add_column(f"all\n/{total:g}", justify="right", style="bold")
    table.add_column("what went wrong", overflow="fold", ratio=1)
    for student, verdict in graded:
        marks = [_coloured(mark) for mark in verdict.marks] or ["?"] * len(lesson.exercises)
        table.add_row(
            student, *marks, f"{verdict.points:g}" if verdict.marks else "?", what_went_wrong(verdict)
        )
    return table


def legend(lesson):
    """Which number is which exercise."""
    return "  ".join(f"[bold]{number}[/] {name}" for number, name in enumerate(lesson.exercises, start=1))


def _coloured(mark):
    colour = "green" if mark.right else "red" if mark.points == 0 else "yellow"
    return f"[{colour}]{mark.points:g}[/]"


def what_went_wrong(verdict, limit=4):
    """The first sentences a grader wants to read."""
    from rich.markup import escape

    if verdict.regrade:
        return f"[magenta]to be graded again: {escape(verdict.regrade)}[/]"
    missing = [mark.exercise for mark in verdict.marks if mark.problems == ["not written yet"]]
    rows = [f"[cyan]{escape(note)}[/]" for note in verdict.notes]
    if missing and len(missing) == len(verdict.marks):
        rows.append("nothing written yet")
    elif missing:
        rows.append(f"not written yet: {', '.join(missing)}")
    for mark in verdict.marks:
        if not mark.right and mark.exercise not in missing:
            sign = "[bold]=[/] " if mark.diagnosis else ""
            rows.append(f"{escape(mark.exercise)}: {sign}{escape(mark.problems[0])}")
    if len(rows) > limit:
        rows = rows[:limit] + [f"[dim]... and {len(rows) - limit} more, see the feedback page[/]"]
    return "\n".join(rows)


def gates_table(lesson, rows):
    """One row per exercise; see `autograder.gates`."""
    table = Table(
        title=f"{lesson.lab}: gates",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("exercise", no_wrap=True)
    for head in (
        "refer-\nence",
        "un-\ntouched",
        "wrong:\nchecks",
        "wrong:\nprobes",
        "wrong:\nnamed",
        "right",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", justify="center")
    for row in rows:
        table.add_row(row.exercise, *_gates_cells([row]))
    table.add_section()
    table.add_row(f"all {len(rows)}", *_gates_cells(rows), style="bold")
    return table


def _gates_cells(rows):
    def total(name):
        return f"{sum(getattr(row, name) for row in rows):g}"

    yield f"{total('reference')}/{total('points')}"
    yield total("untouched")
    for name in ("visible", "hidden", "named"):
        yield f"{total(name)}/{total('misconceptions')}"
    yield f"{total('accepted')}/{total('alternatives')}"
    yield "[red]✗[/]" if any(row.faults for row in rows) else "[green]✓[/]"

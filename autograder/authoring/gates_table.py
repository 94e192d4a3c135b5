"""The table that `autograder gates` prints."""

from collections.abc import Iterable, Iterator

from rich import box
from rich.table import Table

from autograder.authoring.corners import in_words
from autograder.judge.probe import PROBES
from autograder.judge.view_marks import reasons


def gates_table(lesson, rows):
    """One row per exercise; see `autograder.authoring.gates`."""
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


def what_was_drawn(rows: Iterable) -> Iterator[str]:
    """Lines that say which classes of values the probes drew for each argument."""
    for row in rows:
        if row.drawn:
            yield f"{row.exercise}: drawn: {in_words(row.drawn)}"


def not_looked_at(rows: Iterable) -> Iterator[str]:
    """Lines that say which views authors switched off, and why."""
    for row in rows:
        probes = PROBES.get(row.exercise, ())
        found = {pair: [] for probe in probes for pair in reasons(probe).items()}
        for probe in probes:
            for pair in reasons(probe).items():
                found[pair].append(probe.description)
            if probe.finite_slopes:
                found.setdefault(("slopes, but that they are finite", probe.finite_slopes), []).append(
                    probe.description
                )
        for (view, reason), descriptions in found.items():
            where = "" if len(descriptions) == len(probes) else f", {', '.join(descriptions)}"
            yield f"{row.exercise}{where}: not looked at: {view} ({reason})"

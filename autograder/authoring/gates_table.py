"""The table that `autograder gates` prints."""

from rich import box
from rich.table import Table


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

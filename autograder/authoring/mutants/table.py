"""What `autograder gates --mutants` prints."""

from rich import box
from rich.markup import escape
from rich.table import Table

from autograder.authoring.mutants.survey import CHECKS_GOAL, JUDGE_GOAL


def print_tallies(console, lesson, tallies, sample=None):
    """A table, then the survivors with their change; True if both goals are reached."""
    title = f"{lesson.lab}: mutants" + (f", at most {sample} of each exercise" if sample else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("exercise", no_wrap=True)
    for head in ("made", "equi-\nvalent", "lose\nmarks", "", "fail a\ncheck", ""):
        table.add_column(head, justify="right", no_wrap=True)
    for tally in tallies:
        table.add_row(tally.exercise, *_cells([tally]))
    table.add_section()
    table.add_row(f"all {len(tallies)}", *_cells(tallies), style="bold")
    console.print(table)
    for name, heading in (("unjudged", "keep full marks"), ("unseen", "pass all visible checks")):
        rows = [mutant for tally in tallies for mutant in getattr(tally, name)]
        if rows:
            console.print(f"[bold]{len(rows)} {heading}:[/]", highlight=False)
        for mutant in rows:
            line = f"  {mutant.exercise}, {mutant.kind}: {mutant.change}"
            console.print(escape(line), highlight=False, soft_wrap=True)
    wrong = sum(tally.wrong for tally in tallies) or 1
    return (
        sum(tally.judged for tally in tallies) >= JUDGE_GOAL * wrong
        and sum(tally.seen for tally in tallies) >= CHECKS_GOAL * wrong
    )


def _cells(tallies):
    made, equivalent, wrong, judged, seen = (
        sum(getattr(tally, name) for tally in tallies)
        for name in ("made", "equivalent", "wrong", "judged", "seen")
    )
    yield from (str(made), str(equivalent))
    for caught in (judged, seen):
        yield from (str(caught), f"{caught / wrong:.1%}" if wrong else "")

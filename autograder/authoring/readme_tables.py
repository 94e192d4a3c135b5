"""The tables in README.md that follow from the lessons and their banks. `autograder build` writes them."""

import re
from pathlib import Path

from autograder.hidden import entries
from autograder.judge.atomic_write import write_whole
from autograder.paths import ROOT
from course.notebooks.lesson import Lesson, lessons


def labs_table() -> str:
    """A row for each lab: what a learner builds, and how long it takes."""
    rows = ["| lab | you build | time |", "|---|---|---|"]
    for lesson in lessons().values():
        link = f"[{lesson.number} {lesson.title}](labs/{lesson.lab}/{lesson.name}.ipynb)"
        rows.append(f"| {link} | {lesson.builds} | {_time(lesson.minutes)} |")
    return "\n".join(rows)


def trust_table() -> str:
    """A row for each lab: how many wrong and right answers its gates try. That all of them pass is what the gates prove."""
    rows = [
        "| lab | misconceptions that cost points and are named | alternatives accepted |",
        "|---|---|---|",
    ]
    for lesson in lessons().values():
        wrong, right = (_count(lesson, bank) for bank in (entries.misconceptions, entries.alternatives))
        rows.append(f"| {lesson.number} {lesson.title} | {wrong} of {wrong} | {right} of {right} |")
    return "\n".join(rows)


TABLES = {"labs": labs_table, "gates": trust_table}


def with_tables(text: str) -> str:
    """A README with its tables as they should be: between `<!-- NAME -->` and `<!-- end of NAME -->`.

    Raises:
        ValueError: if a table's place is missing.
    """
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text, found = re.subn(f"(?s){begin}.*?{end}", lambda _: f"{begin}\n{table()}\n{end}", text)  # noqa: B023
        if found != 1:
            raise ValueError(f"README.md has {found} places for the table {name!r}: {begin} ... {end}")
    return text


def write_tables(path: Path = ROOT / "README.md") -> bool:
    """Write the tables anew; whether anything changed."""
    before = path.read_text(encoding="utf-8")
    after = with_tables(before)
    if after != before:
        write_whole(path, after)
    return after != before


def _count(lesson: Lesson, bank) -> int:
    return sum(len(bank(lesson.name, exercise)) for exercise in lesson.exercises)


def _time(minutes: float) -> str:
    return f"{minutes / 60:g} h" if minutes > 90 else f"{minutes:g} min"

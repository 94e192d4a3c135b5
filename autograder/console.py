"""Tables and progress for people at a terminal."""

import os

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


def short_path(path):
    """A path as short as it can be typed from here: relative below this folder, absolute elsewhere."""
    try:
        short = os.path.relpath(path)
    except ValueError:  # another drive
        return os.path.abspath(path)
    return os.path.abspath(path) if short.split(os.sep)[0] == os.pardir else short

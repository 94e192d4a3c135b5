"""Tables and progress for people at a terminal."""

import contextlib
import os
import time

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


@contextlib.contextmanager
def steps():
    """Say what is being done: in place on a terminal, line by line with the seconds so far into a file or pipe.

    Yields:
        A function that takes the next step's words.
    """
    started = time.monotonic()
    if console.is_terminal:
        with console.status("starting") as status:
            yield lambda text: status.update(f"{text} ({time.monotonic() - started:.0f} s)")
    else:
        yield lambda text: print(f"[{time.monotonic() - started:4.0f} s] {text}", flush=True)


def short_path(path):
    """A path as short as it can be typed from here: relative below this folder, absolute elsewhere."""
    try:
        short = os.path.relpath(path)
    except ValueError:  # another drive
        return os.path.abspath(path)
    return os.path.abspath(path) if short.split(os.sep)[0] == os.pardir else short

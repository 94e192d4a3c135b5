"""Tables and progress for people at a terminal, and the same facts as JSON for programs."""

import contextlib
import json
import os
import sys
import time

from rich.console import Console, ConsoleDimensions
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PIPED = 100_000  # columns: lines that go into a file or another program are not wrapped


class PeoplesConsole(Console):
    """A console that breaks lines for people alone: in a terminal, or where `COLUMNS` asks for it."""

    @property
    def size(self):
        """Columns and lines, in characters."""
        if self.is_terminal or self._width is not None or "COLUMNS" in os.environ:
            return super().size
        return ConsoleDimensions(PIPED, 25)

    @size.setter
    def size(self, size):
        self._width, self._height = size


console = PeoplesConsole()


def print_error(text, program="autograder"):
    """An error in one sentence on stderr, as the learner's `course` says it."""
    from rich.markup import escape

    errors = PeoplesConsole(stderr=True, highlight=False, soft_wrap=True)
    errors.print(f"[red]{program}:[/] {escape(text)}")


def as_sentence(error):
    """What an error says to a person: also those of the operating system, without their numbers."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename} is not there"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


@contextlib.contextmanager
def answer(as_json):
    """A dictionary to be filled with what a command found; as JSON it is all that is printed on stdout.

    What people read goes to stderr meanwhile. An error is in it, too, under `"error"`.
    """
    facts = {}
    if not as_json:
        yield facts
        return
    before, console.stderr = console.stderr, True
    try:
        yield facts
    except Exception as error:
        if type(error).__name__ != "Exit":  # typer's, which is no error
            facts["error"] = as_sentence(error)
        raise
    finally:
        console.stderr = before
        sys.stdout.write(json.dumps(facts, indent=1, default=str) + "\n")


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
        yield lambda text: print(
            f"[{time.monotonic() - started:4.0f} s] {text}", file=console.file, flush=True
        )


@contextlib.contextmanager
def count_progress(text):
    """Gives `report(_, done, of)`: a live bar at a terminal; piped, a line now and then, with an estimate."""
    if console.is_terminal:
        with progress() as bar:
            task = bar.add_task(text, total=None)
            yield lambda _, done, of: bar.update(task, completed=done, total=of)
        return
    start = latest = time.monotonic()

    def report(_, done, of):
        nonlocal latest
        now = time.monotonic()
        if now - latest >= 15 or done == of:
            latest = now
            left = (now - start) / done * (of - done)
            console.print(f"{text} {done} of {of}, left about {left / 60:.0f} min", highlight=False)

    console.print(f"{text}: starting", highlight=False)
    yield report


def short_path(path):
    """A path as short as it can be typed from here: relative below this folder, absolute elsewhere."""
    try:
        short = os.path.relpath(path)
    except ValueError:  # another drive
        return os.path.abspath(path)
    return os.path.abspath(path) if short.split(os.sep)[0] == os.pardir else short

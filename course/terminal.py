"""What both command lines, `course` and `autograder`, do alike at a terminal."""

import importlib.metadata
import sys
from enum import IntEnum


class ExitStatus(IntEnum):
    """With what both commands end, as `grep` and `pytest` do; 130 is Ctrl-C, and 2 is what Typer has for a wrong word."""

    GOOD = 0  # done, and all is well
    NOT_GOOD = 1  # done, and something is not: a check fails, a submission is left
    NOT_DONE = 2  # it could not be done; a sentence says why


def printable_streams():
    """Let every text be printed: a console with another code page gets a ? for a letter it does not have."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def printable(text: str) -> str:
    """A text with a ? for each letter that stdout cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, "replace").decode(encoding)
    except LookupError:  # a stream of somebody's own
        return text


def installed_version() -> str:
    """The version of the course, which both come with."""
    try:
        return importlib.metadata.version("transformer-labs")
    except importlib.metadata.PackageNotFoundError:  # a checkout that was never installed
        return "unknown"


def complete_lab(incomplete: str) -> list[str]:
    """Names of labs that begin like this, for the shell."""
    from course.notebooks.lesson import lessons

    names = [name for lesson in lessons().values() for name in (lesson.name, lesson.lab)]
    return [name for name in names if name.startswith(incomplete)]

"""Puts a submitted notebook back into the released one's frame: deleted, doubled, moved and edited cells, broken files.

What the learner wrote is kept, to the letter, wherever it stands. A cell is found by its id, then by its nbgrader name,
then by what it defines or holds. What was locked comes from the release. A submission that cannot be read at all becomes
the untouched notebook, and is left to a person.
"""

import copy
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.judge.assignment import CodeReader
from autograder.judge.errors import JudgeError
from autograder.judge.note import Note, NoteKind
from autograder.judge.notebook_frame import MISSING, Frame, key_of

MAX_BYTES = 64 << 20  # of a file


@dataclass
class Repaired:
    """A notebook in the release's frame.

    Attributes:
        notes: what had to be done to it, as `Note`s.
        undecided: why no mark can be given before a person has looked; empty for nearly all.
    """

    notebook: nbformat.NotebookNode
    notes: list[Note]
    undecided: str = ""


def repair(release: NotebookNode, text: str | bytes, reader: CodeReader) -> Repaired:
    """Repair a submission.

    Args:
        release: the released notebook.
        text: the submitted file's content, `str` or `bytes`.
        reader: reads the file and its cells; an assignment's.

    Returns:
        A `Repaired`. Never raises for what a submission may hold.

    Raises:
        JudgeError: if the release is no notebook of ours.
    """
    if not all(map(key_of, release.cells)):
        raise JudgeError(
            "the released notebook was not made by `autograder build`: nothing was run of what came in"
        )
    content = reader.read_file(text)
    frame = Frame(release, reader)
    known, extras = frame.sort(content.cells)
    cells = []
    for template in release.cells:
        key = key_of(template)
        cells += [*frame.restore(template, known.get(key, [])), *extras.get(key, [])]
    notebook = copy.deepcopy(release)
    notebook.cells = frame.settle(extras.get(None, []) + cells)
    damage = [Note(text, NoteKind.DAMAGED) for text in content.notes]
    return Repaired(notebook, [*damage, *frame.notes()], _undecided(content, frame))


def _undecided(content, frame):
    """Why a file says too little of what its author wrote for any mark, be it 0; empty if it says enough."""
    if content.unreadable:
        return "the file cannot be read as a notebook: ask for a new copy"
    lost = frame.done.get(("answer", MISSING), [])
    if content.damaged and lost:
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        return f"the file is damaged, and nothing of {shown} can be read in it: ask for a new copy"
    return ""


def read_submission(path: str | Path) -> bytes:
    """A submitted file's content; nothing for a link, which could show any file of the grader's, or a giant.

    Raises:
        OSError: if it is not there, or cannot be read: no fault of the learner's.
    """
    if not hasattr(os, "O_NOFOLLOW"):  # Windows
        return Path(path).read_bytes() if _ordinary(os.lstat(path)) else b""
    try:
        # What was looked at is what is read, even if somebody puts another file there in between.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        if _ordinary(os.lstat(path)):
            raise
        return b""
    try:
        with os.fdopen(os.dup(file), "rb") if _ordinary(os.fstat(file)) else io.BytesIO() as opened:
            return opened.read(MAX_BYTES)
    finally:
        os.close(file)


def _ordinary(found):
    return stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES

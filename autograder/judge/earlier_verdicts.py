"""Reads verdicts that earlier versions wrote, whose notes and marks were sentences alone.

Course folders that people have are full of them. The sentences here are those of that time and change no more.
"""

import re

from autograder.judge.note import Note, NoteKind
from autograder.judge.outcome import Status

_NOTES = (
    (NoteKind.RENAMED, re.compile(r"^taken although it is called")),
    (NoteKind.TAMPERING, re.compile(r"put back because changed")),
    (NoteKind.UNUSUAL, re.compile(r"^worth a look")),
    (NoteKind.CONTAINED, re.compile(r"^contained, not protected")),
    (
        NoteKind.DAMAGED,
        re.compile(
            r"file was damaged|marks of a git conflict|file is a Python script|could not be read as a notebook"
            r"|the first \d+ were read"
        ),
    ),
    (NoteKind.STOPPED, re.compile(r"was left out: |ended the process|its process |its code ")),
)
_HUNG = re.compile(r"endless loop\?|ended the process|waited without computing|(^|: )its process ")


def note_of(sentence: str) -> Note:
    """A note with the kind that its sentence tells."""
    kinds = (kind for kind, pattern in _NOTES if pattern.search(sentence))
    return Note(sentence, next(kinds, NoteKind.REPAIRED))


def status_of(problems: list[str]) -> Status:
    """What an exercise came to, from its sentences."""
    if problems == ["not written yet"]:
        return Status.UNWRITTEN
    if any(problem.startswith("this exercise builds what ") for problem in problems):
        return Status.FORBIDDEN
    if any(_HUNG.search(problem) for problem in problems):
        return Status.UNANSWERED
    return Status.ANSWERED

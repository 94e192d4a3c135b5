"""Puts a submitted notebook back into the released one's frame: deleted, doubled and edited cells, broken JSON.

What the learner wrote in the places meant for writing is kept, to the letter. What was locked comes from the
release. A submission that cannot be read at all becomes the untouched notebook with a note that says so.
"""

import copy
import io
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.judge.errors import JudgeError

MAX_BYTES = 64 << 20  # of a file
MAX_CELLS = 2000
MAX_SOURCE = 200_000  # characters of one cell
WRITABLE = ("answer", "question", "free", "experiment", "prose", "colab")


@dataclass
class Repaired:
    """A notebook in the release's frame, and what had to be done to it, as sentences."""

    notebook: nbformat.NotebookNode
    notes: list


def repair(release, text):
    """Repair a submission.

    Args:
        release: the released notebook.
        text: the submitted file's content, `str` or `bytes`.

    Returns:
        A `Repaired`. Never raises for what a submission may hold.

    Raises:
        JudgeError: if the release is no notebook of ours.
    """
    if not all(map(_key, release.cells)):
        raise JudgeError(
            "the released notebook was not made by `autograder build`: nothing was run of what came in"
        )
    notes, done = [], {}
    submitted = _cells(text, notes)
    known, extras = _sort(release, submitted)
    cells = []
    for template in release.cells:
        key = _key(template)
        cells += [*_restore(template, known.get(key, []), done), *extras.get(key, [])]
    for (role, what), names in done.items():
        notes.append(f"{role} cell{'s' if len(names) > 1 else ''} {what}: {', '.join(names)}")
    notebook = copy.deepcopy(release)
    notebook.cells = extras.get(None, []) + cells
    return Repaired(notebook, notes)


def read_submission(path):
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


def _key(cell):
    """What identifies a cell of the release: its role and name."""
    course = cell.metadata.get("course")
    return (
        (course["role"], course["name"])
        if isinstance(course, dict) and course.keys() >= {"role", "name"}
        else None
    )


def _sort(release, submitted):
    """Which submitted cells stand for which of the release's, and which are the learner's own, after which."""
    by_grade_id = {
        cell.metadata.nbgrader.grade_id: _key(cell) for cell in release.cells if "nbgrader" in cell.metadata
    }
    by_id = {cell.id: _key(cell) for cell in release.cells}
    keys = set(by_id.values())
    known, extras, last = {}, {}, None
    for cell in submitted:
        nbgrader = cell.metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        key = by_grade_id.get(grade_id) if isinstance(grade_id, str) else None
        key = key or (_key(cell) if _hashable(_key(cell)) in keys else None) or by_id.get(cell.get("id"))
        if key is None:
            extras.setdefault(last, []).append(_own(cell, len(extras), sum(map(len, extras.values()))))
        else:
            known.setdefault(key, []).append(cell)
            last = key
    return known, extras


def _hashable(key):
    return key if key and all(isinstance(part, str) for part in key) else None


def _own(cell, *numbers):
    """A learner's own cell, without metadata that could claim to be more."""
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    return make(cell.source, id="own-" + "-".join(map(str, numbers)))


def _restore(template, candidates, done):
    """The cell in the release's frame; before it, what else was written in doubles of it."""
    role, name = _key(template)

    def note(what):
        done.setdefault((role, what), []).append(name)

    cell = copy.deepcopy(template)
    if role not in WRITABLE:
        if not candidates:
            note("put back because missing")
        elif any(found.source.strip() != template.source.strip() for found in candidates):
            note("put back because changed")
        return [cell]
    if not candidates:
        if role in ("answer", "question"):
            note("put back, empty, because missing")
        return [cell]
    written = [
        found for found in candidates if found.source.strip() != template.source.strip()
    ] or candidates[-1:]
    cell.source = written[-1].source
    if role == "answer" and len(candidates) > 1:
        # A cell that was split holds the answer in parts; a copied one is overridden by the last.
        note("found more than once; all of them run, the last one counts")
        return [*(_own(found, "before", name, number) for number, found in enumerate(written[:-1])), cell]
    return [cell]


def _cells(text, notes):
    """The submission's cells, as many as can be read."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    try:
        content = json.loads(text)
        cells = (
            content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        )  # before nbformat 4
        if not isinstance(cells, list):
            raise TypeError("cells are no list")
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        cells = _salvage(text)
        if cells:
            notes.append(f"the file was damaged; {len(cells)} cells could still be read")
        else:
            notes.append(
                "the file could not be read as a notebook, so nothing in it could be graded: ask for a new copy"
            )
    if len(cells) > MAX_CELLS:
        notes.append(f"of {len(cells)} cells the first {MAX_CELLS} were read")
    return [cell for cell in map(_cell, cells[:MAX_CELLS]) if cell is not None]


def _cell(raw):
    """One cell with only what is needed, `None` if it is none."""
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return None
    metadata = raw.get("metadata")
    cell = {
        "cell_type": "code" if raw.get("cell_type") == "code" else "markdown",
        "source": source.replace("\x00", "").encode("utf-8", "replace").decode(),  # no lone surrogates
        "metadata": metadata if isinstance(metadata, dict) else {},
        "id": raw.get("id") if isinstance(raw.get("id"), str) else "",
    }
    return nbformat.from_dict(cell)


def _salvage(text):
    """Whole cells from the front of a broken file, such as one that was cut off."""
    start = text.find('"cells"')
    start = text.find("[", start) + 1 if start >= 0 else 0
    cells, decoder = [], json.JSONDecoder()
    while start > 0:
        start = text.find("{", start)
        try:
            cell, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        cells.append(cell)
        if text[start : start + 20].lstrip()[:1] != ",":
            break
    return cells

"""Reads a notebook's file, whatever editors, mail and version control have made of it: as many cells as can be read.

`course check` and the grader read through `read_file`, so they see the same cells. Nothing is run, and nothing raises.
"""

import difflib
import json
import re
from dataclasses import dataclass, field

from course.notebooks.cell_source import parse

MAX_CELLS = 2000
MAX_SOURCE = 200_000  # characters of one cell
MAX_TRIES = 500  # places in a broken file at which a cell is looked for

_CELL_START = re.compile(
    r'\{\s*"(?:cell_type|id|metadata|source|execution_count|outputs|attachments|input|language)"'
)
_MARK = re.compile(r"[ \t]*(<{7}|\|{7}|={7}|>{7})(?: .*?)?(,?)[ \t]*")
_OTHER = ("other side",)  # our own note on a cell, under a key that JSON cannot write
_SCRIPT_CELL = re.compile(r"(?m)^# (?:%%|In\[[ \d]*\]:?).*$")


@dataclass(frozen=True)
class FileCell:
    """One cell as the file has it: `kind` is `"code"`, `"markdown"` or `"raw"`.

    Attributes:
        other_side: whether it stands on the second side of a git conflict, and differs from the first.
    """

    kind: str
    source: str
    metadata: dict = field(default_factory=dict)
    id: str = ""
    other_side: bool = False


@dataclass(frozen=True)
class FileContent:
    """What could be read.

    Attributes:
        cells: in their order; of a git conflict, the second side's come behind those of the first.
        metadata: the notebook's.
        notes: sentences about what had to be done.
        unreadable: whether this is no notebook at all, so that nothing can be said of what its author wrote.
        damaged: whether parts of the file are lost.
    """

    cells: tuple[FileCell, ...]
    metadata: dict
    notes: tuple[str, ...] = ()
    unreadable: bool = False
    damaged: bool = False


def read_file(content):
    """Read a notebook's file.

    Args:
        content: all of it, `bytes` or `str`. UTF-8, UTF-16 and UTF-32 are told apart, with or without a mark.

    Returns:
        A `FileContent`; without cells if there are none to be read.
    """
    text = content if isinstance(content, str) else _decode(content)
    notes = []
    raw, metadata = _whole(text)
    if raw is None:
        raw, metadata = _both_sides(text)
        if raw is not None:
            notes.append(
                "the file holds marks of a git conflict; where its two sides differ, the first one is read (`HEAD`, what "
                "its author had), unless nothing is written there"
            )
    sound = raw is not None
    if not sound:
        raw, metadata = _salvage(text), {}
        if raw:
            notes.append(f"the file was damaged; {len(raw)} cells could still be read")
    if not raw and (script := _script(text)):
        raw, sound = script, True
        notes.append("the file is a Python script and no notebook; its code was read as cells")
    if not raw and sound:
        notes.append("the notebook has no cells")
    elif not raw:
        notes.append("the file could not be read as a notebook: ask for a new copy")
    if len(raw) > MAX_CELLS:
        notes.append(f"of {len(raw)} cells the first {MAX_CELLS} were read")
    cells = tuple(cell for one in raw[:MAX_CELLS] for cell in _cells(one))
    return FileContent(cells, metadata, tuple(notes), not (raw or sound), not sound)


def _decode(content):
    try:
        return content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        pass
    if b"\x00" in content[:100]:
        return content.decode(json.detect_encoding(content), errors="replace").removeprefix("\ufeff")
    try:
        return content.decode("cp1252")  # what an older editor on Windows writes
    except UnicodeDecodeError:
        return content.decode("utf-8-sig", errors="replace")


def _whole(text):
    """`(cells, metadata)` of a sound file, `(None, {})` of another."""
    try:
        content = json.loads(text.removeprefix("\ufeff"))
        if "cells" in content:
            cells = content["cells"]
        else:  # before nbformat 4
            cells = [cell for sheet in content["worksheets"] for cell in sheet["cells"]]
        if not isinstance(cells, list):
            raise TypeError("cells are no list")
        metadata = content.get("metadata")
        return cells, metadata if isinstance(metadata, dict) else {}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None, {}


def _side(text, side, comma=False):
    """Text with git's conflict marks as one of its sides has it; the text itself if it has none.

    Args:
        side: `"<<<<<<<"` for the first, `"======="` for the second.
        comma: whether a comma behind the closing mark, as a tool leaves it that reformats a file, is kept.
    """
    if not ("<<<<<<<" in text and "=======" in text and ">>>>>>>" in text):
        return text
    kept, inside = [], ""
    for line in text.split("\n"):
        found = _MARK.fullmatch(line)
        if found is None or (not inside and found[1] != "<<<<<<<"):
            if inside in ("", side):
                kept.append(line)
        elif found[1] == ">>>>>>>":
            inside = ""
            kept += [","] if found[2] and comma else []
        else:
            inside = found[1]
    return "\n".join(kept)


def _both_sides(text):
    """As `_whole`, of a file with git's conflict marks: cells that differ come twice, those of the first side first."""
    sides = []
    for side in ("<<<<<<<", "======="):
        for comma in (True, False):
            chosen = _side(text, side, comma)
            cells, metadata = _whole(chosen) if chosen != text else (None, {})
            if cells is not None:
                sides.append((cells, metadata))
                break
    if not sides:
        return None, {}
    (ours, metadata), (theirs, _) = sides[0], sides[-1]
    keys = [[json.dumps(_bare(cell), sort_keys=True) for cell in side[:MAX_CELLS]] for side in (ours, theirs)]
    merged = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        other = [{**cell, _OTHER: True} for cell in theirs[c:d] if isinstance(cell, dict)]
        merged += ours[a:b] if kind == "equal" else [*ours[a:b], *other]
    return merged, metadata


def _bare(cell):
    return [cell.get("cell_type"), cell.get("source")] if isinstance(cell, dict) else cell


def _salvage(text):
    """Whole cells of a broken file, such as one that was cut off, or that has rubbish between its cells."""
    start = text.find('"cells"')
    cells, decoder, tries = [], json.JSONDecoder(), 0
    while start >= 0 and tries < MAX_TRIES and len(cells) <= MAX_CELLS:
        found = _CELL_START.search(text, start)
        if found is None:
            break
        try:
            cell, start = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            start, tries = found.start() + 1, tries + 1
        else:
            if {"source", "input"} & cell.keys():
                cells.append(cell)
    return cells


def _script(text):
    """The cells of a notebook that was saved as a Python script."""
    tree = parse(text) if len(text) <= MAX_SOURCE else None
    if tree is None or not any(hasattr(statement, "body") for statement in tree.body):
        return []
    parts = [part.strip("\n") for part in _SCRIPT_CELL.split(text)]
    return [{"cell_type": "code", "source": part} for part in parts if part.strip()]


def _cells(raw):
    """One cell with only what is needed; two if a merge left its marks inside of it, none if it is none."""
    if not isinstance(raw, dict):
        return
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return
    source = source.replace("\x00", "").encode("utf-8", "replace").decode()  # no lone surrogates
    kind = raw.get("cell_type")
    metadata = raw.get("metadata")
    about = (
        metadata if isinstance(metadata, dict) else {},
        raw.get("id") if isinstance(raw.get("id"), str) else "",
    )
    if kind == "code":
        ours, theirs = _side(source, "<<<<<<<"), _side(source, "=======")
        yield FileCell(kind, ours, *about, raw.get(_OTHER) is True)
        if ours != theirs:
            yield FileCell(kind, theirs, *about, other_side=True)
    else:
        yield FileCell(kind if kind == "raw" else "markdown", source, *about)

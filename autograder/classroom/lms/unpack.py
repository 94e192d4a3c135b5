"""Reads a downloaded folder or zip, whatever is in it: nothing is written, nothing unbounded is held.

An archive comes from people who may not wish us well. Its paths are only ever read, as names; what it claims about
sizes is not believed; links are not followed.
"""

import io
import os
import re
import stat
import zipfile
import zlib
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.judge.notebook_repair import MAX_BYTES, read_submission

MAX_FILES = 20_000
MAX_TOTAL = 4 << 30  # bytes unpacked
MAX_INNER = (2_000, 256 << 20)  # the same, of one learner's zip
LONGEST_PATH = 1000
DEPTH = 2  # a zip in the zip: Moodle's and Canvas's hold what learners packed
IGNORED = re.compile(r"(^|/)(__MACOSX/|\.ipynb_checkpoints/|\.DS_Store$|\._|Thumbs\.db$)")


def unpack(source):
    """Every file of a download.

    Args:
        source: a folder, a zip, or one notebook.

    Yields:
        `(path, content, problem)`: the path inside the download, with `/`; `problem` is a sentence, and the content
        empty, for what cannot be taken. Files that are no notebook come without content.

    Raises:
        GradeError: if there is no such download, it is no zip, or holds more than any class hands in.
    """
    budget = [MAX_FILES, MAX_TOTAL]
    if source.is_dir():
        yield from _folder(source, budget)
    elif not source.exists():
        raise GradeError(f"{source} is not there")
    elif source.suffix.lower() == ".zip" or zipfile.is_zipfile(source):
        try:
            with source.open("rb") as file:
                yield from _archive(file, "", 1, budget)
        except _Broken as error:
            raise GradeError(f"{source} cannot be read as a zip ({error}): download it again") from None
    else:
        raise GradeError(f"{source} is neither a folder nor a zip")


class _Broken(Exception):
    """An archive that cannot be opened."""


def _folder(source, budget):
    for place, folders, files in os.walk(source):
        folders.sort()
        for name in list(folders):
            if Path(place, name).is_symlink():
                folders.remove(name)
                yield Path(place, name).relative_to(source).as_posix(), b"", "a link is not followed"
        for name in sorted(files):
            path = Path(place, name)
            inside = path.relative_to(source).as_posix()
            if IGNORED.search(inside):
                continue
            _spend(budget, 1, 0)
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                yield inside, b"", "a link is not followed"
            elif not stat.S_ISREG(found.st_mode):
                yield inside, b"", "it is no ordinary file"
            elif found.st_size > MAX_BYTES and _wanted(inside):
                yield inside, b"", _too_large()
            elif inside.lower().endswith(".zip"):
                with path.open("rb") as file:
                    yield from _inner(file, inside, 1, budget)
            else:
                content = read_submission(path) if _wanted(inside) else b""
                _spend(budget, 0, len(content))
                yield inside, content, ""


def _archive(file, before, depth, budget):
    try:
        archive = zipfile.ZipFile(file)
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise _Broken(error) from None
    for entry in entries:
        path = f"{before}{entry.filename}"
        if entry.is_dir() or IGNORED.search(path):
            continue
        _spend(budget, 1, 0)
        problem = _unfit(entry)
        if problem:
            yield path[:LONGEST_PATH], b"", problem
        elif not _wanted(path):
            yield path, b"", ""
        else:
            content = _read(archive, entry)
            if isinstance(content, str):
                yield path, b"", content
                continue
            _spend(budget, 0, len(content))
            if path.lower().endswith(".zip"):
                yield from _inner(io.BytesIO(content), path, depth, budget)
            else:
                yield path, content, ""


def _inner(file, path, depth, budget):
    own = list(MAX_INNER)
    if depth >= DEPTH:
        yield path, b"", "it is a zip in a zip in a zip: unpack it yourself if it is worth it"
        return
    try:
        for found in _archive(file, f"{path}/", depth + 1, own):
            _spend(budget, 1, len(found[1]))
            yield found
    except _Broken as error:
        yield path, b"", f"it cannot be read as a zip ({error})"
    except GradeError:
        if min(budget) < 0:
            raise
        yield (
            path,
            b"",
            f"it holds more than {MAX_INNER[0]} files or {MAX_INNER[1] >> 20} MB: the rest of it is not read",
        )


def _unfit(entry):
    name = entry.filename
    if len(name) > LONGEST_PATH:
        return "its name is absurdly long"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        return "its path leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link is not followed"
    if entry.flag_bits & 0x1:
        return "it is locked with a password"
    return ""


def _read(archive, entry):
    """The content, or a sentence on why there is none. Reads no more than may be, whatever the archive claims."""
    try:
        with archive.open(entry) as file:
            content = file.read(MAX_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        return f"it is damaged ({error})"
    return _too_large() if len(content) > MAX_BYTES else content


def _wanted(path):
    return path.lower().endswith((".ipynb", ".zip"))


def _too_large():
    return f"it is larger than {MAX_BYTES >> 20} MB, which no notebook of a lab is"


def _spend(budget, files, size):
    budget[0] -= files
    budget[1] -= size
    if min(budget) < 0:
        raise GradeError(
            f"the download holds more than {MAX_FILES} files or {MAX_TOTAL >> 30} GB, which no class hands in: "
            "look at what is in it"
        )

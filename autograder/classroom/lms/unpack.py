"""Reads a downloaded folder or zip, whatever is in it: nothing is written, nothing unbounded is held.

An archive comes from people who may not wish us well. Its paths are only ever read, as names; what it claims about
sizes is not believed; links are not followed.
"""

import codecs
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.sources import NOTES
from autograder.judge.notebook_repair import MAX_BYTES, read_submission

MAX_FILES = 20_000
MAX_TOTAL = 4 << 30  # bytes unpacked
MAX_INNER = (2_000, 256 << 20)  # the same, of one learner's zip
LONGEST_PATH = 1000
LINK = "a link is not followed"
UTF8 = 0x800  # the flag by which an entry says that its name is in UTF-8
DEPTH = 2  # a zip in the zip: Moodle's and Canvas's hold what learners packed
IGNORED = re.compile(r"(^|/)(__MACOSX/|\.ipynb_checkpoints/|\.DS_Store$|\._|Thumbs\.db$)")


class Unpacker:
    """Reads downloads.

    Args:
        encoding: code page of names in zips that do not say; found by itself where it can be.

    Attributes:
        guessed: names that had to be read in a code page that nothing vouches for.
    """

    def __init__(self, encoding=None):
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise GradeError(
                    f"there is no encoding {encoding!r}: cp850, cp1252, cp932 and gbk are some"
                ) from None
        self.encoding, self.guessed = encoding, []

    def name(self, raw):
        """A file's name from its bytes."""
        text, sure = decoded(raw, self.encoding)
        if not sure:
            self.guessed.append(text)
        return text


def decoded(raw, encoding=None):
    """`(name, whether that is certain)`: UTF-8 where it can be, which no other text looks like by accident.

    Otherwise the code page of old zips, cp437, or cp850 where that gives letters and cp437 does not.
    """
    for name in ("utf-8", encoding):
        if name is not None:
            try:
                return raw.decode(name), True
            except UnicodeDecodeError:
                continue
    for name in ("cp437", "cp850"):
        text = raw.decode(name)
        if all(letter.isalnum() or letter.isascii() for letter in text):
            return text, False
    return raw.decode("cp437"), False


def unpack(source, unpacker=None):
    """Every file of a download.

    Args:
        source: a folder, a zip, or one notebook.
        unpacker: an `Unpacker`, which decodes the names in zips.

    Yields:
        `(path, content, problem)`: the path inside the download, with `/`; `problem` is a sentence, and the content
        empty, for what cannot be taken. Files that are no notebook come without content, but for those
        that say who is who (`autograder.classroom.lms.sources.NOTES`).

    Raises:
        GradeError: if there is no such download, it is no zip, or holds more than any class hands in.
    """
    budget, unpacker = [MAX_FILES, MAX_TOTAL], unpacker or Unpacker()
    if source.is_dir():
        yield from _folder(source, budget, unpacker)
    elif not source.exists():
        raise GradeError(f"{source} is not there")
    elif source.suffix.lower() == ".zip" or zipfile.is_zipfile(source):
        try:
            with source.open("rb") as file:
                yield from _archive(file, "", 1, budget, unpacker)
        except _Broken as error:
            raise GradeError(f"{source} cannot be read as a zip ({error}): download it again") from None
    else:
        raise GradeError(f"{source} is neither a folder nor a zip")


class _Broken(Exception):
    """An archive that cannot be opened."""


def _folder(source, budget, unpacker):
    for place, folders, files in os.walk(source):
        folders.sort()
        for name in list(folders):
            if Path(place, name).is_symlink():
                folders.remove(name)
                yield Path(place, name).relative_to(source).as_posix(), b"", LINK
        for name in sorted(files):
            path = Path(place, name)
            inside = path.relative_to(source).as_posix()
            if not _encodable(inside):  # unpacked elsewhere, in a code page that this machine does not have
                inside = unpacker.name(os.fsencode(inside))
            if IGNORED.search(inside):
                continue
            _spend(budget, 1, 0)
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                yield inside, b"", LINK
            elif not stat.S_ISREG(found.st_mode):
                yield inside, b"", "it is no ordinary file"
            elif found.st_size > MAX_BYTES and _wanted(inside):
                yield inside, b"", _too_large()
            elif inside.lower().endswith(".zip"):
                with path.open("rb") as file:
                    yield from _inner(file, inside, 1, budget, unpacker)
            else:
                content = _content(path) if _wanted(inside) else b""
                if isinstance(content, str):
                    yield inside, b"", content
                    continue
                _spend(budget, 0, len(content))
                yield inside, content, ""


def _content(path):
    """The content of a file, or a sentence on why it cannot be read."""
    try:
        return read_submission(path)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _encodable(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _archive(file, before, depth, budget, unpacker):
    try:
        archive = zipfile.ZipFile(file)
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise _Broken(error) from None
    # Some programs on Windows write backslashes between folders.
    backslashes = not any("/" in entry.filename for entry in entries)
    for entry in entries:
        name = _name(entry, unpacker)
        path = f"{before}{name}"
        if entry.is_dir() or IGNORED.search(path):
            continue
        _spend(budget, 1, 0)
        problem = _unfit(entry, name)
        path = path.replace("\\", "/") if backslashes and not problem else path
        if problem:
            yield path[:LONGEST_PATH], b"", problem
        elif not _wanted(path, depth):
            yield path, b"", ""
        else:
            content = _read(archive, entry)
            if isinstance(content, str):
                yield path, b"", content
                continue
            _spend(budget, 0, len(content))
            if path.lower().endswith(".zip"):
                yield from _inner(io.BytesIO(content), path, depth, budget, unpacker)
            else:
                yield path, content, ""


def _name(entry, unpacker):
    """The name of an entry: in UTF-8 if it says so, in its header or beside it (field 0x7075 of Info-ZIP)."""
    name = entry.filename
    if entry.flag_bits & UTF8 or name.isascii():
        return name
    raw = name.encode("cp437")  # what Python's `zipfile` took it for
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == 0x7075 and len(field) > 5 and struct.unpack("<I", field[1:5])[0] == zlib.crc32(raw):
            return decoded(field[5:])[0]
    return unpacker.name(raw)


def _inner(file, path, depth, budget, unpacker):
    own = list(MAX_INNER)
    if depth >= DEPTH:
        yield path, b"", "it is a zip in a zip in a zip: unpack it yourself if it is worth it"
        return
    try:
        for found in _archive(file, f"{path}/", depth + 1, own, unpacker):
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


def _unfit(entry, name):
    if len(name) > LONGEST_PATH:
        return "its name is absurdly long"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        return "its path leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return LINK
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


def _wanted(path, depth=1):
    """Notebooks and zips; notes of the system's own, which no learner's zip holds."""
    return path.lower().endswith((".ipynb", ".zip")) or (depth == 1 and bool(NOTES.search(path)))


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

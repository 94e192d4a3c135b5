"""Who handed in which downloaded file: read off its path."""

import datetime
import logging
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.course_folder import GradeError, printable
from autograder.classroom.lms.sources import SYSTEMS, Named
from autograder.classroom.lms.times import DoubtfulTime

LONGEST_NAME = 100  # bytes; of a learner, and so of a folder


@dataclass
class Try:
    """One notebook that may be a learner's submission.

    Attributes:
        named: the learner's name as the path has it; `student` is the folder made of it.
        path: where it was in the download.
        file: where its content waits.
        digest: of the content.
        time: when it was handed in, if its path says so.
        zoned: whether that time's zone is known; without, it stands as if it were UTC.
        order: later tries have larger ones.
        name: what the path says, whole.
    """

    student: str
    named: str
    path: str
    file: Path
    digest: str
    time: datetime.datetime | None
    order: tuple
    zoned: bool = True
    name: Named = Named()


def namer(pattern, origin):
    """A function from all paths of a download, and the content of its notes, to `path -> Named`.

    Args:
        pattern: a regular expression for each path, with the groups `student_id` and, if there are, `timestamp` or
            `order`; patterns written for `nbgrader zip_collect` work.
        origin: a key of `autograder.classroom.lms.sources.SYSTEMS`, in the place of a pattern.

    Raises:
        GradeError: for a pattern that cannot be used.
    """
    from nbgrader.plugins import FileNameCollectorPlugin

    known = [f"--from {system}" for system in SYSTEMS]
    if bool(pattern) == bool(origin):
        raise GradeError(f"say how files are named: {', '.join(known)}, or --pattern REGEX")
    if origin:
        if origin not in SYSTEMS:
            names = " or ".join([", ".join([*SYSTEMS][:-1]), [*SYSTEMS][-1]])
            raise GradeError(f"--from is {names}, not {origin}; for anything else there is --pattern")
        return SYSTEMS[origin]
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise GradeError(f"the pattern is no regular expression: {error}") from None
    if "student_id" not in groups:
        raise GradeError("the pattern must say where the learner's name is: (?P<student_id>...)")
    plugin = FileNameCollectorPlugin()
    plugin.named_regexp, plugin.log = pattern, logging.Logger("collect", level=logging.CRITICAL)

    def name(paths, notes=None):
        found = {}
        for path in paths:
            if parts := plugin._match(path):
                number = parts.get("order") or "0"
                order = int(number) if number.isdecimal() and len(number) < 30 else 0
                found[path] = Named(parts["student_id"] or "", parts.get("timestamp") or "", order)
        return found

    return name


def read_names(files, names, times):
    """Who handed in each file, and when.

    Args:
        files: `(path, file, digest)` of each notebook.
        names: `path -> Named`.
        times: a `TimeReader`; it learns from these names which of day and month comes first.

    Yields:
        `(path, Try or None, what is wrong)`; neither for a path that no name fits, both where a time cannot be read.
    """
    times.learn([name.time for name in names.values() if name.time])
    for path, file, checksum in files:
        name = names.get(path)
        if name is None or name.problem:
            yield path, None, name.problem if name else ""
            continue
        raw = unicodedata.normalize("NFC", name.learner)
        student = folder_name(raw)
        if not student:
            yield path, None, "what is taken for the learner's name is empty, or too long for a folder"
            continue
        time, zoned, problem = None, True, ""
        if name.time:
            try:
                time, zoned = times.read(name.time)
            except DoubtfulTime as error:
                problem = f"its timestamp {printable(str(error))}"
        order = (time or datetime.datetime.min, name.order)
        yield path, Try(student, raw, path, file, checksum, time, order, zoned, name), problem


def folder_name(raw):
    """A learner's name as a folder that nbgrader and every file system can handle; empty if that cannot be.

    Letters, with their marks, and digits of any language stay, composed (NFC); everything else becomes `_`, so no path
    can be made of it. What has no width is left out: it would tell apart what looks the same.
    """
    letters = []
    for letter in unicodedata.normalize("NFC", raw.strip()):
        kind = unicodedata.category(letter)
        if kind != "Cf":
            letters.append(letter if kind[0] in "LMN" or letter in "_.@-" else "\0")
    name = re.sub("\0+", "_", "".join(letters)).strip("._")
    return name if name and len(name.encode()) <= LONGEST_NAME else ""

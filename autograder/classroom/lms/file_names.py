"""Who handed in which downloaded file: read off its path."""

import datetime
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.course_folder import GradeError, printable

# How the downloads name files. A group `order` tells the latest of several tries: the larger number.
PATTERNS = {
    # Ada Lovelace_1234_assignsubmission_file_/attention.ipynb, or without the slash
    "moodle": r"(?:.*/)?(?P<student_id>[^/]+_\d+)_assignsubmission_file_/?(?P<file_id>.+)",
    # lovelaceada_LATE_1234_5678_attention-1.ipynb: 1234 is the learner, 5678 the upload
    "canvas": r"(?:.*/)?(?P<name>[^/_]+)_(?:LATE_)?(?P<number>\d+)_(?P<order>\d+)_(?P<file_id>[^/]+)",
}
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
        order: later tries have larger ones.
    """

    student: str
    named: str
    path: str
    file: Path
    digest: str
    time: datetime.datetime | None
    order: tuple


def reader(pattern, origin):
    """A function from `(path, file, digest)` to `(Try or None, what is wrong)`.

    Raises:
        GradeError: for a pattern that cannot be used.
    """
    from nbgrader.plugins import FileNameCollectorPlugin
    from nbgrader.utils import parse_utc

    if bool(pattern) == bool(origin):
        raise GradeError("say how files are named: --from moodle, --from canvas, or --pattern REGEX")
    if origin and origin not in PATTERNS:
        raise GradeError(
            f"--from is {' or '.join(PATTERNS)}, not {origin}; for anything else there is --pattern"
        )
    pattern = pattern or PATTERNS[origin]
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise GradeError(f"the pattern is no regular expression: {error}") from None
    if "student_id" not in groups and not {"name", "number"} <= groups.keys():
        raise GradeError("the pattern must say where the learner's name is: (?P<student_id>...)")
    plugin = FileNameCollectorPlugin()
    plugin.named_regexp, plugin.log = pattern, logging.Logger("collect", level=logging.CRITICAL)

    def read(path, file, checksum):
        found = plugin._match(path)
        if not found:
            return None, ""
        raw = f"{found['name']}_{found['number']}" if "student_id" not in found else found["student_id"] or ""
        student = folder_name(raw)
        if not student:
            return None, "what the pattern takes for the learner's name is empty, or too long for a folder"
        time = None
        if found.get("timestamp"):
            try:
                time = parse_utc(_spelt_out(found["timestamp"]))
            except (ValueError, OverflowError):
                return None, f"its timestamp {printable(found['timestamp'][:40])} is no date"
        number = found.get("order") or "0"
        order = int(number) if number.isdecimal() and len(number) < 30 else 0
        return Try(student, raw, path, file, checksum, time, (time or datetime.datetime.min, order)), ""

    return read


def folder_name(raw):
    """A learner's name as a folder that nbgrader and every file system can handle; empty if that cannot be.

    Letters and digits of any language stay; everything else becomes `_`, so no path can be made of it.
    """
    name = re.sub(r"[^\w.@-]+", "_", raw.strip()).strip("._")
    return name if name and len(name.encode()) <= LONGEST_NAME else ""


def _spelt_out(text):
    """`2026-11-23-15-00-00`, as file names have it, as a date that can be read."""
    parts = re.fullmatch(r"(\d{4})[-_](\d\d)[-_](\d\d)[-_T ](\d\d)[-_](\d\d)(?:[-_](\d\d))?", text)
    if not parts:
        return text
    year, month, day, hour, minute, second = parts.groups("00")
    return f"{year}-{month}-{day} {hour}:{minute}:{second} UTC"

"""Who marked what and when, and what was asked for again: two files of lines that are only ever added to.

`marking/LAB.jsonl` in the course folder holds one JSON object a line. `regrade_requests.csv` holds one objection a line:
`student,lab,name,words`; a person may write it in a spreadsheet, and the marker's page adds to it.
"""

import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

REQUESTS = "regrade_requests.csv"
COLUMNS = ("student", "lab", "name", "words")


class History:
    """What happened at a lab's desk, the oldest first.

    Args:
        course_dir: the course folder.
        lab: such as `lab1_attention`.
    """

    def __init__(self, course_dir: Path, lab: str):
        self.path = Path(course_dir) / "marking" / f"{lab}.jsonl"

    def add(self, what: str, **fields) -> None:
        """Write one line, on the disk before this returns.

        Raises:
            OSError: if it cannot be written.
        """
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab+") as file:
            if file.tell() and _last_byte(file) != b"\n":  # a run that was cut short in the middle of a line
                file.write(b"\n")
            file.write(json.dumps({"at": at, "what": what} | fields, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict]:
        """All lines that can be read."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for row in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    event = json.loads(row)
                    if isinstance(event, dict) and "what" in event:
                        found.append(event)
        return found


def _last_byte(file):
    file.seek(-1, os.SEEK_END)
    return file.read(1)


@dataclass(frozen=True)
class Request:
    """A learner's objection to one question or exercise.

    Attributes:
        key: what the history knows it by.
    """

    key: str
    student: str
    name: str
    words: str


def requests(course_dir: Path, lesson) -> list[Request]:
    """The objections to a lab, in the file's order. `lab` may be `1`, `attention` or `lab1_attention`."""
    try:
        text = (Path(course_dir) / REQUESTS).read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return []
    found, seen = [], {}
    for row in csv.reader(io.StringIO(text)):
        fields = [field.strip() for field in row[:3]] + [",".join(row[3:]).strip()]
        if len(row) < 3 or tuple(fields[:3]) == COLUMNS[:3]:
            continue
        if fields[1] not in (str(lesson.number), lesson.name, lesson.lab):
            continue
        number = seen[tuple(fields)] = seen.get(tuple(fields), 0) + 1
        digest = hashlib.sha256("\0".join([*fields, str(number)]).encode()).hexdigest()[:16]
        found.append(Request(digest, fields[0], fields[2].removeprefix("question_"), fields[3]))
    return found


def add_request(course_dir: Path, lesson, student: str, name: str, words: str) -> None:
    """Add one objection to the file."""
    path = Path(course_dir) / REQUESTS
    with open(path, "a+", encoding="utf-8", newline="") as file:
        file.seek(0)
        text = file.read()
        rows = csv.writer(file)
        if not text:
            rows.writerow(COLUMNS)
        elif not text.endswith("\n"):
            file.write("\n")
        rows.writerow([student, lesson.lab, name, " ".join(words.split())])

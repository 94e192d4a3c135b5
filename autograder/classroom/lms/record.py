"""Where each collected notebook came from: `collected.json` of a course folder.

`autograder return` puts feedback back under the names that were downloaded, and lateness is told from the times.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.judge.atomic_write import write_whole

RECORD = "collected.json"


@dataclass(frozen=True)
class Origin:
    """Where one learner's notebook came from.

    Attributes:
        system: as `--from` names it; empty if a pattern was given.
        path: in the download.
        reply: see `autograder.classroom.lms.sources.Named`.
        handed_in: the time in `timestamp.txt`, as written there; empty without one.
        zoned: whether that time's zone was known.
        late: whether the system marked it late.
        members: other names of those who handed it in together, a list of texts for each.
    """

    system: str = ""
    path: str = ""
    reply: str = ""
    handed_in: str = ""
    zoned: bool = True
    late: bool = False
    members: tuple = ()


def read_record(course_dir: Path, lesson) -> dict[str, Origin]:
    """Learner -> `Origin`, for a lab; what cannot be read counts for nothing."""
    try:
        found = json.loads((Path(course_dir) / RECORD).read_text(encoding="utf-8"))[lesson.lab]
        return {student: Origin(**fields) for student, fields in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_record(course_dir: Path, lesson, system: str | None, tries) -> None:
    """Add what was just collected."""
    path = Path(course_dir) / RECORD
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        whole = {}
    lab = whole.setdefault(lesson.lab, {})
    for one in tries:
        stamp = stamp_of(one.time)
        name = one.name
        origin = Origin(system or "", one.path, name.reply, stamp, one.zoned, name.late, name.members)
        lab[one.student] = asdict(origin)
    write_whole(path, json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True).encode())


def stamp_of(time) -> str:
    """A time in UTC as `timestamp.txt` holds it, which nbgrader reads; empty for `None`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""

"""Due dates of a course: `deadlines.toml` in its folder.

    timezone = "Europe/Berlin"      # of every time below, and of downloads whose times have none
    grace_days = 3                  # for each learner, over all labs

    [penalty]
    per_day = 10                    # percent of what was earned, for each day begun
    at_most = 50                    # percent
    zero_after = "7 days"

    [lab1_attention]
    due = "2026-11-23 23:59"

    [lab1_attention.extensions]
    ada = "2026-11-30 23:59"
    ben = "2 days"

A lab that is not in it has the due date and the extensions of nbgrader's gradebook, if any.
"""

import datetime
import math
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.times import UTC, DoubtfulTime, TimeReader, find_timezone

FILE = "deadlines.toml"
DAY = 86_400  # seconds
UNITS = {"minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}


@dataclass(frozen=True)
class Penalty:
    """What being late costs, in percent of what was earned.

    Attributes:
        per_day: for each day begun.
        at_most: of all days together.
        zero_after: seconds late after which nothing is left; `None` for never.
    """

    per_day: float = 0.0
    at_most: float = 100.0
    zero_after: float | None = None

    def share(self, seconds: float) -> float:
        """The part of the points that is lost, from 0 to 1."""
        if seconds <= 0:
            return 0.0
        if self.zero_after is not None and seconds > self.zero_after:
            return 1.0
        return min(self.per_day * math.ceil(seconds / DAY), self.at_most) / 100


@dataclass(frozen=True)
class Deadlines:
    """What `deadlines.toml` says. Times are naive and in UTC.

    Attributes:
        penalty: `None` where the file has no rule; then nbgrader's plug-in decides.
        due: lab -> when it is due.
        extensions: lab -> learner -> a time, or seconds beyond the due date.
    """

    timezone: zoneinfo.ZoneInfo | None = None
    grace_days: int = 0
    penalty: Penalty | None = None
    due: Mapping[str, datetime.datetime] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, datetime.datetime | float]] = field(default_factory=dict)

    def extension(self, lab: str, student: str) -> datetime.timedelta | None:
        """How much longer a learner has; `None` if the file does not say."""
        found = self.extensions.get(lab, {}).get(student)
        if found is None or lab not in self.due:
            return None
        if isinstance(found, datetime.datetime):
            return max(found - self.due[lab], datetime.timedelta())
        return datetime.timedelta(seconds=found)


def course_timezone(course_dir: Path) -> zoneinfo.ZoneInfo | None:
    """The zone that a course's `deadlines.toml` names, if there is one."""
    return read_deadlines(course_dir).timezone


def read_deadlines(course_dir: Path) -> Deadlines:
    """Read `deadlines.toml`; without the file there are no due dates.

    Raises:
        GradeError: if it cannot be read, or says something that nobody can have meant.
    """
    path = Path(course_dir) / FILE
    if not path.exists():
        return Deadlines()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GradeError(f"{FILE} cannot be read: {error}; texts and times stand in quotes there") from None
    except OSError as error:
        raise GradeError(f"{FILE} cannot be read: {error.strerror}") from None
    try:
        return _deadlines(found, course_dir)
    except _Wrong as error:
        raise GradeError(f"{FILE}: {error}") from None


class _Wrong(Exception):
    """What is wrong in the file, in words."""


def _deadlines(found, course_dir):
    name = found.pop("timezone", None)
    try:
        timezone = None if name is None else find_timezone(str(name))
    except GradeError as error:
        raise _Wrong(error) from None
    grace = found.pop("grace_days", 0)
    if not isinstance(grace, int) or isinstance(grace, bool) or grace < 0:
        raise _Wrong(f"grace_days is a whole number of days, not {grace!r}")
    penalty = _penalty(found.pop("penalty", None))
    times, due, extensions = TimeReader(timezone, day_first=None), {}, {}
    for key, section in found.items():
        lab = _lab(key, course_dir)
        if not isinstance(section, dict) or not section.keys() <= {"due", "extensions"}:
            raise _Wrong(f'[{key}] holds due = "..." and extensions, nothing else')
        if "due" not in section:
            raise _Wrong(f"[{key}] has no due date")
        due[lab] = _time(section["due"], times, f"due of [{key}]")
        extensions[lab] = {
            str(student): _extension(value, times, f"extension of {student} in [{key}]")
            for student, value in section.get("extensions", {}).items()
        }
    return Deadlines(timezone, grace, penalty, due, extensions)


def _lab(key, course_dir):
    from autograder.classroom.assignments import find_notebook
    from autograder.judge.errors import JudgeError
    from course.errors import CourseError

    try:
        return find_notebook(course_dir, key).lab
    except (CourseError, JudgeError) as error:
        raise _Wrong(f"[{key}]: {error}") from None


def _penalty(section):
    if section is None:
        return None
    if section == "zero":
        return Penalty(zero_after=0)
    if section == "none":
        return Penalty()
    if not isinstance(section, dict) or not section.keys() <= {"per_day", "at_most", "zero_after"}:
        raise _Wrong('[penalty] holds per_day, at_most and zero_after; or say penalty = "zero" or "none"')
    numbers = {}
    for name in section.keys() & {"per_day", "at_most"}:
        value = section[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise _Wrong(f"{name} of [penalty] is a percentage from 0 to 100, not {value!r}")
        numbers[name] = float(value)
    after = section.get("zero_after")
    seconds = None if after is None else duration(str(after))
    if after is not None and seconds is None:
        raise _Wrong(f'zero_after of [penalty] is a time such as "7 days", not {after!r}')
    return Penalty(**numbers, zero_after=seconds)


def duration(text: str) -> float | None:
    """`2 days`, `1 day 12 hours` in seconds; `None` if the text is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(minute|hour|day|week)s?\b", text)
    rest = re.sub(r"(\d+(?:\.\d+)?)\s*(minute|hour|day|week)s?\b|\band\b|[,\s]", "", text)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if parts and not rest else None


def _extension(value, times, where):
    seconds = duration(value) if isinstance(value, str) else None
    return seconds if seconds is not None else _time(value, times, where)


def _time(value, times, where):
    if isinstance(value, datetime.datetime):  # TOML's own
        text = value.isoformat(sep=" ")
    elif isinstance(value, datetime.date):
        text = f"{value} 23:59"
    else:
        text = str(value)
    if re.fullmatch(r"\s*\d{4}-\d\d?-\d\d?\s*", text):
        text = f"{text.strip()} 23:59"  # a day is due at its end
    try:
        time, zoned = times.read(text)
    except DoubtfulTime as error:
        raise _Wrong(f"{where}: {error}") from None
    if not zoned:
        raise _Wrong(
            f'{where} has no time zone: begin the file with timezone = "Europe/Berlin", or wherever you are'
        )
    if time.second == 0 and not re.search(r"\d\d?:\d\d:\d\d", text):
        time += datetime.timedelta(seconds=59)  # 23:59 is over when the clock says 0:00
    return time


def shown(time: datetime.datetime, timezone=None) -> str:
    """A time in UTC as people of a zone read it."""
    local = time.replace(tzinfo=UTC).astimezone(timezone or UTC)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"

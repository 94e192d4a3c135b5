"""Learners who hand in together: one notebook, and its mark for each of them.

Who is in which group stands in `groups.csv` of the course folder (Canvas's *Download course roster CSV* of its groups,
or two columns: group and learner), or was told by the download itself, as Gradescope does.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.file_names import folder_name
from autograder.classroom.lms.record import read_record
from autograder.judge.note import Note

FILE = "groups.csv"


@dataclass(frozen=True)
class Group:
    """A group: its name, and for each member all that the file says of them."""

    name: str
    members: tuple[tuple[str, ...], ...]


def read_groups(course_dir: Path) -> list[Group]:
    """The groups of a course; none without `groups.csv`.

    Raises:
        GradeError: if the file cannot be read.
    """
    path = Path(course_dir) / FILE
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise GradeError(f"{FILE} cannot be read: save it as CSV in UTF-8") from None
    first = text.partition("\n")[0]
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count)))
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return []
    place = _group_column(rows)
    heads = [head.casefold() for head in rows[0]]
    if place is None:
        raise GradeError(f"{FILE} needs a column called group, and one with the learners")
    said = [k for k, head in enumerate(heads) if k != place and not re.search(r"group|section", head)]
    found = {}
    for row in rows[1:]:
        if len(row) > place and row[place]:
            member = tuple(row[k] for k in said if k < len(row) and row[k])
            if member:
                found.setdefault(row[place], []).append(member)
    return [Group(name, tuple(members)) for name, members in found.items()]


def _group_column(rows):
    heads = [head.casefold() for head in rows[0]]
    for name in ("group_name", "group name", "group", "team", "gruppe", "groupe", "grupo", "gruppo"):
        if name in heads:
            return heads.index(name)
    for place in range(len(heads)):  # the one whose cells repeat
        cells = [row[place] for row in rows[1:] if len(row) > place]
        if len(set(cells)) < len(cells):
            return place
    return None


def share(marks: list, groups: list[Group], origins: Mapping) -> tuple[list, list[str]]:
    """Give the mark of a group's notebook to each of its members.

    Who handed in something of their own keeps the mark of that.

    Args:
        marks: everybody's `autograder.classroom.lms.export.Mark`.
        origins: learner -> `autograder.classroom.lms.record.Origin`.

    Returns:
        `(marks, sentences)`.
    """
    groups = [*groups]
    for mark in marks:
        members = getattr(origins.get(mark.student), "members", ())
        if members:
            groups.append(Group(mark.student, tuple(tuple(map(str, member)) for member in members)))
    marks, says = list(marks), []
    for group in groups:
        theirs = [mark for mark in marks if mark.handed_in and _belongs(mark, group)]
        if not theirs:
            continue
        if len(theirs) > 1:
            times = [mark.timestamp for mark in theirs]
            if None in times or times.count(max(times)) > 1:
                names = ", ".join(mark.student for mark in theirs)
                says.append(
                    f"Several of group {group.name} handed in ({names}), and nothing says what counts for all."
                )
                continue
            theirs.sort(key=lambda mark: mark.timestamp)
        whole = theirs[-1]
        for member in group.members:
            own = next((mark for mark in marks if _is(mark, member)), None)
            if own is not None and own.handed_in:
                others = tuple(dict.fromkeys((*own.others, *member)))
                marks[marks.index(own)] = replace(own, others=others)
                continue
            if own is not None:
                marks.remove(own)
            names = {"student": own.student if own else member[0], "others": member}
            about = {"first_name": "", "last_name": "", "email": "", "number": ""}
            if own is not None:
                about = {field: getattr(own, field) for field in about}
            marks.append(replace(whole, **about, **names, group=group.name))
    return sorted(marks, key=lambda mark: mark.student), says


def spread(course_dir: Path, lesson, graded: list, lateness: Mapping) -> tuple[list, dict]:
    """Give each member of a group the verdict of their common notebook, for tables and reports.

    Args:
        graded: `(student, Verdict)` pairs.
        lateness: student -> `autograder.classroom.lateness.Lateness`.

    Returns:
        Both, with those who handed in nothing of their own; their verdicts say with whom they did.
    """
    from autograder.classroom.lms.export import ExportRow

    origins, groups = read_record(course_dir, lesson), read_groups(course_dir)
    if not groups and not any(origin.members for origin in origins.values()):
        return graded, dict(lateness)
    verdicts, found = dict(graded), dict(lateness)
    rows = [
        ExportRow(name, why="", comment=name, timestamp=getattr(origins.get(name), "handed_in", None) or None)
        for name in verdicts
    ]
    for row in share(rows, groups, origins)[0]:
        if row.student not in verdicts and row.comment in verdicts:
            whole = verdicts[row.comment]
            notes = [Note(f"handed in together with {row.comment}"), *whole.notes]
            graded = [*graded, (row.student, replace(whole, notes=notes))]
            if row.comment in found:
                found[row.student] = found[row.comment]
    return graded, found


def together(course_dir: Path, lesson, names: Sequence[str]) -> list[set[str]]:
    """Which of some learners belong to one group, whose notebooks may well be alike."""
    from autograder.classroom.lms.export import ExportRow

    rows = [ExportRow(name, why="") for name in names]
    found = [{row.student for row in rows if _belongs(row, group)} for group in read_groups(course_dir)]
    return [one for one in found if len(one) > 1]


def _belongs(mark, group):
    plain = re.sub(r"_\d+$", "", mark.student).casefold()
    squeezed = re.sub(r"[\W_]", "", plain)
    named = {folder_name(group.name).casefold(), re.sub(r"[\W_]", "", group.name.casefold())}
    return plain in named or squeezed in named or any(_is(mark, member) for member in group.members)


def _is(mark, member):
    """Whether a member is whom a mark belongs to: by login, address or number."""
    known = {text.casefold() for text in (mark.student, mark.email, mark.number, *mark.others) if text}
    said = {text.casefold() for text in member}
    names = {folder_name(text).casefold() for text in member}
    numbers = set(re.findall(r"_(\d+)$", mark.student))
    return bool(known & said) or mark.student.casefold() in names or bool(numbers & said)

"""The file that Canvas or Moodle exported: who is who in it, and where the marks go."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.judge.atomic_write import write_whole

# Columns that say who a row is, in small letters.
IDENTIFIERS = {
    "canvas": ("id", "sis user id", "sis login id", "integration id"),
    "moodle": ("username", "id number", "email address", "identifier"),
}
NAMES = ("student", "full name", "first name", "last name", "surname")


def list_names(names, most=8):
    """Some names, in a sentence."""
    left = len(names) - most
    return ", ".join(map(truncate, names[:most])) + (f" and {left} more" if left > 0 else "")


def truncate(name, longest=100):
    """A name that fills no screen: without its middle, if it is absurdly long."""
    return name if len(name) <= longest else f"{name[: longest // 2]}...{name[-longest // 2 + 3 :]}"


@dataclass
class Table:
    """A CSV file as it was found: rows, delimiter, byte-order mark."""

    rows: list
    delimiter: str = ","
    marked: bool = False

    def write(self, path):
        """Write it, whole or not at all."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter).writerows(self.rows)
        write_whole(path, text.getvalue().encode("utf-8-sig" if self.marked else "utf-8"))

    @property
    def heads(self):
        return [head.strip() for head in self.rows[0]]

    def column(self, name):
        """Number of a column, whatever its case; `None` if there is none."""
        heads = [head.lower() for head in self.heads]
        return heads.index(name) if name in heads else None


def read_roster(path, system):
    """The file that Canvas or Moodle exported.

    Raises:
        GradeError: if it is none.
    """
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GradeError(
            f"{path} is not in UTF-8: export it again as CSV, and do not save it in a spreadsheet"
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    table = Table(rows, delimiter, content.startswith(b"\xef\xbb\xbf"))
    if not rows or all(table.column(name) is None for name in IDENTIFIERS[system]):
        wanted = ", ".join(IDENTIFIERS[system])
        raise GradeError(f"{path} is no export of {system.title()}: one of the columns {wanted} is needed")
    width = len(rows[0])
    table.rows = [row + [""] * (width - len(row)) for row in rows]
    return table


def fill_in(table, system, lesson, marks, scores, highest, column=None):
    """Fill a roster's grade column in place.

    Returns:
        Sentences on what could not be matched, and what the system will do.
    """
    place, says = _grade_column(table, system, lesson, column)
    people = [row for row in table.rows[1:] if _is_person(table, row)]
    for expected in _highest(table, system, place):
        if expected != highest:
            says.append(
                f"{system.title()} counts up to {expected:g} there and these marks up to {highest:g}: "
                f"--out-of {expected:g} scales them."
            )
    found = match(table, system, people, marks)
    for number, row in enumerate(people):
        if number in found and scores[found[number].student] is not None:
            row[place] = f"{scores[found[number].student]:g}"
    missing = [_shown(table, row) for number, row in enumerate(people) if number not in found]
    matched = {mark.student for mark in found.values()}
    strangers = [mark.student for mark in marks if mark.student not in matched and mark.handed_in]
    if missing:
        says.append(f"In the roster, and not in the gradebook: {list_names(missing)}.")
    if strangers:
        says.append(f"In the gradebook, and not in the roster, so not in the file: {list_names(strangers)}.")
    return says


def match(table, system, people, marks):
    """Row number -> `Mark`: by login, e-mail or number, then by what is less certain, and never by guess.

    A pair counts only where neither side could be meant by another.
    """
    found = {}
    for how in ("exact", "number", "mailbox", "name"):
        rows = {
            number: _row_keys(table, system, row, how)
            for number, row in enumerate(people)
            if number not in found
        }
        taken = {mark.student for mark in found.values()}
        left = {mark: _mark_keys(mark, how) for mark in marks if mark.student not in taken}
        pairs = [(number, mark) for number, keys in rows.items() for mark, own in left.items() if keys & own]
        for number, mark in pairs:
            if sum(n == number or m == mark for n, m in pairs) == 1:
                found[number] = mark
    return found


def _row_keys(table, system, row, how):
    if (
        how == "number"
    ):  # a learner's number in Canvas, a participant's in Moodle; other numbers mean other things
        place = table.column("id" if system == "canvas" else "identifier")
        return set() if place is None else set(re.findall(r"\d+$", row[place].strip()))
    values = {
        _key(row[table.column(name)]) for name in IDENTIFIERS[system] if table.column(name) is not None
    } - {""}
    if how == "mailbox":
        return {value.partition("@")[0] for value in values if "@" in value}
    if how == "name":
        return {_name(_shown(table, row))} - {()}
    return values


def _mark_keys(mark, how):
    if how == "number":  # as `autograder collect` names learners: lovelaceada_1234
        return set(re.findall(r"_(\d+)$", mark.student))
    if how == "mailbox":
        return {_key(mark.student), _key(mark.email).partition("@")[0]} - {""}
    if how == "name":
        return {_name(f"{mark.first_name} {mark.last_name}"), _name(re.sub(r"_\d+$", "", mark.student))} - {
            ()
        }
    return {_key(mark.student), _key(mark.email), _key(mark.number)} - {""}


def _key(text):
    return text.strip().casefold()


def _name(text):
    """A name as a sorted tuple of its words: `Lovelace, Ada` is `Ada Lovelace`. One word is no name."""
    words = tuple(sorted(re.findall(r"[^\W\d_]+", text.casefold())))
    return words if len(words) > 1 else ()


def _shown(table, row):
    parts = [row[table.column(name)].strip() for name in NAMES if table.column(name) is not None]
    shown = " ".join(part for part in parts if part)
    return shown or next((cell for cell in row if cell.strip()), "a row without a name")


def _is_person(table, row):
    """Canvas puts rows of its own above the learners, and a test student below."""
    student = row[table.column("student")].strip() if table.column("student") is not None else "?"
    return bool(student) and student not in ("Points Possible", "Student, Test", "Test Student")


def _grade_column(table, system, lesson, wanted):
    """Number of the grade column, appended where there is none, and what there is to say about it."""
    known = {*IDENTIFIERS[system], *NAMES, "section"}

    def plain(text):
        text = re.sub(r"\s*\((\d+|real)\)\s*$", "", text.strip(), flags=re.IGNORECASE)
        return re.sub(r"[^a-z0-9]", "", re.sub(r"^assignment:", "", text, flags=re.IGNORECASE).lower())

    number, title = lesson.number, lesson.title
    names = [wanted] if wanted else [lesson.lab, f"lab{number}", title, lesson.name, f"lab{number}{title}"]
    names = {plain(name) for name in names}
    if system == "moodle" and not wanted and table.column("identifier") is not None:
        names.add("grade")
    found = [
        place for place, head in enumerate(table.heads) if head.lower() not in known and plain(head) in names
    ]
    if wanted and wanted in table.heads:
        found = [table.heads.index(wanted)]
    if len(found) > 1:
        heads = " or ".join(repr(table.heads[place]) for place in found)
        raise GradeError(f"the marks could go to {heads}: say which with --column")
    if found:
        return found[0], []
    name = wanted or f"Lab {number} {title}"
    for row in table.rows:
        row.append("")
    table.rows[0][-1] = name
    does = "makes a new assignment of it" if system == "canvas" else "asks which grade item it is"
    return len(table.rows[0]) - 1, [
        f"The roster has no column for this lab; a new one is {name!r}: {system.title()} {does}."
    ]


def _highest(table, system, place):
    """The points that the system itself expects, if the roster says so."""
    texts = [
        row[place]
        for row in table.rows[1:]
        if table.column("student") == 0 and row[0].strip() == "Points Possible"
    ]
    if system == "moodle" and table.column("maximum grade") is not None:
        texts = list({row[table.column("maximum grade")] for row in table.rows[1:]})
    for text in texts[:1]:
        try:
            yield float(text.replace(",", "."))
        except ValueError:
            continue

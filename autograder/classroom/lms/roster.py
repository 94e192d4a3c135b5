"""The file that Canvas or Moodle exported: who is who in it, and where the marks go."""

import codecs
import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.roster_layout import IDENTIFIERS, NAMES, NUMBER, Layout, layout_of
from autograder.judge.atomic_write import write_whole

KEPT = {"EX": "excused (EX)", "N/A": "not assigned (N/A)"}  # what Canvas writes in the place of a mark


def list_names(names, most=8):
    """Some names, in a sentence."""
    left = len(names) - most
    return ", ".join(map(truncate, names[:most])) + (f" and {left} more" if left > 0 else "")


def truncate(name, longest=100):
    """A name that fills no screen: without its middle, if it is absurdly long."""
    return name if len(name) <= longest else f"{name[: longest // 2]}...{name[-longest // 2 + 3 :]}"


@dataclass
class Table:
    """A CSV file as it was found: rows, delimiter, byte-order mark.

    Attributes:
        layout: what its columns mean; `None` for a table of our own.
        says: sentences on how it was read.
    """

    rows: list
    delimiter: str = ","
    marked: bool = False
    layout: Layout | None = None
    says: list = field(default_factory=list)

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
    """The file that Canvas or Moodle exported, as it was or as a spreadsheet saved it.

    Raises:
        GradeError: if it is none, or cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
        raise GradeError(f"the roster {path} {reason}") from None
    text, encoding = _decoded(content, path)
    says = []
    if encoding == "UTF-16":
        says.append(
            "The roster was in UTF-16, as spreadsheets save it; the new file is in UTF-8, which is imported."
        )
    told = re.match(r"sep=(.)[ \t]*\r?\n", text, re.IGNORECASE)
    if told:
        text = text[told.end() :]
        says.append("The line sep=, which a spreadsheet wrote, is left out: it cannot be imported.")
    first = next(iter(text.splitlines()), "")
    delimiter = (
        told[1] if told else max(",;\t|", key=lambda one: len(next(csv.reader([first], delimiter=one), [])))
    )
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    width = len(rows[0]) if rows else 0
    marked = content.startswith(codecs.BOM_UTF8) or encoding == "UTF-16"
    table = Table([row + [""] * (width - len(row)) for row in rows], delimiter, marked, says=says)
    table.layout = layout_of(table, system)
    if table.layout is None:
        raise GradeError(f"{path} is no export of {system.title()}: {_wanted(system)}")
    return table


def _wanted(system):
    if system == "canvas":
        return f"one of the columns {', '.join(IDENTIFIERS[system])} is needed"
    return "it has no names, no e-mail addresses and no participants (Participant 1234)"


def _decoded(content, path):
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if content.startswith(mark):
            return content.decode("utf-16", "replace"), "UTF-16"
    for half, name in ((content[1::2], "utf-16-le"), (content[0::2], "utf-16-be")):  # without a mark
        if content and half.count(0) * 2 > len(half):
            return content.decode(name, "replace"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        raise GradeError(
            f"{path} is not in UTF-8: export it again as CSV, and do not save it in a spreadsheet; or save it as "
            '"CSV UTF-8"'
        ) from None


def fill_in(table, system, lesson, marks, scores, highest, column=None):
    """Fill a roster's grade column in place, and Moodle's comments.

    Returns:
        Sentences on what could not be matched, and what the system will do.
    """
    place, says = _grade_column(table, system, lesson, column)
    people = table.layout.people
    for expected in _highest(table, place):
        if expected != highest:
            says.append(
                f"{system.title()} counts up to {expected:g} there and these marks up to {highest:g}: "
                f"--out-of {expected:g} scales them."
            )
    found = match(table, system, people, marks)
    kept, commented, comma = {}, [], _decimal_comma(table)
    for number, row in enumerate(people):
        special = KEPT.get(row[place].strip().upper())
        if special:
            kept.setdefault(special, []).append(_shown(table, row))
        elif number in found and scores[found[number].student] is not None:
            text = f"{scores[found[number].student]:g}"
            row[place] = text.replace(".", ",") if comma else text
        comments = table.layout.comments
        if comments is not None and number in found and not special and found[number].comment:
            if row[comments].strip() and row[comments].strip() != found[number].comment:
                commented.append(_shown(table, row))
            else:
                row[comments] = found[number].comment
    for special, names in kept.items():
        says.append(f"In the roster {special}, and left so: {list_names(names)}.")
    if commented:
        says.append(f"Somebody has commented already, and that is left: {list_names(commented)}.")
    missing = [_shown(table, row) for number, row in enumerate(people) if number not in found]
    matched = {mark.student for mark in found.values()}
    strangers = [mark.student for mark in marks if mark.student not in matched and mark.handed_in]
    if missing:
        says.append(f"In the roster, and not in the gradebook: {list_names(missing)}.")
    if strangers:
        says.append(f"In the gradebook, and not in the roster, so not in the file: {list_names(strangers)}.")
    return table.says + says


def match(table, system, people, marks):
    """Row number -> `ExportRow`: by login, e-mail or number, then by what is less certain, and never by guess.

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
    layout = table.layout
    if (
        how == "number"
    ):  # a learner's number in Canvas, a participant's in Moodle; other numbers mean other things
        return set() if layout.number is None else set(re.findall(r"\d+$", row[layout.number].strip()))
    values = {_key(row[place]) for place in layout.identifiers} - {""}
    if how == "mailbox":
        return {value.partition("@")[0] for value in values if "@" in value}
    if how == "name":
        names = [row[place] for place in layout.names]
        return {_name(_shown(table, row)), _name(" ".join(names)), *map(_name, names)} - {()}
    return values


def _mark_keys(mark, how):
    if how == "number":  # as `autograder collect` names learners: lovelaceada_1234
        numbers = {other for other in mark.others if other.isdigit()}
        return {*re.findall(r"_(\d+)$", mark.student), *numbers}
    if how == "mailbox":
        return {_key(text).partition("@")[0] for text in (mark.student, mark.email, *mark.others)} - {""}
    if how == "name":
        texts = (f"{mark.first_name} {mark.last_name}", re.sub(r"_\d+$", "", mark.student), *mark.others)
        return set(map(_name, texts)) - {()}
    return {_key(text) for text in (mark.student, mark.email, mark.number, *mark.others)} - {""}


def _key(text):
    return unicodedata.normalize("NFC", text).strip().casefold()


def _name(text):
    """A name as a sorted tuple of its words: `Lovelace, Ada` is `Ada Lovelace`. One word is no name."""
    letters = (one if unicodedata.category(one)[0] in "LM" else " " for one in _key(text))
    words = tuple(sorted("".join(letters).split()))
    return words if len(words) > 1 else ()


def _shown(table, row):
    shown = " ".join(text for place in table.layout.names if (text := row[place].strip()))
    return shown or next((cell.strip() for cell in row if cell.strip()), "a row without a name")


def _plain(text):
    return re.sub(r"[\W_]", "", text.casefold())


def _plain_heads(head):
    """A head without what systems add: `Assignment: Lab 1 (Real)`, `Lab 1 (4711)`, in any language."""
    bare = re.sub(r"\s*\([^()]*\)\s*$", "", head.strip())
    return {_plain(head), _plain(bare), _plain(bare.partition(":")[2])} - {""}


def _grade_column(table, system, lesson, wanted):
    """Number of the grade column, appended where there is none, and what there is to say about it."""
    known, layout = {*IDENTIFIERS[system], *NAMES, "section"}, table.layout
    number, title = lesson.number, lesson.title
    names = [wanted] if wanted else [lesson.lab, f"lab{number}", title, lesson.name, f"lab{number}{title}"]
    names = set().union(*map(_plain_heads, names))
    if layout.worksheet and not wanted:
        names.add("grade")
    found = [
        place
        for place, head in enumerate(table.heads)
        if head.lower() not in known and _plain_heads(head) & names
    ]
    if layout.worksheet and not wanted and not found and layout.maximum is not None:
        found = [layout.maximum - 1]
    if wanted and wanted in table.heads:
        found = [table.heads.index(wanted)]
    if len(found) > 1:
        heads = " or ".join(repr(table.heads[place]) for place in found)
        raise GradeError(f"the marks could go to {heads}: say which with --column")
    if found:
        return found[0], []
    if layout.worksheet:
        raise GradeError(
            "this is a worksheet of Moodle, and nothing in it tells the column of grades: say which with --column"
        )
    name = wanted or f"Lab {number} {title}"
    for row in table.rows:
        row.append("")
    table.rows[0][-1] = name
    does = "makes a new assignment of it" if system == "canvas" else "asks which grade item it is"
    return len(table.rows[0]) - 1, [
        f"The roster has no column for this lab; a new one is {name!r}: {system.title()} {does}."
    ]


def _highest(table, place):
    """The points that the system itself expects, if the roster says so."""
    layout = table.layout
    if layout.maximum is not None:
        texts = [row[layout.maximum] for row in layout.people]
    else:  # Canvas has them above the learners, in a row without a number
        people = {id(row) for row in layout.people}
        texts = [row[place] for row in table.rows[1:4] if id(row) not in people]
    numbers = [float(text.replace(",", ".")) for text in texts if NUMBER.fullmatch(text)]
    yield from numbers[:1]


def _decimal_comma(table):
    """Whether the file writes 17,5."""
    cells = [cell.strip() for row in table.rows[1:] for cell in row]
    return any(re.fullmatch(r"\d+,\d+", cell) for cell in cells) and not any(
        re.fullmatch(r"\d+\.\d+", cell) for cell in cells
    )

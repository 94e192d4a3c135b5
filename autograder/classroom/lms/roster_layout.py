"""What the columns and rows of a roster mean, whatever the language of its heads: told by the shape of what is in them.

Canvas writes its own heads in English and its notes above the learners in any language; Moodle translates all.
"""

import re
from dataclasses import dataclass

# Columns that say who a row is, in small letters. Where they are called so, nothing has to be told by shape.
IDENTIFIERS = {
    "canvas": ("id", "sis user id", "sis login id", "integration id"),
    "moodle": ("username", "id number", "email address", "identifier"),
}
NAMES = ("student", "full name", "first name", "last name", "surname", "lastname", "firstname")
NUMBER = re.compile(r"\s*\d+(?:[.,]\d+)?\s*")
ADDRESS = re.compile(r"\S+@\S+\.\S+")
TITLE = re.compile(r".*\(\d+\)\s*")  # Lab 1 Attention (4711)
TESTERS = ("student, test", "test student", "student test")


@dataclass
class Layout:
    """Where everything is: numbers of columns.

    Attributes:
        people: the rows of learners.
        identifiers: columns of logins, addresses and numbers.
        number: the system's own number of a learner; `None` without.
        names: columns of names; a name may be spread over several.
        worksheet: whether it is the grading worksheet of a Moodle assignment.
        maximum: Moodle's column of the highest grade; `None` without.
        comments: its column of comments; `None` without.
    """

    people: list
    identifiers: list
    number: int | None
    names: list
    worksheet: bool = False
    maximum: int | None = None
    comments: int | None = None


def layout_of(table, system: str) -> Layout | None:
    """The `Layout` of a `Table`; `None` if it is no export of that system."""
    if len(table.rows) < 1 or len(table.rows[0]) < 2:
        return None
    return _canvas(table) if system == "canvas" else _moodle(table)


def _canvas(table):
    heads = [head.lower() for head in table.heads]
    titles = [place for place, head in enumerate(heads) if TITLE.fullmatch(head)]
    if "id" in heads:
        number = heads.index("id")
    elif titles:
        rows = table.rows[1:]
        counted = [place for place in range(titles[0]) if any(NUMBER.fullmatch(row[place]) for row in rows)]
        if not counted:
            return (
                None
                if not _known(heads, "canvas")
                else Layout(_named(table), _known(heads, "canvas"), None, [0])
            )
        number = counted[0]
    else:
        known = _known(heads, "canvas")
        return Layout(_named(table), known, None, _names(heads) or [0]) if known else None
    names = _names(heads) or list(range(number))
    people = [row for row in table.rows[1:] if row[number].strip() and not _tester(row, names)]
    end = titles[0] if titles else len(heads)
    shaped = [place for place in range(number, end) if _tells_apart(people, place)]
    return Layout(people, sorted({*_known(heads, "canvas"), *shaped, number}), number, names)


def _named(table):
    names = _names([head.lower() for head in table.heads]) or [0]
    people = [row for row in table.rows[1:] if any(row[place].strip() for place in names)]
    return [row for row in people if row[names[0]].strip() != "Points Possible" and not _tester(row, names)]


def _moodle(table):
    heads, people = [head.lower() for head in table.heads], table.rows[1:]
    known = _known(heads, "moodle")
    number = heads.index("identifier") if "identifier" in heads else 0 if _participants(people) else None
    addresses = [place for place in range(len(heads)) if _all(people, place, ADDRESS)]
    texts = [place for place in range(len(heads)) if _is_text(people, place)]
    if not known and number is None and not addresses and not texts:
        return None
    found = Layout(people, sorted({*known, *addresses}), number, _names(heads))
    found.worksheet = number is not None
    if number is not None:
        found.identifiers = sorted({*found.identifiers, number})
        found.maximum = _maximum(heads, people)
        found.comments = _comments(heads, people, found.maximum)
    end = min([place for place in range(1, len(heads)) if _is_mark(people, place)], default=len(heads))
    shaped = [place for place in range(end) if _tells_apart(people, place) and place not in texts]
    found.identifiers = sorted({*found.identifiers, *shaped})
    if not found.names:
        found.names = [1] if number is not None and len(heads) > 1 else texts[:2]
    return found


def _known(heads, system):
    return [heads.index(name) for name in IDENTIFIERS[system] if name in heads]


def _names(heads):
    return [heads.index(name) for name in NAMES if name in heads]


def _tester(row, names):
    """Canvas's own learner, who stands below the others."""
    return " ".join(row[place].strip() for place in names).lower() in TESTERS


def _cells(people, place):
    return [row[place].strip() for row in people if row[place].strip()]


def _all(people, place, pattern):
    cells = _cells(people, place)
    return bool(cells) and all(pattern.fullmatch(cell) for cell in cells)


def _tells_apart(people, place):
    """Whether a column may say who somebody is: filled for most, the same for no two."""
    cells = _cells(people, place)
    return len(cells) * 2 > len(people) and len({cell.casefold() for cell in cells}) == len(cells)


def _is_text(people, place):
    cells = _cells(people, place)
    return bool(cells) and all(
        re.search(r"[^\W\d_]", cell) and not re.search(r"[\d@]", cell) for cell in cells
    )


def _is_mark(people, place):
    """Whether a column holds marks: decimals, or nothing and dashes."""
    cells = _cells(people, place)
    return all(re.fullmatch(r"-|\d+[.,]\d+", cell) for cell in cells) and (
        not cells or "-" in cells or len(cells) > 0
    )


def _participants(people):
    """Whether the first column counts the participants of a Moodle assignment: the same word, other numbers."""
    found = [re.fullmatch(r"(\D+?)\s*(\d+)", row[0].strip()) for row in people]
    words = {one[1] for one in found if one}
    return bool(found) and all(found) and len(words) == 1 and len({one[2] for one in found}) == len(found)


def _maximum(heads, people):
    """The column in which everybody has the same number, behind one that may hold a mark."""
    if "maximum grade" in heads:
        return heads.index("maximum grade")
    for place in range(2, len(heads)):
        cells, before = _cells(people, place), _cells(people, place - 1)
        same = len(set(cells)) == 1 and len(cells) == len(people) and NUMBER.fullmatch(cells[0])
        if same and all(cell == "-" or NUMBER.fullmatch(cell) for cell in before):
            return place
    return None


def _comments(heads, people, maximum):
    """The last column, if it holds neither dates nor dashes: those are when marks were last changed."""
    if "feedback comments" in heads:
        return heads.index("feedback comments")
    place = len(heads) - 1
    if place <= (maximum or 1) + 1:
        return None
    cells = _cells(people, place)
    dates = [
        cell for cell in cells if cell == "-" or (re.search(r"\d{4}", cell) and re.search(r"\d\d:\d\d", cell))
    ]
    return None if dates and len(dates) == len(cells) else place

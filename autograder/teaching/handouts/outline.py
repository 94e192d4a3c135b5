"""A lesson as an instructor sees it: sections, their steps, and in each step what is said, shown and done.

    outline(lesson).sections[2].title              "1.3 Why divide by $\\sqrt{d_k}$?"
    outline(lesson).sections[2].steps[0].parts     blocks of prose, and the lesson's exercises, experiments, questions

A section begins at a `##` heading, a step at a `###` heading. Headings decide, not cells: a cell may end one section
and begin the next.
"""

import re
from dataclasses import dataclass, field

from course.notebooks.lesson import LessonCell

SPEED = 100  # words a minute, of somebody who tells it at a board and draws
HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
LABEL = re.compile(r"\*\*([^*]+?)[.:!?]?\*\*[.:]?\s+(?=\S)")
ITEM = re.compile(r"\s{0,3}(?:[*+-]|\d+[.)])\s")
DONE = ("exercise", "experiment", "question")


@dataclass(frozen=True)
class Block:
    """A piece of prose that belongs together.

    Attributes:
        kind: paragraph, math, table, code, list or quote.
        text: as it stands in the lesson; a paragraph on one line.
        label: of a paragraph that begins with one in bold, such as `Goal` or `Step 1, scores`; else empty.
    """

    kind: str
    text: str
    label: str = ""

    @property
    def unlabelled(self):
        return LABEL.sub("", self.text, count=1) if self.label else self.text


@dataclass
class Step:
    """What stands under one heading: `Block` and `course.notebooks.lesson.Cell`, in the lesson's order."""

    title: str = ""
    parts: list[Block | LessonCell] = field(default_factory=list)

    @property
    def cells(self):
        return [part for part in self.parts if isinstance(part, LessonCell)]

    @property
    def words(self):
        return sum(len(part.text.split()) for part in self.parts if isinstance(part, Block))


@dataclass
class Section:
    """A `##` section. Its first step has no title of its own."""

    title: str
    steps: list[Step] = field(default_factory=lambda: [Step()])

    @property
    def parts(self):
        return [part for step in self.steps for part in step.parts]

    def cells(self, kind):
        return [part for part in self.parts if isinstance(part, LessonCell) and part.kind == kind]

    def minutes(self, kind):
        return sum(cell.minutes for cell in self.cells(kind))

    @property
    def doing(self):
        """Minutes of exercises, experiments and questions together."""
        return sum(self.minutes(kind) for kind in DONE)

    @property
    def telling(self):
        """Minutes that it takes to tell at the board what the prose says."""
        return sum(step.words for step in self.steps) / SPEED


@dataclass(frozen=True)
class Outline:
    """A whole lesson: the opening, which has the lab's title, and the sections that follow."""

    opening: Section
    sections: tuple[Section, ...]

    @property
    def everything(self):
        return (self.opening, *self.sections)


def outline(lesson):
    """The `Outline` of a `course.notebooks.lesson.Lesson`."""
    sections = [Section(lesson.title)]
    for cell in lesson.cells:
        if cell.kind in DONE:
            sections[-1].steps[-1].parts.append(cell)
        elif cell.kind in ("lab", "markdown"):
            for kind, text in _pieces(cell.source):
                if kind != "heading":
                    sections[-1].steps[-1].parts.append(_block(kind, text))
                    continue
                marks, title = HEADING.match(text).groups()
                if len(marks) == 2:
                    sections.append(Section(title))
                elif len(marks) > 2:
                    sections[-1].steps.append(Step(title))
    for section in sections:  # a heading that is followed by another at once has nothing to show
        section.steps = [step for step in section.steps if step.parts] or [Step()]
    return Outline(sections[0], tuple(sections[1:]))


def blocks(text):
    """The `Block`s of any Markdown text; headings become paragraphs in bold."""
    return [
        _block("paragraph", f"**{HEADING.match(piece)[2]}**") if kind == "heading" else _block(kind, piece)
        for kind, piece in _pieces(text)
    ]


def _block(kind, text):
    if kind != "paragraph":
        return Block(kind, text)
    found = LABEL.match(text)
    return Block(kind, text, found[1] if found else "")


def _pieces(text):
    """`(kind, text)` of each piece: cut at empty lines, except inside code, formulas and lists."""
    rows, found = text.splitlines(), []
    while rows:
        row = rows.pop(0)
        if not row.strip():
            continue
        if HEADING.match(row):
            found.append(("heading", row))
            continue
        kind, taken = _kind(row), [row]
        while rows and _belongs(kind, taken, rows):
            taken.append(rows.pop(0))
        joined = " ".join(line.strip() for line in taken) if kind == "paragraph" else "\n".join(taken)
        found.append((kind, joined.rstrip()))
    return found


def _belongs(kind, taken, rows):
    """Whether the next row belongs to the piece that was begun."""
    if kind == "code":  # up to the closing fence
        return len(taken) == 1 or not taken[-1].startswith(taken[0][:3])
    if kind == "math":  # up to the closing dollars, which may stand on the first row
        return not (len("".join(taken)) > 3 and taken[-1].rstrip().endswith("$$"))
    if kind == "list":
        return _stays_in_list(rows)
    return rows[0].strip() and not HEADING.match(rows[0]) and _kind(rows[0]) in (kind, "paragraph")


def _stays_in_list(rows):
    row = next((row for row in rows if row.strip()), "")
    if not rows[
        0
    ].strip():  # after an empty line, only a further item or an indented paragraph belongs to the list
        return bool(ITEM.match(row)) or row.startswith("  ")
    return not HEADING.match(rows[0]) and _kind(rows[0]) in ("list", "paragraph", "code")


def _kind(row):
    start = row.lstrip()
    if start.startswith(("```", "~~~")):
        return "code"
    if start.startswith("$$"):
        return "math"
    if start.startswith("|"):
        return "table"
    if start.startswith(">"):
        return "quote"
    return "list" if ITEM.match(row) else "paragraph"

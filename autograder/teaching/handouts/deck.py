"""Turns a lesson into slides, by rules; nobody copies prose.

* A section opens with its heading and the first sentences below it.
* Goals, examples, traps and other paragraphs with a label keep their first sentences; so does a paragraph that leads
  to a formula, a table or code. Formulas, tables, code, lists and quotations are shown as they are.
* Everything else is for the speaker: the paragraph in full stands in the notes.
* An experiment is its pictures; an exercise is a break with a countdown; a question is read out.

Model answers are left out, so that a deck may be handed round; they stand in the instructor's guide.
"""

import ast
import html
import re
from dataclasses import dataclass, field

from autograder.authoring.source_code import Reference
from autograder.hidden import entries
from autograder.paths import ROOT
from autograder.teaching.handouts.markdown_html import block_in_html, in_html, inline, sentences, shortened
from autograder.teaching.handouts.outline import Block, outline
from autograder.teaching.handouts.pictures import Shown, size
from course.notebooks.lesson import LessonCell

ROOM = 13.2  # lines of text that a slide holds below its heading
WIDE = 64  # characters of a line
LONG = 210  # characters of a paragraph on a slide
PRINTED = 9  # lines of what an experiment printed
WAITING = re.compile(r"\bto go$")  # what an experiment prints while it runs
MISTAKES = 6
# Of pictures, in the unit of the style sheet: width of a slide, greatest height, height of a line.
ACROSS, TALL, LINE = 37.0, 11.5, 1.35


@dataclass
class Slide:
    """One slide.

    Attributes:
        kind: title, section, plain, exercise, experiment or question.
        title: its heading, as HTML.
        body: its contents, each as HTML.
        notes: what the speaker reads, each as HTML.
        minutes: of an exercise, for the countdown.
        room: lines of text taken.
    """

    kind: str
    title: str
    body: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    minutes: float = 0
    room: float = 0
    leads: bool = False  # whether its last paragraph leads to what comes next

    def put(self, made, room, leads=False):
        self.body.append(made)
        self.room += room
        self.leads = leads


def slides(lesson, shown=None):
    """The slides of a lesson.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        shown: name of an experiment -> `autograder.teaching.handouts.pictures.Shown`; `None` leaves pictures out.

    Returns:
        A list of chapters, each a list of `Slide`.
    """
    plan = outline(lesson)
    return [_Chapter(lesson, section, shown, plan).slides for section in plan.everything]


class _Chapter:
    def __init__(self, lesson, section, shown, plan):
        self.lesson, self.section, self.shown = lesson, section, shown
        self.slides = []
        opening = section is plan.opening
        first = f"Lab {lesson.number}: {lesson.title}" if opening else section.title
        self.start("title" if opening else "section", first)
        self.note(
            f"<b>{_time(section)}</b>" if not opening else f"<b>About {lesson.minutes:g} minutes in all.</b>"
        )
        for number, step in enumerate(section.steps):
            self.step(step, number)
        self.slides = [slide for slide in self.slides if slide.body or slide.kind != "plain"]

    def start(self, kind, title=None):
        self.heading = self.heading if title is None else title
        self.slides.append(Slide(kind, inline(self.heading)))

    @property
    def slide(self):
        return self.slides[-1]

    def note(self, made):
        self.slide.notes.append(made)

    def put(self, made, room, more=0):
        """Put a piece on this slide or the next, together with what it leads to, which takes `more` lines."""
        full = self.slide.body and self.slide.room + room + more > ROOM and not self.slide.leads
        # The opening slide of a section is a poster: heading and a few words.
        if full or self.slide.kind not in ("plain", "experiment"):
            self.start("plain")
        self.slide.put(made, room, leads=bool(more))

    def step(self, step, number):
        if number or step.title:
            self.start("plain", step.title)
        elif self.slide.kind == "title":
            self.heading = self.section.title
        parts = step.parts
        for place, part in enumerate(parts):
            following = parts[place + 1] if place + 1 < len(parts) else None
            if isinstance(part, LessonCell):
                {"exercise": self.exercise, "experiment": self.experiment, "question": self.question}[
                    part.kind
                ](part)
            elif part.kind != "paragraph":
                room = _room(part)
                self.put(block_in_html(part), room)
            else:
                self.paragraph(part, following, first=place == 0)

    def paragraph(self, block, following, first):
        leads = isinstance(following, Block) and following.kind != "paragraph"
        text = ""
        if first:
            text = shortened(block.text, LONG)
        elif block.label:
            text = (
                f"**{block.label}.** {shortened(block.unlabelled, LONG)}" if block.unlabelled else block.text
            )
        elif leads and len(block.text) <= LONG:
            text = block.text
        elif leads:
            text = sentences(block.text)[-1]
        if text:
            made, room = in_html(text), len(text) / WIDE + 0.8
            if first and self.slide.kind in ("title", "section"):
                self.slide.put(made, room)
            else:
                self.put(made, room, _room(following) if leads else 0)
        if " ".join(text.split()) != " ".join(block.text.split()):
            self.note(in_html(block.text))

    def exercise(self, cell):
        goal = _goal(self.section, cell) or [Block("paragraph", _summary(self.lesson, cell))]
        self.start("exercise")
        slide = self.slide
        slide.title, slide.minutes = f"<code>{html.escape(cell.name)}</code>", cell.minutes
        dots = "●" * cell.difficulty + "○" * (3 - cell.difficulty)
        slide.put(
            f'<p class="facts">difficulty {dots} · {cell.points:g} point{"" if cell.points == 1 else "s"}</p>',
            1.5,
        )
        for block in goal:
            slide.put(block_in_html(block), _room(block))
        check = f"<code>course.check({html.escape(cell.name)})</code>"
        hint = f'<code>course.hint("{html.escape(cell.name)}")</code>'
        slide.put(f'<p class="soft">Write it, then {check}. Stuck? {hint}</p>', 2)
        known = entries.misconceptions(self.lesson.name, cell.name)[:MISTAKES]
        slide.notes.append(f"<b>{cell.minutes:g} minutes. Press T to start or stop the clock.</b>")
        slide.notes.append("Likely mistakes:" + _list([entry.feedback for entry in known]))
        slide.notes.append("Ask before you tell:" + _list(cell.hints))

    def experiment(self, cell):
        shown = (self.shown or {}).get(cell.name, Shown())
        minutes = f"{cell.minutes:g} minute{'' if cell.minutes == 1 else 's'}" if cell.minutes else "a moment"
        remark = f"<b>Experiment {html.escape(cell.name)}, about {minutes} to run.</b> Ask first: what will come out?"
        if not shown.images:
            if self.slide.kind != "plain" or self.slide.room > ROOM / 2:
                self.start("experiment")
            text = "\n".join(
                [line for line in shown.text.splitlines() if not WAITING.search(line)][-PRINTED:]
            )
            printed = f"<pre><code>{html.escape(text)}</code></pre>" if text else ""
            self.slide.put(
                f'<p class="facts">Run it in the notebook: about {minutes}</p>{printed}',
                2 + text.count("\n") * 0.8,
            )
            self.note(remark)
        for alt, source in shown.images:
            self.start("experiment")
            width, height = size(source)
            tall = min(TALL, ACROSS * height / width)
            style = f'style="max-height: {tall:.1f}em"'
            self.slide.put(
                f'<img alt="{html.escape(alt, quote=True)}" src="{source}" {style}>', tall / LINE + 0.4
            )
            self.note(remark)
            self.note(f"The picture: {html.escape(alt)}" if alt else "")
        self.slides[-1].room = max(self.slides[-1].room, 3)

    def question(self, cell):
        self.start("question", self.heading)
        self.slide.put(in_html(cell.source), 6)
        self.note(f"<b>{cell.minutes:g} minutes to write; two to talk about it in pairs before.</b>")
        self.note("The model answer and how to share out its points stand in the instructor's guide.")


def _goal(section, cell):
    """The goal that stands nearest above an exercise, and the formula below it, as blocks."""
    for step in section.steps:
        if cell in step.parts:
            above = step.parts[: step.parts.index(cell)]
            for place in reversed(range(len(above))):
                if isinstance(above[place], Block) and above[place].label == "Goal":
                    formula = [
                        block
                        for block in above[place + 1 : place + 2]
                        if getattr(block, "kind", "") == "math"
                    ]
                    return [Block("paragraph", shortened(above[place].unlabelled, LONG)), *formula]
    return []


def _summary(lesson, cell):
    """The first line of the docstring, which learners read as well."""
    answer = Reference(ROOT / "solutions" / f"{lesson.name}.py").answer(cell.name)
    said = ast.get_docstring(ast.parse(answer.source).body[0]) if answer else ""
    return shortened(" ".join((said or "").split("\n\n")[0].split()), LONG)


def _room(block):
    """Lines of text that a block takes, about."""
    lines = block.text.splitlines()
    if block.kind == "math":
        return 2.6 if "frac" in block.text else 1.8
    if block.kind == "table":
        return 1.25 * (len(lines) - 1) + 0.6
    if block.kind == "code":
        return 0.85 * (len(lines) - 2) + 1
    return sum(max(1, len(line) / WIDE) for line in lines) + 0.8


def _time(section):
    parts = [
        f"{section.minutes(kind):g} {kind}s"
        for kind in ("exercise", "experiment", "question")
        if section.minutes(kind)
    ]
    return f"About {section.telling + section.doing:.0f} minutes" + (
        f" ({', '.join(parts)})." if parts else "."
    )


def _list(rows):
    return f"<ul>{''.join(f'<li>{inline(row)}</li>' for row in rows)}</ul>"

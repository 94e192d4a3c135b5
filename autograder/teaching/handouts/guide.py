"""The instructor's page of a lab: a plan in minutes, what to draw, where people get stuck, model answers.

    guide(lesson)                    as Markdown
    write_guide(lesson, folder)      as one HTML page that needs no network, or as Markdown

Everything comes from the lesson, the misconceptions and the reference; after a workshop, from what the room got wrong.
"""

import html
from pathlib import Path

from autograder.authoring.model_answers import model_answers
from autograder.hidden import entries
from autograder.paths import ROOT
from autograder.teaching.handouts.markdown_html import in_html, shortened
from autograder.teaching.handouts.outline import Block, outline
from autograder.teaching.handouts.room_counts import ranked
from course.notebooks.lesson import LessonCell

TO_DRAW = ("math", "table", "code")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; --line: #8886; --card: #8881; }}
body {{ max-width: 50rem; margin: 0 auto; padding: 1.5rem 1.2rem 4rem; font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }}
h1 {{ font-size: 1.7rem; }} h2 {{ margin: 2.2em 0 .4em; border-bottom: 1px solid var(--line); }} h3 {{ margin: 1.4em 0 .2em; }}
table {{ border-collapse: collapse; margin: .8em 0; }} th, td {{ padding: .2em .7em; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }}
pre, blockquote {{ background: var(--card); border-radius: 6px; padding: .6em .9em; margin: .6em 0; overflow-x: auto; }}
code {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .88em; }} math {{ font-size: 1.1em; }}
.formula {{ margin: .8em 0; padding: .35em 0; overflow-x: auto; overflow-y: hidden; }}
@media print {{ h2, h3 {{ break-after: avoid; }} table, pre, blockquote {{ break-inside: avoid; }} }}
</style></head><body>
{body}
</body></html>
"""


def write_guide(lesson, folder, counts=None, kind="html"):
    """Write a lab's page.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        folder: where to; made if need be.
        counts: `{exercise: Counter of mistakes}` of a workshop, see `autograder.teaching.handouts.room_counts`.
        kind: `"html"` or `"md"`.

    Returns:
        The path written.
    """
    text = guide(lesson, counts)
    if kind == "html":
        text = PAGE.format(title=html.escape(f"{lesson.lab}: instructor's guide"), body=_headed(text))
    path = Path(folder) / f"{lesson.lab}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def guide(lesson, counts=None, root=ROOT):
    """The page as Markdown; arguments as for `write_guide`."""
    plan = outline(lesson)
    answers = model_answers(root, lesson.name)
    rows = [
        f"# {lesson.lab}: instructor's guide",
        f"*{lesson.title}*, for whoever stands in front of the room. Keep it to yourself: it holds model answers. "
        "It is generated from the lesson, the known mistakes and the reference by `autograder guide`.",
        *_plan(lesson, plan),
    ]
    for section in plan.sections:
        rows += _section(lesson, section, counts or {}, answers)
    if lesson.questions:
        rows += _grading(lesson)
    return "\n\n".join(rows) + "\n"


def _plan(lesson, plan):
    doing = sum(section.doing for section in plan.everything)
    telling = sum(section.telling for section in plan.everything)
    yield "## Plan"
    yield (
        f"Exercises, experiments and questions take about **{doing:g} minutes**; telling what stands "
        f"between them, at a board or with the slides, about {telling:.0f} more; whoever reads it alone needs half of that. "
        "Minutes of exercises are for somebody who knows Python and some Keras. The slower quarter of a room takes half as "
        "long again: move on when most are done, and let `course.carry` and catch-up bring the others along."
    )
    table = [
        "| from minute | section | telling | exercises | experiments | questions |",
        "|---|---|---|---|---|---|",
    ]
    clock = 0.0
    for section in plan.everything:
        cells = [
            f"{section.telling:.0f}",
            *(f"{section.minutes(kind):g}" for kind in ("exercise", "experiment", "question")),
        ]
        title = section.title if section is not plan.opening else "Opening"
        table.append(
            f"| {clock:.0f} | {title} | {' | '.join('' if cell == '0' else cell for cell in cells)} |"
        )
        clock += section.doing + section.telling
    table.append(f"| {clock:.0f} | *end* | | | | |")
    yield "\n".join(table)


def _section(lesson, section, counts, answers):
    time = f" · about {section.doing + section.telling:.0f} minutes" if section.doing else ""
    yield f"## {section.title}{time}"
    for step in section.steps:
        if step.title:
            yield f"### {step.title}"
        yield from _to_draw(step)
        for part in step.parts:
            if isinstance(part, LessonCell):
                write = {"exercise": _exercise, "experiment": _experiment, "question": _question}[part.kind]
                yield from write(lesson, part, counts, answers)
            elif part.label == "What to see":
                yield f"**What they should see.** {part.unlabelled}"


def _to_draw(step):
    """Formulas and worked examples before the first thing to do: what the board is for."""
    rows, lead = [], ""
    for part in step.parts:
        if isinstance(part, LessonCell):
            break
        if part.label in ("Goal", "A trap", "Example") or part.label.startswith("Step "):
            rows.append(f"**{part.label}.** {shortened(part.unlabelled, 240)}")
        if part.kind in TO_DRAW:
            if lead and lead.label == "Shapes" and f"**Shapes.** {lead.unlabelled}" not in rows:
                rows.append(f"**Shapes.** {lead.unlabelled}")
            rows.append(part.text)
        lead = part if part.kind == "paragraph" else ""
    if any(isinstance(part, Block) and part.kind in TO_DRAW for part in step.parts):
        yield "**On the board**"
    yield from rows


def _exercise(lesson, cell, counts, answers):
    dots = "●" * cell.difficulty + "○" * (3 - cell.difficulty)
    yield f"**Exercise `{cell.name}`** · {cell.minutes:g} minutes · difficulty {dots} · {cell.points:g} points"
    yield "Ask before you tell, in this order:"
    yield "\n".join(f"{number}. {hint}" for number, hint in enumerate(cell.hints, start=1))
    known, other = ranked(entries.misconceptions(lesson.name, cell.name), counts.get(cell.name, {}))
    if cell.name in counts:
        yield "Where people get stuck; in front, how often in your room:"
    else:
        yield "Where people get stuck, in the words that the checks and the grader use:"
    yield "\n".join(f"* {f'**{count}** · ' if count else ''}{says}" for says, count in known)
    if other:
        yield "Seen in your room, and no misconception that we know (a candidate for the bank):"
        yield "\n".join(f"* **{count}** · {mistake}" for mistake, count in other)


def _experiment(lesson, cell, counts, answers):
    minutes = f" · {cell.minutes:g} minute{'' if cell.minutes == 1 else 's'}" if cell.minutes else ""
    yield f"**Experiment `{cell.name}`**{minutes}. Before they run it: who dares to say what will come out?"


def _question(lesson, cell, counts, answers):
    yield f"**A question to write about** · {cell.minutes:g} minutes · {cell.points:g} points"
    yield "\n".join(f"> {row}" for row in cell.source.splitlines())
    answer = answers[cell.name]
    yield f"**Model answer.** {' '.join(answer.text.split())}"
    yield "\n".join(
        f"- {'Note' if line.points is None else f'{line.points:g}'}: {line.says}" for line in answer.rubric
    )


def _grading(lesson):
    total = sum(cell.points for cell in lesson.questions.values())
    yield "## Grading the questions"
    yield (
        f"The {len(lesson.questions)} questions carry {total:g} points, given by a person in nbgrader's formgrader. The last "
        "sentences of each model answer say what each point is for. Beyond that:"
    )
    yield "\n".join(
        (
            "| | |",
            "|---|---|",
            "| all points | both the reason and the evidence: something measured in the lab, or worked out, that bears on it |",
            "| half | the right reason without evidence, or the right figures with no reason |",
            "| none | empty, copied from the text without use, or against what the experiment showed |",
        )
    )
    yield (
        "Grade one question through the whole class before the next; write the sentence you find yourself saying a third "
        "time into a text to paste. A well-argued answer that is not the model's earns full points. Nobody loses points for "
        "English, nor for figures that differ from ours: machines do."
    )


def _headed(text):
    """Markdown whose headings are real ones; `in_html` alone takes them for paragraphs."""
    made, rows = [], []

    def flush():
        made.append(in_html("\n\n".join(rows)))
        rows.clear()

    for piece in text.split("\n\n"):
        marks = len(piece) - len(piece.lstrip("#"))
        if marks and "\n" not in piece:
            flush()
            made.append(f"<h{marks}>{in_html(piece[marks:].strip())[3:-5]}</h{marks}>")
        else:
            rows.append(piece)
    flush()
    return "\n".join(made)

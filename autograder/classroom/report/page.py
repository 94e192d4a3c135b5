"""Writes the report: one HTML page that needs nothing from anywhere, and a CSV of the same marks."""

import csv
import datetime
import math
import statistics
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from autograder.classroom.assignments import place_name
from autograder.classroom.report import item_statistics
from autograder.classroom.report.facts import KINDS, gather
from autograder.classroom.report.similar_answers import WHOLE
from course.checking import in_html

MOST_LINES = 80  # of an answer that is shown
MOST_SHOWN = 4  # learners of one group whose answers are shown side by side
COLUMNS = (
    "student",
    "exercise",
    "points",
    "of",
    "known mistake",
    "what to look at",
    "needs a person's eye",
    "off for lateness",
)


def write_report(course_dir, lesson, folder=None, progress=lambda done, total: None, lateness=None):
    """Write `LAB.html` and `LAB.csv`.

    Args:
        folder: where to; `reports/` of the course folder if left out.
        progress, lateness: see `autograder.classroom.report.facts.gather`.

    Returns:
        `(facts, page, table)`: the `Facts`, and the paths of both files.

    Raises:
        autograder.classroom.course_folder.GradeError: if nothing is graded yet.
    """
    facts = gather(course_dir, lesson, progress, lateness)
    folder = Path(course_dir) / "reports" if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / f"{place_name(lesson)}.html", folder / f"{place_name(lesson)}.csv"
    page.write_text(render(facts), encoding="utf-8")
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows(facts)])
    return facts, page, table


def render(facts, today=None):
    """The page, as HTML. Everything that came from a submission is escaped; the page holds no script."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "words": lambda text: Markup(in_html(text)),
        "points": lambda number: f"{round(number, 2):g}",
        "figure": lambda number: "–" if math.isnan(number) else f"{number:.2f}",
        "breakable": lambda name: escape(name).replace("_", Markup("_<wbr>")),
    }
    totals = facts.totals
    quartiles = statistics.quantiles(totals, n=4, method="inclusive") if len(totals) > 1 else totals * 3
    # The most frequent mistake is warmest, but one that few made is not hot.
    warmest = max([len(m.learners) for e in facts.exercises for m in e.mistakes] + [len(totals) / 5, 1])
    return environment.get_template("page.html.j2").render(
        facts=facts,
        lesson=facts.lesson,
        today=today or datetime.date.today().isoformat(),
        quartiles=quartiles,
        full=sum(total == facts.max_points for total in totals),
        tallest=max([count for *_, count in facts.bins] + [1]),
        items=item_statistics.items(
            {exercise.name: exercise.points for exercise in facts.exercises},
            [{mark.exercise: mark.points for mark in learner.verdict.marks} for learner in facts.graded],
        ),
        enough=item_statistics.ENOUGH,
        eyes=_eyes(facts),
        alike=[(group, _side_by_side(facts, group)) for group in facts.alike],
        numbers={learner.name: number for number, learner in enumerate(facts.learners, start=1)},
        heat=lambda count: round(6 + 54 * count / warmest),
        counted=lambda count, one, many: f"{count} {one if count == 1 else many}",
    )


def _eyes(facts):
    """`(heading, what to do, [(learner, sentences)])` of each kind that occurs."""
    found = []
    for kind, (heading, cure) in KINDS.items():
        named = [(learner, [text for k, text in learner.eyes if k == kind]) for learner in facts.learners]
        named = [(learner, texts) for learner, texts in named if texts]
        if named:
            found.append((heading, cure, named))
    return found


def _side_by_side(facts, group):
    """`(place, [(learner, code)])` of what is alike."""
    places = group.where
    if places == [WHOLE]:
        places = list(facts.lesson.exercises)
    found = []
    for place in places:
        shown = [
            (name, _cut(facts.code[name][place]))
            for name in group.learners[:MOST_SHOWN]
            if place in facts.code[name]
        ]
        if len(shown) > 1:
            found.append((place, shown))
    return found


def _cut(text):
    lines = [line[:300] for line in text.strip().splitlines()]
    left = len(lines) - MOST_LINES
    return "\n".join(lines[:MOST_LINES] + ([f"... and {left} lines more"] if left > 0 else []))


def rows(facts):
    """The CSV's rows: one for each learner and exercise, so that a spreadsheet can turn it any way."""
    for learner in facts.learners:
        alike = any(learner.name in group.learners for group in facts.alike)
        eyes = "; ".join(
            [*(text for _, text in learner.eyes), *(["near-identical answers"] if alike else [])]
        )
        if not learner.graded:
            yield [_plain(learner.name), "", "", "", "", "", _plain(eyes), ""]
            continue
        for mark in learner.verdict.marks:
            first = mark.problems[0] if mark.problems else ""
            yield [
                _plain(learner.name),
                mark.exercise,
                f"{mark.points:g}",
                f"{mark.max_points:g}",
                mark.diagnosis,
                _plain(first),
                _plain(eyes),
                f"{round(learner.lateness.off(mark.points), 2):g}" if _by_part(learner.lateness) else "",
            ]


def _by_part(lateness):
    """Whether lateness takes a part of every exercise's points; a plug-in's points come off the whole lab."""
    return lateness is not None and bool(lateness.share)


def _plain(text):
    """Text that no spreadsheet takes for a formula: it may be a learner's."""
    text = " ".join(text.split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text

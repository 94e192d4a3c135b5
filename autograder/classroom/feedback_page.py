"""A verdict in words: what a learner reads in a graded notebook and on nbgrader's feedback page."""

import html

import nbformat

from autograder.classroom.assignments import mark_cells
from course.checking import in_html

SUMMARY = "summary-of-the-grader"
WAITS = "not graded yet: a person reads it"
CELL = 'style="padding:4px 16px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid #ccc"'


def write_verdict(notebook, verdict, lesson):
    """Put each mark into its grade cells as the result nbgrader reads, with the words a learner reads."""
    places = mark_cells(lesson)
    marks = {mark.exercise: mark for mark in verdict.marks}
    wrong = {mark.exercise for mark in verdict.marks if not mark.right}
    for cell in notebook.cells:
        course = cell.metadata.get("course", {})
        exercise, share = places.get(course.get("name"), ("", 0.0))
        if course.get("role") in ("check", "test") and exercise in marks:
            mark = marks[exercise]
            data = {"text/plain": str(float(mark.points * share)), "text/html": mark_in_html(mark, wrong)}
            cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
            cell.execution_count = 1
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(summary(verdict, lesson.questions), id=SUMMARY))


def summary(verdict, questions=()):
    """The whole verdict on one screen, for the top of the feedback page: Markdown with one HTML table.

    Args:
        questions: name -> `Cell` of those that a person grades.
    """

    def cell(text):
        # A learner's error message may hold anything: no table, link, picture or formula is to come of it.
        text = in_html(text).replace("|", "&#124;").replace("[", "&#91;").replace("$", "&#36;")
        return text.replace("\n", " ")

    def row(*texts, tag="td"):
        return "<tr>" + "".join(f"<{tag} {CELL}>{text}</{tag}>" for text in texts) + "</tr>"

    rows = [row("exercise", "points", "what to look at", tag="th")]
    for mark in verdict.marks:
        first = cell(mark.problems[0]) if mark.problems else ""
        rows.append(row(cell(mark.exercise), f"{mark.points:g} of {mark.max_points:g}", first))
    for name in questions:
        rows.append(row(f"question: {cell(name)}", _open(name, questions[name].points), ""))
    parts = [f"**Exercises: {verdict.points:g} of {verdict.max_points:g} points**"]
    # In one line: Markdown would read on after an empty one.
    parts.append(f'<table style="border-collapse:collapse;margin-bottom:14px">{"".join(rows)}</table>')
    notes = [note.text for note in verdict.notes if note.for_learners]
    if notes:
        parts += ["What the grader did to the file:", "\n".join(f"* {cell(note)}" for note in notes)]
    return "\n\n".join(parts)


def _open(name, points):
    return f'<span class="question-{html.escape(name)}">of {points:g}, {WAITS}</span>'


def mark_in_html(mark, wrong=()):
    """One exercise's verdict for the feedback page.

    Args:
        wrong: exercises that lost points: those that follow-through replaced for a reason.
    """
    colour = "#2e7d32" if mark.right else "#c62828" if mark.points == 0 else "#e65100"
    rows = "".join(f"<li>{in_html(problem)}</li>" for problem in mark.problems)
    helped = ""
    if mark.helped:
        names = ", ".join([name for name in mark.helped if name in wrong] or mark.helped)
        helped = f"<p>Marked with sound versions of {html.escape(names)}, so that an earlier mistake costs nothing here.</p>"
    return (
        f'<div style="border-left:4px solid {colour};padding:4px 12px"><b>{html.escape(mark.exercise)}: '
        f"{mark.points:g} of {mark.max_points:g} points</b><ul>{rows}</ul>{helped}</div>"
    )

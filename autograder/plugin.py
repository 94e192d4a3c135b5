"""What stock nbgrader is given in the place of its own reading and executing of submissions.

`RepairingExporter` reads a submission, whatever its state. `GradeInSandbox` replaces `Execute`: it has the notebook
judged and writes each verdict into its grade cell, where nbgrader looks for a score. Gradebook, formgrader, feedback
and export are nbgrader's own.
"""

import atexit
import html
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Integer, Unicode

from autograder.grading import DEFAULT_SEED, Grader, MachineFault, Verdict, verdict_path
from autograder.repair import read_submission, repair
from course.checking import in_html
from course.lesson import find_lesson


class RepairingExporter(NotebookExporter):
    """Reads a submitted notebook into the released one's frame. Used by `nbgrader autograde`."""

    def from_filename(self, filename, resources=None, **options):
        autograde = self.parent
        if not autograde._sanitizing:  # the second pass reads what the first one wrote
            return super().from_filename(filename, resources=resources, **options)
        names = resources["nbgrader"]
        folder = autograde.coursedir.format_path(
            autograde.coursedir.release_directory, ".", names["assignment"]
        )
        release = Path(folder) / f"{names['notebook']}.ipynb"
        if not release.exists():
            raise NbGraderException(
                f"{release} is missing; run `autograder build --course .` in the course folder first"
            )
        repaired = repair(nbformat.read(release, as_version=4), read_submission(filename))
        repaired.notebook.metadata.course["repairs"] = repaired.notes
        return self.from_notebook_node(repaired.notebook, resources=resources, **options)


class GradeInSandbox(NbGraderPreprocessor):
    """Judges a notebook and writes the verdict into its grade cells."""

    seed = Integer(DEFAULT_SEED, help="What probes draw shapes and values from.").tag(config=True)
    isolation = Unicode("full", help="'full', or 'none' to grade where code cannot be shut in.").tag(
        config=True
    )
    seconds = Float(10.0, help="Processor seconds one cell or probe may take.").tag(config=True)

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        lesson = find_lesson(nb.metadata.course["lab"])
        path = verdict_path(Path.cwd(), lesson.lab, names["student"])
        notes = nb.metadata.course.pop("repairs", [])
        try:
            verdict = shared_grader(self.isolation, self.seed, self.seconds).grade(lesson, nb, notes)
        except MachineFault as fault:
            Verdict(lesson.lab, self.seed, notes=notes, regrade=str(fault)).save(path)
            _forget_marks(names)
            raise NbGraderException(f"{names['student']} has to be graded again: {fault}") from fault
        write_verdict(nb, verdict)
        verdict.save(path)
        return nb, resources


_GRADERS = {}


def shared_grader(isolation, seed, seconds):
    """One `Grader`, with its warm server, for all submissions of a run."""
    key = (isolation, seed, seconds)
    if key not in _GRADERS:
        _GRADERS[key] = Grader(isolation, seed, seconds)
        atexit.register(close_graders)
    return _GRADERS[key]


def close_graders():
    """End the warm servers."""
    while _GRADERS:
        _GRADERS.popitem()[1].close()


def _forget_marks(names):
    """A fault of the machine is no mark: leave the scores open and ask for a person's eye."""
    with Gradebook(names["db_url"]) as gradebook:
        notebook = gradebook.find_submission_notebook(
            names["notebook"], names["assignment"], names["student"]
        )
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        gradebook.db.commit()


def write_verdict(notebook, verdict):
    """Put each mark into its grade cell as the result nbgrader reads, with the words a learner reads."""
    marks = {mark.exercise: mark for mark in verdict.marks}
    for cell in notebook.cells:
        course = cell.metadata.get("course", {})
        if course.get("role") == "check" and course.get("name") in marks:
            mark = marks[course["name"]]
            data = {"text/plain": str(float(mark.points)), "text/html": mark_in_html(mark)}
            cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
            cell.execution_count = 1
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(summary(verdict), id="summary-of-the-grader"))


def summary(verdict):
    """The whole verdict on one screen, for the top of the feedback page: Markdown."""

    def cell(text):
        # A learner's error message may hold anything: no table, link or picture is to come of it.
        return in_html(text).replace("|", "&#124;").replace("[", "&#91;").replace("\n", " ")

    rows = [f"**Exercises: {verdict.points:g} of {verdict.max_points:g} points**", ""]
    rows += ["| exercise | points | what to look at |", "|---|---|---|"]
    for mark in verdict.marks:
        first = cell(mark.problems[0]) if mark.problems else ""
        rows.append(f"| {cell(mark.exercise)} | {mark.points:g} of {mark.max_points:g} | {first} |")
    if verdict.notes:
        rows += ["", "What the grader did to the file:", "", *(f"* {cell(note)}" for note in verdict.notes)]
    return "\n".join(rows)


def mark_in_html(mark):
    """One exercise's verdict for the feedback page."""
    colour = "#2e7d32" if mark.right else "#c62828" if mark.points == 0 else "#e65100"
    rows = "".join(f"<li>{in_html(problem)}</li>" for problem in mark.problems)
    helped = ""
    if mark.helped:
        names = ", ".join(mark.helped)
        helped = f"<p>Marked with sound versions of {html.escape(names)}, so that an earlier mistake costs nothing here.</p>"
    return (
        f'<div style="border-left:4px solid {colour};padding:4px 12px"><b>{html.escape(mark.exercise)}: '
        f"{mark.points:g} of {mark.max_points:g} points</b><ul>{rows}</ul>{helped}</div>"
    )

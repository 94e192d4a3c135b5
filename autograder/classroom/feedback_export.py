"""The page a learner gets back: our own, made of what nbgrader recorded, with the notebook below. Used by `nbgrader generate_feedback`.

It holds no script and needs no network: formulas are MathML, pictures are in the page.
"""

import html
import re
from pathlib import Path

import jinja2
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.classroom.assignments import find_notebook, mark_cells, verdict_file
from autograder.classroom.feedback_page import SUMMARY
from autograder.classroom.learner_markdown import in_html as markdown
from autograder.classroom.marking.gradebook import PREFIX, answered
from autograder.judge.errors import JudgeError
from autograder.judge.outcome import Status
from autograder.judge.verdict import Verdict
from course.checking import in_html
from course.errors import CourseError

MOST_OUTPUT = 4_000  # characters of one output
HINT = re.compile(r"<details><summary>([^<]*)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)


class WhoMarked(NbGraderPreprocessor):
    """Notes in each graded cell what only the gradebook knows: whether a person still has to look, or has."""

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            notebook = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            known = {grade.name: grade for grade in notebook.grades}
            for cell in nb.cells:
                grade = known.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
                if grade is not None:
                    manual = grade.manual_score is not None or bool(grade.extra_credit)
                    cell.metadata.nbgrader.update(waits=grade.needs_manual_grade, manual=manual)
        return nb, resources


class FeedbackExporter(HTMLExporter):
    """Makes the page. An assignment that trusted grading does not know gets nbgrader's own."""

    def from_notebook_node(self, nb, resources=None, **options):
        names, root = resources["nbgrader"], self.parent.coursedir.root
        try:
            lesson = find_notebook(root, names["assignment"], names["notebook"])
        except (CourseError, JudgeError, LookupError):
            return super().from_notebook_node(nb, resources=resources, **options)
        nb, resources = self._preprocess(nb, self._init_resources(resources))
        names = resources["nbgrader"]
        path = verdict_file(root, lesson, names["student"])
        try:
            verdict = Verdict.load(path)
        except (OSError, ValueError, TypeError, KeyError):
            verdict = None  # taken away since; the gradebook still has the points
        resources["output_extension"] = ".html"
        return render(lesson, nb, verdict, names), resources


def render(lesson, nb, verdict, names) -> str:
    """The page, as HTML.

    Args:
        nb: the graded notebook, as nbgrader's preprocessors left it.
        verdict: the judge's `Verdict`, or `None`.
        names: nbgrader's resources: `score`, `max_score` and `late_penalty`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "points": lambda number: f"{round(number, 2):g}",
        "words": lambda text: Markup(in_html(text)),
        "sentence": _sentence,
        "markdown": lambda text: Markup(markdown(text)),
        "breakable": _breakable,
        "code": lambda text: Markup(highlight(text, PythonLexer(), HtmlFormatter(nowrap=True))),
    }
    marks = {mark.exercise: mark for mark in verdict.marks} if verdict else {}
    exercises, questions = _exercises(lesson, nb, marks), _questions(lesson, nb)
    return (
        environment.get_template("feedback_page.html.j2").render(
            title=getattr(lesson, "title", lesson.name),
            exercises=exercises,
            questions=questions,
            notes=[note.text for note in verdict.notes if note.for_learners] if verdict else [],
            late=names.get("late_penalty") or 0,
            lateness=names.get("lateness") or "",
            score=names.get("score") or 0,
            earned=sum(one["score"] for one in exercises),
            possible=sum(one["most"] for one in exercises),
            read=[one for one in questions if not one["waits"]],
            cells=[_cell(cell) for cell in nb.cells if cell.get("id") != SUMMARY],
        )
        + "\n"
    )


def _exercises(lesson, nb, marks):
    """What the page says of each exercise; its points are those of all cells that its mark goes to."""
    places, found = mark_cells(lesson), {}
    wrong = {name for name, mark in marks.items() if not mark.right}
    sources = {_name(cell): cell.source for cell in nb.cells if _role(cell) == "answer"}
    for cell in nb.cells:
        if _role(cell) in ("check", "test") and _name(cell) in places:
            given, (name, share) = cell.metadata.get("nbgrader", {}), places[_name(cell)]
            one = found.setdefault(
                name, {"name": name, "score": 0, "most": 0, "changed": False, "waits": False}
            )
            one["score"] += given.get("score") or 0
            one["most"] += given.get("points") or lesson.exercises[name].points * share
            one["changed"] |= bool(given.get("manual"))
            one["waits"] |= bool(given.get("waits"))
    for name, one in found.items():
        mark = marks.get(name)
        problems = list(mark.problems) if mark else []
        unwritten = bool(mark) and mark.status is Status.UNWRITTEN
        right = one["score"] >= one["most"]
        one |= {
            "state": "right" if right else "unwritten" if unwritten else "part" if one["score"] else "wrong",
            "named": bool(mark and mark.diagnosis),
            "problems": [] if unwritten else problems,
            "examples": mark.examples if mark else [],
            "helped": [other for other in mark.helped if other in wrong] if mark else [],
            "source": sources.get(name, ""),
        }
    return list(found.values())


def _questions(lesson, nb):
    found = []
    for cell in nb.cells:
        given = cell.metadata.get("nbgrader", {})
        name = _name(cell).removeprefix(PREFIX)
        if _role(cell) == "question" and name in lesson.questions:
            written = answered(cell.source)
            comment = given.get("comment") or ""
            found.append(
                {
                    "name": name,
                    "score": given.get("score") or 0,
                    "most": given.get("points") or lesson.questions[name].points,
                    "written": written,
                    # Nobody has to read an answer that is not there.
                    "waits": bool(given.get("waits")) and written,
                    "comment": "" if comment == "No response." else comment,
                    "answer": Markup(markdown(cell.source, cell.get("attachments"))) if written else "",
                }
            )
    return found


def _cell(cell):
    """One cell of the notebook, as the page shows it."""
    anchor = f"cell-{_name(cell)}" if _role(cell) in ("answer", "question") else ""
    if cell.cell_type == "markdown":
        return {"kind": "markdown", "anchor": anchor, "html": Markup(_prose(cell))}
    outputs = (
        [] if _role(cell) in ("check", "test") else [_output(output) for output in cell.get("outputs", [])]
    )
    return {
        "kind": cell.cell_type,
        "anchor": anchor,
        "source": cell.source,
        "outputs": [one for one in outputs if one],
    }


def _prose(cell):
    """Markdown with the folded hints that the lessons hold; all other HTML is shown as written."""
    made, at = [], 0
    for hint in HINT.finditer(cell.source):
        made.append(markdown(cell.source[at : hint.start()], cell.get("attachments")))
        made.append(f"<details><summary>{html.escape(hint[1])}</summary>{markdown(hint[2])}</details>")
        at = hint.end()
    return "".join([*made, markdown(cell.source[at:], cell.get("attachments"))])


def _output(output):
    """Text or a picture; HTML that a learner's code made stays out."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        if re.fullmatch(r"[A-Za-z0-9+/=]*", picture):
            return {"picture": Markup(f"data:image/png;base64,{picture}"), "text": ""}
    text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
    text = re.sub(r"\x1b\[[0-9;]*m", "", text if isinstance(text, str) else "".join(text))
    return {"picture": "", "text": text[:MOST_OUTPUT]} if text.strip() else None


def _sentence(text):
    """A problem as a sentence of its own."""
    text = text.strip()
    text = text if text[:1] == "`" else text[:1].upper() + text[1:]
    return Markup(in_html(text if text.endswith((".", "?", "!", ":")) else f"{text}."))


def _breakable(name):
    """A long name that may break after an underscore and before a capital."""
    broken = re.sub(r"(?<=[a-z])(?=[A-Z])", "\0", name).replace("_", "_\0")
    return escape(broken).replace("\0", Markup("<wbr>"))


def _role(cell):
    return cell.metadata.get("course", {}).get("role")


def _name(cell):
    return cell.metadata.get("course", {}).get("name", "")

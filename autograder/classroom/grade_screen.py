"""Shows on a terminal what happens while a class is graded."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from autograder.classroom import grade_events as events
from autograder.classroom.class_table import class_facts, class_table, legend
from autograder.classroom.course_folder import NOTHING, printable
from autograder.classroom.grade_class import grade_class
from autograder.classroom.lms.roster import list_names
from autograder.console import console, progress, short_path


def show_grading(course_dir: Any, lab: str, facts: dict | None = None, **options: Any) -> list:
    """Grade a class before a person's eyes.

    Args:
        course_dir, lab: see `autograder.classroom.grade_class.grade_class`.
        facts: filled with the same, for `--json`.
        options: its other arguments.

    Returns, raises:
        See there.
    """
    with GradeScreen(facts) as screen:
        return grade_class(course_dir, lab, tell=screen.tell, **options)


class GradeScreen:
    """Shows each `GradeEvent`. A context manager: an error leaves no bar behind.

    Args:
        facts: filled with what is shown, in plain values.
    """

    def __init__(self, facts: dict | None = None) -> None:
        self._facts = {} if facts is None else facts
        self._graded: list[events.NotebookGraded] = []
        self._live = contextlib.ExitStack()  # the bars or the one line that is at work
        self._bars: Any = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._live.close()

    @functools.singledispatchmethod
    def tell(self, event: events.GradeEvent) -> None:
        """Show an event."""

    def _status(self, text):
        self._live.close()
        self._live.enter_context(console.status(text))

    @tell.register
    def _(self, event: events.Releasing) -> None:
        self._status("building the labs into the course folder")

    @tell.register
    def _(self, event: events.AllGraded) -> None:
        self._live.close()
        console.print("Everything is graded already; --force grades it again.")

    @tell.register
    def _(self, event: events.Preparing) -> None:
        where = f"looking for workers at {escape(event.scheduler)}" if event.scheduler else ""
        self._status(where or "starting the warm server (importing libraries once)")

    @tell.register
    def _(self, event: events.Judging) -> None:
        self._live.close()
        self._bars = self._live.enter_context(progress())
        self._judging = self._bars.add_task("judging", total=event.notebooks)
        self._recording = self._bars.add_task("recording in the gradebook", total=event.learners)
        self._name_notebooks = event.notebooks > event.learners

    @tell.register
    def _(self, event: events.Judged) -> None:
        self._bars.advance(self._judging)
        name, verdict = event.student, event.verdict
        if self._name_notebooks:
            name += f"/{event.notebook}"
        points = f"{verdict.points:g} of {verdict.max_points:g}" if verdict else "[magenta]once more[/]"
        self._bars.console.print(f"  {escape(name):<12} {points}", highlight=False)

    @tell.register
    def _(self, event: events.Recorded) -> None:
        self._bars.advance(self._recording)

    @tell.register
    def _(self, event: events.JudgingDone) -> None:
        self._live.close()
        plural = "s" if event.learners > 1 else ""
        each = event.seconds / event.learners
        console.print(
            f"{event.learners} submission{plural} in {event.seconds:.0f} s ({each:.2f} s each), {event.place}."
        )

    @tell.register
    def _(self, event: events.LatenessChanged) -> None:
        names = list_names(event.students)
        console.print(f"Lateness was worked out anew, without judging again, for {names}.", markup=False)

    @tell.register
    def _(self, event: events.NotebookGraded) -> None:
        self._live.close()
        self._graded.append(event)
        # What lateness costs comes off an assignment, not off each of its notebooks.
        lateness = {} if getattr(event.lesson, "several", False) else event.lateness
        console.print(class_table(event.lesson, event.graded, lateness, event.left_out))
        console.print(legend(event.lesson))

    @tell.register
    def _(self, event: events.WritingFeedback) -> None:
        self._status("writing feedback pages and the CSV")

    @tell.register
    def _(self, event: events.Finished) -> None:
        self._live.close()
        self._facts.update(_facts(self._graded, event))
        console.print("[bold]=[/] a known misconception, recognised")
        if len(self._graded) > 1:
            for student, late in self._graded[0].lateness.items():
                if late.words:
                    console.print(f"{student}: {late.words}.", markup=False, highlight=False)
        _say_where(event)
        _say_what_is_left(event.left_out, event.failed)


def _facts(graded, event):
    notebooks = [
        class_facts(one.lesson, one.graded, one.lateness, one.left_out, event.failed) for one in graded
    ]
    if len(notebooks) == 1:
        return notebooks[0]
    left = {"left_out": dict(event.left_out), "still_to_do": dict(event.failed)}
    return {"lab": graded[0].lesson.lab, "notebooks": notebooks} | left


def _say_what_is_left(left_out: Mapping[str, str], failed: Mapping[str, str]) -> None:
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(printable(name))
    for reason, names in reasons.items():
        colour = "dim" if reason == NOTHING else "red"
        console.print(
            f"[{colour}]left out: {escape(list_names(names))}: {escape(reason)}[/]", highlight=False
        )
    reasons = {}
    for name, reason in failed.items():
        reasons.setdefault(reason, []).append(printable(name))
    for reason, names in reasons.items():
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        console.print(f"[red]still to do: {escape(shown)}: {escape(reason)}[/]", highlight=False)


def _say_where(event):
    first = event.notebooks[0]
    file, name = event.gradebook
    rows = [("gradebook", file, f"autograder formgrader {first.number} opens it")] if file else []
    if not file:
        console.print(f"[bold]gradebook [/] {escape(name)}", highlight=False, soft_wrap=True)
    if event.feedback:
        pages = first.name if len(event.notebooks) == 1 else "NOTEBOOK"
        rows.append(("feedback", event.course_dir / "feedback", f"STUDENT/{first.lab}/{pages}.html"))
        rows.append(("CSV", event.course_dir / f"{first.lab}.csv", "all marks, nbgrader's export"))
    rows.append(("log", event.course_dir / "grading.log", "what nbgrader said"))
    for what, path, note in rows:
        line = f"[bold]{what:<10}[/] {escape(short_path(path))}  [dim]{escape(note)}[/]"
        console.print(line, highlight=False, soft_wrap=True)
    answers, questions = event.waiting
    if answers:
        line = f"{answers} answer{'s' if answers > 1 else ''} to {questions} question{'s' if questions > 1 else ''} "
        line += f"wait{'' if answers > 1 else 's'} for a person: autograder mark {first.number}"
        console.print(line, highlight=False)
    console.print(f"What the class understood: autograder report {first.number}", highlight=False)

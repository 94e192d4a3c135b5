"""What a learner can ask for inside a workshop: marks at once, and an answer that the instructor has released."""

import contextlib
import html
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from course.checking import in_html
from course.errors import CourseError
from course.notebooks.lesson import find_exercise, find_lesson
from course.notebooks.shell import notebook_shell
from course.workshop import board_client

SAVED = 20  # seconds a notebook may be old on disk before its learner is told so
WAIT = 180  # seconds for marks; the queue is short
MARK = "# Caught up"  # how a cell begins that holds the course's answer; see `autograder.classroom.waived_answers`


class NoWorkshop(CourseError):
    """There is no workshop here, or its board says no. Says what to do."""


def submit(lab=None, notebook=None):
    """Hand in this notebook and have it graded now.

    Args:
        lab: such as `attention` or `1`; found out by itself in a lab's notebook.
        notebook: its path, if that cannot be found out.

    Returns:
        `Marks`, which show themselves as a table.

    Raises:
        NoWorkshop: outside a workshop, or if the notebook cannot be found or graded; the text says what to do.
    """
    _expect_workshop(
        "course.submit()", "Your marks come when your instructor has graded the notebook you hand in."
    )
    path = _path(lab, notebook)
    age = time.time() - path.stat().st_mtime
    from course.notebooks.notebook import read

    lesson = find_lesson(read(path).lab)
    if age > SAVED:
        print(
            f"Grading {path.name} as it was saved {_ago(age)}. Newer changes? Save (Ctrl-S) and run this again."
        )
    answer = _ask("submit", {"lab": lesson.lab, "notebook": path.read_text(encoding="utf-8")}, WAIT)
    _hand_in(lesson, path)
    return Marks(lesson, answer)


class Marks:
    """What grade-now found. Shows itself as a table."""

    def __init__(self, lesson, answer):
        self.lesson, self.marks, self.notes = lesson, answer["marks"], answer.get("notes", [])
        self.seconds = answer.get("seconds")

    @property
    def points(self):
        return sum(mark["points"] for mark in self.marks)

    @property
    def max_points(self):
        return sum(mark["max_points"] for mark in self.marks)

    def headline(self):
        questions = sum(cell.points for cell in self.lesson.questions.values())
        more = f"; questions for a person to read: {questions:g} more" if questions else ""
        return f"{self.lesson.title}: {self.points:g} of {self.max_points:g} points{more}"

    def __str__(self):
        rows = [self.headline()]
        for mark in self.marks:
            rows.append(f"  {mark['exercise']}: {mark['points']:g} of {mark['max_points']:g}")
            rows += [f"      {problem}" for problem in mark["problems"][:3]]
        return "\n".join([*rows, *self.notes])

    __repr__ = __str__

    def _repr_html_(self):
        rows = ""
        for mark in self.marks:
            right, none = mark["points"] == mark["max_points"], not mark["points"]
            colour = "#2e7d32" if right else "#c62828" if none else "#b45309"
            said = "<br>".join(in_html(problem) for problem in mark["problems"][:3])
            rows += (
                f'<tr><td style="text-align:left"><code>{html.escape(mark["exercise"])}</code></td>'
                f'<td style="color:{colour};white-space:nowrap"><b>{mark["points"]:g}</b> of {mark["max_points"]:g}</td>'
                f'<td style="text-align:left">{said}</td></tr>'
            )
        notes = "".join(f"<p>{in_html(note)}</p>" for note in self.notes)
        return f"<b>{html.escape(self.headline())}</b><table>{rows}</table>{notes}"


def catch_up(exercise):
    """Put the course's answer to an exercise into this notebook, if the instructor has released it.

    It comes in a cell of its own, marked as the course's, and earns no points; what builds on it does.

    Args:
        exercise: its name, or the function or class itself.

    Raises:
        NoWorkshop: outside a workshop, or before the exercise is released.
        course.errors.UnknownName: if there is no such exercise; the message names the nearest.
    """
    name = exercise if isinstance(exercise, str) else getattr(exercise, "__name__", str(exercise))
    find_exercise(name)
    _expect_workshop(f'course.catch_up("{name}")', f'course.hint("{name}") helps everywhere.')
    answer = _ask(f"answers/{name}", {})
    source = f"{MARK}: {name} is the course's answer, and earns no points.\n\n{answer['source']}"
    shell = notebook_shell()
    if shell is None:
        print(source)
        return
    shell.set_next_input(source)
    print(
        f"The course's {name} is in the new cell below: read it, then run it. Keep it below your own {name}. It earns no points."
    )


def _expect_workshop(call, instead):
    if not board_client.joined():
        raise NoWorkshop(f"{call} works inside a workshop that your instructor runs. {instead}")


def _ask(path, body, timeout=board_client.TIMEOUT):
    try:
        return board_client.ask(path, body, timeout)
    except board_client.BoardRefuses as no:
        raise NoWorkshop(str(no)) from None
    except OSError as error:
        raise NoWorkshop(
            f"The workshop's board cannot be reached ({getattr(error, 'reason', error)}). Try again in a moment; "
            "your work is safe in your notebook."
        ) from None


def _path(lab, given):
    """The notebook to hand in."""
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file():
            raise NoWorkshop(f"There is no notebook {given}.")
        return path
    # JupyterLab tells each kernel the path of its notebook; other frontends may not.
    told = os.environ.get("JPY_SESSION_NAME", "")
    for place in (Path(told), Path.home() / told.lstrip("/"), Path.cwd() / Path(told).name):
        if told.endswith(".ipynb") and place.is_file():
            return place
    if lab is not None:
        lesson = find_lesson(str(lab))
        names = [Path.cwd() / f"{lesson.name}.ipynb", Path.home() / lesson.lab / f"{lesson.name}.ipynb"]
        found = [path for path in names if path.is_file()]
    else:
        found = sorted(Path.cwd().glob("*.ipynb"))
    if len(found) == 1 or (lab is not None and found):
        return found[0]
    raise NoWorkshop('Name the notebook to hand in: course.submit(notebook="attention.ipynb").')


def _ago(seconds):
    minutes = round(seconds / 60)
    return f"{seconds:.0f} seconds ago" if minutes < 2 else f"{minutes} minutes ago"


def _hand_in(lesson, path):
    """Hand in to nbgrader's exchange as well, where the workshop has one. Marks do not wait for it.

    Returns:
        The thread that does it, or `None` without an exchange.
    """
    if not os.environ.get("COURSE_WORKSHOP_EXCHANGE"):
        return None

    def work():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = [sys.executable, "-m", "nbgrader", "submit", lesson.lab]
            folder = path.resolve().parents[1]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode == 0:
                print(f"Handed in: {lesson.lab}.")
                return
        print("Graded, but not handed in to nbgrader's exchange: in a terminal, nbgrader submit says why.")

    thread = threading.Thread(
        target=work, name="workshop-hand-in"
    )  # no daemon: a kernel that ends waits for it
    thread.start()
    return thread

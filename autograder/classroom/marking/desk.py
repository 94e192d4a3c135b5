"""What the marker's desk shows and does; `autograder.classroom.marking.web` puts it on the web.

Every click is in nbgrader's gradebook before it is answered, so closing the page or the terminal loses nothing. The gradebook
is read anew for every answer, so formgrader may be open beside it.
"""

import getpass
import hashlib
import hmac
import math
import secrets
import threading
import time
from pathlib import Path

from autograder.authoring.model_answers import model_answers
from autograder.authoring.own_course.description import OwnNotebook
from autograder.classroom.assignments import place_name
from autograder.classroom.learner_markdown import in_html
from autograder.classroom.marking.after_release import changes, open_requests, request_rows
from autograder.classroom.marking.answer_groups import comments, groups
from autograder.classroom.marking.gradebook import ClassAnswers, digest
from autograder.classroom.marking.history import History, add_request, requests
from autograder.paths import ROOT
from course.errors import CourseError

HELD = 90  # seconds for which an answer is somebody's after their last sign of life
MOST_COMMENT = 5_000


class Unfit(CourseError):
    """What was sent is nothing that can be recorded; says why."""


class Desk:
    """One lab's written answers, to be marked by one or several people.

    Args:
        course_dir: the course folder.
        lesson: the `Lesson`.
        config: its nbgrader configuration.
        anonymous: whether names stay hidden.
        root: the project's folder, which holds the model answers.
    """

    def __init__(self, course_dir: Path, lesson, config, anonymous: bool = False, root: Path = ROOT):
        self.folder, self.lesson, self.anonymous = Path(course_dir), lesson, anonymous
        self.answers = ClassAnswers(course_dir, lesson, config)
        self.history = History(course_dir, place_name(lesson))
        self.models = {} if isinstance(lesson, OwnNotebook) else model_answers(root, lesson.name)
        self._salt, self._held, self._lock = secrets.token_bytes(16), {}, threading.RLock()

    # what is shown

    def overview(self) -> dict:
        """The questions, how far each is, objections, and what has changed since marks were given out."""
        with self._lock:
            texts, given, events = self.answers.texts(), self.answers.given(), self.history.read()
            names = self._names(texts)
            rows = []
            for name, cell in self.lesson.questions.items():
                here = [given[student, name] for student in texts if (student, name) in given]
                rows.append(
                    {
                        "name": name,
                        "points": cell.points,
                        "answers": len(here),
                        "waits": sum(one.waits for one in here),
                        "average": _average(
                            [one.score for one in here if not one.waits and one.score is not None]
                        ),
                    }
                )
            return {
                "lab": self.lesson.lab,
                "title": self.lesson.title
                if isinstance(self.lesson, OwnNotebook)
                else f"Lab {self.lesson.number}: {self.lesson.title}",
                "anonymous": self.anonymous,
                "you": _login(),
                "questions": rows,
                "requests": request_rows(
                    self.lesson, requests(self.folder, self.lesson), events, names, self._id, self.anonymous
                ),
                "released": next((e["at"] for e in reversed(events) if e["what"] == "released"), ""),
                "changes": changes(self.answers.scores, events, names, self.anonymous),
            }

    def question(self, name: str, tab: str = "") -> dict:
        """Everything about one question: its text, model answer, rubric, and the answers, those that are alike as one.

        Raises:
            Unfit: for a question that the lab has not.
        """
        cell, model = self._cell(name), self.models.get(name)
        with self._lock:
            texts, given, events = self.answers.texts(), self.answers.given(), self.history.read()
            rubric = model.rubric if model else ()
            return {
                "name": name,
                "points": cell.points,
                "prompt": in_html(cell.source),
                "model": in_html(model.text) if model else "",
                "rubric": [{"points": line.points, "says": in_html(line.says)} for line in rubric],
                "groups": self._groups(name, texts, given, events),
                "comments": comments(name, given, events),
                "held": self._holders(name, tab),
            }

    def _groups(self, name, texts, given, events):
        objections = {one.student: one for one in self._open_requests(events) if one.name == name}
        return groups(name, texts, given, events, self._names(texts), objections, self._id)

    def _open_requests(self, events):
        return open_requests(requests(self.folder, self.lesson), events)

    # what a marker does

    def mark(self, marker: str, name: str, ids: list, score, lines: list, comment, seen: dict) -> list[dict]:
        """Give points and comment to an answer, or to several that say the same.

        Args:
            marker: who.
            name: the question.
            ids: whose, as `question` names them.
            score: points from 0 to the question's; `None` takes them back.
            lines: numbers of the rubric's lines that were clicked.
            comment: what the learner reads; `None` leaves it as it is.
            seen: id -> `[score, waits, comment]` as the marker saw it.

        Returns:
            The question's groups as they are now.

        Raises:
            Unfit: for what cannot be recorded.
            autograder.classroom.marking.gradebook.Changed: if somebody else was faster.
        """
        cell = self._cell(name)
        if score is not None and not (_number(score) and 0 <= score <= cell.points):
            raise Unfit(f"Points go from 0 to {cell.points:g}.")
        if comment is not None and (not isinstance(comment, str) or len(comment) > MOST_COMMENT):
            raise Unfit(f"A comment is a text of at most {MOST_COMMENT} characters.")
        with self._lock:
            texts = self.answers.texts()
            told = seen if isinstance(seen, dict) else {}
            expected = {student: told.get(self._id(student)) for student in self._students(ids, texts)}
            given = self.answers.give(name, expected, score, comment)
            says = [line.says for line in self._lines(name, lines)]
            for student, before in given.items():
                self.history.add(
                    "mark",
                    marker=_marker(marker),
                    student=student,
                    question=name,
                    score=score,
                    before=before.score,
                    lines=[number for number in lines if isinstance(number, int)],
                    says=says,
                    comment=before.comment if comment is None else comment,
                    digest=digest(texts[student][name][0]),
                )
            return self._groups(name, texts, self.answers.given(), self.history.read())

    def keep(self, marker: str, name: str) -> int:
        """Say of all answers that were graded again, word for word as they were marked, that their points stay."""
        self._cell(name)
        with self._lock:
            texts, given, events = self.answers.texts(), self.answers.given(), self.history.read()
            found = [
                one["id"]
                for group in self._groups(name, texts, given, events)
                for one in group["members"]
                if one["same"]
            ]
            students = self._students(found, texts) if found else []
            self.answers.confirm([(student, name) for student in students])
            for student in students:
                self.history.add("kept", marker=_marker(marker), student=student, question=name)
            return len(students)

    def hold(self, marker: str, name: str, key: str, tab: str = "") -> dict:
        """Say that somebody is at an answer, so that nobody else begins it; returns who else is where.

        Args:
            tab: the browser tab; one marker may have several.
        """
        with self._lock:
            now = time.monotonic()
            for place, (owner, _, since) in list(self._held.items()):
                if now - since > HELD or (owner == tab and place[0] == name):
                    del self._held[place]
            if key and (name, key) not in self._held:
                self._held[name, key] = (tab, _marker(marker), now)
            return self._holders(name, tab)

    def _holders(self, name, tab):
        now = time.monotonic()
        return {
            key: who
            for (question, key), (owner, who, since) in self._held.items()
            if question == name and owner != tab and now - since <= HELD
        }

    def state(self, name: str, tab: str = "") -> dict:
        """Who has marked what meanwhile, without the texts."""
        self._cell(name)
        with self._lock:
            texts, given, events = self.answers.texts(), self.answers.given(), self.history.read()
            groups = self._groups(name, texts, given, events)
            for group in groups:
                del group["html"]
            return {
                "groups": groups,
                "held": self._holders(name, tab),
                "comments": comments(name, given, events),
            }

    def object(self, marker: str, name: str, identity: str, words: str) -> None:
        """Write a learner's objection into the file of regrade requests."""
        self._cell(name)
        with self._lock:
            (student,) = self._students([identity], self.answers.texts())
            add_request(self.folder, self.lesson, student, name, words[:1000])
            self.history.add(
                "requested", marker=_marker(marker), student=student, question=name, words=words[:1000]
            )

    def answer_request(self, marker: str, key: str, words: str) -> None:
        """Say that an objection was looked at."""
        with self._lock:
            if key not in {one.key for one in requests(self.folder, self.lesson)}:
                raise Unfit("There is no such request any more.")
            self.history.add("answered", marker=_marker(marker), request=key, words=words[:1000])

    def release(self, marker: str) -> None:
        """Note that marks are given out now; what changes from here on is listed."""
        with self._lock:
            self.history.add("released", marker=_marker(marker), scores=self.answers.scores())

    # names

    def _cell(self, name):
        if name not in self.lesson.questions:
            raise Unfit(f"There is no question {name!r} in {self.lesson.lab}.")
        return self.lesson.questions[name]

    def _lines(self, name, numbers):
        rubric = self.models[name].rubric if name in self.models else ()
        return [rubric[number] for number in numbers if isinstance(number, int) and 0 <= number < len(rubric)]

    def _id(self, student):
        """What the page knows a learner by: nothing that gives a name away."""
        return hmac.new(self._salt, student.encode(), hashlib.sha256).hexdigest()[:16]

    def _students(self, ids, texts):
        known = {self._id(student): student for student in texts}
        if (
            not isinstance(ids, list)
            or not ids
            or not all(isinstance(one, str) and one in known for one in ids)
        ):
            raise Unfit("This answer is not there any more: load the page again.")
        return [known[one] for one in ids]

    def _names(self, texts):
        if not self.anonymous:
            real = self.answers.names()
            return {student: real.get(student, student) for student in texts}
        order = sorted(
            texts, key=lambda student: hashlib.sha256(f"{self.lesson.lab}:{student}".encode()).digest()
        )
        return {student: f"Learner {number:03}" for number, student in enumerate(order, start=1)}


def _average(numbers):
    return round(sum(numbers) / len(numbers), 2) if numbers else None


def _number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _login():
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return ""


def _marker(name):
    return " ".join(str(name).split())[:60] or "somebody"

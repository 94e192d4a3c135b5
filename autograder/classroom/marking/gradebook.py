"""The written answers of a class as nbgrader keeps them: texts from `autograded/`, points and comments from its gradebook."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import OperationalError

from autograder.authoring.nbgrader_assignment import TEXT_STUB
from autograder.classroom.assignments import question_id
from autograder.classroom.course_folder import GradeError
from autograder.classroom.learner_markdown import plain

PREFIX = "question_"  # of the cells that a person marks; the rest is the question's name


class Busy(GradeError):
    """Another program holds the gradebook."""


@dataclass(frozen=True)
class Given:
    """What the gradebook holds for one answer.

    Attributes:
        score: the points that count; `None` where there are none yet.
        waits: whether a person has to look.
        manual: whether a person gave the points.
        comment: what a person wrote; empty if nothing.
    """

    score: float | None
    waits: bool
    manual: bool
    comment: str
    most: float

    @property
    def shown(self) -> list:
        """`[score, waits, comment]` as the marker's page shows it: nbgrader's 0 for what nobody has read is no score."""
        return [self.score if self.manual or not self.waits else None, self.waits, self.comment]


class ClassAnswers:
    """Reads and writes what belongs to the questions of a lab.

    Args:
        course_dir: the course folder.
        lesson: the `Lesson`.
        config: its nbgrader configuration.
    """

    def __init__(self, course_dir: Path, lesson, config):
        self.folder, self.lesson = Path(course_dir), lesson
        self._course = CourseDirectory(config=config)
        self._names = {
            question_id(lesson, name): name for name in lesson.questions
        }  # of the cells that a person marks
        self._read = {}  # path -> (time and size of the file, what it holds)

    def texts(self) -> dict[str, dict[str, tuple[str, dict]]]:
        """Student -> question -> (Markdown, pasted pictures) of everybody graded so far."""
        found = {}
        for path in sorted(self.folder.glob(f"autograded/*/{self.lesson.lab}/{self.lesson.name}.ipynb")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                stat = path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size)
                if self._read.get(path, (None,))[0] != stamp:
                    self._read[path] = (stamp, self._questions(json.loads(path.read_text(encoding="utf-8"))))
                found[path.parts[-3]] = self._read[path][1]
        return found

    def _questions(self, notebook):
        found = {}
        for cell in notebook["cells"]:
            name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")
            if name in self._names:
                source = cell["source"]
                text = source if isinstance(source, str) else "".join(source)
                found[self._names[name]] = (text, cell.get("attachments") or {})
        return found

    def given(self) -> dict[tuple[str, str], Given]:
        """(student, question) -> what the gradebook holds."""
        with self._gradebook() as gradebook:
            return self._given(gradebook)

    def _given(self, gradebook):
        comments = {
            (student, cell): text
            for student, cell, text in self._rows(gradebook, Comment, Comment.manual_comment)
        }
        columns = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
        found = {}
        for student, cell, auto, manual, extra, waits in self._rows(gradebook, Grade, *columns):
            name = self._names[cell]
            score = auto if manual is None else manual
            score = None if score is None else score + (extra or 0)
            most = self.lesson.questions[name].points
            found[student, name] = Given(
                score, waits, manual is not None, comments.get((student, cell)) or "", most
            )
        return found

    def scores(self) -> dict[str, dict[str, float]]:
        """Student -> cell -> points of everything that has points, exercises as well: what a release gives out."""
        found = {}
        with self._gradebook() as gradebook:
            columns = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
            for student, cell, auto, manual, extra, waits in self._rows(
                gradebook, Grade, *columns, all_cells=True
            ):
                score = auto if manual is None else manual
                if score is not None and not waits:
                    name = cell.removeprefix(PREFIX).removeprefix("check_")
                    found.setdefault(student, {})[name] = score + (extra or 0)
        return found

    def names(self) -> dict[str, str]:
        """Student -> the name to show."""
        with self._gradebook() as gradebook:
            rows = gradebook.db.query(Student.id, Student.first_name, Student.last_name).all()
        return {
            student: " ".join(part for part in (first, last) if part) or student
            for student, first, last in rows
        }

    def give(self, question: str, seen: dict, score: float | None, comment: str | None) -> dict[str, Given]:
        """Give points and a comment to one answer, or to several that say the same: all or nothing.

        Args:
            seen: student -> what the marker saw, as `Given.shown` has it.
            score: `None` takes a person's points back.
            comment: `None` leaves the comment as it is.

        Returns:
            Student -> what there was before.

        Raises:
            Changed: if somebody else has changed one of them meanwhile; nothing is written then.
            Busy: if another program holds the gradebook.
        """
        with self._gradebook() as gradebook:
            now = self._given(gradebook)
            before = {student: now.get((student, question)) for student in seen}
            if any(one is None or one.shown != seen[student] for student, one in before.items()):
                raise Changed()
            for student in seen:
                place = (question_id(self.lesson, question), self.lesson.name, self.lesson.lab, student)
                grade = gradebook.find_grade(*place)
                grade.manual_score, grade.extra_credit = score, None
                # As nbgrader's own formgrader does.
                grade.needs_manual_grade = score is None and grade.auto_score is None
                if comment is not None:
                    gradebook.find_comment(*place).manual_comment = comment or None
            gradebook.db.commit()
        return before

    def confirm(self, pairs) -> None:
        """Say of `(student, question)` pairs that a person has looked: the points stay."""
        with self._gradebook() as gradebook:
            for student, question in pairs:
                place = (question_id(self.lesson, question), self.lesson.name, self.lesson.lab, student)
                gradebook.find_grade(*place).needs_manual_grade = False
            gradebook.db.commit()

    def _rows(self, gradebook, table, *columns, all_cells=False):
        rows = (
            gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, *columns)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(table, table.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == table.cell_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .filter(Assignment.name == self.lesson.lab, Notebook.name == self.lesson.name)
        )
        return (rows if all_cells else rows.filter(BaseCell.name.in_(self._names))).all()

    @contextlib.contextmanager
    def _gradebook(self):
        try:
            with Gradebook(self._course.db_url, self._course.course_id) as gradebook:
                yield gradebook
        except OperationalError as error:
            raise Busy(
                f"The gradebook cannot be used just now ({error.orig}). Nothing of this was recorded; it is tried again."
            ) from None


class Changed(GradeError):
    """Somebody else has marked it meanwhile."""

    def __init__(self):
        super().__init__(
            "Somebody else has marked this meanwhile: here is what they gave. Mark it again if you differ."
        )


def answered(text: str) -> bool:
    """Whether anything was written in the place of what the lab was handed out with."""
    return plain(text) not in ("", plain(TEXT_STUB))


def digest(text: str) -> str:
    """What identifies an answer, however its words are spaced."""
    return hashlib.sha256(plain(text).encode()).hexdigest()[:16]

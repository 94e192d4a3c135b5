"""What happens while a class is graded, as records: told one by one to whoever watches, be it a terminal or a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.judge.verdict import Verdict


class GradeEvent:
    """Something that happened, or is about to."""


@dataclass(frozen=True)
class Releasing(GradeEvent):
    """The notebooks that learners get are built into the course folder first."""


@dataclass(frozen=True)
class AllGraded(GradeEvent):
    """Nothing is new, changed or left open."""


@dataclass(frozen=True)
class Preparing(GradeEvent):
    """The warm server starts; or, with a `scheduler`, its workers are looked for."""

    scheduler: str = ""


@dataclass(frozen=True)
class Judging(GradeEvent):
    """Judging begins: so many notebooks of so many learners, at a place in words."""

    notebooks: int
    learners: int
    place: str


@dataclass(frozen=True)
class Judged(GradeEvent):
    """One notebook is judged; `verdict` is `None` if it has to be judged once more."""

    student: str
    notebook: str
    verdict: Verdict | None


@dataclass(frozen=True)
class Recorded(GradeEvent):
    """One more learner is dealt with in the gradebook."""


@dataclass(frozen=True)
class JudgingDone(GradeEvent):
    """Everybody is judged and recorded, as far as it went; `seconds` are those of the clock."""

    learners: int
    seconds: float
    place: str


@dataclass(frozen=True)
class LatenessChanged(GradeEvent):
    """What lateness costs is another now for learners who were not judged again."""

    students: Sequence[str]


@dataclass(frozen=True)
class NotebookGraded(GradeEvent):
    """What a class got for a notebook.

    Attributes:
        lesson: a `Lesson` or an `OwnNotebook`.
        graded: `(student, Verdict)` of everybody graded so far.
        lateness: student -> `Lateness`.
        left_out: student -> why there is nothing to grade.
    """

    lesson: Any
    graded: Sequence[tuple[str, Verdict]]
    lateness: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WritingFeedback(GradeEvent):
    """Feedback pages and the CSV are written."""


@dataclass(frozen=True)
class Finished(GradeEvent):
    """The end: where everything lies, and what is left.

    Attributes:
        course_dir: the course folder.
        notebooks: those of the assignment.
        gradebook: `(file, address)`, see `autograder.classroom.gradebook.gradebook_place`.
        feedback: whether pages and CSV were written.
        waiting: `(answers, questions)` that wait for a person.
        left_out: student -> why there is nothing to grade.
        failed: student -> why that one is still to be graded.
    """

    course_dir: Path
    notebooks: Sequence[Any]
    gradebook: tuple[Path | None, str]
    feedback: bool
    waiting: tuple[int, int]
    left_out: Mapping[str, str]
    failed: Mapping[str, str]

"""Marks of a submission, and where they are kept on disk."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.judge import earlier_verdicts
from autograder.judge.atomic_write import write_whole
from autograder.judge.note import Note
from autograder.judge.outcome import Status


@dataclass
class Mark:
    """What one exercise earned, and why.

    Attributes:
        exercise: its name.
        points: what was earned, of `max_points`.
        diagnosis: name of the misconception it equals, or empty.
        problems: sentences for the learner; empty for a right answer.
        helped: earlier exercises that were taken from trusted blocks, because the learner's own spoilt this one.
        examples: counter-examples for the learner, see `autograder.judge.example`.
        status: what the answer came to when it was tried.
    """

    exercise: str
    points: float
    max_points: float
    diagnosis: str = ""
    problems: list = field(default_factory=list)
    helped: list = field(default_factory=list)
    examples: list = field(default_factory=list)
    status: Status = Status.ANSWERED

    @property
    def right(self) -> bool:
        return self.points == self.max_points

    @classmethod
    def of(cls, fields: dict) -> "Mark":
        """The mark that `dataclasses.asdict` made these fields of, now or in an earlier version."""
        known = fields.get("status")
        status = Status(known) if known else earlier_verdicts.status_of(fields.get("problems", []))
        return cls(**{**fields, "status": status})


@dataclass
class Verdict:
    """All marks of one submission.

    Attributes:
        lab: such as `lab1_attention`.
        seed: what the probes were drawn from.
        marks: one `Mark` per exercise.
        notes: what was repaired, left out or looks like tampering.
        regrade: why a fault of the machine left it unmarked; empty for a verdict that counts.
    """

    lab: str
    seed: int
    marks: list[Mark] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    regrade: str = ""

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> float:
        return sum(mark.max_points for mark in self.marks)

    def save(self, path: str | Path) -> None:
        """Write as JSON, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=1, sort_keys=True))

    @classmethod
    def load(cls, path: str | Path) -> "Verdict":
        """Read what `save` wrote."""
        return cls.of(json.loads(Path(path).read_text(encoding="utf-8")))

    @classmethod
    def of(cls, fields: dict) -> "Verdict":
        """The verdict that `dataclasses.asdict` made these fields of."""
        notes = [
            earlier_verdicts.note_of(note) if isinstance(note, str) else Note.of(note)
            for note in fields.get("notes", [])
        ]
        return cls(**{**fields, "marks": list(map(Mark.of, fields["marks"])), "notes": notes})


def verdict_path(root: str | Path, lab: str, student: str) -> Path:
    """Where a verdict is kept: beside the gradebook, out of what nbgrader releases to learners."""
    return Path(root) / "verdicts" / lab / f"{student}.json"

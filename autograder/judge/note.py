"""What a verdict says of a submission besides its marks."""

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about. Kept in verdicts by its value."""

    REPAIRED = "repaired"  # cells that were lost, doubled, moved or split
    TAMPERING = "tampering"  # a locked cell was changed, and put back
    UNUSUAL = "unusual"  # code that reaches into Python or the machine
    STOPPED = "stopped"  # a cell hung or ended its process
    DAMAGED = "damaged"  # a file that could be read in part, or as something else
    RENAMED = "renamed"  # the only notebook in the folder, called otherwise
    CONTAINED = "contained"  # marked by the course's own tests


@dataclass(frozen=True)
class Note:
    """A sentence on a submission.

    Attributes:
        text: the sentence.
        kind: what it is about.
    """

    text: str
    kind: NoteKind = NoteKind.REPAIRED

    @property
    def for_learners(self) -> bool:
        """Whether it concerns the learner; what is only worth a grader's look is no accusation."""
        return self.kind is not NoteKind.UNUSUAL

    @classmethod
    def of(cls, fields: dict) -> "Note":
        """The note that `dataclasses.asdict` made these fields of."""
        return cls(fields["text"], NoteKind(fields["kind"]))

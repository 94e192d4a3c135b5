"""What became of a download, file by file, for people and as plain values."""

from dataclasses import dataclass, field

from autograder.classroom.course_folder import printable
from autograder.classroom.lms.roster import list_names
from autograder.classroom.lms.times import TimeReader


@dataclass
class SortedOut:
    """What became of the files of a download: tries, and sentences or paths of the rest."""

    tries: list = field(default_factory=list)
    left_out: list = field(default_factory=list)
    others: list = field(default_factory=list)  # no notebooks
    strangers: list = field(default_factory=list)  # the pattern does not match
    untimed: set = field(default_factory=set)  # learners with a try whose time cannot be read


@dataclass
class Collected:
    """What was collected, and what there is to say about it.

    Attributes:
        chosen: learner -> `Try`.
        counts: `"new"`, `"same"`, `"replaced"` or `"older"` -> learners.
    """

    sorted_out: SortedOut
    chosen: dict
    dry_run: bool
    zone: object
    times: TimeReader
    guessed: list
    counts: dict = field(default_factory=dict)

    def sentences(self):
        """What a person is told, in order."""
        yield from self._counted()
        found, counts = self.sorted_out, self.counts
        if "replaced" in counts:
            yield f"What was replaced is kept in replaced/: {list_names(counts['replaced'])}."
        if "older" in counts:
            yield (
                f"Kept what was there, because it was handed in later than the download: {list_names(counts['older'])}."
            )
        late = [one.student for one in self.chosen.values() if one.name.late]
        if late:
            yield f"Marked as late where they come from: {list_names(late)}."
        if self.times.assumed:
            yield (
                f"Times without a zone were read as {self.zone}'s."
                if self.zone
                else "Times without a zone were read as UTC: say --timezone Europe/Berlin, or the like, if they are not."
            )
        if self.times.shown_by:
            order = "day" if self.times.day_first else "month"
            yield f"Dates were read {order} first, as {self.times.shown_by} shows."
        together = [one.student for one in self.chosen.values() if one.name.members]
        if together:
            yield f"Handed in together, and noted in collected.json: {list_names(together)}."
        if self.guessed:
            names = list(dict.fromkeys(name.partition("/")[0] for name in self.guessed))
            yield (
                f"The zip does not say in which code page it writes names such as {list_names(names, 3)}: if they are wrong, "
                "say --encoding cp850, cp1252, cp932 or whatever it is."
            )
        if found.strangers:
            yield f"Not matched by the pattern, so not taken: {list_names(found.strangers)}."
        if found.others:
            yield f"No notebooks, so not taken: {list_names(found.others)}."
        yield from (f"Left out: {sentence}." for sentence in found.left_out)

    def _counted(self):
        if self.dry_run:
            yield "Nothing was written. This would be collected:"
            yield from (f"  {one.student:<24} {printable(one.path)}" for one in self.chosen.values())
            return
        words = {"new": "new", "replaced": "replaced", "same": "the same as before"}
        parts = [f"{len(self.counts[what])} {word}" for what, word in words.items() if what in self.counts]
        learners = sum(len(names) for names in self.counts.values())
        yield f"{learners} learner{'' if learners == 1 else 's'}: {', '.join(parts) or 'nothing new'}."

    def facts(self):
        """The same as plain lists, for `--json`."""
        found = self.sorted_out
        return {
            "learners": [
                {
                    "student": one.student,
                    "path": one.path,
                    "handed_in": one.time.isoformat(sep=" ") + " UTC" if one.time else None,
                    "zone_known": one.zoned,
                    "late": one.name.late,
                    "what": next((what for what, names in self.counts.items() if one.student in names), None),
                }
                for one in self.chosen.values()
            ],
            "written": not self.dry_run,
            "left_out": found.left_out,
            "not_matched": found.strangers,
            "no_notebooks": found.others,
        }

"""What is counted for the report: marks, mistakes by name, and the submissions a person should look at."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom import submissions
from autograder.classroom.assignments import read_release
from autograder.classroom.course_folder import NOTHING, GradeError
from autograder.classroom.lms.groups import spread, together
from autograder.classroom.report import similar_answers
from autograder.judge.notebook_repair import read_submission, repair
from autograder.judge.outcome import Status
from course.checking import code_reader

BINS = 10

# What asks for a person's eye, the most pressing first: kind, for notes a `NoteKind` -> (heading, what to do).
KINDS = {
    "regrade": (
        "To be graded again",
        "A fault of the machine; no mark was given. Run `autograder grade` again.",
    ),
    "ungraded": ("Handed in, not graded", "Run `autograder grade`; a folder that is left out says why."),
    "late": (
        "Time of handing in",
        "What lateness costs comes off the whole lab; it is not in the figures on this page.",
    ),
    "tampering": (
        "Locked cells were changed",
        "They were put back before grading, so nothing was gained. In a set-up cell it is often an accident.",
    ),
    "unusual": (
        "Unusual in an answer",
        "Code that reaches into Python or the machine. Often a sign of debugging.",
    ),
    "stopped": (
        "Ended or never finished",
        "Endless loops and code that ended its own process. The rest was graded.",
    ),
    "ready_made": (
        "Ready-made functions",
        "The exercise is to build what was called. No points were given for it.",
    ),
    "damaged": (
        "Damaged files",
        "What could be read was graded; where an answer was lost, there is no mark before a new copy comes.",
    ),
    "renamed": ("Called otherwise", "The only notebook in the folder was taken."),
    "absent": ("Nothing handed in", "These learners have a folder, and nothing of this lab in it."),
}

OF_MARKS = {Status.FORBIDDEN: "ready_made", Status.UNANSWERED: "stopped"}


@dataclass
class Learner:
    """One submission's verdict, `None` where there is none, and what in it asks for a person's eye."""

    name: str
    verdict: object = None
    eyes: list[tuple[str, str]] = field(default_factory=list)  # (kind, sentence)
    lateness: object = None  # `Lateness`
    handed_in: bool = True

    @property
    def off(self):
        """Points that lateness takes off those of the exercises."""
        return self.lateness.off(self.verdict.points) if self.graded and self.lateness else 0.0

    @property
    def graded(self):
        return self.verdict is not None and not self.verdict.regrade


@dataclass
class Mistake:
    """A known misconception: its sentence, and who holds it."""

    name: str
    feedback: str
    learners: list[str] = field(default_factory=list)


@dataclass
class Exercise:
    """How a class did on one exercise. The five lists of names hold every graded learner once.

    Attributes:
        mistakes: known misconceptions that occur, the most frequent first; their learners are in `part` or `none`.
    """

    name: str
    points: float
    right: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    none: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    ready_made: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    average: float = 0.0

    @property
    def other(self):
        """Learners who went wrong in a way that has no name."""
        named = {name for mistake in self.mistakes for name in mistake.learners}
        return [name for name in (*self.part, *self.none) if name not in named]


@dataclass
class Facts:
    """All that the report shows.

    Attributes:
        bins: `(lowest, highest, count)` of points, equally wide.
        alike: `similar.Group`s.
        code: learner -> exercise or question -> what they wrote, for learners in `alike`.
    """

    lesson: object
    learners: list[Learner]
    exercises: list[Exercise]
    bins: list[tuple[float, float, int]]
    alike: list[similar_answers.Group] = field(default_factory=list)
    code: dict = field(default_factory=dict)

    @property
    def graded(self):
        return [learner for learner in self.learners if learner.graded]

    @property
    def totals(self):
        return sorted(learner.verdict.points for learner in self.graded)

    @property
    def max_points(self):
        return sum(exercise.points for exercise in self.exercises)


def gather(course_dir, lesson, progress=lambda done, total: None, lateness=None):
    """Count everything for a lab of a course folder.

    Args:
        lateness: learner -> `Lateness`.
        progress: called with `(done, total)` as submitted notebooks are read.

    Raises:
        GradeError: if nothing is graded yet.
    """
    verdicts = dict(submissions.load_verdicts(course_dir, lesson))
    if not verdicts:
        raise GradeError(f"nothing is graded yet: run `autograder grade {lesson.number}` first")
    found, left_out = submissions.find_submissions(course_dir, lesson)
    shared, lateness = spread(course_dir, lesson, list(verdicts.items()), lateness or {})
    verdicts = dict(shared)
    left_out = {name: reason for name, reason in left_out.items() if name not in verdicts}
    learners = {name: Learner(name, verdict) for name, verdict in verdicts.items()}
    for one in found:
        learners.setdefault(one.student, Learner(one.student))
    for name, reason in left_out.items():
        learner = learners.setdefault(name, Learner(name, handed_in=reason != NOTHING))
        learner.eyes.append(("ungraded" if learner.handed_in else "absent", reason))
    learners = [learners[name] for name in sorted(learners)]
    for learner in learners:
        learner.eyes += _eyes(learner)
        learner.lateness = lateness.get(learner.name)
        if learner.lateness is not None and learner.lateness.words:
            learner.eyes.append(("late", learner.lateness.words))
    facts = Facts(lesson, learners, _exercises(lesson, learners), [])
    facts.bins = _bins(facts.totals, facts.max_points)
    written = _written(course_dir, lesson, found, progress)
    groups = together(course_dir, lesson, list(written))
    pairs = similar_answers.find_pairs(_own_pieces(lesson, written))
    # Whoever hands in as a group may hand in the same.
    pairs = [pair for pair in pairs if not any(set(pair.learners) <= group for group in groups)]
    facts.alike = similar_answers.groups(pairs)
    facts.code = {name: written[name] for group in facts.alike for name in group.learners}
    return facts


def _eyes(learner):
    verdict = learner.verdict
    if verdict is None:
        return [] if learner.eyes else [("ungraded", "there is no verdict yet")]
    if verdict.regrade:
        return [("regrade", verdict.regrade)]
    found = [(str(note.kind), note.text) for note in verdict.notes if note.kind in KINDS]
    for mark in verdict.marks:
        kind = OF_MARKS.get(mark.status)
        found += [(kind, f"{mark.exercise}: {mark.problems[-1]}")] if kind and mark.problems else []
    return list(dict.fromkeys(found))


def _exercises(lesson, learners):
    found = []
    for name, cell in lesson.exercises.items():
        exercise, earned, mistakes = Exercise(name, cell.points), [], {}
        for learner in learners:
            mark = (
                next((m for m in learner.verdict.marks if m.exercise == name), None)
                if learner.graded
                else None
            )
            if mark is None:
                continue
            earned.append(mark.points)
            _place(exercise, mark).append(learner.name)
            if mark.diagnosis:
                feedback = mark.problems[0] if mark.problems else mark.diagnosis
                mistake = mistakes.setdefault(mark.diagnosis, Mistake(mark.diagnosis, feedback))
                mistake.learners.append(learner.name)
        exercise.mistakes = sorted(mistakes.values(), key=lambda m: (-len(m.learners), m.name))
        exercise.average = sum(earned) / len(earned) if earned else 0.0
        found.append(exercise)
    return found


def _place(exercise, mark):
    if mark.right:
        return exercise.right
    if mark.status is Status.UNWRITTEN:
        return exercise.unwritten
    if mark.status is Status.FORBIDDEN:
        return exercise.ready_made
    return exercise.part if mark.points else exercise.none


def _bins(totals, highest):
    width = highest / BINS
    counts = Counter(min(int(total / width), BINS - 1) for total in totals) if width else {}
    return [(number * width, (number + 1) * width, counts.get(number, 0)) for number in range(BINS)]


def _written(course_dir, lesson, found, progress):
    """Learner -> exercise or question, or `""` for cells of their own -> what they wrote."""
    folder = Path(course_dir) / "release" / lesson.lab
    if not (folder / f"{lesson.name}.ipynb").exists():
        return {}
    release = read_release(folder, lesson)
    stubs = _sources(release)
    written = {}
    for number, one in enumerate(found, start=1):
        try:
            sources = _sources(repair(release, read_submission(one.path), code_reader).notebook)
        except OSError:
            continue  # it is reported as not graded
        written[one.student] = {
            place: text for place, text in sources.items() if text.strip() != stubs.get(place, "").strip()
        }
        progress(number, len(found))
    return written


def _sources(notebook):
    found = {}
    for cell in notebook.cells:
        course = cell.metadata.get("course", {})
        if course.get("role") in ("answer", "question"):
            found[course["name"]] = cell.source
        elif not course and cell.cell_type == "code":
            # Cell by cell, so that one that cannot be read hides no other.
            found[""] = found.get("", "") + code_reader.read_cell(cell.source).python + "\n\n"
    return found


def _own_pieces(lesson, written):
    usual = similar_answers.usual_pieces(lesson)
    own = {}
    for name, places in written.items():
        own[name] = {}
        for place, text in places.items():
            if place in lesson.questions:
                own[name][place] = similar_answers.pieces_of_text(text)
            else:
                plain = text if place == "" else code_reader.read_cell(text).python
                own[name][place or "cells of their own"] = (
                    similar_answers.pieces_of_code(plain, lesson.exercises) - usual
                )
    return own

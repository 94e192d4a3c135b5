"""Decides marks: runs the same probes on the reference and compares. The only place where marks are decided.

A `Session` answers probes. `LocalSession` holds trusted code (the reference, misconceptions, alternatives);
`autograder.judge.session.SandboxSession` holds a learner's, in its own process.
"""

import functools
import math
import threading
from collections.abc import Collection, Mapping
from typing import Any

from autograder.judge import view_marks
from autograder.judge.assignment import Assignment, Session
from autograder.judge.entries import Entry
from autograder.judge.outcome import Outcome, Status
from autograder.judge.probe import Probe, run_probe
from autograder.judge.verdict import Mark

_ONE_AT_A_TIME = threading.Lock()  # probes set Keras' global seed


class LocalSession:
    """Answers probes with trusted code in this process.

    Args:
        namespace: exercise name -> function or class.
    """

    follows = False  # trusted code needs no follow-through

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.namespace = namespace

    def run(self, entry: Probe, seed: int, follow: tuple[str, ...] = (), mirrored: bool = False) -> Outcome:
        """The `Outcome` of one probe; `mirrored` turns the pattern of dropout round."""
        with _ONE_AT_A_TIME:
            try:
                return Outcome(run_probe(entry, self.namespace[entry.exercise], seed, mirrored))
            except Exception as error:
                return Outcome(None, type(error).__name__, str(error))


@functools.cache
def reference_outcomes(assignment: Assignment, exercise: str, seed: int) -> dict[Probe, tuple[Outcome, ...]]:
    """Each probe in each view that applies -> the reference's outcomes: found out once per seed, for a whole class.

    Several outcomes, where dropout may be drawn two ways, are right alike.

    Raises:
        RuntimeError: if the reference itself fails: a mistake of the assignment's authors.
    """
    session, probes = LocalSession(assignment.reference), assignment.probes[exercise]
    outcomes, batches = {}, 0
    for entry in probes:
        for number, seen in enumerate(
            view_marks.views_of(entry, probes, view_marks.sees_tensors(assignment.runtime))
        ):
            if seen.view == "batch" and batches:
                continue
            found = session.run(seen, seed)
            if found.arrays is None and not number:
                raise RuntimeError(
                    f"the reference of {exercise} fails probe {entry.name}: {found.error}: {found.message}"
                )
            if found.arrays is not None:  # else there is nothing to look at here
                batches += seen.view == "batch"
                both = (False, True) if "training" in seen.view else ()
                outcomes[seen] = (found, *(session.run(seen, seed, mirrored=turned) for turned in both[1:]))
    return outcomes


class EntrySession:
    """Answers probes with an entry of a bank; each probe runs once per seed, for a whole class.

    Args:
        entry: an `autograder.judge.entries.Entry`.
    """

    follows = False

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def run(self, probe: Probe, seed: int, follow: tuple[str, ...] = ()) -> Outcome:
        """The `Outcome` of one probe."""
        return _outcome(self.entry, probe, seed)


@functools.cache
def _outcome(entry, probe, seed):
    return LocalSession({entry.exercise: entry.answer}).run(probe, seed)


def mark_exercise(
    session: Session,
    assignment: Assignment,
    exercise: str,
    seed: int,
    source: str = "",
    broken: Collection[str] = (),
) -> Mark:
    """Mark one exercise.

    Args:
        session: answers probes.
        assignment: the `Assignment` it stands in.
        exercise: its name.
        seed: what shapes and values are drawn from.
        source: all of the learner's code, to look for built-ins that do the exercise's work.
        broken: earlier exercises that hang, so that they are replaced without a first try. Those that would do
            this exercise's work with a built-in are replaced, too.

    Returns:
        A `Mark`.
    """
    cell, reader = assignment.exercises[exercise], assignment.reader
    if cell.tests:
        return _mark_by_tests(session, cell)
    if source and not reader.defines(source, exercise):
        return Mark(
            exercise,
            0,
            cell.points,
            problems=[f"no definition of `{exercise}` could be read in the notebook"],
        )
    names = list(assignment.exercises)
    earlier = names[: names.index(exercise)]
    shortcuts = reader.find_shortcuts(source, exercise, cell.forbidden, names)
    if shortcuts:
        return Mark(
            exercise, 0, cell.points, problems=[_shortcut_message(shortcuts[0])], status=Status.FORBIDDEN
        )
    replaced = {*broken, *reader.exercises_with_shortcuts(source, exercise, cell.forbidden, earlier)}
    tries = [tuple(name for name in earlier if name in replaced)]
    if session.follows and earlier and tuple(earlier) not in tries:
        tries.append(tuple(earlier))
    best: Mark | None = None
    for follow in tries:
        attempt = _attempt(session, assignment, cell, seed, follow)
        if best is None or attempt.points > best.points:
            best = attempt
        elif attempt.diagnosis:  # no more points, but with sound earlier answers its own mistake shows
            best.diagnosis, best.problems, best.status = attempt.diagnosis, attempt.problems, attempt.status
        if best.right:
            break
    assert best is not None, "there is always a first try"
    return best


def _mark_by_tests(session, cell):
    """By the course's own test cells, which ran among the learner's: all of them, or nothing."""
    problems, status = [], Status.ANSWERED
    for test in cell.tests:
        raised = session.raised.get(test)
        if test not in session.raised:
            problems.append("the test could not be run: its cell ended the process or took too long")
            status = Status.UNANSWERED
        elif raised is not None:
            problems.append(
                f"the test stopped with {raised.error}{': ' + raised.message if raised.message else ''}"
            )
    return Mark(cell.name, 0.0 if problems else cell.points, cell.points, problems=problems, status=status)


def _shortcut_message(name):
    return f"this exercise builds what `{name}` does for you, so it has to be written with smaller operations"


def _attempt(session, assignment, cell, seed, follow):
    wanted, outcomes, problems = reference_outcomes(assignment, cell.name, seed), {}, []
    total, stopped, seen = 0.0, False, set()
    missed = set()  # names of probes whose points are lost
    for entry, expected in wanted.items():
        total += entry.weight if entry.name not in seen else 0
        seen.add(entry.name)
        # One endless loop is enough; and whose values are wrong is not looked at more closely.
        if stopped or entry.name in missed:
            missed.add(entry.name)
            continue
        found = outcomes[entry] = session.run(entry, seed, follow)
        if found.status is Status.FORBIDDEN:  # see `autograder.judge.sandbox.tripwire`
            called = found.message  # Keras may have wrapped it in more words
            problems = [_shortcut_message(next((n for n in cell.forbidden if n in called), "the library"))]
            return Mark(
                cell.name, 0, cell.points, problems=problems, helped=list(follow), status=found.status
            )
        stopped = found.status is Status.UNANSWERED
        problem = view_marks.view_difference(entry, found, expected)
        if problem is not None:
            missed.add(entry.name)
            problems.append(problem)
    earned = total - sum(entry.weight for entry in assignment.probes[cell.name] if entry.name in missed)
    problems = list(dict.fromkeys(problems))
    # Down to quarters of a point; whatever misses a probe misses points.
    points = cell.points if earned == total else math.floor(4 * cell.points * earned / total) / 4
    status = _status(list(outcomes.values()))
    mark = Mark(cell.name, points, cell.points, problems=problems, helped=list(follow), status=status)
    if not mark.right and not stopped:
        found = diagnose(assignment, cell.name, seed, outcomes)
        if found is not None:
            mark.diagnosis, mark.problems = found.name, [found.feedback, *problems]
    return mark


def _status(outcomes):
    """The one that says most of an exercise: hung before raised before answered; unwritten if nothing else is."""
    found = {outcome.status for outcome in outcomes}
    if found == {Status.UNWRITTEN}:
        return Status.UNWRITTEN
    return next((one for one in (Status.UNANSWERED, Status.RAISED) if one in found), Status.ANSWERED)


def diagnose(
    assignment: Assignment, exercise: str, seed: int, outcomes: dict[Probe, Outcome]
) -> Entry | None:
    """The misconception whose every outcome equals the answer's; `None` if there is none."""
    if all(outcome.status is Status.UNWRITTEN for outcome in outcomes.values()):
        return None
    for entry in assignment.misconceptions.get(exercise, ()):
        if all(
            view_marks.same_view(found, _outcome(entry, probe, seed)) for probe, found in outcomes.items()
        ):
            return entry
    return None

"""Decides marks: runs the same probes on the reference and compares. The only place where marks are decided.

A `Session` answers probes. `LocalSession` holds trusted code (the reference, misconceptions, alternatives);
`autograder.judge.session.SandboxSession` holds a learner's, in its own process.
"""

import functools
import math
import threading
from collections.abc import Collection, Mapping
from typing import Any

from autograder.judge.assignment import Assignment, Session
from autograder.judge.entries import Entry
from autograder.judge.outcome import Outcome, difference, same
from autograder.judge.probe import Probe, run_probe
from autograder.judge.verdict import Mark

_ONE_AT_A_TIME = threading.Lock()  # probes set Keras' global seed


class LocalSession:
    """Answers probes with trusted code in this process.

    Args:
        namespace: exercise name -> function or class.
    """

    follows = False  # trusted code needs no follow-through

    def __init__(self, namespace: Mapping[str, Any]):
        self.namespace = namespace

    def run(self, entry: Probe, seed: int, follow: tuple[str, ...] = ()) -> Outcome:
        """The `Outcome` of one probe."""
        with _ONE_AT_A_TIME:
            try:
                return Outcome(run_probe(entry, self.namespace[entry.exercise], seed))
            except Exception as error:
                return Outcome(None, type(error).__name__, str(error))


@functools.cache
def reference_outcomes(assignment: Assignment, exercise: str, seed: int) -> dict[str, Outcome]:
    """Probe name -> the reference's outcome: computed once per seed, for a whole class.

    Raises:
        RuntimeError: if the reference itself fails: a mistake of the assignment's authors.
    """
    session = LocalSession(assignment.reference)
    outcomes = {entry.name: session.run(entry, seed) for entry in assignment.probes[exercise]}
    for name, outcome in outcomes.items():
        if outcome.arrays is None:
            raise RuntimeError(
                f"the reference of {exercise} fails probe {name}: {outcome.error}: {outcome.message}"
            )
    return outcomes


class EntrySession:
    """Answers probes with an entry of a bank; each probe runs once per seed, for a whole class.

    Args:
        entry: an `autograder.judge.entries.Entry`.
    """

    follows = False

    def __init__(self, entry: Entry):
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
        return Mark(exercise, 0, cell.points, problems=[_shortcut_message(shortcuts[0])])
    replaced = {*broken, *reader.exercises_with_shortcuts(source, exercise, cell.forbidden, earlier)}
    tries = [tuple(name for name in earlier if name in replaced)]
    if session.follows and earlier and tuple(earlier) not in tries:
        tries.append(tuple(earlier))
    best = None
    for follow in tries:
        attempt = _attempt(session, assignment, cell, seed, follow)
        if best is None or attempt.points > best.points:
            best = attempt
        elif attempt.diagnosis:  # no more points, but with sound earlier answers its own mistake shows
            best.diagnosis, best.problems = attempt.diagnosis, attempt.problems
        if best.right:
            break
    return best


def _mark_by_tests(session, cell):
    """By the course's own test cells, which ran among the learner's: all of them, or nothing."""
    problems = []
    for test in cell.tests:
        raised = session.raised.get(test)
        if test not in session.raised:
            problems.append("the test could not be run: its cell ended the process or took too long")
        elif raised is not None:
            problems.append(
                f"the test stopped with {raised.error}{': ' + raised.message if raised.message else ''}"
            )
    return Mark(cell.name, 0.0 if problems else cell.points, cell.points, problems=problems)


def _shortcut_message(name):
    return f"this exercise builds what `{name}` does for you, so it has to be written with smaller operations"


def _attempt(session, assignment, cell, seed, follow):
    wanted, outcomes, problems = reference_outcomes(assignment, cell.name, seed), {}, []
    earned = total = 0.0
    stopped = False
    for entry in assignment.probes[cell.name]:
        total += entry.weight
        if stopped:  # one endless loop is enough
            continue
        outcomes[entry.name] = session.run(entry, seed, follow)
        if outcomes[entry.name].error == "ForbiddenCall":  # see `autograder.judge.sandbox.tripwire`
            called = outcomes[entry.name].message  # Keras may have wrapped it in more words
            problems = [_shortcut_message(next((n for n in cell.forbidden if n in called), "the library"))]
            return Mark(cell.name, 0, cell.points, problems=problems, helped=list(follow))
        stopped = outcomes[entry.name].error == "no answer"
        problem = difference(outcomes[entry.name], wanted[entry.name], entry.compare)
        if problem is None:
            earned += entry.weight
        else:
            problems.append(problem if problem == "not written yet" else f"{entry.description}: {problem}")
    problems = list(dict.fromkeys(problems))
    # Down to quarters of a point; whatever misses a probe misses points.
    points = cell.points if earned == total else math.floor(4 * cell.points * earned / total) / 4
    mark = Mark(cell.name, points, cell.points, problems=problems, helped=list(follow))
    if not mark.right and not stopped:
        found = diagnose(assignment, cell.name, seed, outcomes)
        if found is not None:
            mark.diagnosis, mark.problems = found.name, [found.feedback, *problems]
    return mark


def diagnose(assignment: Assignment, exercise: str, seed: int, outcomes: dict[str, Outcome]) -> Entry | None:
    """The misconception whose every outcome equals the answer's; `None` if there is none."""
    if all(outcome.error == "NotImplementedError" for outcome in outcomes.values()):
        return None
    probes = [probe for probe in assignment.probes[exercise] if probe.name in outcomes]
    for entry in assignment.misconceptions.get(exercise, ()):
        if all(same(outcomes[probe.name], _outcome(entry, probe, seed)) for probe in probes):
            return entry
    return None

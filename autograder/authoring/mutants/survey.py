"""`autograder gates --mutants`: how many small wrong versions of each reference lose marks, and which do not."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.authoring.mutants.equivalent import is_equivalent
from autograder.authoring.mutants.operators import Mutant, mutants
from autograder.authoring.mutants.workers import try_all
from autograder.judge import DEFAULT_SEED

JUDGE_GOAL, CHECKS_GOAL = 0.97, 0.88  # of the mutants that are not equivalent, in every lab


@dataclass
class Tally:
    """The mutants of one exercise.

    Attributes:
        exercise: its name.
        made: how many were tried.
        equivalent: how many of them are as right as the reference: listed, or a gradient stopped where there is none.
        judged: how many of the others lose marks.
        seen: how many of the others fail a visible check.
        unjudged: those of the others that keep full marks.
        unseen: those of the others that pass all visible checks.
    """

    exercise: str
    made: int = 0
    equivalent: int = 0
    judged: int = 0
    seen: int = 0
    unjudged: list[Mutant] = field(default_factory=list)
    unseen: list[Mutant] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How many are to be caught."""
        return self.made - self.equivalent


def survey(
    lesson,
    exercise: str | None = None,
    sample: int | None = None,
    seed: int = DEFAULT_SEED,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] = lambda text, done, of: None,
) -> list[Tally]:
    """Try the mutants of a lab, or of one of its exercises.

    Args:
        lesson: a `Lesson`.
        exercise: one exercise; all if left out.
        sample: at most so many of each, evenly spread over its lines and operators; all if left out.
        seed: what probes draw from.
        workers: how many processes; the number of cores if left out.
        progress: called with what is being done, how many are done and how many there are.

    Returns:
        A `Tally` for each exercise.
    """
    _import_without_running()
    chosen, tallies = [], {}
    for name in [exercise] if exercise else lesson.exercises:
        found = mutants(lesson.name, name)
        wrong = [mutant for mutant in found if not is_equivalent(mutant)]
        chosen += _spread(wrong, sample)
        listed = 0 if sample else len(found) - len(wrong)
        tallies[name] = Tally(name, made=listed, equivalent=listed)
    finished = [0]

    def done():
        finished[0] += 1
        progress("mutants", finished[0], len(chosen))

    trials = try_all(lesson, chosen, seed, workers or os.cpu_count() or 1, done)
    for mutant, trial in zip(chosen, trials, strict=True):
        tally = tallies[mutant.exercise]
        tally.made += 1
        if not trial.touched:
            tally.equivalent += 1
            continue
        tally.judged += trial.judged
        tally.seen += trial.seen
        if not trial.judged:
            tally.unjudged.append(mutant)
        if not trial.seen:
            tally.unseen.append(mutant)
    return list(tallies.values())


def _spread(found, sample):
    if sample is None or len(found) <= sample:
        return found
    return [found[place * len(found) // sample] for place in range(sample)]


def _import_without_running():
    """What workers inherit: Keras imported, and no operation run, after which TensorFlow must not be forked."""
    from course.machine.quiet import quiet

    with quiet():
        import keras  # noqa: F401

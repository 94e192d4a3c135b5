"""Tries mutants in processes of their own, with a time limit each: a mutant may loop for ever or ask for all memory."""

import contextlib
import importlib
import io
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import wait

SECONDS = 20  # of the processor for one mutant's checks and probes; the reference takes about one
PATIENCE = (
    10  # times as long by the clock, as others work beside it; then a worker that hears no alarm is killed
)


@dataclass(frozen=True)
class Trial:
    """What became of one mutant.

    Attributes:
        judged: whether the judge takes marks.
        seen: whether a visible check fails.
        touched: whether the change did anything: a gradient that was stopped on integers has not.
    """

    judged: bool
    seen: bool
    touched: bool = True


def try_all(lesson, mutants: Iterable, seed: int, workers: int, done: Callable[[], None]) -> list[Trial]:
    """One `Trial` for each mutant, in their order.

    Args:
        lesson: the `Lesson` they belong to.
        mutants: `Mutant`s of its exercises.
        seed: what probes draw from.
        workers: how many processes.
        done: called after each mutant.
    """
    context = multiprocessing.get_context("fork")  # of a process that has imported Keras and run nothing
    waiting, results, busy = list(enumerate(mutants)), {}, {}

    def start():
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, lesson, seed), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def hand(process, pipe):
        if not waiting:
            pipe.send(None)
            return
        place, mutant = waiting.pop(0)
        pipe.send(mutant)
        # The first one of a worker pays for loading the lab's reference and probes.
        busy[pipe] = (process, place, time.monotonic() + PATIENCE * SECONDS)

    for _ in range(min(workers, len(waiting))):
        hand(*start())
    while busy:
        for pipe in wait(list(busy), timeout=1):
            process, place, _ = busy.pop(pipe)
            try:
                results[place] = pipe.recv()
            except EOFError:  # it took its process along
                results[place] = Trial(True, True)
                process, pipe = start()
            done()
            hand(process, pipe)
        for pipe, (process, place, until) in list(busy.items()):
            if time.monotonic() > until:
                process.kill()
                del busy[pipe]
                results[place] = Trial(True, True)
                done()
                hand(*start())
    return [results[place] for place in sorted(results)]


def _work(pipe, lesson, seed):
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    signal.signal(signal.SIGPROF, _too_long)
    while (mutant := pipe.recv()) is not None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            trial = try_one(lesson, mutant, seed)
        pipe.send(trial)


class TooLong(BaseException):
    """Passes through `except Exception` in checks and probes."""


def _too_long(*_):
    raise TooLong


def try_one(lesson, mutant, seed: int) -> Trial:
    """Run the visible checks and the probes of one mutant; whatever stops it, or takes too long, catches it."""
    from autograder.hidden.assignments import assignment_of

    touched = []
    namespace = vars(importlib.import_module(f"solutions.{lesson.name}")) | _helpers(touched)
    assignment = _undiagnosed(assignment_of(lesson))
    reference = assignment.reference[mutant.exercise]
    judged = seen = True
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        exec(compile(mutant.source, f"<a mutant of {mutant.exercise}>", "exec"), namespace)
        answer = namespace[mutant.exercise]
        seen = _seen(answer, mutant.exercise)
        judged = _judged(answer, reference, assignment, mutant.exercise, seed)
    except TooLong:
        pass
    except Exception:  # it cannot even be defined
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return Trial(
        judged, seen, bool(touched) or not ("_stopped(" in mutant.source or "_eager(" in mutant.source)
    )


def _seen(answer, exercise):
    """Whether a visible check fails; the first that does is enough."""
    from course import checking

    for function in checking.checks_of(exercise):
        try:
            function(answer)
        except Exception:
            return True
    return False


def _judged(answer, reference, assignment, exercise, seed):
    from autograder.judge.marking import LocalSession, mark_exercise

    return not mark_exercise(LocalSession({exercise: answer}), assignment, exercise, seed).right


_UNDIAGNOSED = {}


def _undiagnosed(assignment):
    """The same assignment without misconceptions: which one a mutant resembles is of no interest, and costs time."""
    if assignment.name not in _UNDIAGNOSED:
        from autograder.judge.assignment import Bank

        bank = Bank(probes=assignment.probes, reference=assignment.reference, misconceptions={})
        _UNDIAGNOSED[assignment.name] = replace(assignment, bank=lambda: bank)
    return _UNDIAGNOSED[assignment.name]


def _helpers(touched):
    """What stands in mutants and in no learner's notebook; both note whether they met a number that could be learned."""
    import keras
    from keras import ops

    def each(value, change):
        def changed(part):
            if "float" not in str(getattr(part, "dtype", "")):
                return part
            touched.append(True)
            return change(part)

        return keras.tree.map_structure(changed, value)

    return {
        "_stopped": lambda value: each(value, ops.stop_gradient),
        "_eager": lambda value: each(value, lambda part: ops.convert_to_tensor(ops.convert_to_numpy(part))),
    }

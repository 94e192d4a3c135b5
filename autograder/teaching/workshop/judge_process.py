"""Marks at once: the trusted judge in a process of its own, so that the board answers while Keras is busy.

One line of JSON in, one line out. The board starts this process, and another when it ends.
"""

import asyncio
import json
import os
import sys
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from course.checking import code_reader

KNOWN = 500  # verdicts kept in memory
LIMIT = 16 << 20  # bytes of one line
TRIES = 2


class JudgeGone(Exception):
    """The judging process ended, or cannot start."""


class Judging:
    """The board's side.

    Args:
        course_dir: the course folder with `release/`.
        isolation: `full` or `none`, as in grading.
        workers: submissions judged side by side.
        log: file for what the process says on stderr.
    """

    def __init__(self, course_dir, isolation="full", workers=2, log=None):
        self._command = [sys.executable, "-m", __name__, str(course_dir), isolation, str(workers)]
        self._log = log
        self._process = None
        self._starting = asyncio.Lock()
        self._waiting, self._number = {}, 0

    async def judge(self, **request):
        """The answer to a request; a process that ends under it is started again once.

        Raises:
            JudgeGone: if it ends once more.
        """
        for _ in range(TRIES):
            process = await self._running()
            self._number += 1
            number, done = self._number, asyncio.get_running_loop().create_future()
            self._waiting[number] = done
            try:
                process.stdin.write(json.dumps({**request, "number": number}).encode() + b"\n")
                await process.stdin.drain()
                return await done
            except (JudgeGone, OSError):
                continue
            finally:
                self._waiting.pop(number, None)
        raise JudgeGone("the grader ended twice")

    async def _running(self):
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                log = open(self._log, "ab") if self._log else None  # noqa: SIM115
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    limit=LIMIT,
                )
                if log:
                    log.close()
                asyncio.ensure_future(self._listen(self._process))
            return self._process

    async def _listen(self, process):
        with suppress(ValueError, OSError):
            while line := await process.stdout.readline():
                answer = json.loads(line)
                done = self._waiting.get(answer.pop("number"))
                if done and not done.done():
                    done.set_result(answer)
        if process.returncode is None:
            process.kill()
        await process.wait()
        for done in list(self._waiting.values()):
            if not done.done():
                done.set_exception(JudgeGone("the grader ended"))

    def close(self):
        """End the process, and with it everything it started."""
        if self._process is not None and self._process.returncode is None:
            self._process.stdin.close()
            with suppress(ProcessLookupError):
                self._process.terminate()


class Recent(OrderedDict):
    """A mapping that forgets its oldest entries."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        while len(self) > KNOWN:
            self.popitem(last=False)


def answer(grader, course_dir, request):
    """What the judge says to a request: marks for a notebook, or `{}` once a lab's reference is warm."""
    import nbformat

    from autograder.classroom.waived_answers import marked, without_points
    from autograder.hidden.assignments import assignment_of
    from autograder.judge.grader import code_cells, first_side
    from autograder.judge.notebook_repair import repair
    from course.notebooks.lesson import find_lesson

    lesson = find_lesson(request["lab"])
    if request["op"] == "warm":
        warm_assignment(grader, assignment_of(lesson))
        return {}
    release = Path(course_dir) / "release" / lesson.lab / f"{lesson.name}.ipynb"
    repaired = repair(nbformat.read(release, as_version=4), request["notebook"], code_reader)
    cells = first_side(code_cells(repaired.notebook))  # here nobody can be asked which side counts
    verdict = grader.grade_cells(assignment_of(lesson), cells, repaired.notes)
    verdict = without_points(verdict, {*marked(cells), *request["caught_up"]})
    keys = ("exercise", "points", "max_points", "problems")
    return {
        "marks": [{key: getattr(mark, key) for key in keys} for mark in verdict.marks],
        "diagnoses": {mark.exercise: mark.diagnosis for mark in verdict.marks if mark.diagnosis},
        "notes": [note.text for note in verdict.notes if note.for_learners],
    }


def warm_assignment(grader, assignment):
    """Do now what the first submissions of an assignment would wait for."""
    from autograder.judge.marking import EntrySession, reference_outcomes

    grader.warm(assignment.runtime)
    for exercise in assignment.exercises:
        reference_outcomes(assignment, exercise, grader.seed)
    for exercise in assignment.exercises:  # what wrong answers are told by
        for entry in assignment.misconceptions[exercise]:
            for probe in assignment.probes[exercise]:
                EntrySession(entry).run(probe, grader.seed)


def main(course_dir, isolation, workers):
    """Answer lines until there are no more. Nothing else may reach stdout."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from autograder.judge.grader import Grader

    grader = Grader(isolation)
    grader.cache = Recent()
    lock = threading.Lock()

    def work(request):
        try:
            said = answer(grader, course_dir, request)
        except Exception as fault:  # the machine's, never the learner's
            said = {"fault": str(fault) or type(fault).__name__}
        with lock:
            output.write(json.dumps({**said, "number": request["number"]}).encode() + b"\n")
            output.flush()

    warming, pool = ThreadPoolExecutor(1), ThreadPoolExecutor(int(workers))  # one never in the other's way
    for line in sys.stdin.buffer:
        request = json.loads(line)
        (warming if request["op"] == "warm" else pool).submit(work, request)
    # The board is gone, and nobody waits for what is being judged. The warm server ends with this process.
    ending = threading.Thread(target=grader.close, daemon=True)
    ending.start()
    ending.join(5)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A submission's cells in a student process, started again where it ended and never trusted."""

import contextlib
import inspect
from pathlib import Path

from autograder.hidden import lent_blocks
from autograder.judge import probe
from autograder.judge.outcome import Outcome
from autograder.judge.probe import PROBES
from autograder.judge.sandbox.faults import MachineFault, SubmissionFault, Unanswered

MAX_FAULTS = 6  # after so many ended processes the rest of a submission counts as unanswered


class SandboxSession:
    """Answers probes with a learner's code. See `autograder.judge.marking` for what a session is.

    Args:
        server: a function that gives a running `autograder.judge.sandbox.client.Server`, a new one after one was lost.
        lesson: the `Lesson`.
        cells: `(name, source)` of each code cell to run, in order.

    Attributes:
        broken: exercises whose code hung or ended the process.
        notes: sentences about cells that hung or ended the process, for learner and grader.
    """

    follows = True

    def __init__(self, server, lesson, cells):
        self.broken, self.notes = set(), []
        self._server, self._lesson = server, lesson
        self._cells = dict(cells)
        self._faults = 0
        self._student = None
        self._probes = Path(inspect.getfile(probe)).parents[1] / "hidden" / "probes" / f"{lesson.name}.py"

    def run(self, entry, seed, follow=()):
        """The `Outcome` of one probe.

        Raises:
            MachineFault: twice in a row; the submission must be graded again.
        """
        blocks = lent_blocks.needed_blocks(self._lesson, tuple(follow)) if follow else ""
        forbidden = self._lesson.exercises[entry.exercise].forbidden
        try:
            return self._retry_machine_fault(
                lambda student: Outcome(
                    student.run_probe(entry.exercise, entry.name, seed, follow, blocks, forbidden)
                )
            )
        except Unanswered as error:
            return Outcome(None, error.type, self._redact_probe_names(error.message), error.line)
        except SubmissionFault as fault:
            self.broken.add(entry.exercise)
            self._end()
            return Outcome(None, "no answer", str(fault))

    def _redact_probe_names(self, message):
        """An error message as a learner may read it: they wrote it, and could have it carry the probes' names home."""
        hidden = [entry.name for exercise in self._lesson.exercises for entry in PROBES.get(exercise, ())]
        hidden = [name for name in hidden if "_" in name] + ["autograder", "<prob", "<blocks"]
        return "(a message that is not shown)" if any(word in message for word in hidden) else message

    def start(self):
        """Run the cells. Raises `MachineFault` as `run` does."""
        try:
            self._retry_machine_fault(lambda student: None)
        except SubmissionFault as fault:
            self.notes.append(str(fault))

    def _retry_machine_fault(self, work):
        """Do `work` with a running student process; after a fault of the machine, once more with a new one."""
        for last in (False, True):
            try:
                return work(self._running())
            except MachineFault:
                self._end(own=False)
                if last:
                    raise

    def _running(self):
        while self._student is None:
            if self._faults >= MAX_FAULTS:
                raise SubmissionFault("its code ended the process too often")
            self._student = self._server().spawn()
            self._student.open(lent_blocks.earlier_blocks(self._lesson))
            if self._run_cells():
                self._student.take_probes(inspect.getsource(probe), self._probes.read_text(encoding="utf-8"))
        return self._student

    def _run_cells(self):
        """Whether all cells ran; one that ended the process is left out, and another process has to be started."""
        for name, source in list(self._cells.items()):
            try:
                self._student.run_cell(name, source)
            except Unanswered:
                continue  # a cell that raises defines what it defines, as in a notebook
            except SubmissionFault as fault:
                self.notes.append(f"cell {name} was left out: {fault}")
                del self._cells[name]
                self._end()
                return False
        return True

    def _end(self, own=True):
        if self._student is not None:
            self._faults += own
            student, self._student = self._student, None
            with contextlib.suppress(MachineFault):  # a server that is gone has taken its students along
                student.close()

    def close(self):
        """End the student process."""
        self._end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

"""A submission's cells in a student process, started again where it ended and never trusted."""

import inspect
from pathlib import Path

from autograder import lending, probing
from autograder.outcome import Outcome
from autograder.sandbox.client import MachineFault, SubmissionFault, Unanswered

MAX_FAULTS = 6  # after so many ended processes the rest of a submission counts as unanswered


class SandboxSession:
    """Answers probes with a learner's code. See `autograder.judge` for what a session is.

    Args:
        server: a `autograder.sandbox.client.Server`.
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
        self._probes = Path(inspect.getfile(probing)).parent / "probes" / f"{lesson.name}.py"

    def run(self, entry, seed, follow=()):
        """The `Outcome` of one probe.

        Raises:
            MachineFault: twice in a row; the submission must be graded again.
        """
        try:
            return self._twice(
                lambda student: Outcome(
                    student.run_probe(entry.exercise, entry.name, seed, follow, self._lent(tuple(follow)))
                )
            )
        except Unanswered as error:
            return Outcome(None, error.type, error.message, error.line)
        except SubmissionFault as fault:
            self.broken.add(entry.exercise)
            self._end()
            return Outcome(None, "no answer", str(fault))

    def start(self):
        """Run the cells. Raises `MachineFault` as `run` does."""
        try:
            self._twice(lambda student: None)
        except SubmissionFault as fault:
            self.notes.append(str(fault))

    def _twice(self, work):
        """Do `work` with a running student process; after a fault of the machine, once more with a new one."""
        for last in (False, True):
            try:
                return work(self._running())
            except MachineFault:
                self._end()
                if last:
                    raise

    def _running(self):
        while self._student is None:
            if self._faults >= MAX_FAULTS:
                raise SubmissionFault("its code ended the process too often")
            self._student = self._server.spawn()
            self._student.open(
                inspect.getsource(probing),
                self._probes.read_text(encoding="utf-8"),
                lending.of_earlier_labs(self._lesson),
            )
            for name, source in list(self._cells.items()):
                try:
                    self._student.run_cell(name, source)
                except Unanswered:
                    continue  # a cell that raises defines what it defines, as in a notebook
                except SubmissionFault as fault:
                    self.notes.append(f"cell {name} was left out: {fault}")
                    del self._cells[name]
                    self._end()
                    break
        return self._student

    def _lent(self, follow):
        return lending.of_this_lab(self._lesson, follow) if follow else ""

    def _end(self):
        if self._student is not None:
            self._faults += 1
            student, self._student = self._student, None
            student.close()

    def close(self):
        """End the student process."""
        if self._student is not None:
            self._student.close()
            self._student = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

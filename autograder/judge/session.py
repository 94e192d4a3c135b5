"""A submission's cells in a student process, started again where it ended and never trusted."""

import contextlib
import inspect
import sys
from typing import Any

from autograder.judge import dropout, probe, run, views
from autograder.judge.assignment import Assignment
from autograder.judge.note import Note, NoteKind
from autograder.judge.outcome import Outcome
from autograder.judge.probe import Probe
from autograder.judge.sandbox.faults import MachineFault, SubmissionFault, Unanswered

MAX_FAULTS = 6  # after so many ended processes the rest of a submission counts as unanswered


def probing_sources() -> dict[str, str]:
    """Full name -> source of what probes are run with, in the order in which a student process makes modules of it."""
    return {module.__name__: inspect.getsource(module) for module in (dropout, views, run, probe)}


class SandboxSession:
    """Answers probes with a learner's code. An `autograder.judge.assignment.Session`.

    Args:
        server: a function that gives a running `autograder.judge.sandbox.client.Server`, a new one after one was lost.
        assignment: what it answers.
        cells: `(name, source)` of each code cell to run, in order.

    Attributes:
        broken: exercises whose code hung or ended the process.
        notes: `Note`s about cells that hung or ended the process, for learner and grader.
        raised: id of each cell that ran -> the `Outcome` of what it raised, or `None`.
        stopped: name of a cell -> the error that it stopped with, in words.
    """

    follows = True

    def __init__(self, server: Any, assignment: Assignment, cells: Any) -> None:
        self.broken, self.notes, self.raised, self.stopped = set(), [], {}, {}
        self._server, self._assignment = server, assignment
        self._cells = {}
        for name, source in cells:
            cell = assignment.reader.read_cell(source)
            self._cells[name] = cell.python
            if cell.problem:
                version = ".".join(map(str, sys.version_info[:2]))
                self.stopped[name] = f"cannot be read as Python {version}: {cell.problem}"
        self._faults = 0
        self._student = None

    def run(self, entry: Probe, seed: int, follow: tuple[str, ...] = ()) -> Outcome:
        """The `Outcome` of one probe.

        Raises:
            MachineFault: twice in a row; the submission must be graded again.
        """
        blocks = self._assignment.lent.definitions(tuple(follow)) if follow else ""
        forbidden = self._assignment.exercises[entry.exercise].forbidden
        try:
            return self._retry_machine_fault(
                lambda student: Outcome(
                    student.run_probe(entry.exercise, entry.name, seed, follow, blocks, forbidden, entry.view)
                )
            )
        except Unanswered as error:
            held = (
                follow and self._assignment.lent.secret
            )  # a learner could have it carry the lent answers home
            message = (
                "" if held else self._assignment.runtime.shorten(self._redact_probe_names(error.message))
            )
            return Outcome(None, error.type, message, error.line)
        except SubmissionFault as fault:
            self.broken.add(entry.exercise)
            self._end()
            return Outcome(None, message=str(fault))

    def _redact_probe_names(self, message):
        """An error message as a learner may read it: they wrote it, and could have it carry the probes' names home."""
        hidden = [entry.name for probes in self._assignment.probes.values() for entry in probes]
        hidden = [name for name in hidden if "_" in name] + ["autograder", "<prob", "<blocks"]
        return "(a message that is not shown)" if any(word in message for word in hidden) else message

    def start(self) -> None:
        """Run the cells. Raises `MachineFault` as `run` does."""
        try:
            self._retry_machine_fault(lambda student: None)
        except SubmissionFault as fault:
            self.notes.append(Note(str(fault), NoteKind.STOPPED))

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
            lent = self._assignment.lent
            self._student.put(self._assignment.files)
            self._student.open(lent.modules(), lent.prelude())
            if self._run_cells():
                try:
                    self._student.take_probes(probing_sources(), self._assignment.probes_source)
                except Unanswered as error:  # the same texts load everywhere else
                    self._end()
                    self._faults = MAX_FAULTS
                    raise SubmissionFault(
                        f"its code broke Python in its own process ({error.type}), so nothing in it can be tried"
                    ) from error
        return self._student

    def _run_cells(self):
        """Whether all cells ran; one that ended the process is left out, and another process has to be started."""
        for name, source in list(self._cells.items()):
            try:
                self._student.run_cell(name, source)
                self.raised[name] = None
            except Unanswered as error:  # a cell that raises defines what it defines, as in a notebook
                message = self._assignment.runtime.shorten(error.message)
                self.raised[name] = Outcome(None, error.type, message, error.line)
                self.stopped[name] = _in_words(error, self._redact_probe_names(error.message))
            except SubmissionFault as fault:
                self.notes.append(Note(f"cell {name} was left out: {fault}", NoteKind.STOPPED))
                self.stopped[name] = f"was left out: {fault}"
                self.raised.pop(name, None)
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

    def close(self) -> None:
        """End the student process."""
        self._end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _in_words(error, message):
    text = message.split("\n")[0].strip()
    text = f"stopped with {error.type}" + (f": {text}" if text else "")
    return text + (f" (in the line `{error.line}`)" if error.line else "")

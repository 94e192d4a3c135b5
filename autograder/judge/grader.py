"""From a repaired notebook to a verdict, and verdicts on disk.

The whole path: `repair` -> `SandboxSession` (learner's code) -> `judge` (marks) -> `Verdict` -> nbgrader's gradebook
(`autograder.classroom.nbgrader_plugin`).
"""

import contextlib
import threading
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.judge import DEFAULT_SEED
from autograder.judge.assignment import Assignment, Runtime
from autograder.judge.errors import Undecided
from autograder.judge.example import counter_examples
from autograder.judge.explain import explain
from autograder.judge.marking import mark_exercise
from autograder.judge.note import Note, NoteKind
from autograder.judge.notebook_frame import OTHER_SIDE
from autograder.judge.outcome import Status
from autograder.judge.sandbox.client import Server
from autograder.judge.sandbox.faults import MachineFault
from autograder.judge.session import SandboxSession
from autograder.judge.suspicious_code import find_suspicious_code
from autograder.judge.verdict import Verdict

CONTAINED = "contained, not protected against tampering; marked by the course's own tests"
RUN_ROLES = (
    "setup",
    "given",
    "answer",
    "free",
    "test",
    None,
)  # None: a cell the learner added, which may hold a helper


@dataclass(frozen=True)
class JudgeSettings:
    """How notebooks are judged. Verdicts made under other settings may differ.

    Attributes:
        isolation: `"full"` or `"none"`.
        seed: what probes draw shapes and values from.
        seconds: processor seconds that one cell or probe may take.
    """

    isolation: str = "full"
    seed: int = DEFAULT_SEED
    seconds: float = 10.0

    def grader(self, cache: MutableMapping | None = None) -> "Grader":
        """A new `Grader` with these settings."""
        return Grader(self.isolation, self.seed, self.seconds, cache)


class Grader:
    """Grades notebooks. It holds the warm servers, so it has to be closed.

    Args:
        isolation, seed, seconds: see `JudgeSettings`.
        cache: what was handed in, and what was repaired -> its verdict. Such as an
            `autograder.judge.verdict_cache.Journal`, which lasts longer than the process; a dictionary if left out.
    """

    def __init__(
        self,
        isolation: str = "full",
        seed: int = DEFAULT_SEED,
        seconds: float = 10.0,
        cache: MutableMapping | None = None,
    ) -> None:
        self.isolation, self.seed, self.seconds = isolation, seed, seconds
        self.cache = {} if cache is None else cache
        self._servers = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> JudgeSettings:
        """What it was made with."""
        return JudgeSettings(self.isolation, self.seed, self.seconds)

    def server(self, runtime: Runtime) -> Server:
        """The warm server of a runtime, started at the first call and again after it was lost."""
        with self._lock:
            server = self._servers.get(runtime)
            if server is None or not server.alive():
                if server is not None:
                    server.close()
                server = self._servers[runtime] = Server(runtime, self.isolation, seconds=self.seconds)
            return server

    def warm(self, runtime: Runtime) -> None:
        """Start the server and import what the judge's own process needs, both at once; wait for both."""
        server = self.server(runtime)
        runtime.warm(runtime)
        server.wait_ready()

    def grade(self, assignment: Assignment, notebook: NotebookNode, notes: Sequence[Note] = ()) -> Verdict:
        """The `Verdict` of a repaired notebook.

        Args:
            assignment: what it answers.
            notebook: a notebook as `autograder.judge.notebook_repair.repair` gives it.
            notes: what the repair reported.

        Raises:
            MachineFault: when it must be graded again.
            Undecided: when it holds two versions that earn different marks.
            autograder.judge.sandbox.faults.NotIsolated: when layers of isolation are missing.
        """
        return self.grade_cells(assignment, code_cells(notebook), notes)

    def grade_cells(
        self,
        assignment: Assignment,
        cells: Sequence[tuple[str, str]],
        notes: Sequence[Note] = (),
        anew: bool = False,
    ) -> Verdict:
        """The `Verdict` of the cells that `code_cells` gives; else as `grade`. `anew` judges what is known, too."""
        key = cache_key(assignment, cells, notes)
        if anew or key not in self.cache:  # judged once, however often it is handed in or recorded
            self.cache[key] = self._judge_both_sides(assignment, cells, notes)
        return self.cache[key]

    def _judge_both_sides(self, assignment, cells, notes):
        """The verdict; of a file with a git conflict only if both of its sides earn the same."""
        first = first_side(cells)
        verdict = self._judge(assignment, first, notes)
        if len(first) < len(cells):
            other = self._judge(assignment, cells, notes)
            differ = [
                f"`{one.exercise}` ({one.points:g} and {two.points:g} of {one.max_points:g})"
                for one, two in zip(verdict.marks, other.marks, strict=True)
                if one.points != two.points
            ]
            if differ:
                raise Undecided(
                    "the file holds both sides of a git conflict, and they earn different marks in "
                    f"{', '.join(differ)}: ask which side counts, and for a file without the other"
                )
        return verdict

    def _judge(self, assignment, cells, notes):
        runtime, reader = assignment.runtime, assignment.reader
        self.server(runtime)
        runtime.warm(runtime)  # while the server does the same
        source = _joined(cells, reader)
        verdict = Verdict(assignment.name, self.seed, notes=list(notes))
        own = [cell for cell in cells if cell[0].startswith(("answer-", "own-"))]
        given = [cell for cell in cells if cell not in own]
        watched = [f"{name}.{entry}" for name, _ in runtime.packages for entry in runtime.unreadable]
        strange = find_suspicious_code(_joined(own, reader), reader.parse, _joined(given, reader), watched)
        if strange:
            told = f"worth a look, unusual in an answer: {', '.join(strange)}"
            verdict.notes.append(Note(told, NoteKind.UNUSUAL))
        with SandboxSession(lambda: self.server(runtime), assignment, cells) as session:
            session.start()
            for exercise in assignment.exercises:
                mark = mark_exercise(session, assignment, exercise, self.seed, source, session.broken)
                verdict.marks.append(explain(mark, cells, session.stopped, reader))
            verdict.notes += session.notes
            self._show_examples(session, assignment, verdict)
        tested = [name for name, exercise in assignment.exercises.items() if exercise.tests]
        if tested:
            verdict.notes.append(Note(f"{CONTAINED}: {', '.join(tested)}", NoteKind.CONTAINED))
        return verdict

    def _show_examples(self, session, assignment, verdict):
        """Add counter-examples to wrong answers. All marks are made by now, and a fault here takes none back."""
        with contextlib.suppress(MachineFault):
            for mark in verdict.marks:
                written = mark.status is not Status.UNWRITTEN
                if not mark.right and mark.problems and written and mark.exercise not in session.broken:
                    follow = tuple(mark.helped)
                    mark.examples = counter_examples(session, assignment, mark.exercise, self.seed, follow)

    def close(self) -> None:
        with self._lock:
            while self._servers:
                self._servers.popitem()[1].close()


class GraderPool:
    """Graders that outlive one grading, one for each settings: in a process that grades again and again."""

    def __init__(self) -> None:
        self._graders: dict[JudgeSettings, Grader] = {}
        self._lock = threading.Lock()

    def grader(self, settings: JudgeSettings) -> Grader:
        """The one with these settings, made at the first call."""
        with self._lock:
            if settings not in self._graders:
                self._graders[settings] = settings.grader()
            return self._graders[settings]

    def close(self) -> None:
        """End their warm servers."""
        with self._lock:
            while self._graders:
                self._graders.popitem()[1].close()


def cache_key(assignment: Assignment, cells: Sequence[tuple[str, str]], notes: Sequence[Note]) -> tuple:
    """The key of a submission to an assignment, as it is now, in `Grader.cache`."""
    return assignment.name, assignment.fingerprint, tuple(cells), tuple(notes)


def code_cells(notebook: NotebookNode) -> list[tuple[str, str]]:
    """`(name, source)` of the cells that run when grading: not the experiments, not the checks."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        role = cell.metadata.get("course", {}).get("role")
        if cell.cell_type == "code" and role in RUN_ROLES:
            found.append((cell.get("id") or f"cell-{number}", cell.source))
    return found


def first_side(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The cells without those that stand on the second side of a git conflict."""
    return [cell for cell in cells if not cell[0].startswith(OTHER_SIDE)]


def _joined(cells, reader):
    """All cells as one piece of plain Python; cell by cell, so that one that cannot be read hides no other."""
    return "\n\n".join(reader.read_cell(source).python for _, source in cells)

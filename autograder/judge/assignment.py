"""The one contract: what the judge must know of an assignment. Where that comes from is its source's affair.

Assignment      what is asked, how it is tried, what is right, and how wrong answers are named
Runtime         what a process that runs learners' code is made of, and what it must not see
Session         whatever answers probes: the reference, a misconception, a learner's code in its own process
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autograder.judge.entries import Entry
from autograder.judge.outcome import Outcome
from autograder.judge.probe import Probe


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        name: what the answer defines: a function, a class or another object.
        points: what a right answer earns.
        forbidden: names that the answer may not call, because they are what it builds.
        tests: ids of cells that hold the course's own tests. Such an exercise has no probes: its tests run among
            the learner's cells, contained but not protected against tampering.
    """

    name: str
    points: float
    forbidden: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


class CodeReader(Protocol):
    """Reads code, cells and notebooks without running them: the same for learner, judge and report.

    The only thing that parses, since Python 3.11 cannot do so in two threads. Beside what stands here, it offers
    `autograder.judge.notebook_repair` what `course.notebooks.find_cells` describes.
    """

    def read_file(self, content: bytes | str) -> Any:
        """The cells of a notebook's file, in whatever state it is, with notes."""

    def read_cell(self, source: str) -> Any:
        """A cell as Python: `python`, or the `problem` why it cannot be read."""

    def parse(self, source: str) -> Any:
        """The syntax tree, or `None`."""

    def definitions(self, tree: Any) -> Mapping[str, list]:
        """Top-level name -> the statements that bind it."""

    def rebound(self, name: str, trees: Sequence[Any]) -> str | None:
        """Says which statement binds a name once more, further down than its definition."""

    def defines(self, source: str, name: str) -> bool:
        """Whether the code binds `name` at its top level."""

    def find_shortcuts(self, source: str, exercise: str, forbidden: Any, lab: Any = ()) -> list[str]:
        """Which forbidden names the answer to `exercise` reaches."""

    def exercises_with_shortcuts(self, source: str, exercise: str, forbidden: Any, lab: Any) -> list[str]:
        """Other exercises that reach what `exercise` may not, and could do its work for it."""


class Lent(Protocol):
    """Trusted answers that a student process is lent, as texts: it has no files of them.

    Attributes:
        secret: whether learners must not read them: error messages are held back while they are lent.
    """

    secret: bool

    def modules(self) -> Mapping[str, str]:
        """Full name of a module -> its source, importable in every cell."""

    def prelude(self) -> str:
        """Python that runs in the process before any cell."""

    def definitions(self, names: tuple[str, ...]) -> str:
        """Source that defines these exercises, and no others, for follow-through."""


class NothingLent:
    """Lends nothing: an earlier mistake is carried on."""

    secret = False

    def modules(self) -> Mapping[str, str]:
        return {}

    def prelude(self) -> str:
        return ""

    def definitions(self, names: tuple[str, ...]) -> str:
        return ""


def _import_all(runtime: "Runtime") -> None:
    for name in runtime.imports:
        importlib.import_module(name)


@dataclass(frozen=True)
class Runtime:
    """What a student process is made of. Assignments with equal runtimes share a warm server.

    Attributes:
        imports: modules that the warm server imports, so that no student process has to.
        packages: `(name, folder)` of packages that are not installed but may be imported.
        unreadable: entries of those folders that a student process must not read.
        secret: folders that are never on its path: they hold answers.
        guarded: libraries in which forbidden names are refused at run time.
        environment: `(name, value)` of more environment variables.
        inherited: names of the grader's own variables that it gets.
        warm: makes the judge's own process ready, while the server does the same; takes the runtime.
        shorten: an error's message without what a library adds for its own developers.
    """

    imports: tuple[str, ...] = ("numpy",)
    packages: tuple[tuple[str, Path], ...] = ()
    unreadable: tuple[str, ...] = ()
    secret: tuple[Path, ...] = ()
    guarded: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    inherited: tuple[str, ...] = ()
    warm: Callable[["Runtime"], None] = _import_all
    shorten: Callable[[str], str] = str


@dataclass(frozen=True)
class Bank:
    """What a source knows of its exercises, by their names.

    Attributes:
        probes: the probes of each exercise, at least one.
        reference: the right answer.
        misconceptions: named wrong ones.
    """

    probes: Mapping[str, tuple[Probe, ...]]
    reference: Mapping[str, Any]
    misconceptions: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Assignment:
    """One notebook to grade.

    Attributes:
        name: such as `ps1`; verdicts are kept under it.
        exercises: name -> `Exercise`, in the notebook's order.
        bank: gives probes, reference and misconceptions, always the same; called when they are first needed, as it
            may have to import a library.
        probes_source: the text of the probes, for the student process; holds no answer.
        fingerprint: changes with whatever a mark depends on; verdicts are believed only under the same.
        reader: reads learners' code.
        runtime: what a student process is made of.
        lent: trusted answers for follow-through.
        files: name -> file that lies beside the notebook where it runs.
    """

    name: str
    exercises: Mapping[str, Exercise]
    bank: Callable[[], Bank]
    probes_source: str
    fingerprint: str
    reader: CodeReader
    runtime: Runtime = field(default_factory=Runtime)
    lent: Lent = field(default_factory=NothingLent)
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def probes(self) -> Mapping[str, tuple[Probe, ...]]:
        """Exercise -> its probes."""
        return self.bank().probes

    @property
    def reference(self) -> Mapping[str, Any]:
        """Exercise -> the right answer."""
        return self.bank().reference

    @property
    def misconceptions(self) -> Mapping[str, tuple[Entry, ...]]:
        """Exercise -> named wrong answers."""
        return self.bank().misconceptions


class Session(Protocol):
    """Whatever answers probes.

    Attributes:
        follows: whether an exercise is tried once more with trusted answers to the earlier ones.
    """

    follows: bool

    def run(self, probe: Probe, seed: int, follow: tuple[str, ...] = ()) -> Outcome:
        """The `Outcome` of one probe, with the exercises named in `follow` replaced by trusted answers."""

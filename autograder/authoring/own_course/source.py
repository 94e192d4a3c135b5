"""Makes the judge's `Assignment` of a described notebook: its solutions are the reference, its probes the questions."""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import sys
import threading
import types
from pathlib import Path

from autograder.authoring.own_course.description import OwnCourseError, OwnNotebook, plain_python
from autograder.authoring.own_course.framing import cell_id
from autograder.judge import probe
from autograder.judge.assignment import Assignment, Bank, Exercise, NothingLent, Runtime
from autograder.judge.definitions import needed
from autograder.paths import ROOT
from course.checking import code_reader, shortcuts

# Libraries that ready-made answers may come from, besides what the course names.
GUARDED = ("numpy", "pandas", "scipy", "sklearn", "statistics", "torch", "tensorflow", "keras")
MAX_FILE = 32 << 20  # bytes of a file that lies beside a notebook
_ONE_AT_A_TIME = threading.Lock()  # the working directory belongs to the process


@functools.lru_cache(maxsize=64)
def assignment_of_own(own: OwnNotebook) -> Assignment:
    """A described notebook as the judge takes it. Quick: the solutions run when they are first needed."""
    lent = NothingLent() if not own.bank.probes else LentSolutions(own)
    exercises = {}
    for name, one in own.exercises.items():
        tests = tuple(cell_id("test", grade_id) for grade_id, _ in one.cells) if one.contained else ()
        exercises[name] = Exercise(name, one.points, one.forbidden, tests)
    return Assignment(
        name=own.lab,
        exercises=exercises,
        bank=functools.partial(_bank, own),
        probes_source=own.bank.probes_source,
        fingerprint=_fingerprint(own),
        reader=code_reader,
        runtime=runtime_of(own),
        lent=lent,
        files=_files(own.path.parent),
    )


def runtime_of(own: OwnNotebook) -> Runtime:
    """What a learner's process has: Python, what is installed, and ready what the course names."""
    # Where this is a checkout, its folder holds the answers of our labs; installed, it is where all packages are.
    secret = (_course(own), *((ROOT,) if (ROOT / "solutions").is_dir() else ()))
    packages = {name.partition(".")[0] for name in own.bank.imports}
    return Runtime(imports=own.bank.imports, guarded=tuple(sorted({*GUARDED, *packages})), secret=secret)


def _course(own):
    return own.path.parents[2]


class LentSolutions:
    """The solutions of earlier exercises, so that one mistake costs its own points and no others."""

    secret = True

    def __init__(self, own: OwnNotebook):
        self._text = code_of(own)

    def modules(self) -> dict[str, str]:
        return {}

    def prelude(self) -> str:
        return ""

    def definitions(self, names: tuple[str, ...]) -> str:
        return needed(self._text, names, shortcuts.parse)


def code_of(own: OwnNotebook) -> str:
    """All code of a source notebook but its test cells, as plain Python."""
    return "\n\n".join(source for _, source in _cells(own))


def _cells(own):
    for number, cell in enumerate(own.notebook.cells, start=1):
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and not (about.get("grade") and not about.get("solution")):
            yield number, plain_python(cell.source)


@functools.lru_cache(maxsize=64)
def _bank(own):
    namespace = run_solutions(own)
    missing = [name for name in own.bank.probes if name not in namespace]
    if missing:
        raise OwnCourseError(f"{own.path} defines no {missing[0]}, for which there are probes")
    return Bank(
        probes=own.bank.probes,
        reference={name: namespace[name] for name in own.bank.probes},
        misconceptions=own.bank.misconceptions,
    )


def run_solutions(own: OwnNotebook) -> dict:
    """What the source notebook's cells define: the teacher's code, run here.

    Raises:
        OwnCourseError: if one of them stops.
    """
    module = types.ModuleType(f"solutions_of_{own.lab}_{own.name}")
    module.__dict__["get_ipython"] = lambda: _Shell()
    sys.modules[module.__name__] = module  # where `inspect` and `dataclasses` look
    os.environ.setdefault("MPLBACKEND", "Agg")
    with _ONE_AT_A_TIME, contextlib.chdir(own.path.parent), open(os.devnull, "w") as nowhere:
        for number, source in _cells(own):
            try:
                with contextlib.redirect_stdout(nowhere):
                    exec(compile(source, f"<{own.name}, cell {number}>", "exec"), module.__dict__)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                raise OwnCourseError(
                    f"{own.path}: cell {number} stops with {type(error).__name__}: {error}. The source notebook has to "
                    "run from top to bottom, as its solutions are what answers are compared with"
                ) from None
    return vars(module)


class _Shell:
    """Stands for IPython's shell, whose magics do nothing here."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter(())


def _files(folder):
    """What lies beside the notebook, as nbgrader hands it out with it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
        if (
            path.is_file()
            and not hidden
            and path.suffix not in (".ipynb", ".pyc")
            and path.stat().st_size <= MAX_FILE
        ):
            found[path.relative_to(folder).as_posix()] = path
    return found


def _fingerprint(own):
    found = hashlib.sha256(own.path.read_bytes() + own.bank.path.read_bytes())
    for path in sorted(Path(probe.__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    for path in _files(own.path.parent).values():
        found.update(path.read_bytes())
    for name in own.bank.imports:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.update(f"{name} {importlib.metadata.version(name.partition('.')[0])}".encode())
    found.update(repr(sys.version_info[:2]).encode())
    return found.hexdigest()

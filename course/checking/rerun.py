"""Runs a learner's notebook in a process of its own and gives the visible checks of each exercise.

The process writes one JSON line for each thing it begins and finds; so whatever ends it, the parent knows where it was.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError, UnknownName
from course.machine.quiet import LOG_LEVEL
from course.notebooks.labs_folder import CHECKOUT

UNWRITTEN = "not written yet"


@dataclass(frozen=True)
class Result:
    """What the checks say about one exercise.

    Attributes:
        exercise: its name.
        points: points by the visible checks.
        out_of: points there are.
        outcomes: `(check, problem)` pairs; `problem` is `None` for a check that holds.
    """

    exercise: str
    points: float
    out_of: float
    outcomes: tuple[tuple[str, str | None], ...]

    @property
    def passed(self) -> bool:
        return all(problem is None for _, problem in self.outcomes)

    @property
    def unwritten(self) -> bool:
        problems = [problem for _, problem in self.outcomes if problem]
        return bool(problems) and all(problem.startswith(UNWRITTEN) for problem in problems)


class ReplayError(CourseError):
    """The notebook's process did not come to its end; the text says where it was."""


def replay(
    notebook: str | Path, seconds: float = 120, progress: Callable[[str], None] = lambda text: None
) -> tuple[tuple["Result", ...], tuple[str, ...]]:
    """Run a notebook's answers and check them, in a process of its own.

    Args:
        notebook: a `course.notebooks.notebook.Notebook`.
        seconds: time limit for everything, the import of Keras included.
        progress: called with a few words about what is going on.

    Returns:
        `(results, remarks)`: a `Result` for each exercise in the lesson's order, and sentences about cells that are
        no answers and failed, such as the set-up.

    Raises:
        ReplayError: if it takes longer, or if the process ends before its time.
    """
    with tempfile.TemporaryDirectory(prefix="course-check-") as private:
        notes, said = Path(private) / "notes.jsonl", Path(private) / "said.txt"
        notes.touch()
        with said.open("wb") as sink:
            process = _start(notebook, notes, sink)
            try:
                late = _watch(process, notes, seconds, progress)
            finally:
                _end(process)
        lines = _lines(notes)
        tail = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    at = next((line["at"] for line in reversed(lines) if "at" in line), "the start of Python")
    if late:
        raise ReplayError(
            f"Stopped after {seconds:g} s, at {at}. Is there a loop that never ends? --time-limit gives it longer."
        )
    trouble = next((line["trouble"] for line in lines if "trouble" in line), None)
    if trouble:
        raise ReplayError(trouble)
    if not any("done" in line for line in lines):
        last = f" Its last words: {tail[-1][:200]}" if tail else ""
        raise ReplayError(f"Python ended on its own (status {process.returncode}) at {at}.{last}")
    results = tuple(
        Result(line["exercise"], line["points"], line["out_of"], tuple(map(tuple, line["outcomes"])))
        for line in lines
        if "exercise" in line
    )
    return results, tuple(line["remark"] for line in lines if "remark" in line)


def _start(notebook, notes, sink):
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        LOG_LEVEL: "3",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "course.checking.rerun", str(notebook.path.resolve()), str(notes)],
        cwd=notebook.path.resolve().parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # what the learner's code starts is ended with it
    )


def _watch(process, notes, seconds, progress):
    """Wait for the process and pass on its progress; whether it ran out of time."""
    deadline = time.monotonic() + seconds
    shown = None
    while process.poll() is None:
        if time.monotonic() > deadline:
            return True
        at = next((line["at"] for line in reversed(_lines(notes)) if "at" in line), "the start of Python")
        if at != shown:
            progress(shown := at)
        time.sleep(0.1)
    return False


def _end(process):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _lines(notes):
    found = []
    for line in notes.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):  # a line that is being written just now
            found.append(json.loads(line))
    return found


def _main(path, notes):
    """In the process: run the cells, then the checks, and note everything."""
    with open(notes, "a", encoding="utf-8") as sink:

        def note(**line):
            print(json.dumps(line), file=sink, flush=True)

        from course import checking
        from course.notebooks import lesson, notebook
        from course.notebooks.cell_source import read_cell
        from course.notebooks.definitions import rebound

        book = notebook.read(path)
        trees = [read_cell(cell.source).tree for cell in book.cells if cell.runs]
        module, problems = notebook.execute(book, before=lambda cell: note(at=cell.title))
        for remark in book.notes:
            note(remark=f"{remark[:1].upper()}{remark[1:]}.")
        note(at="the lesson")
        try:
            cells = lesson.find_lesson(book.lab).exercises
        except UnknownName:
            return note(
                trouble=f"This version of the course has no lab {book.lab!r}: update it, or take a fresh notebook."
            )
        for name in problems.keys() - cells.keys():
            note(remark=f"{name}: {problems[name]}. What comes after it may fail for that reason alone.")
        for name, cell in cells.items():
            note(at=f"the checks of {name}")
            if name in problems:
                outcomes = [("runs", problems[name])]
            elif name not in vars(module):
                said = (
                    f"its cell does not define {name}: did you rename it?"
                    if book.has_answer(name)
                    else "its cell is missing: take it over from a fresh copy of the lab"
                )
                outcomes = [("is there", said)]
            else:
                report = checking.run_checks(getattr(module, name), name)
                outcomes = [(outcome.name, outcome.problem) for outcome in report.outcomes]
                again = rebound(name, trees)
                if again and not all(outcome.problem is None for outcome in report.outcomes):
                    outcomes.insert(0, ("is bound once", f"{again}: that is what is checked and graded"))
            good = sum(problem is None for _, problem in outcomes)
            note(
                exercise=name,
                points=cell.points * good / len(outcomes),
                out_of=cell.points,
                outcomes=outcomes,
            )
        return note(done=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])

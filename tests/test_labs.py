"""Every lab: its gates, and the whole notebook from top to bottom with the reference's answers."""

import time

import nbclient
import pytest

from autograder import gates
from autograder.build import source_notebook
from autograder.sandbox import isolate
from course.lesson import lessons

# Seconds on two cores, with what each lab promises.
BUDGET = {"attention": 180, "transformer": 480}
# Exercises, misconceptions and alternatives that each lab promises at least.
PROMISED = {"attention": (7, 40, 20), "transformer": (9, 45, 27)}


@pytest.fixture(params=list(lessons()), scope="module")
def lesson(request):
    return lessons()[request.param]


@pytest.mark.skipif(bool(isolate.missing()), reason=f"no isolation here: {isolate.missing()}")
def test_gates(lesson):
    rows = gates.gates(lesson)
    assert not [f"{row.exercise}: {fault}" for row in rows for fault in row.faults]
    exercises, misconceptions, alternatives = PROMISED[lesson.name]
    assert len(rows) >= exercises
    assert sum(row.hidden for row in rows) == sum(row.misconceptions for row in rows) >= misconceptions
    assert sum(row.accepted for row in rows) == sum(row.alternatives for row in rows) >= alternatives


@pytest.fixture(scope="module")
def executed(lesson, tmp_path_factory):
    """The instructor's notebook after a run from top to bottom, and the seconds it took."""
    notebook = source_notebook(lesson)
    started = time.monotonic()
    resources = {"metadata": {"path": str(tmp_path_factory.mktemp(lesson.name))}}
    nbclient.NotebookClient(notebook, timeout=900, resources=resources).execute()
    return notebook, time.monotonic() - started


def test_runs_from_top_to_bottom_and_every_check_passes(lesson, executed):
    notebook, _ = executed
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    loud = [name for name, found in outputs.items() for one in found if one.get("name") == "stderr"]
    assert not loud, "stock nbgrader gives a cell that prints to stderr no points"
    for exercise in lesson.exercises:
        (report,) = outputs[f"check-{exercise}"]
        assert "checks pass. Well done!" in report.data["text/plain"], report.data["text/plain"]


@pytest.mark.slow  # a promise about time wants a machine of its own: `make proofs`
def test_keeps_its_budget(lesson, executed):
    _, seconds = executed
    print(f"{lesson.lab}: {seconds:.0f} s from top to bottom")
    assert seconds < BUDGET[lesson.name]

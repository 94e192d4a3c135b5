"""Every lab: its gates, and the whole notebook from top to bottom with the reference's answers."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbclient
import pytest

import course
from autograder.authoring import gates
from autograder.authoring.build import source_notebook
from autograder.judge.sandbox import isolation
from course.notebooks.lesson import lessons

SOON_GONE = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
# What CONTRIBUTING.md asks of every exercise.
MISCONCEPTIONS, ALTERNATIVES = 5, 3


@pytest.fixture(params=list(lessons()), scope="module")
def lesson(request):
    return lessons()[request.param]


@pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)
def test_gates(lesson):
    rows = gates.gates(lesson)
    assert not [f"{row.exercise}: {fault}" for row in rows for fault in row.faults]
    assert [row.exercise for row in rows] == list(lesson.exercises)
    assert not [row.exercise for row in rows if not row.hidden == row.misconceptions >= MISCONCEPTIONS]
    assert not [row.exercise for row in rows if not row.accepted == row.alternatives >= ALTERNATIVES]


def errors_of_ours():
    """PYTHONWARNINGS that do in a kernel what `filterwarnings` in pyproject.toml does in pytest; whole names only."""
    folder = Path(course.__file__).parent
    parts = [path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py")]
    modules = {
        ".".join(("course", *part)).removesuffix(".__init__") for part in parts if part[0] != "lessons"
    }
    return ",".join(f"error::{kind}:{name}" for name in sorted(modules) for kind in SOON_GONE)


def run(notebook, folder, preset):
    """The instructor's notebook after a run from top to bottom, and the seconds it took."""
    environment = os.environ | {"COURSE_PRESET": preset, "PYTHONWARNINGS": errors_of_ours()}
    resources = {"metadata": {"path": str(folder)}}
    started = time.monotonic()
    nbclient.NotebookClient(notebook, timeout=900, resources=resources).execute(env=environment)
    return notebook, time.monotonic() - started


@pytest.fixture(scope="module")
def quick_runs(request, tmp_path_factory):
    """Name of a lab that a test waits for -> the future of its run with a handful of training steps.

    Two at a time: that little work keeps one core busy.
    """
    waited_for = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "quick_runs" in item.fixturenames
    }
    # All are made before the threads begin: Python 3.11 cannot parse code in two at once.
    notebooks = {name: source_notebook(lesson) for name, lesson in lessons().items() if name in waited_for}
    with ThreadPoolExecutor(2) as pool:
        yield {
            name: pool.submit(run, notebook, tmp_path_factory.mktemp(name), "smoke")
            for name, notebook in notebooks.items()
        }


def expect_sound(lesson, notebook):
    """Every check passes, and no cell is loud."""
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    loud = [name for name, found in outputs.items() for one in found if one.get("name") == "stderr"]
    assert not loud, "stock nbgrader gives a cell that prints to stderr no points"
    for exercise in lesson.exercises:
        (report,) = outputs[f"check-{exercise}"]
        assert "checks pass. Well done!" in report.data["text/plain"], report.data["text/plain"]


@pytest.mark.parametrize("name", lessons())  # not the fixture `lesson`: these come after all gates
def test_runs_from_top_to_bottom_and_every_check_passes(name, quick_runs):
    """With a handful of training steps: every cell works."""
    notebook, _ = quick_runs[name].result()
    expect_sound(lessons()[name], notebook)


@pytest.mark.slow  # minutes of training, and a promise about time wants a machine of its own: `make proofs`
def test_as_a_learner_runs_it_it_keeps_its_budget(lesson, tmp_path):
    notebook, seconds = run(source_notebook(lesson), tmp_path, "laptop")
    expect_sound(lesson, notebook)
    print(f"{lesson.lab}: {seconds:.0f} s from top to bottom")
    assert seconds < lesson.seconds

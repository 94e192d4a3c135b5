"""Records what the experiments of a lab print, so that its text can quote a run that somebody can make again.

    python benchmarks/lessons.py vit                    as a learner runs it, the reference's answers in its cells
    python benchmarks/lessons.py vit --until guessing   no further than this experiment
    python benchmarks/lessons.py vit --skip rollout     without it; may be repeated

What was printed goes to `benchmarks/recorded/<lab>.json` after each experiment, with the cell's settings, the versions and
the date. Experiments that are not run keep what was recorded before.
"""

import argparse
import datetime
import json
import os
import platform
import tempfile
from importlib.metadata import version

import nbclient

from autograder.authoring import recorded
from autograder.authoring.build import source_notebook
from autograder.paths import ROOT
from course.notebooks.lesson import lessons


def record(lesson, until, skip):
    """Run a lab and write what its experiments print."""
    path = recorded.FOLDER / f"{lesson.lab}.json"
    run = recorded.read(lesson.lab) or {"cells": {}}
    run["about"] = "What the experiments of this lab printed; see benchmarks/lessons.py."
    run["machine"] = f"{os.cpu_count()} cores, {platform.machine()}; seconds depend on what else it does"
    run["versions"] = {"python": platform.python_version()} | {
        name: version(name) for name in ("keras", "tensorflow", "numpy", "scikit-learn")
    }
    notebook = source_notebook(lesson)
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": folder}})
        environment = os.environ | {"COURSE_PRESET": "laptop", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        with client.setup_kernel(env=environment):
            for place, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                name, role = cell.metadata.course["name"], cell.metadata.course["role"]
                if role == "experiment" and name in skip or role.startswith("check"):
                    continue
                client.execute_cell(cell, place)
                if role == "experiment":
                    said = "".join(one.text for one in cell.outputs if one.get("name") == "stdout")
                    run["cells"][name] = {
                        "date": datetime.date.today().isoformat(),
                        "settings": recorded.settings(recorded.experiments(lesson)[name]),
                        "said": [line for line in said.strip().splitlines() if not line.endswith(" s left")],
                    }
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                    print(f"{lesson.lab}, {name}:\n{said}", flush=True)
                if name == until:
                    return


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lab", choices=list(lessons()))
    parser.add_argument("--until", help="the last experiment to be run")
    parser.add_argument("--skip", action="append", default=[], help="an experiment that is left out")
    arguments = parser.parse_args()
    record(lessons()[arguments.lab], arguments.until, arguments.skip)


if __name__ == "__main__":
    main()

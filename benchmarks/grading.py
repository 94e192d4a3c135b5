"""Seconds per submission: stock nbgrader with its own executor against this project's grading, in one run.

    make bench                                        what the README says
    python benchmarks/grading.py --submissions 200 --stock 12     a large class, of which stock grades twelve

The same right submissions are graded three times, each time from a fresh course folder, as a whole process:

* stock       `nbgrader autograde`, its own executor (a kernel per submission)
* plugin      `nbgrader autograde` with this project's configuration
* autograder  `autograder grade`, without feedback pages (stock autograde writes none either)

Experiment cells are taken out first. Stock nbgrader would run them, which takes it minutes per submission, and this
grader leaves them out; without them the comparison is about grading alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from autograder.authoring.build import build, entry_source, submission
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.hidden.assignments import import_keras
from autograder.hidden.entries import alternatives
from course.notebooks.lesson import find_lesson

WAYS = ("stock", "plugin", "autograder")
STOCK = """c = get_config()
c.Execute.timeout = 300  # the default of 30 s is eaten by importing Keras on a busy machine
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=12, help="how many (default: 12)")
    parser.add_argument("--stock", type=int, help="how many of them stock nbgrader grades (default: all)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="which to run (default: all)")
    arguments = parser.parse_args()
    programs = Path(sys.executable).parent
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    lesson = find_lesson("1")
    import_keras()
    notebooks = right_submissions(lesson, arguments.submissions)
    ways = {
        "stock": (STOCK, ["nbgrader", "autograde", lesson.lab]),
        "plugin": (COURSE_FILE, ["nbgrader", "autograde", lesson.lab]),
        "autograder": (COURSE_FILE, ["autograder", "grade", lesson.lab, "--no-feedback"]),
    }
    ways = {way: ways[way] for way in arguments.ways}
    seconds, right, counts = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        build(template, [lesson])
        for student, notebook in notebooks.items():
            path = template / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
        for way, (config, command) in ways.items():
            course = Path(folder) / way
            shutil.copytree(template, course)
            few = arguments.stock if way == "stock" else None
            counts[way] = len(keep(course, few)) if few else len(notebooks)
            (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
            print(f"{way}: {' '.join(command)} ...", flush=True)
            started = time.perf_counter()
            subprocess.run(
                command, cwd=course, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            seconds[way] = (time.perf_counter() - started) / counts[way]
            right[way] = full_marks(course, lesson)
            if way != "stock" and right[way] < len(notebooks):  # a fast grader that gives wrong marks is none
                sys.exit(f"{way}: only {right[way]} of {len(notebooks)} right submissions have full marks")
    print(f"\n{len(notebooks)} right submissions of {lesson.lab}, {os.cpu_count()} cores, start-up included")
    for way, each in seconds.items():
        ratio = (
            f", {seconds['stock'] / each:5.1f} times faster than stock"
            if "stock" in seconds and way != "stock"
            else ""
        )
        print(
            f"  {way:<11} {each:6.2f} s per submission, full marks for {right[way]} of {counts[way]}{ratio}"
        )


def keep(course, count):
    """Leave only the first submissions in a course folder, and name them."""
    folders = sorted((course / "submitted").iterdir())
    for folder in folders[count:]:
        shutil.rmtree(folder)
    return folders[:count]


def right_submissions(lesson, count):
    """Student -> notebook: alternatives in turn, a distinguishing comment each, no experiments."""
    found = {}
    for number in range(count):
        answers = {}
        for exercise in lesson.exercises:
            entries = alternatives(lesson.name, exercise)
            answers[exercise] = f"# student {number}\n" + entry_source(entries[number % len(entries)], lesson)
        notebook = submission(lesson, answers)
        notebook.cells = [
            cell for cell in notebook.cells if cell.metadata.get("course", {}).get("role") != "experiment"
        ]
        found[f"student{number:04d}"] = notebook
    return found


def full_marks(course, lesson):
    """How many of the submissions, all of them right, have every point in the gradebook."""
    from nbgrader.api import Gradebook

    points = sum(cell.points for cell in lesson.exercises.values())
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return sum(
            abs(one.code_score - points) < 1e-6 for one in gradebook.assignment_submissions(lesson.lab)
        )


if __name__ == "__main__":
    main()

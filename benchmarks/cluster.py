"""A large class on a Dask cluster that loses a worker, against the same class graded on this machine alone.

    python benchmarks/cluster.py --submissions 1000     what benchmarks/README.md says
    python benchmarks/cluster.py                        a few, to see that it works

A scheduler and worker processes are started on this machine. One worker is killed with signal 9 in the middle of the
judging, and another one takes its place after a while, as a cluster's manager would see to. Every submission is
another one: each exercise is answered rightly in one of several styles, or with one of the known misconceptions. Each
way is a whole process with a course folder of its own, and the two gradebooks are compared mark by mark.
"""

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from autograder.authoring.build import build, entry_source, submission
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.hidden.assignments import import_keras
from autograder.hidden.entries import alternatives, misconceptions
from course.notebooks.lesson import find_lesson


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=24, help="how many (default: 24)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default: 2)")
    parser.add_argument("--kill-after", type=float, help="seconds; a third of the way if left out")
    arguments = parser.parse_args()
    lesson = find_lesson("1")
    import_keras()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        build(template, [lesson])
        (template / "nbgrader_config.py").write_text(COURSE_FILE, encoding="utf-8")
        for student, notebook in variants(lesson, arguments.submissions):
            path = template / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
        courses = {way: Path(folder) / way for way in ("here", "cluster")}
        for course in courses.values():
            shutil.copytree(template, course)
        print(
            f"{arguments.submissions} different submissions of {lesson.lab}, {os.cpu_count()} cores",
            flush=True,
        )
        here, _ = timed(grading(courses["here"], "--workers", str(arguments.workers)))
        print(f"  on this machine, {arguments.workers} at a time:  {here:7.1f} s", flush=True)
        kill_after = here / 3 if arguments.kill_after is None else arguments.kill_after
        with Cluster(Path(folder), arguments.workers) as cluster:
            command = grading(courses["cluster"], "--scheduler", cluster.address)
            there, killed = timed(command, cluster, kill_after)
        lost = f"one killed after {kill_after:.0f} s" if killed else "done before one could be killed"
        print(f"  on a cluster of {arguments.workers} workers, {lost}: {there:7.1f} s")
        marks = {way: gradebook(course) for way, course in courses.items()}
    missing = arguments.submissions - len({row[0] for row in marks["cluster"]})
    open_ = sum(points is None for _, _, points in marks["cluster"])
    different = len(set(marks["here"]) ^ set(marks["cluster"])) // 2
    print(f"  {len(marks['cluster'])} marks: {different} differ, {open_} open; {missing} submissions missing")
    sys.exit(1 if different or open_ or missing or not killed else 0)


def variants(lesson, count):
    """Student -> notebook, no two alike, without experiments."""
    draw = random.Random(1)
    for number in range(count):
        answers = {}
        for exercise in lesson.exercises:
            wrong = draw.random() < 0.2
            entries = (misconceptions if wrong else alternatives)(lesson.name, exercise)
            answers[exercise] = f"# student {number}\n" + entry_source(draw.choice(entries), lesson)
        notebook = submission(lesson, answers)
        notebook.cells = [
            cell for cell in notebook.cells if cell.metadata.get("course", {}).get("role") != "experiment"
        ]
        yield f"student{number:04d}", notebook


def grading(course, *options):
    words = ["autograder.cli", "grade", "1", "--course", str(course), "--no-feedback", *options]
    return [sys.executable, "-m", *words]


def timed(command, cluster=None, kill_after=None):
    """Seconds that a command took, and whether a worker could be killed meanwhile."""
    started, killed, replaced = time.perf_counter(), False, False
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        time.sleep(0.05)
        seconds = time.perf_counter() - started
        if cluster and not killed and seconds > kill_after:
            cluster.workers[0].kill()
            killed = True
        if killed and not replaced and seconds > 1.25 * kill_after:
            cluster.add_worker()
            replaced = True
    if running.returncode:
        sys.exit(f"{' '.join(command)} ended with status {running.returncode}")
    return time.perf_counter() - started, killed


class Cluster:
    """A scheduler and workers, each a process of this machine. A context manager."""

    def __init__(self, folder, workers):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder, self.address = folder, f"tcp://127.0.0.1:{port}"
        self.processes, self.workers = [], []
        self._start("scheduler", "--host", "127.0.0.1", "--port", str(port))
        for _ in range(workers):
            self.add_worker()

    def _start(self, *words):
        command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        self.processes.append(
            subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return self.processes[-1]

    def add_worker(self):
        options = (
            "--nthreads",
            "1",
            "--no-nanny",
            "--memory-limit",
            "0",
            "--local-directory",
            str(self.folder),
        )
        self.workers.append(self._start("worker", self.address, *options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def gradebook(course):
    """`(student, exercise, points)` of every automatic mark."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return [
            (one.student.id, grade.name, grade.auto_score)
            for assignment in book.assignments
            for one in book.assignment_submissions(assignment.name)
            for notebook in one.notebooks
            for grade in notebook.grades
            if grade.name.startswith("check_")
        ]


if __name__ == "__main__":
    main()

"""What a class costs as it grows: seconds of collecting, grading, grading again, reporting and exporting, and memory.

    python benchmarks/growth.py                      10 and 50 submissions
    python benchmarks/growth.py --sizes 10 50 200 1000    what benchmarks/README.md says; about half an hour

Every submission of a class is another one, as in `cluster.py`. Each step is a command of its own, as a grader types it.
Memory is the most that the command's processes had for themselves at one time (USS), looked at twice a second: first
the command's own process, then all others together, which are the fork server and the students' processes.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import nbformat
import psutil
from cluster import variants

from autograder.authoring.build import build
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.hidden.assignments import import_keras
from course.notebooks.lesson import find_lesson

ROW = "| {:>11} | {:>8} | {:>8} | {:>10} | {:>8} | {:>8} | {:>12} | {:>14} |"
HEAD = ("submissions", "collect", "grade", "once more", "report", "export", "command, MiB", "the rest, MiB")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50], help="classes (default: 10 50)")
    arguments = parser.parse_args()
    lesson = find_lesson("1")
    import_keras()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        build(template, [lesson])
        (template / "nbgrader_config.py").write_text(COURSE_FILE, encoding="utf-8")
        print(ROW.format(*HEAD))
        print("|" + "---|" * len(HEAD), flush=True)
        for size in arguments.sizes:
            course = Path(folder) / f"class_of_{size}"
            shutil.copytree(template, course)
            download = course.with_suffix(".zip")
            with zipfile.ZipFile(download, "w", zipfile.ZIP_DEFLATED) as packed:
                for student, notebook in variants(lesson, size):
                    packed.writestr(f"{student}/{lesson.name}.ipynb", nbformat.writes(notebook))
            print(row(course, download, size), flush=True)


def row(course, download, size):
    """One line of the table: each command once, on a class that nobody has graded yet."""
    place = ["--course", str(course)]
    steps = [
        ["collect", str(download), "1", "--pattern", "(?P<student_id>[^/]+)/.*", *place],
        ["grade", "1", "--no-feedback", *place],
        ["grade", "1", "--no-feedback", *place],
        ["report", "1", *place],
        ["export", "1", "--format", "nbgrader", *place],
    ]
    measured = [watched(words) for words in steps]
    own, others = (max(column) for column in zip(*(memory for _, memory in measured), strict=True))
    return ROW.format(size, *(f"{seconds:.1f} s" for seconds, _ in measured), f"{own:.0f}", f"{others:.0f}")


def watched(words):
    """`(seconds, (MiB of the command, MiB of its children together))` of an `autograder` command that succeeds."""
    started, own, others = time.perf_counter(), 0, 0
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen([sys.executable, "-m", "autograder.cli", *words], stdout=said, stderr=said)
        process = psutil.Process(running.pid)
        while running.poll() is None:
            own, others = max(own, uss(process)), max(others, sum(map(uss, descendants(process))))
            time.sleep(0.5)
        if running.returncode:
            said.seek(0)
            sys.exit(f"autograder {' '.join(words)}: {said.read().decode(errors='replace')[-2000:]}")
    return time.perf_counter() - started, (own / 2**20, others / 2**20)


def descendants(process):
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def uss(process):
    """Bytes that would come free if this process ended; 0 if it has ended."""
    try:
        return process.memory_full_info().uss
    except psutil.Error:
        return 0


if __name__ == "__main__":
    main()

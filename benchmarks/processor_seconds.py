"""Processor seconds that one right submission costs, for each lab: what stands in docs/trust.md.

    python benchmarks/processor_seconds.py --submissions 3

The reference is handed in again and again and judged by one warm grader. `student` is what its own process used, cells
and probes together, without the server's start; `judge` is this process, after a first submission that is not counted
because it pays for the reference's own outcomes. Processor seconds, not the clock: what else the machine does changes
them little.
"""

import argparse
import resource
import statistics

from autograder.authoring.gates import reference_submission
from autograder.hidden.assignments import assignment_of, import_keras
from autograder.judge.grader import Grader, code_cells
from autograder.judge.sandbox.client import Server
from course.notebooks.lesson import lessons


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labs", nargs="*", help="names such as attention (default: all)")
    parser.add_argument("--submissions", type=int, default=3, help="how many of each lab (default: 3)")
    arguments = parser.parse_args()
    import_keras()
    used = []
    kill = Server.kill

    def counted(server, name):
        ended = kill(server, name)
        used.append(ended["cpu"])
        return ended

    Server.kill = counted
    print(f"{'lab':<14}{'student':>9}{'judge':>8}{'points':>11}")
    for name, lesson in lessons().items():
        if arguments.labs and name not in arguments.labs:
            continue
        assignment = assignment_of(lesson)
        cells = code_cells(reference_submission(lesson))
        grader = Grader()
        try:
            grader.grade_cells(assignment, cells)
            used.clear()
            started = own_seconds()
            for _ in range(arguments.submissions):
                verdict = grader.grade_cells(assignment, cells, anew=True)
            judge = (own_seconds() - started) / arguments.submissions
        finally:
            grader.close()
        # The median: a neighbour on the same core costs caches, and now and then a whole one.
        student = statistics.median(used)
        print(
            f"{name:<14}{student:>9.2f}{judge:>8.2f}{verdict.points:>7g}/{verdict.max_points:g}", flush=True
        )


def own_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

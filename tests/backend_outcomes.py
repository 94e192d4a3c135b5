"""What every probe makes of the reference, on the backend that KERAS_BACKEND names; with `--checks`, every check as well.

    KERAS_BACKEND=jax python tests/backend_outcomes.py outcomes.npz attention vit

`hidden/test_backends.py` runs this in processes of its own, because Keras settles on a backend when it is imported. Arrays are
saved under `lab/exercise/probe/path`; what went wrong is a sentence under `lab/exercise/probe`.
"""

import json
import os
import sys
import time
from pathlib import Path

# XLA compiles each operation for each shape it meets, thousands of them, and each runs once: so it should not try hard.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SEED = 20


def outcomes(lesson, checks):
    """`lab/exercise/probe/path` -> array for one lab, and `lab/exercise/probe` -> what is wrong."""
    from autograder.hidden.assignments import assignment_of
    from autograder.judge.marking import LocalSession
    from course import checking

    assignment = assignment_of(lesson)
    reference = assignment.reference
    session, arrays, problems = LocalSession(reference), {}, {}
    for exercise in lesson.exercises:
        started = time.monotonic()
        for entry in assignment.probes[exercise]:
            place = f"{lesson.name}/{exercise}/{entry.name}"
            outcome = session.run(entry, SEED)
            if outcome.arrays is None:
                problems[place] = f"{outcome.error}: {outcome.message}"
            else:
                arrays |= {f"{place}/{path}": array for path, array in outcome.arrays.items()}
        print(f"{lesson.name}/{exercise}: probes {time.monotonic() - started:.1f} s", flush=True)
        if checks:
            report = checking.run_checks(reference[exercise], exercise)
            if not report.passed:
                problems[f"{lesson.name}/{exercise}/its checks"] = "; ".join(report.problems)
            print(f"{lesson.name}/{exercise}: with checks {time.monotonic() - started:.1f} s", flush=True)
    return arrays, problems


def main(path, *names):
    import numpy as np

    from course.notebooks.lesson import lessons

    arrays, problems = {}, {}
    for name in [name for name in names if name != "--checks"]:
        found, wrong = outcomes(lessons()[name], "--checks" in names)
        arrays, problems = arrays | found, problems | wrong
    np.savez(path, problems=np.array(json.dumps(problems)), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])

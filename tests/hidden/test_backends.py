"""The reference gives the same answers on every backend: each probe of each lab, by the judge's own comparison.

JAX comes with the extra `dev`. PyTorch is large: `make torch` installs it and runs this file.
"""

import importlib.util
import json
import os
import subprocess
import sys

import backend_outcomes
import numpy as np
import pytest

from autograder.hidden.assignments import assignment_of
from autograder.judge.marking import LocalSession, reference_outcomes
from autograder.judge.outcome import Outcome, difference
from course.notebooks.lesson import lessons


def parts(count=2):
    """The labs in parts that run side by side, one for each core, with about as many probes in each."""
    found = [[] for _ in range(count)]
    sizes = {name: sum(map(len, assignment_of(each).probes.values())) for name, each in lessons().items()}
    for name in sorted(sizes, key=sizes.get, reverse=True):
        min(found, key=lambda part: sum(map(sizes.get, part))).append(name)
    return [part for part in found if part]


# JAX compiles each operation for each shape, and the checks would take it minutes: they wait for `make proofs`.
BACKENDS = ["jax", pytest.param("jax --checks", marks=pytest.mark.slow), "torch --checks"]


@pytest.fixture(params=BACKENDS, scope="module")
def elsewhere(request, tmp_path_factory):
    """`(arrays, problems)` of all labs on another backend, as `backend_outcomes.py` found them."""
    backend, *options = request.param.split()
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed; for PyTorch there is `make torch`")
    folder, env = tmp_path_factory.mktemp(backend), os.environ | {"KERAS_BACKEND": backend}
    running = []
    for number, names in enumerate(parts()):
        command = [sys.executable, backend_outcomes.__file__, folder / f"{number}.npz", *names, *options]
        with open(folder / f"{number}.log", "w") as log:
            running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))
    arrays, problems = {}, {}
    try:
        for number, process in enumerate(running):
            status, said = process.wait(timeout=1200), (folder / f"{number}.log").read_text()
            print(said)
            assert status == 0, said[-3000:]
            with np.load(folder / f"{number}.npz", allow_pickle=False) as archive:
                arrays |= {key: archive[key] for key in archive.files}
            problems |= json.loads(str(arrays.pop("problems")))
    finally:
        for process in running:
            process.kill()
    return arrays, problems


def test_every_lab_takes_part():
    assert sorted(name for part in parts() for name in part) == sorted(lessons())


@pytest.mark.parametrize("name", lessons())
def test_the_reference_gives_the_same_as_on_tensorflow(elsewhere, name):
    arrays, problems = elsewhere
    assert not {place: problem for place, problem in problems.items() if place.split("/")[0] == name}
    lesson, wrong = lessons()[name], {}
    for exercise in lesson.exercises:
        outcomes = reference_outcomes(assignment_of(lesson), exercise, backend_outcomes.SEED)
        here = {}  # the first view of each probe is its values; what views add is TensorFlow's alone
        for seen, (outcome, *_) in outcomes.items():
            own = {path: array for path, array in outcome.arrays.items() if not path.startswith("@")}
            here.setdefault(seen.name, Outcome(own))
        session = LocalSession(assignment_of(lesson).reference)
        for entry in assignment_of(lesson).probes[exercise]:
            prefix = f"{name}/{exercise}/{entry.name}/"
            there = {key[len(prefix) :]: array for key, array in arrays.items() if key.startswith(prefix)}
            # What a view of TensorFlow's looks at is probed in its place elsewhere.
            ours = here.get(entry.name) or session.run(entry, backend_outcomes.SEED)
            assert there.keys() == ours.arrays.keys()
            problem = difference(Outcome(there), ours, entry.compare)
            if problem:
                wrong[prefix] = problem
    assert not wrong

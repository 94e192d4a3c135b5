"""What the judge is told of this course's labs: probes, reference, and the code and packages that a mark depends on."""

import functools
import hashlib
import importlib
import importlib.metadata
import json
import os
import sys

from autograder.judge.probe import PROBES
from autograder.paths import ROOT
from course.machine.quiet import quiet

ROOMS = ("course", "solutions", "autograder")

PER_LAB = ("en", "checks", "solutions", "probes", "misconceptions")  # folders with one module for each lab

PACKAGES = ("keras", "tensorflow", "numpy")


def import_keras():
    """Import Keras, without TensorFlow's greetings. Takes seconds once; a server can start meanwhile."""
    with quiet():
        import keras

        keras.ops.zeros(())


def probes_of(lesson, exercise):
    """The probes of an exercise.

    Raises:
        LookupError: if it has none.
    """
    importlib.import_module(f"autograder.hidden.probes.{lesson.name}")
    if exercise not in PROBES:
        raise LookupError(f"autograder/hidden/probes/{lesson.name}.py has no probe for {exercise!r}")
    return tuple(PROBES[exercise])


def reference_of(lesson):
    """Name -> reference of every exercise of a lesson."""
    module = importlib.import_module(f"solutions.{lesson.name}")
    return {exercise: getattr(module, exercise) for exercise in lesson.exercises}


@functools.cache
def fingerprint(lesson):
    """What identifies the code and the packages that a lab is judged with: SHA-256, in hexadecimal.

    Two machines with the same fingerprint give a submission the same marks. Worked out once for a process, which has
    imported that code.
    """
    found = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if path.parent.name not in PER_LAB or path.stem in (lesson.name, "__init__"):
            content = path.read_bytes()
            found.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode())
            found.update(content)
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    found.update(json.dumps([versions, sys.version_info[:2], os.environ.get("KERAS_BACKEND", "")]).encode())
    return found.hexdigest()

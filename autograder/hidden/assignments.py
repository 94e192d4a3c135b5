"""This course's labs as the judge takes them: probes, reference, misconceptions, and what a mark depends on."""

import functools
import hashlib
import importlib
import importlib.metadata
import json
import os
import sys

from autograder.hidden import entries, lent_blocks
from autograder.judge.assignment import Assignment, Bank, Exercise, Runtime
from autograder.judge.probe import PROBES
from autograder.paths import ROOT
from course.checking import code_reader, first_lines
from course.machine.quiet import quiet
from course.notebooks.lesson import Lesson

ROOMS = ("course", "solutions", "autograder")

PER_LAB = ("en", "checks", "solutions", "probes", "misconceptions")  # folders with one module for each lab

PACKAGES = ("keras", "tensorflow", "numpy")

PRELUDE = """
import course.blocks
course.blocks.labs[:] = {labs!r}
course.blocks.__path__[:] = []
"""


def import_keras(runtime: Runtime | None = None) -> None:
    """Import Keras, without TensorFlow's greetings. Takes seconds once; a server can start meanwhile."""
    with quiet():
        import keras

        keras.ops.zeros(())


RUNTIME = Runtime(
    # What lessons import, so that no student process has to: Keras is the slow part.
    imports=(
        "keras",
        "course.blocks",
        "course.checking",
        "course.models.composite",
        "course.plots",
        "matplotlib.pyplot",
    ),
    packages=(("course", ROOT / "course"),),
    unreadable=("blocks",),  # what the labs ask for, ready-made
    secret=(ROOT,),
    guarded=("keras", "keras_hub", "tensorflow", "scipy", "sklearn", "jax", "torch"),
    environment=(
        ("COURSE_GRADING", "1"),
        ("TF_CPP_MIN_LOG_LEVEL", "3"),
        # Both pay when large matrices are multiplied often. A probe multiplies small ones once, and would spend most of
        # its time on preparing for that: without them a submission of Lab 1 takes a third less.
        ("TF_ENABLE_ONEDNN_OPTS", "0"),
        ("TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL", "0"),
        # One thread each: submissions run side by side, so the cores are shared by process, not by thread.
        ("TF_NUM_INTRAOP_THREADS", "1"),
        ("TF_NUM_INTEROP_THREADS", "1"),
    ),
    inherited=("KERAS_BACKEND",),
    warm=import_keras,
    shorten=first_lines,
)


class LentBlocks:
    """`course.blocks` for a student process: earlier labs whole, and of its own lab what a probe needs."""

    secret = False  # learners have them, too

    def __init__(self, lesson: Lesson):
        self._lesson = lesson

    def modules(self) -> dict[str, str]:
        return {
            f"course.blocks.{lab}": text for lab, text in lent_blocks.earlier_blocks(self._lesson).items()
        }

    def prelude(self) -> str:
        return PRELUDE.format(labs=sorted(lent_blocks.earlier_blocks(self._lesson)))

    def definitions(self, names: tuple[str, ...]) -> str:
        return lent_blocks.needed_blocks(self._lesson, names)


@functools.cache
def assignment_of(lesson: Lesson) -> Assignment:
    """A lab as the judge takes it. Quick: Keras is imported when probes or reference are first asked for.

    Raises:
        OSError: if the lab has no probes.
    """
    return Assignment(
        name=lesson.lab,
        exercises={
            name: Exercise(name, cell.points, cell.forbidden) for name, cell in lesson.exercises.items()
        },
        bank=functools.partial(_bank, lesson),
        probes_source=(ROOT / f"autograder/hidden/probes/{lesson.name}.py").read_text(encoding="utf-8"),
        fingerprint=fingerprint(lesson),
        reader=code_reader,
        runtime=RUNTIME,
        lent=LentBlocks(lesson),
    )


@functools.cache
def _bank(lesson):
    probes = importlib.import_module(f"autograder.hidden.probes.{lesson.name}")
    missing = [exercise for exercise in lesson.exercises if exercise not in PROBES]
    if missing:
        raise LookupError(f"{probes.__file__} has no probe for {missing[0]!r}")
    reference = importlib.import_module(f"solutions.{lesson.name}")
    return Bank(
        probes={exercise: tuple(PROBES[exercise]) for exercise in lesson.exercises},
        reference={exercise: getattr(reference, exercise) for exercise in lesson.exercises},
        misconceptions={name: entries.misconceptions(lesson.name, name) for name in lesson.exercises},
    )


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

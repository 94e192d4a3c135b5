"""Verdicts that were reached but perhaps not recorded yet, kept on disk, and what they depend on.

Judging a class takes minutes and recording it seconds, so a grading that is cut short between the two, or in either,
need not begin anew: what was judged is found again, as long as neither the submission nor the lab has changed.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
from pathlib import Path

from autograder.grading import Verdict

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("course", "solutions", "autograder")
PER_LAB = ("en", "checks", "solutions", "probes", "misconceptions")  # folders with one module for each lab
PACKAGES = ("keras", "tensorflow", "numpy")


@functools.cache
def fingerprint(lesson):
    """What identifies the code and the packages that a lab is judged with: SHA-256, in hexadecimal.

    Two machines with the same fingerprint give a submission the same marks. Worked out once for a process, which has
    imported that code.
    """
    found = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py")):
        if path.parent.name not in PER_LAB or path.stem in (lesson.name, "__init__"):
            content = path.read_bytes()
            found.update(f"{path.relative_to(PROJECT).as_posix()} {len(content)}\n".encode())
            found.update(content)
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    found.update(json.dumps([versions, sys.version_info[:2], os.environ.get("KERAS_BACKEND", "")]).encode())
    return found.hexdigest()


class Journal:
    """Verdicts by what was handed in; a mapping for `autograder.grading.Grader`.

    A verdict that cannot be written, as on a full disk, is kept in memory only; one that cannot be read is missing.

    Args:
        folder: where it is kept; removed by `clear`.
        lesson: the `Lesson` judged.
        settings: whatever else a verdict depends on, such as the seed.
    """

    def __init__(self, folder, lesson, *settings):
        self._folder = Path(folder)
        self._before = repr((fingerprint(lesson), settings))
        self._known = {}

    def _path(self, key):
        return self._folder / f"{hashlib.sha256((self._before + repr(key)).encode()).hexdigest()}.json"

    def __contains__(self, key):
        if key not in self._known:
            try:
                self._known[key] = Verdict.load(self._path(key))
            except (OSError, ValueError, TypeError, KeyError, AttributeError):
                return False
        return True

    def __getitem__(self, key):
        if key not in self:
            raise KeyError(key)
        return self._known[key]

    def __setitem__(self, key, verdict):
        self._known[key] = verdict
        with contextlib.suppress(OSError):  # then it is judged again
            verdict.save(self._path(key))

    def clear(self):
        """Forget everything: it is recorded, or is to be judged anew."""
        self._known.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

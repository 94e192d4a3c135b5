"""Verdicts that were reached but perhaps not recorded yet, kept on disk, and what they depend on.

Judging a class takes minutes and recording it seconds, so a grading that is cut short between the two, or in either,
need not begin anew: what was judged is found again, as long as neither the submission nor the lab has changed.
"""

import contextlib
import hashlib
import shutil
from pathlib import Path

from autograder.judge.verdict import Verdict


class Journal:
    """Verdicts by what was handed in; a mapping for `autograder.judge.grader.Grader`.

    A verdict that cannot be written, as on a full disk, is kept in memory only; one that cannot be read is missing.

    Args:
        folder: where it is kept; removed by `clear`.
        settings: what a verdict depends on besides its key, which holds the assignment's fingerprint: the seed, say.
    """

    def __init__(self, folder: str | Path, *settings: object) -> None:
        self._folder = Path(folder)
        self._before = repr(settings)
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

    def clear(self) -> None:
        """Forget everything: it is recorded, or is to be judged anew."""
        self._known.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

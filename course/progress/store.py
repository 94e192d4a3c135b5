"""What is remembered of each exercise: one small file each, so that two notebooks never write over each other.

    {"passed": "2026-12-01T10:00:00", "tries": ["3f2a...", ...], "hints": 2, "seen": "...", "stepped_over": true}

`COURSE_PROGRESS` names another folder, or says `off`. While grading nothing is kept.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path

OFF = "off"
TRIES = 50  # different tries that are remembered
_said = set()


def folder():
    """Where progress is kept, as a `Path`; `None` if it is not kept."""
    chosen = os.environ.get("COURSE_PROGRESS", "").strip()
    if chosen.lower() == OFF or os.environ.get("COURSE_GRADING") == "1":
        return None
    if os.environ.get("NBGRADER_EXECUTION"):
        return None
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("transformer-labs", appauthor=False) / "progress"


def recall(exercise):
    """What is remembered of an exercise, a dictionary; empty if nothing is, or if its file is damaged."""
    place = folder()
    if place is None:
        return {}
    try:
        found = json.loads((place / f"{exercise}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    tries = found.get("tries")
    found["tries"] = [str(one) for one in tries] if isinstance(tries, list) else []
    return found


def remember(exercise, **news):
    """Add to what is remembered of an exercise. A disk that cannot be written to is said once, and harms nothing."""
    place = folder()
    if place is None:
        return
    known = recall(exercise) | news
    known["tries"] = list(known.get("tries", ()))[-TRIES:]
    write(place / f"{exercise}.json", json.dumps(known))


def write(path, text):
    """Write a file so that it is there whole or not at all; whether that went well."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        if path.parent not in _said:
            _said.add(path.parent)
            print(
                f"Your progress cannot be kept in {path.parent} ({error.strerror or error}). Set COURSE_PROGRESS to a folder "
                "you may write to, or to off."
            )
        return False
    return True

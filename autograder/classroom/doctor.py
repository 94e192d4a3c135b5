"""`autograder doctor`: can this machine grade, and is code shut in while it does?"""

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.judge.sandbox import namespaces
from autograder.judge.sandbox.isolation import LAYERS, missing_layers
from autograder.paths import ROOT


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `cure` says what to do; empty when all is well."""

    what: str
    found: str
    cure: str = ""


def findings():
    """Everything there is to say about this machine, as a list of `Finding`."""
    rows = [
        _python(),
        *map(_package, ("keras", "tensorflow", "nbgrader", "nbconvert", "jupytext")),
        _alembic(),
    ]
    absent = missing_layers()
    for layer in LAYERS:
        cure = f"{absent[layer]}; without it, grading needs --isolation=none" if layer in absent else ""
        rows.append(Finding(f"isolation: {layer}", "missing" if cure else "active", cure))
    refused = namespaces.available()
    # An extra layer: grading is safe without it, so its absence is no fault.
    rows.append(Finding("isolation: namespaces", refused or "active"))
    rows.append(_checkout())
    rows.append(_disk())
    return rows


def _python():
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", version, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")


def _package(name):
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "in the checkout: pip install -c constraints.txt -e '.[instructor]'")


def _alembic():
    beside = Path(sys.executable).parent / "alembic"
    found = str(beside) if beside.exists() else shutil.which("alembic")
    return Finding(
        "alembic", "found" if found else "missing", "" if found else "nbgrader needs it: pip install alembic"
    )


def _checkout():
    labs = ROOT / "labs"
    good = any(labs.glob("lab*/*.ipynb"))
    return Finding("labs", "built" if good else "missing", "" if good else "run `autograder build`")


def _disk():
    free = shutil.disk_usage(os.getcwd()).free / 2**30
    return Finding(
        "free disk",
        f"{free:.1f} GB",
        "" if free > 1 else "free some space: gradebook and feedback need about 1 GB",
    )

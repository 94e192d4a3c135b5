"""Builds the wheel of the grader alone: `autograder` without the probes, misconceptions and solutions of our labs.

python packaging/build_grader.py [FOLDER]      writes the wheel to FOLDER, dist/ if left out
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = ("probes", "misconceptions")  # folders of autograder/hidden/ that stay with the checkout


def build(to):
    """Write the wheel; returns its path."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "autograder"
        shutil.copytree(ROOT / "autograder", copy, ignore=shutil.ignore_patterns("__pycache__"))
        for name in HIDDEN:
            for path in (copy / "hidden" / name).glob("*.py"):
                if path.name != "__init__.py":
                    path.unlink()
        shutil.copy(ROOT / "packaging" / "grader.toml", Path(folder) / "pyproject.toml")
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(to), folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return max(Path(to).glob("transformer_labs_autograder-*.whl"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))

"""The first cell of every lab: on Google Colab it gets the course, elsewhere it does nothing and stays folded."""

import tomllib
from pathlib import Path

import nbformat

SOURCE = """# @title Only on Google Colab: run this first. Elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet "transformer-labs @ git+{repository}"
"""


def colab_cells(root):
    """The cell, in a list; none for a project that has no address under `[project.urls]`.

    Args:
        root: the project's folder.
    """
    about = Path(root) / "pyproject.toml"
    project = tomllib.loads(about.read_text(encoding="utf-8"))["project"] if about.exists() else {}
    repository = project.get("urls", {}).get("Repository", "").rstrip("/")
    if not repository:
        return []
    # Folded in JupyterLab, a form in Colab. It is no part of the assignment, so nbgrader knows nothing of it.
    metadata = {
        "course": {"role": "colab", "name": "colab"},
        "jupyter": {"source_hidden": True},
        "cellView": "form",
    }
    return [
        nbformat.v4.new_code_cell(SOURCE.format(repository=repository).strip(), id="colab", metadata=metadata)
    ]

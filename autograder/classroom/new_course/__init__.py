"""`autograder new`: a small course that works, for a teacher to begin from. A change here changes no course that exists.

`template/` holds what is written, as it is written: the notebook as text with a marker above each cell.
"""

import re
from pathlib import Path

import nbformat

from autograder.authoring.own_course.description import find_notebooks
from autograder.authoring.own_course.proofs import sample_class
from autograder.classroom.assignments import release
from autograder.classroom.course_folder import GradeError
from autograder.classroom.fail_closed import add_trusted_grading
from autograder.classroom.submissions import load_config

TEMPLATE = Path(__file__).parent / "template"
ASSIGNMENT = "ps1"
MARKER = re.compile(r"^# %%(?P<kind> \[markdown\])?(?P<words>.*)$", re.MULTILINE)


def new_course(folder):
    """Write a course with one assignment, release it, and hand in a few sample submissions.

    Raises:
        GradeError: if something lies in the folder already.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise GradeError(
            f"{folder} is not empty: name a new folder, or describe your own course (docs/own_course.md)"
        )
    files = {
        f"probes/{ASSIGNMENT}.py": "probes.py",
        "README.md": "README.md",
        "test_course.py": "test_course.py",
    }
    for name, template in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((TEMPLATE / f"{template}.txt").read_text(encoding="utf-8"), encoding="utf-8")
    source = folder / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(nbformat.writes(source_notebook()) + "\n", encoding="utf-8")
    add_trusted_grading(folder)
    (own,) = find_notebooks(folder, ASSIGNMENT)
    release(folder, own, load_config(folder))
    for student, notebook in sample_class(folder, own).items():
        path = folder / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def source_notebook():
    """The template's notebook, with nbgrader's own metadata and nothing else."""
    text = (TEMPLATE / "notebook.py.txt").read_text(encoding="utf-8")
    parts = MARKER.split(text)[1:]
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number in range(0, len(parts), 3):
        markdown, words, source = parts[number : number + 3]
        make = nbformat.v4.new_markdown_cell if markdown else nbformat.v4.new_code_cell
        source = re.sub(r"(?m)^# ?", "", source) if markdown else source
        cell = make(source.strip(), id=f"cell-{number // 3 + 1}")
        about = dict(word.split("=") for word in words.split())
        if about:
            cell.metadata.nbgrader = _about(**about)
        notebook.cells.append(cell)
    nbformat.validate(notebook)
    return notebook


def _about(kind, name, points=None):
    flags = {
        "solution": {"solution": True, "grade": False, "locked": False},
        "tests": {"solution": False, "grade": True, "locked": True},
        "manual": {"solution": True, "grade": True, "locked": False},
        "locked": {"solution": False, "grade": False, "locked": True},
    }[kind]
    about = {"schema_version": 3, "grade_id": name, "task": False, **flags}
    return about | ({"points": float(points)} if points else {})

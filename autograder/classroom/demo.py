"""A bundled class for Lab 1: right in several styles, mistaken, half done, broken, endless, hostile.

`autograder demo` grades it exactly as a real class is graded. The submissions are made from the banks of
misconceptions and alternatives, so the demonstration can show nothing that the gates do not prove.
"""

import copy
import shutil
from pathlib import Path

import nbformat

from autograder.authoring.build import build, entry_source, submission
from autograder.authoring.gates import reference_submission
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.console import console
from autograder.hidden.assignments import import_keras
from autograder.hidden.entries import alternatives, misconceptions
from course.notebooks.lesson import find_lesson

MARKER = ".made-by-autograder-demo"

NOISY = """
import sys, warnings

print("a line on stdout")
print("a line on stderr", file=sys.stderr)
warnings.warn("this is only a warning")
"""

ENDLESS = """
def split_heads(inputs, num_heads):
    while True:
        pass
"""

TAMPERING = """
# Patch what a checker in the same process would rely on.
import IPython, numpy as np
import numpy.testing

np.allclose = lambda *args, **kwargs: True
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *args, **kwargs: None)

# Turn every cell that follows into nothing.
shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["pass\\n"])

# Read the answers.
try:
    from solutions.attention import *
except Exception:
    pass
"""


def class_of(lesson):
    """The bundled class.

    Args:
        lesson: Lab 1's `Lesson`.

    Returns:
        Name of each student -> the notebook's text as handed in.
    """
    right = reference_submission(lesson)
    students = {
        "ada": _styled(lesson, 0),
        "barbara": _styled(lesson, 1),
        "chen": _styled(lesson, 2),
        "dmitri": _mistaken(lesson, right, "scaled_dot_product_attention"),
        "emeka": _mistaken(lesson, right, "softmax", "causal_mask", "padding_mask"),
        "fatima": _mistaken(lesson, right, "split_heads", "merge_heads"),
        "grace": _mistaken(lesson, right, "SelfAttention", "MultiHeadAttention", which=1),
        "hiro": _half_done(lesson),
        "ines": submission(lesson, {}),
        "jonas": _broken(lesson, right),
        "kim": _doubled(lesson, right),
        "lena": _with_answer(right, "split_heads", ENDLESS),
        "milo": _tampering(lesson),
        "nora": _noisy(right),
        "oskar": _built_in(right),
        "priya": _helpers(right),
    }
    return {name: made if isinstance(made, str) else nbformat.writes(made) for name, made in students.items()}


def _cell(notebook, role, name):
    return next(
        cell for cell in notebook.cells if cell.metadata.get("course") == {"role": role, "name": name}
    )


def _with_answer(notebook, exercise, source):
    changed = copy.deepcopy(notebook)
    _cell(changed, "answer", exercise).source = source
    return changed


def _styled(lesson, which):
    """Every exercise answered by its alternative number `which`."""
    answers = {}
    for exercise in lesson.exercises:
        entries = alternatives(lesson.name, exercise)
        answers[exercise] = entry_source(entries[which % len(entries)], lesson)
    return submission(lesson, answers)


def _mistaken(lesson, right, *exercises, which=0):
    changed = right
    for exercise in exercises:
        entries = misconceptions(lesson.name, exercise)
        changed = _with_answer(changed, exercise, entry_source(entries[which % len(entries)], lesson))
    return changed


def _half_done(lesson):
    """The first half right, the rest untouched."""
    right = reference_submission(lesson)
    names = list(lesson.exercises)[: len(lesson.exercises) // 2]
    return submission(lesson, {name: _cell(right, "answer", name).source for name in names})


def _broken(lesson, right):
    """An upload that was cut off below the last answer: no JSON any more, and nothing that counts is lost."""
    last = _cell(right, "check", list(lesson.exercises)[-1])
    text = nbformat.writes(right)
    return text[: text.index(f'"id": "{last.id}"')]


def _doubled(lesson, right):
    """A cell copied with its metadata, which stops stock nbgrader; the check cell deleted; one cell split in two."""
    changed = copy.deepcopy(right)
    name = next(iter(lesson.exercises))
    answer = _cell(changed, "answer", name)
    twin = copy.deepcopy(answer)
    twin.id = "copied-cell"
    changed.cells.insert(changed.cells.index(answer) + 1, twin)
    changed.cells.remove(_cell(changed, "check", name))
    return changed


def _tampering(lesson):
    """No answers; instead, attacks on whatever might be checking, and an edited check cell that claims full marks."""
    changed = submission(lesson, {})
    for name, cell in lesson.exercises.items():
        check = _cell(changed, "check", name)
        check.source = str(cell.points)
        check.metadata.nbgrader.points = 100
    changed.cells.insert(1, nbformat.v4.new_code_cell(TAMPERING, id="nothing-to-see-here"))
    return changed


def _noisy(right):
    """Right, and loud: stock nbgrader gives a grade cell that prints to stderr no points."""
    changed = copy.deepcopy(right)
    for cell in changed.cells:
        if cell.metadata.get("course", {}).get("role") == "answer":
            cell.source = NOISY + cell.source.replace("return ", "return print('done', file=sys.stderr) or ")
    return changed


def _built_in(right):
    """Keras' own in the place of what is to be built."""
    changed = _with_answer(right, "softmax", "softmax = keras.ops.softmax")
    source = "import keras.ops as k\n\ndef scaled_dot_product_attention(query, key, value, mask=None):\n"
    source += "    attend = getattr(k, 'dot_product_attention')\n    return attend(query, key, value, mask=mask), None"
    return _with_answer(changed, "scaled_dot_product_attention", source)


def _helpers(right):
    """Right, with a helper in a cell of its own, a magic and a shell line."""
    changed = copy.deepcopy(right)
    answer = _cell(changed, "answer", "causal_mask")
    helper = nbformat.v4.new_code_cell(
        "%matplotlib inline\n!ls\ndef positions(n):\n    return ops.arange(n)", id="my-helper"
    )
    changed.cells.insert(changed.cells.index(answer), helper)
    answer.source = "def causal_mask(length):\n    p = positions(length)\n    return ops.expand_dims(p, 0) <= ops.expand_dims(p, 1)"
    return changed


def write_class(course_dir, lesson):
    """Write the class into a course folder's `submitted/`."""
    for student, text in class_of(lesson).items():
        path = Path(course_dir) / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(folder):
    """Make a course folder afresh, fill it with the class, grade it, show everything.

    Raises:
        FileExistsError: if `folder` is something else than an earlier demonstration.
    """
    from autograder.classroom.grade_screen import show_grading

    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise FileExistsError(
                f"{folder} holds something else; name another folder: autograder demo FOLDER"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    (folder / "nbgrader_config.py").write_text(
        COURSE_FILE + "\nc.GradeInSandbox.seconds = 4\n", encoding="utf-8"
    )
    lesson = find_lesson("1")
    import_keras()
    with console.status("building the labs and a class of submissions"):
        build(folder, [lesson])
        write_class(folder, lesson)
    console.print(
        f"[bold]A class for {lesson.lab}[/]: in {folder / 'submitted'}; Lab 1, {lesson.title}.",
        highlight=False,
    )
    return show_grading(folder, "1")

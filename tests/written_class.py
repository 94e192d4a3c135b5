"""A class whose written answers wait for a person: graded by stock nbgrader, with exercises' marks made up."""

import shutil

import nbformat

from autograder.authoring.build import submission
from autograder.classroom import gradebook
from autograder.classroom.grading_run import GradingRun
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.submissions import find_submissions, load_config
from autograder.judge.verdict import Mark, Verdict

QUESTION = "learn_the_scale"
SAME = "A smaller initialisation can do the same,\nso **no**: $\\sqrt{d_k}$ only helps the start."
ANSWERS = {
    "ada": "The function can be represented, and the gradient at the start is a tenth, 0.1 against 1.0.",
    "ben": SAME,
    "cleo": SAME.replace("\n", "  \n"),
    "dan": "<script>document.title = 'stolen'</script> <img src=x onerror=alert(1)> $\\text{<script>alert(1)</script>}$",
    "eve": None,
    "fay": "",
    "gus": "Larger numbers are worse. " * 20,
}


class FullMarks:
    """In the judge's place: everybody has all points, except `gus`, whose softmax is wrong."""

    def grade(self, assignment, notebook, notes=()):
        marks = [Mark(name, cell.points, cell.points) for name, cell in assignment.exercises.items()]
        if any("Larger numbers" in cell.source for cell in notebook.cells):
            marks[0].points, marks[0].diagnosis = 0, "wrong_axis"
            marks[0].problems = [
                "Your `softmax` sums over the wrong axis.",
                "on scores: the values are not right",
            ]
        return Verdict(assignment.name, 1, marks)


def make(folder, template, lesson, answers=ANSWERS):
    """Fill a course folder; `template` is one with the lab built into it."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    for name, text in answers.items():
        hand_in(folder, lesson, name, text)
    grade(folder, lesson)
    return folder


def hand_in(folder, lesson, name, text):
    written = {} if text is None else {question: text for question in lesson.questions}
    path = folder / "submitted" / name / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(submission(lesson, written), path)


def grade(folder, lesson, student="*"):
    """As `autograder grade` records, without judging."""
    found, left_out = find_submissions(folder, lesson, student)
    assert not left_out
    with GradingRun(folder, FullMarks(), keep=True) as run:
        failed = gradebook.record(run, lesson.lab, load_config(folder), [(one,) for one in found])
    assert not failed, failed

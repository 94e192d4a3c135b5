"""The attack corpus, as far as it does not concern Keras or Lab 1, on an assignment that is not ours."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from attacks import corpus
from attacks.writing import MARK

from autograder.authoring.own_course import framing, proofs, source
from autograder.authoring.own_course.description import find_notebooks
from autograder.classroom.new_course import new_course
from autograder.judge.grader import Grader
from autograder.judge.notebook_repair import repair
from autograder.judge.sandbox import isolation
from course.checking import code_reader

pytestmark = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)

OURS = ("softmax", "keras", "tensorflow", "course", "autograder.hidden", "solutions", "split_heads", "mask")
ELSEWHERE = [
    one
    for one in corpus()
    if one.code and not one.answers and not one.edit and not any(word in one.code for word in OURS)
]
# Every third at once, all of them with the long proofs.
CASES = [
    pytest.param(one, id=one.tries, marks=() if number % 3 == 0 else (pytest.mark.slow,))
    for number, one in enumerate(ELSEWHERE)
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere") / "course"
    new_course(folder)
    return folder


@pytest.fixture(scope="module")
def grader():
    running = Grader(seconds=2)
    yield running
    running.close()


def judge(course, grader, answers, code=""):
    (own,) = find_notebooks(course, "ps1")
    frame = framing.in_frame(proofs.released(course, own), own)
    handed_in = proofs.submission(course, own, answers)
    if code:
        handed_in.cells.append(nbformat.v4.new_code_cell(code, id="attack"))
    repaired = repair(frame, nbformat.writes(handed_in), code_reader)
    return grader.grade(source.assignment_of_own(own), repaired.notebook, repaired.notes)


def right(course):
    (own,) = find_notebooks(course, "ps1")
    return proofs.solutions(own)


def test_many_of_the_corpus_are_tried_here():
    assert len(ELSEWHERE) >= 30


@pytest.mark.parametrize("one", CASES)
def test_earns_what_its_honest_content_earns(course, grader, one, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "only-the-grader-knows")
    Path(MARK).unlink(missing_ok=True)
    files = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    code = one.code.replace("CHECKOUT", str(course))
    verdict = judge(course, grader, right(course) if one.right else {}, code)
    assert not verdict.regrade
    assert verdict.points <= (10 if one.right else 0)
    assert not os.path.exists(MARK)
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == files
    told = str(verdict)
    assert "only-the-grader-knows" not in told


READS = {
    "the probes": "print(open({course!r} + '/probes/ps1.py').read())",
    "the solutions": "print(open({course!r} + '/source/ps1/ps1.ipynb').read())",
    "the gradebook": "import sqlite3; sqlite3.connect({course!r} + '/gradebook.db').execute('select * from grade')",
    "the judge": "import autograder.judge.marking",
    "the entries": "from autograder.judge.entries import MISCONCEPTIONS",
    "another's work": "import os; assert os.listdir({course!r} + '/submitted')",
}


@pytest.mark.parametrize("what", READS)
def test_what_is_hidden_cannot_be_reached(course, grader, what):
    """The attack would put right answers' names into place only if it got through."""
    attack = READS[what].format(course=str(course)) + "\nword_counts = standardize = totals = None\n"
    verdict = judge(course, grader, right(course), attack)
    assert verdict.points == 10, "the attack got through: the line below it ran"


def test_a_later_answer_cannot_carry_lent_solutions_home(course, grader):
    """While an exercise is tried with trusted earlier answers, what it raises is held back."""
    spy = """
def totals(sales):
    word_counts("a")  # one's own raises; a lent one does not
    if len(sales) > 5:
        raise ValueError(repr(word_counts.__code__.co_consts))
    turnover = sales["price"] * sales["count"]
    return turnover.groupby(sales["region"]).sum().sort_values(ascending=False)
"""
    answers = right(course) | {"totals": spy, "word_counts": "def word_counts(text):\n    raise KeyError"}
    mark = judge(course, grader, answers).marks[2]
    assert mark.points == 1.25 and mark.helped  # so what is shown is the try with lent answers
    assert "ValueError" in mark.problems[0] and ".,?!" not in str(mark)


def test_faults_of_one_submission_are_nobody_elses(course, grader):
    assert judge(course, grader, {}, "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)").points == 0
    assert judge(course, grader, right(course)).points == 10
    assert sys.getrecursionlimit() < 100_000

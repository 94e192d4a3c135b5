"""A course of somebody's own: ordinary nbgrader notebooks, no Keras, graded as our labs are."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from autograder.authoring.own_course import bank_file, description, framing, proofs, source
from autograder.authoring.own_course.description import OwnCourseError, find_notebooks
from autograder.classroom import grade_class, submissions
from autograder.classroom.assignments import find_assignments, release
from autograder.classroom.new_course import new_course
from autograder.cli import app
from autograder.judge.errors import JudgeError
from autograder.judge.grader import CONTAINED, Grader
from autograder.judge.notebook_repair import repair
from autograder.judge.sandbox import isolation, wire
from autograder.judge.values import difference, to_arrays
from course.checking import code_reader
from course.errors import UnknownName

needs_isolation = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)


class Point:
    def __init__(self, x):
        self.x = x


def differ(one, other, **tolerances):
    return difference(to_arrays(one), to_arrays(other), **tolerances)


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
ALIKE = [
    (1, 1.0),
    (0.1 + 0.2, 0.3),
    ("text", "text"),
    ("", ""),
    ([1, 2], (1, 2)),
    ([], []),
    ({"a": 1, "b": [1, "x", None]}, {"b": [1, "x", None], "a": 1.0}),
    ({1, 2}, {2, 1}),
    (2**80, 2**80),
    (np.float64(2), 2),
    (np.arange(3), np.arange(3.0)),
    (np.array([1 + 2j]), np.array([1 + 2j])),
    (FRAME, FRAME.copy()),
    (FRAME.iloc[:0], FRAME.iloc[:0]),
    (pd.Series([1.0, np.nan], name="q"), pd.Series([1.0, np.nan], name="q")),
    (pd.to_datetime(["2020-01-01"]), pd.to_datetime(["2020-01-01"])),
    (Point([1, "x"]), Point([1, "x"])),
    ([[1, 2], [3]], [[1, 2], [3]]),
]
UNLIKE = [
    (1, 2, "not right"),
    (True, 1, "True or False where a number"),
    ("a\0", "a", "not right"),
    ("1", 1, "text where a number"),
    (None, 3, "`return` missing"),
    ([1, 2], [1, 2, 3], "2 entries"),
    ([True], [1], "another kind"),
    ({"a": 1}, {"b": 1}, "other keys"),
    ({"a": {"b": [1, "x"]}}, {"a": {"b": [1, "y"]}}, r"result\['a'\]\['b'\]\[1\]"),
    ([1.0], np.ones(1), "a list where an array"),
    (np.ones((2, 3)), np.ones((3, 2)), r"shape, \(2, 3\)"),
    (np.array([np.nan]), np.ones(1), "NaN"),
    (FRAME, FRAME[["b", "a"]], "another order"),
    (FRAME, FRAME[["a"]], "other columns"),
    (FRAME, FRAME.assign(a=[1, 3]), r"result\['a'\]"),
    (FRAME["a"], FRAME["a"].rename("c"), "not right"),
    (FRAME["a"], FRAME["a"].set_axis(["x", "y"]), "index"),
    (Point(1), Point(2), "result.x"),
    (2**80, 2**81, "not right"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=lambda value: type(value).__name__)
def test_values_that_mean_the_same_are_alike(one, other):
    assert differ(one, other) is None and differ(other, one) is None


@pytest.mark.parametrize(("one", "other", "words"), UNLIKE)
def test_values_that_differ_are_told_apart_in_words(one, other, words):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(differ(one, other))
    assert differ(other, one) is not None


def test_what_cannot_be_compared_is_said():
    endless = []
    endless.append(endless)
    for value, words in (
        (iter([1]), "iterator"),
        (len, "builtin"),
        (endless, "nested"),
        ("x" * 200_000, "more text"),
    ):
        with pytest.raises(TypeError, match=words):
            to_arrays(value)


def test_tolerances_are_the_authors_to_set():
    assert differ(1.0, 1.01) and differ(1.0, 1.01, rtol=0.1) is None
    assert differ(np.float32(1) / 3 * np.ones(2, "float32"), np.ones(2, "float32") / np.float32(3)) is None


def test_a_figure_is_compared_by_what_it_shows():
    import matplotlib.pyplot as plt

    def drawn(values, title="t"):
        figure, axes = plt.subplots()
        axes.plot(values)
        axes.set_title(title)
        plt.close(figure)
        return figure

    assert differ(drawn([1, 2]), drawn([1, 2])) is None
    assert differ(drawn([1, 2]), drawn([1, 3])) and differ(drawn([1, 2]), drawn([1, 2], "other"))


def test_texts_travel_and_nothing_else_new_does():
    ours, theirs = wire.pair()
    sent = to_arrays({"a": ["x", "äöü"], "b": [1, None, ""]})
    wire.send(ours, {}, sent)
    _, got = wire.receive(theirs)
    assert got.keys() == sent.keys() and difference(got, sent) is None
    for dtype in ("<U0", "<U9999999", "O", "V8", "str", "<U-1", ["<U1"]):
        ours, theirs = wire.pair()
        head = json.dumps({"arrays": [["a", dtype, [1]]]}).encode()
        ours.sendall(len(head).to_bytes(4) + (4).to_bytes(4) + head + b"abcd")
        with pytest.raises(wire.WireError):
            wire.receive(theirs)


# --- a course as `autograder new` writes it ------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "course"
    new_course(folder)
    return folder


@pytest.fixture
def course(template, tmp_path):
    return shutil.copytree(template, tmp_path / "course")


def test_new_does_not_write_into_a_folder_that_holds_something(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = CliRunner().invoke(app, ["new", str(tmp_path)])
    assert done.exit_code == 2 and "is not empty" in done.output and len(list(tmp_path.iterdir())) == 1


def test_nothing_hidden_is_handed_out_or_sent(course):
    (own,) = find_notebooks(course, "ps1")
    handed_out = "".join(path.read_text() for path in (course / "release").rglob("*") if path.is_file())
    for secret in ("autograder", "probe", "BEGIN SOLUTION", "groupby", "misconception"):
        assert secret not in handed_out
    teachers = own.bank.probes_source.rpartition("exec(compile(_text")[2]
    for secret in ("case_kept", "with_counter", "by_hand", "punctuation_kept", "lower case first"):
        assert secret not in teachers
    assert "def some_sales" in teachers  # what a probe uses goes along


@needs_isolation
def test_the_gates_hold_and_say_what_they_do(course):
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "gates", "ps1", "--exercise", "totals"],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proving totals" in done.stdout and "word_counts" not in done.stdout and "4/4" in done.stdout


@needs_isolation
def test_a_class_is_graded_named_and_recorded(course):
    from nbgrader.api import Gradebook

    for student in ("barbara", "fatima"):
        shutil.rmtree(course / "submitted" / student)
    graded = dict(grade_class.grade_class(course, "ps1", workers=1))
    points = {student: [mark.points for mark in verdict.marks] for student, verdict in graded.items()}
    assert points == {"ada": [3, 3, 4], "chen": [1, 0, 0], "dmitri": [0, 0, 0], "emeka": [3, 3, 4]}
    assert [mark.diagnosis for mark in graded["chen"].marks] == ["case_kept", "whole_array", "prices_only"]
    assert not os.path.exists("/tmp/was_here")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        scores = {
            student: {
                grade.name: grade.auto_score
                for grade in gradebook.find_submission_notebook("ps1", "ps1", student).grades
                if grade.name.startswith("test_")
            }
            for student in points
        }
    assert scores["ada"] == {"test_word_counts": 3, "test_standardize": 3, "test_totals": 4}
    assert scores["chen"] == {"test_word_counts": 1, "test_standardize": 0, "test_totals": 0}
    assert "lower case first" in (course / "feedback/chen/ps1/ps1.html").read_text()
    for words in (["report", "ps1"], ["export", "ps1", "--exercises-only"]):
        done = CliRunner().invoke(app, [*words, "--course", str(course)])
        assert done.exit_code == 0, done.output


@needs_isolation
def test_a_mistake_in_an_earlier_exercise_costs_nothing_later(course):
    edit(course, lambda cells: cells.append(None))
    text = (course / "probes/ps1.py").read_text()
    text += """

@probe("both", "on two texts")
def two(both, rng):
    return both("a b b", "b c")
"""
    (course / "probes/ps1.py").write_text(text)
    right = (
        "def both(one, other):\n    return {w: word_counts(one + ' ' + other)[w] for w in word_counts(other)}"
    )
    edit(course, lambda cells: cells.extend([solution("both", right), check_cell("test_both", 2)]))
    own = released(course)
    answers = proofs.solutions(own) | {"word_counts": "def word_counts(text):\n    return {}"}
    verdict = judge(course, own, answers)
    assert marks(verdict) == {
        "word_counts": pytest.approx(1, abs=1),
        "standardize": 3,
        "totals": 4,
        "both": 2,
    }
    assert marks(verdict)["word_counts"] < 3


# --- helpers -------------------------------------------------------------------------------------------------


def about(name, points=None, **flags):
    base = {
        "schema_version": 3,
        "grade_id": name,
        "solution": False,
        "grade": False,
        "locked": False,
        "task": False,
    }
    return {"nbgrader": base | flags | ({"points": points} if points is not None else {})}


def solution(name, source):
    head, _, body = source.partition("\n")
    text = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
    return nbformat.v4.new_code_cell(text, metadata=about(name, solution=True))


def check_cell(name, points, source="assert True"):
    return nbformat.v4.new_code_cell(source, metadata=about(name, points, grade=True, locked=True))


def edit(course, change, lab="ps1", name="ps1"):
    path = course / "source" / lab / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    notebook.cells = [cell for cell in notebook.cells if cell is not None]
    nbformat.write(notebook, path)


def make(course, lab, cells, probes="contain = True\n", name=None):
    """An assignment of these cells."""
    path = course / "source" / lab / f"{name or lab}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, path)
    (course / "probes" / f"{lab}.py").write_text(probes)
    return path


def released(course, lab="ps1"):
    (own,) = find_notebooks(course, lab)
    release(course, own, submissions.load_config(course))
    return own


def judge(course, own, answers, extra=(), seconds=2):
    frame = framing.in_frame(proofs.released(course, own), own)
    handed_in = proofs.submission(course, own, answers)
    handed_in.cells += [nbformat.v4.new_code_cell(text) for text in extra]
    repaired = repair(frame, nbformat.writes(handed_in), code_reader)
    grader = Grader(seconds=seconds)
    try:
        return grader.grade(source.assignment_of_own(own), repaired.notebook, repaired.notes)
    finally:
        grader.close()


def marks(verdict):
    return {mark.exercise: mark.points for mark in verdict.marks}


# --- contained -----------------------------------------------------------------------------------------------

SQUARES = solution("squares", "def squares(n):\n    return [i**2 for i in range(1, n + 1)]")
HIDDEN = "assert squares(2) == [1, 4]\n### BEGIN HIDDEN TESTS\nassert squares(3) == [1, 4, 9]\n### END HIDDEN TESTS"


def test_without_probes_or_an_explicit_choice_nothing_is_graded(course):
    make(course, "ps2", [SQUARES, check_cell("squares_ok", 2)], probes="")
    with pytest.raises(OwnCourseError, match="contain = True"):
        find_assignments(course, "ps2")


@needs_isolation
def test_tests_of_ones_own_are_contained(course):
    make(course, "ps2", [SQUARES, check_cell("squares_ok", 2, HIDDEN), solution("late", "def late():\n    return 1"),
                         check_cell("late_ok", 1, "assert late() == 1")])  # fmt: skip
    own = released(course, "ps2")
    right = proofs.solutions(own)
    verdict = judge(course, own, right)
    assert marks(verdict) == {"squares_ok": 2, "late_ok": 1}
    assert any(note.text.startswith(CONTAINED) for note in verdict.notes)
    half = judge(course, own, right | {"squares": "def squares(n):\n    return [1, 4][:n]"})
    assert marks(half) == {"squares_ok": 0, "late_ok": 1}  # what only the hidden test sees
    assert "AssertionError" in half.marks[0].problems[0]
    assert marks(judge(course, own, {})) == {"squares_ok": 0, "late_ok": 0}
    stuck = judge(course, own, right | {"squares": "def squares(n):\n    while True: pass"})
    assert marks(stuck) == {"squares_ok": 0, "late_ok": 1}
    gone = judge(course, own, right | {"squares": "import os\ndef squares(n):\n    os._exit(0)"})
    assert marks(gone) == {"squares_ok": 0, "late_ok": 1}


@needs_isolation
def test_probes_and_tests_go_together_in_one_assignment(course):
    cells = [
        SQUARES,
        check_cell("squares_ok", 2, HIDDEN),
        solution("cube", "def cube(x):\n    return x**3"),
        check_cell("cube_ok", 3),
    ]
    probes = "contain = True\nfrom autograder.probes import probe\n@probe('cube', 'on a number')\ndef any(cube, rng):\n"
    make(course, "ps2", cells, probes + "    return cube(int(rng.integers(2, 9)))\n")
    own = released(course, "ps2")
    assert marks(judge(course, own, proofs.solutions(own))) == {"squares_ok": 2, "cube": 3}
    wrong = {"cube": "def cube(x):\n    return x"}  # its test cell asserts nothing: the probe decides
    assert marks(judge(course, own, proofs.solutions(own) | wrong)) == {"squares_ok": 2, "cube": 0}


@needs_isolation
def test_files_beside_the_notebook_are_there(course):
    cells = [solution("total", "def total():\n    return sum(map(int, open('data/numbers.txt')))"),
             check_cell("total_ok", 1, "assert total() == 6")]  # fmt: skip
    path = make(course, "ps2", cells)
    (path.parent / "data").mkdir()
    (path.parent / "data/numbers.txt").write_text("1\n2\n3\n")
    own = released(course, "ps2")
    assert marks(judge(course, own, proofs.solutions(own))) == {"total_ok": 1}


# --- what is refused -----------------------------------------------------------------------------------------


def test_other_languages_are_refused_in_a_sentence(course):
    path = make(course, "ps2", [SQUARES, check_cell("squares_ok", 2)])
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.language_info.name = "R"
    nbformat.write(notebook, path)
    with pytest.raises(OwnCourseError, match="is in R: only Python"):
        find_assignments(course, "ps2")
    make(course, "ps3", [nbformat.v4.new_code_cell("%%julia\nx = 1"), check_cell("ok", 1)])
    with pytest.raises(OwnCourseError, match="begins with %%julia"):
        find_assignments(course, "ps3")


@pytest.mark.parametrize(
    ("probes", "words"),
    [
        ("probe(", "line 1: SyntaxError"),
        ("\n1 / 0", "line 2: ZeroDivisionError"),
        (
            "from autograder.probes import misconception\n@misconception('x', 'y')\ndef z(): ...",
            "no probe for it",
        ),
        (
            "from autograder.probes import probe\n@probe('nobody', 'y')\ndef z(nobody, rng): ...",
            "no test cell",
        ),
    ],
)
def test_a_file_of_probes_that_cannot_be_used_says_where(course, probes, words):
    make(
        course,
        "ps2",
        [SQUARES, check_cell("squares_ok", 2)],
        "contain = True\n" + probes if "nobody" in probes else probes,
    )
    with pytest.raises(JudgeError, match=words):
        find_assignments(course, "ps2")


def test_two_exercises_above_one_test_need_a_word(course):
    both = nbformat.v4.new_code_cell(
        "def a(): return 1\ndef b(): return 2", metadata=about("ab", solution=True)
    )
    probes = "from autograder.probes import probe\n" + "".join(
        f"@probe('{name}', 'once')\ndef once_{name}({name}, rng):\n    return {name}()\n" for name in "ab"
    )
    make(course, "ps2", [both, check_cell("test_a", 1), check_cell("test_b", 2)], probes)
    with pytest.raises(OwnCourseError, match='cells = {"a"'):
        find_assignments(course, "ps2")
    make(course, "ps2", [both, check_cell("test_a", 1), check_cell("test_b", 2)],
         probes + "cells = {'a': 'test_a', 'b': 'test_b'}\n")  # fmt: skip
    (own,) = find_assignments(course, "ps2")
    assert {name: one.points for name, one in own.exercises.items()} == {"a": 1, "b": 2}


def test_an_undescribed_assignment_is_refused_by_every_command(course):
    (course / "source/ps9").mkdir()
    with pytest.raises(UnknownName, match="probes/ps9.py"):
        find_assignments(course, "ps9")
    for words in (["grade", "ps9"], ["gates", "ps9"], ["report", "ps9"]):
        done = CliRunner().invoke(app, [*words, "--course", str(course)])
        assert done.exit_code == 2 and "not described" in done.output and "Traceback" not in done.output


def test_a_solution_that_does_not_run_says_which_cell(course):
    make(course, "ps2", [nbformat.v4.new_code_cell("1 / 0"), SQUARES, check_cell("ok", 1)],
         "from autograder.probes import probe\n@probe('squares', 'y')\ndef z(squares, rng):\n    return squares(3)\n")  # fmt: skip
    (own,) = find_assignments(course, "ps2")
    with pytest.raises(OwnCourseError, match="cell 1 stops with ZeroDivisionError"):
        source.assignment_of_own(own).reference  # noqa: B018


def test_reading_a_file_of_probes_leaves_no_trace_in_other_courses(course):
    from autograder.judge.entries import ALTERNATIVES, MISCONCEPTIONS
    from autograder.judge.probe import PROBES

    before = [dict(registry) for registry in (PROBES, MISCONCEPTIONS, ALTERNATIVES)]
    bank_file.read_bank(course / "probes/ps1.py")
    assert [dict(registry) for registry in (PROBES, MISCONCEPTIONS, ALTERNATIVES)] == before
    assert description.own_assignments(course) == ["ps1"]


@needs_isolation
def test_an_assignment_of_several_notebooks(course):
    from nbgrader.api import Gradebook

    (course / "probes/ps2").mkdir()
    cells = {
        "first": [SQUARES, check_cell("first_ok", 2, HIDDEN)],
        "second": [SQUARES, check_cell("second_ok", 5, HIDDEN)],
    }
    cells["third"] = [
        nbformat.v4.new_markdown_cell("because", metadata=about("why", grade=True, solution=True, points=3))
    ]
    for name, each in cells.items():
        make(course, "ps2", each, name=name)
        (course / "probes/ps2" / f"{name}.py").write_text("contain = True\n")
    (course / "probes/ps2.py").unlink()
    first, second, third = find_notebooks(course, "ps2")
    release(course, first, submissions.load_config(course))
    folder = course / "submitted/ada/ps2"
    folder.mkdir(parents=True)
    nbformat.write(proofs.submission(course, first, proofs.solutions(first)), folder / "first.ipynb")
    nbformat.write(proofs.submission(course, second, {}), folder / "second.ipynb")
    nbformat.write(proofs.submission(course, third, {}), folder / "third.ipynb")  # for a person alone
    done = CliRunner().invoke(app, ["grade", "ps2", "--course", str(course)])
    assert done.exit_code == 0, done.output
    assert "2 of 2" in done.output and "0 of 5" in done.output
    assert (course / "feedback/ada/ps2/second.html").exists()
    assert [one.points for _, one in submissions.load_verdicts(course, first)] == [2]
    assert (
        "Everything is graded already"
        in CliRunner().invoke(app, ["grade", "ps2", "--course", str(course)]).output
    )
    shutil.rmtree(course / "autograded/ada/ps2")
    program = os.path.join(os.path.dirname(sys.executable), "nbgrader")
    graded = subprocess.run(
        [program, "autograde", "ps2"], cwd=course, capture_output=True, text=True, timeout=300
    )
    assert graded.returncode == 0, graded.stderr
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        scores = [
            gradebook.find_submission_notebook(name, "ps2", "ada").score for name in ("first", "second")
        ]
    assert scores == [2, 0]
    assert (course / "verdicts/ps2/first/ada.json").exists()

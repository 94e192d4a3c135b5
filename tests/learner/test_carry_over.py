"""Carry-over: the learner's own earlier answers where they pass, the course's where not, and always said openly."""

import pytest
from tiny_course import RIGHT, install, notebook

from course import blocks
from course.earlier_labs.carry_over import carry
from course.errors import CourseError

pytestmark = pytest.mark.usefixtures("tiny_course")
UNTOUCHED = {name: f"def {name}(x):\n    raise NotImplementedError()\n" for name in RIGHT}


@pytest.fixture
def tiny_course(tmp_path, monkeypatch):
    yield from install(tmp_path, monkeypatch)


@pytest.fixture
def later(tmp_path, monkeypatch):
    """The folder of a later lab, which is where its kernel runs."""
    folder = tmp_path / "labs" / "lab8_later"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COURSE_GRADING", raising=False)
    for name in RIGHT:
        monkeypatch.setattr(blocks, name, lambda x, name=name: f"the course's {name}", raising=False)
    return folder


def earlier(later, *arguments, **options):
    return notebook(later.parent / "lab7_tiny" / "tiny.ipynb", *arguments, **options)


def test_takes_the_learners_own(later, capsys):
    earlier(later)
    double = carry("double")
    assert double(21) == 42
    said = capsys.readouterr()
    assert "double: yours, from ../lab7_tiny/tiny.ipynb: it passes 2 checks." in said.out.replace("\\", "/")
    assert said.err == ""


def test_several_come_as_a_tuple_in_order(later):
    earlier(later)
    quadruple, double = carry("quadruple", "double")
    assert (quadruple(1), double(1)) == (4, 2)


def test_each_name_stands_for_itself(later, capsys):
    earlier(later, {"double": RIGHT["double"], "quadruple": "def quadruple(x):\n    return 5 * x\n"})
    double, quadruple = carry("double", "quadruple")
    assert (double(2), quadruple(2)) == (4, "the course's quadruple")
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2
    assert "quadruple: the course’s, because yours in" in out
    assert "fails 1 of 1 check, first “of one”: quadruple(1) should be 4." in out


def test_says_how_much_is_wrong(later, capsys):
    earlier(later, RIGHT | {"double": "def double(x):\n    return x + 2\n"})
    assert carry("double")(1) == "the course's double"
    assert (
        "fails 2 of 2 checks, first “of three”: double(3) should be 6, not 5: do you add 2?\n"
        in capsys.readouterr().out
    )


def test_a_helper_in_a_cell_of_ones_own_comes_along(later):
    slow = (
        "def helper(x):\n    return x + x\nraise RuntimeError('only definitions are taken from own cells')\n"
    )
    earlier(later, {"double": "def double(x):\n    return helper(x)\n"}, extra=["%matplotlib inline", slow])
    assert carry("double")(2) == 4


def test_neither_checks_nor_experiments_run_and_nothing_is_printed(later, capsys):
    earlier(
        later, {"double": "print('noise')\nimport sys; print('noise', file=sys.stderr)\n" + RIGHT["double"]}
    )
    carry("double")
    said = capsys.readouterr()
    assert "noise" not in said.out + said.err


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (UNTOUCHED, "you have not written it yet in"),
        ({"double": "def double(x):\n    return 2 *\n"}, "its cell stops in line 2 with SyntaxError"),
        (
            {"double": "1 / 0\n" + RIGHT["double"]},
            "its cell stops in line 1 with ZeroDivisionError: division by zero",
        ),
        ({"double": "raise SystemExit\n"}, "its cell stops in line 1 with SystemExit"),
        ({"double": "def twice(x):\n    return 2 * x\n"}, "does not define it"),
        ({"quadruple": RIGHT["quadruple"]}, "does not define it"),
        ({"double": "def double(x):\n    return missing(x)\n"}, "your code stopped with NameError"),
    ],
)
def test_what_cannot_be_used_is_replaced(later, capsys, answers, reason):
    earlier(later, answers)
    assert carry("double")(1) == "the course's double"
    out = capsys.readouterr().out
    assert out.startswith("double: the course’s, because ") and reason in out
    assert len(out.splitlines()) == 1


def test_no_earlier_notebook(later, capsys):
    assert carry("double")(1) == "the course's double"
    assert "because there is no lab7_tiny/tiny.ipynb next to this lab." in capsys.readouterr().out


def test_a_damaged_notebook(later, capsys):
    earlier(later).write_text('{"cells": [')
    assert carry("double")(1) == "the course's double"
    assert "is damaged and cannot be read as a notebook" in capsys.readouterr().out


def test_a_notebook_of_another_lab(later, capsys):
    path = notebook(later / "mine.ipynb", lab="lab3_bert")
    assert carry("double", notebook=path)(1) == "the course's double"
    assert "is lab3_bert, and double is an exercise of lab7_tiny" in capsys.readouterr().out


def test_a_path_can_be_given(later, tmp_path):
    path = notebook(tmp_path / "elsewhere" / "my copy.ipynb")
    assert carry("double", notebook=path)(4) == 8
    assert carry("double", notebook=str(path.parent))(4) == 8
    assert carry("double", notebook=tmp_path / "nowhere.ipynb")(4) == "the course's double"


def test_found_from_the_folder_above_the_labs(later, monkeypatch):
    earlier(later)
    monkeypatch.chdir(later.parent.parent)
    assert carry("double")(4) == 8


def test_a_notebook_saved_anew_is_read_anew(later):
    earlier(later, UNTOUCHED)
    assert carry("double")(4) == "the course's double"
    earlier(later)
    assert carry("double")(4) == 8


def test_while_grading_it_is_the_courses_and_silent(later, monkeypatch, capsys):
    earlier(later)
    monkeypatch.setenv("COURSE_GRADING", "1")
    double, quadruple = carry("double", "quadruple")
    assert (double(1), quadruple(1)) == ("the course's double", "the course's quadruple")
    assert capsys.readouterr().out == ""


def test_unknown_names_and_no_names(later):
    with pytest.raises(CourseError, match="no exercise called 'doubel'; did you mean double"):
        carry("doubel")
    with pytest.raises(CourseError, match="Name what to carry over"):
        carry()


def test_without_a_ready_made_one_it_has_to_be_ones_own(later, monkeypatch):
    monkeypatch.delattr(blocks, "double")
    with pytest.raises(
        CourseError, match="no ready-made 'double' and yours cannot be used: there is no lab7_tiny"
    ):
        carry("double")
    earlier(later)
    assert carry("double")(4) == 8


def test_an_endless_answer_is_stopped_and_named(later, capsys, monkeypatch):
    monkeypatch.setattr("course.earlier_labs.carry_over.SECONDS_A_CELL", 0.3)
    earlier(
        later, {"double": "while True:\n    pass\n", "quadruple": "def quadruple(x):\n    return 4 * x\n"}
    )
    double, quadruple = carry("double", "quadruple")
    assert (double(2), quadruple(2)) == ("the course's double", 8)
    out = capsys.readouterr().out
    assert "its cell did not come to an end within 0.3 s: is there a loop that never ends?" in out


def test_an_endless_function_is_stopped_in_its_checks(later, capsys, monkeypatch):
    monkeypatch.setattr("course.earlier_labs.carry_over.SECONDS_OF_CHECKS", 0.3)
    endless = "def double(x):\n    while True:\n        try:\n            x += 1\n        except Exception:\n            pass\n"
    earlier(later, {"double": endless})
    assert carry("double")(2) == "the course's double"
    assert "does not come to an end in its checks" in capsys.readouterr().out


def test_one_from_elsewhere_is_not_called_yours(later, capsys, monkeypatch, tmp_path):
    earlier(later)
    deeper = later / "a copy" / "lab8_later"
    deeper.mkdir(parents=True)
    monkeypatch.chdir(deeper)
    assert carry("double")(4) == 8
    out = capsys.readouterr().out
    assert "yours" not in out.split(";")[0] and str(tmp_path / "labs" / "lab7_tiny" / "tiny.ipynb") in out
    assert "since there is none next to this lab" in out and "Not yours?" in out

"""How far a learner is: what is remembered, what comes next, and the ways on when one is stuck."""

import json
import os

import pytest
from tiny_course import RIGHT, install, notebook

import course
from course import blocks
from course.errors import CourseError
from course.progress import store, stubs, ways_on
from course.progress.status import OPEN, PASSED, SEEN, STEPPED, TRIED

STUBS = {name: f'def {name}(x):\n    """Times."""\n    raise NotImplementedError()\n' for name in RIGHT}


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress"))
    monkeypatch.delenv("COURSE_GRADING", raising=False)
    monkeypatch.delenv("COURSE_SOLUTIONS", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "lab7_tiny" / "tiny.ipynb"))
    yield from install(tmp_path, monkeypatch)


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Answers that an instructor handed out."""
    folder = tmp_path / "handed out"
    folder.mkdir()
    monkeypatch.setenv("COURSE_SOLUTIONS", str(folder))
    code = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION\n\n\ndef helper():\n    pass\n"
    (folder / "tiny.py").write_text(code)
    return folder


def double(x):
    return 2 * x


def quadruple(x):
    return 4 * x


def wrong(add):
    """A try at `double` that no other one equals."""
    space = {}
    source = f"def double(x):\n    return x + {add}\n"
    import linecache

    file = f"<try {add}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), space)
    return space["double"]


# --- what comes next ------------------------------------------------------------------------------------------


def test_after_a_pass_the_next_exercise_is_named():
    report = course.check(double)
    assert str(report).endswith("Next: quadruple, Lab 7.")
    assert "Next: <code>quadruple</code>, Lab 7." in report._repr_html_()
    report = course.check(quadruple)
    assert "That was the last exercise of Lab 7" in str(report) and "everything there is to build" in str(
        report
    )


def test_what_was_left_out_is_named_at_the_end():
    assert "Still open: double (Lab 7)." in str(course.check(quadruple))


def test_nothing_comes_next_before_a_pass():
    assert "Next" not in str(course.check(wrong(3)))


# --- what is remembered -----------------------------------------------------------------------------------


def test_the_status_of_each_exercise():
    states = lambda: [row[3] for row in course.status().rows]  # noqa: E731
    assert states() == [OPEN, OPEN]
    for _ in range(3):
        course.check(wrong(3))
    assert states() == [TRIED, OPEN] and "tried once" in str(course.status())
    course.check(wrong(4))
    assert "(tried 2 times)" in str(
        course.status()
    ) and "Next: double. The rest takes about 2 minutes" in str(course.status())
    course.check(double)
    course.check(wrong(5))  # what passed once has passed
    assert states() == [PASSED, OPEN]
    assert course.status(7).labs[0][1:] == (1, 2)
    assert "Lab 7 Tiny: 1 of 2" in str(course.status())


def test_an_unwritten_answer_is_no_try():
    space = {}
    exec(STUBS["double"], space)
    course.check(space["double"])
    assert store.recall("double") == {}


def test_the_page_can_be_read_without_colours_and_names_its_bars():
    course.check(double)
    page = course.status()._repr_html_()
    assert (
        '<progress value="1" max="2" aria-label="Lab 7: 1 of 2">' in page and page.count('scope="col"') == 4
    )
    assert "✓" in page and "<code>double</code>" in page and ">passed<" in page


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"tries": 3}', "\x00\xff"])
def test_a_damaged_file_is_as_good_as_none(damage):
    course.check(wrong(3))
    (store.folder() / "double.json").write_text(damage)
    assert course.status().rows[0][3] == OPEN
    assert course.check(double).passed and course.status().rows[0][3] == PASSED


def test_a_write_that_breaks_off_leaves_the_old_file(monkeypatch, capsys):
    course.check(wrong(3))
    before = (store.folder() / "double.json").read_text()

    def full(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert course.check(double).passed
    assert (store.folder() / "double.json").read_text() == before
    assert [path.name for path in store.folder().iterdir()] == ["double.json"]
    assert "cannot be kept in" in capsys.readouterr().out
    course.check(double)
    assert capsys.readouterr().out == ""  # said once


@pytest.mark.parametrize(
    "variable, value",
    [("COURSE_PROGRESS", "off"), ("COURSE_GRADING", "1"), ("NBGRADER_EXECUTION", "autograde")],
)
def test_nothing_is_kept_while_grading_or_if_it_is_not_wanted(monkeypatch, tmp_path, variable, value):
    monkeypatch.setenv(variable, value)
    assert course.check(double).passed
    assert not (tmp_path / "progress").exists()
    assert str(course.status()).startswith("Progress is not kept here")


# --- an exercise as it was handed out -------------------------------------------------------------------------


def test_reset_gives_the_stub_and_takes_nothing_away(tmp_path, capsys):
    path = notebook(tmp_path / "lab7_tiny" / "tiny.ipynb", STUBS)
    stubs.keep_stubs(path)
    notebook(path)  # written over
    text = path.read_text()
    course.reset("double")
    said = capsys.readouterr().out
    assert said.startswith(STUBS["double"]) and "Yours is still in its cell" in said
    assert path.read_text() == text
    (copy,) = (store.folder() / "kept").iterdir()
    assert copy.read_text().strip() == RIGHT["double"].strip() and copy.name in said


def test_in_a_notebook_it_comes_in_a_new_cell(tmp_path, capsys, monkeypatch):
    stubs.keep_stubs(notebook(tmp_path / "lab7_tiny" / "tiny.ipynb", STUBS))
    cells = []
    monkeypatch.setattr(
        stubs, "notebook_shell", lambda: type("Shell", (), {"set_next_input": staticmethod(cells.append)})
    )
    course.reset(quadruple)
    assert cells == [STUBS["quadruple"]]
    assert capsys.readouterr().out.startswith("quadruple, as it was handed out, is in the new cell below.")
    assert not (store.folder() / "kept").exists()  # nothing of one's own was there


def test_a_written_answer_never_becomes_the_stub(tmp_path):
    path = notebook(tmp_path / "lab7_tiny" / "tiny.ipynb", STUBS)
    stubs.keep_stubs(path)
    stubs.keep_stubs(notebook(path))
    kept = json.loads((store.folder() / "stubs" / "lab7_tiny.json").read_text())
    assert kept == STUBS


def test_a_notebook_in_any_state_stops_no_lab_from_opening(tmp_path):
    path = tmp_path / "lab7_tiny" / "tiny.ipynb"
    path.parent.mkdir()
    for text in ("", "{", '{"cells": [{}]}', "no json"):
        path.write_text(text)
        stubs.keep_stubs(path)
    stubs.keep_stubs(None)
    with pytest.raises(CourseError, match="There is no copy of double as it was handed out"):
        course.reset("double")


# --- stuck -------------------------------------------------------------------------------------------------


def test_step_over_brings_the_courses_and_says_so(monkeypatch, capsys):
    ours = lambda x: 2 * x  # noqa: E731
    ours.__module__ = "course.blocks.tiny"
    monkeypatch.setattr(blocks, "double", ours, raising=False)
    space = {"course": course, "__name__": "__main__", "double": wrong(3)}
    exec('found = course.step_over("double")', space)
    assert space["double"] is ours and space["found"] is ours
    assert "double is the course's from here on" in capsys.readouterr().out
    assert course.status().rows[0][3] == STEPPED
    report = course.check(ours, "double")
    assert report.then.startswith("This is the course's double") and course.status().rows[0][3] == STEPPED
    course.check(double)
    assert course.status().rows[0][3] == PASSED


def test_outside_a_notebook_nothing_is_bound(monkeypatch):
    monkeypatch.setattr(blocks, "double", double, raising=False)
    space = {"course": course, "__name__": "elsewhere"}
    exec('course.step_over("double")', space)
    assert "double" not in space


def test_while_grading_the_courses_earns_nothing_and_the_learners_stays(monkeypatch, capsys):
    monkeypatch.setattr(blocks, "double", double, raising=False)
    monkeypatch.setenv("COURSE_GRADING", "1")
    own = wrong(3)
    space = {"course": course, "__name__": "__main__", "double": own}
    exec('double = course.step_over("double")', space)
    assert space["double"] is own
    space = {"course": course, "__name__": "__main__"}
    exec('double = course.step_over("double")', space)
    with pytest.raises(NotImplementedError):
        space["double"](1)
    assert capsys.readouterr().out == ""


def test_without_a_ready_made_one_there_is_still_a_way_on():
    with pytest.raises(CourseError, match="no ready-made double.*read on.*course.hint"):
        course.step_over("double")


def test_every_exercise_that_later_labs_need_can_be_stepped_over(monkeypatch, request):
    from course.notebooks import lesson

    monkeypatch.undo()
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    lesson.lessons.cache_clear()
    names = [name for each in lesson.lessons().values() for name in each.exercises]
    assert [name for name in names if not hasattr(blocks, name)] == ["beam_search"]
    lesson.lessons.cache_clear()


# --- an answer ---------------------------------------------------------------------------------------------


def test_an_answer_is_shown_after_a_pass(answers):
    course.check(double)
    shown = course.solution(double)
    assert str(shown).startswith("def double(x):\n    return x + x\n\nOne way to write it. Yours passes too")
    assert "SOLUTION" not in str(shown) and "helper" not in str(shown)
    assert course.status().rows[0][3] == PASSED


def test_or_after_real_tries_and_then_it_is_noted(answers):
    for add in (3, 3, 4):
        course.check(wrong(add))
    with pytest.raises(CourseError, match=r"3 different tries that course.check has seen \(2 so far\)"):
        course.solution("double")
    course.check(wrong(5))
    assert "That you have seen it is noted" in str(course.solution("double"))
    course.check(double)
    assert course.status().rows[0][3] == SEEN and "answer seen" in course.status()._repr_html_()


def test_an_instructor_can_switch_it_off(answers, monkeypatch):
    course.check(double)
    monkeypatch.setenv("COURSE_SOLUTIONS", "off")
    with pytest.raises(CourseError, match="Answers are not shown in this course"):
        course.solution("double")


def test_where_there_are_none_it_says_where_they_are(monkeypatch, tmp_path):
    course.check(double)
    monkeypatch.setattr(ways_on, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="The answers do not come with the course.*put it beside the labs"):
        course.solution("double")

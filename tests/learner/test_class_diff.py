"""`course.changed`: the learner's own two classes side by side, from this notebook or an earlier one."""

import linecache

import pytest
from tiny_course import install, notebook

import course
from course.earlier_labs.class_diff import _emphasized
from course.errors import CourseError

OLD = '''class Old:
    """A layer."""

    def __init__(self, width):
        self.width = width  # kept

    def call(self, x):
        """Add, then scale."""
        y = x + 1
        return y * self.width
'''
NEW = """class New:
    def __init__(self, width):
        self.width = (
            width
        )

    def call(self, x):
        y = x * self.width
        return y * self.width
"""


def in_a_cell(source, name, number):
    file = f"<cell {number} of a test>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {}
    exec(compile(source, file, "exec"), space)
    return space[name]


@pytest.fixture
def classes():
    return in_a_cell(NEW, "New", 1), in_a_cell(OLD, "Old", 2)


def test_marks_the_lines_that_changed_and_no_others(classes):
    found = course.changed(classes[0], since=classes[1])
    assert [row for row in found.rows if row[0] or row[2]] == [
        ("−", "    y = x + 1", "+", "    y = x * self.width")
    ]
    assert repr(found).endswith("Of 3 lines of what your New does, 2 stood in your Old.")
    assert "−     y = x + 1" in repr(found) and "kept" not in repr(found) and "scale" not in repr(found)


def test_the_table_says_it_without_colours_and_escapes_code():
    risky = in_a_cell(OLD.replace("y = x + 1", "y = '<script>'").replace("Old", "Risky"), "Risky", 3)
    shown = course.changed(risky, since=in_a_cell(OLD, "Old", 2))._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown
    assert shown.count(">− ") == shown.count(">+ ") == 1
    assert '<th scope="col"' in shown and "<caption" in shown


def test_the_words_that_differ_are_bold_where_two_lines_are_alike():
    assert (
        _emphasized("return self.attention(x)[0]", "return self.ask(x)[0]")
        == "return self.<b>attention</b>(x)[0]"
    )
    assert _emphasized("return self.attention(x)[0]", "def think(x):") == "return self.attention(x)[0]"
    assert _emphasized("a < b", "") == "a &lt; b"


def test_an_earlier_lab_is_read_from_its_notebook(tmp_path, monkeypatch, classes):
    for _ in install(tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        missing = course.changed(classes[0], since="double")
        assert repr(missing) == (
            "There is no lab7_tiny/tiny.ipynb next to this lab, so there is no double of yours to compare with."
        )
        assert missing._repr_html_().startswith("<p>")
        file = tmp_path / "lab7_tiny" / "tiny.ipynb"
        notebook(file, {"double": OLD.replace("Old", "double"), "quadruple": ""})
        assert "Of 3 lines of what your New does, 2 stood in your double." in repr(
            course.changed(classes[0], since="double")
        )
        notebook(
            file, {"double": "class double:\n    def call(self):\n        raise NotImplementedError()\n"}
        )
        assert repr(course.changed(classes[0], since="double")) == "You have not written double yet."
        notebook(file, {"double": "class double(:\n"})
        assert repr(course.changed(classes[0], since="double")).startswith(
            "The cell of your double cannot be read:"
        )
        file.write_text("{")
        assert "is damaged" in repr(course.changed(classes[0], since="double"))
        with pytest.raises(CourseError, match="double"):
            course.changed(classes[0], since="doubel")


def test_without_the_earlier_lab_the_courses_class_stands_in(tmp_path, monkeypatch, classes):
    monkeypatch.chdir(tmp_path)
    found = course.changed(classes[0], since="BertLayer")
    assert repr(found).endswith("stood in the course’s BertLayer.")
    assert "There is no lab3_bert/bert.ipynb next to this lab" in found.summary()
    assert "So this is the course’s BertLayer." in found.summary()
    assert any(mark == "−" for mark, *_ in found.rows) and found.total == 3


def test_a_class_without_source_says_so():
    assert repr(course.changed(type("Made", (), {}), since=in_a_cell(OLD, "Old", 2))) == (
        "The code of Made cannot be found. Run its cell again, then this one."
    )

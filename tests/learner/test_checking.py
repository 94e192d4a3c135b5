"""What a learner is told: checks, diagnoses, shortcuts, hints; and what an author is told about a lesson."""

import linecache

import keras
import numpy as np
import pytest
from keras import ops

from course import checking
from course.checking import (
    CheckFailed,
    expect,
    expect_boolean,
    expect_close,
    expect_pair,
    expect_shape,
    fixed_normal,
    hints,
    mistakes,
)
from course.checking.shortcuts import exercises_with_shortcuts, find_shortcuts
from course.errors import UnknownName
from course.notebooks import lesson
from course.notebooks.lesson import LessonCell, LessonError, read_lesson

# --- expectations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: expect(False, "two is even"), "two is even"),
        (lambda: expect_shape(np.ones((2, 3)), (3, 2)), "the shape should be (3, 2), not (2, 3)"),
        (lambda: expect_shape(np.ones(2), (3,), "one each"), "the shape should be (3,), not (2,): one each"),
        (lambda: expect_shape(None, (3,)), "your code gave None: is a `return` missing?"),
        (lambda: expect_shape([1, 2], (3,)), "one tensor was expected here, and your code gave 2 in a list"),
        (lambda: expect_shape("text", (3,)), "a tensor was expected, and your code gave str"),
        (lambda: expect_close(np.array([1.0, 5.0, 2.0]), 1.0, "ones"), "ones (found 5 at [1], expected 1)"),
        (lambda: expect_close(np.array(2.0), 1.0), "the values differ (found 2, expected 1)"),
        (
            lambda: expect_close(np.array([1.0, np.nan]), 1.0),
            "the values differ (found nan at [1], expected 1)",
        ),
        (lambda: expect_close(np.ones(2), [1, 1, 1], "three"), "the shape should be (3,), not (2,): three"),
        (lambda: expect_boolean(np.ones(2), "no"), "no (found float64)"),
        (lambda: expect_pair(np.ones(2)), "two things are to be returned: (output, weights)"),
        (lambda: expect_pair((1, 2, 3), "(a, b)"), "two things are to be returned: (a, b)"),
    ],
)
def test_what_does_not_hold_is_said(call, sentence):
    with pytest.raises(CheckFailed) as caught:
        call()
    assert str(caught.value) == sentence


def test_what_holds_passes():
    expect(True, "")
    expect_shape(ops.ones((2, 3)), (2, 3))
    expect_close(ops.ones((2, 3)), 1.00001)
    expect_close(np.array([True, False]), [1, 0])
    expect_close(np.zeros((0, 3)), 1.0)
    expect_boolean(ops.ones(2, dtype="bool"))
    assert expect_pair([1, 2]) == [1, 2]
    assert np.array_equal(fixed_normal(2, 3), fixed_normal(2, 3)) and not np.array_equal(
        fixed_normal(2, 3), fixed_normal(2, 3, seed=1)
    )


# --- `course.check` -----------------------------------------------------------------------------------------


def is_even(answer):
    expect(answer(2) == 1, "half of 2 is 1: do you divide by <2>?")


def is_small(answer):
    expect(answer(4) < 3, "half of 4 is below 3")


@pytest.fixture
def halving(monkeypatch):
    """An exercise called `half` with two checks."""
    cell = LessonCell(
        "exercise", "half", "", 1, points=4, forbidden=("divide",), hints=("Think.", "Use `/`.")
    )
    lab = lesson.Lesson("halves", 9, "Halves", 5, None, (cell,))
    for module in ("report", "hints", "which"):
        monkeypatch.setattr(
            f"course.checking.{module}.find_exercise", lambda name: (lab, cell), raising=False
        )
    monkeypatch.setattr("course.checking.report.checks_of", lambda exercise: (is_even, is_small))
    monkeypatch.setattr(hints, "_SHOWN", {})


def from_cell(source):
    """The `half` that a notebook's cell with this source defines."""
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = {"ops": ops}
    exec(compile(source, name, "exec"), space)
    return space["half"]


def test_a_right_answer(halving):
    def half(x):
        return x / 2

    report = checking.run_checks(half)
    assert report.passed and report.points == 4 and report.problems == []
    assert (
        str(report) == "half: all 3 checks pass. Well done!\n  ✓ written by hand\n  ✓ is even\n  ✓ is small"
    )


def test_a_wrong_answer_under_another_name(halving):
    report = checking.run_checks(lambda x: 2.0, "half")
    assert not report.passed and report.points == 2
    assert report.problems == ["is even: half of 2 is 1: do you divide by <2>?"]
    assert "half: 2 of 3 checks pass." in str(report) and "✗ is even\n      half of 2 is 1" in str(report)
    page = report._repr_html_()
    assert "by &lt;2&gt;?" in page and "<2>" not in page


def test_an_empty_answer_earns_nothing(halving):
    def half(x):
        raise NotImplementedError()

    report = checking.run_checks(half)
    assert report.points == 0
    assert (
        report.problems[0] == "is even: not written yet: replace `raise NotImplementedError()` with your code"
    )


def test_a_shortcut_earns_nothing(halving):
    report = checking.run_checks(from_cell("def half(x):\n    return float(ops.divide(x, 2))\n"))
    assert report.points == 0
    assert report.problems == [
        "written by hand: this exercise builds what ops.divide does for you: write it with smaller operations"
    ]


def test_an_error_shows_the_learners_own_line(halving):
    answer = from_cell(
        "import numpy as np\n\ndef half(x):\n    return x / np.zeros(3)[7]  # beyond the end\n"
    )
    first = checking.run_checks(answer).problems[0]
    assert first.startswith("is even: your code stopped with IndexError: index 7 is out of bounds")
    assert first.endswith("\nin half, line 4 of your cell: return x / np.zeros(3)[7]  # beyond the end")


def test_a_long_error_is_cut(halving):
    def half(x):
        raise ValueError("long " * 200)

    assert len(checking.run_checks(half).problems[0]) < 500


def test_stock_nbgrader_reads_a_number_where_a_learner_reads_sentences(halving, monkeypatch):
    report = checking.run_checks(lambda x: 2.0, "half")
    assert report._repr_mimebundle_()["text/plain"] == str(report)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert float(report._repr_mimebundle_()["text/plain"]) == 2
    assert "half: 2 of 3" in report._repr_mimebundle_()["text/html"]


def test_an_exercise_without_checks_is_no_pass(halving, monkeypatch):
    monkeypatch.setattr("course.checking.report.checks_of", lambda exercise: ())
    with pytest.raises(UnknownName, match="no checks are written for 'half' yet"):
        checking.run_checks(is_even, "half")


def test_every_exercise_has_checks():
    for lab in lesson.lessons().values():
        for exercise in lab.exercises:
            assert checking.checks_of(exercise), exercise


# --- diagnoses ----------------------------------------------------------------------------------------------


def test_a_known_mistake_is_called_by_its_name():
    named = {"doubled": [2.0, 4.0], "NaN": lambda: [np.nan, 2.0], "swapped": ([2.0, 1.0],)}
    right = [1.0, 2.0]
    mistakes.expect_or_name_mistake(np.array(right), right, "other", named)
    for found, sentence in (
        ([2.0, 4.0], "^doubled$"),
        ([np.nan, 2.0], "^NaN$"),
        ([7.0, 2.0], r"^other \(found 7"),
    ):
        with pytest.raises(CheckFailed, match=sentence):
            mistakes.expect_or_name_mistake(np.array(found), right, "other", named)
    with pytest.raises(CheckFailed, match="is a `return` missing"):
        mistakes.expect_or_name_mistake(None, right, "other", named)


def test_a_pair_is_compared_part_by_part():
    right = (np.ones(2), np.zeros(3))
    mistakes.expect_or_name_mistake(right, right, ("first", "second"), {})
    with pytest.raises(CheckFailed, match="^second"):
        mistakes.expect_or_name_mistake((np.ones(2), np.ones(3)), right, ("first", "second"), {})
    with pytest.raises(CheckFailed, match="^turned$"):
        mistakes.expect_or_name_mistake(
            right[::-1], right, ("first", "second"), {"turned": lambda: right[::-1]}
        )


def test_an_attempt_explains_errors_but_not_what_is_unwritten():
    def unwritten():
        raise NotImplementedError

    assert mistakes.attempt("no", max, 1, 2) == 2
    with pytest.raises(CheckFailed, match=r"^lists fail\nTypeError: .*not supported"):
        mistakes.attempt("lists fail", max, 1, [2])
    with pytest.raises(NotImplementedError):
        mistakes.attempt("no", unwritten)


def test_a_block_that_stops_says_why_in_a_learners_words():
    def block(words):
        raise ValueError(
            f"Exception encountered when calling Block.call().\n\n{words}\n\nArguments received by"
        )

    for words, meaning in (
        ("Shapes of all inputs must match: ...", "^the attention returns a pair"),
        ("'EagerTensor' object is not callable", "^a result was handed over .*\nValueError: 'EagerTensor'"),
        ("condition [2,5], then [2,2,4,4] must be broadcastable", "^a mask does not fit"),
    ):
        with pytest.raises(CheckFailed, match=meaning):
            mistakes.run_block(block, words)
    with pytest.raises(ValueError, match="something else"):
        mistakes.run_block(block, "something else")


def test_tensorflows_own_not_implemented_is_no_empty_answer(halving):
    def half(x):
        raise NotImplementedError("Cannot convert a symbolic tensor to a NumPy array.")

    assert "to a NumPy array" in checking.run_checks(half).problems[0]


@pytest.mark.parametrize(
    "make, use_bias, sentence",
    [
        (lambda: None, True, "needs `self.key_dense`, a keras.layers.Dense"),
        (lambda: keras.layers.Dense(2), True, "made but never called: the key should pass through it"),
        (lambda: built(activation="relu"), True, "has an activation"),
        (lambda: built(use_bias=False), True, "has no bias"),
        (lambda: built(), False, "has a bias in spite of use_bias=False"),
        (lambda: built(), True, None),
        (lambda: built(use_bias=False), False, None),
    ],
)
def test_dense_sub_layers(make, use_bias, sentence):
    class Holder:
        key_dense = make()

    if sentence is None:
        mistakes.set_dense(Holder, "key_dense", use_bias=use_bias)
        inputs = fixed_normal(4, 3)
        np.testing.assert_allclose(
            mistakes.apply_dense(Holder.key_dense, inputs), Holder.key_dense(inputs), rtol=1e-5
        )
    else:
        with pytest.raises(CheckFailed, match=sentence):
            mistakes.set_dense(Holder, "key_dense", use_bias=use_bias)


def built(**kwargs):
    dense = keras.layers.Dense(2, **kwargs)
    dense.build((None, 3))
    return dense


# --- shortcuts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, found",
    [
        ("def f(x):\n    return keras.ops.softmax(x)", ["keras.ops.softmax"]),
        ("from keras.ops import softmax as s\ndef f(x):\n    return s(x)", ["keras.ops.softmax"]),
        (
            "def f(x):\n    from scipy.special import softmax\n    return softmax(x)",
            ["scipy.special.softmax"],
        ),
        ("def f(x):\n    return getattr(ops, 'softmax')(x)", ["softmax"]),
        ("s = ops.softmax\ndef f(x):\n    return s(x)", ["ops.softmax"]),
        ("def g(x):\n    return ops.softmax(x)\ndef f(x):\n    return g(x)", ["ops.softmax"]),
        ("if True:\n    s = ops.softmax\ndef f(x):\n    return s(x)", ["ops.softmax"]),
        ("class f:\n    pass\nf.call = lambda self, x: ops.softmax(x)", ["ops.softmax"]),
        ("f = ops.softmax", ["ops.softmax"]),
        (
            "def f(x):\n    return blocks.softmax(x) + course.blocks.h(x)",
            ["blocks.softmax", "course.blocks.h"],
        ),
        ("from course.blocks import *\ndef f(x):\n    return h(x)", []),  # nothing binds `h`: see the next
        ("def f(x):\n    from course.blocks import *\n    return h(x)", ["course.blocks.*"]),
        ("def f(x):\n    return ops.exp(x)  # ops.softmax", []),
        ("def f(x):\n    'Like ops.softmax.'\n    return softmax(x)", []),
        ("class f:\n    def g(self):\n        self.softmax = 3\n        return self.softmax", []),
        ("def other(x):\n    return ops.softmax(x)\ndef f(x):\n    return x", []),
        (
            "def h(x):\n    return ops.softmax(x)\ndef f(x):\n    return h(x)",
            [],
        ),  # h is an exercise of its own
        ("def f(x):\n    return keras.layers.Dense(3, name='softmax')(x)", []),
        ("def f(x):\n    return keras.layers.Activation('softmax')(x)", ["softmax"]),
        ("def f(x):\n    return vars(ops)['softmax'](x)", ["softmax"]),
        ("def f(x):\n    return {'softmax': x}", []),
        ("known = {}\ndef f(x):\n    return known['softmax'], known.get('softmax')", []),
        ("class My:\n    def softmax(self, x): return x\nmy = My()\ndef f(x):\n    return my.softmax(x)", []),
        ("class My:\n    softmax = ops.softmax\ndef f(x):\n    return My.softmax(x)", ["ops.softmax"]),
        ("def f(x):\n    return keras.activations.get('softmax')(x)", ["softmax"]),
        ("def f(x:\n", []),
        ("", []),
    ],
)
def test_shortcuts(source, found):
    assert find_shortcuts(source, "f", ("softmax",), ("f", "h")) == found


def test_an_earlier_answer_that_would_do_the_work():
    source = "def h(x):\n    return ops.softmax(x)\ndef g(x):\n    return x\ndef f(x):\n    return h(x)"
    assert exercises_with_shortcuts(source, "f", ("softmax",), ("f", "g", "h")) == ["h"]


# --- hints --------------------------------------------------------------------------------------------------


def test_hints_come_one_by_one(halving):
    shown = [str(hints.hint("half")) for _ in range(3)]
    assert shown[0] == "half, hint 1 of 2: Think. Run the cell again for the next one."
    assert shown[1] == shown[2] == "half, hint 2 of 2: Use `/`."
    assert "<code>/</code>" in hints.hint("half")._repr_html_()


def test_hints_take_the_function_itself(halving):
    def half(x):
        return x

    assert repr(hints.hint(half)).startswith("half, hint 1 of 2")


def test_an_unknown_exercise_names_the_nearest():
    with pytest.raises(UnknownName, match="no exercise called 'softmux'; did you mean softmax"):
        hints.hint("softmux")


# --- lessons ------------------------------------------------------------------------------------------------

HEADER = '# %% [markdown] lab=3 title="Sums" minutes=20\n# # Sums\n'
EXERCISE = '# %% exercise="add" points=2 minutes=5 difficulty=1\n# hint: Plus.\n# hint: Use `+`.\n'


@pytest.fixture
def write(tmp_path):
    """Write a lesson; returns its path."""

    def to_file(text, name="sums"):
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_a_lesson(write):
    text = (
        HEADER
        + "# %%\nimport math\n"
        + '# %% given="LIMIT"\n'
        + EXERCISE.replace("difficulty=1", 'difficulty=1 forbidden="sum, fsum"')
        + '# %% experiment="growth" minutes=2\nprint(1)\n'
        + '# %% [markdown] question="why" points=3 minutes=4\n# Why?\n'
    )
    found = read_lesson(write(text))
    assert (found.lab, found.name, found.title, found.minutes) == ("lab3_sums", "sums", "Sums", 20)
    assert [cell.kind for cell in found.cells] == [
        "lab",
        "code",
        "given",
        "exercise",
        "experiment",
        "question",
    ]
    add = found.exercises["add"]
    assert (add.points, add.minutes, add.difficulty, add.line) == (2, 5, 1, 6)
    assert add.hints == ("Plus.", "Use `+`.") and add.forbidden == ("sum", "fsum")
    assert found.questions["why"].points == 3 and found.questions["why"].source == "Why?"


@pytest.mark.parametrize(
    "text, line, reason",
    [
        ("# Some text\n" + HEADER, 1, "text before the first `# %%` marker"),
        ("", 1, "the first cell must carry lab=NUMBER"),
        (EXERCISE, 1, "the first cell must carry lab=NUMBER"),
        ('# %% [markdown] lab=3 title="Sums"\n', 1, "a cell tagged lab needs minutes=..."),
        (HEADER.replace("=20", '="20"'), 1, "minutes must be a number above 0, not '20'"),
        (HEADER.replace("lab=3", "lab=0"), 1, "lab must be a number above 0, not 0"),
        (HEADER + '# %% exercise="a" question="b"\n', 3, "and this one is exercise and question"),
        (HEADER + "# %% [raw]\n# x\n", 3, "and this one is raw"),
        (
            HEADER + '# %% exercise="" points=1 minutes=1 difficulty=1\n',
            3,
            "exercise must be a text that is not empty",
        ),
        (
            HEADER + '# %% exercise="a" points=1 minutes=1 difficulty=1 forbidden=5\n',
            3,
            "forbidden must be a text",
        ),
        (HEADER + '# %% question="a" points=1 minutes=1\n', 3, "a question cell is [markdown]"),
        (HEADER + "# %% speed=3\n", 3, "unknown tag 'speed'; a code cell takes []"),
        (HEADER + EXERCISE.replace("minutes", "hours"), 3, "a cell tagged exercise needs minutes=..."),
        (
            HEADER + EXERCISE.replace("difficulty=1", "difficulty=1 speed=2"),
            3,
            "unknown tag 'speed'; a exercise cell takes",
        ),
        (
            HEADER + EXERCISE.replace("points=2", "points=True"),
            3,
            "points must be a number above 0, not True",
        ),
        (HEADER + EXERCISE.replace("points=2", "points=-1"), 3, "points must be a number above 0, not -1"),
        (HEADER + EXERCISE.replace("difficulty=1", "difficulty=4"), 3, "difficulty is 1, 2 or 3"),
        (HEADER + EXERCISE + "def add(): ...\n", 3, "holds `# hint: ...` lines only; prose goes above it"),
        (HEADER + EXERCISE.replace("# hint: Plus.\n", ""), 3, "an exercise has two or three hints, not 1"),
        (HEADER + EXERCISE + "# hint: c\n# hint: d\n", 3, "an exercise has two or three hints, not 4"),
        (HEADER + EXERCISE + EXERCISE, 6, "exercise 'add' stands already on line 3"),
        (HEADER + '# %% given="A"\n# %% given="A"\n', 4, "given 'A' stands already on line 3"),
    ],
)
def test_a_wrong_lesson_is_refused_with_file_line_and_reason(write, text, line, reason):
    path = write(text)
    with pytest.raises(LessonError) as caught:
        read_lesson(path)
    place, found = str(caught.value).split(": ", 1)
    assert place == f"{path}:{line}"
    assert reason in found


def test_lessons_are_found_by_any_of_their_names(write, monkeypatch):
    folder = write(HEADER + EXERCISE).parent
    write(
        HEADER.replace("lab=3", "lab=1").replace("Sums", "Firsts") + EXERCISE.replace('"add"', '"first"'),
        "firsts",
    )
    monkeypatch.setattr(lesson, "LESSONS", folder)
    lesson.lessons.cache_clear()
    try:
        assert list(lesson.lessons()) == ["firsts", "sums"]
        assert {lesson.find_lesson(name).title for name in ("sums", "lab3_sums", "3")} == {"Sums"}
        with pytest.raises(UnknownName, match="no lab called '7'; there are: lab1_firsts, lab3_sums"):
            lesson.find_lesson("7")
        assert lesson.find_exercise("add")[1].hints == ("Plus.", "Use `+`.")
        with pytest.raises(UnknownName, match="did you mean add"):
            lesson.find_exercise("addd")
        with pytest.raises(UnknownName, match="did you mean add, first"):
            lesson.find_exercise("xyz")
    finally:
        lesson.lessons.cache_clear()

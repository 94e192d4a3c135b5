"""Calls that forgive: names for functions, slips of the keyboard, things that are no exercise; cells run too early."""

import linecache
import os

import pytest
from tiny_course import RIGHT, install

import course
from course.checking import too_early
from course.errors import CourseError, UnknownName


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    yield from install(tmp_path, monkeypatch)


def cell(source, space, number=1):
    """Run a notebook's cell."""
    file = f"<cell {number} of test_which>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), space)
    return space


def asked(call, **space):
    """What a cell with one call comes to."""
    return cell(f"found = {call}", {"course": course} | space, 2)["found"]


def double(x):
    return 2 * x


def test_a_name_stands_for_what_it_names(tiny):
    assert asked('course.check("double")', double=double).passed
    assert asked('course.check(" double ")', double=double).passed
    assert asked('course.check("mine", "double")', mine=double).passed
    assert asked("course.check(double)", double=double).passed
    assert asked("course.check(mine, double)", mine=lambda x: 2 * x, double=double).passed
    assert not asked('course.check("mine", exercise="double")', mine=lambda x: x).passed


@pytest.mark.parametrize("call", ["check", "hint", "reset", "step_over", "solution"])
@pytest.mark.parametrize(
    "given, sentence",
    [
        ("3", "3 is no exercise. Give what you wrote, as in course.{call}(softmax), or its name"),
        ("None", "None is no exercise."),
        ("[1, 2]", "A list is no exercise."),
        ('"doubel"', "no exercise called 'doubel'; did you mean double?"),
        ('"Double"', "did you mean double?"),
    ],
)
def test_anything_else_is_answered_in_a_sentence(tiny, call, given, sentence):
    with pytest.raises(CourseError) as caught:
        asked(f"course.{call}({given})")
    assert sentence.format(call=call) in str(caught.value) and len(str(caught.value)) < 200


def test_a_function_that_is_no_exercise_does_not_list_them_all():
    with pytest.raises(UnknownName) as caught:
        asked("course.check(len)")
    assert str(caught.value).startswith("no exercise called 'len': each lab's table of contents")


def test_an_object_instead_of_its_class():
    made = cell("class ViTBlock:\n    pass\n", {})["ViTBlock"]()
    with pytest.raises(CourseError, match=r"Give the class itself: course.check\(ViTBlock\)"):
        asked("course.check(made)", made=made)


def test_what_was_not_run_yet_says_where_it_is():
    with pytest.raises(CourseError, match=r"There is no patchify here yet: run its cell \(section 4\.\d\)"):
        asked('course.check("patchify")')
    assert "patchify, hint" in str(
        asked("course.hint(patchify)", patchify=cell("def patchify(x): pass", {})["patchify"])
    )


# --- an experiment that is run too early ------------------------------------------------------------------

STUB = "def softmax(x, axis=-1):\n    raise NotImplementedError()\n"
LAYER = """
class SelfAttention:
    def __init__(self, width):
        self.width = width

    def call(self, x):
        raise NotImplementedError()
"""


def stop(source, space, lesson="attention", monkeypatch=None):
    with pytest.raises((NotImplementedError, NameError)) as caught:
        cell(source, space, 9)
    return too_early.reason(caught.value, space)


@pytest.fixture(autouse=True)
def in_lab_1(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/anywhere/lab1_attention/attention.ipynb")


def test_an_unwritten_function_is_named_with_its_section():
    assert stop("softmax([1, 2])", cell(STUB, {})) == (
        "Not yet: this waits for softmax (section 1.2), which is not written yet: write it, then run this cell again."
    )


def test_an_unwritten_layer_is_named_however_deep_it_is_called():
    space = cell(LAYER, {}) | {"deep": lambda layer: layer.call(1)}
    assert "waits for SelfAttention (section 1.6)" in stop("deep(SelfAttention(3))", space)


def test_in_a_graph_the_cell_tells_what_is_missing():
    space = cell(STUB, {}) | {"In": ["", "history = train(softmax)"]}
    error = NotImplementedError('in user code:\n\n    File "cell", line 2, in softmax\n')
    assert "waits for softmax (section 1.2)" in too_early.reason(error, space)
    space["softmax"] = cell("def softmax(x):\n    return x\n", {}, 4)["softmax"]
    assert too_early.reason(error, space) is None


def test_other_errors_stay_as_they_are():
    assert stop("raise NotImplementedError('a gradient of this is not there')", {}) is None
    assert stop("print(something_of_ones_own)", {}) is None


def test_a_name_that_is_not_there_says_where_it_comes_from():
    assert (
        stop("softmax", {})
        == "Not yet: softmax is not there. Run its cell (section 1.2), then run this cell again."
    )
    assert stop("print(FORBIDDEN)", {}).startswith(
        "Not yet: FORBIDDEN comes from the cell that the lab gives you in section 1.4"
    )
    assert "causal comes" not in (stop("print(widths)", {}) or "")
    assert stop("print(widths)", {}).startswith("Not yet: widths comes from the experiment in section 1.3.")
    assert stop("print(np.ones(3))", {}).startswith("Not yet: np comes from the set-up cell at the top.")
    assert stop("sotfmax([1])", {}) == "There is no sotfmax. Did you mean softmax?"


class Shell:
    """What the handler needs of IPython."""

    custom_exceptions = ()

    def __init__(self, space):
        self.user_ns, self.shown = space, []

    def set_custom_exc(self, kinds, handler):
        self.custom_exceptions, self.handler = kinds, handler

    def showtraceback(self, told, **options):
        error = told[1]
        self.shown.append(
            error._render_traceback_() if hasattr(error, "_render_traceback_") else ["traceback"]
        )


def test_the_notebook_shows_the_sentence_instead_of_a_traceback():
    space = cell(STUB, {})
    shell = Shell(space)
    too_early.install(shell)
    for source in ("softmax(1)", "raise NotImplementedError('mine')"):
        with pytest.raises(NotImplementedError) as caught:
            cell(source, space, 9)
        shell.handler(shell, caught.type, caught.value, caught.tb)
    assert shell.shown[0][0].startswith("Not yet: this waits for softmax") and shell.shown[1] == ["traceback"]
    taken = Shell(space)
    taken.custom_exceptions = (ValueError,)
    too_early.install(taken)
    assert taken.custom_exceptions == (ValueError,)


def test_nothing_about_it_needs_right_answers(tiny):
    assert RIGHT["double"]  # the tiny lab's sections have no numbers: the lab is named instead
    with pytest.raises(CourseError, match=r"run its cell \(Lab 7\)"):
        asked('course.check("double")')


def test_in_a_real_notebook_early_cells_say_what_they_wait_for(tmp_path, root):
    import json

    import nbclient
    import nbformat

    lab = tmp_path / "lab1_attention" / "attention.ipynb"
    lab.parent.mkdir()
    lab.write_bytes((root / "labs" / "lab1_attention" / "attention.ipynb").read_bytes())
    sources = ["import course", STUB, "softmax([1, 2])", "print(widths)", "1 / 0"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    told = {"COURSE_PROGRESS": str(tmp_path / "progress"), "JPY_SESSION_NAME": str(lab)}
    nbclient.NotebookClient(book, timeout=120, allow_errors=True).execute(env=os.environ | told)
    said = [cell.outputs[0]["traceback"] for cell in book.cells[2:]]
    assert said[0][0].startswith("Not yet: this waits for softmax (section 1.2)") and len(said[0]) == 1
    assert said[1][0].startswith("Not yet: widths comes from the experiment in section 1.3.")
    assert "ZeroDivisionError" in "".join(said[2]) and "Not yet" not in "".join(said[2])
    kept = json.loads((tmp_path / "progress" / "stubs" / "lab1_attention.json").read_text())
    assert len(kept) == 8 and "NotImplementedError" in kept["softmax"]

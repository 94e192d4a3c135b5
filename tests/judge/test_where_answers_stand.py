"""Where and how an answer stands in the notebook costs nothing: every kind of notebook that people really hand in.

Each is made of the released notebook and the reference's answers by an edit, and graded end to end through the sandbox.
"""

import json
import re
from dataclasses import dataclass, field

import nbformat
import pytest

from autograder.authoring.gates import reference_submission
from autograder.hidden.assignments import assignment_of
from autograder.judge.errors import Undecided
from autograder.judge.grader import Grader
from autograder.judge.notebook_repair import repair
from autograder.judge.sandbox import isolation
from course.checking import code_reader

pytestmark = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)


@dataclass
class Case:
    """An edit of a right notebook: what it loses, and what is said."""

    edit: object
    lost: tuple = ()
    said: str = ""
    notes: str = ""
    undecided: str = ""


CASES = {}


def case(lost=(), said="", notes="", undecided=""):
    def register(edit):
        CASES[edit.__name__] = Case(edit, (lost,) if isinstance(lost, str) else lost, said, notes, undecided)
        return edit

    return register


@dataclass
class Book:
    """A right notebook as a dictionary, with a few handles."""

    content: dict
    release: dict = field(repr=False, default=None)

    @property
    def cells(self):
        return self.content["cells"]

    def at(self, cell_id):
        return next(n for n, cell in enumerate(self.cells) if cell["id"] == cell_id)

    def __getitem__(self, cell_id):
        return self.cells[self.at(cell_id)]

    def stub(self, name):
        return next(c for c in self.release["cells"] if c["id"] == f"answer-{name}")["source"]

    def insert(self, number, source, kind="code"):
        cell = {"cell_type": kind, "id": f"x{len(self.cells)}", "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        self.cells.insert(number, cell)

    def forget(self):
        """Ids and metadata gone, as some online editors leave a notebook."""
        for number, cell in enumerate(self.cells):
            cell |= {"metadata": {}, "id": f"new{number}"}
        self.content["metadata"] = {}

    def text(self):
        return json.dumps(self.content, indent=1)


def over(book, name, line):
    book[f"answer-{name}"]["source"] = line + "\n" + book[f"answer-{name}"]["source"]


# Magics, shell lines, await


@case()
def time_on_the_first_line(book):
    over(book, "softmax", "%%time")


@case()
def capture_with_a_name_that_is_used_later(book):
    over(book, "SelfAttention", "%%capture printed --no-stderr")
    book.insert(len(book.cells), "printed.show()")


@case()
def prun_and_an_unknown_transparent_magic(book):
    over(book, "split_heads", "%%prun -l 3")
    over(book, "merge_heads", "%%memit")


@case()
def a_comment_above_the_magic(book):
    over(book, "softmax", "# my softmax\n\n%%time")


@case()
def one_magic_over_another(book):
    over(book, "causal_mask", "%%time\n%%capture")


@case()
def line_magics_and_shell_lines_in_an_answer(book):
    over(book, "padding_mask", "!pip list\n%matplotlib inline\nfiles = !ls\nprint?")


@case()
def a_definition_bound_by_a_line_magic(book):
    source = book["answer-softmax"]["source"].replace("def softmax", "def mine")
    book["answer-softmax"]["source"] = source + "\n%time softmax = mine"


@case()
def await_at_the_top_level(book):
    book.insert(book.at("answer-softmax"), "import asyncio\nwaiting = asyncio.sleep(0)")
    book["answer-softmax"]["source"] += "\nawait asyncio.sleep(0)\nlater = 3"
    over(book, "causal_mask", "await waiting\nasync with asyncio.timeout(5):\n    pass")


@case()
def prompts_pasted_with_the_code(book):
    lines = book["answer-merge_heads"]["source"].split("\n")
    book["answer-merge_heads"]["source"] = "\n".join(
        (">>> " if not n else "... ") + line for n, line in enumerate(lines)
    )


@case(notes=r"worth a look.*gc")
def capture_hides_nothing_unusual(book):
    over(book, "softmax", "%%capture\nimport gc")


@case()
def a_cell_in_another_language(book):
    book.insert(3, "%%bash\nfor x in 1 2; do echo $x; done")
    book.insert(4, "%%html\n<b>softmax = 3</b>")


# Names, ids, places


@case(notes="found by what they hold")
def metadata_and_ids_lost(book):
    book.forget()


@case(notes="found by what they hold")
def metadata_lost_and_experiments_edited(book):
    for cell in book.cells:
        if cell["id"].startswith("experiment-"):
            cell["source"] = "# mine\n" + cell["source"].replace("rng", "generator") + "\nprint('done')"
    book.forget()


@case(notes="by what it holds")
def one_cell_pasted_as_a_new_one(book):
    source = book.cells.pop(book.at("answer-softmax"))["source"]
    book.insert(5, source)


@case(notes="another cell defines")
def pasted_above_the_cell_that_stays_empty(book):
    source = book["answer-causal_mask"]["source"]
    book["answer-causal_mask"]["source"] = book.stub("causal_mask")
    book["answer-padding_mask"]["source"] = source + "\n\n\n" + book["answer-padding_mask"]["source"]
    moved = book.cells.pop(book.at("answer-padding_mask"))
    book.cells.insert(book.at("answer-causal_mask"), moved)


@case()
def an_empty_copy_below_the_answer(book):
    book.insert(len(book.cells), book.stub("softmax"))
    book.insert(len(book.cells), book["answer-softmax"]["source"] + "\n\n" + book.stub("split_heads"))


@case(notes="another cell defines")
def all_answers_merged_into_one_cell(book):
    first, *others = [f"answer-{cell['id'][7:]}" for cell in book.cells if cell["id"].startswith("answer-")]
    sources = [book[name]["source"] for name in (first, *others)]
    for name in (first, *others):
        book.cells.pop(book.at(name))
    book.insert(30, "\n\n".join(sources))


@case()
def an_answer_merged_with_check_and_experiment(book):
    experiment = book.cells.pop(book.at("experiment-recall"))["source"]
    book["answer-SelfAttention"]["source"] += "\n\ncourse.check(SelfAttention)\n" + experiment


@case()
def split_between_two_statements(book):
    source = "scale_by = 1.0\n\n\n" + book["answer-softmax"]["source"]
    book["answer-softmax"]["source"] = "scale_by = 1.0"
    book.insert(book.at("answer-softmax") + 1, source.split("\n\n\n", 1)[1])


@case(notes="split into several")
def split_in_the_middle_of_a_class(book):
    cell = book["answer-SelfAttention"]
    before, after = cell["source"].split("    def call", 1)
    cell["source"] = before
    book.insert(book.at("answer-SelfAttention") + 1, "    def call" + after)


@case(notes="split into several")
def split_in_the_middle_of_a_function(book):
    cell = book["answer-split_heads"]
    lines = cell["source"].split("\n")
    cell["source"] = "\n".join(lines[:-1])
    book.insert(book.at("answer-split_heads") + 1, lines[-1])


@case(notes="split into several")
def split_into_three_with_text_and_an_empty_cell_between(book):
    cell = book["answer-MultiHeadAttention"]
    at, lines = book.at("answer-MultiHeadAttention"), cell["source"].split("\n")
    third = len(lines) // 3
    cell["source"] = "\n".join(lines[:third])
    book.insert(at + 1, "Now the rest:", "markdown")
    book.insert(at + 2, "\n".join(lines[third : 2 * third]))
    book.insert(at + 3, "")
    book.insert(at + 4, "\n".join(lines[2 * third :]))


@case(notes="split into several")
def split_in_the_middle_of_an_expression_and_names_lost(book):
    cell = book["answer-padding_mask"]
    at = cell["source"].index("real[") + len("real[")
    rest = cell["source"][at:]
    cell["source"] = cell["source"][:at]
    book.insert(book.at("answer-padding_mask") + 1, rest)
    book.forget()


@case(notes="split into several")
def split_off_after_the_docstring(book):
    cell = book["answer-causal_mask"]
    head, quotes, rest = cell["source"].rpartition('"""')
    cell["source"] = head + quotes
    book.insert(book.at("answer-causal_mask") + 1, rest.lstrip("\n"))


@case()
def moved_to_the_very_end(book):
    for name in ("softmax", "SelfAttention", "split_heads"):
        book.cells.append(book.cells.pop(book.at(f"answer-{name}")))


@case(notes="found by what they hold")
def everything_in_reverse_without_names(book):
    book.forget()
    book.cells.reverse()


@case(notes="its type is text")
def types_changed_to_raw_and_markdown(book):
    book["answer-softmax"]["cell_type"] = "raw"
    book["answer-SelfAttention"]["cell_type"] = "markdown"


@case()
def raw_without_names_and_fenced_markdown(book):
    for name, kind in (("softmax", "raw"), ("causal_mask", "markdown")):
        source = book.cells.pop(book.at(f"answer-{name}"))["source"]
        fenced = f"My answer:\n\n```python\n{source}\n```\n"
        book.insert(len(book.cells), source if kind == "raw" else fenced, kind)


@case()
def an_old_version_kept_as_raw(book):
    old = "def softmax(scores, axis=-1):\n    return scores"
    book.insert(book.at("answer-softmax") + 1, old, "raw")
    source = book.cells.pop(book.at("answer-causal_mask"))
    source["cell_type"], text = "raw", source["source"]
    source["source"] = "def causal_mask(length):\n    return 1"
    book.cells.append(source)
    book.insert(len(book.cells), text)


@case()
def written_into_an_experiment(book):
    cell = book["experiment-masks"]
    cell["source"] = book["answer-padding_mask"]["source"] + "\n\n" + cell["source"]
    book["answer-padding_mask"]["source"] = book.stub("padding_mask")


@case(notes="put back because changed: softmax")
def written_into_the_check(book):
    book["check-softmax"]["source"] = book["answer-softmax"]["source"] + "\n\ncourse.check(softmax)"
    book["answer-softmax"]["source"] = book.stub("softmax")


@case(notes="put back because changed")
def an_import_added_to_the_set_up(book):
    book["setup-1"]["source"] += "\nimport tensorflow as tf\nfrom keras import layers as L"
    book["answer-softmax"]["source"] = (
        "def softmax(scores, axis=-1):\n"
        "    powers = tf.exp(scores - tf.reduce_max(scores, axis, keepdims=True))\n"
        "    return powers / tf.reduce_sum(powers, axis, keepdims=True)"
    )


@case()
def made_global_inside_a_function(book):
    inner = "\n".join("    " + line for line in book["answer-softmax"]["source"].split("\n"))
    book["answer-softmax"]["source"] = f"def make():\n    global softmax\n{inner}\n\nmake()"


# Files


@case(notes="git conflict")
def conflict_outside_the_cells(book):
    return book.text().replace(
        '"id": "colab"', '"id":\n<<<<<<< HEAD\n"colab"\n=======\n"other"\n>>>>>>> theirs', 1
    )


def conflicting(book, name, ours, theirs):
    cell = json.dumps(book[f"answer-{name}"]["source"])
    sides = f"\n<<<<<<< HEAD\n{json.dumps(ours)}\n=======\n{json.dumps(theirs)}\n>>>>>>> branch\n"
    return book.text().replace(cell, sides)


@case(notes="git conflict")
def conflict_inside_an_answer_with_an_empty_first_side(book):
    return conflicting(book, "softmax", book.stub("softmax"), book["answer-softmax"]["source"])


WRONG = "def softmax(scores, axis=-1):\n    return scores"


@case(undecided=r"both sides of a git conflict.*`softmax` \(2 and 0 of 2\): ask which side counts")
def conflict_inside_an_answer_with_a_wrong_second_side(book):
    return conflicting(book, "softmax", book["answer-softmax"]["source"], WRONG)


@case(undecided=r"`softmax` \(0 and 2 of 2\)")
def conflict_inside_an_answer_with_a_wrong_first_side(book):
    return conflicting(book, "softmax", WRONG, book["answer-softmax"]["source"])


@case(notes="git conflict")
def conflict_inside_an_answer_with_two_sides_that_are_right(book):
    right = book["answer-softmax"]["source"]
    return conflicting(book, "softmax", right.replace("scores", "s"), "# another\n" + right)


@case(undecided=r"`causal_mask` \(2 and 0 of 2\)")
def marks_of_a_merge_inside_a_sound_file(book):
    right = book["answer-causal_mask"]["source"]
    wrong = "def causal_mask(length):\n    return length"
    book["answer-causal_mask"]["source"] = f"<<<<<<< HEAD\n{right}\n=======\n{wrong}\n>>>>>>> theirs"


@case(undecided=r"`softmax` \(2 and 0 of 2\)")
def a_conflict_about_a_helper(book):
    book["answer-softmax"]["source"] = (
        "def softmax(scores, axis=-1):\n    return helper(keras.ops.exp(scores - keras.ops.max(scores, axis, keepdims=True)), axis)"
    )
    good = "def helper(x, axis):\n    return x / keras.ops.sum(x, axis, keepdims=True)"
    bad = "def helper(x, axis):\n    return x"
    book.insert(book.at("answer-softmax"), f"<<<<<<< HEAD\n{good}\n=======\n{bad}\n>>>>>>> theirs")


@case(undecided="the file is damaged, and nothing of softmax can be read in it")
def a_cell_torn_apart_in_the_middle(book):
    text = book.text()
    at = text.index("def softmax")
    return text[:at] + '"\n oops {' + text[at:]


@case(undecided="nothing of .* and 1 more can be read in it: ask for a new copy")
def cut_off_in_the_middle(book):
    text = book.text()
    return text[: text.index("class SelfAttention")]


@case(notes="damaged")
def cut_off_below_the_last_answer(book):
    text = book.text()
    return text[: text.index('"check-MultiHeadAttention"')]


@case(undecided="cannot be read as a notebook: ask for a new copy")
def no_notebook_at_all(book):
    return "Dear grader, please find my notebook attached."


@case()
def utf_16(book):
    return book.text().encode("utf-16")


@case()
def utf_16_without_a_mark(book):
    return book.text().encode("utf-16-be")


@case()
def utf_8_with_a_mark(book):
    return b"\xef\xbb\xbf" + book.text().encode()


@case()
def windows_letters(book):
    book.insert(2, "größe = 'é'")
    return json.dumps(book.content, ensure_ascii=False).encode("cp1252", "replace")


@case(notes="Python script")
def saved_as_a_script(book):
    return "\n\n".join(
        f"# In[{n}]:\n{c['source']}" for n, c in enumerate(book.cells) if c["id"][:6] == "answer"
    )


@case()
def the_format_before_the_last(book):
    cells = [
        {**cell, "input": cell["source"]} if cell["cell_type"] == "code" else cell for cell in book.cells
    ]
    for cell in cells:
        cell.pop("source") if "input" in cell else None
    return json.dumps(
        {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells[:20]}, {"cells": cells[20:]}]}
    )


# What is the answer's own fault is said


@case("split_heads", r"`split_heads` is bound again further down.*`split_heads = 4`")
def a_scratch_cell_binds_the_name_again(book):
    book.insert(len(book.cells), "split_heads = 4")


@case("causal_mask", r"`causal_mask` is bound again.*for causal_mask in")
def a_loop_binds_the_name_again(book):
    book.insert(len(book.cells), "for causal_mask in range(3):\n    pass")


@case("softmax", r"`softmax` is defined again.*def softmax")
def a_draft_further_down(book):
    book.insert(len(book.cells), "def softmax(scores, axis=-1):\n    return scores")


@case("softmax", r"cannot be read as Python .*invalid character '−'")
def a_typographic_minus(book):
    book["answer-softmax"]["source"] += "\nprint(3 − 1)"


@case("softmax", r"cannot be read as Python \d")
def syntax_that_this_python_does_not_have(book):
    over(book, "softmax", "newer = 1 ?? 2")


@case(
    "softmax", r"the cell that defines `softmax` stopped with ModuleNotFoundError: No module named 'no_such"
)
def a_package_that_is_missing(book):
    over(book, "softmax", "import no_such_package")


@case("softmax", r"file of your own")
def imported_from_a_module_of_their_own(book):
    book["answer-softmax"]["source"] = "from my_helpers import softmax"


@case("softmax", r"one that might import it stopped with ModuleNotFoundError.*file of your own")
def imported_with_a_star(book):
    book["answer-softmax"]["source"] = "from my_helpers import *"


@case("softmax", r"'return' outside function")
def a_return_at_the_top_level(book):
    book["answer-softmax"]["source"] += "\nreturn 1"


# What the course brings to those who are stuck


@case()
def stepped_over_and_written_later(book):
    book.insert(book.at("check-softmax"), 'softmax = course.step_over("softmax")\ncourse.step_over(softmax)')
    book.insert(
        len(book.cells), 'MultiHeadAttention = course.step_over("MultiHeadAttention")\ncourse.status()'
    )


@case("softmax", r"")
def stepped_over_alone(book):
    book["answer-softmax"]["source"] = 'softmax = course.step_over("softmax")'


@case("split_heads", r"")
def stepped_over_beside_what_is_not_written(book):
    book["answer-split_heads"]["source"] = book.stub("split_heads")
    book.insert(book.at("check-split_heads"), 'split_heads = course.step_over("split_heads")')


@pytest.fixture(scope="module")
def grader():
    running = Grader(seconds=5)
    yield running
    running.close()


@pytest.fixture(scope="module")
def right(lesson):
    return nbformat.writes(reference_submission(lesson))


@pytest.mark.parametrize("name", CASES)
def test_scores_as_it_should_and_says_what_was_done(name, lesson, release, right, grader):
    one = CASES[name]
    book = Book(json.loads(right), release)
    for cell in book.cells:
        cell["source"] = "".join(cell["source"])
    handed_in = one.edit(book) or book.text()
    repaired = repair(release, handed_in, code_reader)
    nbformat.validate(repaired.notebook)
    if one.undecided:  # no mark, and no 0 either: a person has to ask
        with pytest.raises(Undecided, match=one.undecided):
            if repaired.undecided:
                raise Undecided(repaired.undecided)
            grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
        return
    verdict = grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
    problems = {mark.exercise: mark.problems for mark in verdict.marks if not mark.right}
    assert tuple(problems) == one.lost, (problems, verdict.notes)
    for name in one.lost:
        assert re.search(one.said, problems[name][0]), problems
    assert re.search(one.notes, "\n".join(note.text for note in verdict.notes)), verdict.notes


def test_the_untouched_notebook_earns_nothing_without_its_names(lesson, release, grader):
    book = Book(json.loads(nbformat.writes(release)), release)
    book.forget()
    repaired = repair(release, book.text(), code_reader)
    verdict = grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
    assert verdict.points == 0

"""Submissions in every state come back in the released notebook's frame, with what the learner wrote."""

import copy
import json

import nbformat
import pytest

from autograder.judge.notebook_repair import repair
from course.checking import code_reader


def cell(role, name, source, kind="code", **nbgrader):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    made = make(source, id=f"{role}-{name}")
    made.metadata["course"] = {"role": role, "name": name}
    if nbgrader:
        made.metadata["nbgrader"] = {
            "schema_version": 3,
            "locked": False,
            "grade": False,
            "solution": False,
            **nbgrader,
        }
    return made


@pytest.fixture
def release():
    cells = [
        cell("prose", "01", "# A lab", "markdown"),
        cell("setup", "1", "import math", grade_id="setup_1", locked=True),
        cell("answer", "f", "def f():\n    raise NotImplementedError()", grade_id="f", solution=True),
        cell("check", "f", "course.check(f)", grade_id="check_f", grade=True, locked=True, points=2),
        cell("experiment", "look", "print(1)"),
        cell(
            "question",
            "why",
            "Your answer here.",
            "markdown",
            grade_id="question_why",
            grade=True,
            solution=True,
            points=1,
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"course": {"lab": "lab9_x"}})


@pytest.fixture
def handed_in(release):
    notebook = copy.deepcopy(release)
    notebook.cells[2].source = "def f():\n    return 1"
    notebook.cells[5].source = "Because."
    return notebook


def sources(repaired):
    return [found.source for found in repaired.notebook.cells]


def test_a_sound_submission_comes_back_as_it_is(release, handed_in):
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired) == [found.source for found in handed_in.cells]
    assert repaired.notes == []
    nbformat.validate(repaired.notebook)


def test_locked_cells_are_put_back(release, handed_in):
    handed_in.cells[3].source = "2.0"
    handed_in.cells[1].source = "import math; cheat()"
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired)[3] == "course.check(f)"
    assert sources(repaired)[1] == "import math"
    assert [note.text for note in repaired.notes] == [
        "setup cell put back because changed: 1",
        "check cell put back because changed: f",
    ]


def test_metadata_is_the_releases(release, handed_in):
    handed_in.cells[3].metadata.nbgrader.points = 100
    handed_in.cells[2].metadata.nbgrader.grade = True
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert repaired.notebook.cells[3].metadata == release.cells[3].metadata
    assert repaired.notebook.cells[2].metadata == release.cells[2].metadata


def test_deleted_cells_come_back(release, handed_in):
    del handed_in.cells[2:4]
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired)[2:4] == [release.cells[2].source, "course.check(f)"]
    assert len(repaired.notes) == 2 and "empty" in repaired.notes[0].text


def test_a_copied_cell_counts_once_and_a_split_one_whole(release, handed_in):
    first, second = copy.deepcopy(handed_in.cells[2]), copy.deepcopy(handed_in.cells[2])
    first.source, first.id = "def helper():\n    return 1", "a"
    second.source, second.id = "def f():\n    return helper()", "b"
    handed_in.cells[2:3] = [first, second]
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired)[2:4] == [first.source, second.source]
    ids = [found.metadata.get("nbgrader", {}).get("grade_id") for found in repaired.notebook.cells]
    assert ids.count("f") == 1 and ids[3] == "f"
    nbformat.validate(repaired.notebook)


def test_an_untouched_double_does_not_override_the_answer(release, handed_in):
    handed_in.cells.append(copy.deepcopy(release.cells[2]))
    handed_in.cells[-1].id = "double"
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired)[2] == "def f():\n    return 1"
    assert sources(repaired).count(release.cells[2].source) == 0


def test_own_cells_stay_where_they_were_and_claim_nothing(release, handed_in):
    own = nbformat.v4.new_code_cell(
        "x = 1", metadata={"nbgrader": {"grade_id": "mine", "points": 50, "grade": True}}
    )
    handed_in.cells.insert(2, own)
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired)[2] == "x = 1"
    assert repaired.notebook.cells[2].metadata == {}


def test_cells_are_known_by_id_when_their_metadata_is_gone(release, handed_in):
    for found in handed_in.cells:
        found.metadata = {}
    repaired = repair(release, nbformat.writes(handed_in), code_reader)
    assert sources(repaired) == [found.source for found in handed_in.cells]


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(release, handed_in):
    text = nbformat.writes(handed_in)
    repaired = repair(release, text[: text.index("print(1)")], code_reader)
    assert sources(repaired)[2] == "def f():\n    return 1"
    assert "damaged; 4 cells" in repaired.notes[0].text


BROKEN = {
    "empty": b"",
    "no json": b"this is no notebook",
    "binary": bytes(range(256)),
    "a number": b"42",
    "no cells": b"{}",
    "cells no list": b'{"cells": {"a": 1}}',
    "cells of rubbish": json.dumps({"cells": [1, None, "x", {"source": 5}, {"metadata": 3}]}).encode(),
    "deep": b'{"cells": ' + b"[" * 200000,
    "huge number": b'{"cells": ' + b"9" * 10000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_becomes_the_untouched_notebook(release, content):
    repaired = repair(release, content, code_reader)
    assert [found.source for found in repaired.notebook.cells if not found.id.startswith("own")] == [
        found.source for found in release.cells
    ]
    nbformat.validate(repaired.notebook)
    assert nbformat.writes(repaired.notebook).encode("utf-8")
    assert repaired.notes


def test_old_notebook_format_and_lone_surrogates(release, handed_in):
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "x = '\\ud800'", "metadata": {}}]}]}
    repaired = repair(release, json.dumps(old).replace("\\\\ud800", "\\ud800"), code_reader)
    assert any(found.source.startswith("x = ") for found in repaired.notebook.cells)
    nbformat.writes(repaired.notebook).encode("utf-8")

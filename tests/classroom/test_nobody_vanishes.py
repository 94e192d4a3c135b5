"""Whoever has a folder in `submitted/` has a notebook that counts, or a reason."""

import pytest

from autograder.classroom.course_folder import NOTHING, notebook_in
from autograder.classroom.submissions import find_submissions


@pytest.fixture
def put(tmp_path, lesson):
    def write(student, *files, text="{}"):
        folder = tmp_path / "submitted" / student / lesson.lab
        folder.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(files):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(f"{text}{number}")
        return folder

    return write


@pytest.mark.parametrize(
    "name", ["attention (1).ipynb", "Attention.IPYNB", "lab1 ada.ipynb", "work/attention.ipynb", "注意.ipynb"]
)
def test_a_renamed_only_notebook_is_taken_with_a_note(put, tmp_path, lesson, name):
    put("ada", name, "timestamp.txt", "plot.png")
    ((one,), left_out) = find_submissions(tmp_path, lesson)
    assert one.path.name == name.rpartition("/")[2] and not left_out
    assert (
        one.note.startswith(f"taken although it is called {name}")
        or "u6ce8" in one.note
        or "注意" in one.note
    )


def test_the_labs_own_name_counts_before_all_others(put, tmp_path, lesson):
    put("ada", "attention.ipynb", "attention (1).ipynb")
    ((one,), _) = find_submissions(tmp_path, lesson)
    assert one.path.name == "attention.ipynb" and one.note == ""


def test_copies_of_one_notebook_are_one_notebook(put):
    folder = put("ada", "a.ipynb")
    (folder / "b.ipynb").write_bytes((folder / "a.ipynb").read_bytes())
    path, note, reason = notebook_in(folder, "attention")
    assert path.name == "a.ipynb" and note and not reason


def test_everybody_else_has_a_reason(put, tmp_path, lesson):
    put("ada", "attention.ipynb"), put("ben"), put("cleo", "a.ipynb", "b.ipynb"), put("dora", "answer.pdf")
    (put("emil") / "attention.ipynb").mkdir()
    put("fay", ".ipynb_checkpoints/attention.ipynb")
    submitted = tmp_path / "submitted"
    (submitted / "gus").mkdir()
    (submitted / "hal").mkdir(), (submitted / "hal" / "attention.ipynb").write_text("{}")
    (submitted / "ida" / "lab2_transformer").mkdir(parents=True)
    (submitted / "jo").mkdir(), (submitted / "jo" / lesson.lab).write_text("a file")
    (submitted / "notes.txt").write_text("no learner")
    found, left_out = find_submissions(tmp_path, lesson)
    assert [one.student for one in found] == ["ada"]
    words = {
        "ben": "the folder is empty", "cleo": "several notebooks, a.ipynb, b.ipynb", "dora": "only answer.pdf",
        "emil": "is a folder, no notebook", "fay": "the folder is empty", "gus": "the folder is empty",
        "hal": f"put it into {lesson.lab}/", "ida": NOTHING, "jo": "is a file, and should be a folder",
    }  # fmt: skip
    assert left_out.keys() == words.keys()
    assert not {name: left_out[name] for name in words if words[name] not in left_out[name]}

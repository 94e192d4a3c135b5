"""The build: from a lesson and its reference to what learners open."""

import ast
import shutil
import textwrap

import nbformat
import pytest

from autograder.authoring import build as building
from autograder.authoring.build import build, build_labs, entry_source, submission
from autograder.authoring.model_answers import model_answers
from autograder.authoring.nbgrader_assignment import TEXT_STUB
from autograder.authoring.source_cells import write_cells
from autograder.hidden.entries import alternatives, misconceptions
from autograder.judge.probe import PROBES
from course.notebooks.lesson import LessonError, lessons


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_cells_of_the_source_notebook(project):
    cells = by_id(project.source())
    assert list(cells) == [
        "prose-top-1", "setup-1", "given-LIMIT", "prose-LIMIT-1", "task-double", "answer-double", "check-double",
        "prose-double-1", "task-Doubler", "answer-Doubler", "check-Doubler", "experiment-curve", "prompt-why",
        "question-why",
    ]  # fmt: skip
    assert cells["given-LIMIT"].source == "# No sum may be larger.\n# Not ever.\nLIMIT = 1e9"
    assert cells["answer-double"].source.endswith("### END SOLUTION")
    assert cells["check-Doubler"].source == "course.check(Doubler)"
    assert (
        cells["question-why"].source
        == "Because adding is the exercise.\n\nAnd because it is cheap.\n\nPoints:\n\n- 1: it is cheap"
    )
    task = cells["task-double"].source
    assert task.startswith("#### Exercise: `double`\n\n2 points · about 5 minutes · difficulty ●○○")
    assert "<details><summary>Hint 2</summary>\n\nAdd the number to itself.\n\n</details>" in task
    assert 'course.hint("double")' in task and "a ready-made `multiply` is not." in task
    assert "1.5 points" in cells["task-Doubler"].source and "ready-made" not in cells["task-Doubler"].source
    assert len({tuple(cell.metadata.course.values()) for cell in cells.values()}) == len(cells)
    assert {name: cell.metadata.course["role"] for name, cell in cells.items()} == {
        name: {"task": "prose", "prompt": "prose"}.get(name.split("-")[0], name.split("-")[0])
        for name in cells
    }


def test_nbgrader_metadata(project):
    cells = by_id(project.source())
    plain = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    for name, expected in {
        "setup-1": {"grade_id": "setup_1", "locked": True},
        "given-LIMIT": {"grade_id": "given_LIMIT", "locked": True},
        "answer-double": {"grade_id": "double", "solution": True},
        "check-double": {"grade_id": "check_double", "grade": True, "locked": True, "points": 2},
        "prompt-why": {"grade_id": "prompt_why", "locked": True},
        "question-why": {"grade_id": "question_why", "grade": True, "solution": True, "points": 1},
    }.items():
        assert cells[name].metadata.nbgrader == plain | expected
    for name in ("prose-top-1", "task-double", "experiment-curve"):
        assert "nbgrader" not in cells[name].metadata


def test_what_a_learner_opens(project, tmp_path):
    notebook = project.released(tmp_path / "course")
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "course": {"lab": "lab7_sums"},
    }
    cells = by_id(notebook)
    assert list(cells) == list(by_id(project.source()))
    stub = "# YOUR CODE HERE\nraise NotImplementedError()"
    assert cells[
        "answer-double"
    ].source == 'def double(number):\n    """Twice `number`."""\n' + textwrap.indent(stub, "    ")
    assert cells["question-why"].source == TEXT_STUB
    assert "secret" not in nbformat.writes(notebook) and "adding is" not in nbformat.writes(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    locked = {name for name, cell in cells.items() if cell.metadata.get("editable") is False}
    assert locked == {"setup-1", "given-LIMIT", "check-double", "check-Doubler", "prompt-why"}


def test_two_builds_are_byte_identical(project, tmp_path):
    (first,), (second,) = project.build(tmp_path / "one"), project.build(tmp_path / "two", gradebook=True)
    assert first.read_bytes() == second.read_bytes()
    assert project.build(tmp_path / "one") == {first: False}


def test_build_labs_touches_only_what_changed(project, tmp_path):
    labs = tmp_path / "labs"
    lab = labs / "lab7_sums" / "sums.ipynb"
    assert build_labs(labs, [project.lesson], project.root) == {lab: True}
    assert build_labs(labs, [project.lesson], project.root) == {lab: False}
    project.replace("course/lessons/en/sums.py", "Now twice.", "Now once more.")
    assert build_labs(labs, [project.lesson], project.root) == {lab: True}


def test_build_labs_never_overwrites_somebodys_answers(project, tmp_path):
    labs = tmp_path / "labs"
    (lab,) = build_labs(labs, [project.lesson], project.root)
    mine = submission(project.lesson, {"double": "def double(number): return 2 * number"}, project.root)
    lab.write_text(nbformat.writes(mine))
    with pytest.raises(LessonError, match="somebody's answer to 'double' stands here"):
        build_labs(labs, [project.lesson], project.root)
    assert "2 * number" in lab.read_text()
    lab.write_text(lab.read_text()[:500])
    with pytest.raises(LessonError, match="no notebook any more"):
        build_labs(labs, [project.lesson], project.root)


def test_ids_stay_when_prose_comes(project):
    before = [cell.id for cell in project.source().cells]
    project.replace(
        "course/lessons/en/sums.py",
        "# %% [markdown]\n# ## Doubling",
        "# %% [markdown]\n# New.\n\n# %% [markdown]\n# ## Doubling",
    )
    after = [cell.id for cell in project.source().cells]
    assert set(after) - set(before) == {"prose-LIMIT-2"}
    assert [name for name in after if name != "prose-LIMIT-2"] == before


def hand_in(folder, score):
    """Enter a submission with that score into the gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("lab7_sums", "ada")
        gradebook.find_grade("check_double", "sums", "lab7_sums", "ada").auto_score = score
        gradebook.db.commit()


def mark(folder):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        return gradebook.find_submission("lab7_sums", "ada").score


def test_marks_survive_a_new_build(project, tmp_path):
    project.build(tmp_path, gradebook=True)
    hand_in(tmp_path, 1.25)
    project.replace("course/lessons/en/sums.py", "Now twice.", "Now once more.")
    assert project.build(tmp_path, gradebook=True) == {tmp_path / "release/lab7_sums/sums.ipynb": True}
    assert mark(tmp_path) == 1.25


def test_cells_cannot_go_once_there_are_submissions(project, tmp_path):
    (release,) = project.build(tmp_path, gradebook=True)
    hand_in(tmp_path, 1.25)
    project.replace("course/lessons/en/sums.py", '# %% given="LIMIT"', "# %%\nLIMIT = 3")
    with pytest.raises(LessonError, match="holds submissions .* given_LIMIT, setup_2"):
        project.build(tmp_path, gradebook=True)
    assert release.exists() and mark(tmp_path) == 1.25


LESSON_FILE, SOLUTION_FILE, CHECK_FILE = (
    "course/lessons/en/sums.py",
    "solutions/sums.py",
    "course/checks/sums.py",
)
ANSWER_FILE = "solutions/model_answers/sums.md"


@pytest.mark.parametrize(
    ("edited", "old", "new", "blamed", "where", "reason"),
    [
        (LESSON_FILE, "points=2", "marks=2", LESSON_FILE, "exercise=", "needs points"),
        (LESSON_FILE, 'exercise="double"', 'exercise="triple"', LESSON_FILE, "exercise=", "defines no function or class 'triple'"),
        (LESSON_FILE, 'experiment="curve"', 'experiment="a curve"', LESSON_FILE, "experiment=", "'a curve' is no name"),
        (LESSON_FILE, 'given="LIMIT"', 'given="LIMIT, CEILING"', LESSON_FILE, "given=", "no 'CEILING'"),
        (LESSON_FILE, 'given="LIMIT"\n', 'given="LIMIT"\nLIMIT = 3\n', LESSON_FILE, "given=", "the cell itself is empty"),
        (LESSON_FILE, "import course\n", "", LESSON_FILE, "exercise=", "needs `import course`"),
        (LESSON_FILE, "import math\n", "import math as m\n", SOLUTION_FILE, "math.floor", "`math` is not known"),
        (LESSON_FILE, '# %% given="LIMIT"\n', "", SOLUTION_FILE, "min(total", "`LIMIT` is not known"),
        (LESSON_FILE, "range(3)", "range(n)", LESSON_FILE, "squares", "`n` is not known"),
        (LESSON_FILE, "import math\n", "%autoreload\n", LESSON_FILE, "%autoreload", "no plain Python"),
        (LESSON_FILE, "# Now twice.", "#     total = number + number  # the secret\n#     return min(total, LIMIT)", LESSON_FILE,
         'exercise="double"', "gives the answer to 'double' away, in cell 'prose-double-1'"),
        (LESSON_FILE, "# Why not", "# Because adding is the exercise.\n#\n# And because it is cheap.\n# Why not", LESSON_FILE,
         "question=", "gives the answer to 'why' away"),
        (ANSWER_FILE, "## why", "## how", LESSON_FILE, "question=", "no model answer"),
        (ANSWER_FILE, "## why", "So:\n\n## why", ANSWER_FILE, "# Sums", "text before the first"),
        (ANSWER_FILE, "- 1: it", "- one: it", ANSWER_FILE, "- one", "a line below `Points:`"),
        (ANSWER_FILE, "- 1: it", "- 0.5: it", ANSWER_FILE, "## why", "0.5 of the question's 1 points"),
        (ANSWER_FILE, "Points:", "", ANSWER_FILE, "## why", "no rubric"),
        (ANSWER_FILE, "- 1: it is cheap", "- 1: it is cheap\n\n## why\n\nAgain.", ANSWER_FILE, "cheap\n\n", "answered twice"),
        (SOLUTION_FILE, "    ### BEGIN SOLUTION\n    total", "    total", SOLUTION_FILE, "### END", "without its partner"),
        (SOLUTION_FILE, "LIMIT)\n    ### END SOLUTION", "LIMIT)", SOLUTION_FILE, "### BEGIN", "without its partner"),
        (SOLUTION_FILE, "# the secret\n", "# the secret\n    ### BEGIN SOLUTION\n", SOLUTION_FILE, "secret\n", "without its partner"),
        (SOLUTION_FILE, "### BEGIN SOLUTION\n    total = number + number  # the secret\n    return min(total, LIMIT)\n    ### END SOLUTION",
         "return 0", SOLUTION_FILE, "def double", "what should learners write?"),
        (SOLUTION_FILE, "def double(", "def double((", SOLUTION_FILE, "def double", "no plain Python"),
        (CHECK_FILE, '"Doubler"', '"Tripler"', LESSON_FILE, 'exercise="Doubler"', "no visible check"),
    ],
)  # fmt: skip
def test_what_cannot_be_built(project, tmp_path, edited, old, new, blamed, where, reason):
    project.replace(edited, old, new)
    text = (project.root / blamed).read_text()
    line = text[: text.index(where)].count("\n") + 1 + where.count("\n")
    with pytest.raises(LessonError) as caught:
        project.build(tmp_path / "course")
    assert str(caught.value).startswith(f"{project.root / blamed}:{line}: ")
    assert reason in str(caught.value)


def test_a_lesson_without_reference(project, tmp_path):
    (project.root / SOLUTION_FILE).unlink()
    with pytest.raises(LessonError, match=r"solutions/sums.py:1: this reference is missing"):
        project.build(tmp_path / "course")


def test_submission(project):
    notebook = submission(
        project.lesson, {"double": "def double(number): ...", "why": "Who knows."}, project.root
    )
    cells = by_id(notebook)
    assert (
        cells["answer-double"].source == "def double(number): ..."
        and cells["question-why"].source == "Who knows."
    )
    assert "NotImplementedError" in cells["answer-Doubler"].source
    assert (
        "NotImplementedError" in by_id(submission(project.lesson, {}, project.root))["answer-double"].source
    )
    with pytest.raises(KeyError, match="no answer cell 'triple'"):
        submission(project.lesson, {"triple": ""}, project.root)


# The labs of this checkout.


def test_labs_are_up_to_date(built_course, root):
    for lesson in lessons().values():
        lab = root / "labs" / lesson.lab / f"{lesson.name}.ipynb"
        release = built_course / "release" / lesson.lab / f"{lesson.name}.ipynb"
        assert lab.exists() and lab.read_bytes() == release.read_bytes(), (
            f"{lab.name} is stale: run `make build`"
        )
    extra = {path.name for path in (root / "labs").glob("*")} - {lesson.lab for lesson in lessons().values()}
    assert not {name for name in extra if not name.startswith(".")}, "labs/ holds what no lesson makes"


def test_a_second_build_of_all_labs_is_identical(built_course, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(built_course, course)
    assert not any(build(course).values())


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.name)
def test_nothing_hidden_is_in_a_lab(lesson, built_course, root):
    import importlib

    from autograder.authoring.source_code import Reference

    text = (built_course / "release" / lesson.lab / f"{lesson.name}.ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)
    sources = "\n".join(cell.source for cell in notebook.cells)
    importlib.import_module(f"autograder.hidden.probes.{lesson.name}")
    reference = Reference(root / "solutions" / f"{lesson.name}.py")
    for exercise in lesson.exercises:
        assert not any(region in sources for region in reference.answer(exercise).solutions())
        hidden = [entry.feedback for entry in misconceptions(lesson.name, exercise)]
        hidden += [entry.name for entry in misconceptions(lesson.name, exercise) if "_" in entry.name]
        hidden += [f"def {entry.name}(" for entry in PROBES.get(exercise, ())]
        assert not [words for words in hidden if words in sources]
    assert not [answer for answer in model_answers(root, lesson.name).values() if answer.text in sources]
    for place in ("autograder", "solutions", "SOLUTION", str(root)):
        assert place not in text


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.name)
def test_every_entry_of_the_banks_can_be_handed_in(lesson):
    _, known = write_cells(lesson, building.ROOT)
    assert set(known) == set(lesson.exercises)
    for exercise in lesson.exercises:
        for entry in misconceptions(lesson.name, exercise) + alternatives(lesson.name, exercise):
            tree = ast.parse(entry_source(entry))
            assert exercise in {getattr(node, "name", None) for node in tree.body}, entry.name

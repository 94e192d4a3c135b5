"""From submission to gradebook: every mark is what its honest content earns, alone and in a class."""

import copy
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.authoring.gates import reference_submission
from autograder.classroom import course_folder, demo, grade_class, grade_events, submissions
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.nbgrader_plugin import write_verdict
from autograder.hidden.assignments import assignment_of
from autograder.judge.grader import Grader
from autograder.judge.note import NoteKind
from autograder.judge.notebook_repair import repair
from autograder.judge.sandbox import isolation
from autograder.judge.sandbox.faults import MachineFault
from autograder.judge.verdict import Verdict, verdict_path
from course.checking import code_reader

pytestmark = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)


@pytest.fixture(scope="module")
def grader():
    running = Grader(seconds=2)
    yield running
    running.close()


@pytest.fixture(scope="module")
def handed_in(lesson):
    return demo.class_of(lesson)


@pytest.fixture(scope="module")
def alone(lesson, grader, release, handed_in):
    """Student -> verdict, each judged by itself."""
    verdicts = {}
    for student, text in handed_in.items():
        repaired = repair(release, text, code_reader)
        verdicts[student] = grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
    return verdicts


def marks(verdict):
    return {mark.exercise: mark.points for mark in verdict.marks}


def full(lesson):
    return {name: cell.points for name, cell in lesson.exercises.items()}


@pytest.mark.parametrize("student", ["ada", "barbara", "chen", "kim", "nora", "priya"])
def test_right_in_any_style_doubled_noisy_or_with_helpers_earns_everything(alone, lesson, student):
    assert marks(alone[student]) == full(lesson), [mark.problems for mark in alone[student].marks]


@pytest.mark.parametrize("student", ["ines", "milo"])
def test_empty_and_tampering_earn_nothing(alone, student):
    assert set(marks(alone[student]).values()) == {0}


def test_tampering_is_reported(alone, lesson):
    (note,) = [note for note in alone["milo"].notes if note.kind is NoteKind.TAMPERING]
    assert note.text == f"check cells put back because changed: {', '.join(lesson.exercises)}"


@pytest.mark.parametrize(
    ("student", "wrong"),
    [
        ("dmitri", ["scaled_dot_product_attention"]),
        ("emeka", ["softmax", "causal_mask", "padding_mask"]),
        ("fatima", ["split_heads", "merge_heads"]),
        ("grace", ["SelfAttention", "MultiHeadAttention"]),
        ("lena", ["split_heads"]),
        ("oskar", ["softmax", "scaled_dot_product_attention"]),
    ],
)
def test_a_mistake_costs_its_own_points_and_no_others(alone, lesson, student, wrong):
    lost = [name for name, points in marks(alone[student]).items() if points < full(lesson)[name]]
    assert lost == wrong, [mark.problems for mark in alone[student].marks]


@pytest.mark.parametrize("student", ["dmitri", "emeka", "fatima", "grace"])
def test_every_misconception_is_named(alone, student):
    assert all(mark.diagnosis for mark in alone[student].marks if not mark.right)


def test_built_ins_are_told_by_name(alone):
    problems = {mark.exercise: mark.problems for mark in alone["oskar"].marks if mark.problems}
    assert "keras.ops.softmax" in problems["softmax"][0]
    assert "dot_product_attention" in problems["scaled_dot_product_attention"][0]


def test_an_endless_loop_is_told_in_words(alone):
    problems = {mark.exercise: mark.problems for mark in alone["lena"].marks if mark.problems}
    assert "endless loop" in problems["split_heads"][0]


def test_a_damaged_file_keeps_what_can_be_read(alone, lesson):
    earned = [name for name, points in marks(alone["jonas"]).items() if points == full(lesson)[name]]
    assert earned and earned == list(lesson.exercises)[: len(earned)]
    assert alone["jonas"].notes[0].kind is NoteKind.DAMAGED


def test_half_a_notebook_earns_its_half(alone, lesson):
    earned = [name for name, points in marks(alone["hiro"]).items() if points]
    assert earned == list(lesson.exercises)[: len(lesson.exercises) // 2]


EXPLOITS = {
    "input transformer in an empty notebook": demo.TAMPERING,
    "patched numpy.testing": "import numpy.testing as t\nfor n in dir(t): setattr(t, n, lambda *a, **k: None)",
    "patched comparison": "import numpy as np\nnp.allclose = np.array_equal = np.isclose = lambda *a, **k: True",
    "import of the reference": "from solutions.attention import *",
    "import by path": "import sys, os, course\nsys.path.insert(0, os.path.dirname(os.path.dirname(course.__file__)))\nfrom solutions.attention import *",
    "reference read from disk": (
        "import os, course\nfolder = os.path.dirname(os.path.dirname(os.path.realpath(course.__file__)))\n"
        "exec(open(os.path.join(folder, 'solutions', 'attention.py')).read())"
    ),
    "course.blocks": "from course.blocks import *",
    "course.blocks, loaded again": "import importlib, course.blocks as b\nimportlib.reload(b)\nglobals().update(vars(b))",
    "course.blocks, out of sight": "import importlib\nb = importlib.import_module('course.' + 'blocks')\nglobals().update(vars(b))",
    "lying arrays": (
        "import numpy as np\nclass Yes(np.ndarray):\n    __eq__ = lambda *a: True\n"
        "    def __array_function__(self, *a, **k): return True\nyes = lambda *a, **k: np.zeros((2, 3)).view(Yes)\n"
        "softmax = scaled_dot_product_attention = causal_mask = padding_mask = split_heads = merge_heads = yes"
    ),
    "patched probes": (
        "import sys, types\nclass Any(types.ModuleType):\n    def __getattr__(self, n): return lambda *a, **k: {}\n"
        "for n in list(sys.modules):\n    if 'prob' in n: sys.modules[n] = Any(n)"
    ),
}


@pytest.mark.parametrize("attack", EXPLOITS.values(), ids=EXPLOITS)
def test_attacks_on_the_checker_gain_nothing(grader, lesson, release, attack):
    notebook = copy.deepcopy(release)
    notebook.cells.append(nbformat.v4.new_code_cell(attack))
    repaired = repair(release, nbformat.writes(notebook), code_reader)
    assert set(marks(grader.grade(assignment_of(lesson), repaired.notebook)).values()) == {0}


@pytest.fixture(scope="module")
def graded_course(tmp_path_factory, built_course, lesson, handed_in):
    """A course folder in which the whole class was graded by our command."""
    folder = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE + "\nc.GradeInSandbox.seconds = 2\n")
    demo.write_class(folder, lesson)
    grade_class.grade_class(folder, lesson.lab)
    return folder


def scores(folder, lesson):
    """What stands in nbgrader's gradebook: student -> exercise -> automatic score."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        found = {}
        for student in gradebook.students:
            notebook = gradebook.find_submission_notebook(lesson.name, lesson.lab, student.id)
            found[student.id] = {
                grade.name: grade.auto_score for grade in notebook.grades if grade.name.startswith("check_")
            }
        return found


def test_the_gradebook_holds_for_everybody_what_they_earn_alone(graded_course, lesson, alone):
    recorded = scores(graded_course, lesson)
    assert recorded == {
        student: {f"check_{name}": points for name, points in marks(verdict).items()}
        for student, verdict in alone.items()
    }


def test_a_second_run_grades_nothing_and_changes_nothing(graded_course, lesson, capsys):
    before, told = scores(graded_course, lesson), []
    grade_class.grade_class(graded_course, lesson.lab, feedback=False, tell=told.append)
    assert [type(event) for event in told] == [
        grade_events.AllGraded,
        grade_events.NotebookGraded,
        grade_events.Finished,
    ]
    assert not capsys.readouterr().out  # who watches prints, the grading does not
    assert scores(graded_course, lesson) == before


def test_feedback_names_the_mistake_and_hides_what_is_hidden(graded_course, lesson):
    pages = {
        path.parts[-3]: path.read_text() for path in graded_course.glob(f"feedback/*/{lesson.lab}/*.html")
    }
    assert pages.keys() == set(demo.class_of(lesson))
    told = Verdict.load(verdict_path(graded_course, lesson.lab, "dmitri"))
    problem = next(mark.problems[0] for mark in told.marks if mark.problems)
    assert problem.split("`")[0][:40] in pages["dmitri"]
    top = pages["dmitri"].split("Lab 1")[0]
    assert "16 of 20 points" in top and "scaled_dot_product_attention" in top
    hidden = ["BEGIN SOLUTION", "autograder/probes", "model_answers", str(graded_course)]
    assert not [word for page in pages.values() for word in hidden if word in page]


def test_stock_nbgrader_export_holds_the_totals(graded_course, lesson, alone):
    rows = (graded_course / f"{lesson.lab}.csv").read_text().splitlines()
    column = rows[0].split(",").index("raw_score")
    student = rows[0].split(",").index("student_id")
    totals = {row.split(",")[student]: float(row.split(",")[column]) for row in rows[1:]}
    assert totals == {name: pytest.approx(verdict.points) for name, verdict in alone.items()}


def test_the_same_seed_gives_the_same_verdict_and_another_the_same_marks(lesson, release, handed_in, alone):
    for seed, students in (
        (Grader().seed, ["dmitri", "emeka"]),
        (7, ["ada", "dmitri", "emeka", "fatima", "grace", "nora"]),
    ):
        grader = Grader(seed=seed)
        try:
            for student in students:
                repaired = repair(release, handed_in[student], code_reader)
                verdict = grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
                assert marks(verdict) == marks(alone[student])
                assert [mark.diagnosis for mark in verdict.marks] == [
                    mark.diagnosis for mark in alone[student].marks
                ]
                if seed == Grader().seed:
                    assert verdict == alone[student]
        finally:
            grader.close()


def test_a_fault_of_the_machine_is_no_mark_and_the_next_run_mends_it(
    tmp_path, built_course, lesson, monkeypatch
):
    folder = tmp_path / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    path = folder / "submitted" / "ada" / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(reference_submission(lesson), path)

    def broken(*_):
        raise MachineFault("the grading server is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Grader, "_judge", broken)
        with pytest.raises(submissions.GradeError, match="1 submission is still to do"):
            grade_class.grade_class(folder, lesson.lab, feedback=False)
    ((_, verdict),) = submissions.load_verdicts(folder, lesson)
    assert verdict.regrade and not verdict.marks
    assert set(scores(folder, lesson)["ada"].values()) == {None}
    ((_, verdict),) = grade_class.grade_class(folder, lesson.lab, feedback=False)
    assert not verdict.regrade and marks(verdict) == full(lesson)
    assert sum(scores(folder, lesson)["ada"].values()) == sum(full(lesson).values())


def test_a_planted_trigger_in_the_gradebook_is_out_of_reach(grader, lesson, release, graded_course):
    attack = f"""
import sqlite3
book = sqlite3.connect({str(graded_course / "gradebook.db")!r})
book.execute("create trigger generous after update on grade begin update grade set auto_score = 99; end")
book.commit()
"""
    before = (graded_course / "gradebook.db").read_bytes()
    notebook = copy.deepcopy(release)
    notebook.cells.append(nbformat.v4.new_code_cell(attack))
    verdict = grader.grade(
        assignment_of(lesson), repair(release, nbformat.writes(notebook), code_reader).notebook
    )
    assert set(marks(verdict).values()) == {0}
    assert (graded_course / "gradebook.db").read_bytes() == before


def test_nothing_to_grade_and_no_course_folder_are_told_in_a_sentence(tmp_path, built_course, lesson):
    with pytest.raises(submissions.GradeError, match="autograder init"):
        grade_class.grade_class(tmp_path, lesson.lab)
    (tmp_path / "nbgrader_config.py").write_text(COURSE_FILE)
    with pytest.raises(submissions.GradeError, match="put the submissions at"):
        grade_class.grade_class(tmp_path, lesson.lab)


def test_two_gradings_at_once_are_one_too_many(graded_course, lesson):
    with (
        course_folder.lock_course_folder(graded_course),
        pytest.raises(submissions.GradeError, match="already"),
    ):
        grade_class.grade_class(graded_course, lesson.lab, force=True, feedback=False)


def test_a_link_and_a_rubbish_timestamp_harm_nobody(tmp_path, built_course, lesson):
    folder = tmp_path / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    right = folder / "submitted" / "ada" / lesson.lab / f"{lesson.name}.ipynb"
    link = folder / "submitted" / "eve" / lesson.lab / f"{lesson.name}.ipynb"
    for path in (right, link):
        path.parent.mkdir(parents=True)
    nbformat.write(reference_submission(lesson), right)
    link.symlink_to(right)
    (link.parent / "timestamp.txt").write_text("yesterday, I think")
    graded = dict(grade_class.grade_class(folder, lesson.lab, feedback=False))
    assert marks(graded["ada"]) == full(lesson)
    _, left_out = submissions.find_submissions(folder, lesson)
    assert "eve" not in graded and "link" in left_out["eve"]
    assert not (folder / "autograded" / "eve").exists()


def nbgrader(folder, *words, **environment):
    """Run plain nbgrader in a course folder, as a grader would."""
    programs = os.path.dirname(sys.executable)
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [os.path.join(programs, "nbgrader"), *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | path | environment, capture_output=True, text=True, timeout=300
    )


def test_plain_nbgrader_autograde_gives_the_same_marks(
    tmp_path, root, built_course, lesson, handed_in, alone
):
    folder = tmp_path / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    for student in ("dmitri", "jonas"):
        path = folder / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(handed_in[student])
    done = nbgrader(folder, "autograde", lesson.lab, PYTHONPATH=str(root))
    assert done.returncode == 0, done.stderr
    for student in ("dmitri", "jonas"):
        recorded = scores(folder, lesson)[student]
        assert recorded == {f"check_{name}": points for name, points in marks(alone[student]).items()}


def test_without_the_plug_in_nothing_is_graded_unprotected(tmp_path, built_course, lesson, handed_in):
    folder = tmp_path / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(
        COURSE_FILE.replace("autograder.classroom.nbgrader_config", "autograder.no_such")
    )
    path = folder / "submitted" / "ada" / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(handed_in["ada"])
    done = nbgrader(folder, "autograde", lesson.lab)
    assert done.returncode != 0 and "Nothing was done" in done.stderr
    assert not (folder / "autograded").exists()


def test_verdicts_survive_the_disk(tmp_path, alone):
    for student, verdict in alone.items():
        verdict.save(tmp_path / f"{student}.json")
        assert Verdict.load(tmp_path / f"{student}.json") == verdict
    assert json.loads((tmp_path / "ada.json").read_text())["lab"] == "lab1_attention"


def test_a_verdict_in_a_notebook_is_what_nbgrader_reads(alone, release, lesson):
    from nbgrader.utils import determine_grade, is_grade

    notebook = copy.deepcopy(release)
    write_verdict(notebook, alone["emeka"], lesson)
    read = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "nbgrader" in cell.metadata and is_grade(cell):
            read[cell.metadata.course.name], _ = determine_grade(cell)
    assert read == marks(alone["emeka"])

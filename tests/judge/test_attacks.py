"""The attack corpus, handed in as one class together with honest notebooks, and graded as a class is graded."""

import os
import re
import shutil
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from attacks import corpus
from attacks.writing import MARK

from autograder.authoring.build import entry_source, submission
from autograder.authoring.gates import reference_submission
from autograder.classroom import grade_class
from autograder.classroom.course_folder import GradeError
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.report import facts
from autograder.hidden import entries
from autograder.hidden.assignments import assignment_of
from autograder.judge.grader import Grader
from autograder.judge.notebook_repair import repair
from autograder.judge.sandbox import isolation
from autograder.judge.suspicious_code import find_suspicious_code
from autograder.judge.verdict import Verdict, verdict_path
from course.checking import code_reader
from course.checking.shortcuts import parse
from course.notebooks.lesson import lessons

pytestmark = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)

SECONDS = 2  # processor seconds for a cell or a probe
NAMES = [f"{number:03d} {one.tries}" for number, one in enumerate(corpus())]


@pytest.fixture(scope="module")
def right(lesson):
    return reference_submission(lesson)


@pytest.fixture(scope="module")
def honest(lesson, release, right):
    """Student -> notebook, one after every ten attacks: right, right otherwise, mistaken."""
    other = {
        name: entry_source(entries.alternatives(lesson.name, name)[0], lesson) for name in lesson.exercises
    }
    wrong = {"softmax": entry_source(entries.misconceptions(lesson.name, "softmax")[0], lesson)}
    made = [right, submission(lesson, other), submission(lesson, other | wrong)]
    return {f"a{start:03d}-honest": made[start // 10 % 3] for start in range(0, len(corpus()), 10)}


@pytest.fixture(scope="module")
def alone(lesson, release, honest):
    """Honest student -> marks, each judged by itself, before any attack ran."""
    grader = Grader(seconds=SECONDS)
    try:
        return {
            student: marks(
                grader.grade(
                    assignment_of(lesson), repair(release, nbformat.writes(notebook), code_reader).notebook
                )
            )
            for student, notebook in honest.items()
        }
    finally:
        grader.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, built_course, lesson, release, right, honest, alone):
    """The graded class: its folder, and what was on the machine before and after."""
    folder = tmp_path_factory.mktemp("attacked") / "course"
    shutil.copytree(built_course, folder)
    (folder / "nbgrader_config.py").write_text(f"{COURSE_FILE}\nc.GradeInSandbox.seconds = {SECONDS}\n")
    handed_in = {student: nbformat.writes(notebook).encode() for student, notebook in honest.items()}
    handed_in |= {f"a{n:03d}": one.submission(release, right) for n, one in enumerate(corpus())}
    for student, content in handed_in.items():
        path = folder / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    Path(MARK).unlink(missing_ok=True)
    os.environ["SECRET_TOKEN"] = "only-the-grader-knows"
    before = watched_files(folder)
    garbage = sum(one.left_open for one in corpus())
    with pytest.raises(GradeError, match=f"^{garbage} submissions are still to do"):
        grade_class.grade_class(folder, lesson.lab)
    del os.environ["SECRET_TOKEN"]
    return folder, before


def watched_files(folder):
    """Path -> size and date of what no submission may touch."""
    import course

    roots = [Path(course.__file__).parent, folder / "submitted", folder / "release", folder / "source"]
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_mode) for path in files}


def marks(verdict):
    return {mark.exercise: mark.points for mark in verdict.marks}


def verdict_of(attacked, lesson, number):
    return Verdict.load(verdict_path(attacked[0], lesson.lab, f"a{number:03d}"))


@pytest.mark.parametrize("number", range(len(corpus())), ids=NAMES)
def test_earns_what_its_honest_content_earns_and_says_what_happened(attacked, lesson, number):
    one, verdict = corpus()[number], verdict_of(attacked, lesson, number)
    if one.left_open:
        assert "cannot be read as a notebook: ask for a new copy" in verdict.regrade and not verdict.marks
        return
    assert not verdict.regrade, verdict.regrade
    full = {name: cell.points for name, cell in lesson.exercises.items()}
    replaced = dict(one.answers)
    for name, points in marks(verdict).items():
        most = full[name] if one.right and name not in replaced else 0
        assert points <= most, f"{name}: {points} points"
    sentences = [
        *(note.text for note in verdict.notes),
        *(text for mark in verdict.marks for text in mark.problems),
    ]
    if sum(marks(verdict).values()) < sum(full.values()):
        assert any(re.search(one.told, text) for text in sentences), sentences


def test_a_right_notebook_keeps_its_points_whatever_else_is_in_it(attacked, lesson):
    """An attack in a cell of its own costs that cell, not the answers above it."""
    kept = {}
    for number, one in enumerate(corpus()):
        if one.right and one.code and "def " not in one.code:
            kept[one.tries] = sum(marks(verdict_of(attacked, lesson, number)).values())
    assert kept and not {tries: points for tries, points in kept.items() if points < 20}


def test_everybody_else_has_exactly_the_marks_they_get_alone(attacked, lesson, alone):
    folder, _ = attacked
    graded = {student: marks(Verdict.load(verdict_path(folder, lesson.lab, student))) for student in alone}
    assert graded == alone


def test_the_gradebook_holds_the_verdicts_and_no_more(attacked, lesson):
    from nbgrader.api import Gradebook

    folder, _ = attacked
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        recorded = {one.student.id: one.score for one in gradebook.assignment_submissions(lesson.lab)}
        assert (
            max(cell.max_score for cell in gradebook.find_notebook(lesson.name, lesson.lab).grade_cells) <= 4
        )
    verdicts = {
        path.stem: Verdict.load(path).points for path in (folder / "verdicts" / lesson.lab).glob("*.json")
    }
    assert recorded == verdicts and len(recorded) > len(corpus())


def test_the_report_knows_what_asks_for_a_persons_eye(attacked, lesson):
    found = facts.gather(attacked[0], lesson)
    kinds = {kind for learner in found.learners for kind, _ in learner.eyes}
    assert {"tampering", "unusual", "stopped", "ready_made", "damaged", "regrade"} <= kinds
    built_in = [f"a{n:03d}" for n, one in enumerate(corpus()) if one.family == "built-in functions"]
    told = {learner.name for learner in found.learners if "ready_made" in dict(learner.eyes)}
    assert set(built_in) <= told


def test_nothing_is_written_outside_and_nothing_goes_on(attacked):
    folder, before = attacked
    assert not Path(MARK).exists()
    assert watched_files(folder) == before
    ours = psutil.Process()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (left := left_over(ours)):
        time.sleep(0.1)
    assert not left


def left_over(ours):
    """Processes that a student process could have left: Python of this environment, not ours and not older."""
    found = []
    for process in psutil.process_iter(["pid", "ppid", "create_time", "cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if "time.sleep(600)" in words or ("server.py" in words and process.info["ppid"] == ours.pid):
            found.append(words)
    return found


def test_feedback_pages_hold_no_secret_and_no_script_of_a_submission(attacked, root, lesson):
    folder, _ = attacked
    pages = {
        path: path.read_text(errors="replace") for path in folder.glob(f"feedback/*/{lesson.lab}/*.html")
    }
    assert len(pages) > len(corpus())
    secrets = [
        "only-the-grader-knows",
        str(root),
        str(folder),
        "BEGIN SOLUTION",
        "autograder/probes",
        "model_answers",
    ]
    probes = (root / "autograder" / "hidden" / "probes" / f"{lesson.name}.py").read_text()
    secrets += re.findall(r"^def (\w{12,})\(", probes, flags=re.M)
    for path, page in pages.items():
        submitted = (folder / "submitted" / path.parts[-3] / lesson.lab / f"{lesson.name}.ipynb").read_text(
            errors="replace"
        )
        leaked = [word for word in secrets if word in page and word not in submitted]
        assert not leaked, (path.parts[-3], leaked)
        assert "<script>alert(1)" not in page


def test_the_labs_hold_nothing_hidden(root):
    hidden = ["autograder", "misconception", "BEGIN SOLUTION", "model_answers", "solutions."]
    for lesson in lessons().values():
        text = (root / "labs" / lesson.lab / f"{lesson.name}.ipynb").read_text()
        probes = (root / "autograder" / "hidden" / "probes" / f"{lesson.name}.py").read_text()
        names = re.findall(r"^def (\w{12,})\(", probes, flags=re.M)
        assert not [word for word in hidden + names if word in text]


def test_a_shell_line_is_nothing_unusual():
    assert not find_suspicious_code("get_ipython().system('pip list')", parse)
    assert find_suspicious_code("import os\nos.system('ls')", parse)


@pytest.mark.parametrize("lab", list(lessons()))
def test_right_and_mistaken_answers_are_not_called_unusual(lab):
    lesson = lessons()[lab]
    for exercise in lesson.exercises:
        for entry in (*entries.alternatives(lab, exercise), *entries.misconceptions(lab, exercise)):
            given = "import math, keras\nimport numpy as np\nfrom keras import ops"
            assert not find_suspicious_code(entry_source(entry, lesson), parse, given, ["course.blocks"])

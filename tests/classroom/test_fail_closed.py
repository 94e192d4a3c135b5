"""Learner's code runs shut in or not at all: foreign settings of every kind, each with a submission that leaves a trace."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from autograder.classroom import grade_class, submissions
from autograder.classroom.course_folder import GradeError
from autograder.classroom.fail_closed import LINES, Unprotected, add_trusted_grading
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.cli import app
from autograder.judge.errors import JudgeError
from autograder.judge.notebook_repair import repair
from autograder.teaching.workshop import workshop_folder
from course.checking import code_reader

JOIN = "from autograder.classroom.nbgrader_config import configure\nconfigure(c)\n"
STOCK_LIST = "from nbgrader.preprocessors import Execute, SaveAutoGrades\n"
STOCK_LIST += "c.Autograde.autograde_preprocessors = [Execute, SaveAutoGrades]\n"
PLAIN = "c = get_config()\nc.CourseDirectory.course_id = 'course101'\n"
SUBCLASS = """
from nbgrader.preprocessors import Execute
class Mine(Execute):
    pass
"""

# name -> (nbgrader_config.py, nbgrader_config.json): each would have stock nbgrader run the submission
OPEN = {
    "plain": (PLAIN, None),
    "empty": ("", None),
    "own list, never joined": (PLAIN + STOCK_LIST, None),
    "list overwritten after joining": (PLAIN + JOIN + STOCK_LIST, None),
    "Execute appended": (
        f"{PLAIN}{JOIN}from nbgrader.preprocessors import Execute\n"
        "c.Autograde.autograde_preprocessors.append(Execute)\n",
        None,
    ),
    "Execute appended without joining": (
        f"{PLAIN}c.Autograde.autograde_preprocessors.append('nbgrader.preprocessors.Execute')\n",
        None,
    ),
    "a subclass of Execute first": (
        f"{PLAIN}{JOIN}{SUBCLASS}c.Autograde.autograde_preprocessors.insert(0, Mine)\n",
        None,
    ),
    "Execute while sanitizing": (
        f"{PLAIN}{JOIN}c.Autograde.sanitize_preprocessors = ['nbconvert.preprocessors.ExecutePreprocessor']\n",
        None,
    ),
    "another exporter": (
        f"{PLAIN}{JOIN}c.Autograde.exporter_class = 'nbconvert.exporters.NotebookExporter'\n",
        None,
    ),
    "our step switched off": (f"{PLAIN}{JOIN}c.GradeInSandbox.enabled = False\n", None),
    "Execute while writing feedback": (
        f"{PLAIN}{JOIN}c.HTMLExporter.preprocessors = ['nbgrader.preprocessors.Execute']\n",
        None,
    ),
    "JSON only": (None, {"CourseDirectory": {"course_id": "course101"}}),
    "JSON puts it back": (
        PLAIN + JOIN,
        {"Autograde": {"autograde_preprocessors": ["nbgrader.preprocessors.Execute"]}},
    ),
    "a part that is loaded": (f"{PLAIN}load_subconfig('part.py')\n", None),
    "joined, then a part that overwrites": (f"{PLAIN}{JOIN}load_subconfig('part.py')\n", None),
    "a syntax error": (f"{PLAIN}{JOIN}c.Autograde.(\n", None),
    "a mistake": (f"{PLAIN}{JOIN}c.Autograde.force = nobody\n", None),
    "a list that is none": (f"{PLAIN}c.Autograde.autograde_preprocessors = 3\n", None),
}
HARMLESS_TO_FEEDBACK = "Execute while writing feedback"  # `nbgrader autograde` itself is protected there


def settings(folder, kind):
    """Write the settings of a kind into a folder."""
    python, more = OPEN[kind]
    for name in ("nbgrader_config.py", "nbgrader_config.json"):
        (folder / name).unlink(missing_ok=True)
    if python is not None:
        (folder / "nbgrader_config.py").write_text(python)
    if more is not None:
        (folder / "nbgrader_config.json").write_text(json.dumps(more))
    (folder / "part.py").write_text("c = get_config()\n" + STOCK_LIST)


@pytest.fixture
def course(tmp_path, template, lesson):
    """A course folder with Lab 1 and a submission that writes a file outside as soon as one of its cells runs."""
    folder, trace = tmp_path / "course", tmp_path / "trace"
    shutil.copytree(template, folder)
    path = folder / "submitted" / "eve" / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True)
    notebook = nbformat.read(folder / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = f"open({str(trace)!r}, 'w').close()"
    nbformat.write(notebook, path)
    return folder


def nbgrader(folder, *words):
    """Plain nbgrader in a course folder."""
    programs = os.path.dirname(sys.executable)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [os.path.join(programs, "nbgrader"), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def untouched(folder):
    return not (folder.parent / "trace").exists() and not (folder / "autograded").exists()


def test_stock_nbgrader_would_leave_the_trace(course, lesson):
    settings(course, "plain")
    nbgrader(course, "autograde", lesson.lab)
    assert (course.parent / "trace").exists()


@pytest.mark.parametrize("kind", OPEN)
def test_grade_refuses_in_a_sentence_before_a_cell_runs(course, lesson, kind):
    settings(course, kind)
    done = CliRunner().invoke(app, ["grade", lesson.lab, "--course", str(course)])
    assert done.exit_code == 2 and untouched(course)
    assert "Traceback" not in done.output and (
        "Nothing was run" in done.output or "cannot be read" in done.output
    )


JOINED = [
    kind for kind, (python, _) in OPEN.items() if JOIN in (python or "") and kind != HARMLESS_TO_FEEDBACK
]


@pytest.mark.parametrize("kind", [kind for kind in JOINED if kind != "a syntax error"])
def test_plain_nbgrader_refuses_where_something_overruled_our_step(course, lesson, kind):
    settings(course, kind)
    done = nbgrader(course, "autograde", lesson.lab)
    assert done.returncode != 0 and untouched(course)
    assert "Nothing was run" in done.stderr, done.stderr


def test_plain_nbgrader_refuses_what_the_command_line_puts_back(course, lesson):
    (course / "nbgrader_config.py").write_text(COURSE_FILE)
    for words in (
        ["--Autograde.autograde_preprocessors=nbgrader.preprocessors.Execute"],
        ["--Autograde.exporter_class=nbconvert.exporters.NotebookExporter"],
        ["--GradeInSandbox.enabled=False"],
    ):
        done = nbgrader(course, "autograde", lesson.lab, *words)
        assert done.returncode != 0 and untouched(course) and "Nothing was run" in done.stderr, done.stderr


def test_a_jupyter_folder_cannot_put_it_back(course, lesson, tmp_path, monkeypatch):
    (course / "nbgrader_config.py").write_text(PLAIN + JOIN)
    elsewhere = tmp_path / "jupyter"
    elsewhere.mkdir()
    (elsewhere / "nbgrader_config.py").write_text(
        "c = get_config()\nc.Autograde.sanitize_preprocessors = ['nbgrader.preprocessors.Execute']\n"
    )
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(elsewhere))
    done = nbgrader(course, "autograde", lesson.lab)
    assert done.returncode != 0 and untouched(course) and "Nothing was run" in done.stderr, done.stderr


def test_feedback_runs_nothing_either(course, lesson):
    settings(course, HARMLESS_TO_FEEDBACK)
    done = nbgrader(course, "generate_feedback", lesson.lab)
    assert done.returncode != 0 and untouched(course) and "Nothing was run" in done.stderr, done.stderr


@pytest.mark.parametrize("kind", ["plain", "empty", "a part that does no harm", "JSON only"])
def test_init_adds_what_is_missing_and_keeps_the_rest(course, kind):
    settings(course, kind if kind in OPEN else "plain")
    file = course / "nbgrader_config.py"
    if kind == "a part that does no harm":
        (course / "part.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'part'\n")
        file.write_text("load_subconfig('part.py')")
    before = file.read_text() if file.exists() else ""
    assert (
        add_trusted_grading(course) == file.exists()
        and file.read_text().startswith(before.rstrip())
        or not before
    )
    config = submissions.load_config(course)
    assert config.Autograde.autograde_preprocessors[0].__name__ == "GradeInSandbox"
    if kind != "empty":
        assert config.CourseDirectory.course_id in ("course101", "part")
    after = file.read_text()
    assert not add_trusted_grading(course) and file.read_text() == after  # once is enough


@pytest.mark.parametrize(
    "kind", [kind for kind in OPEN if kind not in ("plain", "empty", "JSON only", "a part that is loaded")]
)
def test_init_says_what_to_add_and_changes_nothing_where_that_is_not_safe(course, kind):
    settings(course, kind)
    before = {path: path.read_bytes() for path in course.glob("nbgrader_config.*")}
    done = CliRunner().invoke(app, ["init", str(course)])
    assert done.exit_code == 2 and "Ready" not in done.output and "Traceback" not in done.output
    if "cannot be read" not in done.output:
        assert all(line in done.output for line in LINES)
    assert {path: path.read_bytes() for path in course.glob("nbgrader_config.*")} == before


def test_init_releases_no_lab_of_ours_into_somebody_elses_course(tmp_path, monkeypatch):
    from autograder.authoring import build

    built = []
    monkeypatch.setattr(build, "build", lambda folder, config: built.append(folder.name))
    for name, files in {
        "theirs": {"nbgrader_config.py": PLAIN, "source/ps1/p.ipynb": "{}"},
        "settings": {"nbgrader_config.py": PLAIN},
        "new": {},
        "cut short": {"nbgrader_config.py": COURSE_FILE + "c.CourseDirectory.course_id = 'mine'\n"},
        "ours": {"nbgrader_config.py": PLAIN, "source/lab1_attention/lab1_attention.ipynb": "{}"},
    }.items():
        for file, text in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(text)
        done = CliRunner().invoke(app, ["init", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        assert ("probes/NAME.py" in done.output) == (name in ("theirs", "settings"))
    assert built == ["new", "cut short", "ours"]
    CliRunner().invoke(app, ["init", "--labs", str(tmp_path / "theirs")])
    CliRunner().invoke(app, ["init", "--no-labs", str(tmp_path / "new")])
    assert built == ["new", "cut short", "ours", "theirs"]


def test_a_hook_of_ones_own_stays(course):
    (course / "nbgrader_config.py").write_text(PLAIN + "c.Autograde.pre_convert_hook = print\n")
    assert add_trusted_grading(course)
    assert submissions.load_config(course).Autograde.pre_convert_hook is print


def test_a_list_of_ones_own_in_a_part_is_not_overruled(course):
    settings(course, "a part that is loaded")
    with pytest.raises(Unprotected):
        add_trusted_grading(course)


def test_after_init_a_broken_file_is_no_way_past_it(course, lesson):
    settings(course, "plain")
    add_trusted_grading(course)
    file = course / "nbgrader_config.py"
    for broken in ("c.Autograde.(\n" + file.read_text(), "1 / 0\n" + file.read_text()):
        file.write_text(broken)
        done = nbgrader(course, "autograde", lesson.lab)
        assert done.returncode != 0 and untouched(course) and "Nothing was run" in done.stderr, done.stderr


def test_assignments_that_nobody_described_are_refused_in_a_sentence(course, lesson):
    (course / "nbgrader_config.py").write_text(COURSE_FILE)
    for step in ("submitted/eve", "release", "source"):
        shutil.copytree(course / step / lesson.lab, course / step / "ps1")
    done = nbgrader(course, "autograde", "ps1")
    assert done.returncode != 0 and untouched(course)
    assert "ps1 is no assignment that trusted grading knows" in done.stderr and "Traceback" not in done.stderr
    done = CliRunner().invoke(app, ["grade", "ps1", "--course", str(course)])
    assert done.exit_code == 2 and untouched(course) and "Traceback" not in done.output


def test_a_release_that_is_not_ours_is_told_in_a_sentence(course):
    foreign = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    with pytest.raises(JudgeError, match="not made by `autograder build`"):
        repair(foreign, "{}", code_reader)


def test_a_workshop_does_not_open_on_a_course_that_is_unprotected(course, tmp_path):
    settings(course, "plain")
    with pytest.raises(GradeError, match="Nothing was run"):
        workshop_folder._build(tmp_path / "workshop", course, print)


def test_grade_class_names_the_reason(course, lesson):
    settings(course, "another exporter")
    with pytest.raises(Unprotected, match="NotebookExporter, not RepairingExporter"):
        grade_class.grade_class(course, lesson.lab)

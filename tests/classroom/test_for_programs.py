"""What programs read: JSON on stdout, errors on stderr, no wrapped lines, any console."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from autograder import console
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.new_course import ASSIGNMENT, new_course
from autograder.cli import app
from course.checking.report import CheckOutcome, Report

LONG = "a" * 60 + " " + "b" * 60


def run(*words, **environment):
    command = [sys.executable, "-m", "autograder.cli", *words]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=300)


def test_errors_go_to_stderr_in_one_line_and_collects_json_to_stdout(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(COURSE_FILE)
    done = run("collect", str(tmp_path / LONG), "1", "--from", "moodle", "--course", str(tmp_path), "--json")
    assert done.returncode == 2 and "is not there" in json.loads(done.stdout)["error"]
    (line,) = done.stderr.decode().strip().splitlines()
    assert line.startswith("autograder: ") and LONG in line


def test_the_version_and_completion():
    found = CliRunner().invoke(app, ["--version"])
    assert found.exit_code == 0 and found.output.startswith("autograder ")
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).output


def test_people_read_on_stderr_while_a_program_is_answered(capsys, monkeypatch):
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):  # other tests' programs may have set them
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(console, "console", console.PeoplesConsole())
    with console.answer(True) as facts:
        console.console.print(LONG)
        facts["ready"] = True
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ready": True} and LONG in err
    with pytest.raises(OSError), console.answer(True):
        raise FileNotFoundError(2, "No such file", "nope.csv")
    assert json.loads(capsys.readouterr().out) == {"error": "nope.csv is not there"}


class OldConsole:
    encoding = "cp1252"


def test_a_report_of_checks_can_be_printed_on_any_console(monkeypatch):
    report = Report(
        "softmax", 2, [CheckOutcome("rows sum to 1 – α", None), CheckOutcome("large √", "it is NaN: ∞")]
    )
    assert "✓" in str(report)
    monkeypatch.setattr(sys, "stdout", OldConsole())
    text = str(report)
    text.encode("cp1252")
    assert "+ rows" in text and "x large" in text


def test_grade_and_gates_print_one_object_for_a_program(tmp_path):
    """A course of one's own, which needs no Keras: the commands are the same for every course."""
    course = tmp_path / "course"
    new_course(course)
    proved = run("gates", ASSIGNMENT, "--course", str(course), "--json")
    rows = json.loads(proved.stdout)[ASSIGNMENT]
    assert proved.returncode == 0 and rows and not any(row["faults"] for row in rows)
    assert {row["reference"] for row in rows} != {0} and {row["untouched"] for row in rows} == {0}
    graded = run("grade", ASSIGNMENT, "--course", str(course), "--json", "--no-feedback")
    told = json.loads(graded.stdout)
    assert graded.returncode == 0, graded.stderr
    assert told["still_to_do"] == told["left_out"] == {} and len(told["learners"]) == 6
    assert all(len(one["exercises"]) == len(rows) for one in told["learners"])
    assert ASSIGNMENT.encode() in graded.stderr  # what people read

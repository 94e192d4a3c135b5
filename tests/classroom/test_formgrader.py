"""nbgrader's formgrader is opened by our own command, for nbgrader 0.9 has none."""

import subprocess
import sys

import pytest

from autograder.classroom import formgrader
from autograder.classroom.course_folder import GradeError
from autograder.classroom.nbgrader_config import COURSE_FILE


def test_no_text_names_the_command_that_does_not_exist(root):
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    gone = "nbgrader " + "formgrader"
    paths = [root / name for name in listed.stdout.splitlines()]
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in paths
        if path.suffix in (".py", ".md", ".html", ".j2", ".ipynb", ".js", ".toml", "") and path.is_file()
    }
    assert len(texts) > 100
    assert not [str(path) for path, text in texts.items() if gone in text]


def test_it_serves_the_labs_page_of_the_course_folder(tmp_path, monkeypatch):
    ran = []
    (tmp_path / "nbgrader_config.py").write_text(COURSE_FILE)

    def run(command, cwd):
        ran.append((command, cwd))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(formgrader.subprocess, "run", run)
    assert formgrader.formgrader(tmp_path, "1", 9000, browser=False) == 0
    command, cwd = ran[0]
    assert command[:3] == [sys.executable, "-m", "jupyterlab"] and cwd == tmp_path.resolve()
    assert "--LabApp.default_url=/formgrader/gradebook/lab1_attention" in command
    assert "--ServerApp.port=9000" in command and "--no-browser" in command
    assert formgrader.formgrader(tmp_path) == 0
    assert "--LabApp.default_url=/formgrader/manage_assignments" in ran[1][0]


def test_elsewhere_it_says_how_to_make_a_course(tmp_path):
    with pytest.raises(GradeError, match="autograder init"):
        formgrader.formgrader(tmp_path, "1")

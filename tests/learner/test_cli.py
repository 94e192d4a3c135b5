"""The learner's commands: what they print, and what they say when something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import platformdirs
import pytest
from tiny_course import RIGHT, install, notebook
from typer.testing import CliRunner

from course import cli
from course.checking import rerun
from course.notebooks import jupyter_lab, labs_folder

runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


def run(*arguments):
    return runner.invoke(cli.app, [str(argument) for argument in arguments])


def said(result):
    """What was printed, on one line."""
    return " ".join(result.output.split())


@pytest.fixture
def tiny_course(tmp_path, monkeypatch):
    yield from install(tmp_path, monkeypatch)


@pytest.fixture
def in_process(tiny_course, monkeypatch):
    """The tiny lab, with notebooks run here instead of in a process of their own, which costs seconds."""

    class Ended:
        returncode = 0
        poll = staticmethod(lambda: 0)

    def start(book, notes, sink):
        rerun._main(book.path, notes)
        return Ended

    monkeypatch.setattr(rerun, "_start", start)
    monkeypatch.setattr(rerun, "_end", lambda process: None)
    return tiny_course


# course --help


def test_help_is_there_at_once():
    code = (
        "import sys, course.cli\n"
        "try: course.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'tensorflow', 'keras', 'numpy', 'jupytext', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {slow}' if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("doctor", "lab", "check"):
        assert command in done.stdout


def test_the_package_itself_imports_no_keras():
    code = "import sys, course, course.data, course.machine.presets, course.earlier_labs.carry_over; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


# course check


def test_all_right(tiny_course):
    result = run("check", notebook(tiny_course / "tiny.ipynb"))
    assert result.exit_code == 0, result.output
    assert "✓ double 2 of 2 checks ✓ quadruple 1 of 1 checks" in said(result)
    assert "lab7_tiny: 2 of 2 exercises pass all their visible checks." in said(result)


def test_each_exercise_is_told_apart(in_process):
    answers = {
        "double": "def double(x):\n    return x + 3\n",
        "quadruple": "def quadruple(x):\n    raise NotImplementedError()",
    }
    result = run("check", notebook(in_process / "lab7_tiny" / "tiny.ipynb", answers).parent)
    assert result.exit_code == 1
    assert "✗ double 1 of 2 checks of zero: double(0) should be 0" in said(result)
    assert "· quadruple not written yet" in said(result)
    assert "0 of 2 exercises" in said(result) and 'course.hint("double")' in said(result)


def test_a_failing_cell_harms_no_other(in_process):
    answers = {
        "double": "def double(x)\n    return 2 * x\n",
        "quadruple": "def quadruple(x):\n    return 4 * x\n",
    }
    result = run("check", notebook(in_process / "tiny.ipynb", answers))
    assert result.exit_code == 1
    assert "✗ double 0 of 1 checks runs: its cell stops in line 1 with SyntaxError: expected ':'" in said(
        result
    )
    assert "✓ quadruple" in said(result)


def test_own_cells_run_and_may_fail(in_process):
    answers = {"double": "def double(x):\n    return FACTOR * x\n", "quadruple": RIGHT["quadruple"]}
    own = [
        "!pip install nothing\n%matplotlib inline\nFACTOR = 2",
        "1 / 0",
        "%%bash\nrm -rf something",
        "display(FACTOR)",
    ]
    assert run("check", notebook(in_process / "tiny.ipynb", answers, extra=own)).exit_code == 0


def test_missing_and_renamed_answers(in_process):
    result = run(
        "check", notebook(in_process / "tiny.ipynb", {"double": "def twice(x):\n    return 2 * x\n"})
    )
    assert "its cell does not define double: did you rename it?" in said(result)
    assert "its cell is missing: take it over from a fresh copy of the lab" in said(result)


def test_a_name_that_is_bound_again_further_down_is_named(in_process):
    book = notebook(in_process / "tiny.ipynb", extra=["double = 4"])
    assert "✓ double" in said(run("check", book))  # the set-up and the learner's own come first
    content = nbformat.read(book, as_version=4)
    content.cells.append(
        content.cells.pop(next(n for n, c in enumerate(content.cells) if c.source == "double = 4"))
    )
    nbformat.write(content, book)
    result = run("check", book)
    assert "is bound once: `double` is bound again further down in the notebook, by `double = 4`" in said(
        result
    )
    assert result.exit_code == 1


def test_a_broken_set_up_is_named(in_process):
    result = run("check", notebook(in_process / "tiny.ipynb", setup="import no_such_module"))
    assert "! setup: its cell stops in line 1 with ModuleNotFoundError" in said(result)


def test_an_endless_loop_is_stopped_and_named(tiny_course):
    path = notebook(
        tiny_course / "tiny.ipynb", {"double": "while True: pass\n", "quadruple": RIGHT["quadruple"]}
    )
    result = run("check", path, "--time-limit", "3")
    assert result.exit_code == 2
    assert "Stopped after 3 s, at cell 3 (double). Is there a loop that never ends?" in said(result)


def test_a_process_that_ends_on_its_own(tiny_course):
    own = ["print('so long', flush=True)\nimport os\nos._exit(3)"]
    result = run("check", notebook(tiny_course / "tiny.ipynb", extra=own))
    assert result.exit_code == 2
    assert "Python ended on its own (status 3) at cell 3 (your own). Its last words: so long" in said(result)


def test_nothing_the_notebook_starts_outlives_the_check(tiny_course):
    mark = tiny_course / "mark"
    own = [
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1); open({str(mark)!r}, \"w\")'])"
    ]
    run("check", notebook(tiny_course / "tiny.ipynb", extra=own))
    process = subprocess.run([sys.executable, "-c", "import time; time.sleep(1.5)"], check=False)
    assert process.returncode == 0 and not mark.exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none.ipynb", "There is no file"),
        (
            lambda folder: _write(folder / "bad.ipynb", '{"cells": ['),
            "is damaged and cannot be read as a notebook (line 1 of the file)",
        ),
        (
            lambda folder: _write(folder / "list.ipynb", "[1, 2]"),
            "is damaged and cannot be read as a notebook.",
        ),
        (lambda folder: _write(folder / "latin.ipynb", b"\xff\xfe\x00"), "is damaged and cannot be read"),
        (
            lambda folder: _write(
                folder / "free.ipynb", '{"cells": [{"cell_type": "code", "source": "x = 1"}], "metadata": {}}'
            ),
            "is a notebook, but none of this course's labs",
        ),
        (lambda folder: folder / "lessons", "is a folder with no notebook; name one."),
        (
            lambda folder: _two(folder / "two"),
            "is a folder with several notebooks (a.ipynb, b.ipynb); name one.",
        ),
        (
            lambda folder: notebook(folder / "new.ipynb", lab="lab99_future"),
            "This version of the course has no lab 'lab99_future'",
        ),
    ],
)
def test_notebooks_that_cannot_be_checked(in_process, make, message):
    result = run("check", make(in_process))
    assert result.exit_code == 2
    assert message in said(result)
    assert said(result).startswith("course: ") and "Traceback" not in result.output


def test_a_mistyped_name_is_met_with_what_is_there(tiny_course):
    notebook(tiny_course / "tiny.ipynb")
    assert "Did you mean" in said(run("check", tiny_course / "tiyn.ipynb"))


def _write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _two(folder):
    notebook(folder / "a.ipynb")
    return notebook(folder / "b.ipynb").parent


def test_a_terminal_that_knows_no_ticks():
    code = "from course import cli; cli._prepare(); cli.Console().print(cli.SIGNS['good'], 'fine')"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0 and done.stdout.strip() == b"? fine", done.stderr


def test_points_follow_the_checks(in_process):
    from course.notebooks.notebook import read

    book = read(notebook(in_process / "tiny.ipynb", RIGHT | {"double": "def double(x):\n    return x + 3\n"}))
    results, remarks = rerun.replay(book, seconds=60)
    assert [(result.exercise, result.points, result.out_of) for result in results] == [
        ("double", 1, 2),
        ("quadruple", 0, 4),
    ]
    assert remarks == ()


# course lab


ADDRESS = "http://localhost:8888/lab?token=abc"
LOGGED = f"""[I 2026-12-01 03:00:00.000 LabApp] JupyterLab extension loaded from /somewhere, see https://jupyter.org
[I 2026-12-01 03:00:01.000 ServerApp] Jupyter Server 2.21.1 is running at:
[I 2026-12-01 03:00:01.000 ServerApp] {ADDRESS}
[I 2026-12-01 03:00:01.000 ServerApp]     http://127.0.0.1:8888/lab?token=abc
"""


class Server:
    """Stands in for the process of JupyterLab; `endings` are what waiting for it gives, one after the other."""

    def __init__(self, *endings, log=LOGGED):
        self.endings, self.calls, self.log = list(endings), [], log

    def start(self, command, cwd, env, stderr):
        self.calls.append((command, cwd, env))
        stderr.write(self.log)
        return self

    def poll(self):
        return None if self.log == LOGGED else self.endings[0]

    def wait(self):
        ending = self.endings.pop(0)
        if ending is KeyboardInterrupt:
            raise ending
        return ending


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where logs and layouts go."""
    folder = tmp_path / "state"
    monkeypatch.setattr(platformdirs, "user_state_path", lambda *names, **options: folder)
    return folder


@pytest.fixture
def jupyter(monkeypatch):
    """Record what would be started."""
    server = Server(0)
    monkeypatch.setattr(jupyter_lab.subprocess, "Popen", server.start)
    return server.calls


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in ("lab1_attention", "lab2_transformer", "lab10_more"):
        notebook(tmp_path / "labs" / name / f"{name.split('_')[1]}.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lab_opens_the_labs(checkout, jupyter):
    assert run("lab").exit_code == 0
    [(command, cwd, _)] = jupyter
    assert cwd == checkout / "labs"
    assert command[:4] == [sys.executable, "-m", "jupyterlab", "--port=8888"]
    assert "--no-browser" not in command


def test_lab_wraps_long_lines_of_code_and_keeps_what_a_machine_says(checkout, jupyter, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/site/jupyter")
    assert run("lab").exit_code == 0
    own, site = jupyter[0][2]["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert site == "/site/jupyter"
    settings = json.loads((Path(own) / "labconfig" / "default_setting_overrides.json").read_text())
    for plugin, given in settings.items():
        package, name = plugin.split(":")
        schema = Path(sys.prefix, "share", "jupyter", "lab", "schemas", package, f"{name}.json")
        known = json.loads(schema.read_text())["properties"]
        assert set(given) <= set(known), plugin
        if name == "tracker":
            default = known["codeCellConfig"]["default"]
            assert set(given["codeCellConfig"]) == set(default) and given["codeCellConfig"]["lineWrap"]


def test_lab_says_the_address_in_one_line(checkout, jupyter):
    assert run("lab").output == f"JupyterLab is at  {ADDRESS}  Ctrl-C here ends it.\n"


def test_lab_shows_nothing_of_a_graders(checkout, jupyter):
    """All of nbgrader's extensions are off, those of its pages and those of its server."""
    run("lab")
    own = Path(jupyter[0][2]["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0])
    page = json.loads((own / "labconfig" / "page_config.json").read_text())
    assert page["disabledExtensions"]["@jupyter/nbgrader"]
    server = json.loads((own / "jupyter_server_config.json").read_text())["ServerApp"]["jpserver_extensions"]
    folder = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.d")
    theirs = [
        json.loads(file.read_text())["ServerApp"]["jpserver_extensions"]
        for file in folder.glob("nbgrader*.json")
    ]
    assert theirs and {name for each in theirs for name in each} == set(server) and not any(server.values())


def test_lab_begins_with_the_contents_open_and_keeps_what_a_learner_closes(checkout, jupyter):
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    run("lab")
    folder = jupyter[0][2]["JUPYTERLAB_WORKSPACES_DIR"]
    manager = WorkspacesManager(folder)
    assert (
        manager.load("default")["data"]["layout-restorer:data"]["left"]["current"] == "@jupyterlab/toc:plugin"
    )
    manager.save("default", json.dumps({"data": {"mine": 1}, "metadata": {"id": "default"}}))
    jupyter.clear()
    cli_again = Server(0)
    jupyter_lab.subprocess.Popen = cli_again.start  # the fixture puts it back
    run("lab")
    assert cli_again.calls[0][2]["JUPYTERLAB_WORKSPACES_DIR"] == folder
    assert manager.load("default")["data"] == {"mine": 1}


def test_lab_shows_what_jupyterlab_said_if_it_ended_at_once(checkout, monkeypatch):
    server = Server(1, log="[C] Running as root is not recommended.\n")
    monkeypatch.setattr(jupyter_lab.subprocess, "Popen", server.start)
    result = run("lab")
    assert result.exit_code == 1
    assert "Running as root is not recommended." in said(result) and "ended at once (status 1)" in said(
        result
    )


@pytest.mark.parametrize("name", ["attention", "lab1_attention", "1"])
@pytest.mark.parametrize("start", ["", "labs", "labs/lab2_transformer"])
def test_lab_opens_one_lab_from_anywhere(checkout, jupyter, monkeypatch, name, start):
    monkeypatch.chdir(checkout / start)
    assert run("lab", name, "--no-browser", "--port", 9001).exit_code == 0
    command = jupyter[0][0]
    assert command[-1] == "--LabApp.default_url=/lab/tree/lab1_attention/attention.ipynb"
    assert "--no-browser" in command and "--port=9001" in command


def test_lab_names_the_labs_there_are(checkout, jupyter):
    result = run("lab", "atention")
    assert result.exit_code == 2 and not jupyter
    assert "There is no lab 'atention'. Did you mean attention?" in said(result)
    assert "There are: lab1_attention, lab2_transformer, lab10_more." in said(result)


def test_lab_without_labs(tmp_path, monkeypatch, jupyter):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(labs_folder, "CHECKOUT", tmp_path)
    result = run("lab")
    assert result.exit_code == 2 and not jupyter
    assert "There is no labs folder in" in said(result) and "Clone the course's repository" in said(result)


def test_lab_falls_back_to_the_checkout_and_says_so(tmp_path_factory, checkout, monkeypatch, jupyter):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(labs_folder, "CHECKOUT", checkout)
    monkeypatch.chdir(elsewhere)
    result = run("lab")
    assert result.exit_code == 0 and jupyter[0][1] == checkout / "labs"
    assert f"There is no labs folder here or above. These are the labs in {checkout / 'labs'}." in said(
        result
    )


def test_lab_without_jupyterlab(checkout, jupyter, monkeypatch):
    monkeypatch.setattr(cli.util, "find_spec", lambda name: None)
    result = run("lab")
    assert result.exit_code == 2 and "JupyterLab is not installed: run pip install jupyterlab" in said(result)


def test_lab_leaves_ctrl_c_to_jupyterlab(checkout, monkeypatch):
    # The first Ctrl-C asks "Shut down?"; killing the server meanwhile would orphan its kernels.
    server = Server(KeyboardInterrupt, KeyboardInterrupt, 5)
    monkeypatch.setattr(jupyter_lab.subprocess, "Popen", server.start)
    assert run("lab").exit_code == 5 and server.endings == []


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_lab_in_a_container(checkout, jupyter, monkeypatch, user, allowed):
    monkeypatch.setattr(cli.os, "geteuid", lambda: user, raising=False)
    run("lab")
    assert ("--allow-root" in jupyter[0][0]) is allowed

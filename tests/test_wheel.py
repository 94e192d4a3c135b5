"""What a learner installs holds `course` alone, and nothing in it knows the answers or the grader."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.build import source_notebook
from course import instructor
from course.notebooks.lesson import lessons

ROOT = Path(__file__).resolve().parents[1]
# What each package must not import: autograder -> solutions -> course.
FORBIDDEN = {
    "course": {"solutions", "autograder", "nbgrader", "tests"},
    "solutions": {"autograder", "nbgrader", "tests"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function of `"wheel"` or `"sdist"` that makes one from a copy of the checkout; nothing is installed or fetched."""
    copy = tmp_path_factory.mktemp("checkout") / "copy"
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "*.egg-info", "build", "dist", "demo_course", "node_modules"
    )
    shutil.copytree(ROOT, copy, ignore=left_out)

    def make(kind):
        code = f"import sys, setuptools.build_meta as backend; print(backend.build_{kind}(sys.argv[1]))"
        command = [sys.executable, "-c", code, str(copy.parent)]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return copy.parent / done.stdout.split()[-1]

    return make


@pytest.fixture(scope="module")
def wheel_file(request):
    """The wheel that COURSE_WHEEL names, as `make release` does, or a new one."""
    if "COURSE_WHEEL" in os.environ:
        return Path(os.environ["COURSE_WHEEL"]).resolve()
    return request.getfixturevalue("made")("wheel")


@pytest.fixture(scope="module")
def wheel(wheel_file):
    """Names in the wheel, and name -> content."""
    with zipfile.ZipFile(wheel_file) as archive:
        return archive.namelist(), {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_course_alone(wheel):
    names, _ = wheel
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"course"}
    assert not [name for name in names if name.endswith((".ipynb", ".pyc", ".tfrecord"))]


def test_the_wheel_holds_all_of_course(wheel):
    names, _ = wheel
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "course").rglob("*.py")}
    for kind, folder in (
        ("*.npz", "weights"),
        ("*.json", "jupyter"),
        ("*.jupyterlab-workspace", "jupyter"),
        ("*.toml", "lessons"),
        ("*.json", "results"),
    ):
        wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "course" / folder).rglob(kind)}
    assert wanted == {name for name in names if name.startswith("course/")}
    assert any(name.startswith("course/lessons/en/") for name in names)


def test_no_answer_is_in_the_wheel(wheel):
    _, contents = wheel
    bodies = [body for path in (ROOT / "solutions").glob("*.py") for body in _solution_bodies(path)]
    assert bodies
    for name, content in contents.items():
        text = content.decode("utf-8", errors="replace")
        assert "### BEGIN SOLUTION" not in text, name
        # `blocks` stands in for answers by design: the same sub-layers, around what Keras ships.
        assert name.startswith("course/blocks/") or not [body for body in bodies if body in text], name


def _solution_bodies(path):
    """Answers of three lines and more; shorter ones are found in any code."""
    for part in path.read_text(encoding="utf-8").split("### BEGIN SOLUTION")[1:]:
        body = part.split("### END SOLUTION")[0].strip()
        if body.count("\n") >= 2:
            yield body


def test_the_source_distribution_holds_no_more(made):
    with tarfile.open(made("sdist")) as archive:
        inside = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    files = {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}
    assert inside - files <= {"course", "transformer_labs.egg-info"}


def test_the_wheel_brings_the_commands(wheel):
    _, contents = wheel
    [commands] = [content.decode() for name, content in contents.items() if name.endswith("entry_points.txt")]
    assert "course = course.cli:app" in commands
    assert "autograder = course.instructor:main" in commands


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        for line, name in _imported(ast.parse(file.read_text(encoding="utf-8"))):
            allowed = file.relative_to(ROOT).as_posix() == "course/instructor.py" and line is None
            assert allowed or name.split(".")[0] not in FORBIDDEN[package], f"{file}:{line} imports {name}"


def _imported(tree):
    """`(line, module)` of each import; those by a string, at run time, with `None` for the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "import_module",
            "__import__",
            "find_spec",
        ):
            yield from ((None, arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def test_the_import_test_sees_every_way_to_import():
    code = "import a.b\nfrom c import d\nimport importlib\nimportlib.import_module('e.f')\n__import__('g')"
    assert {name for _, name in _imported(ast.parse(code))} == {"a.b", "c", "importlib", "e.f", "g"}


# the console script `autograder`


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place where `course` might be installed; no autograder is there or importable."""
    monkeypatch.setattr(instructor, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(instructor.importlib.util, "find_spec", lambda name: None)
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "autograder"}
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "autograder"]:
        del sys.modules[name]
    sys.modules.update(saved)


def _grader(place, cli):
    (place / "autograder").mkdir()
    (place / "autograder" / "__init__.py").write_text("")
    if cli is not None:
        (place / "autograder" / "cli.py").write_text(cli)


def test_beside_the_package_it_is_run(place):
    _grader(place, "def app():\n    return 'ran'\n")
    assert instructor.main() == "ran"


def test_without_a_grader(place, capsys):
    assert instructor.main() == 1
    assert "not part of the learner's package: clone the repository" in capsys.readouterr().err


def test_with_some_other_package_of_that_name(place, monkeypatch, capsys):
    _grader(place, None)
    monkeypatch.syspath_prepend(place)
    monkeypatch.setattr(instructor.importlib.util, "find_spec", lambda name: object())
    assert instructor.main() == 1
    assert "is not this course's: clone the repository" in capsys.readouterr().err


def test_without_what_the_grader_needs(place, capsys):
    _grader(place, "import no_such_grader_part\n")
    assert instructor.main() == 1
    assert 'needs no_such_grader_part: run  pip install -e ".[instructor]"' in capsys.readouterr().err


# a release


def test_one_version_everywhere():
    """What cannot read it from pyproject.toml says the same."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = [
        tag
        for path in (ROOT / "deploy").rglob("values.yaml")
        for tag in re.findall(r"tag: (\S+)", path.read_text())
    ]
    assert tags and set(tags) == {version}
    assert re.findall(r"(?m)^version: (\S+)$", (ROOT / "CITATION.cff").read_text()) == [version]
    assert re.findall(r"(?m)^## (\S+)", (ROOT / "CHANGELOG.md").read_text())[0] == version


@pytest.fixture(scope="module")
def empty(wheel_file, tmp_path_factory):
    """The `bin` folder of an environment with nothing in it but the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    versions = ["-c", str(ROOT / "constraints.txt")] if os.environ.get("VERSIONS") != "newest" else []
    command = [folder / "bin" / "pip", "install", "-q", *versions, wheel_file]
    subprocess.run(command, check=True, timeout=1200)
    return folder / "bin"


def outside(command, folder, **env):
    """Run a program as somebody without a checkout does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JUPYTER"))}
    kept |= {"TF_CPP_MIN_LOG_LEVEL": "3"} | env
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.mark.slow  # installs TensorFlow: `make release`
def test_an_empty_environment_has_no_answers(empty, tmp_path):
    there = outside([empty / "python", "-c", "import course; print(course.__version__)"], tmp_path)
    assert there.returncode == 0 and there.stdout.strip(), there.stderr
    for name in ("solutions", "autograder", "nbgrader"):
        assert "No module named" in outside([empty / "python", "-c", f"import {name}"], tmp_path).stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", lessons())
def test_in_an_empty_environment_a_lab_runs_and_its_checks_pass(empty, tmp_path, name):
    lesson = lessons()[name]
    nbformat.write(source_notebook(lesson), tmp_path / f"{name}.ipynb")
    convert = [
        empty / "jupyter",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--output",
        "ran",
        f"{name}.ipynb",
    ]
    done = outside(convert, tmp_path, COURSE_PRESET="smoke", COURSE_DATA=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr[-3000:]
    cells = {cell.id: cell for cell in nbformat.read(tmp_path / "ran.ipynb", as_version=4).cells}
    for exercise in lesson.exercises:
        (report,) = cells[f"check-{exercise}"].outputs
        assert "checks pass. Well done!" in report.data["text/plain"], report.data["text/plain"]

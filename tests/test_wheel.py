"""What a learner installs holds `course` alone, and nothing in it knows the answers or the grader."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course import instructor

ROOT = Path(__file__).resolve().parents[1]
# What each package must not import: autograder -> solutions -> course.
FORBIDDEN = {"course": {"solutions", "autograder"}, "solutions": {"autograder"}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names in a wheel built from a copy of the checkout; nothing is installed or fetched."""
    copy = tmp_path_factory.mktemp("checkout") / "copy"
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "*.egg-info", "build", "dist", "demo_course", "node_modules"
    )
    shutil.copytree(ROOT, copy, ignore=left_out)
    code = "import sys, setuptools.build_meta as backend; print(backend.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy.parent)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(copy.parent / done.stdout.split()[-1]) as archive:
        return archive.namelist(), {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_course_alone(wheel):
    names, _ = wheel
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"course"}
    assert not [name for name in names if name.endswith((".ipynb", ".pyc", ".tfrecord"))]


def test_the_wheel_holds_all_of_course(wheel):
    names, _ = wheel
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "course").rglob("*.py")}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "course" / "weights").glob("*.npz")}
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

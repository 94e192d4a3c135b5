"""The rooms of the project stay tidy: what lies where, and what must not be in any file."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.readme_tables import with_tables
from course.notebooks.lesson import lessons

WIDEST = 102  # characters of a docstring's line, without its indentation; wrap at 100 columns
# Imports within autograder/ run from the right to the left, never back.
ROOMS = ("judge", "hidden", "authoring", "classroom", "teaching")
LONGEST = 300  # lines of a module; aim for 250
# One entry after the other; these grow with the number of exercises, not with what a reader must keep in mind.
BANKS = (
    "course/lessons",
    "course/checks",
    "solutions",
    "autograder/hidden/probes",
    "autograder/hidden/misconceptions",
)


@pytest.fixture(scope="module")
def tracked(root):
    """Every file that is, or would be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [root / name for name in listed if name and (root / name).is_file()]


def modules(root, *folders):
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def test_modules_are_short(root):
    banks = tuple(root / folder for folder in BANKS)
    paths = [
        path
        for path in modules(root, "course", "solutions", "autograder")
        if not path.is_relative_to(banks[0])
    ]
    lengths = {
        str(path.relative_to(root)): len(path.read_text().splitlines())
        for path in paths
        if path.parent not in banks
    }
    assert not {path: length for path, length in lengths.items() if length > LONGEST}


def _imports(path):
    """`(line, module)` of everything a file imports; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_imports_within_the_autograder_run_one_way(root):
    back = []
    for path in modules(root, "autograder"):
        room, *rest = path.relative_to(root / "autograder").parts
        if not rest or room not in ROOMS:
            continue
        for line, name in _imports(path):
            other = [*name.split("."), ""][1] if name.split(".")[0] == "autograder" else ""
            if other == "cli" or (other in ROOMS and ROOMS.index(other) > ROOMS.index(room)):
                back.append(f"{path.relative_to(root)}:{line} imports {name}")
    assert not back


def test_the_judge_imports_nothing_of_ours_but_itself(root):
    out = []
    for path in modules(root, "autograder/judge"):
        for line, name in _imports(path):
            ours = name.split(".")[0] in (
                "autograder",
                "course",
                "solutions",
                "tests",
                "benchmarks",
                "nbgrader",
            )
            if ours and not name.startswith("autograder.judge"):
                out.append(f"{path.relative_to(root)}:{line} imports {name}")
        relative = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        out += [f"{path.relative_to(root)}:{node.lineno} imports relatively" for node in relative]
    assert not out


def test_every_room_says_what_belongs_in_it(root):
    silent = []
    for package in ("autograder", "course"):
        for path in (root / package).rglob("*.py"):
            face = path.parent / "__init__.py"
            if path.parent.name in ("en", "room") or path.parent == root / package:
                continue
            if not face.exists() or not ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))):
                silent.append(str(path.parent.relative_to(root)))
    assert not sorted(set(silent))


@pytest.mark.parametrize("name", lessons())
def test_a_lab_is_six_files(root, name):
    files = [f"course/lessons/en/{name}.py", f"course/checks/{name}.py", f"solutions/{name}.py"]
    files += [
        f"autograder/hidden/probes/{name}.py",
        f"autograder/hidden/misconceptions/{name}.py",
        f"tests/test_{name}.py",
    ]
    assert not [file for file in files if not (root / file).is_file()]
    assert (root / "tests" / "alternatives" / f"{name}.py").is_file()


@pytest.mark.parametrize("name", lessons())
def test_docstrings_in_a_notebook_fit_into_a_narrow_window(root, name):
    lesson, wide = lessons()[name], []
    cells = json.loads((root / "labs" / lesson.lab / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["metadata"]["course"]["role"] in ("answer", "given"):
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    wide += [
                        line for line in (ast.get_docstring(node) or "").splitlines() if len(line) > WIDEST
                    ]
    assert not wide


def test_tables_in_the_readme_are_up_to_date(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert with_tables(text) == text, "run `make build`"


def test_a_readme_without_a_place_for_a_table_is_refused():
    with pytest.raises(ValueError, match="0 places for the table 'labs'"):
        with_tables("# A project")


def test_labs_hold_notebooks_only(tracked, root):
    found = {
        path.relative_to(root / "labs").as_posix() for path in tracked if path.is_relative_to(root / "labs")
    }
    assert found == {f"{lesson.lab}/{lesson.name}.ipynb" for lesson in lessons().values()}


def test_notebooks_hold_no_outputs(tracked):
    for path in tracked:
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")], path


def test_no_file_names_a_machine(tracked, root):
    # Put together here, so that this file does not hold them itself.
    places = {str(folder) for folder in (root, Path.home()) if len(folder.parts) > 2}
    places |= {"/work/" + "main", "/work/" + "shared", "/tmp/" + "w/"}
    hosts = {
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".",
        "deb." + "debian",
        "index" + "-url",
        "find" + "-links",
    }
    found = []
    for path in tracked:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(root)}: {word}" for word in sorted(places | hosts) if word in text]
    assert not found


TYPED = ("autograder/judge", "course/checking")


def test_public_functions_say_what_they_take_and_give(root):
    silent = []
    for path in modules(root, *TYPED):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
        for function in [node for owner in (tree, *classes) for node in owner.body]:
            if not isinstance(function, ast.FunctionDef) or function.name[0] == "_" != function.name[1:2]:
                continue
            given = function.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            bare = [one for one in named if one and not one.annotation and one.arg not in ("self", "cls")]
            if (bare or not function.returns) and not function.name.startswith("__"):
                silent.append(f"{path.relative_to(root)}:{function.lineno} {function.name}")
    assert not silent


def test_what_they_say_is_true(root):
    """mypy on what decides marks and on what a learner is told; its settings stand in pyproject.toml."""
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

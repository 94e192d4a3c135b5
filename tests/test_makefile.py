"""The Makefile's promises that can be tried without setting up an environment."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest

TARGETS = [
    "demo",
    "test",
    "torch",
    "lab",
    "workshop",
    "build",
    "gates",
    "bench",
    "checkpoints",
    "proofs",
    "site",
    "lint",
    "release",
    "clean",
    "help",
]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder, *arguments):
    # Not as a child of the `make test` that may be running this.
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "ARGS", "VERSIONS"))
    }
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def checkout(root, tmp_path):
    """What a target needs before there is an environment, in a folder with a space in its name."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, folder)
    return folder


def test_help_names_every_target(root):
    done = make(root, "help")
    assert done.returncode == 0, done.stderr
    assert set(TARGETS) <= {line.split()[0] for line in done.stdout.splitlines()[1:]}


@pytest.mark.parametrize("target", sorted(set(TARGETS) - {"clean", "help"}))
def test_each_target_sets_up_the_environment_first(checkout, target):
    done = make(checkout, "-n", target)
    assert done.returncode == 0, done.stderr
    assert "-m venv" in done.stdout and done.stdout.index("-m venv") < done.stdout.index("pip install")


def test_an_environment_is_set_up_once_and_again_when_it_was_moved(checkout):
    (checkout / ".venv").mkdir()
    made = checkout / ".venv" / "made"
    made.write_text(str(checkout))
    (checkout / ".venv" / "ready-dev").touch()
    assert "pip install" not in make(checkout, "-n", "test").stdout
    recipe = make(checkout, "-n", "demo").stdout
    assert "-m venv" not in recipe and "-e '.[instructor]'" in recipe
    made.write_text("/some/other/place")
    assert "-m venv" in make(checkout, "-n", "test").stdout


@pytest.mark.parametrize(
    ("target", "extra"),
    [
        ("demo", "instructor"),
        ("lab", "instructor"),
        ("workshop", "workshop"),
        ("test", "dev"),
        ("site", "dev"),
    ],
)
def test_a_target_installs_no_more_than_it_needs(checkout, target, extra):
    recipe = make(checkout, "-n", target).stdout
    assert re.findall(r"-e '\.\[(\w+)\]'", recipe) == [extra, extra]  # by uv, or else by pip


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_without_a_fit_python_one_sentence_says_what_to_do(checkout, python):
    done = make(checkout, "test", f"PYTHON={python}")
    assert done.returncode != 0
    assert (
        done.stdout.strip()
        == f"Python 3.11, 3.12 or 3.13 is needed, and '{python}' is not. Name another: make PYTHON=python3.12"
    )


@pytest.mark.parametrize(
    ("versions", "environment", "pins"),
    [
        ("pinned", ".venv", "-c constraints.txt"),
        ("lowest", ".venv-lowest", "-c .cache/lowest.txt"),
        ("newest", ".venv-newest", ""),
    ],
)
def test_each_choice_of_versions_has_an_environment_of_its_own(checkout, versions, environment, pins):
    words = make(checkout, "-n", "test", f"VERSIONS={versions}").stdout.split()
    recipe = " ".join(words)
    for command in (f"pip install --python {environment}/bin/python", f"{environment}/bin/pip install"):
        assert f"{command} {pins} -e '.[dev]'".replace("  ", " ") in recipe
    assert " ".join(words).endswith(
        f"{environment}/bin/pytest -n auto --dist loadfile --no-loadscope-reorder"
    )
    assert ("--resolution lowest-direct" in recipe) == (versions == "lowest")


def test_other_versions_are_refused_in_a_sentence(checkout):
    done = make(checkout, "test", "VERSIONS=old")
    assert done.returncode != 0
    assert done.stdout.strip() == "VERSIONS is lowest, pinned or newest, and not 'old'."


def test_versions_are_pinned_with_the_oldest_python_that_is_supported(root):
    oldest = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"].strip(">=")
    assert f"make constraints PYTHON=python{oldest}" in (root / "Makefile").read_text()


def test_every_dependency_has_a_lower_bound(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    loose = [want for want in wanted if ">=" not in want and not want.startswith(project["name"])]
    assert loose == ["tensorflow[and-cuda]"]  # its bound stands among the dependencies


def test_constraints_pin_every_dependency(root):
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line)]
    pinned = {normal(line.split("==")[0]) for line in lines}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["instructor"], *extras["dev"]]
    assert {normal(re.match(r"[A-Za-z0-9._-]+", want)[0]) for want in wanted} - pinned <= {project["name"]}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

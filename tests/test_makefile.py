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
    "lab",
    "workshop",
    "build",
    "gates",
    "bench",
    "checkpoints",
    "proofs",
    "site",
    "lint",
    "clean",
    "help",
]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder, *arguments):
    # Not as a child of the `make test` that may be running this.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
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
    ready = checkout / ".venv" / "ready"
    ready.write_text(str(checkout))
    assert "-m venv" not in make(checkout, "-n", "test").stdout
    ready.write_text("/some/other/place")
    assert "-m venv" in make(checkout, "-n", "test").stdout


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_without_a_fit_python_one_sentence_says_what_to_do(checkout, python):
    done = make(checkout, "test", f"PYTHON={python}")
    assert done.returncode != 0
    assert (
        done.stdout.strip()
        == f"Python 3.11 or newer is needed, and '{python}' is not. Name another: make PYTHON=python3.12"
    )


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

"""Beyond one machine: the Colab cell of every lab, the container's files, and the values for Kubernetes."""

import json
import re
import subprocess
import sys
import tomllib

import nbformat
import pytest

from autograder.authoring.build import source_notebook
from autograder.authoring.colab_cell import colab_cells
from autograder.judge.notebook_repair import repair
from course.checking import code_reader
from course.notebooks.lesson import lessons


@pytest.fixture(scope="module")
def address(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def test_every_lab_begins_with_it_and_nbgrader_knows_nothing_of_it(root, address):
    for lesson in lessons().values():
        first, *others = source_notebook(lesson).cells
        assert first == colab_cells(root)[0] and address in first.source
        assert "nbgrader" not in first.metadata and first.metadata.jupyter.source_hidden
        assert "colab" not in {cell.metadata.course["role"] for cell in others}


def test_a_project_without_an_address_has_no_such_cell(tmp_path):
    assert colab_cells(tmp_path) == []
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert colab_cells(tmp_path) == []


@pytest.mark.parametrize("there", [False, True])
def test_it_installs_on_colab_and_does_nothing_elsewhere(root, address, there):
    from IPython.core.interactiveshell import InteractiveShell

    [cell] = colab_cells(root)
    shell = InteractiveShell()
    asked = []
    shell.register_magic_function(asked.append, magic_name="pip")
    before = sys.modules.pop("google.colab", None)
    try:
        if there:
            sys.modules["google.colab"] = sys
        assert shell.run_cell(cell.source).success
    finally:
        sys.modules.pop("google.colab", None)
        if before:
            sys.modules["google.colab"] = before
    assert asked == ([f'install --quiet "transformer-labs @ git+{address}"'] if there else [])


def test_a_submission_may_lack_or_change_it(release):
    for change in (
        lambda cells: cells[1:],
        lambda cells: [nbformat.v4.new_code_cell("%pip install x", id="colab"), *cells[1:]],
    ):
        handed_in = nbformat.from_dict(json.loads(json.dumps(release)))
        handed_in.cells = change(handed_in.cells)
        repaired = repair(release, nbformat.writes(handed_in), code_reader)
        assert not repaired.notes
        assert [cell.id for cell in repaired.notebook.cells] == [cell.id for cell in release.cells]


# the container


def test_the_dockerfile_copies_what_there_is_and_no_answers_for_learners(root):
    text = (root / "Dockerfile").read_text()
    stages = dict(re.findall(r"(?ms)^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", text))
    assert set(stages) == {"base", "packages", "learner", "grader", "develop"}
    for line in re.findall(r"(?m)^COPY (?:--\S+ )*(.+) \S+$", text):
        for source in line.split():
            assert (root / source).exists(), source
    copied = re.findall(r"(?m)^COPY (?:--\S+ )*(.+) \S+$", stages["packages"] + stages["learner"])
    allowed = {
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
        "course",
        "labs",
        "deploy/start.sh",
    }
    assert set(" ".join(copied).split()) == allowed
    for name in ("learner", "grader", "develop"):
        assert "USER 1000" in stages[name]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_starting_twice_leaves_work_alone(root, tmp_path):
    script = (root / "deploy" / "start.sh").read_text().replace("/srv/labs", str(tmp_path / "labs"))
    for name in ("lab1_a", "lab2_b"):
        (tmp_path / "labs" / name).mkdir(parents=True)
        (tmp_path / "labs" / name / "x.ipynb").write_text("new")
    done = tmp_path / "home" / "labs" / "lab1_a"
    done.mkdir(parents=True)
    (done / "x.ipynb").write_text("mine")
    env = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        ["sh", "-c", script, "start", "echo", "on we go"], env=env, capture_output=True, text=True
    )
    assert ran.stdout == "on we go\n", ran.stderr
    assert (done / "x.ipynb").read_text() == "mine"
    assert (tmp_path / "home" / "labs" / "lab2_b" / "x.ipynb").read_text() == "new"


def test_the_dev_container_uses_a_target_that_exists(root):
    facts = json.loads((root / ".devcontainer" / "devcontainer.json").read_text())
    build = facts["build"]
    assert (root / ".devcontainer" / build["dockerfile"]).resolve() == root / "Dockerfile"
    assert f" AS {build['target']}\n" in (root / "Dockerfile").read_text()


# Kubernetes


def test_values_are_sound_yaml_with_limits_per_learner(root):
    yaml = pytest.importorskip("yaml")
    text = (root / "deploy" / "zero-to-jupyterhub" / "values.yaml").read_text()
    values = yaml.safe_load(text)
    learner = values["singleuser"]
    assert learner["cpu"]["limit"] and learner["memory"]["limit"] and learner["storage"]["capacity"]
    assert learner["networkPolicy"]["enabled"] and learner["cloudMetadata"]["blockWithIptables"]
    assert "transformer-labs-grader" not in text, "learners get no image with answers"
    assert len(re.findall(r"(?m)^(?!#).*CHANGE", text)) == 4, "the comment says how many"


def test_the_hub_knows_every_setting(root):
    yaml = pytest.importorskip("yaml")
    jupyterhub = pytest.importorskip("jupyterhub")
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import Authenticator

    assert jupyterhub.__version__
    config = yaml.safe_load((root / "deploy" / "zero-to-jupyterhub" / "values.yaml").read_text())["hub"][
        "config"
    ]
    assert set(config["JupyterHub"]) <= set(JupyterHub.class_trait_names())
    assert set(config["Authenticator"]) <= set(Authenticator.class_trait_names())


def test_dask_workers_have_room_for_what_the_docs_promise(root):
    yaml = pytest.importorskip("yaml")
    values = yaml.safe_load((root / "deploy" / "dask" / "values.yaml").read_text())
    assert values["worker"]["image"] | {"dask_worker": ""} == values["scheduler"]["image"] | {
        "dask_worker": ""
    }
    assert values["worker"]["securityContext"]["runAsNonRoot"] and values["jupyter"]["enabled"] is False

"""What every test may lean on."""

import os

# Before anything imports TensorFlow: its log on stderr is noise here, and plots need no screen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["COURSE_PROGRESS"] = "off"  # nothing of a test belongs among what its author has passed

from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
# A process of the suite, its fork server and the students of both.
GIB_EACH = 5


def pytest_xdist_auto_num_workers(config):
    """How many processes `-n auto` means: no more than cores and free memory allow; one is none besides this."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fit = int(psutil.virtual_memory().available / 2**30 / GIB_EACH)
    return found if (found := min(cores, fit, 4)) > 1 else 0


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def built_course(tmp_path_factory):
    """A course folder with source/, release/ and gradebook.db of all labs, built once.

    Read from it; a test that writes takes a copy.
    """
    from autograder.authoring.build import build

    folder = tmp_path_factory.mktemp("course")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def lesson():
    """Lab 1, on which most of grading is tried."""
    from course.notebooks.lesson import find_lesson

    return find_lesson("attention")


@pytest.fixture(scope="session")
def release(built_course, lesson):
    """Lab 1's notebook as it is handed out. Read from it; a test that writes takes a copy."""
    import nbformat

    return nbformat.read(built_course / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def template(tmp_path_factory, lesson):
    """A course folder with Lab 1 alone; a test takes a copy."""
    from autograder.authoring.build import build

    made = tmp_path_factory.mktemp("template")
    build(made, [lesson])
    return made


@pytest.fixture
def project(tmp_path):
    """A tiny project of its own: `project.lesson`, `project.build(folder)`, `project.replace(path, old, new)`."""
    from small_project import Project

    return Project(tmp_path / "project")

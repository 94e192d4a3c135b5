"""What every test may lean on."""

import os

# Before anything imports TensorFlow: its log on stderr is noise here, and plots need no screen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def built_course(tmp_path_factory):
    """A course folder with source/, release/ and gradebook.db of all labs, built once.

    Read from it; a test that writes takes a copy.
    """
    from autograder.build import build

    folder = tmp_path_factory.mktemp("course")
    build(folder)
    return folder


@pytest.fixture
def project(tmp_path):
    """A tiny project of its own: `project.lesson`, `project.build(folder)`, `project.replace(path, old, new)`."""
    from small_project import Project

    return Project(tmp_path / "project")

"""`autograder site`: write the documentation site."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from autograder.console import console, short_path
from autograder.teaching.handouts.commands import Preset, expect_preset, shown_by
from course.errors import CourseError
from course.machine.quiet import quiet

SOURCE = Path(".cache") / "site"
SAID = re.compile(r": (WARNING|ERROR|CRITICAL): |^WARNING: autodoc")


def register(app, errors_as_sentences):
    """Add the command to an app. `sentences` turns errors meant for people into one sentence."""
    app.command()(errors_as_sentences(site))


def site(
    to: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("site"),
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Run the labs for what their experiments show.")
    ] = True,
    preset: Preset = "laptop",
):
    """Write the documentation site: pages, the labs with their pictures, the reference of the code."""
    expect_preset(preset)
    with console.status("gathering pages") as status:
        with quiet():
            from autograder.paths import ROOT
            from autograder.teaching.site.pages import gather

        def shown(lesson):
            return shown_by(lesson, preset, status) if run else None

        source = gather(ROOT / SOURCE, shown, ROOT)
        status.update("writing pages")
        build_html(source, to)
    console.print(f"written {short_path(Path(to) / 'index.html')}", highlight=False)


def build_html(source, to):
    """Let Sphinx make the site; every warning, such as a link that leads nowhere, is an error.

    Raises:
        CourseError: with what Sphinx said.
    """
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-E", "--no-color"]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([*command, str(source), str(to)], capture_output=True, text=True, env=environment)
    if "No module named sphinx" in done.stderr:
        raise CourseError(
            "Sphinx is not installed: in the checkout, run  pip install -c constraints.txt -e '.[docs]'"
        )
    if done.returncode:
        lines = done.stderr.splitlines()
        said = "\n".join(line for line in lines if SAID.search(line))  # without what packages log
        raise CourseError(f"The site is not whole:\n{said or done.stderr.strip()}")

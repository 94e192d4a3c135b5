"""Opens nbgrader's formgrader: JupyterLab on the course folder, its browser tab on the formgrader's page.

nbgrader 0.9 has no command for it: the formgrader is a page of a Jupyter server that runs in the course folder.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from autograder.authoring.nbgrader_assignment import find_programs
from autograder.classroom.assignments import find_assignments
from autograder.classroom.course_folder import GradeError
from autograder.classroom.submissions import load_config


def formgrader(course_dir: Path, lab: str = "", port: int = 8888, browser: bool = True) -> int:
    """Serve until Ctrl-C.

    Args:
        lab: whose manual grading to open; the list of assignments if empty.
        port: the first one to try.
        browser: whether to open a tab; the address is printed in any case.

    Returns:
        The server's exit status.

    Raises:
        GradeError: if the folder is no course folder, or JupyterLab is not installed.
    """
    course_dir = Path(course_dir).resolve()
    load_config(course_dir)
    if importlib.util.find_spec("jupyterlab") is None:
        raise GradeError("JupyterLab is not installed here: pip install jupyterlab")
    find_programs()
    try:
        return subprocess.run(command(course_dir, lab, port, browser), cwd=course_dir).returncode
    except KeyboardInterrupt:  # the server had it, too, and has said what it says
        return 0


def command(course_dir: Path, lab: str = "", port: int = 8888, browser: bool = True) -> list[str]:
    """The command that serves; it has to run in the course folder, where nbgrader looks for its configuration."""
    page = (
        f"/formgrader/gradebook/{find_assignments(course_dir, lab)[0].lab}"
        if lab
        else "/formgrader/manage_assignments"
    )
    return [
        *(sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={course_dir}"),
        f"--ServerApp.port={port}",
        f"--LabApp.default_url={page}",
        "--ServerApp.log_level=WARN",
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),  # as in a container
        *([] if browser else ["--no-browser"]),
    ]

"""The workshop folder: what is where, who may read it, and what is made the first time.

settings.json     everything the Hub needs to know, with the secrets; the owner's alone
people.json       who has joined
hub/  board/      the Hub's and the board's databases and logs; the owner's alone
homes/NAME        a learner's work; that learner's alone
homes/instructor  the instructor's, with the course folder `course`
library/          what learners' notebooks import: the package `course`, and no answers
start/            what comes into a new home: the labs
etc/              Jupyter's and nbgrader's settings
exchange/         nbgrader's exchange
record/           who took the course's answer where, for the grader
"""

import json
import os
import pwd
import shutil
from pathlib import Path

from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.paths import ROOT
from course.errors import CourseError
from course.notebooks.labs_folder import JUPYTER
from course.notebooks.lesson import lessons

COURSE_ID = "workshop"
INSTRUCTOR = "instructor"
AUTOSAVE = 10  # seconds; `course.submit` grades what is on disk
MODES = {"": 0o711, "hub": 0o700, "board": 0o700, "homes": 0o711, "record": 0o711, "exchange": 0o777}


def make(folder, status=lambda text: None):
    """Make or complete a workshop folder; nothing of anybody's work is touched.

    Args:
        folder: where.
        status: told what takes time.

    Returns:
        The course folder.
    """
    folder = Path(folder)
    for name, mode in MODES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(mode)
    home = folder / "homes" / INSTRUCTOR
    home.mkdir(mode=0o700, exist_ok=True)
    course = home / "course"
    _own(course, 0, 0)
    _build(folder, course, status)
    _library(folder)
    _start(folder, course)
    _etc(folder, course)
    link = course / "caught_up.json"
    if not link.is_symlink():
        link.unlink(missing_ok=True)
        link.symlink_to(folder / "record" / "caught_up.json")
    return course


def hand_over(folder, user=INSTRUCTOR):
    """Give the course folder and the exchange to the instructor's account."""
    entry = pwd.getpwnam(user)
    for place in (folder / "homes" / user, folder / "exchange" / COURSE_ID):
        _own(place, entry.pw_uid, entry.pw_gid)
    os.chown(folder / "record", 0, entry.pw_gid)
    (folder / "record").chmod(0o750)


def _own(place, uid, gid):
    """Change the owner of everything in a folder but what learners handed in; links are not followed."""
    if os.geteuid() != 0 or not place.exists():
        return
    for root, folders, files in os.walk(place):
        if os.path.basename(root) == "inbound":
            folders.clear()
            files = []
        for path in (root, *(os.path.join(root, name) for name in files)):
            os.lchown(path, uid, gid)


def _build(folder, course, status):
    """The course folder: built when a lab is new or has changed, and released to the exchange."""
    from autograder.authoring.build import build
    from autograder.classroom.fail_closed import expect_protected
    from autograder.classroom.submissions import load_config

    course.mkdir(exist_ok=True)
    config_file = course / "nbgrader_config.py"
    exchange = folder / "exchange"
    if not config_file.exists():
        more = f'\nc.CourseDirectory.course_id = "{COURSE_ID}"\nc.Exchange.root = {str(exchange)!r}\n'
        config_file.write_text(COURSE_FILE + more, encoding="utf-8")
    stale = [lesson for lesson in lessons().values() if _is_stale(course, lesson)]
    config = load_config(course)
    expect_protected(config)
    if stale:
        status("building the labs (once)")
        build(course, stale, config=config)
    missing = [lab for lab in _labs() if not (exchange / COURSE_ID / "outbound" / lab).is_dir()]
    if missing:
        status("setting up the exchange")
        _own(exchange / COURSE_ID, 0, 0)
        release(config, missing)


def release(config, labs):
    """Stock `nbgrader release_assignment`, in this process."""
    import logging

    from nbgrader.auth import Authenticator
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.exchange import ExchangeError
    from nbgrader.exchange.default import ExchangeReleaseAssignment

    log = logging.Logger("release", level=logging.ERROR)
    for lab in labs:
        coursedir = CourseDirectory(config=config, assignment_id=lab)
        authenticator = Authenticator(config=config)
        step = ExchangeReleaseAssignment(
            coursedir=coursedir, authenticator=authenticator, config=config, log=log
        )
        try:
            step.start()
        except ExchangeError as error:
            raise CourseError(f"nbgrader's exchange could not be set up: {error}") from None


def _labs():
    return [lesson.lab for lesson in lessons().values()]


def _is_stale(course, lesson):
    name = f"{lesson.lab}/{lesson.name}.ipynb"
    built, wanted = course / "release" / name, ROOT / "labs" / name
    return not built.exists() or (wanted.exists() and built.read_bytes() != wanted.read_bytes())


def _library(folder):
    """A copy of `course`, so that learners' notebooks need nothing of the checkout."""
    fresh = folder / ".library"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(ROOT / "course", fresh / "course", ignore=shutil.ignore_patterns("__pycache__"))
    _readable(fresh)
    shutil.rmtree(folder / "library", ignore_errors=True)
    fresh.rename(folder / "library")


def _start(folder, course):
    start = folder / "start"
    shutil.rmtree(start, ignore_errors=True)
    for lesson in lessons().values():
        shutil.copytree(course / "release" / lesson.lab, start / lesson.lab)
    settings = start / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "docmanager-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text(json.dumps({"autosaveInterval": AUTOSAVE}))
    # The contents are open at first; what a learner closes then stays closed.
    shutil.copytree(JUPYTER / "workspaces", start / ".jupyter" / "lab" / "workspaces")
    _readable(start)


def _etc(folder, course):
    exchange = str(folder / "exchange")
    quiet = {"LabApp": {"news_url": "", "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"}}
    # The course's own settings, which lie below these, turn off all that is nbgrader's. A learner hands in with
    # `course.submit`; the instructor has it back.
    tools = ("formgrader", "validate_assignment", "assignment_list", "course_list")
    shown = {f"nbgrader.server_extensions.{name}": True for name in tools}
    common = (
        f'c = get_config()\nc.CourseDirectory.course_id = "{COURSE_ID}"\nc.Exchange.root = {exchange!r}\n'
    )
    told = {
        "learner": common
        + 'import os\nc.CourseDirectory.student_id = os.environ.get("JUPYTERHUB_USER", "")\n',
        INSTRUCTOR: f"{common}c.CourseDirectory.root = {str(course)!r}\n"
        "from autograder.classroom.nbgrader_config import configure\nconfigure(c)\n",
    }
    for who, nbgrader in told.items():
        etc = folder / "etc" / who
        (etc / "labconfig").mkdir(parents=True, exist_ok=True)
        (etc / "nbgrader_config.py").write_text(nbgrader, encoding="utf-8")
        server = quiet | ({} if who == "learner" else {"ServerApp": {"jpserver_extensions": shown}})
        (etc / "jupyter_server_config.json").write_text(json.dumps(server))
        off = {"@jupyterlab/apputils-extension:announcements": True, "@jupyter/nbgrader": who == "learner"}
        (etc / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": off}))
    _readable(folder / "etc")


def _readable(folder):
    for root, _, files in os.walk(folder):
        os.chmod(root, 0o755)
        for name in files:
            os.chmod(os.path.join(root, name), 0o644)

"""Starts JupyterLab on the labs as a learner needs it: the contents open, nothing of a grader's, one line with the address."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from course.notebooks.labs_folder import JUPYTER

RUNS = re.compile(r"is running at:\s*(?:\[[^\]]*\]\s*)?(http\S+)")
PATIENCE = 60  # seconds until it is said that JupyterLab takes long
LAST = 15  # lines of what JupyterLab said that are shown when it ended at once


def command_line(labs, notebook=None, port=8888, browser=True):
    """The command that serves.

    Args:
        labs: the labs folder.
        notebook: the one to open, a path in it.
        port: where to listen, if it is free.
        browser: open the browser at once.

    Returns:
        A list of texts.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--port={port}", f"--ServerApp.root_dir={labs}"]
    command += [] if browser else ["--no-browser"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command += ["--allow-root"]  # in a container everybody is root, and JupyterLab would only refuse
    if notebook:  # as an address, so that it also stands in what --no-browser prints
        command += [f"--LabApp.default_url=/lab/tree/{notebook.relative_to(labs).as_posix()}"]
    return command


def environment(labs):
    """What JupyterLab is told by variables: the course's settings below those of the machine, and a layout of its own."""
    folders = [str(JUPYTER), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    told = {"JUPYTER_CONFIG_PATH": os.pathsep.join(folders)}
    layout = _layout(labs)
    return os.environ | told | ({"JUPYTERLAB_WORKSPACES_DIR": str(layout)} if layout else {})


def _layout(labs):
    """A folder for the layout of these labs, which begins with the contents open; `None` where none can be made.

    It is the learner's from then on: what they close stays closed, and JupyterLab elsewhere looks as they left it.
    """
    import platformdirs

    state = platformdirs.user_state_path("transformer-labs", appauthor=False)
    folder = state / "layout" / hashlib.sha256(str(labs).encode()).hexdigest()[:12]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (JUPYTER / "workspaces").iterdir():
            if not (folder / file.name).exists():
                shutil.copyfile(file, folder / file.name)
    except OSError:
        return None
    return folder


def serve(command, labs, told, say):
    """Run JupyterLab until it ends. What it logs goes to a file, and its address to the learner.

    Args:
        command, told: as `command_line` and `environment` make them.
        labs: the labs folder.
        say: called with each sentence for the learner.

    Returns:
        Its exit status.
    """
    log = _log_file()
    with open(log, "w", encoding="utf-8") if log else open(os.devnull, "w") as sink:
        process = subprocess.Popen(command, cwd=labs, env=told, stderr=sink)
    address = _stay_with(lambda: _address(process, log, say))
    if address:
        say(f"JupyterLab is at  {address}  Ctrl-C here ends it.")
    status = _stay_with(process.wait)
    if status and not address:
        for line in _text(log).splitlines()[-LAST:]:
            say(line)
        say(f"JupyterLab ended at once (status {status}).{f' All it said is in {log}.' if log else ''}")
    return status


def _address(process, log, say):
    """The address with its token, as soon as JupyterLab knows it; `None` if it ended before."""
    began, told = time.monotonic(), False
    while process.poll() is None:
        found = RUNS.search(_text(log))
        if found:
            return found.group(1)
        if not told and time.monotonic() - began > PATIENCE:
            say(f"JupyterLab takes long to start.{f' What it does is in {log}.' if log else ''}")
            told = True
        if log is None:
            return None
        time.sleep(0.1)
    return None


def _stay_with(wait):
    """Wait for a program that handles Ctrl-C itself: JupyterLab asks whether to stop."""
    while True:
        try:
            return wait()
        except KeyboardInterrupt:
            continue


def _log_file():
    import platformdirs

    folder = platformdirs.user_state_path("transformer-labs", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"jupyterlab-{os.getpid()}.log"
        path.touch(mode=0o600)  # the address in it opens the server
        for old in sorted(folder.glob("jupyterlab-*.log"), key=lambda file: file.stat().st_mtime)[:-5]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return path


def _text(log):
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace") if log else ""
    except OSError:
        return ""

"""A trial learner: before a room is called ready, somebody's server starts in it and runs a check.

What keeps a class waiting (a Python that learners may not read, a disk that is full, no memory left) shows here, with its
cure, before anybody has joined.
"""

import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from autograder.teaching.workshop import accounts, running_room
from autograder.teaching.workshop.errors import WorkshopError

NAME = "trial_learner"  # no name that somebody types gives this account: those hold no underscore
START = 180  # seconds for a server; on a quiet machine it takes ten
CHECK = 180  # seconds for a kernel and its first check, which imports TensorFlow
CURES = (
    (r"bwrap: |bubblewrap", "bubblewrap could not close a learner's room: {line}"),
    (r"No space left|Disk quota", "the disk is full: make room, {folder} is where everything is kept"),
    (r"Cannot allocate memory|MemoryError|Killed", "there is not enough memory: close other programs, or take a larger machine"),
    (r"Permission denied|PermissionError", "learners' accounts may not read or enter what they need: {line}. Put Python and the checkout where everybody can read, such as /opt, or install bubblewrap"),
    (r"No module named '?(\w+)", "a package is missing ({line}): run  pip install -c constraints.txt -e '.[workshop]'  in the checkout"),
    (r"No such file or directory", "something is not where learners' servers look for it: {line}"),
)  # fmt: skip


def opener():
    """Opens addresses of this machine, past any proxy; whose name is on the certificate does not matter here."""
    unproved = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), unproved)


def run(settings, status=lambda text: None):
    """Start the trial learner's server, run a check in it, and take both away again.

    Returns:
        `(seconds until the server answers, seconds until the check does, bytes of memory)`.

    Raises:
        WorkshopError: if a learner would not get as far; with the reason and its cure.
    """
    log = Path(settings["folder"]) / "hub" / "hub.log"
    before = log.stat().st_size if log.exists() else 0
    try:
        began = time.monotonic()
        status("starting a trial learner's server")
        pid = _serve(settings)
        served = time.monotonic() - began
        status("running a check as the trial learner")
        _check(settings)
        checked = time.monotonic() - began - served
        return served, checked, running_room.memory(pid)
    except (OSError, ValueError, KeyError, WorkshopError) as error:
        with log.open("rb") as file:
            file.seek(before)
            said = file.read().decode("utf-8", "replace")
        raise WorkshopError(f"A learner could not work here: {_reason(settings, said, error)}.") from None
    finally:
        _clear(settings)


def _reason(settings, said, error):
    text = f"{said}\n{error}"
    for pattern, cure in CURES:
        found = re.search(pattern, text)
        if found:
            start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
            line = re.sub(r"^\[[^]]*\]\s*", "", text[start : end if end >= 0 else None].strip())[:200]
            return cure.format(line=line.rstrip("."), folder=settings["folder"])
    return f"{str(error).rstrip('.')}; {Path(settings['folder']) / 'hub' / 'hub.log'} says more"


def _serve(settings):
    """Start the server and wait for it; returns its process."""
    for path in (f"users/{NAME}", f"users/{NAME}/server"):
        with contextlib.suppress(_Known):
            _post(settings, path)
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        server = running_room.ask(settings, f"users/{NAME}")["servers"].get("")
        if server is None:
            raise WorkshopError("the trial learner's server ended while it started")
        if server["ready"]:
            return (server.get("state") or {}).get("pid")
        time.sleep(0.3)
    raise WorkshopError(f"the trial learner's server did not answer within {START} seconds")


class _Known(Exception):
    """It is there already."""


def _post(settings, path):
    try:
        running_room.ask(settings, path, "POST", timeout=START)
    except urllib.error.HTTPError as error:
        if error.code in (400, 409):
            raise _Known from None
        raise


def _check(settings):
    """Run a check in a kernel of the server, through the proxy as everybody does."""
    import websocket

    scheme, _, port = settings["bind_url"].split(":")
    token, place = (
        {"Authorization": f"token {settings['token']}"},
        f"127.0.0.1:{port}/user/{NAME}/api/kernels",
    )
    words = {**token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{scheme}://{place}", b'{"name": "python3"}', words)
    with opener().open(request, timeout=CHECK) as answer:
        kernel = json.loads(answer.read())["id"]
    line = websocket.create_connection(
        f"{'wss' if scheme == 'https' else 'ws'}://{place}/{kernel}/channels",
        header=[f"{key}: {value}" for key, value in token.items()],
        timeout=CHECK,
        http_no_proxy=["*"],
        sslopt={"cert_reqs": ssl.CERT_NONE},
    )
    code = f"import course\nprint(course.check(lambda *given: None, {settings['exercise']!r}))"
    with contextlib.closing(line):
        line.send(json.dumps(_request(code)))
        _expect_answer(line)


def _request(code):
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
              "date": "", "version": "5.3"}  # fmt: skip
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}


def _expect_answer(line):
    deadline = time.monotonic() + CHECK
    while time.monotonic() < deadline:
        news = json.loads(line.recv())
        if news["msg_type"] == "error":
            content = news["content"]
            raise WorkshopError(f"the trial learner's check stopped: {content['ename']}: {content['evalue']}")
        if news["msg_type"] == "execute_reply":
            return
    raise WorkshopError(f"the trial learner's check was not done within {CHECK} seconds")


def _clear(settings):
    """Take the trial learner away again: server, name, account, home."""
    with contextlib.suppress(OSError, ValueError):
        running_room.ask(settings, f"users/{NAME}/server", "DELETE", timeout=30)
    deadline = time.monotonic() + 30
    with contextlib.suppress(OSError, ValueError, KeyError):
        while time.monotonic() < deadline and running_room.ask(settings, f"users/{NAME}")["servers"]:
            time.sleep(0.2)
        running_room.ask(settings, f"users/{NAME}", "DELETE")
    if settings["accounts"] and os.geteuid() == 0 and NAME in accounts.ours(settings["homes"]):
        subprocess.run(["userdel", NAME], capture_output=True)
    shutil.rmtree(Path(settings["homes"]) / NAME, ignore_errors=True)

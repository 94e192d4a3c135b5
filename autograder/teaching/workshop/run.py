"""`autograder workshop`: one command from a checkout to a room that people can join."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from autograder.console import console
from autograder.paths import ROOT
from autograder.teaching.workshop.errors import WorkshopError
from autograder.teaching.workshop.room_words import announce, say_it_runs, say_what_was_tried
from autograder.teaching.workshop.settings import host
from course.notebooks.lesson import find_lesson

NEEDED = ("jupyterhub", "starlette", "uvicorn", "sse_starlette", "segno", "nbgrader", "jupyterlab")
CONFIG = Path(__file__).with_name("jupyterhub_config.py")
START = 180  # seconds until the Hub must answer
STOP = 60
LOOK = 2  # seconds between looks at what the Hub has started
_STARTED = []


def workshop(
    folder,
    lab="1",
    port=8000,
    local=False,
    names=None,
    certificate=None,
    wall_names=False,
    memory=4.0,
    trial=True,
):
    """Run a workshop until Ctrl-C, or until its terminal is closed; says so if it runs already.

    Args:
        folder: where everything is kept; the same folder goes on from there.
        lab: the lab that opens first.
        port: where people join.
        local: only this machine can join, for a rehearsal.
        names: a file with one name a line; only these may join.
        certificate: `(certificate, key)` files for https.
        wall_names: whether learners' names are on the projector.
        memory: GiB for each learner, where it can be limited.
        trial: whether a trial learner has to run a check before the room is called ready.

    Raises:
        WorkshopError: with a sentence, if it cannot start.
    """
    folder, lesson = Path(folder).resolve(), find_lesson(str(lab))
    _expect_packages()
    from autograder.teaching.workshop import running_room

    if running_room.find(folder) is not None:
        return say_it_runs(folder)
    _expect_ready(local, port)
    from autograder.teaching.workshop import accounts, bubblewrap, limits, workshop_folder
    from autograder.teaching.workshop import settings as settings_of
    from autograder.teaching.workshop import trial as trial_learner
    from autograder.teaching.workshop.http_proxy import proxy_command

    allowed, process = settings_of.names_of(names), None
    _listen()
    if swept := running_room.sweep(folder):
        console.print(f"{swept} processes were left of the last time; they are ended.", highlight=False)
    try:
        status = console.status("getting ready")
        status.start()
        proxy = proxy_command(lambda text: status.update(text))
        course = workshop_folder.make(folder, lambda text: status.update(text))
        not_enclosed = bubblewrap.why_not_enclosed()
        rooted = os.geteuid() == 0
        if not_enclosed and (rooted or not local):
            _expect_closed(folder, course, local)
        settings = settings_of.make(
            folder, course, lesson, port, local, allowed, certificate, wall_names, memory
        )
        settings |= {"proxy": proxy, "accounts": rooted, "enclosed": not not_enclosed}
        if rooted:
            _expect_no_other(folder)
            accounts.ensure(workshop_folder.INSTRUCTOR, folder / "homes")
            workshop_folder.hand_over(folder)
        settings_of.write(folder / "settings.json", settings)
        status.update("starting JupyterHub")
        process = _start(folder, settings)
        running_room.note(folder)
        tried = trial_learner.run(settings, status.update) if trial else None
        status.stop()
        announce(settings, local, not_enclosed)
        say_what_was_tried(settings, tried)
        console.print("Ctrl-C stops everything and loses nothing.\n", highlight=False)
        _stay(process, folder)
    except KeyboardInterrupt:
        pass
    finally:
        status.stop()
        _stop(process, folder)
        limits.clear()
        running_room.forget(folder)
    console.print(
        f"\nStopped. Everybody's work is in {folder}; the same command goes on from there.", highlight=False
    )


def _listen():
    """Have SIGTERM, and a terminal that is closed, stop the room as Ctrl-C does."""

    def end(number, _):
        if number == signal.SIGHUP:  # nobody reads any more, and writing to a terminal that is gone fails
            with open(os.devnull, "r+b") as nowhere:
                for stream in (0, 1, 2):
                    os.dup2(nowhere.fileno(), stream)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # started with nohup it lives on
        signal.signal(signal.SIGHUP, end)


def remove_accounts(folder):
    """Remove the learners' Unix accounts of a workshop; their homes stay."""
    from autograder.teaching.workshop import accounts

    if os.geteuid() != 0:
        raise WorkshopError("Accounts are removed by root: run the same command with sudo.")
    gone = accounts.remove(Path(folder).resolve() / "homes")
    console.print(
        f"{len(gone)} account{'' if len(gone) == 1 else 's'} removed; the homes stay.", highlight=False
    )


def forget(folder, name):
    """Let whoever joins next under a name choose its password; the work stays. While the workshop is stopped."""
    from autograder.teaching.workshop.accounts import slug
    from autograder.teaching.workshop.joining import People

    people = People(Path(folder) / "people.json")
    if slug(name) not in people:
        raise WorkshopError(f"Nobody has joined as {name}.")
    people.forget(slug(name))
    console.print(f"Whoever joins as {name} next chooses the password.", highlight=False)


def _expect_packages():
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WorkshopError(
            f"A workshop needs {', '.join(missing)}: run  pip install -c constraints.txt -e '.[workshop]'  in the checkout."
        )


def _expect_ready(local, port):
    if not sys.platform.startswith("linux") and not local:
        raise WorkshopError(
            "Only Linux keeps learners apart: use a Linux server, or  --local  for a rehearsal."
        )
    if os.geteuid() != 0 and not local:
        raise WorkshopError(
            "Giving every learner an account of their own takes root: run it with sudo, or with --local for a rehearsal "
            "on this machine."
        )
    with socket.socket(socket.AF_INET6 if ":" in host(local) else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host(local), port))
        except OSError as error:
            raise WorkshopError(
                f"Port {port} cannot be used ({error.strerror}): stop what uses it, or name another with --port."
            ) from None


def _expect_no_other(folder):
    from autograder.teaching.workshop import accounts

    if set(accounts.everybody()) - set(accounts.ours(folder / "homes")):
        raise WorkshopError(
            "Accounts of another workshop are on this machine: stop it, then run  autograder workshop OTHER_FOLDER "
            "--remove-accounts  (its homes stay)."
        )


def _expect_closed(folder, course, local=False):
    """Without namespaces, refuse to start where permissions leave something open, or closed that learners need.

    Args:
        local: a rehearsal, in which answers may stay open.
    """
    from autograder.teaching.workshop import bubblewrap

    project = ROOT
    answers = [*sorted((project / "solutions").glob("*.py")), *sorted(course.glob("source/*/*.ipynb"))]
    answers += [*(project / ".git").glob("HEAD"), folder / "settings.json"]
    needed = [Path(sys.executable).resolve(), folder / "library" / "course" / "__init__.py", folder / "start"]
    (folder / "settings.json").touch(mode=0o600)
    reason = bubblewrap.why_open([path for path in answers if path.exists() and not local], needed[:2])
    if reason and local:
        raise WorkshopError(f"Learners could not work here: {reason}, or install bubblewrap.")
    if reason:
        raise WorkshopError(f"Learners would not be kept apart here: {reason}, or install bubblewrap.")


def _start(folder, settings):
    from autograder.teaching.workshop.running_room import MARK
    from autograder.teaching.workshop.trial import opener

    environment = os.environ | {"WORKSHOP_SETTINGS": str(folder / "settings.json"), MARK: str(folder)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    log = folder / "hub" / "hub.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)],
            cwd=folder / "hub",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches it through us, once
            preexec_fn=_end_with_us,
        )
    deadline = time.monotonic() + START
    # The way everybody takes, through the proxy.
    direct = opener()
    scheme, _, port = settings["bind_url"].split(":")
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            for path in ("hub/health", "services/board/health"):
                direct.open(f"{scheme}://127.0.0.1:{port}/{path}", timeout=2).close()
            return process
        time.sleep(0.3)
    _stop(process, folder)
    raise WorkshopError(f"JupyterHub did not start; the end of {log} says why.")


def _end_with_us():
    """The Hub ends in order when this process is gone, also when it was killed. Run between `fork` and `exec`."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _stay(process, folder):
    """Wait until the Hub ends, and know what it started: a Hub that is killed leaves it behind."""
    import psutil

    while True:
        with contextlib.suppress(psutil.Error):
            _STARTED[:] = psutil.Process(process.pid).children(recursive=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
            raise WorkshopError(
                f"JupyterHub ended by itself, and everything was stopped; the end of {folder / 'hub' / 'hub.log'} says "
                "why. The same command goes on from there."
            )


def _stop(process, folder):
    """End the Hub and everything that belongs to the room, whoever started it."""
    import psutil

    from autograder.teaching.workshop import running_room

    started = list(_STARTED)
    with contextlib.suppress(psutil.Error, AttributeError):
        started += psutil.Process(process.pid).children(recursive=True)
    if process is not None and process.poll() is None:
        process.terminate()
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            process.wait(STOP)
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    running_room.sweep(folder, started)

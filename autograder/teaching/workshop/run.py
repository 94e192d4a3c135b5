"""`autograder workshop`: one command from a checkout to a room that people can join."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

from rich.markup import escape

from autograder.console import console
from autograder.paths import ROOT
from autograder.teaching.workshop.errors import WorkshopError
from autograder.teaching.workshop.settings import host
from course.notebooks.lesson import find_lesson

NEEDED = ("jupyterhub", "starlette", "uvicorn", "sse_starlette", "segno", "nbgrader", "jupyterlab")
CONFIG = Path(__file__).with_name("jupyterhub_config.py")
START = 180  # seconds until the Hub must answer
STOP = 60


def workshop(folder, lab="1", port=8000, local=False, names=None, certificate=None):
    """Run a workshop until Ctrl-C.

    Args:
        folder: where everything is kept; the same folder goes on from there.
        lab: the lab that opens first.
        port: where people join.
        local: only this machine can join, for a rehearsal.
        names: a file with one name a line; only these may join.
        certificate: `(certificate, key)` files for https.

    Raises:
        WorkshopError: with a sentence, if it cannot start.
    """
    folder, lesson = Path(folder).resolve(), find_lesson(str(lab))
    _expect_ready(local, port)
    from autograder.teaching.workshop import accounts, bubblewrap, workshop_folder
    from autograder.teaching.workshop import settings as settings_of
    from autograder.teaching.workshop.http_proxy import proxy_command

    allowed = settings_of.names_of(names)
    with console.status("getting ready") as status:
        proxy = proxy_command(lambda text: status.update(text))
        course = workshop_folder.make(folder, lambda text: status.update(text))
        not_enclosed = bubblewrap.why_not_enclosed()
        rooted = os.geteuid() == 0
        if not_enclosed and not local:
            _expect_closed(folder, course)
        settings = settings_of.make(folder, course, lesson, port, local, allowed, certificate)
        settings |= {"proxy": proxy, "accounts": rooted, "enclosed": not not_enclosed}
        if rooted:
            _expect_no_other(folder)
            accounts.ensure(workshop_folder.INSTRUCTOR, folder / "homes")
            workshop_folder.hand_over(folder)
        settings_of.write(folder / "settings.json", settings)
        status.update("starting JupyterHub")
        process = _start(folder, settings)
    try:
        _announce(settings, local, not_enclosed)
        _stay(process, folder)
    finally:
        _stop(process)
    console.print(
        f"\nStopped. Everybody's work is in {folder}; the same command goes on from there.", highlight=False
    )


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


def _expect_ready(local, port):
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WorkshopError(
            f"A workshop needs {', '.join(missing)}: run  pip install -c constraints.txt -e '.[workshop]'  in the checkout."
        )
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


def _expect_closed(folder, course):
    """Without namespaces, refuse to start where permissions leave something open."""
    from autograder.teaching.workshop import bubblewrap

    project = ROOT
    answers = [*sorted((project / "solutions").glob("*.py")), *sorted(course.glob("source/*/*.ipynb"))]
    answers += [*(project / ".git").glob("HEAD"), folder / "settings.json"]
    needed = [Path(sys.executable).resolve(), folder / "library" / "course" / "__init__.py", folder / "start"]
    (folder / "settings.json").touch(mode=0o600)
    reason = bubblewrap.why_open([path for path in answers if path.exists()], needed[:2])
    if reason:
        raise WorkshopError(f"Learners would not be kept apart here: {reason}, or install bubblewrap.")


def _start(folder, settings):
    environment = os.environ | {"WORKSHOP_SETTINGS": str(folder / "settings.json")}
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
        )
    deadline = time.monotonic() + START
    # The way everybody takes, through the proxy; whose name is on the certificate does not matter here.
    unproved = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), unproved)
    scheme, _, port = settings["bind_url"].split(":")
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            for path in ("hub/health", "services/board/health"):
                direct.open(f"{scheme}://127.0.0.1:{port}/{path}", timeout=2).close()
            return process
        time.sleep(0.3)
    _stop(process)
    raise WorkshopError(f"JupyterHub did not start; the end of {log} says why.")


def _announce(settings, local, not_enclosed):
    import segno

    address = settings["address"]
    if not local:
        console.print()
        segno.make(address).terminal(compact=True)
    console.print(f"\nJoin        {address}\nJoin code   [bold]{settings['code']}[/]", highlight=False)
    console.print(
        f"Instructor  {settings['instructor']}, password {settings['instructor_password']}\n"
        f"Board       {address}/services/board/",
        highlight=False,
    )
    if not_enclosed and local:
        console.print(
            f"[yellow]A rehearsal only: learners are not kept apart here, and could read the answers "
            f"({escape(not_enclosed)}).[/]",
            highlight=False,
        )
    elif not settings["accounts"]:
        console.print(
            "A rehearsal: everybody works under your account, each in a closed room.", highlight=False
        )
    console.print("Ctrl-C stops everything and loses nothing.\n", highlight=False)


def _stay(process, folder):
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with contextlib.suppress(KeyboardInterrupt):
        process.wait()
        raise WorkshopError(f"JupyterHub ended by itself; the end of {folder / 'hub' / 'hub.log'} says why.")


def _stop(process):
    """End the Hub and everything it started; one that is stopped while it starts leaves that to us."""
    import psutil

    if process.poll() is not None:
        return
    started = []
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        process.wait(STOP)
    if process.poll() is None:
        process.kill()
        process.wait()
    for one in started:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    for one in psutil.wait_procs(started, timeout=10)[1]:
        with contextlib.suppress(psutil.Error):
            one.kill()

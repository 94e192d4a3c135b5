"""The room that runs in a folder: found again, asked how it is, stopped, and swept up after.

`running.json` names the process of the command. Every process of a room carries the room's folder in its environment
(`WORKSHOP_ROOM`), so that whatever outlived its parent can be found, and nothing else is taken for it.
"""

import contextlib
import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import psutil

MARK = "WORKSHOP_ROOM"
FILE = "running.json"
PATIENCE = 90  # seconds in which a room closes by itself


def note(folder):
    """Say in the folder that this process runs its room."""
    me = psutil.Process()
    (Path(folder) / FILE).write_text(json.dumps({"pid": me.pid, "since": me.create_time()}))


def forget(folder):
    """The room is closed."""
    (Path(folder) / FILE).unlink(missing_ok=True)


def find(folder):
    """The process that runs a folder's room; `None` if none does."""
    try:
        told = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
        process = psutil.Process(told["pid"])
        same = abs(process.create_time() - told["since"]) < 1
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def parts(folder):
    """All processes of a folder's room but the command itself."""
    found, own = [], {os.getpid()}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in own and process.environ().get(MARK) == str(folder):
                found.append(process)
    return found


def sweep(folder, known=()):
    """End whatever of a room still runs; returns how many processes that were.

    Args:
        known: processes that are known to belong to it, besides those that say so.
    """
    left = list({process.pid: process for process in (*known, *parts(folder))}.values())
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=10)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return len(left)


def stop(folder):
    """Stop a folder's room as Ctrl-C does; returns whether there was anything to stop."""
    process, swept = find(folder), 0
    if process is not None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(psutil.Error):
            process.wait(PATIENCE)
        if process.is_running():
            process.kill()
    swept = sweep(folder)
    forget(folder)
    return process is not None or swept > 0


def ask(settings, path, method="GET", timeout=10):
    """What the Hub answers to a request in its API, made with the command's own token; `None` for no content."""
    from autograder.teaching.workshop.trial import opener

    request = urllib.request.Request(
        f"http://127.0.0.1:{settings['ports']['hub']}/hub/api/{path}",
        method=method,
        headers={"Authorization": f"token {settings['token']}"},
        data=b"{}" if method == "POST" else None,
    )
    with opener().open(request, timeout=timeout) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def memory(pid):
    """Bytes that a process and its children take, what they share with others counted in part."""
    total = 0
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total


def state(folder):
    """What `--status` says: a dictionary, or `None` if no room runs."""
    process = find(folder)
    if process is None:
        return None
    settings = json.loads((Path(folder) / "settings.json").read_text(encoding="utf-8"))
    servers = []
    with contextlib.suppress(OSError, ValueError):
        for user in ask(settings, "users"):
            for server in (user.get("servers") or {}).values():
                pid = (server.get("state") or {}).get("pid")
                servers.append((user["name"], memory(pid) if pid else 0, bool(server.get("ready"))))
    return {"settings": settings, "minutes": (time.time() - process.create_time()) / 60, "servers": servers}

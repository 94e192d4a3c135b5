"""What a workshop's Hub is told: addresses, folders, secrets. Kept in the workshop folder, for its owner alone."""

import contextlib
import ipaddress
import json
import os
import secrets
import socket
from pathlib import Path

from autograder.judge.sandbox.isolation import missing_layers
from autograder.teaching.workshop import limits
from autograder.teaching.workshop.accounts import slug
from autograder.teaching.workshop.errors import WorkshopError
from autograder.teaching.workshop.joining import new_code
from autograder.teaching.workshop.workshop_folder import INSTRUCTOR


def host(local):
    """What the proxy listens on."""
    return "127.0.0.1" if local else "0.0.0.0"


def names_of(path):
    if path is None:
        return []
    found = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not found:
        raise WorkshopError(f"{path} is empty: write one name a line.")
    return sorted({slug(name) for name in found} - {""})


def make(folder, course, lesson, port, local, names, certificate, wall_names=False, memory=4.0):
    """What the Hub is told; secrets are those of the last time."""
    before = {}
    with contextlib.suppress(OSError, ValueError):
        before = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    ports = dict(zip(("hub", "proxy", "board"), _free_ports(3), strict=True))
    scheme = "https" if certificate else "http"
    address = f"{scheme}://{'127.0.0.1' if local else _address()}:{port}"
    code = before.get("code") or new_code()
    isolation = "none" if missing_layers() else "full"
    return {
        "folder": str(folder),
        "code": code,
        "token": before.get("token") or secrets.token_hex(32),
        "secret": before.get("secret") or secrets.token_hex(32),
        "instructor": INSTRUCTOR,
        "instructor_password": before.get("instructor_password")
        or "-".join(secrets.token_hex(3) for _ in range(4)),
        "names": names,
        "ports": ports,
        "bind_url": f"{scheme}://{host(local)}:{port}",
        "address": address,
        "certificate": [str(Path(file).resolve()) for file in certificate] if certificate else None,
        "board_url": f"http://127.0.0.1:{ports['board']}/services/board",
        "board": {
            "folder": str(folder / "board"),
            "course_dir": str(course),
            "record": str(folder / "record"),
            "lab": lesson.lab,
            "isolation": isolation,
            "workers": max(1, (os.cpu_count() or 2)),
            "address": address,
            "code": code,
            "wall_names": wall_names,
        },
        "limits": limits.kind(),
        "memory": memory,
        "exercise": next(iter(lesson.exercises)),
        "first": f"{lesson.lab}/{lesson.name}.ipynb",
        "homes": str(folder / "homes"),
        "library": str(folder / "library"),
        "labs": str(folder / "start"),
        "etc": str(folder / "etc"),
        "exchange": str(folder / "exchange"),
        "record": str(folder / "record"),
    }


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


def _address():
    """This machine's address in the room: that of its first real network card."""
    import psutil

    found = [
        entry.address
        for cards in psutil.net_if_addrs().values()
        for entry in cards
        if entry.family == socket.AF_INET and not ipaddress.ip_address(entry.address).is_loopback
    ]
    return found[0] if found else socket.gethostname()


def write(path, settings):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(settings, file, indent=1)
    path.chmod(0o600)

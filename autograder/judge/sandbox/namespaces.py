"""A fourth layer where the machine offers it: the warm server in namespaces of its own, through bubblewrap.

Inside there is no network, no other process and nothing on disk but Python, its packages and `course`: the reference,
the probes and the gradebook do not exist there. Whatever is started dies with the server, because the kernel ends a
PID namespace with its first process. The layer is taken when it works and done without when it does not; Landlock,
seccomp and rlimits hold either way.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.judge.sandbox.isolation import SYSTEM

TRIAL = 20  # seconds
PROGRAMS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")  # Python asks `ldconfig` where libraries are


@functools.cache
def available() -> str:
    """`""` if namespaces can be had, else why not."""
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: your system's package bubblewrap brings it"
    try:
        trial = [*_bubblewrap(()), sys.executable, "-c", ""]
        done = subprocess.run(trial, capture_output=True, text=True, timeout=TRIAL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be used ({error})"
    return f"bubblewrap is not allowed here ({done.stderr.strip()[:120]})" if done.returncode else ""


def in_namespaces(command: list[str], readable: Sequence[str | Path], writable: Path) -> list[str]:
    """The command, in namespaces where it sees `readable` and writes to `writable` only; as it is without the layer."""
    if available():
        return list(command)
    return [*_bubblewrap(readable), "--bind", str(writable), str(writable), "--", *command]


def _bubblewrap(readable):
    words = [
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    words += ["--tmpfs", "/tmp"]
    own = [sys.prefix, sys.base_prefix, os.environ.get("PYTHONPYCACHEPREFIX", ""), *readable]
    kernels = ("/proc/", "/dev/")
    shown = {
        path
        for path in (*SYSTEM, *PROGRAMS, *map(str, own))
        if os.path.exists(path) and not path.startswith(kernels)
    }
    # Outer folders first, so that none covers an inner one. A link (/lib on most systems) is bound to what it means.
    for path in sorted(shown):
        words += ["--ro-bind", os.path.realpath(path), path]
    return words


def host_pid(server_pid: int, inside_pid: int) -> int | None:
    """The process that is `inside_pid` to the server's namespace, by the number it has out here; `None` if gone."""
    for status in _descendants(server_pid):
        numbers = next((row.split()[1:] for row in status if row.startswith("NSpid:")), ())
        if numbers and int(numbers[-1]) == inside_pid and int(numbers[0]) != server_pid:
            return int(numbers[0])
    return None


def _descendants(pid):
    """The lines of /proc/PID/status of everything a process started."""
    waiting = [pid]
    while waiting:
        try:
            folder = Path(f"/proc/{waiting.pop()}")
            yield (folder / "status").read_text().splitlines()
            for task in (folder / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it has just ended
            continue

"""What one learner may take of the machine, where it can be limited: memory, and a fair share of the processor.

Each server gets a control group of its own. Between groups the kernel shares the processor evenly, whatever runs in
them, so an endless loop in four threads is one learner's share; memory has an upper bound, beyond which that learner's
own processes are ended and nobody else's. Where systemd runs, it makes the groups; elsewhere root makes them itself, in
version 1 or 2. Without rights to either there are no limits, and the room says so.
"""

import contextlib
import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
ROOM = "workshop-room"
SYSTEMD = Path("/run/systemd/system")
GIB = 1 << 30


def kind():
    """`"systemd"`, `"v2"` or `"v1"`: how limits can be set here; empty if they cannot."""
    if os.geteuid() != 0:
        return ""
    if SYSTEMD.is_dir():
        return "systemd"
    for name, places in (("v2", [ROOT]), ("v1", [ROOT / "memory", ROOT / "cpu"])):
        try:
            for place in places:
                trial = place / f"{ROOM}-trial"
                trial.mkdir()
                known = (trial / ("memory.max" if name == "v2" else "cgroup.procs")).exists()
                trial.rmdir()
                if not known:
                    raise OSError
        except OSError:
            continue
        return name
    return ""


def prefix(how, name, gibibytes):
    """Words before a command that put it under limits; none where the groups are made by `enter`."""
    if how != "systemd":
        return []
    words = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={ROOM}-{name}-{os.urandom(3).hex()}"]
    words += ["-p", f"MemoryMax={int(gibibytes * GIB)}", "-p", "MemorySwapMax=0", "-p", "CPUWeight=100"]
    return [*words, "--"]


def prepare(how, name, gibibytes):
    """Make a learner's groups; returns the files that a process enters them by."""
    bound = str(int(gibibytes * GIB))
    if how == "v2":
        with contextlib.suppress(OSError):
            (ROOT / "cgroup.subtree_control").write_text("+memory +cpu")
        (ROOT / ROOM).mkdir(exist_ok=True)
        (ROOT / ROOM / "cgroup.subtree_control").write_text("+memory +cpu")
        group = ROOT / ROOM / name
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(bound)
        return [group / "cgroup.procs"]
    if how == "v1":
        groups = [ROOT / place / ROOM / name for place in ("memory", "cpu")]
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
        (groups[0] / "memory.limit_in_bytes").write_text(bound)
        return [group / "cgroup.procs" for group in groups]
    return []


def enter(files):
    """Put the calling process, and all that it will start, into groups. Run between `fork` and `exec`."""
    for file in files:
        handle = os.open(file, os.O_WRONLY)
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)


def clear():
    """Take away the groups that are empty by now."""
    for top in (ROOT / ROOM, ROOT / "memory" / ROOM, ROOT / "cpu" / ROOM):
        with contextlib.suppress(OSError):
            for group in [one for one in top.iterdir() if one.is_dir()]:
                with contextlib.suppress(OSError):
                    group.rmdir()
            top.rmdir()

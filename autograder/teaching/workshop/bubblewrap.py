"""What a learner's server can see: Python, the learner's package, the labs and their own home. Nothing else.

Where bubblewrap works each server lives in namespaces of its own, in which the checkout with its answers, the board's
data, other homes and other people's processes do not exist. As root every learner is a Unix account besides. Without
bubblewrap, accounts and permissions alone have to do, and only if they really do: `why_open` tries.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys/devices/system", "/opt/nvidia")
ETC = (
    "passwd", "group", "hosts", "hostname", "nsswitch.conf", "resolv.conf", "localtime", "timezone", "ssl", "ca-certificates",
    "fonts", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "mime.types", "bash.bashrc", "profile", "terminfo",
)  # fmt: skip
DEVICES = ("/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dri")
TRIAL = 20  # seconds


def enclosed(command, home, readable=(), writable=(), account=None):
    """A command in namespaces where it sees and writes what it is given.

    Args:
        command: list of words.
        home: the folder it starts in and writes to.
        readable: more files and folders that it reads, where they are.
        writable: more that it writes.
        account: `(uid, gid, name)` to become, when started by root.

    Returns:
        A list of words.
    """
    words = [
        "bwrap",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
    ]
    words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
    etc = [f"/etc/{name}" for name in ETC]
    python = [sys.prefix, sys.base_prefix, os.environ.get("PYTHONPYCACHEPREFIX", "")]
    reads = {str(path) for path in (*SYSTEM, *etc, *python, *readable) if path and os.path.exists(path)}
    writes = {str(path) for path in (home, *writable)}
    made = {"/", "/tmp", "/proc", "/dev"}
    for path in sorted(reads | writes):  # outer folders first
        for parent in reversed(Path(path).parents):
            if str(parent) not in made:  # by itself bubblewrap would make it root's alone
                words += ["--perms", "0755", "--dir", str(parent)]
                made.add(str(parent))
        made.add(path)
        if os.path.islink(path) and os.path.dirname(path) == "/":
            words += ["--symlink", os.readlink(path), path]
        else:
            words += ["--bind" if path in writes else "--ro-bind", os.path.realpath(path), path]
    for device in DEVICES:
        words += ["--dev-bind-try", device, device]
    words += ["--chdir", str(home), "--"]
    if account:
        uid, gid, _ = account
        words += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all"]
        words += ["--bounding-set=-all", "--no-new-privs", "--"]
    return [*words, *command]


def why_not_enclosed():
    """Why bubblewrap cannot be used here; empty if it can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: your system's package bubblewrap brings it"
    account = (65534, 65534, "nobody") if os.geteuid() == 0 else None
    if account and shutil.which("setpriv") is None:
        return "setpriv is missing: your system's package util-linux brings it"
    try:
        trial = enclosed([sys.executable, "-c", ""], "/usr", account=account)
        trial[trial.index("/usr") - 1] = "--ro-bind"
        done = subprocess.run(trial, capture_output=True, text=True, timeout=TRIAL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be used ({error})"
    return f"bubblewrap is not allowed here ({done.stderr.strip()[-120:]})" if done.returncode else ""


def why_open(secrets, needed):
    """Tries, as somebody without rights, what accounts alone keep apart; empty if they do.

    Args:
        secrets: files that no learner may read.
        needed: files that every learner must read.
    """
    code = (
        "import os, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for path in sys.argv[1:]:\n"
        "    try: open(path, 'rb').close(); print('y')\n"
        "    except OSError: print('n')\n"
    )
    paths = [*map(str, secrets), *map(str, needed)]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=TRIAL)
    said = done.stdout.split()
    if len(said) != len(paths):
        return f"it could not be tried who reads what ({done.stderr.strip()[-120:]})"
    for path, readable in zip(paths, said, strict=True):
        if readable == "y" and path in map(str, secrets):
            return f"everybody on this machine can read {path}: close its folder (chmod 700)"
        if readable == "n" and path not in map(str, secrets):
            return f"learners' accounts cannot read {path}: put Python where everybody can, such as /opt"
    return ""

"""Shuts a process in before a line of a learner's code runs in it. Linux; no privileges needed.

Three layers, each enough for much and all three for more:

* Landlock: reads Python, its packages and `course`, writes its scratch folder, sees nothing else; signals nobody.
* seccomp: starts no process, opens no socket, traces nobody, changes no limit, mount or clock.
* rlimits: processor time, memory, file size, open files; no core dumps.

Every call here is irrevocable, so it must run in the forked child, never in the server.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import py_landlock
except ImportError:
    py_landlock = None  # type: ignore[assignment]
try:
    import pyseccomp
except (ImportError, OSError, RuntimeError):  # the package, or the libseccomp it binds, is missing
    pyseccomp = None

LAYERS = ("landlock", "seccomp", "rlimits")

# Read-only bits of the machine that Python, TensorFlow and time zones look at.
SYSTEM = (
    "/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/self", "/sys/devices/system/cpu",
)  # fmt: skip

_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

# Nothing an answer needs. A call that this machine's libseccomp does not know is skipped.
# fmt: off
_REFUSED = (
    "fork", "vfork", "execve", "execveat",  # other processes
    "socket", "io_uring_setup", "io_uring_enter",  # the network, and ways round a filter
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "tkill", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "perf_event_open", "userfaultfd", "bpf",  # looking into others
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
    "mount_setattr", "open_by_handle_at", "name_to_handle_at", "quotactl", "swapon", "swapoff",  # other views of files
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
    "shmget", "msgget", "semget", "mq_open", "add_key", "request_key", "keyctl",  # what outlives a process
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "sethostname",
    "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "acct", "iopl", "ioperm", "syslog",
    "vhangup", "nfsservctl", "lookup_dcookie",  # the machine itself
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat",
    "utimensat", "memfd_create",  # what Landlock does not cover
    "setrlimit", "personality", "sched_setscheduler", "sched_setaffinity", "setpriority", "ioprio_set", "setpgid",
    "setsid", "setitimer", "alarm", "timer_create", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",  # its own limits
)
# fmt: on


@dataclass(frozen=True)
class Limits:
    """What one student process may use, in total.

    Attributes:
        cpu: processor seconds.
        memory: bytes of private data. TensorFlow maps far more address space than it uses, so this limits
            data and not address space.
        file_size: bytes of one file.
        scratch: bytes of all files together; looked at while the process works.
        files: number of files and folders.
        threads: number of threads; TensorFlow needs a dozen.
        open_files: number of open files.
    """

    cpu: int = 300
    memory: int = 4 << 30
    file_size: int = 64 << 20
    scratch: int = 256 << 20
    files: int = 10_000
    threads: int = 100
    open_files: int = 256


def missing_layers() -> dict[str, str]:
    """Layer -> why it is not to be had on this machine. Empty when all are."""
    reasons = {}
    if not sys.platform.startswith("linux"):
        return {layer: "needs Linux" for layer in LAYERS}
    if py_landlock is None:
        reasons["landlock"] = (
            "the package py-landlock is not installed: pip install 'transformer-labs[instructor]'"
        )
    else:
        try:
            py_landlock.get_abi_version()
        except (py_landlock.LandlockError, OSError) as error:
            reasons["landlock"] = (
                f"the kernel does not offer it ({error}); Linux 5.13 or newer with Landlock on does"
            )
    if pyseccomp is None:
        reasons["seccomp"] = (
            "pyseccomp or libseccomp is missing: pip install pyseccomp, and your system's libseccomp2"
        )
    return reasons


def environment(folder: Path, runtime: Any) -> dict[str, str]:
    """A clean environment: nothing of the grader's (keys, paths, settings) reaches a submission.

    Args:
        folder: where the process may write.
        runtime: an `autograder.judge.assignment.Runtime`, which may add to it.
    """
    keep = (
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PYTHONPYCACHEPREFIX",
        "OPENBLAS_CORETYPE",
        "OPENBLAS_L2_SIZE",
        *runtime.inherited,
    )
    return {name: os.environ[name] for name in keep if name in os.environ} | {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(folder),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        # One thread each: submissions run side by side, so the cores are shared by process, not by thread.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **dict(runtime.environment),
    }


def isolate(
    scratch: str, readable: list[str], limits: Limits | None = None, listable: Sequence[str] = ()
) -> list[str]:
    """Shut the calling process in.

    Args:
        scratch: the one folder it may write to.
        readable: folders and files it may read, besides Python and system libraries.
        limits: a `Limits`.
        listable: folders whose entries it may list, without reading them.

    Returns:
        The layers that are active, a list.

    Raises:
        OSError: if a layer does not work; the process must then end.
    """
    absent = missing_layers()
    if absent:  # the judge saw all of them; whatever went missing in between, nothing runs without
        raise OSError(f"layers of isolation are gone: {absent}")
    _set_rlimits(limits or Limits())
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option, value in (
        (_PR_SET_PDEATHSIG, signal.SIGKILL),
        (_PR_SET_DUMPABLE, 0),
        (_PR_SET_NO_NEW_PRIVS, 1),
    ):
        if prctl(option, value, 0, 0, 0):
            raise OSError(ctypes.get_errno(), f"prctl {option} failed")
    _apply_landlock(scratch, readable, listable)
    _apply_seccomp()
    return list(LAYERS)


def _set_rlimits(limits):
    bounds = {
        "RLIMIT_CPU": limits.cpu,
        "RLIMIT_DATA": limits.memory,
        "RLIMIT_FSIZE": limits.file_size,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    for name, bound in bounds.items():
        # The hard limit on time kills, the soft one says why first.
        resource.setrlimit(getattr(resource, name), (bound, bound + (name == "RLIMIT_CPU")))


def _apply_landlock(scratch, readable, listable):
    access = py_landlock.AccessFs
    rules = py_landlock.Landlock(strict=False)  # the newest rules that this kernel knows
    paths = (*SYSTEM, "/dev/urandom", "/dev/zero", "/dev/null", sys.prefix, sys.base_prefix, *readable)
    for path in sorted({os.path.realpath(path) for path in paths if os.path.exists(path)}):
        # The kernel refuses a rule about folders on a file.
        whole = access.READ_FILE | access.READ_DIR if os.path.isdir(path) else access.READ_FILE
        rules.add_path_rule(path, access=whole)
    for folder in listable:
        rules.add_path_rule(folder, access=access.READ_DIR)
    rules.add_path_rule("/dev/null", access=access.WRITE_FILE)
    rules.allow_read_write(scratch)
    rules.apply()


def _apply_seccomp():
    refuse = pyseccomp.ERRNO(errno.EPERM)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    own = os.getpid()

    def add(action, name, *arguments):
        # A call that this architecture, or this libseccomp, does not have needs no rule.
        with contextlib.suppress(ValueError, OSError, RuntimeError):
            rules.add_rule(action, name, *arguments)

    for name in _REFUSED:
        add(refuse, name)
    # New threads are TensorFlow's; new processes nobody's. `clone3` hides its flags from a filter, so it has to look
    # like an old kernel's: the C library then falls back to `clone`.
    add(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    add(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for name, signal_argument in (("kill", 1), ("tgkill", 2)):
        add(refuse, name, pyseccomp.Arg(0, pyseccomp.NE, own))
        # So that a process that dies of SIGKILL was killed from outside, which is no fault of its own.
        add(refuse, name, pyseccomp.Arg(signal_argument, pyseccomp.EQ, signal.SIGKILL))
    add(refuse, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, _PR_SET_PDEATHSIG))
    add(refuse, "prlimit64", pyseccomp.Arg(2, pyseccomp.NE, 0))
    rules.load()

"""The warm fork server: imports Keras once, executes no operation, and forks one student process per submission.

Started by `client.Server` as a script, with one socket to it. It knows nothing of `solutions/`, probes or
marks, so neither does what it forks.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

import wire

# What lessons import, so that no student process has to: Keras is the slow part.
WARM = ("keras", "course.checking", "course.models.composite", "course.plots", "matplotlib.pyplot")


def main():
    config = json.loads(sys.argv[1])
    os.environ.pop("PWD", None)  # where the grader is
    control = socket.socket(fileno=config["control"])
    _use_path(config)
    try:
        import student_process

        for name in WARM:
            importlib.import_module(name)
    except Exception as error:
        wire.send(control, {"event": "failed", "reason": f"{type(error).__name__}: {error}"})
        return
    gc.collect()
    gc.freeze()  # so that the collector of a fork does not touch, and thereby copy, what all share
    wire.send(control, {"event": "ready", "pid": os.getpid()})
    _serve(control, student_process, config)


def _use_path(config):
    """Import `course` and packages only: the project's own folder, which holds the answers, is not on the path."""
    project = os.path.realpath(config["project"])
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path and os.path.realpath(path) not in (project, here)]
    sys.path.insert(0, config["library"])
    sys.path.append(here)
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")
    ]
    sys.path_importer_cache.clear()


class _Requests:
    """What the client asks, a line of JSON each. Several may come at once, and each `spawn` brings a descriptor along."""

    def __init__(self, control):
        self.control, self.descriptors, self.rest = control, [], b""

    def come(self):
        """The requests that are there, in their order; `None` when the client is gone."""
        text, descriptors, _, _ = socket.recv_fds(self.control, 4096, 8)
        if not text:
            return None
        self.descriptors += descriptors
        *lines, self.rest = (self.rest + text).split(b"\n")
        return [json.loads(line) for line in lines]


def _serve(control, student_process, config):
    import isolation

    limits = isolation.Limits(**config["limits"]) if config["isolation"] else None
    children, requests = {}, _Requests(control)  # pid -> id
    while True:
        ready, _, _ = select.select([control], [], [], 0.02 if children else None)
        for pid in list(children):
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                code, cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
                wire.send(control, {"event": "exit", "id": children.pop(pid), "code": code, "cpu": cpu})
        if not ready:
            continue
        asked = requests.come()
        if asked is None:
            break
        for request in asked:
            if request["op"] == "spawn":
                descriptor = requests.descriptors.pop(0)
                pid = _fork(control, descriptor, student_process, request, config, limits)
                os.close(descriptor)
                children[pid] = request["id"]
                wire.send(control, {"event": "spawned", "id": request["id"], "pid": pid})
            else:
                for pid, name in children.items():
                    if name == request["id"]:
                        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(control, descriptor, student_process, request, config, limits):
    pid = os.fork()
    if pid:
        return pid
    try:
        control.close()
        sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
        # All of the course but its blocks, which hold what the labs ask for, ready-made.
        course = [
            entry.path
            for entry in os.scandir(config["course"])
            if entry.name not in ("blocks", "__pycache__")
        ]
        readable = [config["library"], *course, *[path for path in sys.path if os.path.isdir(path)]]
        student_process.main(
            socket.socket(fileno=descriptor), request["scratch"], readable, limits, [config["course"]]
        )
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()

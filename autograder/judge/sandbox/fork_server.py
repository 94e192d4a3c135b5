"""The warm fork server: imports what is slow once, executes nothing of it, and forks one student process per submission.

Started by `client.Server` as a script, with one socket to it. It knows nothing of references, probes or marks, so
neither does what it forks.
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


def main() -> None:
    config = json.loads(sys.argv[1])
    os.environ.pop("PWD", None)  # where the grader is
    control = socket.socket(fileno=config["control"])
    _use_path(config)
    try:
        import student_process

        for name in config["imports"]:
            importlib.import_module(name)
    except Exception as error:
        wire.send(control, {"event": "failed", "reason": f"{type(error).__name__}: {error}"})
        return
    student_process.tripwire.guard(config["guarded"])
    gc.collect()
    gc.freeze()  # so that the collector of a fork does not touch, and thereby copy, what all share
    wire.send(control, {"event": "ready", "pid": os.getpid()})
    _serve(control, student_process, config)


def _use_path(config):
    """Import packages only: folders that hold answers are not on the path."""
    here = os.path.dirname(os.path.abspath(__file__))
    secret = {here, *map(os.path.realpath, config["secret"])}
    sys.path[:] = [path for path in sys.path if path and os.path.realpath(path) not in secret]
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
        unreadable = {"__pycache__", *config["unreadable"]}
        packages = [
            entry.path
            for package in config["packages"]
            for entry in os.scandir(package)
            if entry.name not in unreadable
        ]
        readable = [config["library"], *packages, *[path for path in sys.path if os.path.isdir(path)]]
        student_process.main(
            socket.socket(fileno=descriptor), request["scratch"], readable, limits, config["packages"]
        )
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()

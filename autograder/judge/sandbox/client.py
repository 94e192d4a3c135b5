"""The judge's side of the sandbox: a warm server, and one student process per submission.

with Server(runtime) as server, server.spawn() as student:
    student.open(modules, prelude)
    student.run_cell("answer-softmax", source)
    student.take_probes(probing_sources(), probes_source)
    arrays = student.run_probe("softmax", "large", seed=1)
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.judge.sandbox import namespaces, wire
from autograder.judge.sandbox.faults import MachineFault, NotIsolated
from autograder.judge.sandbox.isolation import Limits, environment, missing_layers
from autograder.judge.sandbox.student_handle import Student, remove, remove_leftovers

HERE = Path(__file__).parent
START_TIMEOUT = 180  # seconds; importing TensorFlow on a cold, busy machine


class Server:
    """A warm fork server.

    Args:
        runtime: an `autograder.judge.assignment.Runtime`: what it imports, and what it must not see.
        isolation: `"full"` refuses to start unless every layer is there; `"none"` grades without any.
        limits: what one student process may use.
        seconds: processor seconds that one cell or probe may take.

    Raises:
        NotIsolated: when layers are missing; the text says which, why, and what to do.
        MachineFault: when the server does not come up.
    """

    def __init__(
        self, runtime: Any, isolation: str = "full", limits: Limits | None = None, seconds: float = 10.0
    ) -> None:
        absent = missing_layers()
        if isolation == "full" and absent:
            reasons = "; ".join(f"{layer}: {reason}" for layer, reason in absent.items())
            raise NotIsolated(
                f"Untrusted code cannot be shut in here ({reasons}). To grade all the same, say --isolation=none."
            )
        self.seconds, self.limits = seconds, limits or Limits()
        self._namespaces = isolation == "full" and not namespaces.available()
        remove_leftovers()
        self._folder = Path(tempfile.mkdtemp(prefix=f"grading-{os.getpid()}-"))
        library = self._folder / "library"
        library.mkdir()
        for name, place in runtime.packages:
            (library / name).symlink_to(place)
        packages = [str(place) for _, place in runtime.packages]
        self._control, theirs = wire.pair()
        os.set_inheritable(theirs.fileno(), True)
        config = {
            "control": theirs.fileno(),
            "secret": list(map(str, runtime.secret)),
            "library": str(library),
            "packages": packages,
            "unreadable": list(runtime.unreadable),
            "imports": list(runtime.imports),
            "guarded": list(runtime.guarded),
            "isolation": isolation == "full",
            "limits": asdict(self.limits),
        }
        log = self._folder / "server.log"
        with log.open("wb") as output:
            command = [sys.executable, str(HERE / "fork_server.py"), json.dumps(config)]
            if isolation == "full":
                command = namespaces.in_namespaces(command, [HERE, *packages], self._folder)
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env=environment(self._folder, runtime),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the grader, which then closes the server
            )
        theirs.close()
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._events = threading.Condition()
        self._spawned, self._exited = {}, {}
        self._gone = None
        self._log = log
        self._listener: threading.Thread | None = None

    def wait_ready(self) -> "Server":
        """Wait until everything is imported; only the first call takes time."""
        with self._lock:
            if self._listener is not None:
                return self
            try:
                event, _ = wire.receive(self._control, START_TIMEOUT)
            # It ended, is silent, talks nonsense, or another thread closed it.
            except (OSError, ValueError) as error:
                tail = self._log.read_text(errors="replace")[-1000:] if self._log.exists() else ""
                self.close()
                raise MachineFault(
                    f"The grading server did not start ({error}). Its last words: {tail}"
                ) from error
            if event["event"] != "ready":
                self.close()
                raise MachineFault(f"The grading server could not start: {event['reason']}")
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
        return self

    def _listen(self):
        while True:
            try:
                event, _ = wire.receive(self._control)
            except (wire.Closed, wire.WireError, OSError, ValueError) as error:
                with self._events:
                    self._gone = f"the grading server is gone ({error})"
                    self._events.notify_all()
                return
            with self._events:
                (self._spawned if event["event"] == "spawned" else self._exited)[event["id"]] = event
                self._events.notify_all()

    def _wait_event(self, events, name, timeout):
        deadline = time.monotonic() + timeout
        with self._events:
            while name not in events:
                left = deadline - time.monotonic()
                if self._gone or left <= 0:
                    raise MachineFault(self._gone or "the grading server does not answer")
                self._events.wait(left)
            return events[name]

    def spawn(self) -> Student:
        """Fork a student process, shut in and waiting for work.

        Raises:
            MachineFault: when that fails.
        """
        self.wait_ready()
        name = next(self._ids)
        scratch = self._folder / f"scratch-{name}"
        scratch.mkdir()
        ours, theirs = wire.pair()
        try:
            self._tell({"op": "spawn", "id": name, "scratch": str(scratch)}, theirs)
        finally:
            theirs.close()
        try:
            pid = self._wait_event(self._spawned, name, 60)["pid"]
            if self._namespaces:
                pid = namespaces.host_pid(self._process.pid, pid)
            if pid is None:  # without its number nobody would notice that it takes too long
                raise MachineFault("it ended at once")
            student = Student(self, name, pid, ours, scratch)
            hello, _ = wire.receive(ours, 60)
        except (wire.Closed, wire.TimedOut, wire.WireError, MachineFault) as error:
            ours.close()
            raise MachineFault(f"no student process could be started: {error}") from error
        if hello["event"] != "isolated":
            raise MachineFault(f"a student process could not be shut in: {hello['reason']}")
        student.layers = [*(["namespaces"] if self._namespaces else []), *hello["layers"]]
        return student

    def _tell(self, message, *descriptors):
        try:
            with self._lock:
                socket.send_fds(
                    self._control, [json.dumps(message).encode() + b"\n"], [d.fileno() for d in descriptors]
                )
        except OSError as error:
            self._gone = f"the grading server is gone ({error})"
            raise MachineFault(self._gone) from error

    def kill(self, name: int) -> None:
        """End one student process and wait for it."""
        if name not in self._exited:
            self._tell({"op": "kill", "id": name})
        return self._wait_event(self._exited, name, 60)

    def exit_of(self, name: int) -> dict:
        """How a student process that is ending ended: `{"code": ..., "cpu": ...}`."""
        return self._wait_event(self._exited, name, 10)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can still fork."""
        return self._process.poll() is None and self._gone is None

    def close(self) -> None:
        """End the server and everything it forked. Safe to call twice."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        remove(self._folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

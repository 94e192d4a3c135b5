"""The judge's side of the sandbox: a warm server, and one student process per submission.

with Server() as server, server.spawn() as student:
    student.open(exercises, probes_source)
    student.run_cell("answer-softmax", source)
    arrays = student.run_probe("softmax", "large", seed=1)
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

from autograder.sandbox import wire
from autograder.sandbox.faults import MachineFault, NotIsolated, SubmissionFault, Unanswered, Watch
from autograder.sandbox.isolate import Limits, environment, missing

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
START_TIMEOUT = 180  # seconds; importing TensorFlow on a cold, busy machine


class Server:
    """A warm fork server.

    Args:
        isolation: `"full"` refuses to start unless every layer is there; `"none"` grades without any.
        limits: what one student process may use.
        seconds: processor seconds that one cell or probe may take.

    Raises:
        NotIsolated: when layers are missing; the text says which, why, and what to do.
        MachineFault: when the server does not come up.
    """

    def __init__(self, isolation="full", limits=None, seconds=10.0):
        absent = missing()
        if isolation == "full" and absent:
            reasons = "; ".join(f"{layer}: {reason}" for layer, reason in absent.items())
            raise NotIsolated(
                f"Untrusted code cannot be shut in here ({reasons}). To grade all the same, say --isolation=none."
            )
        self.seconds, self.limits = seconds, limits or Limits()
        self._folder = Path(tempfile.mkdtemp(prefix="grading-"))
        library = self._folder / "library"
        library.mkdir()
        (library / "course").symlink_to(PROJECT / "course")
        self._control, theirs = wire.pair()
        os.set_inheritable(theirs.fileno(), True)
        config = {
            "control": theirs.fileno(),
            "project": str(PROJECT),
            "library": str(library),
            "course": str(PROJECT / "course"),
            "isolation": isolation == "full",
            "limits": asdict(self.limits),
        }
        log = self._folder / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), json.dumps(config)],
                pass_fds=[theirs.fileno()],
                env=environment(self._folder),
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
        self._listener = None

    def wait_ready(self):
        """Wait until Keras is imported; only the first call takes time."""
        with self._lock:
            if self._listener is not None:
                return self
            try:
                event, _ = wire.receive(self._control, START_TIMEOUT)
            except (wire.Closed, wire.TimedOut, wire.WireError) as error:
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

    def spawn(self):
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
            student = Student(self, name, pid, ours, scratch)
            hello, _ = wire.receive(ours, 60)
        except (wire.Closed, wire.TimedOut, wire.WireError, MachineFault) as error:
            ours.close()
            raise MachineFault(f"no student process could be started: {error}") from error
        if hello["event"] != "isolated":
            raise MachineFault(f"a student process could not be shut in: {hello['reason']}")
        student.layers = hello["layers"]
        return student

    def _tell(self, message, *descriptors):
        try:
            with self._lock:
                socket.send_fds(
                    self._control, [json.dumps(message).encode()], [d.fileno() for d in descriptors]
                )
        except OSError as error:
            raise MachineFault(f"the grading server is gone ({error})") from error

    def kill(self, name):
        """End one student process and wait for it."""
        if name not in self._exited:
            self._tell({"op": "kill", "id": name})
        return self._wait_event(self._exited, name, 60)

    def exit_of(self, name):
        """How a student process that is ending ended: `{"code": ..., "cpu": ...}`."""
        return self._wait_event(self._exited, name, 10)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        """Whether it can still fork."""
        return self._process.poll() is None and self._gone is None

    def close(self):
        """End the server and everything it forked. Safe to call twice."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        _remove(self._folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _remove(folder):
    """Remove a folder a submission wrote to. Python's own way gives up on folders nested a thousand deep."""
    if os.name == "posix":
        subprocess.run(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)


class Student:
    """One submission's process. Made by `Server.spawn`."""

    def __init__(self, server, name, pid, channel, scratch):
        self.layers = []
        self.pid = pid
        self._server, self._name, self._channel, self._scratch = server, name, channel, scratch
        self._numbers = itertools.count(1)

    def open(self, probing, probes, blocks):
        """Give the process the probes' text, and of earlier labs' blocks lab name -> text."""
        self._ask({"op": "open", "probing": probing, "probes": probes, "blocks": blocks})

    def run_cell(self, name, source):
        """Run one cell of the submission.

        Raises:
            Unanswered: what the cell raised.
            SubmissionFault, MachineFault: see there.
        """
        self._ask({"op": "cell", "name": name, "source": source})

    def run_probe(self, exercise, probe, seed, follow=(), blocks=""):
        """Run one probe; names in `follow` are bound to what the text `blocks` defines meanwhile.

        Returns:
            Path -> array, unchecked: it comes from the submission.

        Raises:
            Unanswered, SubmissionFault, MachineFault: see there.
        """
        request = {
            "exercise": exercise,
            "probe": probe,
            "seed": seed,
            "follow": list(follow),
            "blocks": blocks,
        }
        return self._ask({"op": "probe", **request})

    def _ask(self, request):
        number = next(self._numbers)
        watch = Watch(self.pid, self._server.seconds)
        try:
            wire.send(self._channel, {**request, "number": number})
            reply, arrays = wire.receive(self._channel, watch=watch)
        except wire.WireError as error:
            raise SubmissionFault(f"its process sent something that is no answer ({error})") from error
        except wire.Closed as error:
            raise self._why_it_ended() from error
        if reply.get("number") != number:
            raise SubmissionFault("its process sent an answer to something it was not asked")
        if "error" in reply:
            raise Unanswered(reply["error"] if isinstance(reply["error"], dict) else {})
        return arrays

    def _why_it_ended(self):
        ended = self._server.exit_of(self._name)
        code = -signal.SIGXCPU if ended["cpu"] >= self._server.limits.cpu else ended["code"]
        if code >= 0:
            return SubmissionFault(f"its code ended the process (exit status {code})")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        if name == "SIGKILL":  # ours come with a verdict; any other is the machine's, out of memory for one
            return MachineFault("a student process was killed from outside")
        reasons = {
            "SIGXCPU": "used up its processor time",
            "SIGXFSZ": "wrote more than it may",
            "SIGSEGV": "crashed",
        }
        reasons["SIGABRT"] = "was aborted, as when memory runs out"
        return SubmissionFault(f"its process {reasons.get(name, 'was ended by ' + name)}")

    def close(self):
        """End the process and remove its scratch folder."""
        self._channel.close()
        try:
            self._server.kill(self._name)
        finally:
            _remove(self._scratch)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

"""One student process as the judge sees it: questions go out, answers come back, and its end is told in words."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from autograder.judge.sandbox import wire
from autograder.judge.sandbox.faults import MachineFault, SubmissionFault, Unanswered, Watch

# Bytes. With less left on the machine, a process that is aborted may have been refused what is its right.
SCARCE = 1 << 30


def remove(folder: str | Path) -> None:
    """Remove a folder a submission wrote to. Python's own way gives up on folders nested a thousand deep."""
    if os.name == "posix":
        subprocess.run(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the folders of graders that were killed and could not do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob("grading-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            remove(folder)


class Student:
    """One submission's process. Made by `Server.spawn`."""

    def __init__(self, server: Any, name: int, pid: int, channel: socket.socket, scratch: str | Path) -> None:
        self.layers = []
        self.pid = pid
        self._server, self._name, self._channel, self._scratch = server, name, channel, scratch
        self._numbers = itertools.count(1)

    def put(self, files: Mapping[str, Path]) -> None:
        """Copy files, by the name they are to have, to where the cells run."""
        for name, path in files.items():
            place = Path(self._scratch) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)

    def open(self, modules: Mapping[str, str], prelude: str = "") -> None:
        """Make an empty notebook in the process.

        Args:
            modules: full name -> text of modules that it may import.
            prelude: Python to run before any cell.
        """
        self._ask({"op": "open", "modules": dict(modules), "prelude": prelude})

    def run_cell(self, name: str, source: str) -> None:
        """Run one cell of the submission.

        Raises:
            Unanswered: what the cell raised.
            SubmissionFault, MachineFault: see there.
        """
        self._ask({"op": "cell", "name": name, "source": source})

    def take_probes(self, probing: str, probes: str) -> None:
        """Give the process the probes' text, once all cells ran: before that no cell can look at it."""
        self._ask({"op": "probes", "probing": probing, "probes": probes})

    def run_probe(
        self,
        exercise: str,
        probe: str,
        seed: int,
        follow: Sequence[str] = (),
        blocks: str = "",
        forbidden: Sequence[str] = (),
        view: str = "",
    ) -> dict:
        """Run one probe; names in `follow` are bound to what the text `blocks` defines meanwhile.

        `forbidden` names what the answer may not call; other names are free.

        Returns:
            Path -> array, unchecked: it comes from the submission.

        Raises:
            Unanswered, SubmissionFault, MachineFault: see there.
        """
        request = {
            "exercise": exercise,
            "probe": probe,
            "view": view,
            "seed": seed,
            "follow": list(follow),
            "blocks": blocks,
            "forbidden": list(forbidden),
        }
        return self._ask({"op": "probe", **request})

    def _ask(self, request):
        number = next(self._numbers)
        watch = Watch(self.pid, self._server.seconds, self._scratch, self._server.limits)
        try:
            wire.send(self._channel, {**request, "number": number})
            reply, arrays = wire.receive(self._channel, watch=watch)
        except wire.WireError as error:
            raise SubmissionFault(f"its process sent something that is no answer ({error})") from error
        except wire.Closed as error:
            raise self._why_it_ended() from error
        watch.expect_within_limits()  # so that it is this cell that is told, and not the next
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
        if name == "SIGABRT" and psutil.virtual_memory().available < SCARCE:
            return MachineFault("the machine's memory ran out, and a student process was aborted")
        reasons = {
            "SIGXCPU": "used up its processor time",
            "SIGXFSZ": "wrote more than it may",
            "SIGSEGV": "crashed",
        }
        reasons["SIGABRT"] = "was aborted, as when memory runs out"
        return SubmissionFault(f"its process {reasons.get(name, 'was ended by ' + name)}")

    def close(self) -> None:
        """End the process and remove its scratch folder."""
        self._channel.close()
        try:
            self._server.kill(self._name)
        finally:
            remove(self._scratch)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

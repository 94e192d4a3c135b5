"""What can go wrong with a student process, and whose fault it is."""

import os
import time
from pathlib import Path
from typing import Any

import psutil

from autograder.judge.errors import JudgeError

PATIENCE = 15  # on a busy machine a process that wants to compute gets its seconds late


class MachineFault(JudgeError):
    """Something broke that is not the submission's doing: never a mark, always a second try."""


class SubmissionFault(JudgeError):
    """The submission's code ended its process, hung, or spoke out of turn. The text says which."""


class Unanswered(Exception):
    """The learner's code raised. Holds `type`, `message` and the learner's own `line`."""

    def __init__(self, error: dict) -> None:
        self.type, self.message, self.line = (str(error.get(key, "")) for key in ("type", "message", "line"))
        super().__init__(f"{self.type}: {self.message}")


class NotIsolated(JudgeError):
    """Layers of isolation are missing and were not waived."""


class Watch:
    """Ends the wait for a process that computes, sleeps or writes without end; tells them from a stalled machine.

    Args:
        pid: the process.
        seconds: of processor time that it may take.
        scratch: the folder it writes to.
        limits: an `autograder.judge.sandbox.isolation.Limits`.
    """

    def __init__(self, pid: int, seconds: float, scratch: str | Path, limits: Any) -> None:
        self.seconds, self.scratch, self.limits = seconds, scratch, limits
        self.started = time.monotonic()
        self.samples = self.asleep = 0
        try:
            self.process = psutil.Process(pid)
            self.cpu = self._cpu()
        except psutil.Error:
            self.process = None  # it has just ended; the channel will tell

    def _cpu(self):
        times = self.process.cpu_times()
        return times.user + times.system

    def expect_within_limits(self) -> None:
        """Raise `SubmissionFault` if the process has more threads or files than it may."""
        self._look_at_scratch()
        if self._threads() > self.limits.threads:
            raise SubmissionFault(f"it started more than {self.limits.threads} threads")

    def _threads(self):
        try:
            return self.process.num_threads() if self.process else 0
        except psutil.Error:
            return 0  # it has just ended; the channel will tell

    def _look_at_scratch(self):
        size, count, waiting = 0, 0, [self.scratch]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        count += 1
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except FileNotFoundError:  # it has just been removed
                continue
            except OSError as error:
                raise SubmissionFault(
                    f"it made folders that cannot be looked into ({error.strerror})"
                ) from None
            if count > self.limits.files:
                raise SubmissionFault(f"it made more than {self.limits.files} files")
            if size > self.limits.scratch:
                raise SubmissionFault(f"it wrote more than {self.limits.scratch >> 20} MB to disk")

    def __call__(self):
        if self.process is None:
            return
        try:
            used, state = self._cpu() - self.cpu, self.process.status()
        except psutil.Error:
            return
        self.samples += 1
        if self.samples % 10 == 0:  # about once a second; shorter work is looked at when it is done
            self.expect_within_limits()
        self.asleep += state in (psutil.STATUS_SLEEPING, psutil.STATUS_STOPPED)
        if used > self.seconds:
            raise SubmissionFault(
                f"it was still computing after {self.seconds:g} seconds: is there an endless loop?"
            )
        waited = time.monotonic() - self.started
        if waited > 3 * self.seconds and self.asleep > self.samples / 2:
            raise SubmissionFault(f"it waited without computing for {3 * self.seconds:g} seconds")
        if waited > PATIENCE * self.seconds:
            raise MachineFault("the machine was too busy to finish in time")

"""What can go wrong with a student process, and whose fault it is."""

import time

import psutil

from course.errors import CourseError


class MachineFault(CourseError):
    """Something broke that is not the submission's doing: never a mark, always a second try."""


class SubmissionFault(CourseError):
    """The submission's code ended its process, hung, or spoke out of turn. The text says which."""


class Unanswered(Exception):
    """The learner's code raised. Holds `type`, `message` and the learner's own `line`."""

    def __init__(self, error):
        self.type, self.message, self.line = (str(error.get(key, "")) for key in ("type", "message", "line"))
        super().__init__(f"{self.type}: {self.message}")


class NotIsolated(CourseError):
    """Layers of isolation are missing and were not waived."""


class Watch:
    """Ends the wait for a process that computes or sleeps without end, and tells both from a stalled machine."""

    def __init__(self, pid, seconds):
        self.seconds = seconds
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

    def __call__(self):
        if self.process is None:
            return
        try:
            used, state = self._cpu() - self.cpu, self.process.status()
        except psutil.Error:
            return
        self.samples += 1
        self.asleep += state in (psutil.STATUS_SLEEPING, psutil.STATUS_STOPPED)
        if used > self.seconds:
            raise SubmissionFault(
                f"it was still computing after {self.seconds:g} seconds: is there an endless loop?"
            )
        if time.monotonic() - self.started > 3 * self.seconds:
            if self.asleep > self.samples / 2:
                raise SubmissionFault(f"it waited without computing for {3 * self.seconds:g} seconds")
            raise MachineFault("the machine was too busy to finish in time")

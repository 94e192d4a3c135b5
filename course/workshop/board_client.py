"""In a workshop only: tells the instructor's board which checks pass, and never gets in the way.

A workshop's hub sets the environment (`COURSE_WORKSHOP_URL`, `COURSE_WORKSHOP_TOKEN`); without it nothing here does
anything. What is sent is the exercise, how many of its checks pass and the mistake the first failing one named,
without its figures. No code, no file, no path.

Each check's result is first a small file in an outbox; a background thread delivers what lies there and deletes it
once the board has confirmed it. A board that cannot be reached costs nothing: the files wait.
"""

import contextlib
import json
import os
import re
import threading
import time
import uuid
from pathlib import Path

from platformdirs import user_state_path

from course.errors import CourseError

URL, TOKEN, OUTBOX = "COURSE_WORKSHOP_URL", "COURSE_WORKSHOP_TOKEN", "COURSE_WORKSHOP_OUTBOX"
KEPT = 2000  # events that wait at most; the oldest go first
AT_ONCE = 100  # events in one delivery
PATIENCE = (1, 2, 5, 10, 30)  # seconds between tries while the board cannot be reached
TIMEOUT = 10
WHAT_IS_SENT = (
    "This is a workshop: your instructor's board is told which exercise you check, which of its checks pass, and the "
    "mistake they name. Your code stays with you."
)


class BoardRefuses(CourseError):
    """The board answered, and said no. Says why; `status` is the HTTP status."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def joined():
    """Whether this process belongs to a workshop, and is not grading."""
    return bool(os.environ.get(URL)) and os.environ.get("COURSE_GRADING") != "1"


def ask(path, body=None, timeout=TIMEOUT):
    """Ask the board.

    Args:
        path: below the board's address, such as `events`.
        body: what to send, JSON-serialisable; asks with GET without one.
        timeout: seconds.

    Returns:
        The board's answer, parsed.

    Raises:
        BoardRefuses: if the board says no.
        OSError: if it cannot be reached, or does not answer as a board does.
    """
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{os.environ[URL].rstrip('/')}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ.get(TOKEN, '')}",
            "Content-Type": "application/json",
        },
    )
    # The board is near; a proxy that a company sets for the world outside does not lead there.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        try:
            reason = json.loads(error.read())["error"]
        except (ValueError, KeyError, TypeError, OSError):
            raise OSError(f"the board answered {error.code}") from None
        raise BoardRefuses(error.code, reason) from None
    except ValueError as error:
        raise OSError(f"the board's answer cannot be read ({error})") from None


def report(found):
    """Note what a check found, for the board. Takes a millisecond and raises nothing, whatever is broken.

    Args:
        found: a `course.checking.Report`.
    """
    if not joined():
        return
    with contextlib.suppress(Exception):  # the check is what counts
        _courier().post(event_of(found))


def event_of(found):
    """What the board is told of a `course.checking.Report`: a small dictionary."""
    wrong = [outcome for outcome in found.outcomes if outcome.problem]
    return {
        "id": uuid.uuid4().hex,
        "at": time.time(),
        "exercise": found.exercise,
        "good": len(found.outcomes) - len(wrong),
        "total": len(found.outcomes),
        "mistake": _without_figures(wrong[0].problem) if wrong else "",
    }


def _without_figures(problem):
    """A check's sentence as everybody who made that mistake gets it: without values, and nothing of the code."""
    line = problem.splitlines()[0].strip() if problem.strip() else ""
    if line.startswith("your code stopped with "):
        return line.split(":")[0]  # the rest is the code's own message
    line = re.sub(r" \((found|expected)\b.*\)$", "", line)
    return re.sub(r"should be \(.*?\), not \(.*?\)", "is wrong", line)[:200]


class Courier:
    """Delivers an outbox, in a thread of its own.

    Args:
        outbox: folder of one file for each event; made if need be.
    """

    def __init__(self, outbox):
        self.outbox = Path(outbox)
        self.outbox.mkdir(parents=True, exist_ok=True)
        self._wake = threading.Event()
        self._thread = None

    def post(self, event):
        """Keep an event, whole or not at all, and have it delivered."""
        name = f"{time.time_ns():020d}-{event['id']}.json"
        draft = self.outbox / f".{name}"
        draft.write_text(json.dumps(event), encoding="utf-8")
        draft.replace(self.outbox / name)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="workshop-courier", daemon=True)
            self._thread.start()
        self._wake.set()

    def waiting(self):
        """The files not yet confirmed, oldest first."""
        try:
            found = sorted(path for path in self.outbox.glob("*.json") if not path.name.startswith("."))
        except OSError:
            return []
        for path in found[:-KEPT]:
            path.unlink(missing_ok=True)
        return found[-KEPT:]

    def deliver(self):
        """Deliver once what waits.

        Returns:
            Whether nothing is left to try again.
        """
        while paths := self.waiting()[:AT_ONCE]:
            events = {}
            for path in paths:
                try:
                    events[path] = json.loads(path.read_text(encoding="utf-8"))
                except FileNotFoundError:  # another notebook's courier was faster
                    continue
                except (OSError, ValueError):
                    path.unlink(missing_ok=True)
            try:
                if events:
                    ask("events", {"events": list(events.values())})
            except BoardRefuses as no:
                if no.status in (401, 403, 429) or no.status >= 500:  # may be mended on the other side
                    return False
            except OSError:
                return False
            for path in events:  # confirmed, or of no use to the board
                path.unlink(missing_ok=True)
        return True

    def _work(self):
        failed = 0
        while True:
            self._wake.clear()
            try:
                done = self.deliver()
            except Exception:  # a full disk, say; the next event tries again
                done = False
            failed = 0 if done else failed + 1
            self._wake.wait(None if done else PATIENCE[min(failed, len(PATIENCE)) - 1])


_COURIERS = {}


def _courier():
    folder = os.environ.get(OUTBOX) or str(user_state_path("transformer-labs") / "workshop")
    if folder not in _COURIERS:
        courier = _COURIERS[folder] = Courier(folder)
        told = courier.outbox / ".told"
        if not told.exists():
            print(WHAT_IS_SENT)
            told.touch()
    return _COURIERS[folder]

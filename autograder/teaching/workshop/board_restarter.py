"""Keeps the board's service running: one that was killed is back at once. Run by the Hub.

JupyterHub starts a service again as well, but looks only twice a minute, and starting takes seconds. So a second
process has everything imported and waits for its turn. Whatever is started here ends with it, also
when this process is killed: each reads its standard input, which closes then.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

PAUSE = 1.0  # seconds at least between two starts, for a service that cannot run at all
ALONE = 10  # seconds in which a service comes up before the next one is started: importing both takes twice as long
GO = b"go"  # what a waiting service is told


def wait_for_turn():
    """Wait until this process is the one to serve; ends it if that never comes."""
    if not os.read(0, len(GO)):
        os._exit(0)


def end_with_stdin():
    """End this process when whoever started it is gone."""

    def watch():
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # in order; and if that hangs,
        time.sleep(5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main():
    """Run the service for ever; SIGTERM and SIGINT end both."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    waiting = _service()
    while not ending.is_set():
        process, waiting, began = waiting, None, time.monotonic()
        with contextlib.suppress(OSError):  # it may have been killed while it waited
            process.stdin.write(GO)
            process.stdin.flush()
        while process.poll() is None and not ending.wait(0.05):
            if waiting is None and time.monotonic() - began > ALONE:
                waiting = _service()
        waiting = waiting or _service()
        if ending.is_set():
            _end(process)
        else:
            print(
                f"the board ended with {process.returncode}; the next one serves", file=sys.stderr, flush=True
            )
            ending.wait(max(0, PAUSE - (time.monotonic() - began)))
    _end(waiting)


def _service():
    # A session of its own, so that Ctrl-C reaches it through us alone.
    command = [sys.executable, "-m", "autograder.teaching.workshop.board_server"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _end(process):
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(8)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    main()

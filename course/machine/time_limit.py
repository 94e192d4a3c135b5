"""A time limit for code that is not ours: what runs longer is stopped, and the caller says so."""

import contextlib
import ctypes
import signal
import threading


class TooLong(BaseException):
    """The code inside of `time_limit` took too long. No `Exception`, so that a broad `except` in it does not keep it."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise `TooLong` inside of this `with` block when it takes longer than that.

    Python code is stopped wherever it is; one long call into a library written in C ends first.

    Args:
        seconds: of wall-clock time.
    """
    main = threading.current_thread() is threading.main_thread()
    with _alarm(seconds) if main and hasattr(signal, "setitimer") else _from_outside(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds):
    def stop(number, frame):
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(
        signal.ITIMER_REAL, seconds, 1
    )  # and again each second, should a bare `except` have caught it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _from_outside(seconds):
    """Windows has no alarm, and only the main thread hears one."""
    thread, over, lock = threading.get_ident(), threading.Event(), threading.Lock()

    def watch():
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(thread), ctypes.py_object(TooLong)
                    )
            wait = 1

    threading.Thread(target=watch, name="time limit", daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()

"""Code that runs for too long is stopped, in the main thread and in others, and what is fast is left alone."""

import contextlib
import threading
import time

import pytest

from course.machine.time_limit import TooLong, time_limit


def endless():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def in_a_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(20)
    return found[0]


def stopped():
    start = time.monotonic()
    with pytest.raises(TooLong), time_limit(0.2):
        endless()
    return time.monotonic() - start


@pytest.mark.parametrize("place", [lambda work: work(), in_a_thread], ids=["main thread", "another thread"])
def test_what_never_ends_is_stopped(place):
    assert 0.15 < place(stopped) < 10


def fast():
    with time_limit(0.2):
        value = 3
    time.sleep(0.4)  # nothing comes afterwards
    return value


@pytest.mark.parametrize("place", [lambda work: work(), in_a_thread], ids=["main thread", "another thread"])
def test_what_is_fast_is_left_alone(place):
    assert place(fast) == 3

"""Silence for libraries that talk below Python.

TensorFlow writes its C++ log straight to file descriptor 2 while it is imported, and TF_CPP_MIN_LOG_LEVEL does not
reach those lines (tried with 2.21). A page of red text is no good start for a lab.
"""

import contextlib
import os
import sys

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def quiet():
    """Drop whatever is written to file descriptor 2 inside the `with` block; `sys.stderr` in a notebook stays."""
    os.environ.setdefault(LOG_LEVEL, "2")
    try:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()
        saved = os.dup(2)
    except OSError:  # a process without stderr, such as a windowed Python
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nowhere)
        os.close(saved)

"""The notebook's IPython, for what puts a new cell below."""

import sys


def notebook_shell():
    """IPython's shell inside a notebook's kernel; `None` anywhere else, in a terminal's IPython too."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None

"""Makes the checkpoints that the course ships, out of the reference: `make checkpoints`, or

    python -m autograder.authoring.checkpoints.make                   all of them; minutes each
    python -m autograder.authoring.checkpoints.make igpt_digits_ar    this one

To add one, write a module in `autograder/authoring/checkpoints/` with a function

    @maker("igpt_digits_ar")
    def digits():
        return model, {"about": "...", "nats": 0.7}

that trains a model and says what is to be known about it. Numbers among the facts are what a test measures again.
"""

import importlib
import pkgutil
import sys
import time

from autograder.authoring import checkpoints

_MAKERS = {}


def maker(name):
    """Register the function that makes the checkpoint `name`: it takes nothing and returns `(model, facts)`."""

    def register(function):
        _MAKERS[name] = function
        return function

    return register


def all_makers():
    """Name of each checkpoint -> the function that makes it."""
    for entry in pkgutil.iter_modules(checkpoints.__path__):
        importlib.import_module(f"{checkpoints.__name__}.{entry.name}")
    return dict(sorted(_MAKERS.items()))


def make(names=(), folder=None, report=print):
    """Train and write checkpoints.

    Args:
        names: which; all if there are none.
        folder: where to write; where the course looks for them if left out.
        report: called with a sentence for each.

    Raises:
        KeyError: if nobody makes a checkpoint of that name.
    """
    from course.models.checkpoints import save

    known = all_makers()
    for name in names or known:
        if name not in known:
            raise KeyError(f"nobody makes a checkpoint called {name!r}; there are {', '.join(known)}")
        report(f"{name}: training")
        start = time.perf_counter()
        model, facts = known[name]()
        save(model, name, facts, folder)
        numbers = {key: value for key, value in facts.items() if isinstance(value, int | float)}
        report(f"{name}: made in {time.perf_counter() - start:.0f} s, {numbers}")


if __name__ == "__main__":
    # Under its own name, so that makers register with the same table.
    from autograder.authoring.checkpoints.make import make as make_them

    try:
        make_them(sys.argv[1:])
    except KeyError as error:
        sys.exit(error.args[0])

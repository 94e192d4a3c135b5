"""Refuses at run time what an exercise builds, whatever name or path it is reached by.

`course.checking.shortcuts` reads the code; this catches what cannot be read off it: `getattr(ops, "soft" + "max")`, `exec`, an
alias made far away. The library's functions themselves are changed in place, so every name for them leads here. It
works in the learner's own process, so it is a second fence and not a wall: CONTRIBUTING.md says what gets over it.
"""

import functools
import inspect
import itertools
import sys
import types
from collections.abc import Iterable

_guarded = set()  # libraries that ready-made answers may come from, once imported
_sizes = {}  # guarded module -> how many names it held when it was last looked through
_places = {}  # name -> the namespaces that hold it
_armed = frozenset()
_trusted = []  # namespaces of lent blocks, which may use what the learner may not
_wired = set()  # identities of what has a wire already
_searched = set()
_numbers = itertools.count()


class ForbiddenCall(RuntimeError):
    """The answer called what the exercise builds."""


def guard(libraries: Iterable[str]) -> None:
    """From now on, look for forbidden names in these libraries. Best called before the fork: it looks through them."""
    _guarded.update(libraries)
    _look_through()


def _look_through():
    """Note where each name of the guarded modules stands, of those that are new or hold other names than before."""
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] in _guarded:
            contents = getattr(module, "__dict__", {})
            if _sizes.get(module_name) != len(contents):
                _sizes[module_name] = len(contents)
                for name in list(contents):
                    if isinstance(name, str):
                        _places.setdefault(name, []).append(contents)


def arm(names: Iterable[str], *trusted: dict) -> None:
    """From now on, refuse these names of the libraries to everybody but the trusted namespaces.

    Args:
        names: such as `("softmax", "log_softmax")`.
        trusted: dictionaries of modules that the judge lent.
    """
    global _armed
    _trusted[:] = trusted
    _armed = frozenset(names)
    known = (
        _armed,
        len(sys.modules),
    )  # looking through thousands of modules takes time: only when there are new ones
    if names and known not in _searched:
        _searched.add(known)
        _look_through()
        for name in names:
            # `keras.ops.log_softmax` is `tensorflow.raw_ops.LogSoftmax` elsewhere.
            for spelling in {name, name.title().replace("_", "")}:
                for contents in _places.get(spelling, ()):
                    _wire(name, contents.get(spelling))


def _wire(name, found):
    if isinstance(found, type):
        _wire_class(name, found)
    elif callable(found):
        function = inspect.unwrap(found)
        # A function with free variables is a wrapper of another, which has the wire.
        if isinstance(function, types.FunctionType) and not function.__code__.co_freevars:
            _wire_function(name, function)


def _wire_class(name, found):
    if id(found) not in _wired and isinstance(found.__init__, types.FunctionType):
        _wired.add(id(found))
        original = found.__init__

        @functools.wraps(original)
        def wired(self, *args, **kwargs):
            return _reached(name, original, self, *args, **kwargs)

        wired.__signature__ = inspect.signature(original)  # Keras reads it
        found.__init__ = wired


def _wire_function(name, function):
    """Give the function other code, so that whoever holds it already meets the wire as well."""
    if id(function) in _wired:
        return
    original = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    token = f"_wired_{next(_numbers)}"
    function.__globals__[token] = functools.partial(_reached, name, original)
    source = f"def {function.__name__}(*args, **kwargs):\n    return {token}(*args, **kwargs)"
    made = {}
    exec(compile(source, function.__code__.co_filename, "exec"), made)
    function.__signature__ = inspect.signature(original)
    function.__code__ = made[function.__name__].__code__
    _wired.update((id(function), id(original)))


def _reached(name, original, /, *args, **kwargs):  # the arguments may have a `name` of their own
    if name in _armed and not _lent(sys._getframe(1)):
        raise ForbiddenCall(name)
    return original(*args, **kwargs)


def _lent(frame):
    """Whether a trusted block, and not the learner's code, is what called the library."""
    while frame is not None:
        if any(frame.f_globals is namespace for namespace in _trusted):
            return True
        if frame.f_code.co_filename.startswith("<cell "):
            return False
        frame = frame.f_back
    return False

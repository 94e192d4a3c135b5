"""The student process: runs a learner's cells and, on request, one probe at a time.

It is forked from the warm server, shuts itself in, and only then asks for its work. Whatever it replies is only
arrays: what they are worth is decided elsewhere.
"""

import ast
import asyncio
import builtins
import importlib.machinery
import inspect
import linecache
import os
import sys
import traceback
import types
from typing import Any, cast

import isolation
import tripwire
import wire

MAX_TEXT = 500  # characters of a learner's error message that are passed on


class Held:
    """What Python and its imports are made of before a learner's code runs, so that it can be put back.

    Whoever takes away `__import__` or clears `sys.modules` spoils what runs after them. Only what is gone or was put in
    another's place is mended; what a cell adds stays.
    """

    MODULES = (
        "builtins",
        "dataclasses",
        "types",
        "zlib",
        "random",
        "contextlib",
        "importlib",
        "copy",
        "json",
    )

    def __init__(self) -> None:
        for name in self.MODULES:
            __import__(name)
        # Held as default values: names of this module, too, are within reach of a cell.
        self.modules = dict(sys.modules)
        self.contents = [(vars(sys.modules[name]), dict(vars(sys.modules[name]))) for name in self.MODULES]
        self.finders: tuple[list[Any], list[Any]] = list(sys.meta_path), list(sys.path_hooks)

    def put_back(self, modules: dict = sys.modules, system: Any = sys) -> None:
        """Mend what a cell took away."""
        for contents, original in self.contents:
            contents.update(original)
        system.modules = modules
        for name, module in self.modules.items():
            if name != "__main__" and modules.get(name) is not module:
                modules[name] = module
        for found, finders in zip((system.meta_path, system.path_hooks), self.finders, strict=True):
            found[:0] = [one for one in finders if one not in found]


class Notebook:
    """The namespace a learner's cells run in, as `__main__`."""

    def __init__(self, modules: dict[str, str], prelude: str) -> None:
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__
        self.namespace["__builtins__"] = builtins
        self.namespace["get_ipython"] = lambda: NullShell()
        self.namespace["display"] = lambda *shown, **options: None
        self.loop: asyncio.AbstractEventLoop | None = None
        sys.modules["__main__"] = self.module
        self.lent = modules
        sys.meta_path.insert(0, TextImporter(modules))
        exec(compile(prelude, "<prelude>", "exec"), {})

    def run(self, name: str, source: str) -> None:
        """Run one cell, given as plain Python; as in Jupyter it may await. Raises what it raises."""
        file = f"<cell {name}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        code = compile(source, file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.namespace)
            return
        if self.loop is None:  # one for all cells: a task that one starts, another may wait for
            self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(eval(code, self.namespace))

    def probe(
        self, entry: Any, run_probe: Any, seed: int, follow: list[str], blocks: str, forbidden: list[str]
    ) -> dict:
        """Run a probe on an answer, with the names in `follow` bound to trusted blocks for its duration."""
        trusted = types.ModuleType("blocks")
        exec(compile(blocks, "<blocks>", "exec"), trusted.__dict__)
        # It stays armed until the next probe, so that nothing can be worked out in between.
        lent = [vars(sys.modules[name]) for name in self.lent if name in sys.modules]
        tripwire.arm(forbidden, vars(trusted), *lent)
        own = {name: self.namespace.get(name) for name in follow}
        self.namespace.update({name: vars(trusted)[name] for name in follow if name in vars(trusted)})
        try:
            if entry.exercise not in self.namespace:
                raise NameError(f"name '{entry.exercise}' is not defined")
            return run_probe(entry, self.namespace[entry.exercise], seed, lent=tuple(follow))
        finally:
            self.namespace.update({name: value for name, value in own.items() if value is not None})


class NullShell:
    """Stands for IPython's shell: takes every call and does nothing."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter(())


class TextImporter:
    """Imports modules from texts, when they are asked for."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, cast(Any, self)) if name in self.texts else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self.texts[module.__name__], f"<{module.__name__}>", "exec"), module.__dict__)


def describe(error: BaseException) -> dict[str, str]:
    """An exception as the judge may pass it on: type, message, and the learner's own line."""
    line = ""
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith("<cell ")]
        line = (own[-1].line or "").strip() if own else ""
        text = error.msg or "" if type(error) is SyntaxError else str(error)  # without the name of our file
    except BaseException:  # a learner's exception class may itself be broken
        text = ""
    return {"type": type(error).__name__[:80], "message": text[:MAX_TEXT], "line": line[:200]}


def main(channel: Any, scratch: str, readable: list[str], limits: Any, listable: Any = ()) -> None:
    """Serve one submission until the judge closes the channel. Never returns."""
    try:
        _quiet(channel)
        os.chdir(scratch)
        layers = isolation.isolate(scratch, readable, limits, listable) if limits else []
    except BaseException as error:
        wire.send(channel, {"event": "not isolated", "reason": str(error)})
        os._exit(1)
    wire.send(channel, {"event": "isolated", "layers": layers})
    try:
        _serve(channel)
    except wire.Closed:
        pass
    finally:
        os._exit(0)


def _quiet(channel):
    """Nothing a learner prints, or TensorFlow logs, has a way out; every other file of the server is closed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.closerange(3, channel.fileno())
    os.closerange(channel.fileno() + 1, 4096)


def _serve(channel):
    notebook, probing, held = None, None, None
    while True:
        request, _ = wire.receive(channel)
        number, reply, arrays = request["number"], {}, None
        try:
            if request["op"] == "open":
                notebook = Notebook(request["modules"], request["prelude"])
                held = Held()
            elif request["op"] == "probes":
                held.put_back()
                probing = _load_probes(request["probing"], request["probes"])
            elif request["op"] == "cell":
                notebook.run(request["name"], request["source"])
            elif request["op"] == "probe":
                held.put_back()
                entry = probing.find_probe(request["exercise"], request["probe"], request["view"])
                given = (request[key] for key in ("seed", "follow", "blocks", "forbidden"))
                arrays = notebook.probe(entry, probing.run_probe, *given)
        except (
            BaseException
        ) as error:  # also SystemExit and KeyboardInterrupt: a cell ends, the process does not
            reply = {"error": describe(error)}
        try:
            wire.send(channel, {"number": number, **reply}, arrays)
        except wire.WireError as error:
            wire.send(
                channel, {"number": number, "error": {"type": "TypeError", "message": str(error), "line": ""}}
            )


def _load_probes(probing, probes_source):
    """Make the probes from the texts the judge sent: there is no file here to import them from.

    Args:
        probing: full name of a module -> its source, what is imported first.
        probes_source: the probes themselves.
    """
    for name in ("autograder", "autograder.judge"):
        package = types.ModuleType(name)
        package.__path__ = []
        sys.modules[name] = package
    for name, source in probing.items():
        module = sys.modules[name] = types.ModuleType(name)  # dataclasses look their module up
        exec(compile(source, "<probing>", "exec"), module.__dict__)
        setattr(sys.modules["autograder.judge"], name.rpartition(".")[2], module)
    probes = types.ModuleType("probes")
    exec(compile(probes_source, "<probes>", "exec"), probes.__dict__)
    return module

"""Reads a file of probes: what it registers, and a handful of plain names that say how to grade.

contain = True                       test cells without probes decide the mark themselves, contained
imports = ("numpy", "pandas")        what learners import, made ready once for a class
forbidden = {"median": ("median",)}  names that an answer may not call, because it builds them
cells = {"median": ("test_1",)}      whose points a test cell carries, where the notebook does not show it
"""

import ast
import hashlib
import sys
import threading
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.judge import entries, probe
from autograder.judge.definitions import needed
from autograder.judge.errors import JudgeError
from autograder.judge.values import __file__ as VALUES
from course.checking.shortcuts import parse

PROBES_FACE = Path(__file__).resolve().parents[2] / "probes.py"
_ONE_AT_A_TIME = threading.Lock()  # registering is global

# What stands before the probes in a student process: there is no file to import it from.
MODULES = """
import sys, types
for _name, _text in {modules!r}:
    _module = sys.modules[_name] = types.ModuleType(_name)
    exec(compile(_text, "<probes>", "exec"), _module.__dict__)
"""


@dataclass(frozen=True, eq=False)
class BankFile:
    """What a file of probes holds; see the module's docstring."""

    path: Path
    probes: Mapping[str, tuple]
    misconceptions: Mapping[str, tuple]
    alternatives: Mapping[str, tuple]
    contain: bool
    imports: tuple[str, ...]
    forbidden: Mapping[str, tuple[str, ...]]
    cells: Mapping[str, tuple[str, ...]]
    probes_source: str


def read_bank(path):
    """Run a file of probes, which is the teacher's and trusted.

    Raises:
        JudgeError: if it cannot be used; says which line.
    """
    text = path.read_text(encoding="utf-8")
    module = types.ModuleType(f"probes_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}")
    module.__file__ = str(path)
    registries = (probe.PROBES, entries.MISCONCEPTIONS, entries.ALTERNATIVES)
    with _ONE_AT_A_TIME:
        before = [dict(registry) for registry in registries]
        for registry in registries:
            registry.clear()
        try:
            sys.modules[module.__name__] = module  # where `inspect` looks
            exec(compile(text, str(path), "exec"), module.__dict__)
            found = [{name: tuple(of) for name, of in registry.items()} for registry in registries]
        except Exception as error:
            line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else _line(error, path)
            raise JudgeError(
                f"{path}{f', line {line}' if line else ''}: {type(error).__name__}: {error}"
            ) from None
        finally:
            for registry, content in zip(registries, before, strict=True):
                registry.clear()
                registry.update(content)
    for exercise in {**found[1], **found[2]}:
        if exercise not in found[0]:
            raise JudgeError(f"{path} has wrong or other answers to {exercise}, but no probe for it")
    return BankFile(
        path,
        *found,
        contain=bool(getattr(module, "contain", False)),
        imports=_names(getattr(module, "imports", ("numpy",))),
        forbidden={name: _names(of) for name, of in getattr(module, "forbidden", {}).items()},
        cells={name: _names(of) for name, of in getattr(module, "cells", {}).items()},
        probes_source=_for_students(text),
    )


def _names(value):
    return (value,) if isinstance(value, str) else tuple(value)


def _line(error, path):
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == str(path):
            lines.append(at.tb_lineno)
        at = at.tb_next
    return lines[-1] if lines else None


def _for_students(text):
    """The probes and what they use: no misconception, no alternative, which could be somebody's answer."""
    probes = {
        one.name
        for one in parse(text).body
        if isinstance(one, ast.FunctionDef) and any(_is_probe(decorator) for decorator in one.decorator_list)
    }
    modules = [
        ("autograder.judge.values", Path(VALUES).read_text(encoding="utf-8")),
        ("autograder.probes", PROBES_FACE.read_text(encoding="utf-8")),
    ]
    return MODULES.format(modules=modules) + "\n" + needed(text, probes, parse)


def _is_probe(decorator):
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(function, "id", getattr(function, "attr", "")) == "probe"

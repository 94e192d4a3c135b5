"""The pictures of a lab's experiments: its notebook is run with the reference's answers, and what it shows is kept.

A run takes minutes, so its pictures are cached by the code that made them: prose, comments and docstrings may change
without another run.
"""

import ast
import base64
import hashlib
import html
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.build import source_notebook
from autograder.judge.atomic_write import write_whole
from autograder.paths import ROOT
from course.checking.shortcuts import parse
from course.errors import CourseError

CACHE = ROOT / ".cache" / "slides"
LONGEST = 1800  # seconds for one cell
IMAGE = re.compile(r'<img alt="(?P<alt>[^"]*)"[^>]*src="(?P<source>data:image/[^"]+)"')
IMPORTED = re.compile(r"course\.experiments(?:\.| import )(\w+(?:, \w+)*)")  # one module, or several
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Shown:
    """What one experiment showed: `images`, a list of `(alt, data URI)`, what it printed, and why it failed, if it did."""

    images: tuple[tuple[str, str], ...] = ()
    text: str = ""
    failed: str = ""


def pictures(lesson, preset, progress=lambda name, done, total: None, cache=CACHE, root=ROOT):
    """What each experiment of a lesson shows.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        preset: `laptop`, `gpu` or `smoke`, see `course.machine.presets`.
        progress: called before each cell with its name, how many minutes are behind, and minutes of all cells, as the
            lesson estimates them.
        cache: where pictures are kept.
        root: the project's folder.

    Returns:
        Name of an experiment -> `Shown`.

    Raises:
        CourseError: if the notebook cannot be run at all.
    """
    notebook = source_notebook(lesson, root)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    meant = map(_meaning, [*code, *_behind(root, code)])
    key = hashlib.sha256("\0".join([preset, *meant]).encode()).hexdigest()[:16]
    kept = Path(cache) / f"{lesson.lab}-{preset}-{key}.json"
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = _run(notebook, lesson, preset, progress)
        if not any(failed for *_, failed in found.values()):
            write_whole(kept, json.dumps(found))
    return {
        name: Shown(tuple(map(tuple, images)), text, failed) for name, (images, text, failed) in found.items()
    }


def _behind(root, code):
    """What draws and trains on a notebook's behalf: a change there makes its pictures old."""
    folder = Path(root) / "course" / "experiments"
    texts, seen = [(Path(root) / "course" / "plots.py").read_text(encoding="utf-8")], set()
    names = _imported("\n".join(code))
    while names:
        name = names.pop()
        if name not in seen and (folder / f"{name}.py").exists():
            seen.add(name)
            texts.append((folder / f"{name}.py").read_text(encoding="utf-8"))
            names += _imported(texts[-1])
    return sorted(texts)


def _imported(code):
    return [name for names in IMPORTED.findall(code) for name in names.split(", ")]


def _meaning(code):
    """Code without its layout, comments and docstrings."""
    tree = parse(code)
    if tree is None:  # a line for the shell
        return code
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return ast.dump(tree)


def _run(notebook, lesson, preset, progress):
    import nbclient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    minutes = {cell.name: cell.minutes for cell in lesson.cells if cell.kind == "experiment"}
    total = sum(minutes.values())
    cells = [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    found, behind = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook, timeout=LONGEST, allow_errors=True, resources={"metadata": {"path": folder}}
        )
        environment = os.environ | {
            "COURSE_PRESET": preset,
            "COURSE_PROGRESS": "off",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        try:
            with client.setup_kernel(env=environment, stderr=subprocess.DEVNULL):
                for place, cell in cells:
                    name, role = cell.metadata.course["name"], cell.metadata.course["role"]
                    progress(name, behind, total)
                    client.execute_cell(cell, place)
                    if role == "experiment":
                        found[name] = _shown(cell.outputs)
                        behind += minutes[name]
                    elif failed := _failure(cell.outputs):
                        raise CourseError(
                            f"{lesson.lab}, cell {name}, fails: {failed}. Mend it, or take --no-run."
                        )
        except (DeadKernelError, CellTimeoutError) as error:
            raise CourseError(
                f"{lesson.lab} could not be run to its end ({type(error).__name__}); try again, or take --no-run."
            ) from error
    return found


def _shown(outputs):
    images, text = [], ""
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            text += output.text
        data = output.get("data", {})
        if "image/png" in data:
            images.append(("", f"data:image/png;base64,{data['image/png'].strip()}"))
        else:
            images += [
                (html.unescape(found["alt"]), found["source"])
                for found in IMAGE.finditer(data.get("text/html", ""))
            ]
    return images, text.strip(), _failure(outputs)


def _failure(outputs):
    for output in outputs:
        if output.output_type == "error":
            return ANSI.sub("", f"{output.ename}: {output.evalue}".splitlines()[0])[:200]
    return ""


def size(source):
    """`(width, height)` of a PNG in a data URI; a common shape if it is none."""
    head = base64.b64decode(source.partition(",")[2][:48])
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        return 1440, 480
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")

"""What the experiments of a lab printed in a recorded run, and what its text quotes of that.

A lesson may say "in the recorded run" and give figures. They come from `benchmarks/recorded/<lab>.json`, which
`python benchmarks/lessons.py <lab>` writes; `tests/authoring/test_recorded.py` compares the settings of each recorded cell
with those of the lesson, and the quoted figures with what was printed.
"""

import ast
import json
import re

from autograder.paths import ROOT

FOLDER = ROOT / "benchmarks" / "recorded"
QUOTES = "recorded run"  # a paragraph with these words quotes figures of one
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
DRAWING = (
    "print",
    "plots",
    "fig",
    "axis",
    "axes",
    "chart",
    "pictures",
)  # what is called on these measures nothing


def read(lab):
    """The recorded run of a lab as a dict, or `None` if there is none."""
    path = FOLDER / f"{lab}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def settings(code):
    """The numbers in a cell that decide what it measures, in their order: all but those that only draw or print.

    Of `course.choose(laptop=..., gpu=..., smoke=...)` only the laptop's count.
    """
    found = []

    def visit(node):
        if isinstance(node, ast.Call):
            first = node.func
            while isinstance(first, ast.Attribute):
                first = first.value
            if isinstance(first, ast.Name) and first.id in DRAWING:
                return
            if isinstance(node.func, ast.Attribute) and node.func.attr == "choose":
                for keyword in node.keywords:
                    if keyword.arg == "laptop":
                        visit(keyword.value)
                return
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            found.append(node.value)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(code))
    return found


def experiments(lesson):
    """Name of an experiment -> the code of its cell."""
    return {cell.name: cell.source for cell in lesson.cells if cell.kind == "experiment"}


def stale(lesson, run):
    """Names of recorded experiments whose settings are no longer those of the lesson's cell."""
    now = experiments(lesson)
    return [
        name
        for name, cell in run["cells"].items()
        if name not in now or settings(now[name]) != cell["settings"]
    ]


def quoted(lesson):
    """What the text says of recorded runs: list of `(name of the experiment before it, paragraph)`."""
    found, before = [], None
    for cell in lesson.cells:
        if cell.kind == "experiment":
            before = cell.name
        elif before and cell.kind == "markdown":
            parts = cell.source.split("\n\n")
            found += [(before, part) for part in parts if QUOTES in part and "|" not in part]
    return found


def not_printed(paragraph, said):
    """The figures with a decimal point in the sentences on a recorded run that nothing printed rounds to.

    Args:
        paragraph: of a lesson.
        said: what was printed. A share there may be a percentage in the paragraph.
    """
    printed = [float(each.replace(",", "")) for each in NUMBER.findall(said)]
    sentences = re.split(r"(?<=[.!?:])\s+(?=[A-Z*])", paragraph)
    missing = []
    for sentence in sentences:
        for figure in NUMBER.findall(sentence) if QUOTES in sentence else ():
            whole, point, decimals = figure.replace(",", "").partition(".")
            if point and not any(
                abs(scale * value - float(f"{whole}.{decimals}")) <= 0.5000001 * 10 ** -len(decimals)
                for value in printed
                for scale in (1, 100)
            ):
                missing.append(figure)
    return missing

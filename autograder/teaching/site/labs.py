"""Pages of the labs: what a learner reads and sees, from the released notebook and from a run with the reference.

No answer gets into a page: code cells come from the release, and only experiments bring what they showed.
"""

import base64
import html
import re
from pathlib import Path

import nbformat

from autograder.paths import ROOT

FOLD = "<details><summary>{summary}</summary>\n\n{body}\n\n</details>"

# `course.changed` shows the reference's code here, as it shows learners theirs.
OWN = "*This cell shows your own answers, so its result is not on this page: run it in the notebook.*"


def write_lab(lesson, folder, shown=None, root=ROOT):
    """Write a lab's page, and its pictures beside it.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        folder: where to write.
        shown: what `autograder.teaching.handouts.pictures.pictures` gave; `None` for a page without outputs.
        root: the project's folder, whose `labs/` is read.

    Returns:
        The page's path.
    """
    notebook = nbformat.read(Path(root) / "labs" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_part(cell, lesson, folder, shown or {}) for cell in notebook.cells]
    page = folder / f"{lesson.lab}.md"
    page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    return page


def _part(cell, lesson, folder, shown):
    name, role = cell.metadata.course["name"], cell.metadata.course["role"]
    if role in ("colab", "check", "question"):  # what a learner runs, and what one fills in
        return ""
    if cell.cell_type == "markdown":
        return cell.source.strip()
    code = f"```python\n{cell.source.strip()}\n```"
    if role == "experiment":
        found = shown.get(name)
        return FOLD.format(summary="The experiment's code", body=code) + (
            _outputs(name, found, lesson, folder) if found else ""
        )
    if role == "answer":
        return code
    return FOLD.format(summary="Set-up", body=code)


def _outputs(name, found, lesson, folder):
    if not (found.text or found.images or found.failed):
        return f"\n\n{OWN}"
    text = "\n\n"
    if found.text:
        text += f"```text\n{found.text}\n```\n\n"
    for number, (alt, source) in enumerate(found.images):
        kind, _, data = source.partition(";base64,")
        file = f"{lesson.lab}-{name}-{number}.{kind.rpartition('/')[2].partition('+')[0]}"
        (folder / file).write_bytes(base64.b64decode(data))
        text += f"![{_plain(alt)}]({file})\n\n"
    return text.rstrip()


def _plain(alt):
    """Text for the brackets of a picture."""
    return re.sub(r"([\\\[\]`*_$<>])", r"\\\1", " ".join(html.unescape(alt).split()))


def write_index(lessons, folder):
    """Write the page that lists the labs."""
    rows = [
        f"| [{lesson.number} {lesson.title}]({lesson.lab}.md) | {len(lesson.exercises)} | {lesson.minutes:g} min |"
        for lesson in lessons
    ]
    text = (
        "# The labs\n\nEach page is a lab as a learner opens it, with what its experiments showed on two cores. The\n"
        "notebooks themselves are made for working in: `course lab` opens them.\n\n"
        "| lab | exercises | time |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "```{toctree}\n:hidden:\n\n" + "\n".join(lesson.lab for lesson in lessons) + "\n```\n"
    )
    Path(folder, "index.md").write_text(text, encoding="utf-8")

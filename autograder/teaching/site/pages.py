"""Gathers the site's sources in one folder: pages of the repository with their links led right, and generated ones."""

import os
import re
import shutil
from pathlib import Path

from autograder.paths import ROOT
from autograder.teaching.site.labs import write_index, write_lab
from course.notebooks.lesson import lessons

# Pages that stand elsewhere because that is where readers of the repository look for them.
MOVED = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
}
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
# What the reference of the code leaves out: text, data, and what would give answers away.
LEFT_OUT = ("course.lessons", "course.checks", "autograder.hidden.probes", "autograder.hidden.misconceptions")
# Run in processes of their own, where other things can be imported than here.
SCRIPTS = (
    "autograder.judge.sandbox.fork_server",
    "autograder.judge.sandbox.student_process",
    "autograder.teaching.workshop.jupyterhub_config",
)
ROOMS = {
    "course": "What a learner installs. It knows nothing of the other two.",
    "solutions": "The reference: one readable module per lab, for instructors.",
    "autograder": "Builds the labs, grades them, and runs a workshop.",
}


def gather(folder, shown=lambda lesson: None, root=ROOT):
    """Write everything that the site is made from.

    Args:
        folder: where to; emptied first.
        shown: lesson -> what its experiments showed, or `None`.
        root: the project's folder.

    Returns:
        The folder.
    """
    folder, root = Path(folder), Path(root)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "docs", folder, ignore=shutil.ignore_patterns("__pycache__", "graded_table.py"))
    for source, page in MOVED.items():
        shutil.copyfile(root / source, folder / page)
    for lesson in lessons().values():
        write_lab(lesson, folder / "labs", shown(lesson), root)
    write_index(lessons().values(), folder / "labs")
    write_reference(folder / "api", root)
    homes = _homes(folder, root)
    pages = {home.resolve(): page for page, home in homes.items()}
    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(led_right(text, homes.get(page, page), page, pages, root), encoding="utf-8")
    return folder


def _homes(folder, root):
    """Page in the folder -> the file of the repository that it is made of."""
    moved = {folder / page: root / source for source, page in MOVED.items()}
    copied = {
        page: root / "docs" / page.relative_to(folder) for page in folder.rglob("*.md") if page not in moved
    }
    return moved | {page: home for page, home in copied.items() if home.exists()}


def led_right(text, home, page, pages, root):
    """Markdown whose links hold on the site: to a page of it, or else to the file in the repository.

    Args:
        text: Markdown.
        home: the file it was written in.
        page: where it stands on the site.
        pages: file of the repository -> page of the site.
        root: the project's folder.
    """
    fences = [found.span() for found in FENCE.finditer(text)]

    def lead(found):
        if any(start <= found.start() < end for start, end in fences):
            return found[0]
        target = (home.parent / found["target"]).resolve()
        anchor = found["anchor"] or ""
        if target in pages:
            return Path(os.path.relpath(pages[target], page.parent)).as_posix() + anchor
        if home == page or (page.parent / found["target"]).exists() or not target.exists():
            return found[0]  # a generated page, a picture that came along, or a mistake for Sphinx to find
        return f"{repository(root)}/blob/main/{target.relative_to(root).as_posix()}"

    return LINK.sub(lead, text)


def repository(root=ROOT):
    """Address of the project's repository, from pyproject.toml."""
    import tomllib

    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def write_reference(folder, root=ROOT):
    """Write a page for each room with the documentation of its modules."""
    folder.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        rows = []
        for name in modules(root, room):
            rows.append(
                f"{'#' if name == room else '##'} `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"
            )
        (folder / f"{room}.md").write_text("\n".join(rows), encoding="utf-8")
    listing = "\n".join(f"* [`{room}`]({room}.md): {says}" for room, says in ROOMS.items())
    names = "\n".join(ROOMS)
    text = f"# The code\n\n{listing}\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    (folder / "index.md").write_text(text, encoding="utf-8")


def modules(root, room):
    """Dotted names of a room's modules that have documentation for a reader."""
    for path in sorted((Path(root) / room).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not name.startswith(LEFT_OUT) and name not in SCRIPTS and parts[-1] != "__main__":
            yield name

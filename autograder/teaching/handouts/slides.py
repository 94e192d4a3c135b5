"""Writes a lesson's slides: one HTML page that needs no network, with reveal.js and the pictures inside."""

import importlib.util
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from autograder.teaching.handouts.deck import slides
from course.errors import CourseError

PAGE = Path(__file__).parent / "page"
REVEAL = Path("_static", "revealjs")


def write_slides(lesson, folder, shown=None):
    """Write `LAB.html`.

    Args:
        lesson: a `course.notebooks.lesson.Lesson`.
        folder: where to; made if need be.
        shown: see `autograder.teaching.handouts.deck.slides`.

    Returns:
        `(path, number of slides)`.

    Raises:
        CourseError: if reveal.js is not installed.
    """
    chapters = slides(lesson, shown)
    path = Path(folder) / f"{lesson.lab}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(lesson, chapters), encoding="utf-8")
    return path, sum(map(len, chapters))


def render(lesson, chapters):
    """The page, as HTML. Its text comes from the lesson, made into HTML by `autograder.teaching.handouts.markdown_html`."""
    reveal = _reveal()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for chapter in chapters:
        for slide in chapter:
            slide.title = Markup(slide.title)
            slide.body, slide.notes = list(map(Markup, slide.body)), list(map(Markup, slide.notes))
    return environment.get_template("deck.html.j2").render(
        title=f"Lab {lesson.number}: {lesson.title}",
        chapters=chapters,
        css=Markup((PAGE / "deck.css").read_text(encoding="utf-8")),
        js=Markup((PAGE / "deck.js").read_text(encoding="utf-8")),
        reveal_css=Markup(_file(reveal / "dist" / "reset.css") + _file(reveal / "dist" / "reveal.css")),
        reveal_js=Markup(_script(reveal / "dist" / "reveal.js")),
        notes_js=Markup(_script(reveal / "plugin" / "notes" / "notes.js")),
    )


def _reveal():
    """The folder of reveal.js in sphinx-revealjs, a package that ships and maintains it; Sphinx itself is not used."""
    found = importlib.util.find_spec("sphinx_revealjs")
    folder = Path(found.origin).parent / REVEAL if found and found.origin else None
    if folder is None or not (folder / "dist" / "reveal.js").exists():
        raise CourseError(
            "reveal.js is missing: in the checkout, run  pip install -c constraints.txt -e '.[slides]'"
        )
    return folder


def _file(path):
    return path.read_text(encoding="utf-8")


def _script(path):
    """A script as it may stand inside a page: nothing in it may end the element, nor point to a map elsewhere."""
    text = re.sub(r"(?m)^//# sourceMappingURL=.*$", "", _file(path))
    return re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)

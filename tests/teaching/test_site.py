"""The documentation site: whole, without answers, readable without network."""

import importlib.util
import re
import shutil
from html.parser import HTMLParser

import pytest

from autograder.authoring.build import source_notebook
from autograder.teaching.handouts.pictures import Shown
from autograder.teaching.site import commands, pages
from autograder.teaching.site.labs import write_lab
from course.errors import CourseError
from course.notebooks.lesson import lessons

DOT = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


def test_a_lab_shows_what_its_experiments_showed(tmp_path, lesson):
    name = next(cell.name for cell in lesson.cells if cell.kind == "experiment")
    page = write_lab(lesson, tmp_path, {name: Shown((("weights [of cat]", DOT),), "loss 0.5")})
    text = page.read_text()
    assert f"![weights \\[of cat\\]]({lesson.lab}-{name}-0.png)" in text
    assert "```text\nloss 0.5\n```" in text
    assert (tmp_path / f"{lesson.lab}-{name}-0.png").read_bytes().startswith(b"\x89PNG")


def test_an_experiment_that_shows_answers_says_where_to_run_it(tmp_path, lesson):
    name = next(cell.name for cell in lesson.cells if cell.kind == "experiment")
    assert "its result is not on this page" in write_lab(lesson, tmp_path, {name: Shown()}).read_text()


@pytest.mark.parametrize("name", lessons())
def test_no_answer_gets_into_a_page(tmp_path, name):
    lesson = lessons()[name]
    text = write_lab(lesson, tmp_path).read_text()
    for cell in source_notebook(lesson).cells:
        if cell.metadata.course["role"] == "answer":
            answer = re.findall(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", cell.source, re.DOTALL)
            assert answer and not [part for part in answer if part.strip() in text]
        elif cell.metadata.course["role"] == "question":
            assert cell.source.strip() not in text
    assert text.count("raise NotImplementedError()") >= len(lesson.exercises)


def test_links_lead_to_pages_of_the_site_and_else_into_the_repository(tmp_path, root):
    home, page = root / "docs" / "deep" / "one.md", tmp_path / "deep" / "one.md"
    known = {(root / "CONTRIBUTING.md").resolve(): tmp_path / "contributing.md"}
    text = "[a](../../CONTRIBUTING.md#gates) [b](../../Makefile) [c](https://x.org/y) [d](#here) [e](gone.md)"
    there = pages.repository(root)
    assert pages.led_right(text, home, page, known, root) == (
        f"[a](../contributing.md#gates) [b]({there}/blob/main/Makefile) [c](https://x.org/y) [d](#here) [e](gone.md)"
    )
    code = "```\n[b](../../Makefile)\n```"
    assert pages.led_right(code, home, page, known, root) == code


needs_sphinx = pytest.mark.skipif(
    not importlib.util.find_spec("furo"), reason="the site needs the extra `docs`, which is not installed"
)


@needs_sphinx
def test_a_link_that_leads_nowhere_is_an_error_with_its_place(tmp_path, root):
    (tmp_path / "source").mkdir()
    shutil.copy(root / "docs" / "conf.py", tmp_path / "source")
    (tmp_path / "source" / "index.md").write_text("# Title\n\n[gone](gone.md)\n")
    with pytest.raises(CourseError, match=r"index\.md:3: .*gone\.md"):
        commands.build_html(tmp_path / "source", tmp_path / "html")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found.append((tag, attributes))
        self.ids.add(attributes.get("id"))


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The whole site: file -> what is in it."""
    folder = tmp_path_factory.mktemp("site")
    commands.build_html(pages.gather(folder / "source"), folder / "html")  # every warning is an error
    return {path: Page(path.read_text()) for path in (folder / "html").rglob("*.html")}


@needs_sphinx
def test_the_site_is_whole_and_needs_nothing_from_elsewhere(html):
    names = {path.name for path in html}
    assert {"index.html", "learners.html", "grading.html", "facts.html", "contributing.html"} <= names
    assert {f"{lesson.lab}.html" for lesson in lessons().values()} <= names
    for path, page in html.items():
        for tag, given in page.found:
            if tag == "img":
                assert given.get("alt", "").strip(), (
                    f"{path.name}: a picture without alt text: {given['src']}"
                )
            source = given.get("src") or (given.get("href") if tag == "link" else None)
            assert not (source or "").startswith(("http:", "https:", "//")), f"{path.name}: {source}"
            target = given.get("href", "") if tag == "a" else ""
            if target and not re.match(r"[a-z]+:", target):
                file, _, anchor = target.partition("#")
                other = (path.parent / file).resolve() if file else path
                assert other.exists(), f"{path.name}: {target}"
                if anchor and other in html:
                    assert anchor in html[other].ids, f"{path.name}: {target}"


@needs_sphinx
def test_the_reference_of_the_code_has_what_people_import(html):
    text = {path.stem: page.ids for path, page in html.items() if path.parent.name == "api"}
    assert "solutions.attention.MultiHeadAttention" in text["solutions"]
    assert "course.checking.expectations.check" in text["course"]
    assert "autograder.judge.verdict.Verdict" in text["autograder"]

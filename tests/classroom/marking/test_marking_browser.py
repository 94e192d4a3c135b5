"""The marker's desk in a real browser: the command, its address, keys and clicks."""

import os
import re
import signal
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook

pytest.importorskip("uvicorn", reason="pip install 'transformer-labs[instructor]'")
pytest.importorskip("websocket", reason="websocket-client comes with jupyter_server")
from chromium import CHROMIUM, browser
from written_class import QUESTION, make

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def desk(tmp_path, template, lesson):
    """`(course folder, address)` of a running `autograder mark 1`."""
    course = make(tmp_path / "course", template, lesson)
    command = [
        sys.executable,
        "-u",
        "-m",
        "autograder.cli",
        "mark",
        "1",
        "--no-browser",
        "--course",
        str(course),
    ]
    told = tmp_path / "told.txt"
    with told.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | {"COLUMNS": "200"}
        )
    try:
        while not (address := re.search(r"http://\S+", told.read_text())):
            assert process.poll() is None, told.read_text()
        yield course, address[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, told.read_text()
        assert "still wait" in told.read_text() and "Traceback" not in told.read_text()
    finally:
        process.kill()


def in_gradebook(course, lesson, student):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        place = (f"question_{QUESTION}", lesson.name, lesson.lab, student)
        return book.find_grade(*place).manual_score, book.find_comment(*place).comment


def test_a_class_is_marked_with_the_keyboard_and_closing_loses_nothing(desk, lesson, tmp_path):
    course, address = desk
    with browser(tmp_path / "profile") as tab:
        tab.open(address)
        tab.wait(f"location.hash === '#{QUESTION}' && document.querySelectorAll('article').length === 5")
        assert "token" not in tab.do("location.href")
        assert not tab.do("document.title").startswith("stolen")
        tab.wait("document.querySelector('article.here h3').textContent.startsWith('No answer')")
        tab.press("0")
        tab.wait("document.getElementById('said').textContent.startsWith('Recorded')")
        tab.press("Enter")
        tab.wait("document.querySelector('article.here h3').textContent === 'ada'")
        tab.press("1", "2", "c")
        tab.type("Well seen.")
        tab.press("Escape", "n")
        tab.wait("document.querySelector('article.here h3').textContent === 'The same from 2'")
        tab.press("1", "r", "1")
        tab.wait("document.querySelector('article.here textarea').value === 'Well seen.'")
        tab.press("n", "f", "u")
        tab.wait("document.querySelector('article.here h3').textContent === 'dan'")
        tab.wait("document.querySelector('article.here input').value === ''")
        tab.press("c")
        tab.type("Half written")
        tab.open("about:blank")  # the tab is closed in the middle of a comment
        tab.open(address)
        tab.wait("document.querySelectorAll('article').length === 5")
        assert "Half written" in tab.do("[...document.querySelectorAll('textarea')].map((box) => box.value)")
        tab.wait("document.getElementById('said').textContent === 'Recorded: dan, no points yet.'")
        assert not tab.log, tab.log
    assert in_gradebook(course, lesson, "fay") == (0.0, None)
    assert in_gradebook(course, lesson, "ada") == (2.0, "Well seen.")
    assert in_gradebook(course, lesson, "ben") == in_gradebook(course, lesson, "cleo") == (1.0, "Well seen.")
    assert in_gradebook(course, lesson, "dan") == (None, "Half written")


# The page looks for news every four seconds; what it is told then may be older than what was clicked meanwhile.
LATE_NEWS = """
var real = fetch;
window.fetch = async (...words) => {
  const answer = await real(...words);
  if (!String(words[0]).startsWith("api/state/") || window.news) return answer;
  window.news = "on its way";
  await new Promise((done) => setTimeout(done, 2500));
  window.news = "here";
  return answer;
}, 0
"""


def test_news_from_before_a_click_does_not_undo_it(desk, lesson, tmp_path):
    course, address = desk
    with browser(tmp_path / "profile") as tab:
        tab.open(address)
        tab.wait("document.querySelectorAll('article').length === 5")
        tab.wait("document.querySelector('article.here h3').textContent.startsWith('No answer')")
        tab.do(LATE_NEWS)
        tab.wait("window.news === 'on its way'")
        tab.press("n", "1")
        tab.wait("document.getElementById('said').textContent === 'Recorded: ada, 1 of 2.'")
        tab.wait("window.news === 'here'")
        tab.do("new Promise((done) => setTimeout(done, 300))")
        tab.press("2")
        tab.wait("document.getElementById('said').textContent === 'Recorded: ada, 2 of 2.'")
    assert in_gradebook(course, lesson, "ada") == (2.0, None)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_page(desk, tmp_path, width):
    with browser(tmp_path / "profile") as tab:
        tab.size(width, 800)
        tab.open(desk[1])
        tab.wait("document.querySelectorAll('article').length === 5")
        assert tab.do("document.documentElement.scrollWidth") <= width

"""A workshop under load and in real browsers.

    python benchmarks/workshop.py browser     three JupyterLabs in headless Chromium, an exercise wrong and then right
    python benchmarks/workshop.py load        200 learners, a check every 5 s for 5 minutes, the board killed half-way
    python benchmarks/workshop.py grade       20 submissions within 10 s

`browser` needs Playwright (`pip install playwright`) and a Chromium (`--chromium`). Figures are printed with the
machine's load, since whatever else runs counts.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = ("Ada Lovelace", "Zoë Müller", "Amara Okafor")
WRONG = "return ops.exp(scores) / ops.sum(ops.exp(scores))"
RIGHT = (
    "scores = scores - ops.max(scores, axis=axis, keepdims=True)\n"
    "    return ops.exp(scores) / ops.sum(ops.exp(scores), axis=axis, keepdims=True)"
)
WAIT = 120_000  # milliseconds; three JupyterLabs import TensorFlow at once


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def say(name, values):
    print(
        f"{name}: median {percentile(values, 0.5):.2f} s, 95 % under {percentile(values, 0.95):.2f} s, "
        f"worst {max(values):.2f} s, of {len(values)}"
    )


def loaded():
    print("load average", " ".join(f"{each:.1f}" for each in os.getloadavg()), "on", os.cpu_count(), "cores")


# real browsers


def browser(folder, chromium, pictures):
    """Three people do `softmax` wrong, then right; prints the seconds until the board shows it."""
    from playwright.sync_api import sync_playwright
    from workshop_room import running

    with running(folder / "workshop", "--wall-names") as room, sync_playwright() as play:
        engine = play.chromium.launch(executable_path=chromium, args=CHROMIUM)
        teacher = engine.new_context(viewport={"width": 1280, "height": 720}).new_page()
        join(teacher, room, "instructor", room.settings["instructor_password"], "/services/board/", "")
        wall = teacher.context.new_page()
        wall.goto(f"{room.url}/services/board/?projector")
        shot(pictures, wall, "board_empty")
        learners = [arrive(engine, room, name, pictures if name == NAMES[0] else None) for name in NAMES]
        for name, page in zip(NAMES, learners, strict=True):
            page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=WAIT)
            page.wait_for_selector(
                ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=WAIT, state="attached"
            )
            run_cell(page, "import course")
            print(f"{name}: JupyterLab is open")
        seconds = everybody_checks(learners, wall, WRONG, "trying", "of 4 checks pass")
        learners[0].get_by_text("course.check(softmax)").first.scroll_into_view_if_needed()
        shot(pictures, learners[0], "lab_wrong")
        shot(pictures, wall, "board_wrong")
        seconds += everybody_checks(learners, wall, RIGHT, "passed", "all 4 checks pass")
        shot(pictures, learners[0], "lab_right")
        shot(pictures, wall, "board_right")
        catch_up_and_submit(learners[1], teacher, pictures)
        own = learners[0].context.new_page()
        own.goto(f"{room.url}/services/board/?projector")
        own.wait_for_selector("td.passed", timeout=20_000)
        assert own.locator("caption").inner_text() == NAMES[0]
        shot(pictures, own, "own")
        teacher.bring_to_front()
        shot(pictures, teacher, "desk")
        engine.close()
    say("from the check's answer in JupyterLab to the board", seconds)
    loaded()
    return seconds


def arrive(engine, room, name, pictures):
    """A learner's page, on the way into JupyterLab; with `pictures`, one of the page where people join."""
    page = engine.new_context(viewport={"width": 1280, "height": 800}).new_page()
    if pictures:
        page.goto(f"{room.url}/hub/login")
        page.fill("#username_input", name)
        page.fill("#code_input", room.settings["code"])
        shot(pictures, page, "hub")
    join(page, room, name, "correct horse", None, room.settings["code"])
    return page


def everybody_checks(learners, wall, code, sign, said):
    """All learners write the same answer and check it.

    Args:
        learners: their pages, in the order of `NAMES`.
        wall: the page with the board.
        code: the body of `softmax`.
        sign: the class of the board's cell that is to come.
        said: words of the check's answer.

    Returns:
        For each the seconds from the check's answer until the board shows it.
    """
    seconds = []
    for name, page in zip(NAMES, learners, strict=True):
        write_answer(page, code)
        run_cell(page, "def softmax")
        run_cell(page, "course.check(softmax)")
        page.wait_for_function(
            "word => [...document.querySelectorAll('.jp-OutputArea-output')].some(one => one.innerText.includes(word))",
            arg=said,
            timeout=WAIT,
        )
        began = time.monotonic()
        wall.wait_for_function(
            "([name, sign]) => [...document.querySelectorAll('tbody tr')].some(row => "
            "row.innerText.startsWith(name) && row.querySelector('td').classList.contains(sign))",
            arg=[name, sign],
            timeout=30_000,
        )
        seconds.append(time.monotonic() - began)
        print(f"{name}, {sign}: on the board after {seconds[-1]:.2f} s")
    return seconds


def catch_up_and_submit(page, teacher, pictures):
    """One learner takes an answer, once it is released, and has the notebook graded."""
    new_cell(page, 'course.catch_up("scaled_dot_product_attention")')
    page.get_by_text("has not released").first.wait_for(timeout=60_000)
    teacher.locator("#releases button").nth(1).click()
    teacher.locator("#releases button.on").wait_for(timeout=20_000)
    new_cell(page, 'course.catch_up("scaled_dot_product_attention")')
    page.get_by_text("is in the new cell below").first.wait_for(timeout=60_000)
    run_cell(page, "# Caught up: scaled_dot_product_attention")
    time.sleep(3)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    time.sleep(3)
    began = time.monotonic()
    new_cell(page, "course.submit()")
    page.locator(".jp-OutputArea-output table").last.wait_for(timeout=120_000)
    print(f"course.submit() showed marks after {time.monotonic() - began:.1f} s")
    page.locator(".jp-OutputArea-output table").last.scroll_into_view_if_needed()
    shot(pictures, page, "marks")


def join(page, room, name, password, where, code):
    page.goto(f"{room.url}/hub/login" + (f"?next={where}" if where else "?next=/hub/spawn"))
    page.fill("#username_input", name)
    page.fill("#code_input", code)
    page.fill("#password_input", password)
    page.click("#login_submit")
    page.wait_for_load_state()


def cell(page, text):
    found = page.locator(".jp-CodeCell", has_text=text).first
    found.scroll_into_view_if_needed(timeout=WAIT)
    return found


def run_cell(page, text):
    cell(page, text).locator(".cm-content").first.click()
    page.keyboard.press("Control+Enter")


def write_answer(page, body):
    cell(page, "def softmax").locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(f"def softmax(scores, axis=-1):\n    {body}")


def new_cell(page, text):
    """A new cell below the one that is active, with this in it, run."""
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")


def shot(pictures, page, name):
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=pictures / f"{name}.png")


# load


def load(folder, learners, seconds):
    """Learners send as notebooks do, and one browser watches; the board is killed half-way."""
    from workshop_load import Load
    from workshop_room import running

    with running(folder / "workshop") as room:
        teacher = room.teacher()
        teacher.get(f"{room.url}/services/board/", headers={"accept": "text/html"})
        cookies = {cookie.name: cookie.value for cookie in teacher.cookies if cookie.name == "workshop-board"}
        sent, seen = asyncio.run(Load(room, cookies, learners, seconds).run())
        kept = _rows(room.folder / "board" / "board.sqlite")
    lost, double = set(sent) - set(kept), len(kept) - len(set(kept))
    print(f"{len(sent)} checks of {learners} learners in {seconds:.0f} s: {len(lost)} lost, {double} double")
    say(
        "from the check to the instructor's page",
        [seen[event] - sent[event] for event in sent if event in seen],
    )
    print(f"never seen on the page: {len(set(sent) - set(seen))}")
    loaded()
    return lost, double, [seen[event] - sent[event] for event in sent if event in seen]


def _rows(path):
    import sqlite3

    with sqlite3.connect(path) as database:
        return [tuple(row) for row in database.execute("SELECT user, id FROM events")]


# marks at once


def grade(folder, submissions=20, within=10):
    """Submissions of right and wrong notebooks, each by another learner; prints the seconds until the marks."""
    import threading

    import nbformat
    import requests
    from workshop_room import running

    from autograder.authoring.build import entry_source, submission
    from autograder.hidden.assignments import import_keras
    from autograder.hidden.entries import alternatives, misconceptions
    from autograder.teaching.workshop.tokens import token_for
    from course.notebooks.lesson import find_lesson

    import_keras()
    lesson, books = find_lesson("1"), []
    for number in range(submissions):
        answers = {}
        for place, name in enumerate(lesson.exercises):
            wrong = place == number % len(lesson.exercises) and number % 2
            entries = (misconceptions if wrong else alternatives)(lesson.name, name)
            answers[name] = f"# learner {number}\n" + entry_source(entries[number % len(entries)], lesson)
        books.append(nbformat.writes(submission(lesson, answers)))
    with running(folder / "workshop") as room:
        settings, seconds = room.settings, []
        began = time.monotonic()
        while not requests.get(f"{settings['board_url']}/health").json()["warm"]:
            time.sleep(1)
        print(f"the judge was warm {time.monotonic() - began:.0f} s after the start")

        def one(number):
            time.sleep(within * number / submissions)
            begun = time.monotonic()
            headers = {"Authorization": f"Bearer {token_for(f'l{number}', settings['secret'])}"}
            body = {"lab": lesson.lab, "notebook": books[number]}
            said = requests.post(
                f"{settings['board_url']}/submit", json=body, headers=headers, timeout=180
            ).json()
            seconds.append(time.monotonic() - begun)
            lost = sum(mark["points"] < mark["max_points"] for mark in said["marks"])
            assert lost == number % 2, (number, said)

        judge = _judge_of(room)
        used = _cpu(judge)
        threads = [threading.Thread(target=one, args=(number,)) for number in range(submissions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = (_cpu(judge) - used) / submissions
    print(f"{used:.2f} processor seconds each, whatever else the machine does")
    assert len(seconds) == submissions
    say(f"{submissions} submissions within {within} s, until the marks", seconds)
    loaded()
    return seconds


def _judge_of(room):
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "autograder.teaching.workshop.judge_process" in words and str(room.folder) in " ".join(words):
            return process
    raise AssertionError("there is no judge")


def _cpu(process):
    """Processor seconds of a process and all it started, those included that have ended."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:4]) for each in family)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("browser", "load", "grade"))
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    parser.add_argument("--pictures", type=Path, help="folder for screenshots")
    parser.add_argument("--learners", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        if arguments.part == "browser":
            browser(Path(folder), arguments.chromium, arguments.pictures)
        elif arguments.part == "load":
            load(Path(folder), arguments.learners, arguments.seconds)
        else:
            grade(Path(folder))


if __name__ == "__main__":
    main()

"""The live part of a workshop without a Hub: what notebooks send, what is kept, what is shown, who may see it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

import course
from course.checking import CheckOutcome, Report
from course.notebooks.lesson import find_lesson
from course.workshop import board_client, submit

pytest.importorskip("starlette", reason="pip install 'transformer-labs[workshop]'")
from nbgrader.api import Gradebook
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from autograder.classroom import waived_answers
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.judge.verdict import Mark, Verdict
from autograder.teaching.handouts import room_counts
from autograder.teaching.workshop import gradebook_names
from autograder.teaching.workshop.board import Board
from autograder.teaching.workshop.fair_queue import FairQueue, Full
from autograder.teaching.workshop.grid import Grid
from autograder.teaching.workshop.store import Store
from autograder.teaching.workshop.tokens import token_for, user_of
from autograder.teaching.workshop.web import COOKIE, application, open_session

SECRET, PREFIX = "a secret", "/services/board/"
SERVE = """
import sys
sys.path[:0] = {path!r}
import uvicorn
from test_workshop import FakeDoor, PREFIX, SECRET
from autograder.teaching.workshop.board import Board
from autograder.teaching.workshop.web import application
board = Board({folder!r}, {folder!r})
board.warm = __import__("asyncio").sleep.__get__(0)  # no Keras here
uvicorn.run(application(board, SECRET, "teacher", FakeDoor(), PREFIX), port={port}, log_level="error",
            timeout_graceful_shutdown=1)
"""


class FakeDoor:
    """In the Hub's place: `/oauth_callback?user=NAME` lets in whoever says so."""

    def login(self, prefix):
        async def login(request, _):
            return JSONResponse({"error": "log in"}, 401)

        return login

    def callback(self, board, instructor):
        async def callback(request):
            user = request.query_params["user"]
            response = JSONResponse({})
            open_session(board, response, user, user == instructor, PREFIX, False)
            return response

        return callback


def event(number, exercise="softmax", good=0, total=3, at=None, mistake="the mask is inverted"):
    at = time.time() if at is None else at
    mistake = "" if good == total else mistake
    return {
        "id": f"e{number}",
        "at": at,
        "exercise": exercise,
        "good": good,
        "total": total,
        "mistake": mistake,
    }


@pytest.fixture
def board(tmp_path, monkeypatch):
    made = Board(tmp_path, tmp_path)
    monkeypatch.setattr(made, "warm", lambda: asyncio.sleep(0))
    yield made


@pytest.fixture
def client(board):
    with TestClient(
        application(board, SECRET, "teacher", FakeDoor(), PREFIX), base_url="http://room"
    ) as made:
        yield made


def bearer(user, alias=""):
    return {"Authorization": f"Bearer {token_for(user, SECRET, alias)}"}


def enter(client, user):
    client.cookies.clear()
    client.get(f"{PREFIX}oauth_callback?user={user}")
    return client


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Service:
    """The board in a process of its own, killable."""

    def __init__(self, folder, root, port=None):
        self.folder, self.root, self.port = folder, root, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}{PREFIX}"
        self.process = None

    def start(self):
        script = SERVE.format(
            path=[str(self.root), str(self.root / "tests"), str(Path(__file__).parent)],
            folder=str(self.folder),
            port=self.port,
        )
        self.process = subprocess.Popen([sys.executable, "-c", script])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return urllib.request.urlopen(f"{self.url}health", timeout=1) and self
            except OSError:
                assert self.process.poll() is None, "the board ended"
                time.sleep(0.1)
        pytest.fail("the board did not start")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


# what a notebook sends


def found(*outcomes):
    return Report("softmax", 2, [CheckOutcome(f"check {n}", problem) for n, problem in enumerate(outcomes)])


@pytest.mark.parametrize(
    ("problem", "sent"),
    [
        ("rows sum to 1: divide? (found 2.5 at [0, 1], expected 1)", "rows sum to 1: divide?"),
        (
            "a mask holds True and False, not numbers (found float32)",
            "a mask holds True and False, not numbers",
        ),
        (
            "your code stopped with NameError: my_secret is not defined\nin f, line 2",
            "your code stopped with NameError",
        ),
        ("the shape should be (2, 3), not (3, 2): swapped axes?", "the shape is wrong: swapped axes?"),
    ],
)
def test_the_mistake_is_sent_without_figures_and_without_code(problem, sent):
    told = board_client.event_of(found(None, problem, "another"))
    assert told["mistake"] == sent
    assert (told["exercise"], told["good"], told["total"]) == ("softmax", 1, 3)
    assert set(told) == {"id", "at", "exercise", "good", "total", "mistake"}


def test_without_a_workshop_nothing_is_sent_or_written(tmp_path, monkeypatch):
    monkeypatch.delenv(board_client.URL, raising=False)
    monkeypatch.setenv(board_client.OUTBOX, str(tmp_path / "outbox"))
    board_client.report(found(None))
    monkeypatch.setenv(board_client.URL, "http://127.0.0.1:9/")
    monkeypatch.setenv("COURSE_GRADING", "1")
    board_client.report(found(None))
    assert not (tmp_path / "outbox").exists()


def test_a_check_is_never_slowed_or_spoilt_and_says_once_what_is_sent(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(board_client.URL, f"http://127.0.0.1:{free_port()}/")  # nobody there
    monkeypatch.setenv(board_client.OUTBOX, str(tmp_path / "outbox"))
    assert not course.check(lambda x: x, "softmax").passed
    began = time.monotonic()
    board_client.report(found(None))
    assert time.monotonic() - began < 1
    assert capsys.readouterr().out.count("Your code stays with you") == 1
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 2
    monkeypatch.setenv(board_client.OUTBOX, "/proc/no-such-place")  # and where nothing can be written
    assert not course.check(lambda x: x, "softmax").passed


def test_what_waits_is_delivered_when_the_board_is_back(tmp_path, root, monkeypatch):
    service = Service(tmp_path / "board", root)
    monkeypatch.setenv(board_client.URL, service.url)
    monkeypatch.setenv(board_client.TOKEN, token_for("ada", SECRET, "Ada"))
    courier = board_client.Courier(tmp_path / "outbox")
    monkeypatch.setattr(board_client, "PATIENCE", (0.1,))
    sent = [board_client.event_of(found("no")) for _ in range(3)]
    for each in sent:
        courier.post(each)
    assert len(courier.waiting()) == 3
    try:
        service.start()
        deadline = time.monotonic() + 20
        while courier.waiting() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        service.kill()
    assert not courier.waiting()
    kept = {row["id"] for row in Store(tmp_path / "board" / "board.sqlite").events()}
    assert {each["id"] for each in sent} <= kept


def test_an_outbox_holds_no_more_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(board_client, "KEPT", 3)
    courier = board_client.Courier(tmp_path)
    for number in range(5):
        (tmp_path / f"{number}.json").write_text("{}")
    assert [path.name for path in courier.waiting()] == ["2.json", "3.json", "4.json"]
    assert len(list(tmp_path.glob("*.json"))) == 3


# what is kept


def test_an_event_counts_once_and_survives_a_kill(tmp_path, root):
    """Four learners send, the service is killed with SIGKILL in the middle, and they send again what was not confirmed."""
    service = Service(tmp_path, root).start()
    confirmed, stop = set(), threading.Event()

    def learner(name):
        for number in range(60):
            request = urllib.request.Request(
                f"{service.url}events",
                json.dumps({"events": [event(f"{name}-{number}")]}).encode(),
                bearer(name) | {"Content-Type": "application/json"},
            )
            while not stop.is_set():
                try:
                    urllib.request.urlopen(request, timeout=5).read()
                    confirmed.add((name, f"e{name}-{number}"))
                    break
                except OSError:
                    time.sleep(0.05)

    threads = [threading.Thread(target=learner, args=(f"l{n}",)) for n in range(4)]
    try:
        for thread in threads:
            thread.start()
        while len(confirmed) < 60:
            time.sleep(0.01)
        service.kill()
        service.start()
        for thread in threads:
            thread.join(60)
    finally:
        stop.set()
        service.kill()
    kept = [(row["user"], row["id"]) for row in Store(tmp_path / "board.sqlite").events()]
    assert len(kept) == len(set(kept)) == 240 and set(kept) == confirmed


def test_one_learners_ids_do_not_hide_anothers(board):
    assert asyncio.run(board.take("ada", [event(1)])) == asyncio.run(board.take("bo", [event(1)])) == 1
    assert len(board.store.events()) == 2


def test_malformed_events_are_left_out(client, board):
    bad = [1, {}, event(1) | {"at": "x"}, event(2) | {"good": 9}, event(3) | {"exercise": "nonsense"}]
    bad += [event(4) | {"at": float("1e999")}, event(5) | {"mistake": "x" * 900}]
    kept = client.post(f"{PREFIX}events", content=json.dumps({"events": bad}), headers=bearer("ada")).json()
    assert kept == {"kept": 1} and len(board.store.events()[0]["mistake"]) == 200
    for body in ("[", "[1]", '{"events": 3}'):
        assert client.post(f"{PREFIX}events", content=body, headers=bearer("ada")).status_code in (200, 400)
    huge = client.post(f"{PREFIX}submit", content=b"x" * (9 << 20), headers=bearer("ada"))
    assert huge.status_code == 413 and "outputs" in huge.json()["error"]


def test_a_clock_that_runs_ahead_is_set_right(board):
    asyncio.run(board.take("ada", [event(1, at=time.time() + 9999)]))
    assert board.store.events()[0]["at"] <= time.time()


# what is shown


def shown_event(user, **fields):
    return event(0, **fields) | {"user": user}


def test_states_of_an_exercise():
    grid, now = Grid(find_lesson("1")), 10_000.0
    assert grid.state("ada", "softmax", now) == "untouched"
    grid.add(shown_event("ada", at=now - 601))
    assert grid.state("ada", "softmax", now - 300) == "trying"
    assert grid.state("ada", "softmax", now) == "stuck"
    grid.add(shown_event("ada", exercise="causal_mask", at=now - 5))
    assert grid.state("ada", "softmax", now) == "trying"  # busy with something else
    grid.add(shown_event("ada", at=now - 1, good=3))
    grid.add(shown_event("ada", at=now, good=1))
    assert grid.state("ada", "softmax", now) == "passed"


def test_mistakes_count_people_of_the_last_ten_minutes_who_have_not_passed():
    grid, now = Grid(find_lesson("1")), 10_000.0
    for user in ("ada", "bo", "cy"):
        grid.add(shown_event(user, at=now - 60))
        grid.add(shown_event(user, at=now - 50))
    grid.add(shown_event("di", at=now - 700))
    grid.add(shown_event("ada", at=now - 10, good=3))
    grid.add(shown_event("bo", exercise="causal_mask", at=now, mistake="off by one"))
    assert grid.mistakes(now) == [(2, "softmax", "the mask is inverted"), (1, "causal_mask", "off by one")]
    assert ("softmax", "the mask is inverted", 4) in grid.all_mistakes()


def test_the_clock_plans_every_exercise():
    grid = Grid(find_lesson("1"))
    assert grid.clock(None, 0)["elapsed"] is None
    clock = grid.clock(1000, 1600)
    assert clock["elapsed"] == 10 and clock["ends"][-1] == clock["planned"] == find_lesson("1").minutes
    assert clock["ends"] == sorted(clock["ends"])


def test_the_instructor_sees_the_class_and_a_projector_can_hide_names(client, board):
    client.post(f"{PREFIX}events", json={"events": [event(1)]}, headers=bearer("ada", "Ada <b>L</b>"))
    shown = board.show("attention")
    assert [one["name"] for one in shown["people"]] == ["Ada <b>L</b>"] and shown["people"][0]["row"][
        0
    ] == "trying"
    assert shown["mistakes"] == [(1, "softmax", "the mask is inverted")]
    assert "Ada" not in json.dumps(board.show("attention", hidden=True))
    page = enter(client, "teacher").get(PREFIX, headers={"accept": "text/html"})
    assert 'data-page="desk"' in page.text and "default-src 'self'" in page.headers["content-security-policy"]
    assert 'data-page="wall"' in client.get(f"{PREFIX}?projector").text
    assert "softmax,the mask is inverted,1" in client.get(f"{PREFIX}mistakes.csv").text


@pytest.mark.parametrize("told", [False, True])
def test_the_wall_shows_no_marks_and_names_only_where_learners_were_told(client, board, told):
    board.wall_names = told
    client.post(f"{PREFIX}events", json={"events": [event(1)]}, headers=bearer("ada", "Ada Lovelace"))
    board.store.add_marks("ada", "lab1_attention", [{"points": 7, "max_points": 20}])
    board.store.catch_up("ada", "softmax")
    board.changed("ada")
    seen = stream_of(board, "teacher", projector=True)
    assert [one["name"] for one in seen["people"]] == ["Ada Lovelace" if told else "Learner 1"]
    assert [(one["points"], one["caught"]) for one in seen["people"]] == [(None, [])]
    assert stream_of(board, "teacher")["people"][0]["points"] == 7
    assert ("projector" in stream_of(board, "ada")["told"]) is told  # the page a learner reads says so


def test_the_wall_says_how_to_join_until_the_class_is_in(client, board):
    board.address, board.code = "http://192.0.2.1:8000", "ABCD-EFGH"
    assert stream_of(board, "teacher", projector=True)["joining"] == {
        "address": board.address,
        "code": "ABCD-EFGH",
    }
    assert b"<svg" in client.get(f"{PREFIX}qr.svg").content
    teacher = enter(client, "teacher")
    assert (
        teacher.post(f"{PREFIX}joining", json={"on": False}, headers={"X-Workshop": "1"}).status_code == 200
    )
    assert stream_of(board, "teacher", projector=True)["joining"] is None
    assert (
        enter(client, "ada")
        .post(f"{PREFIX}joining", json={"on": True}, headers={"X-Workshop": "1"})
        .status_code
        == 403
    )
    assert "joining" not in stream_of(board, "ada")


@pytest.mark.parametrize(
    ("alias", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Ana María de la Cruz", "Ana María de la", "Cruz"),
        ("李 小明", "小明", "李"),
        ("李小明", "", "李小明"),
        ("김 민준", "민준", "김"),
        ("Zoë", "", "Zoë"),
    ],
)
def test_names_are_split_as_nbgrader_shows_them(alias, first, last):
    assert gradebook_names.split_name(alias) == (first, last)


def test_whoever_joins_is_in_the_gradebook_under_their_name(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    assert gradebook_names.enter(folder, "learner-96233832", "李 小明")
    assert gradebook_names.enter(folder, "learner-96233832", "Somebody Else")  # what is there stays
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        student = gradebook.find_student("learner-96233832")
        assert (student.last_name, student.first_name) == ("李", "小明")
    assert not gradebook_names.enter(tmp_path / "no course", "ada", "Ada")  # and nobody waits for it


def test_what_the_board_saw_goes_into_the_instructors_guide(tmp_path, client, board):
    for user in ("ada", "bo"):
        client.post(f"{PREFIX}events", json={"events": [event(1)]}, headers=bearer(user, user.title()))
    table = tmp_path / "mistakes.csv"
    table.write_bytes(enter(client, "teacher").get(f"{PREFIX}mistakes.csv").content)
    assert room_counts.read_counts(table) == {"softmax": Counter({"the mask is inverted": 2})}


def test_everything_is_there_again_after_a_restart(tmp_path, board):
    board.meet("ada", "Ada")
    asyncio.run(board.take("ada", [event(1), event(2, exercise="causal_mask", good=3)]))
    board.release("softmax", True)
    board.begin("1")
    again = Board(tmp_path, tmp_path)
    before, after = board.show("attention"), again.show("attention")
    assert {**before, "now": 0, "clock": 0} == {**after, "now": 0, "clock": 0}
    assert again.store.released() == {"softmax"} and after["clock"]["elapsed"] < 1


def stream_of(board, user, **query):
    """The first news that a browser's stream brings."""
    from autograder.teaching.workshop import web

    request = type("Request", (), {})()
    key = f"{user} {time.time_ns()}"
    request.cookies, request.query_params = {COOKIE: key}, query
    board.store.add_session(key, user, user == "teacher", time.time() + 60)

    async def first():
        response = await web._stream(board, "teacher")(request)
        return json.loads((await anext(response.body_iterator))["data"])

    return asyncio.run(first())


def test_a_learner_sees_their_own_row_only(client, board):
    for user in ("ada", "bo"):
        client.post(f"{PREFIX}events", json={"events": [event(1)]}, headers=bearer(user, user.title()))
    board.store.add_marks("bo", "lab1_attention", [{"points": 7, "max_points": 20}])
    own = stream_of(board, "ada")
    assert [one["name"] for one in own["people"]] == ["Ada"] and "mistakes" not in own
    assert "Bo" not in json.dumps(own) and len(stream_of(board, "teacher")["people"]) == 2
    enter(client, "ada")
    for path in ("", "?projector", "?projector&hidden"):
        assert 'data-page="own"' in client.get(PREFIX + path).text
    assert client.get(f"{PREFIX}mistakes.csv").status_code == 403
    for path, body in (("release", {"exercise": "softmax", "on": True}), ("begin", {"lab": "1"})):
        assert client.post(PREFIX + path, json=body, headers={"X-Workshop": "1"}).status_code == 403
    assert not board.store.released()


def test_strangers_and_forged_tokens_get_nothing(client, board):
    forged = token_for("ada", "another secret")
    name, signature = token_for("bo", SECRET).split(".")
    mixed = token_for("ada", SECRET).split(".")[0] + "." + signature
    for token in ("", "x", forged, mixed, f"{name}.", "é.é"):
        headers = {"Authorization": b"Bearer " + token.encode()}
        for path in ("events", "submit", "hello", "answers/softmax"):
            assert client.post(PREFIX + path, json={}, headers=headers).status_code == 401
    for path in ("", "stream", "mistakes.csv"):
        assert client.get(PREFIX + path).status_code == 401
    assert client.post(f"{PREFIX}release", json={}, headers={"X-Workshop": "1"}).status_code == 401
    # the instructor's browser, driven by a page of somebody else's
    assert (
        enter(client, "teacher")
        .post(f"{PREFIX}release", json={"exercise": "softmax", "on": True})
        .status_code
        == 403
    )
    assert not board.store.released()
    assert user_of(token_for("ada", SECRET, "Ada"), SECRET) == ("ada", "Ada")


# marks at once


def test_the_queue_is_fair_and_runs_one_of_each_learner_at_a_time():
    order, running, most = [], set(), []

    async def room():
        queue = FairQueue(2)

        def work(name):
            async def one():
                learner = name[0]
                assert learner not in running
                running.add(learner)
                most.append(len(running))
                await asyncio.sleep(0.01)
                running.discard(learner)
                order.append(name)

            return one

        tasks = [queue.run(name[0], work(name)) for name in ("a1", "a2", "a3", "b1", "c1", "b2")]
        await asyncio.gather(*tasks)
        with pytest.raises(Full):
            await asyncio.gather(*(queue.run("a", work("a9")) for _ in range(6)))

    asyncio.run(room())
    assert max(most) == 2
    assert order.index("c1") < order.index("a2") and order.index("b1") < order.index("a3")


def test_work_that_fails_does_not_stop_the_queue():
    async def room():
        queue = FairQueue(1)

        async def bad():
            raise ValueError("no")

        async def good():
            return 1

        return await asyncio.gather(queue.run("a", bad), queue.run("a", good), return_exceptions=True)

    failed, done = asyncio.run(room())
    assert isinstance(failed, ValueError) and done == 1


@pytest.fixture
def in_workshop(client, board, monkeypatch):
    """`course.submit()` and `course.catch_up()` speak to this board, as Ada."""

    def ask(path, body=None, timeout=0):
        answer = client.post(PREFIX + path, json=body, headers=bearer("ada", "Ada"))
        if answer.is_error:
            raise board_client.BoardRefuses(answer.status_code, answer.json()["error"])
        return answer.json()

    monkeypatch.setenv(board_client.URL, "http://room")
    monkeypatch.setattr(board_client, "ask", ask)
    return board


@pytest.fixture
def notebook(root, tmp_path):
    path = tmp_path / "attention.ipynb"
    path.write_bytes((root / "labs" / "lab1_attention" / "attention.ipynb").read_bytes())
    return path


def judged(monkeypatch, board, said):
    asked = []

    async def judge(**request):
        asked.append(request)
        return said

    monkeypatch.setattr(board.judging, "judge", judge)
    return asked


MARKS = [
    {"exercise": "softmax", "points": 2, "max_points": 2, "problems": []},
    {
        "exercise": "causal_mask",
        "points": 0,
        "max_points": 1,
        "problems": ["It is <inverted>: `True` hides."],
    },
]


def test_submit_shows_marks_and_nothing_hidden(in_workshop, notebook, monkeypatch):
    said = {"marks": MARKS, "notes": ["cell repaired"], "diagnoses": {"causal_mask": "secret_name"}}
    asked = judged(monkeypatch, in_workshop, said)
    shown = submit.submit(notebook=notebook)
    assert (shown.points, shown.max_points) == (2, 3) and asked[0]["lab"] == "lab1_attention"
    page = shown._repr_html_()
    assert "&lt;inverted&gt;: <code>True</code> hides" in page and "secret_name" not in page + str(shown)
    assert "2 of 3 points" in str(shown) and "cell repaired" in page
    assert in_workshop.store.best_marks("lab1_attention") == {"ada": (2, 3)}


def test_an_old_save_is_said_to_be_old(in_workshop, notebook, monkeypatch, capsys):
    judged(monkeypatch, in_workshop, {"marks": MARKS, "notes": []})
    os.utime(notebook, (time.time() - 300, time.time() - 300))
    submit.submit(notebook=notebook)
    assert "as it was saved 5 minutes ago" in capsys.readouterr().out


def test_the_notebook_is_found_by_what_jupyter_says_and_by_its_folder(notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    assert submit._path(None, None) == notebook
    monkeypatch.setenv("JPY_SESSION_NAME", "8f1c-not-a-path")
    monkeypatch.chdir(tmp_path)
    assert submit._path(None, None) == submit._path("1", None) == notebook
    (tmp_path / "other.ipynb").write_text("{}")
    with pytest.raises(submit.NoWorkshop, match="Name the notebook"):
        submit._path(None, None)
    with pytest.raises(submit.NoWorkshop, match="There is no notebook"):
        submit._path(None, "nowhere.ipynb")


def test_a_fault_of_the_grader_is_a_sentence_and_no_mark(in_workshop, notebook, monkeypatch):
    judged(monkeypatch, in_workshop, {"fault": "/secret/path broke"})
    with pytest.raises(submit.NoWorkshop, match="could not finish") as no:
        submit.submit(notebook=notebook)
    assert "secret" not in str(no.value) and not in_workshop.store.best_marks("lab1_attention")


def test_outside_a_workshop_both_say_so(monkeypatch):
    monkeypatch.delenv(board_client.URL, raising=False)
    with pytest.raises(submit.NoWorkshop, match="inside a workshop"):
        course.submit()
    with pytest.raises(submit.NoWorkshop, match="inside a workshop"):
        course.catch_up("softmax")


def test_a_board_that_cannot_be_reached_is_a_sentence(notebook, monkeypatch):
    monkeypatch.setenv(board_client.URL, f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(submit.NoWorkshop, match="cannot be reached"):
        submit.submit(notebook=notebook)


# catching up


def test_an_answer_comes_after_its_release_and_not_before(in_workshop, tmp_path, monkeypatch, capsys):
    with pytest.raises(submit.NoWorkshop, match="has not released softmax yet"):
        submit.catch_up("softmax")
    assert not in_workshop.store.caught_up()
    in_workshop.release("softmax", True)
    submit.catch_up("softmax")
    source = capsys.readouterr().out
    assert "def softmax(" in source and "SOLUTION" not in source and "NotImplementedError" not in source
    assert waived_answers.marked([("own", source)]) == {"softmax"}
    assert in_workshop.store.caught_up() == {"ada": ["softmax"]}
    assert waived_answers.read_record(tmp_path) == {"ada": ["softmax"]}
    in_workshop.release("softmax", False)
    with pytest.raises(submit.NoWorkshop, match="not released"):
        submit.catch_up("softmax")


def test_in_a_notebook_it_becomes_a_new_cell(in_workshop, monkeypatch):
    cells = []
    shell = type("Shell", (), {"kernel": 1, "set_next_input": lambda self, text: cells.append(text)})()
    monkeypatch.setattr(submit, "notebook_shell", lambda: shell)
    in_workshop.release("softmax", True)
    submit.catch_up("softmax")
    assert cells[0].startswith(
        "# Caught up: softmax is the course's answer, and earns no points.\n\ndef softmax("
    )


def test_an_answer_given_away_earns_no_points():
    verdict = Verdict("lab1_attention", 1, [Mark("softmax", 2, 2), Mark("causal_mask", 1, 1)])
    waived = waived_answers.without_points(verdict, {"softmax"})
    assert [mark.points for mark in waived.marks] == [0, 1] and "no points" in waived.marks[0].problems[0]
    assert verdict.points == 3


def test_nor_in_the_gradebook_whether_the_mark_is_there_or_was_taken_out(tmp_path, template, monkeypatch):
    from class_of_faults import gradebook, hand_in, make, stand_in

    from autograder.classroom import grade_class

    lesson = find_lesson("1")
    source = f"{submit.MARK}: causal_mask is the course's answer, and earns no points."
    folder = make(tmp_path / "course", template, lesson, ["ada", "bo", "cy"])
    hand_in(folder, lesson, "ada", f"{source}\n")
    waived_answers.write_record(folder, {"bo": ["causal_mask"]})
    with stand_in(monkeypatch):
        monkeypatch.setattr("class_of_faults.judged", full_marks)
        grade_class.grade_class(folder, "1", feedback=False)
    scores = {(row[0], row[4]): row[5] for row in gradebook(folder)}
    assert scores["ada", "check_causal_mask"] == scores["bo", "check_causal_mask"] == 0
    assert scores["cy", "check_causal_mask"] == lesson.exercises["causal_mask"].points
    assert all(scores[name, "check_softmax"] == 2 for name in ("ada", "bo", "cy"))


def full_marks(assignment, cells, notes):
    marks = [Mark(cell.name, cell.points, cell.points) for cell in assignment.exercises.values()]
    return Verdict(assignment.name, 1, marks, list(notes))

"""The marker's desk: every click in nbgrader's gradebook, nobody's name where names are hidden, nothing lost."""

import csv
import json
import shutil

import pytest
from nbgrader.api import Gradebook

pytest.importorskip("starlette", reason="pip install 'transformer-labs[instructor]'")
from starlette.testclient import TestClient
from typer.testing import CliRunner
from written_class import ANSWERS, QUESTION, grade, hand_in, make

from autograder import cli
from autograder.classroom.learner_markdown import in_html
from autograder.classroom.lms.export import export_marks, waiting_answers
from autograder.classroom.marking.desk import Desk
from autograder.classroom.marking.web import application
from autograder.classroom.submissions import load_config

TOKEN = "the-token"
HEADERS = {"X-Marking": "1"}


@pytest.fixture(scope="module")
def graded(tmp_path_factory, template, lesson):
    return make(tmp_path_factory.mktemp("marking") / "course", template, lesson)


@pytest.fixture
def course(graded, tmp_path):
    return shutil.copytree(graded, tmp_path / "course")


class Marker:
    """One marker's browser."""

    def __init__(self, desk, name="Mo", key=TOKEN):
        self.client, self.name = TestClient(application(desk, TOKEN)), name
        self.client.get(f"/?token={key}")

    def get(self, path, status=200):
        found = self.client.get(f"/api/{path}")
        assert found.status_code == status, found.text
        return found.json()

    def post(self, path, status=200, headers=HEADERS, **body):
        found = self.client.post(
            f"/api/{path}", json={"marker": self.name, "tab": self.name} | body, headers=headers
        )
        assert found.status_code == status, found.text
        return found.json()

    def group(self, name, question=QUESTION):
        groups = self.get(f"question/{question}")["groups"]
        return next(one for one in groups if name in [member["name"] for member in one["members"]])

    def mark(self, group, score, lines=(), comment=None, status=200, question=QUESTION):
        members = group["members"]
        return self.post(
            "mark",
            status,
            question=question,
            ids=[one["id"] for one in members],
            seen={one["id"]: [one["score"], one["waits"], one["comment"]] for one in members},
            score=score,
            lines=list(lines),
            comment=comment,
        )


def desk(course, lesson, anonymous=False):
    return Desk(course, lesson, load_config(course), anonymous)


def in_gradebook(course, lesson, student, question=QUESTION):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        place = (f"question_{question}", lesson.name, lesson.lab, student)
        given, comment = book.find_grade(*place), book.find_comment(*place)
        return given.manual_score, given.score, given.needs_manual_grade, comment.comment


def test_answers_are_shown_by_question_and_what_is_alike_is_one(course, lesson):
    shown = Marker(desk(course, lesson)).get(f"question/{QUESTION}")
    groups = [sorted(one["name"] for one in group["members"]) for group in shown["groups"]]
    assert ["ben", "cleo"] in groups and ["eve", "fay"] in groups and ["ada"] in groups
    assert shown["groups"][0]["empty"] and not shown["groups"][0]["html"]
    assert "sqrt(d_k) is a constant" in shown["model"] and shown["points"] == 2
    assert [line["points"] for line in shown["rubric"]] == [1, 1, None]
    same = next(one for one in shown["groups"] if len(one["members"]) == 2 and not one["empty"])
    assert "<strong>no</strong>" in same["html"] and "<msqrt>" in same["html"]


def test_a_click_is_in_nbgraders_gradebook_for_formgrader_feedback_and_export(course, lesson):
    marker = Marker(desk(course, lesson))
    assert in_gradebook(course, lesson, "ben") == (
        None,
        0.0,
        True,
        None,
    )  # nbgrader shows 0 until somebody looks
    marker.mark(marker.group("ben"), 1, [0], "Say *how much* of the gradient is left.")
    for name in ("ben", "cleo"):
        told = (1.0, 1.0, False, "Say *how much* of the gradient is left.")
        assert in_gradebook(course, lesson, name) == told
    before = waiting_answers([lesson], load_config(course))[0]
    for question in lesson.questions:
        for group in marker.get(f"question/{question}")["groups"]:
            if any(one["waits"] for one in group["members"]):
                marker.mark(group, 0.5, question=question)
    assert before > 0 and waiting_answers([lesson], load_config(course)) == (0, 0)
    with export_marks(course, "1", "nbgrader").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    exercises = sum(cell.points for cell in lesson.exercises.values())
    assert float(rows["ben"]["score"]) == exercises + 1 + 0.5 + 0.5


def test_points_come_from_lines_and_are_kept_with_who_and_when(course, lesson):
    marker = Marker(desk(course, lesson), "Mo Marker")
    marker.mark(marker.group("ada"), 2, [0, 1])
    (member,) = Marker(desk(course, lesson)).group("ada")["members"]
    assert (member["score"], member["lines"], member["by"], member["waits"]) == (
        2,
        [0, 1],
        "Mo Marker",
        False,
    )
    assert member["at"].startswith("20")
    events = [
        json.loads(row) for row in (course / "marking" / f"{lesson.lab}.jsonl").read_text().splitlines()
    ]
    assert events[-1]["student"] == "ada" and events[-1]["says"][0].startswith("a network with smaller")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:  # as formgrader would
        book.find_grade(f"question_{QUESTION}", lesson.name, lesson.lab, "ada").manual_score = 1.5
        book.db.commit()
    (member,) = marker.group("ada")["members"]
    assert (member["score"], member["lines"], member["by"]) == (1.5, [], "formgrader")


def test_a_mark_can_be_taken_back(course, lesson):
    marker = Marker(desk(course, lesson))
    marker.mark(marker.group("ada"), 2)
    marker.mark(marker.group("ada"), None)
    assert in_gradebook(course, lesson, "ada")[0] is None and in_gradebook(course, lesson, "ada")[2]
    assert marker.group("ada")["members"][0]["score"] is None


def test_a_history_that_was_cut_short_loses_its_last_line_alone(course, lesson):
    marker = Marker(desk(course, lesson))
    marker.mark(marker.group("ada"), 2, [0, 1])
    with (course / "marking" / f"{lesson.lab}.jsonl").open("a") as file:
        file.write('{"what": "mark", "stud')
    marker.mark(marker.group("ben"), 1, [0])
    again = Marker(desk(course, lesson))
    assert again.group("ada")["members"][0]["lines"] == [0, 1]
    assert again.group("ben")["members"][0]["lines"] == [0]


def test_two_markers_share_the_work_and_never_write_over_each_other(course, lesson):
    shared = desk(course, lesson)
    mo, kim = Marker(shared, "Mo"), Marker(shared, "Kim")
    seen = kim.group("ada")
    held = mo.post("hold", question=QUESTION, key=seen["key"])["held"]
    assert held == {} and kim.get(f"state/{QUESTION}?tab=Kim")["held"] == {seen["key"]: "Mo"}
    mo.mark(seen, 2)
    said = kim.mark(seen, 0, status=409)["error"]
    assert "Somebody else has marked this" in said
    assert in_gradebook(course, lesson, "ada")[0] == 2
    kim.mark(kim.group("ada"), 1)  # now that she has seen it
    assert in_gradebook(course, lesson, "ada")[0] == 1
    other = mo.group("ben")["key"]
    mo.post("hold", question=QUESTION, key=other)
    assert kim.post("hold", question=QUESTION, key=other)["held"] == {other: "Mo"}, (
        "she is elsewhere, and he has moved on"
    )


def test_comments_are_kept_and_offered_again(course, lesson):
    marker = Marker(desk(course, lesson))
    marker.mark(marker.group("ada"), 2, comment="Name a figure.")
    marker.mark(marker.group("ben"), 1, comment="Why at the start?")
    shown = Marker(desk(course, lesson)).get(f"question/{QUESTION}")
    assert shown["comments"] == ["Why at the start?", "Name a figure."], "the most frequent first"
    marker.mark(marker.group("ada"), 1)
    assert marker.group("ada")["members"][0]["comment"] == "Name a figure.", "points alone leave it"
    marker.mark(marker.group("ada"), 1, comment="")
    assert in_gradebook(course, lesson, "ada")[3] is None


def test_without_names_nothing_that_is_sent_names_a_learner(course, lesson):
    (course / "regrade_requests.csv").write_text(f"student,lab,name,words\nada,1,{QUESTION},Please look\n")
    marker = Marker(desk(course, lesson, anonymous=True))
    marker.post("release")
    marker.mark(marker.group("Learner 001"), 1)
    sent = [marker.get("overview"), *(marker.get(f"{what}/{QUESTION}") for what in ("question", "state"))]
    text = json.dumps(sent).replace("Please look", "")
    assert not [name for name in ANSWERS if f'"{name}"' in text or f"{name}," in text]
    assert "Learner 007" in text and sent[0]["requests"][0]["who"].startswith("Learner")


def test_an_objection_is_a_line_or_a_click_and_stays_until_somebody_has_looked(course, lesson):
    marker = Marker(desk(course, lesson))
    path = course / "regrade_requests.csv"
    path.write_text(
        f'student,lab,name,words\nada,attention,{QUESTION},"I gave a figure, see line 1"\nada,2,x,other lab'
    )
    ben = marker.group("ben")
    marker.post("object", question=QUESTION, id=ben["members"][0]["id"], words="too  strict")
    found = marker.get("overview")["requests"]
    assert [(one["who"], one["words"]) for one in found] == [
        ("ada", "I gave a figure, see line 1"),
        ("ben", "too strict"),
    ]
    assert path.read_text().splitlines()[-1] == f"ben,{lesson.lab},{QUESTION},too strict"
    assert marker.group("ada")["members"][0]["request"]["words"].startswith("I gave")
    marker.post("answer", key=found[0]["key"], words="")
    assert marker.get("overview")["requests"][0]["answered"]["marker"] == "Mo"
    assert marker.group("ada")["members"][0]["request"] is None
    marker.post("answer", status=400, key="nothing", words="")


def test_what_changes_after_marks_were_given_out_is_listed_whoever_did_it(course, lesson):
    marker = Marker(desk(course, lesson))
    marker.mark(marker.group("ada"), 2)
    assert marker.get("overview")["changes"] == []
    marker.post("release")
    assert marker.get("overview")["changes"] == []
    marker.mark(marker.group("ada"), 1)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.find_grade("check_softmax", lesson.name, lesson.lab, "gus").manual_score = 2.0
        book.db.commit()
    changes = {(one["who"], one["name"]): one for one in marker.get("overview")["changes"]}
    ada, gus = changes["ada", QUESTION], changes["gus", "softmax"]
    assert (ada["before"], ada["now"], ada["by"]) == (2, 1, "Mo")
    assert (gus["before"], gus["now"], gus["by"]) == (0, 2, ""), "another program; nobody claims to know who"


def test_graded_again_word_for_word_needs_one_click_and_a_new_answer_needs_a_look(course, lesson):
    marker = Marker(desk(course, lesson))
    for name in ("ada", "gus"):
        marker.mark(marker.group(name), 1, [0])
    hand_in(course, lesson, "gus", "Something new.")
    grade(course, lesson)
    ada, gus = (marker.group(name)["members"][0] for name in ("ada", "gus"))
    assert ada["again"] and ada["same"] and gus["again"] and not gus["same"]
    assert marker.post("keep", question=QUESTION)["kept"] == 1
    assert not marker.group("ada")["members"][0]["waits"] and marker.group("gus")["members"][0]["waits"]
    assert in_gradebook(course, lesson, "ada")[:3] == (1, 1, False)


def test_what_a_learner_wrote_never_runs(course, lesson):
    html = Marker(desk(course, lesson)).group("dan")["html"]
    assert "&lt;script&gt;" in html and "<script" not in html and "<img" not in html
    page = Marker(desk(course, lesson)).client.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"] and "<script>" not in page.text


@pytest.mark.parametrize(
    "text",
    [
        r"$\text{<script>alert(1)</script>}$",
        r"$\href{javascript:alert(1)}{x}$",
        "[x](javascript:alert(1)) <javascript:alert(1)>",
        "![x](https://elsewhere.example/a.png) ![y](attachment:a.png)",
        "<iframe src=x></iframe>",
    ],
)
def test_markdown_of_a_learner_is_safe(text):
    html = in_html(text, {"a.png": {"image/png": "PHN2Zz4=", "image/svg+xml": "<svg onload=x>"}})
    for word in ("<script", 'href="javascript', "<iframe", 'src="http', "<svg", "onload"):
        assert word not in html


def test_pictures_that_were_pasted_are_shown():
    picture = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    html = in_html("See ![my sketch](attachment:a.png)", {"a.png": {"image/png": picture}})
    assert 'alt="my sketch"' in html and "data:image/png;base64,iVBOR" in html


def test_only_who_has_the_address_gets_in(course, lesson):
    stranger = Marker(desk(course, lesson), key="guessed")
    assert stranger.client.get("/").status_code == 403
    assert "address that stands in the terminal" in stranger.get("overview", 403)["error"]
    stranger.post("release", 403)
    marker = Marker(desk(course, lesson))
    marker.post("release", 400, headers={})  # as another site's form would


@pytest.mark.parametrize("score", [-1, 2.25, float("nan"), "2", True])
def test_points_that_do_not_exist_are_refused(course, lesson, score):
    marker = Marker(desk(course, lesson))
    group = marker.group("ada")
    body = json.dumps({"question": QUESTION, "ids": [group["members"][0]["id"]], "score": score, "seen": {}})
    found = marker.client.post("/api/mark", content=body, headers=HEADERS)
    assert found.status_code == 400 and "0 to 2" in found.json()["error"]
    assert in_gradebook(course, lesson, "ada")[0] is None


def test_nonsense_is_refused_in_a_sentence(course, lesson):
    marker = Marker(desk(course, lesson))
    marker.get("question/nothing", 400)
    marker.post("mark", 400, question=QUESTION, ids=["x"], score=1, seen={})
    marker.post("mark", 400, question=QUESTION, ids=[], score=1, seen={})
    assert marker.client.post("/api/mark", content=b"[[[", headers=HEADERS).status_code == 400


def test_a_gradebook_that_another_program_holds_loses_nothing(course, lesson, monkeypatch):
    import sqlite3

    marker = Marker(desk(course, lesson))
    group = marker.group("ada")
    other = sqlite3.connect(course / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    said = marker.mark(group, 2, status=503)["error"]
    other.rollback()
    assert "Nothing of this was recorded" in said
    marker.mark(group, 2)  # as the page does by itself
    assert in_gradebook(course, lesson, "ada")[0] == 2


def test_the_command_says_what_is_missing(course, template, tmp_path, lesson):
    ran = CliRunner().invoke(cli.app, ["mark", "1", "--course", str(tmp_path), "--no-browser"])
    assert ran.exit_code == 2
    shutil.rmtree(course / "autograded")
    ran = CliRunner().invoke(cli.app, ["mark", "1", "--course", str(course), "--no-browser"])
    assert ran.exit_code == 2 and "autograder grade 1" in " ".join(ran.output.split())

"""Deadlines that can be trusted: who was late, what it costs, and that a date which was moved corrects the marks."""

import csv
import datetime
import shutil

import pytest
from nbgrader.api import Gradebook

from autograder.classroom import lateness
from autograder.classroom.class_table import class_facts, class_table
from autograder.classroom.course_folder import GradeError
from autograder.classroom.deadlines import Penalty, duration, read_deadlines
from autograder.classroom.lms.export import export_marks, read_marks
from autograder.classroom.lms.record import Origin, stamp_of
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.submissions import load_config
from autograder.judge.verdict import Mark, Verdict, verdict_path
from course.notebooks.lesson import find_lesson

HANDED_IN = {
    "ada": "2026-11-23 20:00:00 UTC",  # in time
    "ben": "2026-11-24 12:00:00 UTC",  # half a day late
    "cleo": "2026-11-25 12:00:00 UTC",  # a day and a half
    "dora": "yesterday, I think",
    "emil": None,
}
FILE = 'timezone = "UTC"\n[penalty]\nper_day = 10\nat_most = 50\n[lab1_attention]\ndue = "2026-11-23 23:59"\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory, lesson):
    return make(tmp_path_factory.mktemp("deadlines") / "course", [lesson])


@pytest.fixture
def course(tmp_path, template):
    return shutil.copytree(template, tmp_path / "course")


def make(folder, labs, config="", handed_in=HANDED_IN):
    """A course whose learners all have 20 of 20 points in the exercises."""
    folder.mkdir(exist_ok=True)
    (folder / "nbgrader_config.py").write_text(COURSE_FILE + config)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        for lesson in labs:
            book.add_assignment(lesson.lab)
            book.add_notebook(lesson.name, lesson.lab)
            for name, cell in lesson.exercises.items():
                book.add_grade_cell(
                    f"check_{name}", lesson.name, lesson.lab, max_score=cell.points, cell_type="code"
                )
            for student, stamp in handed_in.items():
                book.update_or_create_student(student)
                book.add_submission(lesson.lab, student)
                for grade in book.find_submission_notebook(lesson.name, lesson.lab, student).grades:
                    grade.auto_score, grade.needs_manual_grade = grade.max_score, False
                hand_in(folder, lesson, student, stamp)
        book.db.commit()
    return folder


def hand_in(folder, lesson, student, stamp):
    path = folder / "submitted" / student / lesson.lab
    path.mkdir(parents=True, exist_ok=True)
    (path / f"{lesson.name}.ipynb").write_text("{}")
    if stamp:
        (path / "timestamp.txt").write_text(stamp)
    marks = [Mark(name, cell.points, cell.points) for name, cell in lesson.exercises.items()]
    Verdict(lesson.lab, 1, marks).save(verdict_path(folder, lesson.lab, student))


def settle(course, lesson, text=None):
    if text is not None:
        (course / "deadlines.toml").write_text(text)
    return lateness.settle(course, lesson, load_config(course))


def penalties(course, lesson):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {s.student.id: s.late_submission_penalty for s in book.assignment_submissions(lesson.lab)}


def test_what_being_late_costs_and_that_everything_stands_in_nbgraders_gradebook(course, lesson):
    found, changed = settle(course, lesson, FILE)
    assert {name: one.penalty for name, one in found.items()} == penalties(course, lesson)
    assert penalties(course, lesson) == {"ada": 0, "ben": 2, "cleo": 4, "dora": 0, "emil": 0}
    assert changed == ["ben", "cleo", "dora"]
    assert "12 h 0 min late: 2 points off (due 2026-11-23 23:59 UTC" in found["ben"].words
    assert "timestamp.txt cannot be read" in found["dora"].words and found["emil"].words == ""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert book.find_assignment(lesson.lab).duedate == datetime.datetime(2026, 11, 23, 23, 59, 59)
        assert book.find_submission(lesson.lab, "cleo").total_seconds_late > 86_400


def test_a_date_that_is_moved_corrects_the_marks_and_a_second_look_changes_nothing(course, lesson):
    settle(course, lesson, FILE)
    assert settle(course, lesson)[1] == []
    _, changed = settle(course, lesson, FILE.replace("11-23 23:59", "11-24 23:59"))
    assert penalties(course, lesson) == {"ada": 0, "ben": 0, "cleo": 2, "dora": 0, "emil": 0}
    assert changed == ["ben", "cleo"]
    settle(
        course, lesson, 'timezone = "UTC"\n'
    )  # the lab is taken out of the file; its date stays in the gradebook
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_assignment(lesson.lab, duedate=None)
    settle(course, lesson)
    assert set(penalties(course, lesson).values()) == {0}


def test_nbgraders_own_due_date_and_plug_in_without_any_file(tmp_path, lesson):
    course = make(tmp_path / "own", [lesson], "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_assignment(lesson.lab, duedate="2026-11-23 23:59:00 UTC")
    settle(course, lesson)
    assert penalties(course, lesson) == {"ada": 0, "ben": 20, "cleo": 20, "dora": 0, "emil": 0}
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.grant_extension(lesson.lab, "ben", days=1)
    _, changed = settle(course, lesson)
    assert changed == ["ben"] and penalties(course, lesson)["ben"] == 0
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_assignment(lesson.lab, duedate="2026-11-26 23:59:00 UTC")
    settle(course, lesson)
    assert set(penalties(course, lesson).values()) == {0}


def test_a_penalty_that_a_person_wrote_without_any_due_date_stays(course, lesson):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.find_submission_notebook(lesson.name, lesson.lab, "ada").late_submission_penalty = 3
        book.db.commit()
    assert settle(course, lesson) == ({}, []) and penalties(course, lesson)["ada"] == 3


def test_extensions_until_a_time_or_for_a_while_and_taken_back(course, lesson):
    text = FILE + '[lab1_attention.extensions]\nben = "2026-11-24 12:00"\ncleo = "1 day"\n'
    found, _ = settle(course, lesson, text)
    assert found["ben"].words == "" and found["cleo"].penalty == 2
    settle(course, lesson, FILE)
    assert penalties(course, lesson)["ben"] == 2 and penalties(course, lesson)["cleo"] == 4
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert book.find_submission(lesson.lab, "ben").extension is None
        book.grant_extension(lesson.lab, "cleo", days=3)
    settle(course, lesson)
    assert penalties(course, lesson)["cleo"] == 0  # a person granted more than the file


def test_grace_days_are_spent_over_several_labs_in_order_and_only_where_they_help(tmp_path, lesson):
    second = find_lesson("2")
    course = make(
        tmp_path / "two", [lesson, second], handed_in={"ben_17": HANDED_IN["ben"], "cleo": HANDED_IN["cleo"]}
    )
    (course / "submitted/cleo" / second.lab / "timestamp.txt").write_text("2026-12-02 12:00:00 UTC")
    text = (
        FILE.replace("[penalty]", "grace_days = 2\n[penalty]")
        + '[lab2_transformer]\ndue = "2026-11-30 23:59"\n'
    )
    found, _ = settle(course, lesson, text)
    assert (
        found["ben_17"].grace == 1
        and found["cleo"].grace == 2
        and set(penalties(course, lesson).values()) == {0}
    )
    assert "in time with 2 grace days used" in found["cleo"].words
    found, _ = settle(course, second)
    assert found["cleo"].grace == 0 and found["cleo"].share == 0.2  # both were spent on Lab 1
    found, _ = settle(course, second, text.replace("grace_days = 2", "grace_days = 3"))
    assert found["cleo"].grace == 1 and found["cleo"].share == 0.1


def test_no_grace_day_is_spent_in_vain(course, lesson):
    text = FILE.replace("[penalty]\nper_day = 10\nat_most = 50", 'grace_days = 1\npenalty = "zero"')
    text = text.replace('penalty = "zero"\n[lab1', 'penalty = "zero"\n[lab1')
    found, _ = settle(course, lesson, text)
    assert found["ben"].grace == 1 and found["ben"].penalty == 0
    assert found["cleo"].grace == 0 and found["cleo"].penalty == 20


def test_nobody_loses_points_by_a_zone(course, lesson):
    stamp = course / "submitted/ada/lab1_attention/timestamp.txt"
    berlin = FILE.replace('"UTC"', '"Europe/Berlin"')
    stamp.write_text("2026-11-23 23:30:00")  # written by hand, in whatever zone: the earlier counts
    assert settle(course, lesson, berlin)[0]["ada"].penalty == 0
    stamp.write_text("2026-11-23 23:30:00 UTC")  # half past midnight in Berlin
    assert settle(course, lesson)[0]["ada"].penalty == 2
    stamp.write_text("2026-11-24 03:00:00 CST")
    found, _ = settle(course, lesson)
    assert found["ada"].penalty == 0 and "cannot be read" in found["ada"].words


def test_a_local_time_that_was_collected_without_a_zone_is_the_courses(course, lesson):
    from autograder.classroom.lms import file_names, record
    from autograder.classroom.lms.sources import Named

    time = datetime.datetime(2026, 11, 23, 23, 30)
    one = file_names.Try("ada", "ada", "x", None, "", time, (time, 0), zoned=False, name=Named("ada"))
    record.write_record(course, lesson, "blackboard", [one])
    (course / "submitted/ada/lab1_attention/timestamp.txt").write_text(stamp_of(time))
    found, _ = settle(course, lesson, FILE.replace('"UTC"', '"Europe/Berlin"'))
    assert found["ada"].handed_in == datetime.datetime(2026, 11, 23, 22, 30) and found["ada"].penalty == 0
    found, _ = settle(course, lesson, FILE.replace('"UTC"', '"America/New_York"'))
    assert found["ada"].penalty == 0


def test_late_or_not_by_an_unknown_zone_is_said_and_costs_nothing(course, lesson):
    folder = course / "submitted/ben/lab1_attention"
    origin = Origin(handed_in=HANDED_IN["ben"], zoned=False)
    time, doubt, problem = lateness.read_stamp(folder, origin, None)
    assert (
        time == datetime.datetime(2026, 11, 24, 12) and doubt == datetime.timedelta(hours=14) and not problem
    )


def test_the_minute_counts_to_its_end_and_a_day_to_its_end(course, lesson):
    stamp = course / "submitted/ada/lab1_attention/timestamp.txt"
    stamp.write_text("2026-11-23 23:59:59 UTC")
    assert settle(course, lesson, FILE)[0]["ada"].seconds == 0
    assert settle(course, lesson, FILE.replace("11-23 23:59", "11-23"))[0]["ada"].seconds == 0
    stamp.write_text("2026-11-24 00:00:00 UTC")
    assert settle(course, lesson)[0]["ada"].seconds == 1


def test_a_learner_alone_is_settled_as_in_plain_nbgrader(course, lesson):
    (course / "deadlines.toml").write_text(FILE)
    found, _ = lateness.settle(course, lesson, load_config(course), "cleo")
    assert list(found) == ["cleo"] and penalties(course, lesson)["cleo"] == 4
    assert penalties(course, lesson)["ben"] == 0


def test_table_facts_export_and_comments_say_it(course, lesson, capsys):
    (course / "deadlines.toml").write_text(FILE)
    config = load_config(course)
    rows = {row.student: row for row in read_marks(course, [lesson], config)}
    assert rows["cleo"].score == 16 and rows["cleo"].penalty == 4 and rows["cleo"].raw == 20
    assert "1 day 12 h late: 4 points off" in rows["cleo"].comment and "All exercises" in rows["ada"].comment
    path = export_marks(course, "1", "nbgrader")
    said = capsys.readouterr().out
    assert "cleo: 1 day 12 h late: 4 points off" in said and "dora: timestamp.txt cannot be read" in said
    with path.open(newline="") as file:
        found = {row["student_id"]: row for row in csv.DictReader(file)}
    assert found["cleo"]["late_submission_penalty"] == "4" and found["cleo"]["score"] == "16"
    assert found["ben"]["duedate"].startswith("2026-11-23 23:59")
    late, _ = settle(course, lesson)
    graded = [(name, Verdict.load(verdict_path(course, lesson.lab, name))) for name in HANDED_IN]
    table = class_table(lesson, graded, late, {"zoe": "the folder is empty"})
    from rich.console import Console

    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    shown = console.export_text()
    assert (
        "1 day 12 h late" in shown
        and "the folder is empty" in shown
        and "5 submissions, 1 learner without" in shown
    )
    (cleo,) = [line for line in shown.splitlines() if line.startswith("cleo")]
    assert cleo.split()[-1] == "16"
    facts = class_facts(lesson, graded, late, {"zoe": "the folder is empty"})
    (one,) = [learner for learner in facts["learners"] if learner["student"] == "cleo"]
    assert one["late"]["points_off"] == 4 and facts["left_out"] == {"zoe": "the folder is empty"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("due = 2026-11-23 23:59\n", "cannot be read.*quotes"),
        ('[lab1]\ndue = "2026-11-23 23:59"\n', "no lab called|lab1"),
        ('[attention]\ndue = "2026-11-23 23:59"\n', "has no time zone: begin the file with timezone"),
        ('timezone = "Berlin"\n', "no time zone 'Berlin'"),
        ('timezone = "UTC"\n[attention]\ndue = "05.11.2026 23:59"\n', "could be two days"),
        ('timezone = "UTC"\n[attention]\ndue = "soon"\n', r"due of \[attention\]: soon is no date"),
        ('timezone = "UTC"\n[attention]\ndate = "2026-11-23"\n', "nothing else"),
        ('timezone = "UTC"\n[attention]\nextensions = {}\n', "no due date"),
        ("grace_days = -1\n", "whole number"),
        ("[penalty]\nper_day = 200\n", "percentage from 0 to 100"),
        ('[penalty]\nzero_after = "a while"\n', 'such as "7 days"'),
        ('penalty = "half"\n', "or say penalty"),
    ],
)
def test_what_nobody_can_have_meant_is_told(tmp_path, text, words):
    (tmp_path / "deadlines.toml").write_text(text)
    with pytest.raises(GradeError, match=words):
        read_deadlines(tmp_path)


def test_the_rule_and_durations():
    rule = Penalty(per_day=10, at_most=50, zero_after=7 * 86_400)
    hours = {0: 0, 1: 0.1, 24: 0.1, 25: 0.2, 24 * 6: 0.5, 24 * 7 + 1: 1}
    assert {h: rule.share(h * 3600) for h in hours} == hours
    assert duration("1 day 12 hours") == 129_600 and duration("2 weeks and 30 minutes") == 1_211_400
    assert duration("soon") is None and duration("2 days or so") is None

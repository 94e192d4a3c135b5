"""Marks as nbgrader, Canvas and Moodle import them: everybody's own, nobody's lost, no 0 for who has none."""

import csv
import re
import shutil

import pytest
from nbgrader.api import Gradebook

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.export import export_marks, waiting_answers
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.submissions import load_config
from autograder.judge.verdict import Verdict
from course.notebooks.lesson import find_lesson

LOGINS = {"ada": 20, "ben": 10, "cleo": 0, "emil": None, "fay": 15}


@pytest.fixture(scope="module")
def made(tmp_path_factory, lesson):
    """A gradebook: ada and cleo whole, ben late, emil for regrading, fay with questions unread, zoe without anything."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        book.add_assignment(lesson.lab)
        book.add_notebook(lesson.name, lesson.lab)
        cells = {f"check_{name}": cell.points for name, cell in lesson.exercises.items()}
        cells |= {f"question_{name}": cell.points for name, cell in lesson.questions.items()}
        for name, points in cells.items():
            book.add_grade_cell(name, lesson.name, lesson.lab, max_score=points, cell_type="code")
        book.add_student("zoe", first_name="Zoe", last_name="Zorn", email="zoe@uni.example")
        for login, points in LOGINS.items():
            names = {"first_name": login.title(), "last_name": "Example", "email": f"{login}@uni.example"}
            book.add_student(login, **names)
            hand_in(book, lesson, login, points)
        book.find_submission_notebook(lesson.name, lesson.lab, "ben").late_submission_penalty = 2.5
        book.db.commit()
    Verdict(lesson.lab, 1, regrade="the disk is full").save(folder / "verdicts" / lesson.lab / "emil.json")
    return folder


def hand_in(book, lesson, student, points):
    book.add_submission(lesson.lab, student)
    for grade in book.find_submission_notebook(lesson.name, lesson.lab, student).grades:
        question = grade.name.startswith("question_")
        read = question and points is not None and student != "fay"
        grade.auto_score = None if points is None or question else grade.max_score * points / 20
        grade.manual_score = 1.0 if read else None
        grade.needs_manual_grade = points is None or (question and not read)
    book.db.commit()


@pytest.fixture
def course(made, tmp_path):
    return shutil.copytree(made, tmp_path / "course")


def export(course, system, capsys=None, **options):
    """`(rows, what was said)`."""
    path = export_marks(course, "1", system, **options)
    said = re.sub(r"\s+", " ", capsys.readouterr().out) if capsys else ""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file)), said


def roster(course, text, encoding="utf-8"):
    path = course / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


def grades(rows, column=-1, key=0):
    return {row[key]: row[column] for row in rows[1:]}


def test_nbgraders_columns_and_no_zero_without_a_mark(course, capsys):
    rows, said = export(course, "nbgrader", capsys)
    found = {row["student_id"]: row for row in (dict(zip(rows[0], row, strict=True)) for row in rows[1:])}
    assert rows[0][:2] == ["assignment", "duedate"] and rows[0][-2:] == ["score", "max_score"]
    assert {name: row["score"] for name, row in found.items()} == {
        "ada": "23", "ben": "10.5", "cleo": "3", "emil": "", "fay": "", "zoe": ""
    }  # fmt: skip
    assert found["ben"]["raw_score"] == "13" and found["ben"]["late_submission_penalty"] == "2.5"
    assert found["ada"]["max_score"] == "26"
    assert "3 marks of 6 learners, out of 26" in said
    assert (
        "not handed in: zoe." in said and "to be graded again: emil" in said and "person's grade: fay" in said
    )


def test_exercises_only_needs_no_person(course):
    rows, _ = export(course, "nbgrader", exercises_only=True)
    assert grades(rows, -2, 3) == {"ada": "20", "ben": "7.5", "cleo": "0", "emil": "", "fay": "15", "zoe": ""}


def test_canvas_without_a_roster_has_the_columns_it_asks_for(course):
    rows, _ = export(course, "canvas")
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 Attention"]
    assert rows[1][0].strip() == "Points Possible" and rows[1][-1] == "26"
    assert rows[2] == ["Example, Ada", "", "", "ada", "", "23"]
    assert grades(rows, key=3)["emil"] == ""


def test_moodle_without_a_roster_has_identifiers(course):
    rows, _ = export(course, "moodle", out_of=100)
    assert rows[0][:3] == ["Username", "ID number", "Email address"]
    assert rows[1][2] == "ada@uni.example" and rows[1][-1] == "88.46"


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework 0 (77),Lab 1 Attention (4711),Final Score\r\n"
    ",,,,,,Manual Posting,\r\n"
    "    Points Possible,,,,,10,100,(read only)\r\n"
    '"Example, Ada",1001,s1,ada@uni.example,"Group 1, Group 2",7,,50\r\n'
    '"Ben, Big",1002,s2,BEN,Group 1,8,5,50\r\n'
    '"Example, Emil",1003,s3,emil,Group 1,9,,50\r\n'
    '"Nobody, Else",1009,s9,else,Group 1,3,,50\r\n'
    '"Student, Test",1,,abcdef,Group 1,,,\r\n'
)


def test_the_file_from_canvas_is_filled_in_and_nothing_else_changes(course, capsys):
    path = roster(course, CANVAS, "utf-8-sig")
    rows, said = export(course, "canvas", capsys, roster=path, to=course / "out.csv")
    before = list(csv.reader(CANVAS.splitlines()))
    assert [row[:6] + row[7:] for row in rows] == [row[:6] + row[7:] for row in before]
    assert [row[6] for row in rows[1:]] == ["Manual Posting", "100", "23", "10.5", "", "", ""]
    assert "In the roster, and not in the gradebook: Nobody, Else." in said
    assert "not in the roster, so not in the file: cleo, fay." in said and "Test" not in said
    assert "Canvas counts up to 100" in said and "--out-of 100" in said
    assert (course / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text(encoding="utf-8-sig").count("10.5") == 0


def test_a_new_column_in_canvas_and_two_that_could_be_meant(course, capsys):
    rows, said = export(
        course, "canvas", capsys, roster=roster(course, CANVAS.replace("Lab 1 Attention", "Quiz"))
    )
    assert rows[0][-1] == "Lab 1 Attention" and rows[3][-1] == "23" and rows[3][6] == ""
    assert "no column for this lab" in said and "new assignment" in said
    two = CANVAS.replace("Homework 0 (77)", "Lab 1 (77)")
    with pytest.raises(GradeError, match=r"Lab 1 \(77\).*--column"):
        export(course, "canvas", roster=roster(course, two))
    rows, _ = export(course, "canvas", roster=roster(course, two), column="Lab 1 (77)")
    assert rows[3][5] == "23" and rows[3][6] == ""


def test_learners_named_by_collect_are_found_by_their_number(course, lesson, capsys):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        for student, points in (("somebody_1009", 5), ("another_17", 5)):
            book.add_student(student)
            hand_in(book, lesson, student, points)
    rows, said = export(course, "canvas", capsys, roster=roster(course, CANVAS))
    assert [row[6] for row in rows[3:7]] == ["23", "10.5", "", "8"]
    assert "not in the gradebook" not in said and "another_17" in said.split("not in the file:")[1]


def test_moodles_worksheet_and_gradebook_export(course, capsys):
    text = (
        "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,Last modified (grade)\n"
        "Participant 31,Ada Example,ADA@uni.example,Submitted,,26.00,Yes,-\n"
        "Participant 32,Fay Example,fay@uni.example,Submitted,,26.00,Yes,-\n"
    )
    rows, said = export(course, "moodle", capsys, roster=roster(course, text))
    assert grades(rows, 4) == {"Participant 31": "23", "Participant 32": ""} and rows[1][-1] == "-"
    assert "counts up to" not in said and "so not in the file: ben, cleo, emil." in said
    text = (
        "First name;Last name;ID number;Email address;Assignment: Lab 1 Attention (Real);Course total (Real)\n"
        "Ada;Example;1;ada@uni.example;-;5\nCleo;Example;2;;-;6\n"
    )
    rows, _ = export(course, "moodle", roster=roster(course, text))
    assert (course / "lab1_attention_moodle.csv").read_text().startswith("First name;Last name")
    rows = [row for row in csv.reader((course / "lab1_attention_moodle.csv").open(), delimiter=";")]
    assert [row[4] for row in rows[1:]] == ["23", "3"]


def test_who_could_be_two_people_is_nobody(course, capsys):
    text = "Username,Email address,Full name,Lab 1\nx1,ada@a.example,X One\nx2,ada@b.example,X Two\n"
    rows, said = export(course, "moodle", capsys, roster=roster(course, text))
    assert [row[3] for row in rows[1:]] == ["", ""]
    assert (
        "In the roster, and not in the gradebook: X One, X Two." in said
        and "ada" in said.split("not in the file:")[1]
    )


def test_wrong_files_and_words_are_told_in_a_sentence(course):
    with pytest.raises(GradeError, match="nbgrader, canvas or moodle"):
        export(course, "excel")
    with pytest.raises(GradeError, match="no export of Canvas"):
        export(course, "canvas", roster=roster(course, "a,b\n1,2\n"))
    with pytest.raises(GradeError, match="UTF-8"):
        export(course, "canvas", roster=roster(course, CANVAS.replace("Big", "Bäg"), "latin-1"))
    with pytest.raises(GradeError, match="no export of Moodle"):
        export(course, "moodle", roster=roster(course, ""))


def test_answers_that_wait_for_a_person_are_counted(course, lesson):
    config = load_config(course)
    assert waiting_answers([lesson], config) == (6, 3)  # emil's and fay's
    assert waiting_answers([find_lesson("transformer")], config) == (0, 0)

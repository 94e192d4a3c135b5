"""Feedback goes back under exactly the names that were downloaded, and a group's mark to all of its members."""

import zipfile

import downloads
import pytest
from downloads import notebook, zipped

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms import replies
from autograder.classroom.lms.collect import collect
from autograder.classroom.lms.export import NOT_HANDED_IN, ExportRow
from autograder.classroom.lms.groups import Group, read_groups, share
from autograder.classroom.lms.record import Origin
from autograder.classroom.nbgrader_config import COURSE_FILE


@pytest.fixture
def returned(tmp_path, lesson):
    """Collect, lay a page for each learner, and make the zip; `(names in it, Returned)`."""

    def make(entries, system, graded=None):
        course = tmp_path / "course"
        course.mkdir(exist_ok=True)
        (course / "nbgrader_config.py").write_text(COURSE_FILE)
        collect(zipped(tmp_path / "all.zip", entries), "1", course, origin=system)
        for path in course.glob(f"submitted/*/{lesson.lab}"):
            if graded is None or path.parent.name in graded:
                page = course / "feedback" / path.parent.name / lesson.lab / f"{lesson.name}.html"
                page.parent.mkdir(parents=True)
                page.write_text(path.parent.name)
        found = replies._sort(course, lesson, system, tmp_path / "out.zip")
        replies._write(course, lesson, found)
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}, found

    return make


@pytest.mark.parametrize(("layout", "joint"), [("since 4.1", "/"), ("before 4.1", "_/"), ("flat", "_")])
def test_moodle_takes_back_what_it_gave(returned, layout, joint):
    pages, _ = returned({downloads.moodle("Ana María O'Neil", 7, "lab.ipynb", layout): notebook()}, "moodle")
    assert pages == {f"Ana María O'Neil_7_assignsubmission_file{joint}lab.html": "Ana_María_O_Neil_7"}


def test_canvas_takes_back_what_it_gave(returned):
    entries = {
        downloads.canvas("lovelaceada", 1001, 5001): notebook("old"),
        downloads.canvas("lovelaceada", 1001, 5009, "attention-1.ipynb"): notebook("new"),
        downloads.canvas("anon_LATE", "Zz91Q", 5002): notebook("late"),
        downloads.canvas("hoppergrace", 1002, 5003): notebook("open"),
    }
    pages, found = returned(entries, "canvas", {"lovelaceada_1001", "anon_Zz91Q"})
    assert pages.keys() == {"lovelaceada_1001_5009_attention-1.html", "anon_LATE_Zz91Q_5002_attention.html"}
    assert found.open == ["hoppergrace_1002"]


def test_there_is_no_such_way_back(tmp_path):
    with pytest.raises(GradeError, match="--to is moodle or canvas, not ilias"):
        replies.return_feedback(tmp_path, "1", "ilias")


def row(student, score=None, **more):
    return ExportRow(student, raw=score, score=score, why="" if score is not None else NOT_HANDED_IN, **more)


def test_the_mark_of_a_group_stands_in_every_members_row(tmp_path):
    (tmp_path / "groups.csv").write_text("group,student\nTeam 1,ada\nTeam 1,ben\nTeam 2,cleo\nTeam 2,dora\n")
    marks, says = share([row("ada", 17.0), row("ben"), row("Team_2_1003", 12.0)], read_groups(tmp_path), {})
    assert {mark.student: mark.score for mark in marks} == {
        "ada": 17, "ben": 17, "Team_2_1003": 12, "cleo": 12, "dora": 12
    }  # fmt: skip
    assert says == []


def test_canvass_own_file_of_groups_and_who_handed_in_alone(tmp_path):
    (tmp_path / "groups.csv").write_text(
        "name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id\n"
        "Ada Lovelace,1001,,al501,S,Team 1,9,\nGrace Hopper,1002,,gh502,S,Team 1,9,\nNo One,1003,,no,S,,,\n"
    )
    marks, _ = share([row("team_1_1001", 17.0), row("hoppergrace_1002", 5.0)], read_groups(tmp_path), {})
    assert {mark.student: mark.score for mark in marks}["hoppergrace_1002"] == 5


def test_gradescope_says_the_group_itself_and_two_notebooks_without_times_are_told():
    people = [["ada@x.example", "77", "Ada L"], ["ben@x.example", "78", "Ben B"]]
    marks, _ = share([row("ada@x.example", 9.0)], [], {"ada@x.example": Origin(members=people)})
    assert {mark.student: mark.score for mark in marks} == {"ada@x.example": 9, "ben@x.example": 9}
    group = Group("T", (("ada",), ("ben",), ("cleo",)))
    marks, says = share([row("ada", 1.0), row("ben", 2.0), row("cleo")], [group], {})
    assert {mark.student: mark.score for mark in marks} == {"ada": 1, "ben": 2, "cleo": None}
    assert "nothing says what counts for all" in says[0]

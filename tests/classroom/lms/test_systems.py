"""Every system's own names: whoever handed in is collected, under a name of their own."""

import json
import re
import unicodedata
import zipfile
import zlib

import downloads
import pytest
from downloads import notebook, zipped

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.collect import collect
from autograder.classroom.nbgrader_config import COURSE_FILE


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    return folder


@pytest.fixture
def run(course, tmp_path, capsys):
    """Collect entries of a zip; `(learner -> code, what was said)`."""

    def collected(entries, **options):
        source = entries if hasattr(entries, "suffix") else zipped(tmp_path / "all.zip", entries)
        collect(source, "1", course, **options)
        found = {}
        for path in course.glob("submitted/*/lab1_attention/attention.ipynb"):
            found[path.parts[-3]] = "".join(json.loads(path.read_text())["cells"][0]["source"])
        return found, re.sub(r"\s+", " ", capsys.readouterr().out)

    return collected


def stamp(course, student):
    return (course / "submitted" / student / "lab1_attention/timestamp.txt").read_text()


@pytest.mark.parametrize("layout", ["since 4.1", "before 4.1", "flat"])
def test_moodle_in_every_layout(run, layout):
    found, _ = run(
        {
            downloads.moodle("Ada Lovelace", 1234, layout=layout): notebook("ada"),
            downloads.moodle("Hopper, Ana María", 1236, layout=layout): notebook("ana"),
            downloads.moodle("Grace_Hopper", 1235, "lab 1.ipynb", layout): notebook("grace"),
            f"Ada Lovelace_1234_assignsubmission_onlinetext{'' if layout == 'since 4.1' else '_'}/onlinetext.html": "",
        },
        origin="moodle",
    )
    assert found == {"Ada_Lovelace_1234": "ada", "Hopper_Ana_María_1236": "ana", "Grace_Hopper_1235": "grace"}


def test_moodle_since_4_1_with_folders_of_the_learners_own(run):
    found, _ = run(
        {downloads.moodle("Grace Hopper", 1235, "lab/work/attention.ipynb"): notebook("deep")},
        origin="moodle",
    )
    assert found == {"Grace_Hopper_1235": "deep"}


def test_moodle_groups_and_blind_marking(run):
    found, _ = run(
        {
            downloads.moodle("Ada Lovelace", 12, group="Team 1-"): notebook("one"),
            downloads.moodle("Grace Hopper", 13, group="Team 1-"): notebook("one"),
            downloads.moodle("Teilnehmer", 99): notebook("blind"),
        },
        origin="moodle",
    )
    assert found == {
        "Team_1-Ada_Lovelace_12": "one",
        "Team_1-Grace_Hopper_13": "one",
        "Teilnehmer_99": "blind",
    }


def test_two_learners_of_one_name_stay_two(run):
    found, _ = run(
        {downloads.moodle("Li Wei", 1): notebook("a"), downloads.moodle("Li Wei", 2): notebook("b")},
        origin="moodle",
    )
    assert found == {"Li_Wei_1": "a", "Li_Wei_2": "b"}


def test_names_keep_their_letters_and_marks_composed(run):
    decomposed = unicodedata.normalize("NFD", "José Pérez")
    found, _ = run(
        {
            downloads.moodle(decomposed, 1, layout="before 4.1"): notebook("1"),
            downloads.moodle("प्रिया शर्मा", 2, layout="before 4.1"): notebook("2"),
            downloads.moodle("สมชาย ใจดี", 3, layout="before 4.1"): notebook("3"),
            downloads.moodle("علی‌رضا رضایی", 4): notebook("4"),
        },
        origin="moodle",
    )
    assert found == {"José_Pérez_1": "1", "प्रिया_शर्मा_2": "2", "สมชาย_ใจดี_3": "3", "علیرضا_رضایی_4": "4"}
    assert all(unicodedata.is_normalized("NFC", name) for name in found)


def test_names_that_only_marks_or_nothing_visible_tell_apart_are_never_one(run):
    pattern = r"(?P<student_id>[^/]+)/.*"
    found, said = run(
        {
            "कि/a.ipynb": notebook("short"),
            "की/a.ipynb": notebook("long"),
            "Zo\u200be/a.ipynb": notebook("a"),
            "Zoe/a.ipynb": notebook("b"),
        },
        pattern=pattern,
    )
    assert found == {"कि": "short", "की": "long"} and "could be any of theirs" in said


def test_canvas_plain_late_anonymous_and_resubmitted(run, course):
    found, said = run(
        {
            downloads.canvas("lovelaceada", 1001, 5001): notebook("first"),
            downloads.canvas("lovelaceada", 1001, 5009, "attention-1.ipynb"): notebook("second"),
            downloads.canvas("hoppergrace", 1002, 5003, late=True): notebook("late"),
            downloads.canvas("anon", "aB3x9", 5004): notebook("anonymous"),
            downloads.canvas("anon_LATE", "Zz91Q", 5005): notebook("anonymous, late"),
        },
        origin="canvas",
    )
    assert found == {
        "lovelaceada_1001": "second",
        "hoppergrace_1002": "late",
        "anon_aB3x9": "anonymous",
        "anon_Zz91Q": "anonymous, late",
    }
    assert "Marked as late where they come from: hoppergrace_1002, anon_Zz91Q." in said


def test_canvas_groups_with_underscores_and_numbers(run):
    found, _ = run(
        {
            downloads.canvas("lovelaceada", 45671, 123456781): notebook("sure"),
            downloads.canvas("project_group", 45672, 123456782): notebook("two words"),
            downloads.canvas("team_1", 45673, 123456783): notebook("numbered"),
            downloads.canvas("team_2024", 45674, 123456784): notebook("a year"),
            downloads.canvas("hoppergrace", 45675, 123456785, "1_2_attention.ipynb"): notebook(
                "a file's numbers"
            ),
        },
        origin="canvas",
    )
    assert set(found) == {
        "lovelaceada_45671", "project_group_45672", "team_1_45673", "team_2024_45674", "hoppergrace_45675"
    }  # fmt: skip


def test_canvas_where_every_group_ends_in_a_number(run):
    entries = {downloads.canvas(f"team_{n}", 1000 + n, 5000 + n): notebook(str(n)) for n in (1, 2, 3)}
    found, _ = run(entries, origin="canvas")
    assert found == {"team_1_1001": "1", "team_2_1002": "2", "team_3_1003": "3"}


@pytest.mark.parametrize("origin", ["moodle", "canvas", "blackboard"])
def test_nobody_hands_in_as_somebody_else(run, tmp_path, origin):
    """A learner's own zip, folder or file may be named like another learner's submission."""
    time = "2026-11-23-15-04-05"
    names = {
        "moodle": (downloads.moodle("Ada", 1), downloads.moodle("Eve", 2, "all.zip"), "Ada_1", "Eve_2"),
        "canvas": (downloads.canvas("ada", 1001, 5001), downloads.canvas("eve", 1002, 5002, "all.zip"), "ada_1001", "eve_1002"),
        "blackboard": (
            downloads.blackboard("Lab 1", "ada", time), downloads.blackboard("Lab 1", "eve", time, "all.zip"), "ada", "eve",
        ),
    }  # fmt: skip
    right, zip_of_eve, ada, eve = names[origin]
    forged = {"moodle": downloads.moodle("Ada", 1), "canvas": downloads.canvas("ada", 1001, 9999)}
    forged["blackboard"] = downloads.blackboard("Lab 1", "ada", "2026-11-24-15-04-05")
    inner = zipped(tmp_path / "inner.zip", {forged[origin]: notebook("forged")}).read_bytes()
    found, _ = run({right: notebook("mine"), zip_of_eve: inner}, origin=origin)
    assert found == {ada: "mine", eve: "forged"}


def test_canvas_file_named_like_anothers_upload_stays_its_own(run):
    entries = {
        downloads.canvas("ada", 1001, 5001): notebook("mine"),
        downloads.canvas("eve", 1002, 5002, "1001_9999_attention.ipynb"): notebook("forged"),
    }
    assert run(entries, origin="canvas")[0] == {"ada_1001": "mine", "eve_1002": "forged"}


def test_blackboard_with_its_notes_and_underscores_everywhere(run, course):
    time, later = "2026-11-23-15-04-05", "2026-11-23-16-00-00"
    entries = {
        downloads.blackboard("Lab_1", "uni_ada", time): notebook("first"),
        downloads.blackboard("Lab_1", "uni_ada", later): notebook("second"),
        downloads.blackboard("Lab_1", "uni_grace", time): notebook("grace"),
    }
    entries |= dict([downloads.blackboard_note("Lab_1", "uni_ada", time, "Ada Lovelace")])
    found, said = run(entries, origin="blackboard", timezone="Europe/Berlin")
    assert found == {"uni_ada": "second", "uni_grace": "grace"}
    assert stamp(course, "uni_ada") == "2026-11-23 15:00:00 UTC" and "read as Europe/Berlin's" in said


def test_blackboard_without_notes(run):
    entries = {
        downloads.blackboard("Lab_1", user, "2026-11-23-15-04-05"): notebook(user) for user in ("ada", "ben")
    }
    assert run(entries, origin="blackboard")[0] == {"ada": "ada", "ben": "ben"}


def test_brightspace_files_folders_and_namesakes(run, course):
    found, said = run(
        {
            downloads.brightspace(12345, "Ada Lovelace", "Nov 23, 2026 1105 PM"): notebook("ada"),
            downloads.brightspace(12346, "Grace Hopper", "Nov 22, 2026 805 AM"): notebook("early"),
            downloads.brightspace(12346, "Grace Hopper", "Nov 23, 2026 1205 AM"): notebook("late"),
            downloads.brightspace(12347, "Ada Lovelace", "Nov 23, 2026 1:05 PM", folder=True): notebook(
                "namesake"
            ),
            downloads.brightspace(12348, "Jean-Luc - Piet", "23 novembre 2026 2305"): notebook("dashes"),
            "index.html": "<p>",
        },
        origin="brightspace",
    )
    assert (
        found["Grace_Hopper_12346"] == "late"
        and found["Ada_Lovelace_12347"] == "namesake"
        and len(found) == 4
    )
    assert stamp(course, "Ada_Lovelace_12345") == "2026-11-23 23:05:00 UTC"
    assert stamp(course, "Grace_Hopper_12346") == "2026-11-23 00:05:00 UTC"
    assert stamp(course, "Jean-Luc_-_Piet_12348") == "2026-11-23 23:05:00 UTC" and "say --timezone" in said


def test_brightspace_by_a_pattern_of_ones_own(run, course):
    pattern = r"[\d-]+ - (?P<student_id>[^/]+?) - (?P<timestamp>[^/]+? [AP]M) - .+"
    entries = {downloads.brightspace(1, "Grace Hopper", "Nov 22, 2026 805 AM"): notebook("morning")}
    assert run(entries, pattern=pattern)[0] == {"Grace_Hopper": "morning"}
    assert stamp(course, "Grace_Hopper") == "2026-11-22 08:05:00 UTC"


def test_gradescope_says_who_when_and_with_whom(run, course):
    ada, ben = ("Ada Lovelace", "77", "ada@uni.example"), ("Ben B", "78", "ben@uni.example")
    entries = downloads.gradescope(
        {
            456: ([ada, ben], "2026-11-23 15:04:05.123456789 Z", notebook("both")),
            457: (
                [("Cleo C", "79", "cleo@uni.example")],
                "2026-11-23 15:04:05.000000000 -08:00",
                notebook("cleo"),
            ),
        }
    )
    entries["assignment_77_export/submission_999/attention.ipynb"] = notebook("unknown")
    # A learner's own file of that name says nothing about others.
    entries["assignment_77_export/submission_457/submission_metadata.yml"] = (
        "submission_1:\n  :submitters:\n  - :email: ada@uni.example\n"
    )
    found, said = run(entries, origin="gradescope")
    assert found == {"ada@uni.example": "both", "cleo@uni.example": "cleo"}
    assert stamp(course, "cleo@uni.example") == "2026-11-23 23:04:05 UTC"
    assert "does not name it" in said and "Handed in together" in said
    record = json.loads((course / "collected.json").read_text())["lab1_attention"]["ada@uni.example"]
    assert [member[0] for member in record["members"]] == ["ada@uni.example", "ben@uni.example"]


def test_ilias_learners_and_teams(run, course):
    found, _ = run(
        {
            downloads.ilias("Lovelace", "Ada", "alovelace", 1234, "20261123150405_attention.ipynb"): notebook(
                "ada"
            ),
            downloads.ilias("Hopper", "Grace", "g_hopper", 1235): notebook("grace"),
            downloads.ilias("Turing", "Alan", "at", 1236, team="Team_7/"): notebook("team"),
        },
        origin="ilias",
    )
    assert found == {
        "Lovelace_Ada_alovelace_1234": "ada",
        "Hopper_Grace_g_hopper_1235": "grace",
        "Team_7": "team",
    }
    assert stamp(course, "Lovelace_Ada_alovelace_1234") == "2026-11-23 15:04:05 UTC"


def test_ilias_with_one_learner_alone(run):
    entries = {downloads.ilias("Lovelace", "Ada", "alovelace", 1234): notebook("ada")}
    assert set(run(entries, origin="ilias")[0]) == {"Lovelace_Ada_alovelace_1234"}


PATTERN = r"(?P<student_id>[^/]+)/(?P<timestamp>[^/]+)/.+"


def test_the_later_try_wins_on_a_clock_of_twelve_hours_and_offsets_count(run, course):
    found, _ = run(
        {
            "ada/2026-11-23 11:30 AM/attention.ipynb": notebook("morning"),
            "ada/2026-11-23 1:05 PM/attention.ipynb": notebook("afternoon"),
            "eve/2026-11-23 23:30:00 +0100/attention.ipynb": notebook("eve"),
        },
        pattern=PATTERN,
    )
    assert found == {"ada": "afternoon", "eve": "eve"} and stamp(course, "eve") == "2026-11-23 22:30:00 UTC"


def test_a_doubtful_date_is_refused_unless_others_or_a_person_tell(run, course):
    doubtful = {
        "ada/05.11.2026 23:30/a.ipynb": notebook("november"),
        "ada/06.10.2026 10:00/a.ipynb": notebook("october"),
    }
    with pytest.raises(GradeError, match="could be two days: say --day-first or --month-first"):
        run(doubtful, pattern=PATTERN)
    assert run(doubtful, pattern=PATTERN, day_first=True)[0] == {"ada": "november"}
    assert stamp(course, "ada") == "2026-11-05 23:30:00 UTC"


def test_a_date_that_can_be_read_one_way_shows_how_to_read_the_others(run, course):
    found, said = run(
        {
            "ada/05.11.2026 23:30/a.ipynb": notebook("later"),
            "ada/28.10.2026 10:00/a.ipynb": notebook("earlier"),
        },
        pattern=PATTERN,
    )
    assert found == {"ada": "later"} and "read day first, as 28.10.2026 shows" in said
    assert stamp(course, "ada") == "2026-11-05 23:30:00 UTC"


def test_of_a_learner_with_one_doubtful_time_nothing_is_guessed(run):
    found, said = run(
        {
            "ada/2026-11-20 10:00/a.ipynb": notebook("sure"),
            "ada/05.11.2026 23:30/a.ipynb": notebook("doubtful"),
            "ben/2026-11-20 10:00/a.ipynb": notebook("ben"),
        },
        pattern=PATTERN,
    )
    assert found == {"ben": "ben"} and "ada has another try whose time cannot be read" in said


def test_no_such_zone_or_encoding(run):
    entries = {"ada/2026-11-20 10:00/a.ipynb": notebook()}
    with pytest.raises(GradeError, match="no time zone 'Mars/Olympus'"):
        run(entries, pattern=PATTERN, timezone="Mars/Olympus")
    with pytest.raises(GradeError, match="no encoding 'ebcdic-of-ours'"):
        run(entries, pattern=PATTERN, encoding="ebcdic-of-ours")


def moodle_bytes(name, number, encoding):
    return downloads.moodle(name, number).encode(encoding)


def test_zips_in_utf_8_that_do_not_say_so(run, tmp_path):
    source = downloads.zipped_raw(
        tmp_path / "a.zip", [(moodle_bytes("Jürgen Groß", 1, "utf-8"), notebook("x"))]
    )
    found, said = run(source, origin="moodle")
    assert set(found) == {"Jürgen_Groß_1"} and "code page" not in said


@pytest.mark.parametrize("encoding", ["cp437", "cp850"])
def test_zips_of_western_code_pages_are_read_and_warned_about(run, tmp_path, encoding):
    name = "Jürgen Müller" if encoding == "cp437" else "Álvaro Núñez"
    source = downloads.zipped_raw(tmp_path / "a.zip", [(moodle_bytes(name, 1, encoding), notebook("x"))])
    found, said = run(source, origin="moodle")
    assert set(found) == {name.replace(" ", "_") + "_1"} and "does not say in which code page" in said


@pytest.mark.parametrize(
    ("name", "encoding"), [("山田太郎", "cp932"), ("王小明", "gbk"), ("Иван Петров", "cp866")]
)
def test_zips_of_other_code_pages_are_decoded_when_told(run, tmp_path, name, encoding):
    source = downloads.zipped_raw(tmp_path / "a.zip", [(moodle_bytes(name, 1, encoding), notebook("x"))])
    found, said = run(source, origin="moodle", encoding=encoding)
    assert set(found) == {name.replace(" ", "_") + "_1"} and "code page" not in said


def test_a_zip_that_says_a_names_letters_in_a_field_beside_it(run, tmp_path):
    raw, right = moodle_bytes("J?rgen", 1, "ascii").replace(b"?", b"\x81"), moodle_bytes("Jürgen", 1, "utf-8")
    field = b"\x01" + zlib.crc32(raw).to_bytes(4, "little") + right
    extra = b"\x75\x70" + len(field).to_bytes(2, "little") + field
    found, said = run(
        downloads.zipped_raw(tmp_path / "a.zip", [(raw, notebook("x"))], extra), origin="moodle"
    )
    assert set(found) == {"Jürgen_1"} and "code page" not in said


def test_a_zip_with_backslashes_between_folders(run, tmp_path):
    path = downloads.moodle("Ada Lovelace", 1).replace("/", "\\")
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = path
        archive.writestr(info, notebook("x"))
    assert set(run(tmp_path / "w.zip", origin="moodle")[0]) == {"Ada_Lovelace_1"}

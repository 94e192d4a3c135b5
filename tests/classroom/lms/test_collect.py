"""Collecting what Moodle, Canvas and nbgrader's exchange hand over: nothing lost, nothing outside `submitted/`."""

import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile

import nbformat
import pytest

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms import unpack
from autograder.classroom.lms.collect import collect
from autograder.classroom.lms.file_names import folder_name, namer, read_names
from autograder.classroom.lms.times import TimeReader
from autograder.classroom.nbgrader_config import COURSE_FILE
from course.checking import code_reader


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    return folder


def notebook(text="x = 1", lab="lab1_attention"):
    book = nbformat.v4.new_notebook(metadata={"course": {"lab": lab}})
    book.cells = [nbformat.v4.new_code_cell(text, id="one")]
    return nbformat.writes(book)


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def inner(entries):
    file = io.BytesIO()
    zipped(file, entries)
    return file.getvalue()


def collected(course):
    """Learner -> code of what lies in `submitted/`."""
    found = {}
    for path in course.glob("submitted/*/lab1_attention/attention.ipynb"):
        text = path.read_text()
        found[path.parts[-3]] = "".join(json.loads(text)["cells"][0]["source"]) if text else ""
    return found


def run(course, source, capsys, **options):
    collect(source, "1", course, **options)
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def everything(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


MOODLE = {
    "Ada Lovelace_1234_assignsubmission_file_/attention.ipynb": notebook("ada"),
    "José O'Neil-Pérez_77_assignsubmission_file_/my work (2).ipynb": notebook("josé"),
    "Old Style_5_assignsubmission_file_attention.ipynb": notebook("old"),
    "Ada Lovelace_1234_assignsubmission_onlinetext_/onlinetext.html": "<p>hello</p>",
    "__MACOSX/Ada Lovelace_1234_assignsubmission_file_/._attention.ipynb": "junk",
}
CANVAS = {
    "lovelaceada_1001_5001_attention.ipynb": notebook("ada, first"),
    "lovelaceada_1001_5009_attention-1.ipynb": notebook("ada, second"),
    "bigben_LATE_1002_5003_attention.ipynb": notebook("ben"),
}


def test_a_download_from_moodle_zipped_and_as_a_folder(course, tmp_path, capsys):
    said = run(course, zipped(tmp_path / "all.zip", MOODLE), capsys, origin="moodle")
    assert collected(course) == {
        "Ada_Lovelace_1234": "ada",
        "José_O_Neil-Pérez_77": "josé",
        "Old_Style_5": "old",
    }
    assert (
        "3 learners: 3 new." in said and "No notebooks, so not taken:" in said and "onlinetext.html" in said
    )
    assert "autograder grade 1 --course" in said
    zipfile.ZipFile(tmp_path / "all.zip").extractall(tmp_path / "unpacked")
    assert "3 the same as before" in run(course, tmp_path / "unpacked", capsys, origin="moodle")


def test_a_download_from_canvas_takes_the_latest_upload(course, tmp_path, capsys):
    said = run(course, zipped(tmp_path / "all.zip", CANVAS), capsys, origin="canvas")
    assert collected(course) == {"lovelaceada_1001": "ada, second", "bigben_1002": "ben"}
    assert "lovelaceada_1001_5001_attention.ipynb: lovelaceada_1001_5009_attention-1.ipynb counts" in said


def test_a_pattern_of_ones_own_with_dates(course, tmp_path, capsys):
    pattern = r"(?P<student_id>\w+?)_(?P<timestamp>[\d-]+)_.*"  # as for nbgrader zip_collect
    entries = {
        "ada_2026-11-02-08-30-00_lab.ipynb": notebook("late"),
        "ada_2026-11-01-08-30-00_lab.ipynb": notebook("early"),
        "ben_2026-13-77-08-30-00_lab.ipynb": notebook("never"),
        "readme.ipynb": notebook("mine"),
    }
    said = run(course, zipped(tmp_path / "all.zip", entries), capsys, pattern=pattern)
    assert collected(course) == {"ada": "late"}
    stamp = course / "submitted/ada/lab1_attention/timestamp.txt"
    assert stamp.read_text().startswith("2026-11-02 08:30:00")
    assert "is no date" in said and "readme.ipynb" in said
    early = {name: text for name, text in entries.items() if "11-01" in name}
    assert "handed in later than the download: ada" in run(
        course, zipped(tmp_path / "early.zip", early), capsys, pattern=pattern
    )
    assert collected(course) == {"ada": "late"}


def test_what_is_replaced_is_kept(course, tmp_path, capsys):
    pattern = r"(?P<student_id>[^/]+)/.*"
    run(course, zipped(tmp_path / "a.zip", {"ada/lab.ipynb": notebook("one")}), capsys, pattern=pattern)
    said = run(
        course, zipped(tmp_path / "b.zip", {"ada/lab.ipynb": notebook("two")}), capsys, pattern=pattern
    )
    assert collected(course) == {"ada": "two"} and "1 replaced" in said
    (kept,) = (course / "replaced" / "lab1_attention").iterdir()
    assert kept.read_text() == notebook("one")


def test_two_files_of_one_learner(course, tmp_path, capsys):
    pattern = r"(?P<student_id>[^/]+)/.*"
    entries = {
        "ada/attention.ipynb": notebook("the lab's name counts"),
        "ada/scratch.ipynb": notebook("scratch"),
        "ben/a.ipynb": notebook("a"),
        "ben/b.ipynb": notebook("b"),
        "cleo/a.ipynb": notebook("same"),
        "cleo/b.ipynb": notebook("same"),
        "d!d/a.ipynb": notebook("one person"),
        "d?d/a.ipynb": notebook("another person"),
        "fay/transformer.ipynb": notebook("other lab", lab="lab2_transformer"),
    }
    said = run(course, zipped(tmp_path / "all.zip", entries), capsys, pattern=pattern)
    assert collected(course) == {"ada": "the lab's name counts", "cleo": "same"}
    assert "ada/scratch.ipynb: ada/attention.ipynb counts for ada" in said
    assert "ben/a.ipynb, ben/b.ipynb: nothing says which is the latest of ben" in said
    assert "d!d, d?d: the folder d_d could be any of theirs" in said
    assert "fay/transformer.ipynb: it is a notebook of lab2_transformer" in said


def test_a_learners_own_zip_in_the_download(course, tmp_path, capsys):
    own = inner({"work/attention.ipynb": notebook("packed"), "deeper.zip": inner({"x.ipynb": notebook()})})
    entries = {
        "Ada L_1_assignsubmission_file_/all.zip": own,
        "Ben B_2_assignsubmission_file_/x.zip": b"no zip",
    }
    said = run(course, zipped(tmp_path / "all.zip", entries), capsys, origin="moodle")
    assert collected(course) == {"Ada_L_1": "packed"}
    assert "a zip in a zip in a zip" in said and "cannot be read as a zip" in said


def test_paths_that_lead_out_links_and_locked_files_are_left_out(course, tmp_path, capsys):
    link = zipfile.ZipInfo("eve_3_4_attention.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in (
            "../../evil_1_2_attention.ipynb",
            "/tmp/evil_1_2_attention.ipynb",
            r"..\evil_1_2_a.ipynb",
        ):
            archive.writestr(name, notebook("evil"))
        archive.writestr("C:/evil_1_2_attention.ipynb", notebook("evil"))
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good_5_6_attention.ipynb", notebook("good"))
        archive.writestr("..__.._7_8_attention.ipynb", notebook("dots"))
    before = everything(tmp_path)
    said = run(course, tmp_path / "all.zip", capsys, origin="canvas")
    made = everything(tmp_path) - before - {"course/.grading.lock", "course/collected.json"}
    assert made == {"course/submitted/good_5/lab1_attention/attention.ipynb"}
    assert said.count("leads out of the archive") == 4 and "a link is not followed" in said


def test_links_in_a_folder_and_in_the_course_are_not_followed(course, tmp_path, capsys):
    source, secret = tmp_path / "download", tmp_path / "secret"
    source.mkdir(), secret.mkdir()
    (secret / "eve_1_2_attention.ipynb").write_text(notebook("secret"))
    (source / "eve_1_2_attention.ipynb").symlink_to(secret / "eve_1_2_attention.ipynb")
    (source / "more").symlink_to(secret)
    (source / "ada_3_4_attention.ipynb").write_text(notebook("ada"))
    (source / "ben_5_6_attention.ipynb").write_text(notebook("ben"))
    os.mkfifo(source / "pipe_7_8_attention.ipynb")
    (course / "submitted").mkdir()
    (course / "submitted" / "ada_3").symlink_to(secret)
    said = run(course, source, capsys, origin="canvas")
    assert collected(course) == {"ben_5": "ben"} and everything(secret) == {"eve_1_2_attention.ipynb"}
    assert said.count("a link is not followed") == 2 and "no ordinary file" in said
    assert "submitted/ada_3 is a link: take it out of the way" in said


def test_bombs_and_absurd_names(course, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(unpack, "MAX_INNER", (50, 3 << 20))
    entries = {
        "ada_1_2_attention.ipynb": notebook("ada"),
        "bomb_3_4_attention.ipynb": b"0" * (9 << 20),
        "many_5_6_all.zip": inner({f"{n}_1_1_x.ipynb": "" for n in range(60)}),
        "l" * 150 + "_7_8_attention.ipynb": notebook("long"),
        "m" * 2000 + "_9_9_attention.ipynb": notebook("longer"),
    }
    said = run(course, zipped(tmp_path / "all.zip", entries), capsys, origin="canvas")
    assert "ada_1" in collected(course) and "bomb_3" not in collected(course)
    assert "larger than 1 MB" in said and "holds more than 50 files" in said
    assert "too long for a folder" in said and "absurdly long" in said
    monkeypatch.setattr(unpack, "MAX_FILES", 3)
    with pytest.raises(GradeError, match="no class hands in"):
        run(course, tmp_path / "all.zip", capsys, origin="canvas")


def test_a_damaged_notebook_is_collected_and_a_damaged_archive_told(course, tmp_path, capsys):
    run(course, zipped(tmp_path / "a.zip", {"ada_1_2_a.ipynb": notebook()[:50]}), capsys, origin="canvas")
    assert (course / "submitted/ada_1/lab1_attention/attention.ipynb").exists()
    (tmp_path / "cut.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:80])
    with pytest.raises(GradeError, match="download it again"):
        run(course, tmp_path / "cut.zip", capsys, origin="canvas")


def test_mistakes_at_the_keyboard_are_told_in_a_sentence(course, tmp_path, capsys):
    source = zipped(tmp_path / "all.zip", MOODLE)
    for words, options in {
        "--from moodle, --from canvas, --from blackboard.*or --pattern": {},
        "is moodle, canvas, .* or ilias, not webct": {"origin": "webct"},
        "no regular expression": {"pattern": "(("},
        r"\(\?P<student_id>": {"pattern": ".*"},
        "none of 3 notebooks has a name that fits, such as Ada": {"origin": "canvas"},
    }.items():
        with pytest.raises(GradeError, match=words):
            collect(source, "1", course, **options)
    (tmp_path / "empty").mkdir()
    with pytest.raises(GradeError, match="no notebook in"):
        collect(tmp_path / "empty", "1", course, origin="moodle")
    with pytest.raises(GradeError, match="is not there"):
        collect(tmp_path / "nowhere", "1", course, origin="moodle")
    with pytest.raises(GradeError, match="autograder init"):
        collect(source, "1", tmp_path, origin="moodle")
    assert not (course / "submitted").exists()


def test_a_dry_run_writes_nothing(course, tmp_path, capsys):
    said = run(course, zipped(tmp_path / "all.zip", MOODLE), capsys, origin="moodle", dry_run=True)
    assert "Nothing was written" in said and "Ada_Lovelace_1234" in said
    assert not (course / "submitted").exists()


@pytest.mark.parametrize("name", ["", "..", "./.", "a" * 200, "é" * 60])
def test_names_that_can_be_no_folder(name):
    assert folder_name(name) == ""
    names = namer(r"(?P<student_id>.*)!", None)([f"{name}!"])
    ((_, one, problem),) = read_names([(f"{name}!", None, "")], names, TimeReader())
    assert one is None and "empty, or too long" in problem


def nbgrader(folder, *words, **environment):
    programs = os.path.dirname(sys.executable)
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [os.path.join(programs, "nbgrader"), *words]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | path | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_nbgraders_exchange_hands_over_what_is_graded(tmp_path, root, built_course, lesson):
    """release, fetch, submit, collect: all stock nbgrader, with our course folder; then the result is graded."""
    from autograder.authoring.gates import reference_submission
    from autograder.classroom import submissions
    from autograder.hidden.assignments import assignment_of
    from autograder.judge.grader import Grader
    from autograder.judge.notebook_repair import read_submission, repair
    from autograder.judge.sandbox import isolation

    course, home, exchange = tmp_path / "course", tmp_path / "home", tmp_path / "exchange"
    shutil.copytree(built_course, course)
    (course / "nbgrader_config.py").write_text(COURSE_FILE)
    home.mkdir(), exchange.mkdir()
    exchange.chmod(0o777)
    words = ["--course", "transformers", f"--Exchange.root={exchange}", f"--Exchange.cache={home}/cache"]
    here = {"PYTHONPATH": str(root), "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / ".jupyter")}
    nbgrader(course, "release_assignment", lesson.lab, *words, **here)
    nbgrader(home, "fetch_assignment", lesson.lab, *words, **here)
    fetched = home / lesson.lab / f"{lesson.name}.ipynb"
    assert fetched.read_bytes() == (course / "release" / lesson.lab / f"{lesson.name}.ipynb").read_bytes()
    nbformat.write(reference_submission(lesson), fetched)
    nbgrader(home, "submit", lesson.lab, *words, **here)
    nbgrader(course, "collect", lesson.lab, *words, **here)
    ((one,), left_out) = submissions.find_submissions(course, lesson)
    assert not left_out and (one.path.parent / "timestamp.txt").exists()
    assert submissions.ungraded(course, lesson, [one]) == [one]
    if isolation.missing_layers():
        pytest.skip(f"no isolation here: {isolation.missing_layers()}")
    grader = Grader()
    try:
        release = nbformat.read(course / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
        repaired = repair(release, read_submission(one.path), code_reader)
        verdict = grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes)
    finally:
        grader.close()
    assert verdict.points == verdict.max_points and not verdict.notes

"""Whatever breaks while a class is graded: nothing recorded is lost or doubled, and the next run finishes the rest."""

import contextlib
import copy
import dataclasses
import fcntl
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from class_of_faults import (
    STUDENTS,
    Writes,
    dies,
    disk_is_full,
    gradebook,
    hand_in,
    in_a_child,
    judged,
    make,
    stand_in,
)
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveAutoGrades

from autograder import cli
from autograder.authoring.build_guards import is_answer
from autograder.authoring.gates import reference_submission
from autograder.classroom import course_folder, grade_class, submissions
from autograder.classroom.course_folder import LeftToDo
from autograder.classroom.gradebook import _Recorder
from autograder.classroom.gradebook import record as record_in_gradebook
from autograder.hidden.assignments import RUNTIME, assignment_of, fingerprint
from autograder.judge.grader import Grader, JudgeSettings, cache_key, code_cells
from autograder.judge.notebook_repair import read_submission, repair
from autograder.judge.sandbox import isolation
from autograder.judge.sandbox.client import Server
from autograder.judge.sandbox.faults import MachineFault, SubmissionFault
from autograder.judge.sandbox.isolation import Limits
from autograder.judge.sandbox.student_handle import Student
from autograder.judge.verdict import Verdict, verdict_path
from autograder.judge.verdict_cache import Journal
from course.checking import code_reader
from course.notebooks.lesson import find_lesson

needs_isolation = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)


@pytest.fixture
def asked(monkeypatch):
    with stand_in(monkeypatch) as calls:
        yield calls


@pytest.fixture
def course(tmp_path, template, lesson):
    return make(tmp_path / "course", template, lesson)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, template, lesson):
    """What stands in the gradebook when nothing goes wrong."""
    with pytest.MonkeyPatch.context() as patch, stand_in(patch):
        made = make(tmp_path_factory.mktemp("undisturbed") / "course", template, lesson)
        grade_class.grade_class(made, lesson.lab, feedback=False)
    found = gradebook(made)
    assert len({row[0] for row in found}) == len(STUDENTS)
    return found


def run(course, lesson, *options, feedback=False):
    """What a grader types, in this process."""
    words = ["grade", lesson.lab, "--course", str(course), *options]
    return cli.app(words if feedback else [*words, "--no-feedback"])


def told(text):
    """A grader is told in sentences."""
    assert "Traceback" not in text and "--- Logging error" not in text, text
    return " ".join(text.split())


def finish(course, lesson):
    grade_class.grade_class(course, lesson.lab, feedback=False)
    found, _ = submissions.find_submissions(course, lesson)
    assert not submissions.ungraded(course, lesson, found)
    return gradebook(course)


# ---------------------------------------------------------------------------------- killed


def killed_somewhere(tmp_path, template, lesson, rounds, seed):
    """Kill gradings at changes of files drawn at random; yields each folder afterwards."""
    moments = random.Random(seed)
    counted = make(tmp_path / "counted", template, lesson)
    report = tmp_path / "count"

    def count():
        writes = Writes(counted)
        sys.addaudithook(writes)
        grade_class.grade_class(counted, lesson.lab, feedback=False)
        report.write_text(str(writes.count))

    assert in_a_child(count) == 0
    total = int(report.read_text())
    for number in range(rounds):
        course = make(tmp_path / f"killed{number}", template, lesson)
        at = moments.randint(1, total)
        code = in_a_child(
            lambda course=course: grade_class.grade_class(course, lesson.lab, feedback=False),
            events=Writes(course, at, dies),
        )
        assert code == -9, (at, code)
        yield course
        shutil.rmtree(course)


def test_a_grading_killed_at_any_moment_is_finished_by_the_next(
    tmp_path, template, lesson, asked, undisturbed
):
    for course in killed_somewhere(tmp_path, template, lesson, rounds=4, seed=1):
        assert finish(course, lesson) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_grading_killed_at_any_of_many_moments_is_finished(
    tmp_path, template, lesson, asked, undisturbed, seed
):
    for course in killed_somewhere(tmp_path, template, lesson, rounds=25, seed=100 + seed):
        assert finish(course, lesson) == undisturbed


def test_a_kill_in_the_middle_of_recording_leaves_no_half_result_behind(
    course, lesson, asked, undisturbed, monkeypatch
):
    original = SaveAutoGrades._add_score

    def add_score(self, cell, resources):  # nbgrader commits each mark by itself
        if self.student_id == "ben" and cell.metadata.nbgrader.grade_id.endswith("causal_mask"):
            os.kill(os.getpid(), 9)
        return original(self, cell, resources)

    with monkeypatch.context() as patch:
        patch.setattr(SaveAutoGrades, "_add_score", add_score)
        assert in_a_child(lambda: run(course, lesson)) == -9
    found, _ = submissions.find_submissions(course, lesson)
    assert [one.student for one in submissions.ungraded(course, lesson, found)] == ["ben"]
    assert finish(course, lesson) == undisturbed


def test_what_was_judged_before_the_kill_is_not_judged_again(course, lesson, asked, undisturbed, monkeypatch):
    def record(course_dir, lesson, config, todo, tick):
        assert len(list(todo)) == len(STUDENTS)  # it is handed them as they are judged
        os.kill(os.getpid(), 9)

    with monkeypatch.context() as patch:
        patch.setattr("autograder.classroom.gradebook.record", record)
        assert in_a_child(lambda: run(course, lesson)) == -9
    assert finish(course, lesson) == undisturbed
    assert not asked
    assert not list(verdict_path(course, lesson.lab, "x").parent.glob(".judged/*"))


def test_a_journal_believes_only_what_was_judged_with_the_same_lab_and_settings(tmp_path, lesson):
    assignment, cells, now = assignment_of(lesson), [("answer-softmax", "x = 1")], JudgeSettings(seed=1)
    key, verdict = cache_key(assignment, cells, []), judged(assignment, cells, [])
    Journal(tmp_path / "journal", now)[key] = verdict
    assert Journal(tmp_path / "journal", now)[key] == verdict
    assert key not in Journal(tmp_path / "journal", JudgeSettings(seed=2))
    changed = dataclasses.replace(assignment, fingerprint="of another version")
    assert cache_key(changed, cells, []) not in Journal(tmp_path / "journal", now)
    (kept,) = (tmp_path / "journal").iterdir()
    for rubbish in ("", "[]", '{"lab": 1}', kept.read_text()[:-20]):
        kept.write_text(rubbish)
        assert key not in Journal(tmp_path / "journal", now)


def test_a_fingerprint_tells_versions_of_a_lab_apart(lesson):
    assert fingerprint(lesson) == fingerprint(lesson)
    assert fingerprint(lesson) != fingerprint(find_lesson("transformer"))


def test_force_judges_anew(course, lesson, asked):
    finish(course, lesson)
    assert len(asked) == len(STUDENTS)
    grade_class.grade_class(course, lesson.lab, feedback=False, force=True)
    assert len(asked) == 2 * len(STUDENTS)


@pytest.fixture(scope="module")
def real(template, lesson):
    """A warm server, and two submissions with the verdicts they get when nothing goes wrong."""
    release = nbformat.read(template / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
    right = reference_submission(lesson)
    half = {name: "# too late" for name in list(lesson.exercises)[3:]}
    texts = {"right": right, "half": copy.deepcopy(right)}
    for cell in texts["half"].cells:
        cell.source = half.get(cell.metadata.course["name"], cell.source) if is_answer(cell) else cell.source
    grader = Grader(seconds=2)
    cells = {
        name: code_cells(repair(release, nbformat.writes(text), code_reader).notebook)
        for name, text in texts.items()
    }
    yield grader, cells, {name: grader.grade_cells(assignment_of(lesson), own) for name, own in cells.items()}
    grader.close()


@needs_isolation
def test_students_killed_at_random_moments_cost_nobody_a_point(real, lesson, monkeypatch):
    grader, cells, wanted = real
    chance, stopped, students = random.Random(3), threading.Event(), []
    spawn = Server.spawn

    def noting(self):
        students.append(spawn(self))
        return students[-1]

    def killer():
        while not stopped.wait(chance.uniform(0.2, 0.6)):
            if students:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(students.pop().pid).kill()

    monkeypatch.setattr(Server, "spawn", noting)
    killing = threading.Thread(target=killer)
    killing.start()
    found = {}
    try:
        for name in ("right", "half"):
            with contextlib.suppress(MachineFault):  # killed twice in a row: no mark
                found[name] = grader.grade_cells(assignment_of(lesson), cells[name], anew=True)
    finally:
        stopped.set()
        killing.join()
    assert all(verdict == wanted[name] for name, verdict in found.items())
    assert grader.grade_cells(assignment_of(lesson), cells["half"], anew=True) == wanted["half"]
    assert 0 < wanted["half"].points < wanted["right"].points == wanted["right"].max_points


@pytest.mark.parametrize(("left", "kind"), [(100 << 20, MachineFault), (8 << 30, SubmissionFault)])
def test_an_aborted_process_is_the_machines_fault_when_its_memory_ran_out(monkeypatch, tmp_path, left, kind):
    class Ended:
        limits = Limits()

        def exit_of(self, name):
            return {"cpu": 0, "code": -signal.SIGABRT}

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=left))
    assert type(Student(Ended(), 1, 2, None, tmp_path)._why_it_ended()) is kind


@needs_isolation
def test_a_killed_server_is_replaced_and_the_submission_goes_on_with_the_new_one(real, lesson):
    grader, cells, wanted = real
    server = grader.server(RUNTIME)
    threading.Timer(0.3, psutil.Process(server.pid).kill).start()
    assert grader.grade_cells(assignment_of(lesson), cells["right"], anew=True) == wanted["right"]
    assert not server.alive()
    assert grader.server(RUNTIME) is not server


@needs_isolation
@pytest.mark.slow
def test_the_whole_command_killed_at_random_moments(tmp_path, template, lesson, root):
    """The real thing, server and all: nothing is left running, and the marks are those of an undisturbed run."""
    wanted = make(tmp_path / "wanted", template, lesson, students=())
    for student in STUDENTS:
        path = hand_in(wanted, lesson, student)
        nbformat.write(reference_submission(lesson), path)
    course = tmp_path / "course"
    shutil.copytree(wanted, course)
    command = [sys.executable, "-m", "autograder.cli", "grade", "1", "--no-feedback", "--course"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    started = time.monotonic()
    subprocess.run([*command, str(wanted)], check=True, env=environment, stdout=subprocess.DEVNULL)
    length, moments = time.monotonic() - started, random.Random(5)
    for _ in range(8):
        running = subprocess.Popen([*command, str(course)], env=environment, stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.2, length))
        family = psutil.Process(running.pid).children(recursive=True) if running.poll() is None else []
        running.kill()
        running.wait()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive
    subprocess.run([*command, str(course)], check=True, env=environment, stdout=subprocess.DEVNULL)
    assert gradebook(course) == gradebook(wanted)


# ------------------------------------------------------------------------- disk and database


def full_somewhere(tmp_path, template, lesson, rounds, seed, undisturbed):
    """Let the disk be full from a moment drawn at random; yields each folder afterwards, and whether it was told."""
    moments = random.Random(seed)
    for number in range(rounds):
        course = make(tmp_path / f"full{number}", template, lesson)
        writes, out = Writes(course, moments.randint(1, 60), disk_is_full), tmp_path / "out"
        code = in_a_child(lambda course=course: run(course, lesson), events=writes, out=out)
        text = told(out.read_text())
        assert (code in (1, 2) and "No space left on device" in text) or gradebook(course) == undisturbed
        yield course, code
        shutil.rmtree(course)


def test_a_full_disk_is_told_and_the_next_run_finishes(tmp_path, template, lesson, asked, undisturbed):
    codes = []
    for course, code in full_somewhere(tmp_path, template, lesson, 3, 11, undisturbed):
        codes.append(code)
        assert finish(course, lesson) == undisturbed
    assert 1 in codes


@pytest.mark.slow
def test_a_disk_that_is_full_at_many_moments(tmp_path, template, lesson, asked, undisturbed):
    for course, _ in full_somewhere(tmp_path, template, lesson, 40, 12, undisturbed):
        assert finish(course, lesson) == undisturbed


def test_a_disk_that_is_really_full(tmp_path, template, lesson, asked, undisturbed):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        course = make(disk / "course", template, lesson)
        for room in (0, 40_000, 150_000):
            ballast = disk / "ballast"
            free = shutil.disk_usage(disk).free
            ballast.write_bytes(b"\0" * max(0, free - room))
            code = in_a_child(lambda: run(course, lesson, "--force"), out=tmp_path / "out")
            text = told((tmp_path / "out").read_text())
            assert code in (1, 2) and ("No space left" in text or "disk is full" in text), text
            ballast.unlink()
        grade_class.grade_class(course, lesson.lab, feedback=False)
        assert finish(course, lesson) == undisturbed
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_gradebook_that_cannot_be_written_is_told_before_anything_is_judged(course, lesson, asked, capsys):
    config = course / "nbgrader_config.py"
    url = f"sqlite:///file:{course}/gradebook.db?mode=ro&uri=true"
    before = (course / "gradebook.db").read_bytes()
    config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = {url!r}\n")
    with pytest.raises(SystemExit) as end:
        run(course, lesson)
    text = told("".join(capsys.readouterr()))
    assert end.value.code == 2 and "readonly" in text and "make it writable" in text
    assert not asked and (course / "gradebook.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, but a text of some length" * 50])
def test_a_gradebook_that_is_none_is_told(course, lesson, asked, capsys, content):
    (course / "gradebook.db").write_bytes(content)
    with pytest.raises(SystemExit) as end:
        run(course, lesson)
    assert end.value.code == 2 and "not a database" in told("".join(capsys.readouterr()))
    assert not asked


def impatient(course):
    """Let SQLite wait a fifth of a second for others instead of five."""
    config = course / "nbgrader_config.py"
    config.write_text(
        config.read_text() + "\nc.CourseDirectory.db_url = 'sqlite:///gradebook.db?timeout=0.2'\n"
    )


def test_a_gradebook_held_by_another_program_is_told(course, lesson, asked, capsys, undisturbed):
    impatient(course)
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(SystemExit) as end:
        run(course, lesson)
    assert end.value.code == 2 and "is locked" in told("".join(capsys.readouterr()))
    assert not asked
    other.execute("rollback")
    assert finish(course, lesson) == undisturbed


def test_a_gradebook_that_another_program_takes_meanwhile(
    course, lesson, asked, capsys, undisturbed, monkeypatch
):
    impatient(course)
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None, check_same_thread=False)
    original = _Recorder.init_destination

    def take(self, assignment_id, student_id):
        if student_id == "ben" and not other.in_transaction:
            other.execute("begin immediate")
        return original(self, assignment_id, student_id)

    with monkeypatch.context() as patch:
        patch.setattr(_Recorder, "init_destination", take)
        with pytest.raises(SystemExit) as end:
            run(course, lesson)
    assert end.value.code == 2 and "is locked" in told("".join(capsys.readouterr()))
    other.execute("rollback")
    found, _ = submissions.find_submissions(course, lesson)
    assert [one.student for one in submissions.ungraded(course, lesson, found)] == ["ben"]
    judged_so_far = len(asked)
    assert finish(course, lesson) == undisturbed
    assert len(asked) == judged_so_far == len(STUDENTS)


def test_a_short_hold_of_the_gradebook_is_waited_for(course, lesson, asked, undisturbed, monkeypatch):
    impatient(course)
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None, check_same_thread=False)
    original, tries = _Recorder.init_destination, []

    def take(self, assignment_id, student_id):
        if student_id == "ben":
            tries.append(student_id)
            other.execute("begin immediate" if len(tries) == 1 else "rollback")
        return original(self, assignment_id, student_id)

    monkeypatch.setattr(_Recorder, "init_destination", take)
    assert finish(course, lesson) == undisturbed
    assert len(tries) == 2


def test_marks_go_to_the_gradebook_that_the_course_names(course, lesson, asked, undisturbed, monkeypatch):
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.CourseDirectory.db_url = 'sqlite:///elsewhere.db'\n")
    before = (course / "gradebook.db").read_bytes()
    monkeypatch.chdir(course.parent)  # a relative name means the course folder wherever the command is typed
    grade_class.grade_class(course, lesson.lab)
    assert gradebook(course, f"sqlite:///{course}/elsewhere.db") == undisturbed
    assert (course / "gradebook.db").read_bytes() == before
    assert len((course / f"{lesson.lab}.csv").read_text().splitlines()) == 1 + len(STUDENTS)
    assert len(list(course.glob("feedback/*/*/*.html"))) == len(STUDENTS)


def test_init_makes_the_gradebook_that_the_course_names(tmp_path, lesson, monkeypatch):
    made = tmp_path / "course"
    made.mkdir()
    config = "c = get_config()\nfrom autograder.classroom.nbgrader_config import configure\nconfigure(c)\n"
    (made / "nbgrader_config.py").write_text(config + "c.CourseDirectory.db_url = 'sqlite:///marks.db'\n")
    monkeypatch.setattr(
        "autograder.authoring.build.lessons", lambda: {lesson.name: lesson}
    )  # one is enough, and faster
    with pytest.raises(SystemExit) as end:
        cli.app(["init", str(made)])
    assert not end.value.code
    assert (made / "marks.db").exists() and not (made / "gradebook.db").exists()


# ------------------------------------------------------------------------------ others at work


def test_of_two_gradings_at_once_one_is_told_to_wait(tmp_path, course, lesson, asked, undisturbed):
    with (course / ".grading.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = in_a_child(lambda: run(course, lesson), out=tmp_path / "out")
    assert code == 2 and "somebody is grading" in told((tmp_path / "out").read_text())
    assert finish(course, lesson) == undisturbed


def test_gradings_at_once_lose_and_double_nothing(tmp_path, course, lesson, asked, undisturbed):
    def both():
        other = threading.Thread(target=lambda: codes.append(in_a_child(lambda: run(course, lesson))))
        other.start()
        codes.append(in_a_child(lambda: run(course, lesson)))
        other.join()

    codes = []
    both()
    assert set(codes) <= {0, 2} and 0 in codes  # 2: somebody is grading
    assert finish(course, lesson) == undisturbed


def stock(course, lesson, log=None):
    """The converter that plain `nbgrader autograde` makes."""
    config = submissions.load_config(course)
    coursedir = CourseDirectory(config=config, assignment_id=lesson.lab)
    return Autograde(coursedir=coursedir, config=config, **({"log": log} if log else {}))


def test_plain_nbgrader_waits_for_its_turn_too(course, lesson, asked, undisturbed):
    with (course / ".grading.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NbGraderException, match="somebody is grading"):
            stock(course, lesson).start()
    stock(course, lesson).start()
    assert gradebook(course) == undisturbed


def test_plain_nbgrader_redoes_what_was_cut_short_and_nothing_else(course, lesson, asked, undisturbed):
    stock(course, lesson).start()
    name = f"{lesson.name}.ipynb"
    half = course / "autograded" / "ben" / lesson.lab / name
    kept = (course / "autograded" / "ada" / lesson.lab / name).stat().st_mtime_ns
    half.chmod(0o644)
    half.write_text(half.read_text()[:5000])
    stock(course, lesson).start()
    assert gradebook(course) == undisturbed
    found, _ = submissions.find_submissions(course, lesson)
    assert not submissions.ungraded(course, lesson, found)
    assert (course / "autograded" / "ada" / lesson.lab / name).stat().st_mtime_ns == kept


def test_plain_nbgrader_copies_no_linked_file(course, lesson, asked):
    secret = course / "secret"
    secret.write_text("the grader's own")
    ben = course / "submitted" / "ben" / lesson.lab
    (ben / "data.csv").symlink_to(secret)
    (ben / "endless").symlink_to("/dev/zero")
    hand_in(course, lesson, "cleo", stamp="yesterday, I think")
    stock(course, lesson).start()
    assert [path.parent.name for path in course.glob(f"autograded/*/{lesson.lab}")] == ["ada"]
    assert {row[0] for row in gradebook(course)} == {"ada"}


# ---------------------------------------------------------------------- clocks and changing files


def test_a_clock_that_jumps_changes_nothing(course, lesson, asked, undisturbed, monkeypatch):
    clock, jumps = time.time, random.Random(7)
    monkeypatch.setattr(time, "time", lambda: clock() + jumps.choice([-1, 1]) * jumps.random() * 10**8)
    grade_class.grade_class(course, lesson.lab)
    assert finish(course, lesson) == undisturbed
    assert len(list(course.glob("feedback/*/*/*.html"))) == len(STUDENTS)


def changing(monkeypatch, change):
    """Do `change()` when all is judged and nothing recorded yet."""
    original = record_in_gradebook

    def record(*arguments, **options):
        monkeypatch.setattr("autograder.classroom.gradebook.record", original)
        change()
        return original(*arguments, **options)

    monkeypatch.setattr("autograder.classroom.gradebook.record", record)


def test_a_submission_replaced_while_it_is_graded_gets_the_marks_of_what_lies_there(
    tmp_path, template, course, lesson, asked, monkeypatch
):
    changing(monkeypatch, lambda: hand_in(course, lesson, "ben", "# another answer\n"))
    after = finish(course, lesson)
    fresh = make(tmp_path / "fresh", template, lesson)
    hand_in(fresh, lesson, "ben", "# another answer\n")
    assert finish(fresh, lesson) == after


def test_a_submission_replaced_after_it_was_read_is_told_and_graded_by_the_next_run(
    tmp_path, template, course, lesson, asked, monkeypatch, capsys
):
    original = _Recorder.set_permissions

    def late(self, assignment_id, student_id):
        if student_id == "ben":
            hand_in(course, lesson, "ben", "# another answer\n")
        return original(self, assignment_id, student_id)

    with monkeypatch.context() as patch:
        patch.setattr(_Recorder, "set_permissions", late)
        with pytest.raises(SystemExit) as end:
            run(course, lesson)
    text = told("".join(capsys.readouterr()))
    assert end.value.code == 1 and "ben: the submission changed while it was graded" in text
    fresh = make(tmp_path / "fresh", template, lesson)
    hand_in(fresh, lesson, "ben", "# another answer\n")
    assert finish(course, lesson) == finish(fresh, lesson)


def test_a_submission_that_vanishes_is_told_and_gets_no_marks(
    course, lesson, asked, monkeypatch, capsys, undisturbed
):
    path = course / "submitted" / "ben" / lesson.lab / f"{lesson.name}.ipynb"
    text = path.read_text()
    original = _Recorder.convert_single_notebook

    def gone(self, filename):
        if "/ben/" in filename:
            path.unlink()
        return original(self, filename)

    with monkeypatch.context() as patch:
        patch.setattr(_Recorder, "convert_single_notebook", gone)
        with pytest.raises(SystemExit) as end:
            run(course, lesson)
    assert end.value.code == 1 and "still to do: ben: to be graded again: the folder is empty" in told(
        capsys.readouterr().out
    )
    assert {row[5] for row in gradebook(course) if row[0] == "ben"} == {None}
    assert dict(submissions.load_verdicts(course, lesson))["ben"].regrade
    path.write_text(text)
    assert finish(course, lesson) == undisturbed


def test_a_folder_that_vanishes_is_told_and_the_others_are_recorded(
    course, lesson, asked, monkeypatch, capsys, undisturbed
):
    changing(monkeypatch, lambda: shutil.rmtree(course / "submitted" / "ada"))
    with pytest.raises(SystemExit):
        run(course, lesson)
    assert "ada: the submission is no longer there" in told("".join(capsys.readouterr()))
    assert gradebook(course) == [row for row in undisturbed if row[0] != "ada"]


def test_a_half_written_submission_is_graded_again_when_it_is_whole(course, lesson, asked, undisturbed):
    path = course / "submitted" / "ben" / lesson.lab / f"{lesson.name}.ipynb"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(LeftToDo):
        grade_class.grade_class(course, lesson.lab, feedback=False)
    now = gradebook(course)
    assert [row for row in now if row[0] != "ben"] == [row for row in undisturbed if row[0] != "ben"]
    assert {row[5] for row in now if row[0] == "ben" and row[4].startswith("check_")} == {None}  # open, not 0
    path.write_text(text)
    assert finish(course, lesson) == undisturbed


def test_another_date_of_handing_in_is_recorded(course, lesson, asked):
    hand_in(course, lesson, "ben", "# by ben\n", stamp="2026-01-02 03:04:05 UTC")
    before = finish(course, lesson)
    hand_in(course, lesson, "ben", "# by ben\n", stamp="2026-02-02 03:04:05 UTC")
    after = finish(course, lesson)
    assert {row[2] for row in before if row[0] == "ben"} == {"2026-01-02 03:04:05"}
    assert {row[2] for row in after if row[0] == "ben"} == {"2026-02-02 03:04:05"}


def test_a_grade_given_by_a_person_survives_every_run(course, lesson, asked):
    from nbgrader.api import Gradebook

    finish(course, lesson)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        notebook = book.find_submission_notebook(lesson.name, lesson.lab, "ada")
        question = next(one for one in notebook.grades if one.cell.cell_type == "markdown")
        question.manual_score, name = 0.5, question.name
        book.db.commit()
    hand_in(course, lesson, "ada", "# an answer of today\n")
    finish(course, lesson)
    assert [row[6] for row in gradebook(course) if row[0] == "ada" and row[4] == name] == [0.5]


# ------------------------------------------------------------------------------- odd folders


def test_odd_names_and_odd_files_are_told_and_harm_nobody(course, lesson, asked, capsys, undisturbed):
    notebook = course / "submitted" / "ben" / lesson.lab / f"{lesson.name}.ipynb"
    odd = ["a,b", "-rf {x} %s", "Zoë; drop table 'grade'"]
    bad = ["two\nlines", "brackets[1]", "star*", ".hidden", "bell\a", os.fsdecode(b"latin-\xe9")]
    for name in odd + bad:
        path = course / "submitted" / name / lesson.lab / notebook.name
        path.parent.mkdir(parents=True)
        path.write_text(notebook.read_text())
    linked = course / "submitted" / "eve, ada" / lesson.lab
    linked.mkdir(parents=True)
    (linked / notebook.name).write_text(notebook.read_text())
    (linked / "nowhere").symlink_to("/no/such/file")
    piped = course / "submitted" / "fay" / lesson.lab
    piped.mkdir(parents=True)
    os.mkfifo(piped / "pipe")
    (piped / notebook.name).write_text(notebook.read_text())
    (course / "submitted" / ".DS_Store").write_text("")
    (course / "submitted" / "gil").mkdir()
    run_without_exit(course, lesson)
    text = told("".join(capsys.readouterr()))
    # Those with the same reason stand in one row.
    left_out = {name for row in text.split("left out: ")[1:] for name in row.split(": ")[0].split(", ")}
    assert left_out == {
        *("two\\nlines", "brackets[1]", "star*", ".hidden", "bell\\x07", "latin-\\udce9"),
        *("eve", "ada", "fay", "gil"),
    }
    graded = {row[0] for row in gradebook(course)}
    assert graded == {*STUDENTS, *odd}
    assert [row for row in gradebook(course) if row[0] in STUDENTS] == undisturbed


def run_without_exit(course, lesson):
    with pytest.raises(SystemExit) as end:
        run(course, lesson)
    assert not end.value.code


def test_what_cannot_be_read_as_a_file_is_no_content(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert read_submission(tmp_path / "file") == b"content"
    assert [read_submission(tmp_path / name) for name in ("link", "pipe", "")] == [b"", b"", b""]
    with pytest.raises(FileNotFoundError):
        read_submission(tmp_path / "nothing")


def test_pages_that_were_cut_short_are_written_again(course, lesson, asked):
    grade_class.grade_class(course, lesson.lab)
    pages = {path.parts[-3]: path for path in course.glob(f"feedback/*/{lesson.lab}/*.html")}
    pages["ben"].write_text(pages["ben"].read_text()[:999])
    before = pages["ada"].stat().st_mtime_ns
    grade_class.grade_class(course, lesson.lab)
    assert all(path.read_text().rstrip().endswith("</html>") for path in pages.values())
    assert pages["ada"].stat().st_mtime_ns == before


def test_a_verdict_that_cannot_be_read_is_left_out_of_the_table(course, lesson, asked):
    finish(course, lesson)
    verdict_path(course, lesson.lab, "ben").write_text("")
    assert [student for student, _ in submissions.load_verdicts(course, lesson)] == ["ada"]


def test_a_verdict_is_written_whole_or_not_at_all(tmp_path, lesson, monkeypatch):
    path = tmp_path / "ada.json"
    Verdict(lesson.lab, 1).save(path)
    before = path.read_text()
    monkeypatch.setattr(json, "dumps", lambda *a, **k: "x" * 1000)
    monkeypatch.setattr(
        type(path), "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        Verdict(lesson.lab, 2).save(path)
    assert path.read_text() == before and [one.name for one in tmp_path.iterdir()] == ["ada.json"]


def test_the_state_of_a_folder_is_told_by_what_lies_in_it(course, lesson, asked):
    found, _ = submissions.find_submissions(course, lesson)
    submitted = found[0].path.parent
    result = course / "autograded" / found[0].student / lesson.lab
    assert not course_folder.is_complete_result(submitted, result, lesson.name)
    finish(course, lesson)
    assert course_folder.is_complete_result(submitted, result, lesson.name)
    found[0].path.write_text(found[0].path.read_text() + " ")
    assert not course_folder.is_complete_result(submitted, result, lesson.name)

"""A room found again, stopped and swept up; limits; what a trial learner says is wrong. No Hub is started here."""

import os
import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip("jupyterhub", reason="pip install 'transformer-labs[workshop]'")

from autograder.teaching.workshop import hub_config, limits, room_words, run, running_room, trial
from autograder.teaching.workshop.accounts import slug

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def part(tmp_path):
    """A process that says it belongs to the room in `tmp_path`."""
    process = subprocess.Popen(SLEEP, env=os.environ | {running_room.MARK: str(tmp_path)})
    yield process
    process.kill()
    process.wait()


def test_a_room_is_found_by_what_its_command_noted_and_by_nothing_else(tmp_path):
    assert running_room.find(tmp_path) is None
    running_room.note(tmp_path)
    assert running_room.find(tmp_path).pid == os.getpid()
    (tmp_path / "running.json").write_text(
        f'{{"pid": {os.getpid()}, "since": 1.0}}'
    )  # another's number by now
    assert running_room.find(tmp_path) is None
    (tmp_path / "running.json").write_text("rubbish")
    assert running_room.find(tmp_path) is None


def test_what_outlived_its_room_is_ended_and_nobody_else(tmp_path, part):
    stranger = subprocess.Popen(SLEEP, env=os.environ | {running_room.MARK: str(tmp_path / "another")})
    try:
        deadline = time.monotonic() + 20
        while [one.pid for one in running_room.parts(tmp_path)] != [part.pid] and time.monotonic() < deadline:
            time.sleep(0.1)  # until it has its own environment
        assert running_room.stop(tmp_path) is True
        assert not psutil.pid_exists(part.pid) and stranger.poll() is None
        assert running_room.stop(tmp_path) is False
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_and_status_say_where_nothing_runs(tmp_path, capsys):
    room_words.stop(tmp_path)
    room_words.status(tmp_path)
    assert capsys.readouterr().out.replace("\n", " ").count("No room runs in") == 2


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "sh: 1: exec: /root/.venv/bin/python: Permission denied",
            "may not read.*Permission denied.*bubblewrap",
        ),
        ("bwrap: setting up uid map: Permission denied", "bubblewrap could not close"),
        ("OSError: [Errno 28] No space left on device", "the disk is full: make room"),
        ("ModuleNotFoundError: No module named 'course'", r"a package is missing.*\[workshop\]"),
        ("nothing known", "did not answer within.*hub.log says more"),
    ],
)
def test_each_reason_why_a_learner_could_not_work_gets_its_cure(tmp_path, log, said, monkeypatch):
    (tmp_path / "hub").mkdir()

    def ask(settings, path, *rest, **options):
        with (tmp_path / "hub" / "hub.log").open("a") as file:
            file.write(f"[I 2026-12-01 app:1] before\n{log}\nafter\n")
        raise OSError(f"did not answer within {trial.START} seconds")

    monkeypatch.setattr(running_room, "ask", ask)
    settings = {"folder": str(tmp_path), "homes": str(tmp_path / "homes"), "accounts": False}
    with pytest.raises(run.WorkshopError, match=f"A learner could not work here: .*{said}"):
        trial.run(settings)


def test_nobody_who_joins_is_the_trial_learner():
    assert slug("trial_learner") != trial.NAME and slug("Trial Learner") != trial.NAME


def test_learners_go_straight_into_the_lab_and_the_instructor_to_the_board():
    def handler(admin):
        return type("Handler", (), {"current_user": type("User", (), {"admin": admin})})

    assert hub_config._first_page(handler(False)) == "/hub/spawn"
    assert hub_config._first_page(handler(True)) == "/services/board/"


@pytest.mark.skipif(limits.kind() not in ("v1", "v2"), reason="no control groups that can be made here")
def test_memory_beyond_the_limit_ends_that_learner_alone(monkeypatch):
    monkeypatch.setattr(limits, "ROOM", f"test-room-{os.getpid()}")
    files = limits.prepare(limits.kind(), "ada", 0.25)
    try:
        hungry = subprocess.run(
            [sys.executable, "-c", "bytearray(1 << 30); print('had it all')"],
            preexec_fn=lambda: limits.enter(files),
            capture_output=True,
            text=True,
        )
        assert hungry.returncode != 0 and "had it all" not in hungry.stdout
        modest = subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: limits.enter(files))
        assert modest.returncode == 0
    finally:
        limits.clear()
    assert not any(os.path.exists(file) for file in files)


def test_what_a_process_takes_is_counted_with_its_children():
    assert running_room.memory(os.getpid()) > 10 << 20
    assert running_room.memory(psutil.pids()[-1] + 100_000) == 0

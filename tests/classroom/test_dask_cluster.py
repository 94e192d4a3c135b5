"""A class judged on a Dask cluster: the same marks as here, whatever happens to the workers."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from class_of_faults import gradebook, judged, make, stand_in

from autograder.authoring.build import entry_source, submission
from autograder.classroom import grade_class, submissions
from autograder.hidden.assignments import RUNTIME
from autograder.hidden.entries import alternatives, misconceptions
from autograder.judge.grader import Grader
from autograder.judge.sandbox import isolation
from autograder.judge.sandbox.client import Server
from autograder.judge.sandbox.faults import MachineFault, Unanswered

pytest.importorskip("distributed", reason="pip install 'transformer-labs[cluster]'")
from autograder.classroom import dask_cluster

needs_isolation = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Local:
    """A scheduler and worker processes on this machine, each killable by itself."""

    def __init__(self, folder, root, workers, script=None):
        self.script = script
        self.folder, self.address = folder, f"tcp://127.0.0.1:{free_port()}"
        self.environment = os.environ | {"PYTHONPATH": str(root)}
        self.running = [
            self._start("scheduler", "--host", "127.0.0.1", "--port", self.address.split(":")[-1])
        ]
        self.workers = [self.add_worker() for _ in range(workers)]

    def _start(self, *words, script=None):
        log = (self.folder / f"{words[0]}{time.monotonic_ns()}.log").open("w")
        command = [sys.executable, *([str(script)] if script else ["-m", "dask"]), *words, "--no-dashboard"]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def add_worker(self):
        words = (
            "--nthreads",
            "1",
            "--no-nanny",
            "--memory-limit",
            "0",
            "--local-directory",
            str(self.folder),
        )
        self.running.append(self._start("worker", self.address, *words, script=self.script))
        return self.running[-1]

    def wait(self):
        """Until all workers have come, which takes its time on a busy machine."""
        from distributed import Client

        with dask_cluster._silence(), Client(self.address, timeout=120, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), timeout=120)
        return self

    def close(self):
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def local(tmp_path, root):
    made = []

    def start(workers, script=None):
        made.append(Local(tmp_path, root, workers, script))
        return made[-1]

    yield start
    for one in made:
        one.close()


def variants(lesson, count):
    """Student -> notebook: right and wrong answers in turn, no two notebooks alike."""
    exercises = list(lesson.exercises)
    for number in range(count):
        answers = {
            name: f"# student {number}\n"
            + entry_source(entries[number // len(exercises) % len(entries)], lesson)
            for name in exercises
            for entries in [
                misconceptions(lesson.name, name)
                if name == exercises[number % len(exercises)]
                else alternatives(lesson.name, name)
            ]
        }
        yield f"student{number:04d}", submission(lesson, answers)


def class_of(folder, template, lesson, count):
    course = make(folder, template, lesson, students=())
    for student, notebook in variants(lesson, count):
        path = course / "submitted" / student / lesson.lab / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return course


def killing_one(local, after):
    """Kill the first worker when so many verdicts have come; returns what `progress` is to be wrapped by."""

    def wrap(progress):
        def count(*arguments):
            progress(*arguments)
            done.append(arguments)
            if len(done) == after:
                local.workers[0].kill()

        return count

    done = []
    return wrap


def on_cluster_and_here(course, lesson, local, monkeypatch, after):
    """The gradebook after grading on a cluster that loses a worker, and after grading here."""
    original, wrap = dask_cluster.Cluster.judge_all, killing_one(local, after)
    monkeypatch.setattr(
        dask_cluster.Cluster,
        "judge_all",
        lambda self, folder, found, progress: original(self, folder, found, wrap(progress)),
    )
    grade_class.grade_class(course, lesson.lab, feedback=False, scheduler=local.address)
    there = gradebook(course)
    assert local.workers[0].poll() == -9
    grade_class.grade_class(course, lesson.lab, feedback=False, force=True)
    return there, gradebook(course)


STAND_IN = """
import sys, time
sys.path.insert(0, {tests!r})
import class_of_faults
from autograder.judge.grader import Grader

def judge(self, lesson, cells, notes):
    time.sleep(0.3)
    return class_of_faults.judged(lesson, cells, notes)

Grader._judge = judge
from dask.cli import run_cli
run_cli()
"""


def test_marks_from_worker_processes_one_of_which_is_killed_are_those_from_here(
    tmp_path, template, lesson, local, asked, monkeypatch
):
    script = tmp_path / "dask_with_stand_in.py"
    script.write_text(STAND_IN.format(tests=str(Path(__file__).parents[1])))
    students = [f"student{number}" for number in range(8)]
    course = make(tmp_path / "course", template, lesson, students)
    there, here = on_cluster_and_here(course, lesson, local(2, script).wait(), monkeypatch, after=2)
    assert there == here and {row[0] for row in there} == set(students)
    assert len(asked) == len(students)  # here, and only the second time


@needs_isolation
@pytest.mark.slow
def test_a_real_class_on_a_cluster_that_loses_a_worker(tmp_path, template, lesson, local, monkeypatch):
    course = class_of(tmp_path / "course", template, lesson, 16)
    there, here = on_cluster_and_here(course, lesson, local(2).wait(), monkeypatch, after=5)
    assert there == here
    assert len({row[0] for row in there}) == 16
    assert None not in {row[5] for row in there if row[4].startswith("check_")}


@needs_isolation
def test_a_learners_code_cannot_reach_the_scheduler(local):
    address = local(0).address
    host, port = address.removeprefix("tcp://").split(":")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # it does listen: this process reaches it
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), timeout=1).close()
            break
        time.sleep(0.2)
    else:
        pytest.fail("the scheduler does not listen")
    with Server(RUNTIME) as server, server.spawn() as student:
        student.open({})
        for attack in (
            f"import socket; socket.create_connection(({host!r}, {port}))",
            f"import asyncio; asyncio.run(asyncio.open_connection({host!r}, {port}))",
            "import ctypes\nif ctypes.CDLL(None).socket(2, 1, 0) < 0: raise PermissionError",
        ):
            with pytest.raises(Unanswered) as caught:
                student.run_cell("attack", attack)
            assert caught.value.type == "PermissionError"


# What follows needs no process: scheduler and workers are threads here, and the judge is a stand-in.


@pytest.fixture
def threads():
    from distributed import LocalCluster

    options = {"processes": False, "protocol": "tcp", "dashboard_address": None, "threads_per_worker": 2}
    with dask_cluster._silence(), LocalCluster(n_workers=1, **options) as running:
        yield running


@pytest.fixture
def asked(monkeypatch):
    with stand_in(monkeypatch) as calls:
        yield calls
    dask_cluster.worker_pool().close()


@pytest.fixture
def course(tmp_path, template, lesson):
    return make(tmp_path / "course", template, lesson)


def judge(course, lesson, address, grader=None):
    """Student -> verdict, as a cluster gives them."""
    grader, found = grader or Grader(), {}

    def keep(one, verdict):
        found[one.student] = verdict

    with dask_cluster.Cluster(address, lesson, grader) as judges:
        judges.judge_all(course, submissions.find_submissions(course, lesson)[0], keep)
    return found


def test_what_is_handed_in_twice_or_known_is_judged_once(threads, course, lesson, asked):
    for twin in ("twin", "third"):
        path = course / "submitted" / twin / lesson.lab / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text((course / "submitted" / "ada" / lesson.lab / path.name).read_text())
    grader = Grader()
    found = judge(course, lesson, threads.scheduler_address, grader)
    assert found.keys() == {"ada", "ben", "twin", "third"} and found["ada"] == found["twin"]
    assert len(asked) == 2
    assert judge(course, lesson, threads.scheduler_address, grader) == found
    assert len(asked) == 2


def test_a_machine_that_fails_is_tried_again_and_then_here(threads, course, lesson, asked, monkeypatch):
    failures = []

    def failing(self, lesson, cells, notes):
        failures.append("# by ben" in str(cells))
        if failures[-1] or len(failures) < 3:
            raise MachineFault("the grading server is gone")
        return judged(lesson, cells, notes)

    monkeypatch.setattr(Grader, "_judge", failing)
    found = judge(course, lesson, threads.scheduler_address)
    assert found["ada"].marks and found["ben"] is None
    assert failures.count(True) == 1 + dask_cluster.RETRIES


def refused(course, lesson, address, grader=None):
    with pytest.raises(submissions.GradeError) as caught:
        judge(course, lesson, address, grader)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_version_on_a_worker_is_refused(threads, course, lesson, asked, monkeypatch):
    monkeypatch.setattr(dask_cluster, "about", lambda lab: {"fingerprint": "another", "missing": {}})
    text = refused(course, lesson, threads.scheduler_address)
    assert "another version of lab1_attention" in text and "bring it up to date" in text
    monkeypatch.undo()


def test_a_worker_with_another_version_that_comes_later_is_refused(
    threads, course, lesson, asked, monkeypatch
):
    with dask_cluster.Cluster(threads.scheduler_address, lesson, Grader()) as judges:
        judges._fingerprint = "what it was a minute ago"
        with pytest.raises(submissions.GradeError, match="came later has another version"):
            judges.judge_all(course, submissions.find_submissions(course, lesson)[0], lambda *_: None)
    assert not asked


def test_a_worker_that_cannot_shut_code_in_or_lacks_the_project_is_refused(
    threads, course, lesson, asked, monkeypatch
):
    def absent(lab):
        raise ModuleNotFoundError("No module named 'autograder'")

    good = dask_cluster.about
    monkeypatch.setattr(
        dask_cluster, "about", lambda lab: good(lab) | {"missing": {"landlock": "old kernel"}}
    )
    assert "cannot shut untrusted code in" in refused(course, lesson, threads.scheduler_address)
    monkeypatch.setattr(dask_cluster, "about", absent)
    assert "does not have this project installed" in refused(course, lesson, threads.scheduler_address)
    assert "has to be shut in" in refused(course, lesson, threads.scheduler_address, Grader(isolation="none"))


def test_no_worker_none_left_and_no_scheduler_are_told(threads, course, lesson, asked, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT", 1)
    monkeypatch.setattr(dask_cluster, "LOOK", 0.1)
    monkeypatch.setattr(dask_cluster, "LONELY", 0.5)
    with dask_cluster.Cluster(threads.scheduler_address, lesson, Grader()) as judges:
        threads.scale(0)
        deadline = time.monotonic() + 20
        while threads.scheduler.workers and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(submissions.GradeError, match="All workers were lost .* What was judged is kept"):
            judges.judge_all(course, submissions.find_submissions(course, lesson)[0], lambda *_: None)
    assert "No worker has come to" in refused(course, lesson, threads.scheduler_address)
    assert "dask worker tcp://" in refused(course, lesson, threads.scheduler_address)
    assert "No Dask scheduler answers at" in refused(course, lesson, f"tcp://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://localhost:1", "unknown address scheme"),
        ("tcp://localhost:port", "No Dask scheduler answers"),
        ("tls://localhost:8786", "wants certificates"),
    ],
)
def test_addresses_that_are_none_are_told(course, lesson, address, words):
    started = time.monotonic()
    assert words in refused(course, lesson, address)
    assert time.monotonic() - started < 10


def test_a_scheduler_that_is_lost_is_told_and_what_was_judged_is_kept(course, lesson, asked, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(dask_cluster, "LOOK", 0.2)
    first = threading.Event()

    def slow(self, lesson, cells, notes):
        if first.is_set():
            time.sleep(2)
        first.set()
        return judged(lesson, cells, notes)

    monkeypatch.setattr(Grader, "_judge", slow)
    grader = Grader()
    with dask_cluster._silence():
        running = LocalCluster(
            n_workers=1, processes=False, protocol="tcp", dashboard_address=None, threads_per_worker=1
        )
        with (
            dask_cluster.Cluster(running.scheduler_address, lesson, grader) as judges,
            pytest.raises(submissions.GradeError, match="The scheduler was lost"),
        ):
            judges.judge_all(
                course, submissions.find_submissions(course, lesson)[0], lambda *_: running.close()
            )
    assert len(grader.cache) == 1


def test_without_dask_the_sentence_says_what_to_install(course, lesson, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'transformer-labs[cluster]'" in refused(course, lesson, "tcp://127.0.0.1:1")

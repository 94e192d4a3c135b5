"""The student process: what it can do, what it cannot, and how it ends."""

import contextlib
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from autograder.hidden.assignments import PRELUDE, RUNTIME
from autograder.judge.sandbox import isolation, namespaces, wire
from autograder.judge.sandbox.client import Server
from autograder.judge.sandbox.faults import MachineFault, NotIsolated, SubmissionFault, Unanswered
from autograder.judge.sandbox.student_handle import remove_leftovers
from autograder.judge.session import probing_sources
from course.notebooks.cell_source import read_cell

pytestmark = pytest.mark.skipif(
    bool(isolation.missing_layers()), reason=f"no isolation here: {isolation.missing_layers()}"
)

PROBES = """
from autograder.judge.probe import distinct, normal, probe

@probe("softmax", "on any scores")
def any_scores(softmax, rng):
    return softmax(normal(rng, distinct(rng, 2), scale=9))
"""
RIGHT = """
from keras import ops
def softmax(scores, axis=-1):
    e = ops.exp(scores - ops.max(scores, axis=axis, keepdims=True))
    return e / ops.sum(e, axis=axis, keepdims=True)
"""


@pytest.fixture(scope="module")
def server():
    with Server(RUNTIME, seconds=2) as running:
        yield running.wait_ready()


@pytest.fixture
def student(server):
    with server.spawn() as process:
        process.open({}, PRELUDE.format(labs=[]))
        process.take_probes(probing_sources(), PROBES)
        yield process


def test_every_layer_is_active(student):
    offered = [] if namespaces.available() else ["namespaces"]
    assert student.layers == [*offered, "landlock", "seccomp", "rlimits"]


def test_a_right_answer_comes_back_as_arrays(student):
    student.run_cell("answer", RIGHT)
    arrays = student.run_probe("softmax", "any_scores", seed=5)
    np.testing.assert_allclose(arrays[""].sum(axis=-1), 1.0, rtol=1e-5)
    again = student.run_probe("softmax", "any_scores", seed=5)
    other = student.run_probe("softmax", "any_scores", seed=6)
    assert np.array_equal(arrays[""], again[""])
    assert arrays[""].shape != other[""].shape or not np.array_equal(arrays[""], other[""])


def test_notebook_syntax_runs(student):
    student.run_cell("magic", read_cell("%matplotlib inline\n!ls\nfiles = !ls\nanswer = 42").python)
    student.run_cell("timed", read_cell("%%time\nlater = answer + 1").python)
    student.run_cell("uses", "assert later == 43")


def test_an_error_tells_the_learners_own_line(student):
    student.run_cell("answer", "def softmax(scores, axis=-1):\n    size = 0\n    return 1 / size")
    with pytest.raises(Unanswered) as caught:
        student.run_probe("softmax", "any_scores", seed=1)
    assert (caught.value.type, caught.value.line) == ("ZeroDivisionError", "return 1 / size")


FORBIDDEN = {
    "read the reference": f"open({os.path.abspath('solutions/attention.py')!r})",
    "read the probes": f"open({os.path.abspath('autograder/hidden/probes/attention.py')!r})",
    "list the project": f"import os; os.listdir({os.getcwd()!r})",
    "import the reference": "from solutions import attention",
    "import the judge": "import autograder.judge.marking",
    "read passwords": "open('/etc/passwd')",
    "write outside": "open('/tmp/escaped', 'w')",
    "write into course": "import course; open(course.__file__, 'a')",
    "change rights": f"import os; os.chmod({os.path.abspath('README.md')!r}, 0o644)",
    "change dates": f"import os; os.utime({os.path.abspath('README.md')!r}, (1, 1))",
    "memory without a name": "import os; os.memfd_create('hog')",
    "read the blocks": "import course; open(course.__file__.replace('__init__', 'blocks/attention'))",
    "import the blocks": "import course.blocks.attention",
    "load the blocks again": "import importlib, course.blocks; importlib.reload(course.blocks)",
    "network": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "start a program": "import subprocess; subprocess.run(['true'])",
    "fork": "import os; os.fork()",
    "spawn": "import multiprocessing as m; p = m.Process(target=print); p.start()",
    "kill the server": "import os; os.kill(os.getppid(), 9)",
    "kill everybody": "import os; os.kill(-1, 9)",
    "look like killed by the machine": "import os; os.kill(os.getpid(), 9)",
    "raise a limit": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))",
    "all memory": "hog = bytearray(8 << 30)",
    "see processes": "import os; os.listdir('/proc')",
    "follow a link out": "import os; os.symlink('/etc/passwd', 'link'); open('link')",
    "ask a person": "input()",
}


@pytest.mark.parametrize("code", FORBIDDEN.values(), ids=FORBIDDEN)
def test_is_refused(student, code):
    with pytest.raises(Unanswered) as caught:
        student.run_cell("attack", code)
    assert caught.value.type in {
        "PermissionError",
        "FileNotFoundError",  # in a namespace of its own it does not even exist
        "ModuleNotFoundError",
        "MemoryError",
        "ValueError",
        "EOFError",
        "OSError",
    }
    assert not os.path.exists("/tmp/escaped")


def test_environment_holds_nothing_of_the_graders(server, monkeypatch):
    with server.spawn() as student:
        student.open({}, PRELUDE.format(labs=[]))
        student.run_cell("look", "import os; names = sorted(os.environ)")
        with pytest.raises(Unanswered) as caught:
            student.run_cell("tell", "raise ValueError(' '.join(names))")
    leaked = set(caught.value.message.split()) & (
        set(os.environ) - {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
    )
    assert not {
        name
        for name in leaked
        if any(word in name for word in ("TOKEN", "KEY", "SECRET", "PASS", "NBGRADER", "PWD"))
    }


ENDINGS = {
    "ends itself": ("import os; os._exit(3)", "ended the process"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "crashed"),
    "computes for ever": ("while True: pass", "still computing"),
    "sleeps for ever": ("import time; time.sleep(1000)", "waited without computing"),
    "aborts": ("import os; os.abort()", "aborted"),
    "ignores signals": (
        "import signal\nfor s in (2, 15, 24): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "still computing",
    ),
    "floods the wire": (
        "import os\nfor n in range(3, 64):\n    try: os.write(n, b'x' * 100000)\n    except OSError: pass",
        "no answer",
    ),
    "answers before it is asked": (
        "import sys, gc, socket\nw = sys.modules['wire']\n"
        "for s in gc.get_objects():\n    if isinstance(s, socket.socket): w.send(s, {'number': 999})",
        "not asked",
    ),
}


@pytest.mark.parametrize(("code", "words"), ENDINGS.values(), ids=ENDINGS)
def test_an_ending_is_told_in_words(server, student, code, words):
    with pytest.raises(SubmissionFault, match=words):
        student.run_cell("ending", code)
    with server.spawn() as next_one:  # and the next submission knows nothing of it
        next_one.open({}, PRELUDE.format(labs=[]))
        next_one.run_cell("fine", "x = 1")


def test_a_process_killed_from_outside_is_the_machines_fault(server, student):
    psutil.Process(student.pid).kill()
    with pytest.raises(MachineFault, match="killed from outside"):
        student.run_cell("fine", "x = 1")


def test_nothing_is_left_when_a_student_is_closed(server):
    with server.spawn() as student:
        student.open({}, PRELUDE.format(labs=[]))
        student.run_cell("litter", "open('litter', 'w').write('x')")
        pid, scratch = student.pid, student._scratch
        assert (scratch / "litter").exists()
    assert not psutil.pid_exists(pid)
    assert not scratch.exists()


def test_requests_that_arrive_together_are_all_answered(server):
    """As on a busy machine, where the server forks for one thread while others ask: a socket keeps no gaps between them."""
    leaving = [server.spawn() for _ in range(2)]
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        with ThreadPoolExecutor(4) as pool:
            closed = [pool.submit(one.close) for one in leaving]
            time.sleep(0.2)
            coming = [pool.submit(server.spawn) for _ in range(2)]
            time.sleep(0.2)
            for process in family:
                process.resume()
            for future in closed:
                future.result(60)
            for future in coming:
                future.result(60).close()
    finally:
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
    assert server.alive()


def test_a_dead_server_is_noticed_and_takes_its_students_along():
    with Server(RUNTIME, seconds=2) as server:
        student = server.wait_ready().spawn()
        psutil.Process(server.pid).kill()
        deadline = time.monotonic() + 5
        while psutil.pid_exists(student.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (
            not psutil.pid_exists(student.pid) or psutil.Process(student.pid).status() == psutil.STATUS_ZOMBIE
        )
        with pytest.raises(MachineFault):
            student.run_cell("fine", "x = 1")
        assert not server.alive()


def test_what_a_killed_grader_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, running = tmp_path / f"grading-{ended.pid}-x", tmp_path / f"grading-{os.getpid()}-x"
    for folder in (left, running):
        (folder / "scratch-1").mkdir(parents=True)
    remove_leftovers()
    assert not left.exists() and running.exists()


def test_grading_without_isolation_asks_for_it(monkeypatch):
    monkeypatch.setattr(
        "autograder.judge.sandbox.client.missing_layers", lambda: {"landlock": "the kernel does not offer it"}
    )
    with pytest.raises(NotIsolated, match="--isolation=none"):
        Server(RUNTIME)


def test_wire_round_trip_and_its_limits():
    ours, theirs = wire.pair()
    sent = {
        "a": np.arange(6, dtype="int32").reshape(2, 3),
        "b.0": np.array(True),
        "c": np.zeros((0, 4), "float32"),
    }
    wire.send(ours, {"number": 1}, sent)
    header, arrays = wire.receive(theirs, 1)
    assert header == {"number": 1}
    assert all(
        np.array_equal(arrays[key], sent[key]) and arrays[key].dtype == sent[key].dtype for key in sent
    )
    with pytest.raises(wire.WireError, match="object"):
        wire.send(ours, {}, {"x": np.array([object()])})
    with pytest.raises(wire.TimedOut):
        wire.receive(theirs, 0.1)
    ours.close()
    with pytest.raises(wire.Closed):
        wire.receive(theirs, 1)


MALFORMED = {
    "huge lengths": b"\xff\xff\xff\xff\xff\xff\xff\xff",
    "no json": b"\0\0\0\3\0\0\0\0abc",
    "no arrays": b"\0\0\0\2\0\0\0\0{}",
    "a list": b"\0\0\0\2\0\0\0\0[]",
    "deep json": (lambda text: len(text).to_bytes(4, "big") + b"\0\0\0\0" + text)(b"[" * 100000),
    "object dtype": (lambda text: len(text).to_bytes(4, "big") + b"\0\0\0\0" + text)(
        b'{"arrays": [["", "object", [0]]]}'
    ),
    "more shape than bytes": (lambda text: len(text).to_bytes(4, "big") + b"\0\0\0\0" + text)(
        b'{"arrays": [["", "float64", [1000000, 60]]]}'
    ),
    "negative shape": (lambda text: len(text).to_bytes(4, "big") + b"\0\0\0\0" + text)(
        b'{"arrays": [["", "int8", [-1]]]}'
    ),
    "bytes left over": (lambda text: len(text).to_bytes(4, "big") + b"\0\0\0\1" + text + b"x")(
        b'{"arrays": []}'
    ),
}


@pytest.mark.parametrize("frame", MALFORMED.values(), ids=MALFORMED)
def test_malformed_frames_are_refused(frame):
    ours, theirs = wire.pair()
    ours.settimeout(5)
    ours.sendall(frame)
    with pytest.raises(wire.WireError):
        wire.receive(theirs, 5)

"""Judges a class on a Dask cluster: the same work as `autograder.classroom.submissions.judge_in_parallel`, on other machines.

Every worker process holds one warm server and judges as many submissions side by side as it has threads. Only text
goes to it, the cells of a repaired notebook, and only a verdict comes back; nobody but this process writes to the
course folder. A submission whose worker is lost goes to another one. See docs/cluster.md.
"""

import atexit
import contextlib
import functools
import logging
import queue
import time
from dataclasses import asdict

from autograder.classroom.course_folder import GradeError
from autograder.classroom.submissions import read_cells
from autograder.hidden.assignments import assignment_of, fingerprint
from autograder.judge.grader import GraderPool, cache_key
from autograder.judge.verdict import Verdict
from course.notebooks.lesson import find_lesson

PORT = 8786  # where a Dask scheduler listens unless told otherwise
CONNECT = 10  # seconds to wait for the scheduler, and then for a first worker
LONELY = 60  # seconds to wait when all workers are lost, before giving up
LOOK = 2.0  # seconds between looks at whether anybody is still there
RETRIES = 2  # of a submission on which the machine failed, on top of those whose worker was lost


def about(lab):
    """What a worker is asked before it is given work: its lab's fingerprint, and which isolation it lacks."""
    from autograder.judge.sandbox.isolation import missing_layers

    return {"fingerprint": fingerprint(find_lesson(lab)), "missing": missing_layers()}


@functools.cache
def worker_pool():
    """The graders of a worker's process. It belongs to Dask, so nothing of ours lives as long that could hold them."""
    pool = GraderPool()
    atexit.register(pool.close)
    return pool


def judge_one(lab, expected, settings, cells, notes):
    """Judge one submission in a worker process, with the server that it holds.

    Returns:
        The verdict's fields; or `None` where the lab is not the one expected, as on a worker that came later.

    Raises:
        RuntimeError: when the machine failed, and the submission has to be tried again.
    """
    lesson = find_lesson(lab)
    if fingerprint(lesson) != expected:
        return None
    try:
        return asdict(
            worker_pool().grader(settings).grade_cells(assignment_of(lesson), cells, notes, anew=True)
        )
    except Exception as error:  # a plain exception, as only such are sure to survive the journey
        raise RuntimeError(str(error) or type(error).__name__) from None


class Cluster:
    """The workers at a Dask scheduler. A context manager.

    Args:
        address: the scheduler's, such as `tcp://10.0.0.7:8786`.
        lesson: the `Lesson` to judge.
        grader: the `Grader` that is to know the verdicts; its settings are the workers'.

    Raises:
        GradeError: on entering, when there is no Dask, scheduler or worker, or a worker that would judge differently
            or unprotected. Says what to do.
    """

    def __init__(self, address, lesson, grader):
        self.address, self._lesson, self._grader = address, lesson, grader
        self._fingerprint = fingerprint(lesson)
        self._client = None
        self._lonely = None

    def __enter__(self):
        if self._grader.isolation != "full":
            raise GradeError(
                "On a cluster, learners' code has to be shut in: it could reach the scheduler, and with it every "
                "machine. Grade without --isolation=none, or without --scheduler."
            )
        try:
            from distributed import Client
        except ImportError:
            raise GradeError(
                "Grading on a cluster needs Dask, which is not installed: pip install 'transformer-labs[cluster]'"
            ) from None
        self._silence = _silence()
        self._silence.__enter__()
        try:
            self._client = Client(_checked(self.address), timeout=CONNECT, set_as_default=False)
            self._expect_workers()
        except GradeError:
            self.__exit__()
            raise
        except Exception as error:  # an address may be wrong in as many ways as there are kinds of address
            self.__exit__()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise GradeError(f"No Dask scheduler answers at {self.address}: {reason}") from None
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            if self._client is not None:
                self._client.close(timeout=5)
        self._silence.__exit__(None, None, None)

    @property
    def where(self):
        """Where the judging is done, for people."""
        return f"on the {len(self._workers)} Dask worker{'s' * (len(self._workers) > 1)} at {self.address}"

    def _expect_workers(self):
        with contextlib.suppress(TimeoutError):
            self._client.wait_for_workers(1, timeout=CONNECT)
        self._workers = self._client.run(about, self._lesson.lab, on_error="return")
        if not self._workers:
            raise GradeError(
                f"No worker has come to {self.address}: start one there with `dask worker {self.address}`"
            )
        for worker, answer in self._workers.items():
            if isinstance(answer, ImportError):
                raise GradeError(f"The worker {worker} does not have this project installed: {answer}")
            if not isinstance(answer, dict) or answer["fingerprint"] != self._fingerprint:
                raise GradeError(self._other(worker))
            if answer["missing"]:
                raise GradeError(
                    f"The worker {worker} cannot shut untrusted code in: `autograder doctor` on it says why"
                )

    def _other(self, worker):
        return (
            f"{worker} has another version of {self._lesson.lab} or of Keras, and could give other marks: bring it "
            "up to date and restart its worker, then run the same command again; nothing is lost"
        )

    def judge_all(self, course_dir, found, progress):
        """Judge submissions on all workers; the grader knows the verdicts afterwards.

        Args:
            found: the `Submission`s.
            progress: called with `(Submission, verdict or None)` as each is done; `None` for one to be graded again.

        Raises:
            GradeError: when the scheduler or all workers are lost; what was judged is kept.
        """
        settings = self._grader.settings
        done, waiting, students = queue.SimpleQueue(), {}, {}
        try:
            for one, cells, notes in read_cells(course_dir, self._lesson, found):
                key = None if cells is None else cache_key(assignment_of(self._lesson), cells, notes)
                if key is None or key in self._grader.cache:
                    progress(one, None if key is None else self._grader.cache[key])
                    continue
                students.setdefault(key, []).append(one)
                if len(students[key]) == 1:  # judged once, however many hand it in
                    work = (self._lesson.lab, self._fingerprint, settings, cells, notes)
                    future = self._client.submit(judge_one, *work, pure=False, retries=RETRIES)
                    waiting[future] = key
                    future.add_done_callback(done.put)
                self._collect(done, waiting, students, progress, wait=False)
            while waiting:
                self._collect(done, waiting, students, progress, wait=True)
        finally:
            with contextlib.suppress(Exception):
                self._client.cancel(list(waiting))

    def _collect(self, done, waiting, students, progress, wait):
        with contextlib.suppress(queue.Empty):
            while True:
                future = done.get(timeout=LOOK) if wait else done.get_nowait()
                wait = False
                verdict, key = self._verdict(future), waiting.pop(future)
                if verdict is not None:
                    self._grader.cache[key] = verdict
                for one in students.pop(key):
                    progress(one, verdict)
        if wait:
            self._expect_life()

    def _verdict(self, future):
        if future.status == "cancelled":
            raise GradeError(self._gone("The scheduler was lost"))
        if future.status != "finished":
            return None  # several workers were lost over it, or failed: it is tried once more, here
        fields = future.result()
        if fields is None:
            raise GradeError(self._other("A worker that came later"))
        return Verdict.of(fields)

    def _expect_life(self):
        if self._client.status != "running":
            raise GradeError(self._gone("The scheduler was lost"))
        if self._client.nthreads():
            self._lonely = None
        elif self._lonely is None:
            self._lonely = time.monotonic()
        elif time.monotonic() - self._lonely > LONELY:
            raise GradeError(self._gone("All workers were lost"))

    def _gone(self, what):
        return f"{what} at {self.address}. What was judged is kept: run the same command again, with or without it."


def _checked(address):
    """An address that a client can be made with: one made with another hangs about for 20 seconds.

    Raises:
        ValueError, GradeError: if it is none.
    """
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import get_backend
    from distributed.security import Security

    scheme, place = parse_address(address)
    get_backend(scheme)
    host, port = parse_host_port(place, PORT)
    if scheme == "tls" and Security().get_connection_args("client")["ssl_context"] is None:
        raise GradeError(
            f"{address} wants certificates, and Dask's configuration here names none (docs/cluster.md)"
        )
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextlib.contextmanager
def _silence():
    """Keep Dask's log, tracebacks and all, from a grader's screen: what matters is said in a sentence."""
    names = [*logging.root.manager.loggerDict, "asyncio", "tornado", "tornado.application"]
    loggers = [
        logging.getLogger(name)
        for name in names
        if name.split(".")[0] in ("distributed", "asyncio", "tornado")
    ]
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels:
            logger.setLevel(level)

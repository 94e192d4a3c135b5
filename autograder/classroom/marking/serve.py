"""`autograder mark`: serves the marker's desk until Ctrl-C."""

import contextlib
import os
import secrets
import socket
import sys
import webbrowser
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from autograder.authoring.nbgrader_assignment import find_programs
from autograder.classroom.assignments import find_chosen, place_name
from autograder.classroom.course_folder import GradeError
from autograder.classroom.submissions import load_config
from autograder.console import console

TRIES = 20  # ports


def mark(
    course_dir: Path,
    lab: str,
    port: int = 8765,
    anonymous: bool = False,
    browser: bool = True,
    host: str = "127.0.0.1",
) -> None:
    """Serve the desk of a lab.

    Args:
        port: the first one to try.
        host: the address to listen on; `0.0.0.0` lets markers at other machines in.

    Raises:
        GradeError: if there is nothing to mark, the packages are missing, or no port is free.
    """
    try:
        import uvicorn

        from autograder.classroom.marking.desk import Desk
        from autograder.classroom.marking.web import application
    except ImportError as error:
        raise GradeError(
            f"{error.name} is not installed: in the checkout, run  pip install -c constraints.txt -e '.[instructor]'"
        ) from None
    course_dir = Path(course_dir).resolve()
    lesson = _with_questions(course_dir, lab)
    config = load_config(course_dir)
    find_programs()
    if not (course_dir / "gradebook.db").exists() and "db_url" not in config.CourseDirectory:
        raise GradeError(f"there is no gradebook yet: run `autograder grade {lesson.number}` first")
    desk = Desk(course_dir, lesson, config, anonymous)
    if not any(row["answers"] for row in desk.overview()["questions"]):
        raise GradeError(f"nothing is graded yet: run `autograder grade {lesson.number}` first")
    with _alone(course_dir, place_name(lesson)) as (address, tell):
        if address:
            console.print(f"This lab's desk is open already: {address}", highlight=False, soft_wrap=True)
            if browser:
                _show(address)
            return
        listener = _listen(host, port)
        port, token = listener.getsockname()[1], secrets.token_urlsafe(24)
        here = socket.gethostname() if host not in ("127.0.0.1", "localhost") else "localhost"
        address = f"http://{here}:{port}/?token={token}"
        tell(address)
        waits = sum(row["waits"] for row in desk.overview()["questions"])
        console.print(f"[bold]{lesson.lab}[/]: {waits} answers wait for a person.", highlight=False)
        console.print(f"Open      {address}", highlight=False, soft_wrap=True)
        console.print("Whoever has this address may mark. Every click is recorded at once; Ctrl-C ends it.")
        if here != "localhost":
            console.print("[yellow]Other machines can reach it, and what is sent is not encrypted.[/]")
        server = uvicorn.Server(
            uvicorn.Config(
                application(desk, token, f"marking-{port}"),
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        if browser:
            _show(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        left = sum(row["waits"] for row in desk.overview()["questions"])
        said = f"{left} answers still wait" if left else "No answer waits any more"
        console.print(
            f"\n{said}. Feedback pages with the new marks: autograder feedback {lesson.number}",
            highlight=False,
        )


def _show(address):
    """Open a tab where there is a screen: in a bare terminal a text browser would take it over."""
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _listen(host, port):
    for number in range(port, min(port + TRIES, 65536)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(64)
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror
    raise GradeError(f"no port from {port} on can be used ({reason}): say another with --port")


def _with_questions(course_dir, lab):
    """The notebook of an assignment that has questions for a person."""
    found = [lesson for lesson in find_chosen(course_dir, lab) if lesson.questions]
    if not found:
        raise GradeError(f"{lab} has no questions that a person marks")
    if len(found) > 1:
        names = [f"{lesson.lab}/{lesson.name}" for lesson in found]
        raise GradeError(f"{lab} has questions in several notebooks: say which, {' or '.join(names)}")
    return found[0]


@contextlib.contextmanager
def _alone(course_dir, lab):
    """Hold a lab's desk; gives `(address of who holds it, None)` or `("", a function that notes our address)`."""
    if fcntl is None:
        yield "", lambda address: None
        return
    path = course_dir / "marking" / f".{lab}.lock"
    path.parent.mkdir(exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield lock.read().strip() or "somewhere else; look for its terminal", None
            return

        def tell(address):
            lock.seek(0)
            lock.truncate()
            lock.write(address)
            lock.flush()

        tell("")
        yield "", tell

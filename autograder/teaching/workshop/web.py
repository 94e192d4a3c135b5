"""The board as a web service behind JupyterHub.

Notebooks speak with the token that the Hub gave them. Browsers are sent to the Hub to say who they are (OAuth), and
get a session of the board's own. A learner's session shows their own row and nothing else; the instructor's shows the
class. Pages are kept up to date by server-sent events.
"""

import asyncio
import contextlib
import csv
import io
import json
import secrets
import time
from pathlib import Path
from string import Template

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from autograder.teaching.workshop.board import Refused
from autograder.teaching.workshop.fair_queue import Full
from autograder.teaching.workshop.tokens import user_of
from course.errors import CourseError

PAGES = Path(__file__).parent / "pages"
TITLES = {"desk": "The workshop", "wall": "The class", "own": "Where you are"}
COOKIE = "workshop-board"
DAY = 86400
BIGGEST = 8 << 20  # bytes of a request
PULSE = 0.25  # seconds between looks for news
BEAT = 1  # seconds; a proxy may hold on to the stream of a service that has died, so pages listen for this
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application(board, secret, instructor, door, prefix):
    """The web application.

    Args:
        board: the `Board`.
        secret: what notebooks' tokens are signed with.
        instructor: the instructor's name on the Hub.
        door: sends browsers to the Hub and knows them when they come back; see `autograder.teaching.workshop.hub_login`.
        prefix: the path the Hub serves it under, such as `/services/board/`.
    """
    routes = [
        Route("/", _page(board, instructor)),
        Route("/oauth_callback", door.callback(board, instructor)),
        Route("/stream", _stream(board, instructor)),
        Route("/events", _events(board, secret), methods=["POST"]),
        Route("/hello", _hello(board, secret), methods=["POST"]),
        Route("/submit", _submit(board, secret), methods=["POST"]),
        Route("/answers/{exercise}", _answer(board, secret), methods=["POST"]),
        Route("/release", _command(board, instructor, _release), methods=["POST"]),
        Route("/joining", _command(board, instructor, _joining), methods=["POST"]),
        Route("/qr.svg", _qr(board)),
        Route("/begin", _command(board, instructor, _begin), methods=["POST"]),
        Route("/mistakes.csv", _mistakes(board, instructor)),
        Route("/health", lambda request: JSONResponse({"warm": board.warmed})),
        Mount("/static", StaticFiles(directory=PAGES)),
    ]
    handlers = {Refused: _say, Full: _too_much, CourseError: _unknown, _Stranger: door.login(prefix)}

    @contextlib.asynccontextmanager
    async def life(app):
        warming = asyncio.ensure_future(board.warm())
        yield
        warming.cancel()
        board.close()

    return Starlette(
        routes=[Mount(prefix.rstrip("/"), routes=routes)], exception_handlers=handlers, lifespan=life
    )


class _Stranger(Exception):
    """A browser without a session."""


def _say(request, refused):
    return JSONResponse({"error": str(refused)}, refused.status)


def _too_much(request, _):
    said = "Three of your notebooks wait for the grader already: wait for their marks first."
    return JSONResponse({"error": said}, 429)


def _unknown(request, error):
    return JSONResponse({"error": str(error)}, 404)


# notebooks


async def _body(request):
    """The request's JSON, if it is an object of a fitting size."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BIGGEST:
            raise Refused(
                413, "This is too large to hand in: clear the notebook's outputs, save and try again."
            )
    try:
        found = json.loads(bytes(content))
    except (ValueError, RecursionError):
        raise Refused(400, "The board could not read that.") from None
    if not isinstance(found, dict):
        raise Refused(400, "The board could not read that.")
    return found


def _learner(board, secret, request):
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = user_of(token, secret) if kind == "Bearer" else None
    if known is None:
        raise Refused(
            401,
            "The board does not know you: stop your server in the Hub's control panel and start it again.",
        )
    board.meet(*known)
    return known[0]


def _events(board, secret):
    async def take(request):
        user = _learner(board, secret, request)
        events = (await _body(request)).get("events")
        return JSONResponse({"kept": await board.take(user, events if isinstance(events, list) else [])})

    return take


def _hello(board, secret):
    async def hello(request):
        _learner(board, secret, request)
        return JSONResponse({})

    return hello


def _submit(board, secret):
    async def submit(request):
        user, body = _learner(board, secret, request), await _body(request)
        if not isinstance(body.get("notebook"), str):
            raise Refused(400, "There is no notebook in that.")
        return JSONResponse(await board.grade(user, body.get("lab"), body["notebook"]))

    return submit


def _answer(board, secret):
    async def answer(request):
        user = _learner(board, secret, request)
        return JSONResponse(board.answer(user, request.path_params["exercise"]))

    return answer


# browsers


def _session(board, request):
    """`(user, admin)` of a browser, which is sent to the Hub if it has no session."""
    known = board.store.session(request.cookies.get(COOKIE, ""))
    if known is None:
        raise _Stranger()
    return known


def open_session(board, response, user, admin, prefix, secure):
    """Give a browser a session of the board's own."""
    key = secrets.token_urlsafe(32)
    board.store.add_session(key, user, admin, time.time() + DAY)
    response.set_cookie(COOKIE, key, max_age=DAY, path=prefix, httponly=True, samesite="lax", secure=secure)


def _instructor(board, instructor, request):
    user, admin = _session(board, request)
    if not admin or user != instructor:
        raise Refused(403, "This page is the instructor's.")


def _whole_page(name):
    """One of `TITLES`: the frame of all pages, and in it what this one shows."""
    frame, main = ((PAGES / f"{part}.html").read_text(encoding="utf-8") for part in ("frame", name))
    return Template(frame).substitute(page=name, title=TITLES[name], main=main)


def _page(board, instructor):
    async def page(request):
        user, admin = _session(board, request)
        if not admin:
            board.meet(user)
        wall = "projector" in request.query_params
        name = ("wall" if wall else "desk") if admin and user == instructor else "own"
        return Response(_whole_page(name), media_type="text/html", headers=HEADERS)

    return page


def _stream(board, instructor):
    async def stream(request):
        from sse_starlette.sse import EventSourceResponse

        user, admin = _session(board, request)
        whole = admin and user == instructor
        hidden, wall = "hidden" in request.query_params, "projector" in request.query_params
        chosen = request.query_params.get("lab")

        async def news():
            seen, told, beaten = None, 0, 0
            while True:
                lab = chosen if chosen in board.grids else board.lab
                version = (lab, board.version if whole else board.version_of(user))
                if version != seen or time.monotonic() - told > 10:  # people get stuck while nothing happens
                    seen, told = version, time.monotonic()
                    shown = _seen(board, user, lab, whole, wall, hidden)
                    yield {"data": json.dumps(shown)}
                elif time.monotonic() - beaten > BEAT:
                    yield {"event": "beat", "data": "1"}
                else:
                    await asyncio.sleep(PULSE)
                    continue
                beaten = time.monotonic()
                await asyncio.sleep(PULSE)

        return EventSourceResponse(news(), headers={"Cache-Control": "no-store"})

    return stream


def _seen(board, user, lab, whole, wall, hidden):
    if not whole:
        return board.own(user, lab)
    return board.wall(lab, hidden) if wall else board.show(lab, hidden)


def _qr(board):
    """The address as a QR code: where to join is on the wall anyway, so whoever asks may see it."""

    def picture(request):
        import segno

        content = io.BytesIO()
        segno.make(board.address or "-").save(content, kind="svg", scale=8, border=2, light="#ffffff")
        return Response(content.getvalue(), media_type="image/svg+xml", headers=HEADERS)

    return picture


def _command(board, instructor, do):
    async def command(request):
        # A header that no other site's form can send; the cookie alone is not enough.
        if request.headers.get("X-Workshop") != "1":
            raise Refused(403, "This is done on the instructor's page.")
        _instructor(board, instructor, request)
        do(board, await _body(request))
        return JSONResponse({})

    return command


def _release(board, body):
    board.release(str(body.get("exercise")), bool(body.get("on")))


def _joining(board, body):
    board.let_in(bool(body.get("on")))


def _begin(board, body):
    board.begin(str(body.get("lab")))


def _mistakes(board, instructor):
    async def mistakes(request):
        _instructor(board, instructor, request)
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["lab", "exercise", "mistake", "count"])
        rows.writerows(board.mistakes())
        return Response(text.getvalue(), media_type="text/csv", headers={"Content-Disposition": "attachment"})

    return mistakes

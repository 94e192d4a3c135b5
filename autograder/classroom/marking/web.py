"""The marker's desk as a web page on this machine. Whoever has the address with its token may mark."""

import contextlib
import hmac
import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from autograder.classroom.course_folder import GradeError
from autograder.classroom.marking.desk import Desk, Unfit
from autograder.classroom.marking.gradebook import Busy, Changed

PAGES = Path(__file__).parent / "pages"
BIGGEST = 1 << 20  # bytes of a request
HEADERS = {
    # Pictures pasted into an answer are in the page itself; nothing comes from anywhere else.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _Stranger(Exception):
    """A browser without the token."""


def application(desk: Desk, token: str, cookie: str = "marking") -> Starlette:
    """The web application.

    Args:
        desk: what it shows.
        token: what the address carries; the browser keeps it in a cookie.
        cookie: its name; one for each port, since cookies know no ports.
    """

    def known(request):
        if not hmac.compare_digest(request.cookies.get(cookie, "").encode(), token.encode()):
            raise _Stranger()

    async def page(request):
        given = request.query_params.get("token")
        if given is not None and hmac.compare_digest(given.encode(), token.encode()):
            answer = RedirectResponse(".", 303)  # so that the token stays in no history and no screenshot
            answer.set_cookie(cookie, token, httponly=True, samesite="strict")
            return answer
        known(request)
        return Response((PAGES / "desk.html").read_text(encoding="utf-8"), media_type="text/html")

    def reads(show):
        async def read(request):
            known(request)
            return JSONResponse(await run_in_threadpool(show, request))

        return read

    def does(act):
        async def do(request):
            known(request)
            # A header that no other site's form can send; the cookie alone is not enough.
            if request.headers.get("X-Marking") != "1":
                raise Unfit("This is done on the marker's page.")
            body = await _body(request)
            return JSONResponse(await run_in_threadpool(act, body, str(body.get("marker", ""))))

        return do

    def mark(body, marker):
        groups = desk.mark(
            marker,
            str(body.get("question")),
            body.get("ids"),
            body.get("score"),
            body.get("lines") if isinstance(body.get("lines"), list) else [],
            body.get("comment"),
            body.get("seen"),
        )
        return {"groups": groups}

    def hold(body, marker):
        return {
            "held": desk.hold(
                marker, str(body.get("question")), str(body.get("key") or ""), str(body.get("tab", ""))
            )
        }

    def keep(body, marker):
        return {"kept": desk.keep(marker, str(body.get("question")))}

    def object_(body, marker):
        desk.object(marker, str(body.get("question")), body.get("id"), str(body.get("words", "")))
        return {}

    def answer_request(body, marker):
        desk.answer_request(marker, str(body.get("key")), str(body.get("words", "")))
        return {}

    def release(body, marker):
        desk.release(marker)
        return {}

    routes = [
        Route("/", page),
        Route("/api/overview", reads(lambda request: desk.overview())),
        Route("/api/question/{name}", reads(lambda request: desk.question(**_asked(request)))),
        Route("/api/state/{name}", reads(lambda request: desk.state(**_asked(request)))),
        Route("/api/mark", does(mark), methods=["POST"]),
        Route("/api/hold", does(hold), methods=["POST"]),
        Route("/api/keep", does(keep), methods=["POST"]),
        Route("/api/object", does(object_), methods=["POST"]),
        Route("/api/answer", does(answer_request), methods=["POST"]),
        Route("/api/release", does(release), methods=["POST"]),
        Mount("/static", StaticFiles(directory=PAGES)),
    ]
    handlers = {
        _Stranger: lambda request, error: _say(
            403, "Open the address that stands in the terminal: it holds the key to this page."
        ),
        Unfit: lambda request, error: _say(400, str(error)),
        Changed: lambda request, error: _say(409, str(error)),
        Busy: lambda request, error: _say(503, str(error)),
        GradeError: lambda request, error: _say(500, str(error)),
        OSError: lambda request, error: _say(
            507, f"Nothing could be written: {error.strerror}. Make room, then try again."
        ),
    }
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[_headers()])


def _asked(request):
    return {"name": request.path_params["name"], "tab": request.query_params.get("tab", "")}


def _say(status, text):
    return JSONResponse({"error": text}, status)


async def _body(request):
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BIGGEST:
            raise Unfit("This is too large.")
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(bytes(content))
        if isinstance(found, dict):
            return found
    raise Unfit("The page sent something that cannot be read: load it again.")


def _headers():
    from starlette.middleware import Middleware

    class Headers:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            async def sent(message):
                if message["type"] == "http.response.start":
                    message["headers"] = [
                        *message.get("headers", []),
                        *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                    ]
                await send(message)

            await self.app(scope, receive, sent if scope["type"] == "http" else send)

    return Middleware(Headers)

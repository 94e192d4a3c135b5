"""Browsers say who they are at the Hub: OAuth with PKCE, by JupyterHub's own client."""

import secrets
import time
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse

STATE = "workshop-board-state"
MINUTES = 10


class HubDoor:
    """Sends strangers to the Hub, and lets them in when they come back.

    Args:
        prefix: the path the Hub serves the board under.
    """

    def __init__(self, prefix):
        from jupyterhub.services.auth import HubOAuth

        self.prefix, self._auth = prefix, HubOAuth()
        self._pending = {}  # state -> (where to, PKCE verifier, until)

    def login(self, prefix):
        """The answer to a request without a session."""

        async def login(request, _):
            # A stream or a button cannot log in; the page they are on can.
            if "text/html" not in request.headers.get("accept", ""):
                return JSONResponse(
                    {"error": "Your session at the board has ended: load the page again."}, 401
                )
            now = time.time()
            self._pending = {key: kept for key, kept in self._pending.items() if kept[2] > now}
            state = secrets.token_urlsafe(24)
            verifier, challenge, method = self._auth.generate_pkce_code_challenge()
            query = f"?{request.url.query}" if request.url.query else ""
            self._pending[state] = (f"{prefix}{query}", verifier, now + 60 * MINUTES)
            words = urlencode({"state": state, "code_challenge": challenge, "code_challenge_method": method})
            response = RedirectResponse(f"{self._auth.login_url}&{words}", 302)
            response.set_cookie(
                STATE, state, max_age=60 * MINUTES, path=prefix, httponly=True, samesite="lax"
            )
            return response

        return login

    def callback(self, board, instructor):
        """The page that the Hub sends browsers back to."""
        from autograder.teaching.workshop.web import open_session

        async def callback(request):
            state = request.query_params.get("state", "")
            where, verifier, until = self._pending.pop(state, ("", "", 0))
            if not state or request.cookies.get(STATE) != state or until < time.time():
                return RedirectResponse(self.prefix, 302)  # too late, or not begun here: begin anew
            code = request.query_params.get("code", "")
            try:
                token = await self._auth.token_for_code(code, code_verifier=verifier, sync=False)
                model = await self._auth.user_for_token(token, sync=False)
            except Exception:
                model = None
            if not model or model.get("kind", "user") != "user":
                return JSONResponse(
                    {"error": "The Hub does not know you: log in there, then open the board."}, 403
                )
            response = RedirectResponse(where, 302)
            response.delete_cookie(STATE, path=self.prefix)
            secure = request.headers.get("x-forwarded-proto", "") == "https"
            user = model["name"]
            open_session(board, response, user, user == instructor, self.prefix, secure)
            return response

        return callback

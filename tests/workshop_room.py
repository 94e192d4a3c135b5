"""A real workshop for tests and benchmarks: the command itself, people who join through the web, code in their servers."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Room:
    """`autograder workshop`, started and stopped as a person does.

    Args:
        folder: the workshop folder.
        words: more words for the command.
    """

    def __init__(self, folder, *words, port=None):
        self.folder, self.words, self.port = Path(folder), words, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = self.folder.with_name(f"{self.folder.name}.said")
        self.process = None

    def start(self, timeout=300):
        command = [sys.executable, "-m", "autograder.cli", "workshop", str(self.folder), "--local"]
        command += ["--port", str(self.port), *self.words]
        with self.said.open("w") as output:
            self.process = subprocess.Popen(
                command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output, cwd=ROOT
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            if "Ctrl-C stops everything" in self.said.read_text():
                return self
            time.sleep(0.2)
        said = self.said.read_text()
        self.stop()
        raise AssertionError(f"the workshop did not start: {said[-2000:]}")

    def stop(self):
        """Ctrl-C."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.said.read_text()

    @property
    def settings(self):
        return json.loads((self.folder / "settings.json").read_text())

    def join(self, name, password=PASSWORD, code=None, expect=True):
        """A browser that has joined; with `expect=False`, the sentence that refused it."""
        browser = requests.Session()
        browser.trust_env = False
        page = browser.get(f"{self.url}/hub/login")
        assert "Join the workshop" in page.text, page.text[-500:]
        form = {
            "username": name,
            "password": password,
            "code": self.settings["code"] if code is None else code,
        }
        form["_xsrf"] = re.search(r'name="_xsrf" value="([^"]*)"', page.text)[1]
        done = browser.post(f"{self.url}/hub/login?next=%2Fhub%2Fhome", data=form, allow_redirects=False)
        refused = re.search(r'<p class="login_error" role="alert">(.*?)</p>', done.text, re.DOTALL)
        if expect:
            assert done.status_code == 302, refused and refused[1]
            return browser
        assert done.status_code == 403, done.status_code
        return refused[1].strip()

    def teacher(self):
        return self.join("instructor", self.settings["instructor_password"], "")

    def token(self, browser, user):
        """An API token of somebody who has joined, got as the Hub's token page does it."""
        browser.get(f"{self.url}/hub/home")
        made = browser.post(
            f"{self.url}/hub/api/users/{user}/tokens",
            json={"note": "test"},
            headers={"X-XSRFToken": self._xsrf(browser), "Referer": f"{self.url}/hub/token"},
        )
        assert made.ok, made.text
        return made.json()["token"]

    def _xsrf(self, browser):
        return next(
            cookie.value for cookie in browser.cookies if cookie.name == "_xsrf" and cookie.path == "/hub/"
        )

    def server(self, browser, user, timeout=180):
        """Start somebody's server; returns headers that open it."""
        headers = {"Authorization": f"token {self.token(browser, user)}"}
        requests.post(f"{self.url}/hub/api/users/{user}/server", headers=headers).raise_for_status()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if requests.get(f"{self.url}/hub/api/users/{user}", headers=headers).json()["server"]:
                return headers
            time.sleep(0.5)
        raise AssertionError(f"no server for {user}: {(self.folder / 'hub' / 'hub.log').read_text()[-3000:]}")

    def shell(self, headers, user, command, timeout=60):
        """What a command typed into a terminal of somebody's JupyterLab prints."""
        import websocket

        made = requests.post(f"{self.url}/user/{user}/api/terminals", headers=headers, json={})
        assert made.ok, made.text
        name = made.json()["name"]
        place = f"ws://127.0.0.1:{self.port}/user/{user}/terminals/websocket/{name}"
        line = websocket.create_connection(
            place,
            header=[f"{key}: {value}" for key, value in headers.items()],
            timeout=timeout,
            http_no_proxy=["*"],
        )
        line.send(json.dumps(["set_size", 50, 4000]))
        line.send(json.dumps(["stdin", f"stty -echo; echo BEG''IN; ( {command} ) 2>&1; echo DO''NE\n"]))
        said, deadline = "", time.monotonic() + timeout
        while "DONE" not in said and time.monotonic() < deadline:
            kind, *rest = json.loads(line.recv())
            said += rest[0] if kind == "stdout" else ""
        line.close()
        return said.split("BEGIN")[-1].split("DONE")[0].replace("\r", "").strip()


@contextlib.contextmanager
def running(folder, *words, port=None):
    """A `Room` that is stopped, and whose Unix accounts are removed, whatever happens."""
    room = Room(folder, *words, port=port)
    try:
        yield room.start()
    finally:
        room.stop()
        if os.geteuid() == 0:
            from autograder.teaching.workshop import accounts

            accounts.remove(room.folder / "homes")

"""Drives a real browser over its DevTools protocol: pages, keys, clicks. No package of its own is needed."""

import base64
import contextlib
import json
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One tab."""

    def __init__(self, socket):
        self._socket, self._number, self.log = socket, 0, []

    def call(self, method, **params):
        """One command of the protocol, and its result."""
        self._number += 1
        number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]
            if told.get("method") == "Page.javascriptDialogOpening":  # "Leave the page?" Yes.
                self._number += 1
                accept = {
                    "id": self._number,
                    "method": "Page.handleJavaScriptDialog",
                    "params": {"accept": True},
                }
                self._socket.send(json.dumps(accept))
            if told.get("method") in (
                "Runtime.exceptionThrown",
                "Log.entryAdded",
                "Security.securityStateChanged",
            ):
                self.log.append(told["params"])

    def open(self, address):
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def do(self, script):
        """What an expression comes to; promises are waited for."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # the page is being exchanged
                if self.do(condition):
                    return
            time.sleep(0.05)
        raise AssertionError(
            f"{condition} never came true; the page says: {self.do('document.body.innerText')[:2000]}"
        )

    def press(self, *keys):
        for key in keys:
            code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key)
            text = "\r" if key == "Enter" else key if len(key) == 1 else None
            options = (
                {"key": key}
                | ({"windowsVirtualKeyCode": code} if code else {})
                | ({"text": text} if text else {})
            )
            self.call("Input.dispatchKeyEvent", type="keyDown", **options)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def size(self, width, height, dark=False):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, path, whole=False):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@contextlib.contextmanager
def browser(folder):
    """A headless Chromium with an empty profile in `folder`."""
    import urllib.request

    import websocket

    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    options += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "--remote-allow-origins=*"]
    process = subprocess.Popen([CHROMIUM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        told = folder / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not (told.exists() and told.read_text().strip()):
            assert time.monotonic() < end and process.poll() is None, "Chromium does not start"
            time.sleep(0.05)
        port = told.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            page = next(one for one in json.load(answer) if one["type"] == "page")
        socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60)
        tab = Browser(socket)
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        yield tab
        socket.close()
    finally:
        process.terminate()
        process.wait(20)

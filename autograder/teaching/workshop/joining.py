"""Who gets into the Hub: whoever has the room's code, under a name that is theirs from then on.

A shared code alone would let everybody in as everybody else. So whoever joins first under a name also chooses a
password, and the name opens with that password only. The instructor's name opens with the instructor's password.
"""

import asyncio
import hashlib
import json
import os
import secrets
import time
from pathlib import Path

from jupyterhub.auth import Authenticator
from tornado import web
from traitlets import Set, Unicode

from autograder.teaching.workshop import accounts

SHORTEST = 8
MANY = 5  # wrong tries under one name before they are slowed down
SLOW = 20  # seconds
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look alike


def new_code():
    """A join code such as `K7PD-XM4Q`."""
    word = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{word[:4]}-{word[4:]}"


class People:
    """Who has joined: account -> name as written, and the password's digest. One small file.

    Args:
        path: where; made at the first change.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._known = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def __contains__(self, user):
        return user in self._known

    def alias(self, user):
        """The name as its owner wrote it."""
        return self._known.get(user, {}).get("alias", user)

    def add(self, user, alias, password):
        salt = secrets.token_hex(16)
        self._known[user] = {"alias": alias, "salt": salt, "digest": _digest(password, salt)}
        self._save()

    def forget(self, user):
        """Let the next one who joins under this name choose a password; the work stays."""
        if self._known.pop(user, None) is not None:
            self._save()

    def opens(self, user, password):
        """Whether this is the name's password."""
        kept = self._known[user]
        return secrets.compare_digest(kept["digest"], _digest(password, kept["salt"]))

    def _save(self):
        draft = self.path.with_name(f".{self.path.name}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._known, file, indent=1)
        draft.replace(self.path)


def _digest(password, salt):
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


class JoinAuthenticator(Authenticator):
    """Lets in whoever has the code and, from the second time on, the name's password."""

    code = Unicode(help="The room's join code.").tag(config=True)
    instructor = Unicode("instructor", help="The instructor's name on the Hub.").tag(config=True)
    instructor_password = Unicode(help="What opens it.").tag(config=True)
    people = Unicode(help="The file of who has joined.").tag(config=True)
    homes = Unicode(
        help="Where homes lie; names of other accounts of this machine are refused; empty without accounts."
    ).tag(config=True)
    names = Set(help="Accounts of the only ones who may join; anybody if empty.").tag(config=True)

    def __init__(self, **options):
        super().__init__(**options)
        self.known = People(self.people)
        self._wrong = {}  # name -> (tries, when last)
        self._joining = asyncio.Lock()

    def normalize_username(self, username):
        return accounts.slug(username)

    async def authenticate(self, handler, data):
        alias = " ".join(data.get("username", "").split())[:60]
        user, password = accounts.slug(alias), data.get("password", "")
        self._expect_patience(user)
        try:
            await self._open(user, alias, data.get("code", ""), password)
        except web.HTTPError:
            tries, _ = self._wrong.get(user, (0, 0))
            self._wrong[user] = (tries + 1, time.monotonic())
            raise
        self._wrong.pop(user, None)
        return {"name": user, "admin": user == self.instructor}

    async def _open(self, user, alias, code, password):
        if not user:
            _refuse("Write your name.")
        if user == self.instructor:
            if not _same(password, self.instructor_password):
                _refuse("That is not the instructor's password.")
            return
        if not _same(_plain(code), _plain(self.code)):
            _refuse("That is not this workshop's join code: it is on the screen in the room.")
        if self.names and user not in self.names:
            _refuse("Your name is not on the instructor's list: write it as it stands there, or ask.")
        async with self._joining:  # two who choose a name at once: the first has it
            if user in self.known:
                if not await asyncio.to_thread(self.known.opens, user, password):
                    _refuse(
                        "Somebody joined under this name with another password. If it was not you, choose another name; "
                        "if you forgot yours, ask your instructor."
                    )
                return
            reason = accounts.taken(user, self.homes) if self.homes else ""
            if reason:
                _refuse(reason)
            if len(password) < SHORTEST:
                _refuse(f"Choose a password of {SHORTEST} characters or more.")
            await asyncio.to_thread(self.known.add, user, alias, password)

    def _expect_patience(self, user):
        tries, last = self._wrong.get(user, (0, 0))
        if tries >= MANY and time.monotonic() - last < SLOW:
            _refuse(f"Too many tries: wait {SLOW} seconds.")
        if len(self._wrong) > 10_000:  # somebody makes names up
            self._wrong.clear()


def _plain(code):
    return code.upper().replace("-", "").replace(" ", "")


def _same(one, other):
    return bool(other) and secrets.compare_digest(one.encode(), other.encode())


def _refuse(sentence):
    error = web.HTTPError(403)
    error.jupyterhub_message = sentence
    raise error

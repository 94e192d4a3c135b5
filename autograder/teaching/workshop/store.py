"""What the board keeps: events, marks, released answers, sessions. One SQLite file.

Events are idempotent by the id their learner's notebook gave them: one that is delivered twice counts once. Whoever
waits for `add_events` knows that it is on disk, so a notebook may forget what was confirmed, and the service may be
killed at any moment.
"""

import asyncio
import contextlib
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS people (user TEXT PRIMARY KEY, alias TEXT, since REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    id TEXT, user TEXT, exercise TEXT, at REAL, received REAL, good INTEGER, total INTEGER, mistake TEXT,
    PRIMARY KEY (user, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (user TEXT, lab TEXT, at REAL, points REAL, max_points REAL, marks TEXT);
CREATE TABLE IF NOT EXISTS released (exercise TEXT PRIMARY KEY, at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS caught_up (user TEXT, exercise TEXT, at REAL, PRIMARY KEY (user, exercise)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS started (lab TEXT PRIMARY KEY, at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT, admin INTEGER, until REAL) WITHOUT ROWID;
"""
TOGETHER = 200  # deliveries that one commit may take along


class Store:
    """The board's database. Opened by one service at a time.

    Args:
        path: the SQLite file; made if need be.
    """

    def __init__(self, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # survives the process; a pulled plug may cost a second
        self._db.execute("PRAGMA busy_timeout=5000")
        self._db.executescript(TABLES)
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting = []

    # events

    async def add_events(self, user, events):
        """Keep a delivery; returns the events that were new, once they are on disk.

        Deliveries that arrive while a commit is under way go into the next one together.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((user, events, done))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._commit()))
        return await done

    async def _commit(self):
        while batch := self._waiting[:TOGETHER]:
            try:
                outcomes = await asyncio.get_running_loop().run_in_executor(
                    self._writer, self._insert, [entry[:2] for entry in batch]
                )
            except Exception as error:
                outcomes = [error] * len(batch)
            del self._waiting[: len(batch)]
            for (_, _, done), outcome in zip(batch, outcomes, strict=True):
                if not done.cancelled():
                    if isinstance(outcome, Exception):
                        done.set_exception(outcome)
                    else:
                        done.set_result(outcome)

    def _insert(self, batch):
        now, outcomes = time.time(), []
        with self._transaction() as db:
            for user, events in batch:
                new = []
                for event in events:
                    kept = {**event, "user": user, "at": min(event["at"], now), "received": now}
                    row = db.execute(
                        "INSERT OR IGNORE INTO events VALUES (:id, :user, :exercise, :at, :received, :good, :total, :mistake)",
                        kept,
                    )
                    new += [kept] * row.rowcount
                outcomes.append(new)
        return outcomes

    def events(self):
        """Every event in the order it happened, as dictionaries."""
        return self._rows("SELECT * FROM events ORDER BY at")

    # people, marks, answers

    def meet(self, user, alias=""):
        """Know a learner; an empty alias leaves what is known."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO people VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE SET alias = "
                "CASE WHEN excluded.alias = '' THEN alias ELSE excluded.alias END",
                (user, alias, time.time()),
            )

    def people(self):
        """User -> alias, by when they joined."""
        return {row["user"]: row["alias"] for row in self._rows("SELECT * FROM people ORDER BY since, user")}

    def add_marks(self, user, lab, marks):
        """Keep the marks of one grade-now: a list of dictionaries."""
        points, most = sum(m["points"] for m in marks), sum(m["max_points"] for m in marks)
        with self._transaction() as db:
            row = (user, lab, time.time(), points, most, json.dumps(marks))
            db.execute("INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?)", row)

    def best_marks(self, lab):
        """User -> `(points, max_points)`, the best so far of a lab."""
        rows = self._rows(
            "SELECT user, MAX(points) AS p, max_points AS m FROM marks WHERE lab = ? GROUP BY user", lab
        )
        return {row["user"]: (row["p"], row["m"]) for row in rows}

    def release(self, exercise, on):
        """Release the answer to an exercise, or take it back."""
        with self._transaction() as db:
            if on:
                db.execute("INSERT OR IGNORE INTO released VALUES (?, ?)", (exercise, time.time()))
            else:
                db.execute("DELETE FROM released WHERE exercise = ?", (exercise,))

    def released(self):
        """The exercises whose answers are out."""
        return {row["exercise"] for row in self._rows("SELECT exercise FROM released")}

    def catch_up(self, user, exercise):
        """Note that a learner got the course's answer."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO caught_up VALUES (?, ?, ?)", (user, exercise, time.time()))

    def caught_up(self):
        """User -> the exercises whose answers they got."""
        found = {}
        for row in self._rows("SELECT user, exercise FROM caught_up ORDER BY exercise"):
            found.setdefault(row["user"], []).append(row["exercise"])
        return found

    def start(self, lab, at):
        """The lab begins now, for the clock; `None` stops its clock."""
        with self._transaction() as db:
            db.execute("DELETE FROM started WHERE lab = ?", (lab,))
            if at is not None:
                db.execute("INSERT INTO started VALUES (?, ?)", (lab, at))

    def started(self):
        """Lab -> when it was begun by hand."""
        return {row["lab"]: row["at"] for row in self._rows("SELECT * FROM started")}

    def switch(self, name, value):
        """Remember what the instructor switched on or off."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (name, int(value)))

    def switches(self):
        """Name -> whether it is on; only what was ever switched."""
        return {row["name"]: bool(row["value"]) for row in self._rows("SELECT * FROM switches")}

    # sessions of browsers

    def add_session(self, key, user, admin, until):
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE until < ?", (time.time(),))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (key, user, admin, until))

    def session(self, key):
        """`(user, admin)` of a browser's session, or `None`."""
        rows = self._rows("SELECT user, admin FROM sessions WHERE id = ? AND until > ?", key, time.time())
        return (rows[0]["user"], bool(rows[0]["admin"])) if rows else None

    # below all this

    def _rows(self, query, *values):
        with self._lock:
            return [dict(row) for row in self._db.execute(query, values)]

    @contextlib.contextmanager
    def _transaction(self):
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self):
        self._writer.shutdown()
        with self._lock:
            self._db.close()

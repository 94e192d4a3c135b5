"""Many learners at once, as their notebooks would behave, and a browser that watches; see `workshop.py load`."""

import asyncio
import json
import random
import signal
import time

import aiohttp
import psutil

from autograder.teaching.workshop.tokens import token_for
from course.notebooks.lesson import find_lesson

PAUSE = 5  # seconds between two checks of a learner


class Load:
    """One run: every learner checks every few seconds, and the board is killed half-way.

    Args:
        room: a running workshop.
        cookies: of the instructor's browser.
        learners: how many.
        seconds: how long they go on.
    """

    def __init__(self, room, cookies, learners, seconds):
        self.room, self.cookies, self.settings = room, cookies, room.settings
        self.exercises = list(find_lesson("1").exercises)
        self.end, self.half = time.monotonic() + seconds, seconds / 2
        self.names = {f"Learner {number:03d}": f"l{number:03d}" for number in range(learners)}
        self.sent, self.seen = {}, {}  # (user, id) -> when
        self.order = {alias: [] for alias in self.names}  # what each has sent, the first first

    async def run(self):
        """`(sent, seen)`: `(user, id)` of each event -> when it was sent, and when the page showed it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
        connections = aiohttp.TCPConnector(limit=0)
        options = {"timeout": timeout, "connector": connections, "read_bufsize": 1 << 20}
        async with aiohttp.ClientSession(**options) as session:
            watching = asyncio.ensure_future(self.watch(session))
            learners = (self.learner(session, user, alias) for alias, user in self.names.items())
            await asyncio.gather(self.kill(), *learners)
            await asyncio.sleep(3)
            watching.cancel()
        return self.sent, self.seen

    async def learner(self, session, user, alias):
        """Checks every few seconds, and sends what was not taken yet."""
        headers = {"Authorization": f"Bearer {token_for(user, self.settings['secret'], alias)}"}
        waiting, number = [], 0
        await asyncio.sleep(random.random() * PAUSE)
        while time.monotonic() < self.end or waiting:
            if time.monotonic() < self.end:
                waiting.append(self.event(user, number))
                number += 1
                sent = (user, waiting[-1]["id"])
                self.order[alias].append(sent)
                self.sent[sent] = time.monotonic()
            due = time.monotonic() + PAUSE
            while waiting:
                if await self.deliver(session, headers, waiting[:100]):
                    del waiting[:100]
                else:
                    await asyncio.sleep(1)
            await asyncio.sleep(max(0, due - time.monotonic()) if time.monotonic() < self.end else 0)

    def event(self, user, number):
        """A check: seven attempts at an exercise go wrong, the eighth is right."""
        right = number % 8 == 7
        return {
            "id": f"{user}-{number}",
            "at": time.time(),
            "exercise": self.exercises[min(number // 8, len(self.exercises) - 1)],
            "good": 3 if right else 1,
            "total": 3,
            "mistake": "" if right else f"mistake {number % 5}",
        }

    async def deliver(self, session, headers, events):
        """Whether the board took them."""
        address = f"{self.settings['board_url']}/events"
        try:
            async with session.post(address, json={"events": events}, headers=headers) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def watch(self, session):
        """Notes when the instructor's page shows an event."""
        counted = dict.fromkeys(self.names, 0)
        while True:
            try:
                # As the page does: a stream that is silent for four seconds is asked for again.
                silence = aiohttp.ClientTimeout(total=None, sock_read=4)
                address = f"{self.room.url}/services/board/stream"
                async with session.get(address, cookies=self.cookies, timeout=silence) as stream:
                    async for line in stream.content:
                        if line.startswith(b"data: "):
                            self.note(json.loads(line[6:])["people"], counted)
            except (aiohttp.ClientError, TimeoutError, ValueError):
                await asyncio.sleep(0.5)

    def note(self, people, counted):
        now = time.monotonic()
        for one in people:
            alias, total = one["name"], sum(one["tries"])
            for event in self.order.get(alias, [])[counted.get(alias, 0) : total]:
                self.seen[event] = now
            counted[alias] = max(total, counted.get(alias, 0))

    async def kill(self):
        """Kill the board half-way: the one that serves, not the one that waits for its turn."""
        await asyncio.sleep(self.half)
        port = self.settings["ports"]["board"]
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [""])[-1] != "autograder.teaching.workshop.board_server":
                continue
            if any(line.status == "LISTEN" and line.laddr.port == port for line in process.net_connections()):
                process.send_signal(signal.SIGKILL)
                print("the board was killed", flush=True)

"""A fair queue for grading: one learner after the other, however much one of them sends."""

import asyncio
from collections import OrderedDict, deque

EACH = 3  # submissions of one learner that may wait


class Full(Exception):
    """A learner has enough waiting already."""


class FairQueue:
    """Runs work round robin by learner, one piece at a time for each.

    Args:
        workers: pieces that run side by side.
    """

    def __init__(self, workers):
        self._free = workers
        self._waiting = OrderedDict()  # learner -> deque of (work, future); the order is whose turn it is
        self._running = set()

    def __len__(self):
        return sum(map(len, self._waiting.values()))

    async def run(self, learner, work):
        """Wait for this learner's turn, run the coroutine function `work`, and give back what it gives.

        Raises:
            Full: if too much of this learner's waits already.
        """
        mine = self._waiting.setdefault(learner, deque())
        if len(mine) >= EACH:
            raise Full()
        done = asyncio.get_running_loop().create_future()
        mine.append((work, done))
        self._next()
        return await done

    def _next(self):
        while self._free:
            learner = next((name for name in self._waiting if name not in self._running), None)
            if learner is None:
                return
            work, done = self._waiting[learner].popleft()
            if self._waiting[learner]:
                self._waiting.move_to_end(learner)  # the others first
            else:
                del self._waiting[learner]
            if done.cancelled():  # the browser is gone
                continue
            self._free -= 1
            self._running.add(learner)
            asyncio.ensure_future(self._work(learner, work, done))

    async def _work(self, learner, work, done):
        try:
            result = await work()
            if not done.cancelled():
                done.set_result(result)
        except BaseException as error:
            if not done.cancelled():
                done.set_exception(error)
        finally:
            self._free += 1
            self._running.discard(learner)
            if learner in self._waiting:
                self._waiting.move_to_end(learner)
            self._next()

"""A queue of keys: at most one run per key at a time, retries with back-off, delayed runs.

The shape of client-go's workqueue, on asyncio. A key added while it runs runs once more afterwards, so no
event is lost and no two runs of a key meet.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar

from mailstack_operator.loop.errors import ClusterError

Key = TypeVar("Key", bound=Hashable)

logger = logging.getLogger(__name__)

FIRST_RETRY = 1.0
LONGEST_RETRY = 60.0


class Meter(Protocol):
    """Metrics of the queue."""

    def depth(self, waiting: int) -> None: ...

    def ran(self, seconds: float, waited: float, failed: bool) -> None: ...


class KeyedQueue(Generic[Key]):
    """Calls `run(key)` for each key added, with `workers` runs at once.

    `run` returns after how many seconds the key is due again (None: when it is added). If it raises, it is
    tried again after 1 s, then 2, 4, ... 60 s. One event loop owns the queue.
    """

    def __init__(self, run: Callable[[Key], Awaitable[float | None]], meter: Meter, *, workers: int = 8) -> None:
        self._run = run
        self._meter = meter
        self._workers = workers
        self._due: dict[Key, float] = {}  # since when; insertion order is the order of service
        self._running: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key) -> None:
        """The key is due now."""
        self._cancel_timer(key)
        self._due.setdefault(key, _clock())
        self._meter.depth(len(self._due))
        self._changed.set()

    async def work(self) -> None:
        """Serves the queue until cancelled; what runs then is cancelled too."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._serve())
        finally:
            for key in list(self._timers):
                self._cancel_timer(key)

    async def _serve(self) -> None:
        while True:
            key, since = await self._next()
            try:
                await self._once(key, since)
            finally:
                self._running.discard(key)
                self._changed.set()

    async def _next(self) -> tuple[Key, float]:
        """The first key that is due and not running, and since when it is due."""
        while True:
            for key in self._due:
                if key not in self._running:
                    self._running.add(key)
                    since = self._due.pop(key)
                    self._meter.depth(len(self._due))
                    return key, since
            self._changed.clear()
            await self._changed.wait()

    async def _once(self, key: Key, since: float) -> None:
        started, failed = _clock(), False
        try:
            delay = await self._run(key)
            self._failures.pop(key, None)
        except Exception as error:
            failed, delay = True, self._back_off(key)
            logger.warning("%s: %s; trying again in %.0f s", key, error, delay, exc_info=not _expected(error))
        self._meter.ran(_clock() - started, started - since, failed)
        if delay is not None and key not in self._due:
            self._later(key, delay)

    def _back_off(self, key: Key) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return min(FIRST_RETRY * 2.0 ** min(failures, 10), LONGEST_RETRY)

    def _later(self, key: Key, delay: float) -> None:
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self.add, key)

    def _cancel_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()


def _expected(error: Exception) -> bool:
    """An API server that does not answer needs no traceback."""
    return isinstance(error, ClusterError)


def _clock() -> float:
    return asyncio.get_running_loop().time()

"""The queue: one run per key, none forgotten, failures tried again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from mailstack_operator.loop import queue as queue_module
from mailstack_operator.loop.queue import KeyedQueue


class Meter:
    def __init__(self) -> None:
        self.failures: list[bool] = []

    def depth(self, waiting: int) -> None:
        assert waiting >= 0

    def ran(self, seconds: float, waited: float, failed: bool) -> None:
        self.failures.append(failed)


@asynccontextmanager
async def working(
    run: Callable[[str], Awaitable[float | None]], meter: Meter | None = None
) -> AsyncIterator[KeyedQueue[str]]:
    queue = KeyedQueue(run, meter or Meter(), workers=3)
    task = asyncio.create_task(queue.work())
    try:
        async with asyncio.timeout(5):
            yield queue
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_key_never_runs_twice_at_once_and_an_event_meanwhile_is_not_lost() -> None:
    running, runs, most = 0, 0, 0
    started, go, twice = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(_: str) -> None:
        nonlocal running, runs, most
        running, runs = running + 1, runs + 1
        most = max(most, running)
        started.set()
        await go.wait()
        running -= 1
        if runs == 2:
            twice.set()

    async with working(run) as queue:
        queue.add("a")
        await started.wait()
        for _ in range(5):
            queue.add("a")
        go.set()
        await twice.wait()
    assert (runs, most) == (2, 1)


async def test_other_keys_run_meanwhile() -> None:
    both = asyncio.Barrier(2)

    async def run(_: str) -> None:
        await both.wait()

    async with working(run) as queue:
        queue.add("a")
        queue.add("b")
        while both.n_waiting or not both.parties:
            await asyncio.sleep(0)
    assert not both.broken


async def test_a_failed_run_is_tried_again_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "FIRST_RETRY", 0.001)
    meter, done, runs = Meter(), asyncio.Event(), 0

    async def run(_: str) -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise RuntimeError("not yet")
        done.set()

    async with working(run, meter) as queue:
        queue.add("a")
        await done.wait()
        await asyncio.sleep(0)
    assert meter.failures == [True, True, True, False]


async def test_back_off_doubles_up_to_a_minute() -> None:
    async def run(_: str) -> None: ...

    queue = KeyedQueue(run, Meter())
    assert [queue._back_off("a") for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_run_may_ask_for_another_one_later() -> None:
    times = 0
    done = asyncio.Event()

    async def run(_: str) -> float | None:
        nonlocal times
        times += 1
        if times == 2:
            done.set()
            return None
        return 0.001

    async with working(run) as queue:
        queue.add("a")
        await done.wait()
    assert times == 2


async def test_the_end_leaves_nothing_behind() -> None:
    async def run(_: str) -> float:
        return 3600.0

    meter = Meter()
    async with working(run, meter) as queue:
        queue.add("a")
        while not meter.failures:
            await asyncio.sleep(0)
    assert queue._timers == {}

"""Leader election: one at a time, at once after a release, after 15 s without one."""

import asyncio
import time

import pytest

from mailstack_operator.loop import leader
from mailstack_operator.loop.leader import Election, LeadershipLost, Lease
from tests.fake_leases import FakeLeases


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowLeases(FakeLeases):
    """A write takes eight seconds of the clock, and `silent` a read for ever."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.silent = False

    async def read(self) -> Lease | None:
        if self.silent:
            await asyncio.Event().wait()
        return await super().read()

    async def write(self, holder: str, seconds: int, previous: Lease | None) -> Lease | None:
        self.clock.now += 8
        return await super().write(holder, seconds, previous)


async def test_the_first_replica_leads_and_the_second_waits() -> None:
    leases, clock = FakeLeases(), Clock()
    assert await Election(leases, "a", clock)._try()
    assert not await Election(leases, "b", clock)._try()


async def test_a_released_lease_is_taken_at_once() -> None:
    leases, clock = FakeLeases(), Clock()
    first = Election(leases, "a", clock)
    await first.acquire()
    await first.release()
    assert await Election(leases, "b", clock)._try()


async def test_a_dead_leader_is_followed_after_fifteen_seconds_without_renewal() -> None:
    leases, clock = FakeLeases(), Clock()
    first, second = Election(leases, "a", clock), Election(leases, "b", clock)
    await first.acquire()
    assert not await second._try()
    clock.now = 10
    assert await first._try()
    assert not await second._try()
    clock.now = 24
    assert not await second._try()
    clock.now = 26
    assert await second._try()


async def test_a_restarted_leader_of_the_same_name_leads_at_once() -> None:
    leases, clock = FakeLeases(), Clock()
    await Election(leases, "a", clock).acquire()
    assert await Election(leases, "a", clock)._try()


async def _expect_loss(leases: FakeLeases, clock: Clock) -> None:
    """Of a leader whose writes fail from now on, a second after its deadline."""
    election = Election(leases, "a", clock)
    await election.acquire()
    leases.broken = True
    holding = asyncio.create_task(election.hold())
    await asyncio.sleep(0)
    clock.now = leader.RENEW_DEADLINE + 1
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(holding, 5)


async def test_a_leader_that_cannot_renew_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    leases, clock = FakeLeases(), Clock()
    monkeypatch.setattr(leader, "RETRY", 0)
    await _expect_loss(leases, clock)


async def test_a_slow_answer_is_no_longer_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: the write took effect at its beginning, and another replica may lead fifteen seconds after that."""
    clock = Clock()
    leases = SlowLeases(clock)
    monkeypatch.setattr(leader, "RETRY", 0)
    await _expect_loss(leases, clock)


async def test_a_leader_does_not_wait_for_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: an answer that comes after the time-outs of two requests comes after another replica leads."""
    leases = SlowLeases(Clock())
    election = Election(leases, "a", time.monotonic)
    await election.acquire()
    leases.silent = True
    monkeypatch.setattr(leader, "RETRY", 0)
    monkeypatch.setattr(leader, "RENEW_DEADLINE", 0.1)
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(election.hold(), 5)


async def test_release_leaves_the_lease_of_another_alone() -> None:
    leases, clock = FakeLeases(), Clock()
    await Election(leases, "b", clock).acquire()
    await Election(leases, "a", clock).release()
    assert leases.lease is not None
    assert leases.lease.holder == "b"


async def test_a_stop_does_not_wait_for_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    leases = SlowLeases(Clock())
    leases.silent = True
    monkeypatch.setattr(leader, "RELEASE_SECONDS", 0.01)
    await asyncio.wait_for(Election(leases, "a", Clock()).release(), 5)


async def test_a_server_that_does_not_answer_delays_but_does_not_end_the_release() -> None:
    leases = FakeLeases()
    leases.broken = True
    await Election(leases, "a", Clock()).release()

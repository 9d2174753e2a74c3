"""The operator as a process: what no watch tells of is found all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest

from mailstack_operator.edge import app, metrics
from mailstack_operator.edge.app import Operator
from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop import leader
from mailstack_operator.loop.reconcile import Reconciler
from tests.fake_cluster import FakeCluster, settle
from tests.fake_leases import FakeLeases
from tests.stacks import body

KEY = StackKey("post", "mail")
SERVICE = Ref("v1", "Service", "post", "mail")


class FakeServer(FakeCluster):
    """Also gives the lists of the resync, and the Lease."""

    def __init__(self) -> None:
        super().__init__()
        self.lease = FakeLeases()

    def leases(self, namespace: str, name: str) -> FakeLeases:
        return self.lease

    async def everything(self, namespaces: tuple[str, ...]) -> tuple[list[Object], int]:
        return list(self.objects.values()), 10_000


async def test_a_child_deleted_before_kopf_listed_is_found_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: the operator has just read that the Service is there; it is deleted; then Kopf reads its lists."""
    monkeypatch.setattr(app, "_SETTLE", 0)
    server = FakeServer()
    operator = Operator(server, Settings(leader_election=False))  # type: ignore[arg-type]
    stack = server.put(body())
    operator._store.note(stack)
    await Reconciler(server, operator._store).reconcile(KEY)
    settle(server, operator._store)
    await operator._resync_once()
    del server.objects[SERVICE]

    operator._noted("listed", stack)

    async with running(operator._lead()):
        await until(lambda: SERVICE in server.objects)


async def test_a_leader_that_lost_its_lease_leads_again_without_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: the API server is away for a minute. Each new process would wait longer for the kubelet to start it."""
    for name, seconds in (("RETRY", 0.01), ("RENEW_EVERY", 0.01), ("RENEW_DEADLINE", 0.1)):
        monkeypatch.setattr(leader, name, seconds)
    server = FakeServer()
    operator = Operator(server, Settings())  # type: ignore[arg-type]
    server.put(body())
    await operator._resync_once()

    async with running(operator._work()):
        await until(lambda: SERVICE in server.objects)
        server.lease.broken = True
        await until(lambda: not leads())
        operator._store.forget(server.objects.pop(SERVICE))
        server.lease.broken = False
        await until(lambda: SERVICE in server.objects)
        assert leads()


def leads() -> bool:
    return metrics.REGISTRY.get_sample_value("mailstack_leader") == 1


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)

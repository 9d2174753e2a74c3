"""The operator as a process: what no watch tells of is found all the same."""

import asyncio
from contextlib import suppress

import pytest

from mailstack_operator.edge import app
from mailstack_operator.edge.app import Operator
from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.reconcile import Reconciler
from tests.fake_cluster import FakeCluster, settle
from tests.stacks import body

KEY = StackKey("post", "mail")
SERVICE = Ref("v1", "Service", "post", "mail")


class FakeServer(FakeCluster):
    """Also gives the lists of the resync."""

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

    leading = asyncio.create_task(operator._lead())
    try:
        async with asyncio.timeout(5):
            while SERVICE not in server.objects:
                await asyncio.sleep(0)
    finally:
        leading.cancel()
        with suppress(asyncio.CancelledError):
            await leading

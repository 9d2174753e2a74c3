"""The operator as a process: what no watch tells of is found all the same."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from mailstack_operator.edge import app, followers, metrics, watches
from mailstack_operator.edge.app import Operator
from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube.kinds import SECRET, Kind
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import API_VERSION, KIND, StackKey
from mailstack_operator.kube.objects import Object, section
from mailstack_operator.loop import leader, references
from mailstack_operator.loop.errors import ClusterError
from tests.fake_cluster import FakeCluster
from tests.fake_leases import FakeLeases
from tests.stacks import body

KEY = StackKey("post", "mail")
SERVICE = Ref("v1", "Service", "post", "mail")
STATEFUL_SET = Ref("apps/v1", "StatefulSet", "post", "mail")
STACK = Ref(API_VERSION, KIND, "post", "mail")


class FakeServer(FakeCluster):
    """Also gives lists, watches that are silent, and the Lease."""

    def __init__(self) -> None:
        super().__init__()
        self.lease = FakeLeases()
        # What may not be read, by the namespace.
        self.forbidden: set[str] = set()
        # What watches of Secrets tell.
        self.secret_events: asyncio.Queue[Object] = asyncio.Queue()
        self.listed_kinds: set[str] = set()

    def leases(self, namespace: str, name: str) -> FakeLeases:
        return self.lease

    async def pages(self, kind: Kind, namespace: str, labels: str) -> AsyncGenerator[tuple[list[Object], str], None]:
        self.listed_kinds.add(kind.name)
        if namespace in self.forbidden:
            raise ClusterError(403, "forbidden")
        found = [found for ref, found in self.objects.items() if ref.kind == kind.name]
        yield [each for each in found if namespace in ("", section(each, "metadata")["namespace"])], "10000"

    async def changes(
        self, kind: Kind, namespace: str, labels: str, since: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        while True:
            yield "MODIFIED", await (self.secret_events if kind == SECRET else asyncio.Queue[Object]()).get()


def _operator(server: FakeServer, settings: Settings | None = None) -> Operator:
    return Operator(server, settings or Settings())  # type: ignore[arg-type]


@asynccontextmanager
async def running(server: FakeServer, settings: Settings | None = None) -> AsyncIterator[Operator]:
    """Without Kopf."""
    operator = _operator(server, settings)
    task = asyncio.create_task(operator._main())
    try:
        yield operator
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


def leads() -> bool:
    return metrics.REGISTRY.get_sample_value("mailstack_leader") == 1


_WATCH = Operator._watch


@pytest.fixture(autouse=True)
def _no_kopf(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(_: Operator) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(app, "_SETTLE", 0)
    monkeypatch.setattr(Operator, "_watch", watch)


async def test_what_exists_at_the_start_is_brought_up() -> None:
    server = FakeServer()
    server.put(body())
    async with running(server) as operator:
        await until(lambda: SERVICE in server.objects)
        assert operator._read.is_set()


async def test_a_child_that_is_deleted_comes_back() -> None:
    server = FakeServer()
    server.put(body())
    async with running(server) as operator:
        await until(lambda: STATEFUL_SET in server.objects)
        operator.gone(server.objects.pop(SERVICE))
        await until(lambda: SERVICE in server.objects)


async def test_a_mailstack_deleted_before_kopf_listed_is_found_missing() -> None:
    """Fault: the operator has just read that it is there; it is deleted; then Kopf reads its list."""
    server = FakeServer()
    server.put(body())
    async with running(server) as operator:
        await until(lambda: operator._store.stacks() == [KEY] and STATEFUL_SET in server.objects)
        del server.objects[STACK]
        operator._listed.set()
        await until(lambda: operator._store.stacks() == [])


async def test_each_mailstack_has_a_run_from_time_to_time() -> None:
    """Also one of which nobody told, and in a replica that does not lead memory is bounded."""
    server = FakeServer()
    async with running(server, Settings(resync=0.01)) as operator:
        await until(operator._read.is_set)
        operator._store.forget(body())
        server.put(body())
        await until(lambda: SERVICE in server.objects)
        await until(lambda: not operator._store._gone and not operator._store._gone_before)


async def test_a_mailstack_that_changed_is_run() -> None:
    server = FakeServer()
    async with running(server) as operator:
        await until(operator._read.is_set)
        operator._noted("changed", server.put(body()))
        await until(lambda: SERVICE in server.objects)


async def test_a_secret_that_appears_is_used_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MISSING_AGAIN", 1000.0)
    server = FakeServer()
    users = server.secrets.pop("mail-users")
    server.put(body())
    async with running(server):
        await until(lambda: "status" in server.writes)
        server.secrets["mail-users"] = users
        server.secret_events.put_nowait(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"namespace": "post", "name": "mail-users", "resourceVersion": "1"},
            }
        )
        await until(lambda: STATEFUL_SET in server.objects)


@pytest.mark.parametrize("watched", [True, False])
async def test_secrets_are_listed_only_where_they_may_be(watched: bool) -> None:
    server = FakeServer()
    async with running(server, Settings(watch_secrets=watched)):
        await until(lambda: server.listed_kinds >= {"ConfigMap", "Pod", *(["Secret"] if watched else [])})
    assert ("Secret" in server.listed_kinds) == watched


async def test_a_leader_that_lost_its_lease_leads_again_without_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: the API server is away for a minute. Each new process would wait longer for the kubelet to start it."""
    for name, seconds in (("RETRY", 0.01), ("RENEW_EVERY", 0.01), ("RENEW_DEADLINE", 1)):
        monkeypatch.setattr(leader, name, seconds)
    server = FakeServer()
    server.put(body())
    async with running(server) as operator:
        await until(lambda: SERVICE in server.objects)
        server.lease.broken = True
        await until(lambda: not leads())
        operator._store.forget(server.objects.pop(SERVICE))
        server.lease.broken = False
        await until(lambda: SERVICE in server.objects)
        assert leads()


async def test_an_operator_whose_watch_ended_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: Kopf ends without an error. An operator that went on would not see a changed MailStack for ten minutes."""
    monkeypatch.setattr(Operator, "_watch", _WATCH)
    monkeypatch.setattr(watches, "watch", lambda *_: None)
    with pytest.raises(ExceptionGroup) as failed:
        await asyncio.wait_for(_operator(FakeServer())._main(), 30)
    assert "the watch of MailStacks ended" in str(failed.value.exceptions)


async def test_a_namespace_that_cannot_be_read_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault: one of watch.namespaces was deleted, and with it the operator's Role there. It is served once it is back,
    and not before all of it has been read."""
    monkeypatch.setattr(app, "_LIST_RETRY", 0.01)
    monkeypatch.setattr(followers, "RETRY", 0.01)
    server = FakeServer()
    server.put(body())
    server.put(body({"metadata.namespace": "gone"}))
    server.forbidden.add("gone")
    there, gone = SERVICE, Ref("v1", "Service", "gone", "mail")
    async with running(server, Settings(namespaces=("gone", "post"), resync=0.01)) as operator:
        await until(lambda: there in server.objects)
        operator._noted("listed", body({"metadata.namespace": "gone"}))
        del server.objects[STACK]
        await until(lambda: operator._store.stacks() == [StackKey("gone", "mail")])
        assert gone not in server.objects
        server.forbidden.clear()
        await until(lambda: gone in server.objects)

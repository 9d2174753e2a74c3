"""A list and then a watch: nothing is missed between them, whatever breaks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest

from mailstack_operator.edge import followers
from mailstack_operator.edge.followers import Follower
from mailstack_operator.kube.kinds import POD, Kind
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.store import Store
from tests.fake_cluster import pod
from tests.test_observe import at

KEY = StackKey("post", "mail")

Event = tuple[str, Object]


class Script:
    """An API server: its lists, each with a version, and its watches, one after the other; then it is silent."""

    def __init__(self, lists: list[tuple[list[Object], str] | ClusterError], watches: list[list[Event | ClusterError]]):
        self.lists = lists
        self.watches = watches
        self.since: list[str] = []
        self.is_done = asyncio.Event()

    async def pages(self, kind: Kind, namespace: str, labels: str) -> AsyncGenerator[tuple[list[Object], str], None]:
        assert (kind, namespace, labels) == (POD, "post", "mail")
        found = self.lists.pop(0)
        if isinstance(found, ClusterError):
            raise found
        bodies, version = found
        for body in bodies:
            yield [body], version
        yield [], version

    async def changes(self, kind: Kind, namespace: str, labels: str, since: str) -> AsyncGenerator[Event, None]:
        assert (kind, namespace, labels) == (POD, "post", "mail")
        self.since.append(since)
        if not self.watches:
            self.is_done.set()
            await asyncio.Event().wait()
        for event in self.watches.pop(0):
            if isinstance(event, ClusterError):
                raise event
            yield event


class Memory:
    """The operator's, without its queue."""

    def __init__(self) -> None:
        self.store = Store()

    def noted(self, body: Object) -> None:
        self.store.note(body)

    def gone(self, body: Object) -> None:
        self.store.forget(body)

    def listed(self, kind: Kind, namespace: str, refs: set[Ref], as_of: int) -> None:
        self.store.retain(kind, namespace, refs, as_of)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "RETRY", 0.0)
    monkeypatch.setattr(followers, "EXPIRED", 0.0)


async def pods_after(script: Script) -> set[str]:
    """What is known once the script is over."""
    memory = Memory()
    task = asyncio.create_task(Follower(script, memory, POD, "post", "mail").run())
    async with asyncio.timeout(30):
        await script.is_done.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return set(memory.store[KEY].pods)


ONE, TWO = at(10, pod("one")), at(11, pod("two"))
BOOKMARK: Object = {"metadata": {"resourceVersion": "25"}}
TOO_OLD: Object = {"kind": "Status", "code": 410, "message": "too old resource version"}


async def test_events_follow_the_list() -> None:
    script = Script([([ONE], "20")], [[("ADDED", TWO), ("DELETED", at(21, pod("one")))]])
    assert await pods_after(script) == {"two-0"}


async def test_a_watch_goes_on_where_the_last_one_ended() -> None:
    script = Script([([ONE], "20")], [[("ADDED", at(21, pod("two")))], [("BOOKMARK", BOOKMARK)], []])
    assert await pods_after(script) == {"one-0", "two-0"}
    assert script.since == ["20", "21", "25", "25"]


async def test_a_connection_that_breaks_costs_no_list() -> None:
    script = Script([([ONE], "20")], [[("ADDED", at(21, pod("two"))), ClusterError(0, "connection lost")]])
    assert await pods_after(script) == {"one-0", "two-0"}
    assert script.since == ["20", "21"]


@pytest.mark.parametrize("end", [("ERROR", TOO_OLD), ClusterError(410, "too old resource version")])
async def test_what_was_deleted_while_nobody_watched_is_gone(end: Event | ClusterError) -> None:
    """The version is too old for a watch: a new list shows it."""
    script = Script([([ONE], "20"), ([at(28, pod("two"))], "30")], [[end]])
    assert await pods_after(script) == {"two-0"}
    assert script.since == ["20", "30"]


async def test_a_list_that_fails_is_read_again() -> None:
    script = Script([ClusterError(503, "not yet"), ([ONE], "20")], [])
    assert await pods_after(script) == {"one-0"}


async def test_a_list_that_breaks_off_takes_nothing_away() -> None:
    """Only a whole list says that something is gone."""

    class Broken(Script):
        async def pages(
            self, kind: Kind, namespace: str, labels: str
        ) -> AsyncGenerator[tuple[list[Object], str], None]:
            async for page in super().pages(kind, namespace, labels):
                yield page
                if len(self.lists) == 1:
                    raise ClusterError(0, "connection lost")

    script = Broken([([ONE], "20"), ([TWO], "30"), ([ONE, TWO], "40")], [[("ERROR", TOO_OLD)]])
    assert await pods_after(script) == {"one-0", "two-0"}

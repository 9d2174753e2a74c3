"""A change of what a MailStack refers to is noticed, once."""

import pytest

from mailstack_operator.kube.metadata import Live, Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop.references import ReferencesWatch
from mailstack_operator.loop.store import Store
from tests.stacks import body

KEY = StackKey("post", "mail")


class FakeCluster:
    def __init__(self) -> None:
        self.version = 1

    async def metadata(self, ref: Ref) -> Live | None:
        assert ref == Ref("v1", "Secret", "post", "mail-users")
        return Live(ref, "uid", None, "", "", self.version) if self.version else None


class World:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.store = Store()
        self.changed: list[StackKey] = []
        self.watch = ReferencesWatch(self.cluster, self.store, self.changed.append)

    async def look(self) -> int:
        """How many changes one more look reports."""
        self.changed.clear()
        await self.watch.look(KEY)
        return len(self.changed)


@pytest.fixture
def world() -> World:
    world = World()
    world.store.note(body())
    return world


async def test_the_first_look_is_a_change_because_nobody_knows_what_was_before(world: World) -> None:
    assert [await world.look(), await world.look()] == [1, 0]


async def test_a_change_is_reported_once(world: World) -> None:
    await world.look()
    world.cluster.version = 2
    assert [await world.look(), await world.look()] == [1, 0]


async def test_a_secret_that_is_gone_is_a_change(world: World) -> None:
    await world.look()
    world.cluster.version = 0
    assert [await world.look(), await world.look()] == [1, 0]


async def test_a_mailstack_without_a_usable_spec_is_passed_over(world: World) -> None:
    world.store.note(body({"spec": None, "metadata.resourceVersion": "99", "metadata.generation": 2}))
    await world.look()
    assert await world.look() == 0

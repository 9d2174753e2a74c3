"""A change of what a MailStack refers to is noticed, once."""

import pytest

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop.references import PERIOD, ReferencesWatch, pause
from mailstack_operator.loop.store import Read, Store
from tests.stacks import body

KEY = StackKey("post", "mail")
USERS = Ref("v1", "Secret", "post", "mail-users")


class FakeCluster:
    def __init__(self) -> None:
        self.current = 1

    async def version(self, ref: Ref) -> int:
        assert ref == USERS
        return self.current


class World:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.store = Store()
        self.changed: list[StackKey] = []
        self.seconds = 0.0
        self.watch = ReferencesWatch(self.cluster, self.store, self.changed.append, lambda: self.seconds)

    def read(self, version: int) -> None:
        """A run has read that."""
        self.store[KEY].read = Read({USERS: version}, self.seconds)

    async def look(self) -> int:
        """How many changes a look reports, a turn later."""
        self.seconds += PERIOD
        self.changed.clear()
        await self.watch.look(KEY)
        return len(self.changed)


@pytest.fixture
def world() -> World:
    world = World()
    world.store.note(body())
    return world


async def test_before_the_first_run_there_is_nothing_to_compare_with(world: World) -> None:
    assert await world.look() == 0


async def test_what_the_last_run_read_is_no_change(world: World) -> None:
    """After a restart no MailStack is run twice."""
    world.read(1)
    assert await world.look() == 0


@pytest.mark.parametrize("version", [2, 0], ids=["changed", "gone"])
async def test_a_change_is_reported_once(world: World, version: int) -> None:
    """The run that follows reads it, unless the spec is wrong."""
    world.read(1)
    world.cluster.current = version
    assert [await world.look(), await world.look()] == [1, 0]
    world.read(version)
    assert await world.look() == 0


async def test_what_a_run_has_just_read_is_not_looked_at(world: World) -> None:
    world.read(1)
    world.cluster.current = 2
    world.seconds += PERIOD / 2
    await world.watch.look(KEY)
    assert world.changed == []


@pytest.mark.parametrize(("stacks", "seconds"), [(1, 15.0), (75, 15.0), (1000, 200.0)])
def test_looks_cost_no_more_however_many_mailstacks_there_are(stacks: int, seconds: float) -> None:
    """Seconds between two looks at the same MailStack."""
    assert stacks * pause(stacks) == pytest.approx(seconds)

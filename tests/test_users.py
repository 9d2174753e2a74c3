"""A changed users Secret is told to the pods that run, once."""

import pytest

from mailstack_operator.live import Live, Ref
from mailstack_operator.names import StackKey
from mailstack_operator.observe import Store
from mailstack_operator.pods import Pod
from mailstack_operator.users import UsersWatch
from tests.fake_cluster import pod
from tests.stacks import body

KEY = StackKey("post", "mail")
SECRET = Ref("v1", "Secret", "post", "mail-users")


class FakeCluster:
    def __init__(self) -> None:
        self.version = 1
        self.touched: list[tuple[str, str]] = []

    async def metadata(self, ref: Ref) -> Live | None:
        assert ref == SECRET
        return Live(ref, "uid", None, "", "", self.version) if self.version else None

    async def touch_pod(self, namespace: str, pod: Pod, users_version: str) -> None:
        self.touched.append((pod.name, users_version))


class World:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.store = Store()
        self.changed: list[StackKey] = []
        self.watch = UsersWatch(self.cluster, self.store, self.changed.append)


@pytest.fixture
def world() -> World:
    world = World()
    world.store.note(body())
    world.store.note(pod())
    return world


async def test_the_first_look_only_remembers(world: World) -> None:
    await world.watch.look(KEY)
    assert (world.cluster.touched, world.changed) == ([], [])


async def test_a_change_is_told_once(world: World) -> None:
    await world.watch.look(KEY)
    world.cluster.version = 2
    await world.watch.look(KEY)
    await world.watch.look(KEY)
    assert world.cluster.touched == [("mail-0", "uid.2")]
    assert world.changed == [KEY]


async def test_a_secret_that_is_gone_is_reported_but_no_pod_is_touched(world: World) -> None:
    await world.watch.look(KEY)
    world.cluster.version = 0
    await world.watch.look(KEY)
    assert (world.cluster.touched, world.changed) == ([], [KEY])


async def test_a_mailstack_without_a_usable_spec_is_passed_over(world: World) -> None:
    world.store.note(body({"spec": None, "metadata.resourceVersion": "99"}))
    await world.watch.look(KEY)
    assert world.changed == []

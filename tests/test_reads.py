"""A change of what a MailStack refers to is noticed, once, whenever it comes."""

from typing import Any

import pytest

from mailstack_operator.kube.kinds import SECRET
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.reads import Reads, ReferencesWatch

KEY, OTHER = StackKey("post", "mail"), StackKey("post", "other")
USERS = SECRET.ref("post", "mail-users")


class World:
    def __init__(self) -> None:
        self.reads = Reads()
        self.changed: list[StackKey] = []
        self.watch = ReferencesWatch(self.reads, self.changed.append)

    def read(self, version: int, key: StackKey = KEY) -> bool:
        """A run has read that; whether it has changed right after."""
        self.reads.begin(key, [USERS])
        return self.reads.end(key, {USERS: version})

    def told(self) -> list[StackKey]:
        """Since the last call."""
        found, self.changed[:] = sorted(self.changed), []
        return found


@pytest.fixture
def world() -> World:
    return World()


def secret(version: int, name: str = USERS.name) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "post", "name": name, "resourceVersion": str(version)},
    }


def test_what_nobody_has_read_concerns_nobody(world: World) -> None:
    world.watch.noted(secret(1))
    world.read(1)
    world.watch.noted(secret(2, "other"))
    assert world.told() == []


def test_what_the_last_run_read_is_no_change(world: World) -> None:
    """After a restart no MailStack is run twice: the list comes after the runs, or amid them."""
    world.read(3)
    for version in (2, 3):
        world.watch.noted(secret(version))
    world.watch.listed(SECRET, "", {USERS}, as_of=9)
    assert world.told() == []


def test_a_change_is_told_to_everybody_who_read_it(world: World) -> None:
    world.read(1)
    world.read(1, OTHER)
    world.watch.noted(secret(2))
    assert world.told() == [KEY, OTHER]


# How a watch tells that the Secret is gone: at once, or by a list after it was cut off.
GONE: dict[str, Any] = {
    "told": lambda watch, version: watch.gone(secret(version)),
    "not in a list": lambda watch, version: watch.listed(SECRET, "post", set[Ref](), version),
}


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_what_is_gone_is_a_change_unless_it_was_gone_before(world: World, gone: Any) -> None:
    world.read(2)
    gone(world.watch, 1)
    assert world.told() == []
    gone(world.watch, 3)
    assert world.told() == [KEY]
    world.read(0)
    gone(world.watch, 4)
    assert world.told() == []
    world.watch.noted(secret(5))
    assert world.told() == [KEY]


def test_a_list_of_another_namespace_or_kind_says_nothing_of_it(world: World) -> None:
    world.read(2)
    world.watch.listed(SECRET, "elsewhere", set(), 9)
    assert world.told() == []


@pytest.mark.parametrize(("read", "is_overtaken"), [(1, True), (2, False)])
def test_a_change_while_a_run_reads_has_a_run_after_it(world: World, read: int, is_overtaken: bool) -> None:
    """Fault: the watch tells of it before the run says what it read."""
    world.reads.begin(KEY, [USERS])
    world.watch.noted(secret(2))
    assert world.reads.end(KEY, {USERS: read}) == is_overtaken
    assert world.told() == []


def test_a_run_that_could_not_read_everything_leaves_nothing_to_compare_with(world: World) -> None:
    """The queue runs it again anyway."""
    world.read(1)
    world.reads.begin(KEY, [USERS])
    world.watch.noted(secret(2))
    assert world.told() == []
    assert not world.read(2)


def test_of_what_nobody_refers_to_nothing_is_kept(world: World) -> None:
    """Promise: bounded memory, also after specs that named another Secret each time."""
    world.read(1)
    world.reads.begin(KEY, [SECRET.ref("post", "next")])
    assert world.reads.refs(SECRET, "") == [SECRET.ref("post", "next")]
    world.reads.forget(KEY)
    assert world.reads.refs(SECRET, "") == []
    assert not world.reads._reads

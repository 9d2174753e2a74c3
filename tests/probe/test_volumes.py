"""Whether little room on a volume is warned of before mail is refused or deferred."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstack_probe import volumes
from mailstack_probe.volumes import Room, Volumes

MIB = 1 << 20
MESSAGE = 50 * MIB
PLENTY = Room(free=900 * MIB, size=1024 * MIB, free_inodes=60_000, inodes=65_536)
FOLDER = Path("/volume")


def room(**changes: int) -> Room:
    return Room(**{**vars(PLENTY), **changes})


@pytest.fixture
def see(monkeypatch: pytest.MonkeyPatch) -> Callable[[Room], None]:
    """Makes every volume look so."""

    def show(found: Room) -> None:
        monkeypatch.setattr(volumes, "look", lambda _: found)

    return show


@pytest.mark.parametrize(
    ("found", "full", "nearly_full"),
    [
        (PLENTY, False, False),
        # A tenth of the volume above the 75 MiB for which Postfix refuses.
        (room(free=178 * MIB), False, False),
        (room(free=177 * MIB), False, True),
        (room(free=74 * MIB), True, True),
        (room(free=50 * MIB), True, True),
        (room(free_inodes=6_000), False, True),
        (room(free_inodes=99), True, True),
        # No limit of inodes, as btrfs has none; no size, as some network file systems tell none.
        (room(free_inodes=0, inodes=0), False, False),
        (room(free=0, size=0), False, False),
    ],
)
def test_a_volume_is_warned_of_before_it_is_full(found: Room, full: bool, nearly_full: bool) -> None:
    volume = volumes.queue(FOLDER, MESSAGE)
    assert volume.is_nearly_full(found, was=False) is nearly_full
    assert volume.is_full(found) is full


def test_a_volume_that_is_as_small_as_allowed_is_not_warned_of_while_it_is_empty() -> None:
    """The queue has at least twice the size of a message."""
    empty = room(free=95 * MIB, size=100 * MIB)
    assert not volumes.queue(FOLDER, MESSAGE).is_nearly_full(empty, was=False)


def test_a_huge_volume_is_not_warned_of_while_it_has_room_for_a_hundred_messages() -> None:
    huge = room(free=6 << 30, size=4 << 40)
    assert not volumes.mail(FOLDER, MESSAGE).is_nearly_full(huge, was=False)


def test_a_warning_does_not_come_and_go_with_each_message(see: Callable[[Room], None]) -> None:
    seen = Volumes([volumes.queue(FOLDER, MESSAGE)])
    warned = []
    for free in (179, 177, 179, 190, 200, 179):
        see(room(free=free * MIB))
        seen.examine()
        warned.append(bool(seen.warnings()))
    assert warned == [False, True, True, True, False, False]


def test_a_warning_says_what_to_do_and_no_number_that_changes(see: Callable[[Room], None]) -> None:
    seen = Volumes([volumes.mail(FOLDER, MESSAGE), volumes.queue(FOLDER, MESSAGE), volumes.data(FOLDER)])
    messages = []
    for free in (20 * MIB, 10 * MIB):
        see(room(free=free))
        seen.examine()
        messages.append([each.message for each in seen.warnings()])
    assert messages[0] == messages[1]
    assert [message.rpartition("enlarge ")[2].partition(",")[0] for message in messages[0]] == [
        "spec.dovecot.storage.mailSize",
        "spec.postfix.storage.queueSize",
        "spec.postfix.storage.dataSize",
    ]


def test_only_a_lack_of_inodes_is_what_postfix_does_not_see_itself(see: Callable[[Room], None]) -> None:
    seen = Volumes([volumes.queue(FOLDER, MESSAGE)])
    assert not seen.lacks_inodes("queue")
    for found, lacks in ((room(free=0), False), (room(free_inodes=0), True)):
        see(found)
        seen.examine()
        assert seen.lacks_inodes("queue") is lacks
    assert not seen.lacks_inodes("mail")


def test_a_volume_that_cannot_be_looked_at_stays_as_it_was(tmp_path: Path) -> None:
    seen = Volumes([volumes.data(tmp_path), volumes.mail(tmp_path / "gone", MESSAGE)])
    seen.examine()
    assert [found.volume.name for found in seen.found] == ["data"]


def test_the_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    found, real = volumes.look(tmp_path), os.statvfs(tmp_path)
    assert (found.size, found.inodes) == (real.f_blocks * real.f_frsize, real.f_files)
    assert 0 < found.free <= found.size

"""Room on the volumes of mail, queue and data: what is too little, and what is little enough to warn of.

Postfix looks at the free bytes of the queue before it accepts a message, and at nothing else: without a free inode it
answers MAIL with 250, and cannot store the message. Source: smtpd(8), statvfs(3).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe.contract import StackWarning
from mailstack_probe.reasons import WarningReason

# Inodes that are needed: a file for each message in arrival, the folders of a new user.
INODES = 100
# What is warned of: a tenth of the volume above what is needed, and at most so many times that.
_MOST = 100
# Of a volume on which less than what is needed may be useful all the same.
_PART = 0.05
# Once warned of, it is so until there is so much more room: a warning that comes and goes would be written each time.
_BACK = 1.1


@dataclass(frozen=True)
class Room:
    """Of a file system: free bytes and inodes for users, and all of them; no inodes at all where it has no limit."""

    free: int
    size: int
    free_inodes: int
    inodes: int


def look(folder: Path) -> Room:
    """Raises OSError."""
    found = os.statvfs(folder)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_favail, found.f_files)


@dataclass(frozen=True)
class Volume:
    """`name` is mail, queue or data. `needed` are the free bytes without which a message is refused, but not more than
    a `part` of the volume: a small one is not full from the start. `consequence` says what happens below that, and
    `remedy` what to do."""

    name: str
    folder: Path
    needed: int
    consequence: str
    remedy: str
    part: float = 1.0

    def is_full(self, room: Room) -> bool:
        return room.free < self._needed(room) or self.lacks_inodes(room)

    def lacks_inodes(self, room: Room) -> bool:
        return room.inodes > 0 and room.free_inodes < INODES

    def is_nearly_full(self, room: Room, *, was: bool) -> bool:
        """`was`: whether it was so before."""
        more = _BACK if was else 1.0
        inodes = room.inodes > 0 and room.free_inodes < more * _threshold(INODES, room.inodes)
        return inodes or room.free < more * _threshold(self._needed(room), room.size)

    def warning(self) -> StackWarning:
        return StackWarning(
            WarningReason.VOLUME_NEARLY_FULL,
            f"the {self.name} volume has little room left: with less than {_size(self.needed)}, or without inodes, "
            f"{self.consequence}; {self.remedy}",
        )

    def _needed(self, room: Room) -> int:
        return min(self.needed, int(room.size * self.part))


def _threshold(needed: int, total: int) -> int:
    return needed + min(total // 10, _MOST * needed)


def _size(number: int) -> str:
    return f"{max(number >> 20, 1)} MiB"


def mail(folder: Path, message_size: int) -> Volume:
    """`message_size` is the largest message that Postfix accepts, in bytes."""
    return Volume(
        "mail",
        folder,
        message_size,
        "messages of the size that Postfix accepts are deferred",
        "enlarge spec.dovecot.storage.mailSize, or remove mail",
        _PART,
    )


def queue(folder: Path, message_size: int) -> Volume:
    """Postfix requires 1.5 times the largest message: smtpd(8), check_size."""
    return Volume(
        "queue",
        folder,
        message_size * 3 // 2,
        "Postfix accepts no mail",
        "enlarge spec.postfix.storage.queueSize, or remove messages",
    )


def data(folder: Path) -> Volume:
    return Volume(
        "data",
        folder,
        1 << 20,
        "the cache of address verification cannot be written",
        "enlarge spec.postfix.storage.dataSize",
        _PART,
    )


@dataclass(frozen=True)
class Found:
    """What the last look at a volume found."""

    volume: Volume
    room: Room
    nearly_full: bool


class Volumes:
    """The last look at each volume. A file system that hangs, hangs the caller of `examine` alone."""

    def __init__(self, volumes: Iterable[Volume]) -> None:
        self._volumes = tuple(volumes)
        self._found: dict[str, Found] = {}

    def examine(self) -> None:
        """A volume that cannot be looked at keeps what is known of it: other checks say what is wrong with it."""
        for volume in self._volumes:
            try:
                room = look(volume.folder)
            except OSError:
                continue
            before = self._found.get(volume.name)
            nearly_full = volume.is_nearly_full(room, was=before is not None and before.nearly_full)
            self._found[volume.name] = Found(volume, room, nearly_full)

    @property
    def found(self) -> list[Found]:
        return list(self._found.values())

    def warnings(self) -> list[StackWarning]:
        return [found.volume.warning() for found in self.found if found.nearly_full]

    def lacks_inodes(self, name: str) -> bool:
        found = self._found.get(name)
        return found is not None and found.volume.lacks_inodes(found.room)

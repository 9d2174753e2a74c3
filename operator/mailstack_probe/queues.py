"""How many messages are in Postfix's queues, and since when, read from the files of its spool."""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

QUEUES = ("incoming", "active", "deferred", "hold")
# Messages of each queue whose age is read, so that a huge queue does not cost much.
_AGES_READ = 1000
# Bytes that hold the first two records of every queue file.
_HEAD = 200


@dataclass(frozen=True)
class Queue:
    """`oldest` is the age in seconds of the oldest of the first thousand messages, 0 if there are none."""

    name: str
    messages: int
    oldest: float


def look(spool: Path) -> list[Queue]:
    """All queues. Raises OSError if the spool cannot be read."""
    return [_look(spool, name, time.time()) for name in QUEUES]


def carry_older(spool: Path, seconds: float) -> bool:
    """Whether a message that arrived longer ago than that is on its way to a server, or about to be."""
    return any(_look(spool, name, time.time()).oldest > seconds for name in ("incoming", "active"))


def _look(spool: Path, name: str, now: float) -> Queue:
    arrivals = [_arrival(file) for file in islice(_files(spool / name), _AGES_READ)]
    oldest = min((arrival for arrival in arrivals if arrival is not None), default=now)
    return Queue(name, sum(1 for _ in _files(spool / name)), max(now - oldest, 0.0))


def _files(folder: Path) -> Iterator[Path]:
    """The messages of a queue, which may be in folders by the first letters of their names.

    In `incoming` are those too that are still being received, and what a killed cleanup(8) left of one: nobody has
    been told that it was accepted, and Postfix removes it after a week. A complete file is executable: mail_queue.h.
    """
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return filter(_is_complete, found) if folder.name == "incoming" else found


def _is_complete(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IXUSR)
    except OSError:
        # It has become active.
        return False


def _arrival(file: Path) -> float | None:
    try:
        with file.open("rb") as message:
            return arrival(message.read(_HEAD))
    except OSError:
        # It has been delivered.
        return None


def arrival(head: bytes) -> float | None:
    """When the message arrived, in seconds since 1970, from the first bytes of its queue file; None if unknown.

    The modification time of a deferred message's file is that of the next delivery attempt. Source: Postfix's
    rec_type.h and record.c: a record is a letter, its length, and its text; "T" is the time of arrival.
    """
    while len(head) > 2:
        kind, length = head[0:1], head[1]
        # Lengths from 128 on take two bytes; the records of interest are shorter.
        if length > 127:
            return None
        if kind == b"T":
            return _number(head[2 : 2 + length].split()[0])
        head = head[2 + length :]
    return None


def _number(digits: bytes) -> float | None:
    return float(digits) if digits.isdigit() else None

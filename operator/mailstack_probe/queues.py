"""How many messages wait in Postfix's queues, and for how long, read from the files in its spool."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

QUEUES = ("incoming", "active", "deferred", "hold")
# Messages per queue whose age is read: a huge queue must not cost more than the figure is worth.
_LOOKED_AT = 1000
# The two records that every queue file begins with are shorter than this.
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


def _look(spool: Path, name: str, now: float) -> Queue:
    arrivals = [_arrival(file) for file in islice(_files(spool / name), _LOOKED_AT)]
    oldest = min((arrival for arrival in arrivals if arrival is not None), default=now)
    return Queue(name, sum(1 for _ in _files(spool / name)), max(now - oldest, 0.0))


def _files(folder: Path) -> Iterator[Path]:
    """The files of a queue, which may be in folders by the first letters of their names."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _arrival(file: Path) -> float | None:
    try:
        with file.open("rb") as message:
            return arrival(message.read(_HEAD))
    except OSError:
        # It was delivered in between.
        return None


def arrival(head: bytes) -> float | None:
    """When the message came, in seconds since 1970, from the first bytes of its queue file; None if they do not say.

    The time of the file would not do: that of a deferred message is when it is tried next. Source: Postfix's
    rec_type.h and record.c: a letter, the length, and so much text; "T" is the time of arrival.
    """
    while len(head) > 2:
        kind, length = head[0:1], head[1]
        # Lengths from 128 on take two bytes; the records that are looked for are shorter.
        if length > 127:
            return None
        if kind == b"T":
            return _number(head[2 : 2 + length].split()[0])
        head = head[2 + length :]
    return None


def _number(digits: bytes) -> float | None:
    return float(digits) if digits.isdigit() else None

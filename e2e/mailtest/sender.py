"""A mail server that sends to a stack while something happens to it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread

from mailtest.client import Client, letter
from mailtest.command import CommandError

# Seconds between two messages, and for the last of them when the block is over.
PERIOD, LAST = 1.0, 90.0
# Messages that wait at most: each takes seconds, for Postfix has Dovecot asked about a new address.
BACKLOG = 10


@dataclass
class Record:
    """The subjects of the messages that were accepted, in their order; of those that were refused for good; of those
    that were sent again because no reply came, although one may have been accepted; and of those that nobody took."""

    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@contextmanager
def sending(client: Client, host: str, to: str, word: str) -> Iterator[Record]:
    """Sends a message a second, and again what is not accepted, one after the other; none is made while many wait. The
    record is whole after the block. `{}` in `to` is the subject: an address that Postfix has not asked for, in each
    message."""
    with sending_to_each(client, [host], to, word) as (record,):
        yield record


@contextmanager
def sending_to_each(client: Client, hosts: Sequence[str], to: str, word: str) -> Iterator[list[Record]]:
    """The same to several hosts side by side, with a record of each."""
    records, over = [Record() for _ in hosts], Event()
    threads = [
        Thread(target=_send, args=(client, host, to, word, record, over), daemon=True)
        for host, record in zip(hosts, records, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield records
    finally:
        over.set()
        for thread in threads:
            # A message may be on its way, and have to wait for its time-out.
            thread.join(2 * LAST)
        assert not any(thread.is_alive() for thread in threads), "a sender does not end"


def _send(client: Client, host: str, to: str, word: str, record: Record, over: Event) -> None:
    for number in count():
        if len(record.left) < BACKLOG:
            record.left.append(f"{word}-{number}")
        _work_off(client, host, to, record)
        if over.wait(PERIOD):
            break
    deadline = time.monotonic() + LAST
    while record.left and time.monotonic() < deadline:
        time.sleep(PERIOD)
        _work_off(client, host, to, record)


def _work_off(client: Client, host: str, to: str, record: Record) -> None:
    """From the oldest on, until one is not taken."""
    while record.left and _is_done(client, host, to, record):
        record.left.pop(0)


def _is_done(client: Client, host: str, to: str, record: Record) -> bool:
    subject = record.left[0]
    try:
        code = client.send(host, letter(to.format(subject), subject))[0].code
    except CommandError:
        record.unclear.append(subject)
        return False
    if code == 250:
        record.accepted.append(subject)
    elif code >= 500:
        record.refused.append(subject)
    return code == 250 or code >= 500

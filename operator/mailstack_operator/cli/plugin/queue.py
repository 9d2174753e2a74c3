"""What waits in Postfix's queues, as `postqueue -j` tells it. Pure.

Source: postqueue(1), "JSON OBJECT FORMAT": one object a line.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import filterfalse

from mailstack_operator.cli.plugin import terminal
from mailstack_operator.kube.objects import Json, entries, number, text
from mailstack_probe.recipients import LOCAL_PART

HEADER = ("POD", "QUEUE", "ID", "AGE", "SIZE", "SENDER", "RECIPIENT", "REASON")


@dataclass(frozen=True)
class Recipient:
    """Who still gets the message, and why not yet; the reason is empty before the first try."""

    address: str
    reason: str


@dataclass(frozen=True)
class Message:
    """A message in a queue of the pod. `arrival` is in seconds since 1970, `size` in bytes; no sender: a bounce."""

    pod: str
    queue: str
    id: str
    arrival: int
    size: int
    sender: str
    recipients: tuple[Recipient, ...]


def messages(pod: str, output: str) -> list[Message]:
    """The messages in what `postqueue -j` printed, the oldest first. Raises ValueError if it is no JSON.

    Postfix's question for an address that the probe made up is a message for a moment, too; it is left out.
    """
    found = (_message(pod, json.loads(line)) for line in output.splitlines() if line.strip())
    return sorted(filterfalse(_is_probed, found), key=lambda message: message.arrival)


def _is_probed(message: Message) -> bool:
    return any(recipient.address.startswith(f"{LOCAL_PART}-") for recipient in message.recipients)


def _message(pod: str, entry: dict[str, Json]) -> Message:
    recipients = (Recipient(text(each, "address"), text(each, "delay_reason")) for each in entries(entry, "recipients"))
    return Message(
        pod=pod,
        queue=text(entry, "queue_name"),
        id=text(entry, "queue_id"),
        arrival=number(entry, "arrival_time"),
        size=number(entry, "message_size"),
        sender=text(entry, "sender"),
        recipients=tuple(recipients),
    )


def screen(found: Sequence[Message], now: datetime, width: int) -> str:
    """A line for each recipient."""
    if not found:
        return "no message waits\n"
    rows = [row for message in found for row in _rows(message, now)]
    return terminal.table(HEADER, rows, width)


def _rows(message: Message, now: datetime) -> Iterator[terminal.Row]:
    old, size = _age(message, now), terminal.size(message.size)
    cells = (message.pod, message.queue, message.id, old, size, message.sender or "<>")
    for recipient in message.recipients:
        yield *cells, recipient.address, recipient.reason
        # The message is told of once.
        cells = ("", "", "", "", "", "")


def summary(found: Sequence[Message], now: datetime, width: int) -> str:
    """How many messages wait in each queue, and the age of the oldest."""
    rows = []
    for queue in sorted({message.queue for message in found}):
        waiting = [message for message in found if message.queue == queue]
        oldest = min(waiting, key=lambda message: message.arrival)
        rows.append((queue, str(len(waiting)), _age(oldest, now)))
    return terminal.table(("QUEUE", "MESSAGES", "OLDEST"), rows, width)


def _age(message: Message, now: datetime) -> str:
    return terminal.age(now.timestamp() - message.arrival)

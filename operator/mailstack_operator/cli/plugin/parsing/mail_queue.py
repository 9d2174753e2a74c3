"""The messages in Postfix's queues, as `postqueue -j` prints them. Pure.

Source: postqueue(1), "JSON OBJECT FORMAT": one object a line.
"""

import json
from dataclasses import dataclass
from itertools import filterfalse

from mailstack_operator.kube.objects import Json, entries, number, text
from mailstack_probe.contract import PROBE_USER


@dataclass(frozen=True)
class Recipient:
    """A recipient who does not have the message yet, and why; the reason is empty before the first attempt."""

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


def parse_queue(pod: str, output: str) -> list[Message]:
    """The messages in what `postqueue -j` printed, the oldest first. Raises ValueError if it is not JSON.

    While Postfix verifies a recipient for the probe, that question is a message too; it is left out.
    """
    found = (_message(pod, json.loads(line)) for line in output.splitlines() if line.strip())
    return sorted(filterfalse(_is_probe_question, found), key=lambda message: message.arrival)


def _is_probe_question(message: Message) -> bool:
    return any(recipient.address.startswith(f"{PROBE_USER}-") for recipient in message.recipients)


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

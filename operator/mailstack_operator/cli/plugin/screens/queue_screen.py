"""The messages in Postfix's queues. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mailstack_operator.cli.plugin.parsing.mail_queue import Message
from mailstack_operator.cli.plugin.screens.table import Row, render_table
from mailstack_operator.cli.plugin.screens.units import format_age, format_size

HEADER = ("POD", "QUEUE", "ID", "AGE", "SIZE", "SENDER", "RECIPIENT", "REASON")


def render_queue(messages: Sequence[Message], now: datetime, width: int) -> str:
    """A line for each recipient."""
    if not messages:
        return "Queue: empty\n"
    rows = [row for message in messages for row in _rows(message, now)]
    return render_table(HEADER, rows, width)


def _rows(message: Message, now: datetime) -> Iterator[Row]:
    old, size = _age(message, now), format_size(message.size)
    cells = (message.pod, message.queue, message.id, old, size, message.sender or "<>")
    for recipient in message.recipients:
        yield *cells, recipient.address, recipient.reason
        # Only the first line of a message describes it.
        cells = ("", "", "", "", "", "")


def render_queue_summary(messages: Sequence[Message], now: datetime, width: int) -> str:
    """The number of messages in each queue, and the age of the oldest."""
    rows = []
    for queue in sorted({message.queue for message in messages}):
        waiting = [message for message in messages if message.queue == queue]
        oldest = min(waiting, key=lambda message: message.arrival)
        rows.append((queue, str(len(waiting)), _age(oldest, now)))
    return render_table(("QUEUE", "MESSAGES", "OLDEST"), rows, width)


def _age(message: Message, now: datetime) -> str:
    return format_age(now.timestamp() - message.arrival)

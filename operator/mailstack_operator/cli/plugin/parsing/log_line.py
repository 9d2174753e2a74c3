"""The lines of the servers' logs. Pure.

Postfix writes a message's queue id at the start of each of its lines. Dovecot writes its session id, which it tells
Postfix when it has the mail: `status=sent (250 2.0.0 <ADDRESS> SESSION Saved)`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from mailstack_operator.cli.plugin.parsing.timestamps import parse_time

POSTFIX = "postfix"
DOVECOT = "dovecot"

# The servers' own time, which repeats kubectl's; Postfix's with the name of its host.
_STAMP = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:\S+ (?=\S+\[\d+\]: ))?")
_QUEUE_ID = re.compile(r"\S+\[\d+\]: (?!NOQUEUE: )([0-9A-Za-z]+): ")
_DELIVERING = re.compile(r"lmtp\(.*?\)<\d+><([^<>]+)>: ")
_SENT = re.compile(r" status=sent \(250 2\.0\.0 <[^>]*> (\S+) Saved\)")
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Line:
    """A line of a container's log; `text` is without the server's own time."""

    time: datetime
    pod: str
    container: str
    text: str

    @property
    def queue_id(self) -> str:
        """The message that a line of Postfix is about; empty if it is about none."""
        found = _QUEUE_ID.match(self.text) if self.container == POSTFIX else None
        return found[1] if found else ""

    @property
    def delivering_session(self) -> str:
        """The LMTP session in which a line of Dovecot was written, for one recipient; empty if there is none."""
        found = _DELIVERING.match(self.text) if self.container == DOVECOT else None
        return found[1] if found else ""

    @property
    def sent_session(self) -> str:
        """The session in which Dovecot saved what a line of Postfix reports as sent; empty if it reports nothing."""
        found = _SENT.search(self.text) if self.queue_id else None
        return found[1] if found else ""


def parse_log(pod: str, container: str, output: str) -> list[Line]:
    """What `kubectl logs --timestamps` printed."""
    return [_line(pod, container, line) for line in output.splitlines()]


def _line(pod: str, container: str, line: str) -> Line:
    stamp, _, text = line.partition(" ")
    return Line(parse_time(stamp) or _NEVER, pod, container, _STAMP.sub("", text, count=1))

"""The logs of both servers: merged, one message's way through them, and what Postfix refused. Pure.

Postfix writes a message's queue id at the start of each of its lines. Dovecot writes its session id, which it tells
Postfix when it has the mail: `status=sent (250 2.0.0 <ADDRESS> SESSION Saved)`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailstack_operator.cli.plugin import terminal
from mailstack_probe.recipients import LOCAL_PART

POSTFIX = "postfix"
DOVECOT = "dovecot"

# The servers' own time, which is kubectl's again; Postfix's with the name of its host.
_STAMP = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:\S+ (?=\S+\[\d+\]: ))?")
_QUEUE_ID = re.compile(r"\S+\[\d+\]: (?!NOQUEUE: )([0-9A-Za-z]+): ")
_SAVED = re.compile(r"status=sent \(250 2\.0\.0 <[^>]*> ([^\s:]+)\S* Saved\)")
# One without a domain is "unspecified" to Dovecot.
_MESSAGE_ID = re.compile(r": message-id=(<[^>]+@[^>]+>)")
_REFUSAL = re.compile(r": \w+: reject: \w+ from \S*\[(\S+)\]: (\d{3})(.*); from=<(.*?)>(?: to=<(.*?)>)? ")
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Line:
    """A line of a container's log; `words` are without the server's own time."""

    time: datetime
    pod: str
    container: str
    words: str

    @property
    def queue_id(self) -> str:
        """The message that Postfix speaks of; empty if it speaks of none."""
        found = _QUEUE_ID.match(self.words) if self.container == POSTFIX else None
        return found[1] if found else ""


def lines(pod: str, container: str, output: str) -> list[Line]:
    """What `kubectl logs --timestamps` printed."""
    return [_line(pod, container, line) for line in output.splitlines()]


def _line(pod: str, container: str, line: str) -> Line:
    stamp, _, words = line.partition(" ")
    return Line(terminal.moment(stamp) or _NEVER, pod, container, _STAMP.sub("", words, count=1))


def newest_message(found: Sequence[Line], address: str) -> str:
    """The queue id of the last message to the address; empty if there is none. Verification's own do not count."""
    recipient = f": to=<{address.casefold()}>,"
    ids = (line.queue_id for line in reversed(found) if recipient in line.words.casefold() and _is_mail(line))
    return next(filter(None, ids), "")


def _is_mail(line: Line) -> bool:
    return not re.search(r"status=(un)?deliverable ", line.words)


def transaction(found: Sequence[Line], queue_id: str) -> list[Line]:
    """Postfix's lines of the message, and Dovecot's of the LMTP sessions in which it came there."""
    own = [line for line in found if line.queue_id == queue_id]
    keys = [f"<{key[1]}" for line in own for key in _SAVED.finditer(line.words)]
    keys += [f"msgid={key[1]}" for line in own for key in _MESSAGE_ID.finditer(line.words)]
    return [line for line in found if line in own or (line.container == DOVECOT and _names(line, keys))]


def _names(line: Line, keys: Sequence[str]) -> bool:
    return any(key in line.words for key in keys)


def screen(found: Sequence[Line]) -> str:
    """A line each: container, time (UTC), words; the pod too if several have this container."""
    titles = _titles(found)
    widest = max(map(len, titles.values()), default=0)
    return "".join(
        f"{titles[line.pod, line.container]:{widest}}  {_clock(line.time)}  {terminal.printable(line.words)}\n"
        for line in found
    )


def _titles(found: Sequence[Line]) -> dict[tuple[str, str], str]:
    """How each pod's container is called."""
    places = {(line.pod, line.container) for line in found}
    containers = [container for _, container in places]
    return {
        (pod, container): container if containers.count(container) == 1 else f"{pod}/{container}"
        for pod, container in places
    }


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}"


@dataclass(frozen=True)
class Refusal:
    """A command that Postfix refused. `client` is an IP address; `recipient` is empty if it was not RCPT."""

    time: datetime
    client: str
    sender: str
    recipient: str
    reply: str


def refusals(found: Iterable[Line]) -> list[Refusal]:
    """What Postfix refused; not the probe's questions for an address that nobody has."""
    matches = ((line.time, _REFUSAL.search(line.words)) for line in found if line.container == POSTFIX)
    every = [_refusal(time, match) for time, match in matches if match]
    return [refusal for refusal in every if not refusal.recipient.startswith(f"{LOCAL_PART}-")]


def _refusal(time: datetime, match: re.Match[str]) -> Refusal:
    client, code, words, sender, recipient = match.groups()
    return Refusal(time, client, sender, recipient or "", f"{code} {_short(words)}")


def _short(words: str) -> str:
    """The words that tell why; of Dovecot's answer, which Postfix quotes, just that."""
    told = words.rpartition(" said: ")[2].removesuffix(" (in reply to RCPT TO command)")
    return re.sub(r"^(?:\d{3})?(?: \d\.\d\.\d)? ?(?:<[^>]*>:? )?(?:\w+ address rejected: )?", "", told)


def refusals_screen(found: Sequence[Refusal], now: datetime, width: int) -> str:
    """A table, the last one at the end."""
    rows = [
        (_age(each, now), each.client, each.sender or "<>", each.recipient or "-", _cut(each.reply)) for each in found
    ]
    return terminal.table(("AGE", "CLIENT", "SENDER", "RECIPIENT", "ANSWER"), rows, width)


def _age(refusal: Refusal, now: datetime) -> str:
    return terminal.age((now - refusal.time).total_seconds())


def _cut(reply: str, longest: int = 120) -> str:
    return reply if len(reply) <= longest else f"{reply[: longest - 3]}..."

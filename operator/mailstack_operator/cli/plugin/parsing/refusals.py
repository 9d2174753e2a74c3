"""What Postfix refused, from its log. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailstack_operator.cli.plugin.parsing.log_line import POSTFIX, Line
from mailstack_probe.contract import PROBE_USER

_REFUSAL = re.compile(r": \w+: reject: \w+ from \S*\[(\S+)\]: (\d{3})(.*); from=<(.*?)>(?: to=<(.*?)>)? ")


@dataclass(frozen=True)
class Refusal:
    """A command that Postfix refused. `client` is an IP address; `recipient` is empty if it was not RCPT."""

    time: datetime
    client: str
    sender: str
    recipient: str
    reply: str


def find_refusals(lines: Iterable[Line]) -> list[Refusal]:
    """What Postfix refused, without the probe's own questions."""
    matches = ((line.time, _REFUSAL.search(line.text)) for line in lines if line.container == POSTFIX)
    every = [_refusal(time, match) for time, match in matches if match]
    return [refusal for refusal in every if not _is_probe_question(refusal)]


def _is_probe_question(refusal: Refusal) -> bool:
    """The probe asks for recipients of its own, and on port 25 no further than MAIL."""
    is_mail = refusal.client == "127.0.0.1" and not refusal.recipient
    return is_mail or refusal.recipient.startswith(f"{PROBE_USER}-")


def _refusal(time: datetime, match: re.Match[str]) -> Refusal:
    client, code, text, sender, recipient = match.groups()
    return Refusal(time, client, sender, recipient or "", f"{code} {_shorten(text)}")


def _shorten(text: str) -> str:
    """The reason; where Postfix quotes Dovecot's reply, only that of the reply."""
    reason = text.rpartition(" said: ")[2].removesuffix(" (in reply to RCPT TO command)")
    return re.sub(r"^(?:\d{3})?(?: \d\.\d\.\d)? ?(?:<[^>]*>:? )?(?:\w+ address rejected: )?", "", reason)

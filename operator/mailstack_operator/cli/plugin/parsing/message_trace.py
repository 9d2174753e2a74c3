"""One message's way through the logs of both servers. Pure."""

import re
from collections.abc import Sequence

from mailstack_operator.cli.plugin.parsing.log_line import DOVECOT, Line

# Dovecot calls a Message-ID without a domain "unspecified".
_MESSAGE_ID = re.compile(r": message-id=(<[^>]+@[^>]+>)")
_VERIFICATION = re.compile(r"status=(un)?deliverable ")


def find_newest_message(lines: Sequence[Line], address: str) -> str:
    """The queue id of the last message to the address; empty if there is none. Verification's own do not count."""
    recipient = f": to=<{address.casefold()}>,"
    ids = (
        line.queue_id
        for line in reversed(lines)
        if recipient in line.text.casefold() and not _VERIFICATION.search(line.text)
    )
    return next(filter(None, ids), "")


def trace_message(lines: Sequence[Line], queue_id: str) -> list[Line]:
    """Postfix's lines of the message, and Dovecot's of the LMTP sessions that delivered it."""
    own = [line for line in lines if line.queue_id == queue_id]
    keys = [f"<{line.sent_session.partition(':')[0]}" for line in own if line.sent_session]
    keys += [f"msgid={key[1]}" for line in own for key in _MESSAGE_ID.finditer(line.text)]
    return [line for line in lines if line in own or (line.container == DOVECOT and _contains(line, keys))]


def _contains(line: Line, keys: Sequence[str]) -> bool:
    return any(key in line.text for key in keys)

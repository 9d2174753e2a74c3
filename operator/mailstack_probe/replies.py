"""The replies of mail servers, read line by line. Pure.

Sources: RFC 5321 (SMTP), RFC 9051 (IMAP), RFC 5804 (ManageSieve).
"""

import re
from dataclasses import dataclass

# In Dovecot's reply to RCPT for a non-existent recipient; Postfix passes it on.
UNKNOWN = "User doesn't exist"
_SMTP_LINE = re.compile(r"([2-5]\d\d)(?:[ -](.*))?")


@dataclass(frozen=True)
class Reply:
    """An SMTP or LMTP reply: its code, and the text of all its lines."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def smtp(lines: list[str]) -> Reply | None:
    """The reply in these lines; None if they are not SMTP."""
    parts = [_SMTP_LINE.fullmatch(line) for line in lines]
    found = [part for part in parts if part]
    if not found or len(found) != len(parts):
        return None
    return Reply(int(found[-1][1]), " ".join(part[2] or "" for part in found))


def has_next_line(line: str) -> bool:
    """Whether another line of the same SMTP reply follows."""
    return line[3:4] == "-"


def imap_is_open(greeting: str) -> bool:
    return greeting.upper().startswith("* OK")


def is_sieve_capability(line: str) -> bool:
    """Whether another line of ManageSieve's greeting follows: a capability is a quoted string."""
    return line.startswith('"')


def sieve_is_open(last_line: str) -> bool:
    return re.match(r"OK\b", last_line, re.IGNORECASE) is not None

"""What the answers of mail servers mean. Pure.

Sources: RFC 5321 (SMTP), RFC 9051 (IMAP), RFC 5804 (ManageSieve), Postfix's ADDRESS_VERIFICATION_README.
"""

import re
from dataclasses import dataclass

# Dovecot's words for an address that nobody has, in its answer to RCPT; Postfix passes them on.
UNKNOWN = "User doesn't exist"
# Postfix's words while it still waits for Dovecot's answer.
_PENDING = "verification in progress"
_MISCONFIGURED = "Server configuration error"
_SMTP_LINE = re.compile(r"([2-5]\d\d)(?:[ -](.*))?")


@dataclass(frozen=True)
class Reply:
    """An SMTP reply: its code, and the words of all its lines."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()

    @property
    def temporary(self) -> bool:
        """Whether it may be another one soon.

        421 ends the session, a mistake in the configuration stays, and Dovecot's word is the last one.
        """
        final = self.code == 421 or _MISCONFIGURED in self.text or UNKNOWN in self.text
        return 400 <= self.code < 500 and not final

    @property
    def pending(self) -> bool:
        """Whether Postfix still waits for Dovecot's answer about the recipient."""
        return _PENDING in self.text


def smtp(lines: list[str]) -> Reply | None:
    """The reply that these lines are; None if they are not SMTP."""
    parts = [_SMTP_LINE.fullmatch(line) for line in lines]
    found = [part for part in parts if part]
    if not found or len(found) != len(parts):
        return None
    return Reply(int(found[-1][1]), " ".join(part[2] or "" for part in found))


def smtp_goes_on(line: str) -> bool:
    """Whether another line of the same reply follows."""
    return line[3:4] == "-"


def imap_is_open(greeting: str) -> bool:
    return greeting.upper().startswith("* OK")


def sieve_goes_on(line: str) -> bool:
    """Whether another line of ManageSieve's greeting follows: its capabilities are strings in quotes."""
    return line.startswith('"')


def sieve_is_open(last_line: str) -> bool:
    return re.match(r"OK\b", last_line, re.IGNORECASE) is not None


def recipient_problem(address: str, reply: Reply, expected: int) -> str | None:
    """What is wrong with the reply to RCPT for an address that nobody has; None if it is as it should be.

    `expected` is 550 or 450, the code of the refusal, or 250 where Postfix does not verify addresses.
    """
    if expected == 250:
        return None if reply.code == 250 else f"Postfix refuses {address} although it verifies no address: {reply}"
    if reply.code == 250:
        return (
            f"Postfix accepts an address that does not exist ({reply}): address verification does not work; "
            f"{address} must go to Dovecot by LMTP, and nothing may permit it before reject_unverified_recipient"
        )
    if reply.code != expected or UNKNOWN not in reply.text:
        return f"Postfix must refuse {address} by {expected} and Dovecot's {UNKNOWN!r}, but says: {reply}"
    return None


def another(address: str, number: int) -> str:
    """An address just as unknown: verify(8) keeps a temporary answer, and gives it again for the former one."""
    local, _, domain = address.rpartition("@")
    return f"{local}-{number}@{domain}"

"""What Dovecot is asked about a user: by Postfix for a recipient and with a message, and by a mail program."""

import imaplib
import smtplib
import time
from contextlib import suppress
from pathlib import Path

from harness.errors import HarnessError

PASSWORD = "sample" * 18  # as long as a hash
MESSAGE = f"Subject: bench\r\n\r\n{('x' * 70 + chr(13) + chr(10)) * 55}"
# Seconds.
LIMIT = 60.0


def recipient(socket: Path, user: str) -> None:
    """As Postfix's verification. Raises HarnessError, OSError."""
    with smtplib.LMTP(str(socket)) as session:
        session.ehlo("bench")
        _expect(session.mail(""))
        _expect(session.rcpt(user))


def deliver(socket: Path, user: str) -> None:
    """Raises HarnessError, OSError."""
    with smtplib.LMTP(str(socket)) as session:
        session.sendmail("", [user], MESSAGE)


def login(address: str, user: str) -> None:
    """Raises HarnessError, OSError."""
    try:
        with imaplib.IMAP4(address, timeout=LIMIT) as session:
            session.login(user, PASSWORD)
    except imaplib.IMAP4.error as error:
        raise HarnessError(f"{user} cannot log in: {error}") from error


def until_known(socket: Path, user: str) -> None:
    """Raises HarnessError if it lasts too long."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        with suppress(OSError, HarnessError, smtplib.SMTPException):
            return recipient(socket, user)
        time.sleep(0.02)
    raise HarnessError(f"{user} is not known")


def _expect(answer: tuple[int, bytes]) -> None:
    if answer[0] != 250:
        raise HarnessError(f"Dovecot answers {answer[0]} {answer[1].decode(errors='replace')}")

"""Which certificate a server shows, and whether sessions outlive its renewal."""

import imaplib
import time

from mailtest.agent import imap, sieve, smtp, tls
from mailtest.wire import Endpoint, Held, Protocol

POLL_SECONDS = 1.0


def fingerprint(endpoint: Endpoint, protocol: Protocol) -> str:
    """SHA-256 of the certificate, in hex, that a new connection gets to see; "" without TLS."""
    if protocol == "imap":
        with imap.connect(endpoint) as connection:
            return tls.fingerprint(connection.sock)
    with sieve.Session(endpoint) if protocol == "sieve" else smtp.connect(endpoint) as session:
        return tls.fingerprint(session.sock)


def hold(endpoint: Endpoint, seconds: float) -> Held:
    """Keep an IMAP session open until new ones see another certificate, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    with imap.session(endpoint) as session:
        before = after = tls.fingerprint(session.sock)
        while after == before and time.monotonic() < deadline:
            session.noop()
            time.sleep(POLL_SECONDS)
            after = _renewed(endpoint, before)
        return Held(before, after, alive=session.select("INBOX", readonly=True)[0] == "OK")


def _renewed(endpoint: Endpoint, before: str) -> str:
    """What a new connection sees; `before` while the server reads its files anew, and says BYE to whoever comes."""
    try:
        return fingerprint(endpoint, "imap")
    except (OSError, imaplib.IMAP4.error):
        return before

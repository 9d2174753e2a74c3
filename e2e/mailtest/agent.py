"""Runs inside the client pod: speaks SMTP and IMAP as any mail program does.

Reads one request as JSON from stdin, writes one answer as JSON to stdout. Its source is handed to the pod's
`python3 -c`, so it imports the standard library only. Bytes travel as base64. Every conversation has a time-out.
"""

import base64
import imaplib
import json
import smtplib
import sys
import time
from collections.abc import Callable
from typing import Any

SECONDS = 30
SENDER = "sender@example.net"


def ask(host: str, recipients: list[str]) -> list[dict[str, Any]]:
    """What the server answers to RCPT for each recipient, in one session; no mail is sent."""
    with _session(host) as smtp:
        smtp.mail(SENDER)
        return [_timed(smtp, recipient) for recipient in recipients]


def send(host: str, messages: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Send each message {to, data} in a transaction of its own; the last reply of each."""
    with _session(host) as smtp:
        return [_transaction(smtp, message["to"], base64.b64decode(message["data"])) for message in messages]


def fetch(host: str, user: str, password: str) -> list[str]:
    """Every message in the user's INBOX, whole, in base64."""
    with imaplib.IMAP4(host, timeout=SECONDS) as imap:
        imap.login(user, password)
        imap.select("INBOX", readonly=True)
        numbers = imap.search(None, "ALL")[1][0].split()
        return [_whole(imap.fetch(number, "(BODY.PEEK[])")[1]) for number in numbers]


def _session(host: str) -> smtplib.SMTP:
    smtp = smtplib.SMTP(host, 25, local_hostname="client.example.net", timeout=SECONDS)
    smtp.ehlo()
    return smtp


def _timed(smtp: smtplib.SMTP, recipient: str) -> dict[str, Any]:
    start = time.monotonic()
    answer = _reply(smtp.rcpt(recipient))
    return {**answer, "seconds": time.monotonic() - start}


def _transaction(smtp: smtplib.SMTP, recipient: str, data: bytes) -> dict[str, Any]:
    smtp.rset()
    for reply in (smtp.mail(SENDER, ["BODY=8BITMIME"]), smtp.rcpt(recipient)):
        if reply[0] >= 300:
            return _reply(reply)
    return _reply(smtp.data(data))


def _reply(reply: tuple[int, bytes]) -> dict[str, Any]:
    return {"code": reply[0], "text": reply[1].decode("utf-8", "replace")}


def _whole(parts: list[Any]) -> str:
    return base64.b64encode(parts[0][1]).decode()


VERBS: dict[str, Callable[..., Any]] = {"ask": ask, "send": send, "fetch": fetch}

if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(VERBS[request.pop("verb")](**request), sys.stdout)

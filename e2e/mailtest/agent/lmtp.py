"""LMTP over TCP (RFC 2033): after DATA there is a reply for each accepted recipient."""

import base64
import smtplib

from mailtest.agent.smtp import NamedTls, as_reply, timed
from mailtest.wire import Endpoint, Reply


class _Lmtp(NamedTls):
    ehlo_msg = "lhlo"


def deliver(endpoint: Endpoint, sender: str, recipients: list[str], data: str) -> dict[str, list[Reply]]:
    """One message to all: {"rcpt": the reply to each RCPT, "data": the reply for each that RCPT accepted}."""
    with _session(endpoint) as lmtp:
        lmtp.mail(sender)
        rcpt = [timed(lmtp, recipient) for recipient in recipients]
        accepted = sum(reply.code == 250 for reply in rcpt)
        return {"rcpt": rcpt, "data": _data(lmtp, base64.b64decode(data), accepted) if accepted else []}


def _session(endpoint: Endpoint) -> _Lmtp:
    lmtp = _Lmtp(endpoint, endpoint.port_of("lmtp"))
    lmtp.ehlo()
    if endpoint.security == "starttls":
        lmtp.start_tls()
    return lmtp


def _data(lmtp: smtplib.SMTP, data: bytes, accepted: int) -> list[Reply]:
    first = as_reply(lmtp.data(data))
    return [first, *(as_reply(lmtp.getreply()) for _ in range(accepted - 1))]

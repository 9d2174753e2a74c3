"""SMTP and submission."""

import base64
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace

from mailtest.agent import HELO, SECONDS, oauth2, tls
from mailtest.wire import Endpoint, Reply


def ask(endpoint: Endpoint, sender: str, recipients: list[str]) -> list[Reply]:
    """What the server answers to RCPT for each recipient, in one session; no mail is sent."""
    with session(endpoint) as smtp:
        smtp.mail(sender)
        return [timed(smtp, recipient) for recipient in recipients]


def send(endpoint: Endpoint, sender: str, messages: list[dict[str, str]]) -> list[Reply]:
    """Send each message {to, data} in a transaction of its own; the last reply of each."""
    with session(endpoint) as smtp:
        return [_transaction(smtp, sender, each["to"], base64.b64decode(each["data"])) for each in messages]


def authenticate(endpoint: Endpoint) -> Reply:
    """The reply to AUTH: 235 when the server lets the user in."""
    with connect(endpoint) as smtp:
        return _authenticate(smtp, endpoint)


def extensions(endpoint: Endpoint) -> list[str]:
    """What EHLO offers on this connection, such as "starttls" or "auth PLAIN LOGIN"."""
    with connect(endpoint) as smtp:
        return [f"{name} {words.strip()}".strip() for name, words in smtp.esmtp_features.items()]


def say(endpoint: Endpoint, lines: list[str]) -> list[Reply]:
    """The reply to each line; nothing else is said, not even EHLO."""
    with _greeted(endpoint) as smtp:
        return [as_reply(smtp.docmd(line)) for line in lines]


def session(endpoint: Endpoint) -> smtplib.SMTP:
    """Connected, and logged in if the endpoint names a user. Raises AssertionError when the login is refused."""
    smtp = connect(endpoint)
    if endpoint.user:
        reply = _authenticate(smtp, endpoint)
        assert reply.code == 235, f"AUTH: {reply}"
    return smtp


def connect(endpoint: Endpoint) -> smtplib.SMTP:
    """After EHLO, over TLS if the endpoint says so."""
    smtp = _greeted(endpoint)
    smtp.ehlo()
    if endpoint.security == "starttls":
        smtp.start_tls()
    return smtp


def _greeted(endpoint: Endpoint) -> "NamedTls":
    """Before the first command, and before STARTTLS."""
    kind = _ImplicitTls if endpoint.security == "tls" else NamedTls
    return kind(endpoint, endpoint.port_of("smtp"))


class NamedTls(smtplib.SMTP):
    """SMTP whose TLS asks for the endpoint's name, and not for the host's."""

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.endpoint = endpoint
        super().__init__(endpoint.host, port, local_hostname=HELO, timeout=SECONDS)

    def start_tls(self) -> None:
        code, text = self.docmd("STARTTLS")
        assert code == 220, f"STARTTLS: {code} {text.decode()}"
        assert self.sock
        self.sock = self.wrap(self.sock)
        self.file = None  # smtplib reads through this; the next reply comes from the new socket
        self.ehlo()

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        return tls.context(self.endpoint).wrap_socket(plain, server_hostname=tls.name(self.endpoint))


class _ImplicitTls(NamedTls):
    """TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.wrap(socket.create_connection((host, port), timeout))


def _authenticate(smtp: smtplib.SMTP, endpoint: Endpoint) -> Reply:
    smtp.user, smtp.password = endpoint.user, endpoint.password
    methods: dict[str, Callable[..., str]] = {
        "PLAIN": smtp.auth_plain,
        "LOGIN": smtp.auth_login,
        **dict.fromkeys(oauth2.MECHANISMS, lambda challenge=None: _token(endpoint, challenge)),
    }
    mechanism = endpoint.mechanism or "PLAIN"
    try:
        return as_reply(smtp.auth(mechanism, methods[mechanism]))
    except smtplib.SMTPAuthenticationError as refused:
        return as_reply((refused.smtp_code, refused.smtp_error))


def _token(endpoint: Endpoint, challenge: bytes | None) -> str:
    return oauth2.response(endpoint) if challenge is None else oauth2.UNDERSTOOD


def _transaction(smtp: smtplib.SMTP, sender: str, recipient: str, data: bytes) -> Reply:
    smtp.rset()
    for reply in (smtp.mail(sender, ["BODY=8BITMIME", f"SIZE={len(data)}"]), smtp.rcpt(recipient)):
        if reply[0] >= 300:
            return as_reply(reply)
    return as_reply(smtp.data(data))


def timed(smtp: smtplib.SMTP, recipient: str) -> Reply:
    """The reply to RCPT, and how long it took."""
    start = time.monotonic()
    reply = as_reply(smtp.rcpt(recipient))
    return replace(reply, seconds=time.monotonic() - start)


def as_reply(reply: tuple[int, bytes | str]) -> Reply:
    text = reply[1]
    return Reply(reply[0], text if isinstance(text, str) else text.decode("utf-8", "replace"))

"""The dialogue of a mail server with another, up to RCPT: at which stage came which reply.

Sources: RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 3207 (STARTTLS).
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailstack_probe.replies import Reply
from mailstack_probe.sessions import Problem, Session


class Stage(StrEnum):
    """What a reply answers, as messages name it."""

    CONNECTION = "the connection"
    EHLO = "EHLO"
    LHLO = "LHLO"
    STARTTLS = "STARTTLS"
    MAIL = "MAIL"
    RCPT = "RCPT"


@dataclass(frozen=True)
class Answer:
    """A reply and its stage."""

    stage: Stage
    reply: Reply

    @property
    def accepted(self) -> bool:
        if self.stage in (Stage.CONNECTION, Stage.STARTTLS):
            return self.reply.code == 220
        return 200 <= self.reply.code < 300

    def __str__(self) -> str:
        return f"{self.stage} with {self.reply}"


@dataclass(frozen=True)
class Tls:
    """STARTTLS is required, and the certificate must be for `name`."""

    context: ssl.SSLContext
    name: str


def start(session: Session, hello: Stage = Stage.EHLO, tls: Tls | None = None, client: str = "localhost") -> Answer:
    """The answer to MAIL, or the first one that is no success; `client` is the name in EHLO.

    Raises Problem as `Session.ask` and `encrypt` do.
    """
    answer = Answer(Stage.CONNECTION, session.reply())
    for stage, command in _commands(f"{hello} {client}", hello, tls):
        if not answer.accepted:
            break
        if answer.stage is Stage.STARTTLS and tls:
            session.encrypt(tls.context, tls.name)
        answer = Answer(stage, session.ask(command))
    return answer


def greet(session: Session, client: str = "localhost") -> Answer:
    """The answer to EHLO, or to the connection if that is no success. Raises Problem as `Session.ask` does."""
    answer = Answer(Stage.CONNECTION, session.reply())
    return Answer(Stage.EHLO, session.ask(f"EHLO {client}")) if answer.accepted else answer


def _commands(greeting: str, hello: Stage, tls: Tls | None) -> Iterator[tuple[Stage, str]]:
    yield hello, greeting
    if tls:
        yield Stage.STARTTLS, "STARTTLS"
        yield hello, greeting
    # The sender of bounces, and of Postfix's own address verification.
    yield Stage.MAIL, "MAIL FROM:<>"


def ask(session: Session, recipient: str) -> Answer:
    """The answer to RCPT, after `start` was accepted. Raises Problem as `Session.ask` does."""
    return Answer(Stage.RCPT, session.ask(f"RCPT TO:<{recipient}>"))


def quit_session(session: Session) -> None:
    """Ends the session politely; the outcome does not matter."""
    try:
        session.ask("QUIT")
    except Problem:
        return

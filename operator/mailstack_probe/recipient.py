"""Asks both servers of a Postfix pod about one recipient, for `kubectl mailstack verify`.

    python -m mailstack_probe.recipient --smtp=25 --host=POD_IP --lmtp=unix:/PATH --address=alice@example.org

Prints a JSON object with `smtp` and `lmtp`, each `{"code": 250, "text": "2.1.5 OK"}`: the reply to RCPT, or to the
earlier command that was refused; code 0 if there was no reply, with the error as text.
"""

import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mailstack_probe import dialogue, identity, listeners
from mailstack_probe.contract import RecipientOptions
from mailstack_probe.dialogue import Stage, Tls
from mailstack_probe.listeners import Listener
from mailstack_probe.replies import Reply
from mailstack_probe.sessions import Problem, Session
from mailstack_probe.verdicts import Found

# Seconds for each server: Postfix asks Dovecot, which may take five, and its policy service.
LIMIT = 15.0


def smtp(host: str, port: int, recipient: str) -> Reply:
    """The reply to another mail server; asked from the pod's own IP address, which Postfix does not trust."""

    def connect() -> Session:
        deadline = time.monotonic() + LIMIT
        connection = socket.create_connection((host, port), timeout=LIMIT)
        return Session(f"SMTP on port {port}", connection, deadline)

    return _ask(connect, recipient, Stage.EHLO, client=literal(host))


def literal(address: str) -> str:
    """How an SMTP client without a name calls itself (RFC 5321, 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def lmtp(listener: Listener, recipient: str) -> Reply:
    """The reply to Postfix."""
    try:
        tls = listener.tls()
    except Found as found:
        return _no_reply(found)
    return _ask(lambda: listener.connect(time.monotonic() + LIMIT), recipient, Stage.LHLO, tls)


def _ask(
    connect: Callable[[], Session], recipient: str, hello: Stage, tls: Tls | None = None, client: str = "localhost"
) -> Reply:
    try:
        with closing(connect()) as session:
            answer = dialogue.start(session, hello, tls, client)
            if answer.accepted:
                answer = dialogue.ask(session, recipient)
            dialogue.quit_session(session)
            # Without TLS Postfix does not ask.
            refused_tls = answer.stage is Stage.STARTTLS
            return Reply(0, f"the server answered {answer}") if refused_tls else answer.reply
    except (Found, Problem) as problem:
        return _no_reply(problem)
    except OSError as error:
        return Reply(0, error.strerror or str(error))


def _no_reply(problem: Exception) -> Reply:
    return Reply(0, str(problem))


def main() -> None:
    options = RecipientOptions.parse()
    # Only the user postfix may open Dovecot's socket.
    if options.ids:
        identity.become(Path(options.ids), None)
    replies = {
        "smtp": smtp(options.host, options.smtp, options.address),
        "lmtp": lmtp(listeners.listener(options.lmtp, options.lmtp_ca), options.address),
    }
    print(json.dumps({server: {"code": reply.code, "text": reply.text} for server, reply in replies.items()}))


if __name__ == "__main__":
    main()

"""Asks Dovecot over LMTP what Postfix would ask, on the very listener that Postfix uses."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailstack_probe import lmtp_verdicts
from mailstack_probe.listeners import Listener
from mailstack_probe.replies import Reply
from mailstack_probe.sessions import Closed, Foreign, Problem, Session, Silent
from mailstack_probe.verdicts import Found, Verdict

# Seconds for one dialogue.
LIMIT = 1.0
# Seconds for which a failure is ridden out, and between two tries: a reload of Dovecot makes its socket anew.
RIDE_OUT = 0.5
PAUSE = 0.25


@dataclass(frozen=True)
class Questions:
    """Whom to ask for: an address that nobody has, and users whom Dovecot must know."""

    nobody: str
    users: Sequence[str] = ()


def check(listener: Listener, questions: Questions) -> Verdict:
    """The verdict that lasts: a failure counts if the next tries find one, too."""
    return lasting(lambda: examine(listener, questions))


def lasting(attempt: Callable[[], Verdict]) -> Verdict:
    """The first good verdict, or the last one: of at least two tries, and half a second."""
    start = time.monotonic()
    verdict = attempt()
    tries = 1
    while not verdict.good and (tries < 2 or time.monotonic() - start < RIDE_OUT):
        time.sleep(PAUSE)
        verdict = attempt()
        tries += 1
    return verdict


def examine(listener: Listener, questions: Questions) -> Verdict:
    """One dialogue, of LIMIT seconds at most."""
    try:
        with listener.connect(time.monotonic() + LIMIT) as session:
            return _dialogue(session, listener, questions)
    except Found as found:
        return found.verdict
    except Silent:
        return lmtp_verdicts.frozen(listener.title)
    except Closed:
        return lmtp_verdicts.closed(listener.title)
    except Foreign as foreign:
        return lmtp_verdicts.bad_greeting(listener.title, foreign.line)


def _dialogue(session: Session, listener: Listener, questions: Questions) -> Verdict:
    _greeting(session)
    _demand(session, "LHLO localhost")
    if listener.secure(session):
        _demand(session, "LHLO localhost")
    _demand(session, "MAIL FROM:<>")
    nobody = session.ask(f"RCPT TO:<{questions.nobody}>")
    users = list(_ask_for(session, questions.users))
    _leave(session)
    return lmtp_verdicts.of_recipients(listener.title, nobody, users)


def _greeting(session: Session) -> None:
    greeting = session.reply()
    if greeting.code != 220:
        raise Found(lmtp_verdicts.bad_greeting(session.title, str(greeting)))


def _demand(session: Session, command: str) -> None:
    reply = session.ask(command)
    if reply.code != 250:
        raise Found(lmtp_verdicts.unexpected(command, reply))


def _ask_for(session: Session, users: Sequence[str]) -> Iterator[tuple[str, Reply]]:
    """The reply for each user, up to the one whom Dovecot knows."""
    for user in users:
        reply = session.ask(f"RCPT TO:<{user}>")
        yield user, reply
        if lmtp_verdicts.proves_user(reply):
            return


def _leave(session: Session) -> None:
    """Ends the session politely; what it was for is known already."""
    try:
        session.ask("RSET")
        session.ask("QUIT")
    except Problem:
        return

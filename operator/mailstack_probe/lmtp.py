"""Asks Dovecot over LMTP what Postfix would ask, on the very listener that Postfix uses."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailstack_probe import lmtp_verdicts, sentinel
from mailstack_probe.listeners import Listener
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import Reply
from mailstack_probe.sentinel import Sentinel
from mailstack_probe.sessions import Closed, Foreign, Problem, Session, Silent
from mailstack_probe.verdicts import Found, Verdict

# Seconds until Dovecot has greeted, and is ready for recipients: that asks nobody else.
LIMIT = 1.0
# Seconds for its answers about recipients: it holds back the news that its user source is broken for 2 to 3 s. No more,
# because a Dovecot that freezes just then has this time and one LIMIT until it is told.
ANSWERS = 3.5
# Seconds for which a failure is ridden out, and from one try to the next: a reload of Dovecot makes its socket anew.
RIDE_OUT = 0.5
PAUSE = 0.25


@dataclass(frozen=True)
class Questions:
    """Whom to ask for: an address that nobody has, and users whom Dovecot must know."""

    nobody: str
    users: Sequence[str] = ()


class Dovecot:
    """Dovecot behind a listener; `ended` is called when it ends between two checks."""

    def __init__(self, listener: Listener, ended: Callable[[], None]) -> None:
        self._listener = listener
        self._sentinel = Sentinel(ended)
        # What the last check found.
        self._known: Reason | None = None

    def start(self) -> None:
        """Notices its end from now on."""
        self._sentinel.start()

    def check(self, questions: Questions) -> Verdict:
        """The verdict that lasts: a new failure counts if the next tries find one, too."""
        verdict = lasting(lambda: examine(self._listener, questions, self._sentinel.hold), self._known)
        if not verdict.good:
            self._sentinel.release()
        self._known = verdict.reason
        return verdict


def lasting(attempt: Callable[[], Verdict], known: Reason | None = None) -> Verdict:
    """The first good verdict, or the last one: of at least two tries, and half a second.

    A failure of the reason `known` is no news: one try shows that it lasts, and Dovecot may log each.
    """
    start = time.monotonic()
    verdict = attempt()
    tries = 1
    while not verdict.good and verdict.reason != known and (tries < 2 or time.monotonic() - start < RIDE_OUT):
        # A try that took its time has given the server some.
        time.sleep(max(start + tries * PAUSE - time.monotonic(), 0.0))
        verdict = attempt()
        tries += 1
    return verdict


def examine(listener: Listener, questions: Questions, part: Callable[[Session], None] = sentinel.leave) -> Verdict:
    """One dialogue, of LIMIT and ANSWERS seconds at most; `part` is what becomes of its session."""
    try:
        session = listener.connect(time.monotonic() + LIMIT)
        return _examined(session, listener, questions, part)
    except Found as found:
        return found.verdict
    except Silent:
        return lmtp_verdicts.frozen(listener.title)
    except Closed:
        return lmtp_verdicts.closed(listener.title)
    except Foreign as foreign:
        return lmtp_verdicts.bad_greeting(listener.title, foreign.line)


def _examined(session: Session, listener: Listener, questions: Questions, part: Callable[[Session], None]) -> Verdict:
    try:
        verdict = _dialogue(session, listener, questions)
    except BaseException:
        session.close()
        raise
    part(session)
    return verdict


def _dialogue(session: Session, listener: Listener, questions: Questions) -> Verdict:
    _greeting(session)
    _demand(session, "LHLO localhost")
    if listener.secure(session):
        _demand(session, "LHLO localhost")
    _demand(session, "MAIL FROM:<>")
    session.extend(time.monotonic() + ANSWERS)
    try:
        nobody = session.ask(f"RCPT TO:<{questions.nobody}>")
        users = list(_ask_for(session, questions.users)) if nobody.code == 550 else []
    except Silent:
        raise Found(lmtp_verdicts.waits(ANSWERS)) from None
    _reset(session)
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


def _reset(session: Session) -> None:
    """Lets Dovecot forget whom it was asked for; what the session was for is known already."""
    try:
        session.ask("RSET")
    except Problem:
        return

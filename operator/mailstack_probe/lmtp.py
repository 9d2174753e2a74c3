"""Asks Dovecot over LMTP what Postfix would ask, on the listener that Postfix uses."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailstack_probe import dialogue, judge, lmtp_verdicts, sentinel
from mailstack_probe.dialogue import Answer, Stage, Tls
from mailstack_probe.judge import Meaning
from mailstack_probe.listeners import Listener
from mailstack_probe.reasons import Reason
from mailstack_probe.sentinel import Sentinel
from mailstack_probe.sessions import Closed, Foreign, Problem, Session, Silent, Untrusted
from mailstack_probe.verdicts import Found, Verdict

# Seconds up to the answer to MAIL, for which Dovecot asks nobody else.
LIMIT = 1.0
# Seconds for the answers about recipients: Dovecot delays the reply that its user source is broken by 2 to 3 s. No
# more, because a Dovecot that freezes now is detected after this time and another LIMIT.
ANSWERS = 3.5
# Seconds for which a failure must last, and from one try to the next: a reload of Dovecot creates its socket anew.
RIDE_OUT = 0.5
PAUSE = 0.25


@dataclass(frozen=True)
class Questions:
    """Recipients to ask for: one that does not exist, and canaries, which Dovecot must know."""

    unknown: str
    canaries: Sequence[str] = ()


class Dovecot:
    """Dovecot behind a listener; `ended` is called when Dovecot ends between two checks."""

    def __init__(self, listener: Listener, ended: Callable[[], None]) -> None:
        self._listener = listener
        self._sentinel = Sentinel(ended)
        # What the last check found.
        self._known: Reason | None = None

    def start(self) -> None:
        """Detects its end from now on."""
        self._sentinel.start()

    def check(self, questions: Questions) -> Verdict:
        """The verdict that lasts: a new failure counts if the next tries find one, too."""
        verdict = lasting(lambda: examine(self._listener, questions, self._sentinel.hold), self._known)
        if not verdict.good:
            self._sentinel.release()
        self._known = verdict.reason
        return verdict


def lasting(attempt: Callable[[], Verdict], known: Reason | None = None) -> Verdict:
    """The first good verdict, or the last one after at least two tries and half a second.

    A failure of the reason `known` is not new: one try shows that it lasts, and Dovecot may log each.
    """
    start = time.monotonic()
    verdict = attempt()
    tries = 1
    while not verdict.good and verdict.reason != known and (tries < 2 or time.monotonic() - start < RIDE_OUT):
        # A slow try has given the server time already.
        time.sleep(max(start + tries * PAUSE - time.monotonic(), 0.0))
        verdict = attempt()
        tries += 1
    return verdict


def examine(listener: Listener, questions: Questions, finish: Callable[[Session], None] = sentinel.end) -> Verdict:
    """One dialogue, of LIMIT and ANSWERS seconds at most; `finish` gets its session at the end."""
    try:
        tls = listener.tls()
        session = listener.connect(time.monotonic() + LIMIT)
        return _examine_session(session, listener, tls, questions, finish)
    except Found as found:
        return found.verdict
    except Untrusted as problem:
        return lmtp_verdicts.tls_failed(listener.title, str(problem.__cause__ or problem))
    except Silent:
        return lmtp_verdicts.frozen(listener.title)
    except Closed:
        return lmtp_verdicts.closed(listener.title)
    except Foreign as foreign:
        return lmtp_verdicts.bad_greeting(listener.title, foreign.line)


def _examine_session(
    session: Session, listener: Listener, tls: Tls | None, questions: Questions, finish: Callable[[Session], None]
) -> Verdict:
    try:
        verdict = _ask(session, listener, tls, questions)
    except BaseException:
        session.close()
        raise
    finish(session)
    return verdict


def _ask(session: Session, listener: Listener, tls: Tls | None, questions: Questions) -> Verdict:
    answer = dialogue.start(session, Stage.LHLO, tls)
    if not answer.accepted:
        raise Found(lmtp_verdicts.of_refusal(listener.title, answer))
    session.extend(time.monotonic() + ANSWERS)
    try:
        unknown = dialogue.ask(session, questions.unknown)
        refused = judge.meaning(unknown) is Meaning.UNKNOWN_RECIPIENT
        canaries = list(_ask_canaries(session, questions.canaries)) if refused else []
    except Silent:
        raise Found(lmtp_verdicts.no_answer(ANSWERS)) from None
    _reset(session)
    return lmtp_verdicts.of_recipients(listener.title, unknown, canaries)


def _ask_canaries(session: Session, canaries: Sequence[str]) -> Iterator[tuple[str, Answer]]:
    """The answer for each, up to the first that Dovecot knows."""
    for canary in canaries:
        answer = dialogue.ask(session, canary)
        yield canary, answer
        if lmtp_verdicts.proves_user(answer):
            return


def _reset(session: Session) -> None:
    """Lets Dovecot forget the recipients; the outcome does not matter."""
    try:
        session.ask("RSET")
    except Problem:
        return

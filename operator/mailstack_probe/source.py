"""Asks Dovecot over LMTP about an external source of users: whether it answers, and whether it finds the canary."""

import time

from mailstack_probe import dialogue, dovecot_errors, lmtp_verdicts, source_verdicts
from mailstack_probe.contract import SOURCE_ANSWERS, SOURCE_LISTS
from mailstack_probe.dialogue import Stage
from mailstack_probe.listeners import Listener
from mailstack_probe.reasons import Reason
from mailstack_probe.sessions import Problem, Session, Silent
from mailstack_probe.source_verdicts import Answers
from mailstack_probe.verdicts import Found, Verdict

# Seconds up to the answer to MAIL, and for those about recipients: Dovecot delays the answer of a failure by up to 3 s.
_START = 3.0
_ANSWERS = 15.0
# Seconds for which an error counts. While its source is away Dovecot connects again at the latest after a reload, every
# half a minute and a question (its start.sh), and logs how that failed. One that does not run as root is not reloaded:
# between its own tries nothing is known.
_RECENT = 90
# Dovecot is connected, so its credentials are good.
_ANSWERED = (Reason.SOURCE_ANSWERS, Reason.SOURCE_EMPTY, Reason.CANARY_REFUSED)


class Source:
    """The source behind Dovecot's listener; `canary` is a user who always exists there, `errors` a socket on which
    Dovecot tells its last errors."""

    def __init__(self, listener: Listener, canary: str, errors: str | None = None) -> None:
        self._listener = listener
        self._canary = canary
        self._errors = errors
        self._answered = 0.0
        # The last failed connection to each server: Dovecot forgets its errors at each reload.
        self._failures: dict[str, str] = {}

    def check(self) -> Verdict:
        """What the source's answers mean, and Dovecot's errors if they say more."""
        began = time.time()
        verdict = self._check()
        if verdict.reason in _ANSWERED:
            self._answered = began
        if verdict.reason == Reason.SOURCE_UNAVAILABLE and self._errors:
            self._learn(self._errors, self._earliest(began))
            return source_verdicts.of_failures(self._failures.values()) or verdict
        return verdict

    def _learn(self, path: str, earliest: int) -> None:
        told = source_verdicts.failures(dovecot_errors.since(path, earliest))
        known = {**self._failures, **told}
        self._failures = {server: line for server, line in known.items() if dovecot_errors.time_of(line) >= earliest}

    def _earliest(self, now: float) -> int:
        """What was wrong before the source answered is over: refused credentials may have been corrected."""
        return int(max(now - _RECENT, self._answered))

    def _check(self) -> Verdict:
        try:
            return source_verdicts.of_answers(self._canary, self._ask())
        except Silent:
            return source_verdicts.silent(_ANSWERS)
        except Found as found:
            return source_verdicts.without_dovecot(found.verdict.message)
        except Problem as problem:
            return source_verdicts.without_dovecot(str(problem))

    def _ask(self) -> Answers:
        """Raises Silent while the source does not answer, Found and another Problem if Dovecot cannot be asked."""
        tls = self._listener.tls()
        with self._listener.connect(time.monotonic() + _START) as session:
            try:
                answer = dialogue.start(session, Stage.LHLO, tls)
            except Silent as silent:
                raise Problem(str(silent)) from silent
            if not answer.accepted:
                raise Problem(f"it answered {answer}")
            session.extend(time.monotonic() + _ANSWERS)
            return self._ask_recipients(session)

    def _ask_recipients(self, session: Session) -> Answers:
        found = self._answers(session)
        dialogue.quit_session(session)
        return found

    def _answers(self, session: Session) -> Answers:
        """Asks no more than is needed to tell why the canary is not found."""
        canary = dialogue.ask(session, self._canary)
        if lmtp_verdicts.proves_user(canary):
            return Answers(canary)
        answers = dialogue.ask(session, SOURCE_ANSWERS)
        if not answers.accepted:
            return Answers(canary, answers)
        # The source may have come back after the question for the canary.
        canary = dialogue.ask(session, self._canary)
        if lmtp_verdicts.proves_user(canary):
            return Answers(canary, answers)
        return Answers(canary, answers, dialogue.ask(session, SOURCE_LISTS))

"""Asks Dovecot over LMTP about every user of the users file: after a change of the file, and after its restart.

In batches, with pauses as long as they take, so that Dovecot has time for mail and for the other checks.
"""

import time
from collections.abc import Iterator, Sequence

from mailstack_probe import dialogue, lmtp_verdicts
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.listeners import Listener
from mailstack_probe.sessions import Problem, Session
from mailstack_probe.verdicts import Found

# Users in one transaction.
_BATCH = 50
# Seconds for the answers about one batch, and the shortest pause after it.
_LIMIT = 15.0
_PAUSE = 0.05
# Seconds until those of whom there is no proof are asked for again.
AGAIN = 30.0


class Roster:
    """Who is still to be asked for, and the answers that prove no user. Times are of time.monotonic."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting: list[str] = []
        self._asked_at = 0.0
        self.refused: dict[str, Answer] = {}

    @property
    def complete(self) -> bool:
        """Whether there is an answer about each."""
        return not self._waiting

    def renew(self, users: Sequence[str]) -> None:
        """Asks about these from the beginning."""
        self._waiting, self.refused = list(users), {}

    def ask(self, now: float) -> bool:
        """Asks about all who are waiting, and from time to time about those of whom there is no proof. Returns whether
        there are new answers; without a session that works there are none, and the check of LMTP says why."""
        if not self._waiting and self.refused and now - self._asked_at > AGAIN:
            self._waiting = list(self.refused)
        if not self._waiting:
            return False
        self._asked_at = now
        try:
            self._ask()
        except (Found, Problem):
            return False
        return True

    def _ask(self) -> None:
        """Raises Found and Problem where the session breaks; what was answered until then counts."""
        tls = self._listener.tls()
        with self._listener.connect(time.monotonic() + _LIMIT) as session:
            _expect(dialogue.start(session, Stage.LHLO, tls))
            while batch := self._waiting[:_BATCH]:
                start = time.monotonic()
                session.extend(start + _LIMIT)
                self._note(_ask_batch(session, batch))
                self._waiting = self._waiting[_BATCH:]
                time.sleep(max(time.monotonic() - start, _PAUSE))
            dialogue.quit_session(session)

    def _note(self, answers: Iterator[tuple[str, Answer]]) -> None:
        for user, answer in answers:
            if lmtp_verdicts.proves_user(answer):
                self.refused.pop(user, None)
            else:
                self.refused[user] = answer


def _ask_batch(session: Session, users: Sequence[str]) -> Iterator[tuple[str, Answer]]:
    """All questions at once (RFC 2920), then their answers; leaves a new transaction."""
    for user in users:
        session.send(f"RCPT TO:<{user}>")
    for user in users:
        yield user, Answer(Stage.RCPT, session.reply())
    session.ask("RSET")
    _expect(Answer(Stage.MAIL, session.ask("MAIL FROM:<>")))


def _expect(answer: Answer) -> None:
    """Raises Problem unless it is a success."""
    if not answer.accepted:
        raise Problem(f"Dovecot answered {answer}")

"""The checks of one pod, each in a loop of its own, and what they make known."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mailstack_probe import listeners, reasons, recipient_verdicts, recipients, verdicts
from mailstack_probe.board import Board
from mailstack_probe.contract import LMTP, PROBE_USER, VERIFICATION, ProbeOptions
from mailstack_probe.exposition import Histogram
from mailstack_probe.lmtp import Dovecot, Questions
from mailstack_probe.loops import Loop
from mailstack_probe.reasons import Reason
from mailstack_probe.recipients import Nobody, Postfix
from mailstack_probe.store import Store
from mailstack_probe.users import UsersFile
from mailstack_probe.verdicts import Patience, Verdict

# Seconds between two checks: of a Dovecot that is away, of LMTP, and of the others while nothing changes.
SOON = 1.0
OFTEN = 2.0
SELDOM = 30.0
# Seconds that the servers have to start.
GRACE = 10.0


class Probe:
    """What its loops found stands on `board`."""

    def __init__(self, options: ProbeOptions, board: Board) -> None:
        start = time.monotonic()
        self.board = board
        self.seconds = Histogram(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
        self.domains: dict[str, Verdict] = {}
        self._options = options
        self._nobody = f"{PROBE_USER}@{options.domain[0]}"
        self._users = UsersFile(Path(options.users), options.domain[0]) if options.users else None
        self._store = Store(Path(options.store)) if options.store else None
        self.patience = {title: Patience(start + GRACE) for title in (LMTP, VERIFICATION)}
        self._names = Nobody()
        self._listens = False
        # Whether the next answer of Postfix is to be the second of two.
        self._second = False
        self._lmtp = Loop(LMTP, self._check_lmtp)
        self._dovecot = Dovecot(listeners.listener(options.lmtp, options.lmtp_ca), self._lmtp.wake)
        self.others = [Loop("store", self._check_store)] if self._store else []
        self._verification: Loop | None = None
        if options.smtp and options.expect:
            cache = Path(options.verify_map) if options.verify_map else None
            self._postfix = Postfix(options.smtp, options.expect, cache)
            self._verification = Loop(VERIFICATION, self._check_verification)
            self.others += [self._verification, Loop("port", self._check_port)]

    @property
    def watched(self) -> list[Loop]:
        """The loops that must turn; that of the store may hang with its file system, against which no restart helps."""
        return [self._lmtp, *([self._verification] if self._verification else [])]

    def start(self) -> None:
        for loop in (*self.others, self._lmtp):
            loop.start()
        self._dovecot.start()

    def _check_lmtp(self) -> float:
        start = time.monotonic()
        verdict = self._with_store(_guarded(self._ask_dovecot))
        self.seconds.observe(time.monotonic() - start)
        if self._publish(LMTP, verdict):
            # What was asked for before is in Postfix's verify cache.
            self._names.refresh()
            for loop in self.others:
                loop.wake()
        return SOON if verdict.reason in reasons.AWAY else OFTEN

    def _ask_dovecot(self) -> Verdict:
        if self._users is None:
            return self._ask_for()
        users = self._users.look(time.monotonic())
        if isinstance(users, Verdict):
            # As long as they are bad, Dovecot's answers tell more than the users file.
            verdict = self._ask_for()
            return users if verdict.good else verdict
        verdict = self._ask_for(*users)
        if verdict.reason == Reason.CANARY_REFUSED and not self._users.settled(time.monotonic()):
            # Dovecot did not read the file's new users yet.
            return self._ask_for()
        return verdict

    def _ask_for(self, *users: str) -> Verdict:
        return self._dovecot.check(Questions(self._nobody, users))

    def _with_store(self, verdict: Verdict) -> Verdict:
        problem = self._store.problem() if self._store else None
        return problem if problem and verdict.good else verdict

    def _check_store(self) -> float:
        if self._store is None:
            return SELDOM
        if self._store.examine():
            self._lmtp.wake()
        return OFTEN if self._store.problem() else SELDOM

    def _check_port(self) -> float:
        """Postfix's end and its start are seen without a connection; the reason why there is one is asked for."""
        listens = recipients.listens(self._options.smtp or 0)
        if listens != self._listens and self._verification:
            self._verification.wake()
        self._listens = listens
        return OFTEN

    def _check_verification(self) -> float:
        self.domains = dict(self._judge_domains())
        verdict = recipient_verdicts.sum_up(list(self.domains.items()))
        self._publish(VERIFICATION, verdict)
        return self._until_next(verdict)

    def _judge_domains(self) -> Iterator[tuple[str, Verdict]]:
        """Each domain's verdict; one that tells of the servers, not of the domain, is that of all after it."""
        passing: Verdict | None = None
        for domain in self._options.domain:
            verdict = passing or _guarded(partial(self._judge, domain))
            passing = verdict if verdict.reason in recipient_verdicts.PASSING else None
            yield domain, verdict

    def _judge(self, domain: str) -> Verdict:
        if self._verification:
            self._verification.beat()
        return self._postfix.judge(domain, self._names.address(domain))

    def _until_next(self, verdict: Verdict) -> float:
        if verdict.reason not in recipient_verdicts.LASTING:
            # verify(8) would give this answer again for a while, or, if it was 250, for a day.
            self._names.refresh(at_once=False)
        if verdict.reason not in recipient_verdicts.PASSING:
            # verify(8) gives an old answer once more while it asks Dovecot: the second of two tells how it is now.
            self._second = not self._second
            return OFTEN if self._second else SELDOM
        dovecot = self.board.verdict(LMTP)
        # While Dovecot is away nothing else is to be expected; its return starts the next turn.
        return SELDOM if dovecot and dovecot.status == "False" else OFTEN

    def _publish(self, title: str, verdict: Verdict) -> bool:
        return self.board.put(title, self.patience[title].temper(verdict, time.monotonic()))


def _guarded(check: Callable[[], Verdict]) -> Verdict:
    """The check's verdict; where it went wrong itself nothing is known, and no former verdict stays."""
    try:
        return check()
    except Exception as error:
        return verdicts.unknown(Reason.CHECK_FAILED, f"the check ended unexpectedly, a mistake in the probe: {error!r}")

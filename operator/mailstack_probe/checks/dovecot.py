"""Asks Dovecot over LMTP, as Postfix does."""

import time

from mailstack_probe import lmtp_verdicts, reasons, users
from mailstack_probe.checks.check import OFTEN, SOON, Check, Pod, Topic, guard
from mailstack_probe.checks.files import StoreCheck
from mailstack_probe.checks.users import FileUsers
from mailstack_probe.contract import LMTP, PROBE_USER
from mailstack_probe.exposition import Histogram
from mailstack_probe.listeners import Listener
from mailstack_probe.lmtp import Dovecot, Questions
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LmtpCheck(Check):
    """Whether Dovecot takes mail for its users and refuses it for others, and can store it, where the mail is here."""

    name = LMTP
    woken_by = frozenset({Topic.DOVECOT, Topic.STORE, Topic.CONFIGURATION})

    def __init__(self, pod: Pod, listener: Listener, file: FileUsers | None, store: StoreCheck | None) -> None:
        super().__init__(pod)
        self.seconds = Histogram(*_BUCKETS)
        self._unknown = f"{PROBE_USER}@{pod.options.domain[0]}"
        self._dovecot = Dovecot(listener, lambda: pod.tell(Topic.DOVECOT))
        self._file = file
        self._store = store

    def start(self) -> None:
        """Starts to watch for the end of Dovecot, between two checks."""
        self._dovecot.start()

    def turn(self) -> float:
        start = time.monotonic()
        verdict = self._with_store(guard(self._ask))
        self.seconds.observe(time.monotonic() - start)
        if not verdict.good and self._file:
            self._file.forget()
        if self.pod.publish(LMTP, verdict):
            self.pod.tell(Topic.LMTP)
        return SOON if verdict.reason in reasons.AWAY else OFTEN

    def _ask(self) -> Verdict:
        """With canaries, which the pod of Dovecot has.

        A pod of Postfix alone has neither users nor mail. Its verdict is about the path to Dovecot only, and the
        condition sums up both pods, so that it is never True without a canary. In Dovecot's pod, a source of users
        that names no canary makes the verdict Unknown.
        """
        if self.pod.options.canary:
            return self._ask_about(self.pod.options.canary)
        if self._file:
            return self._ask_with(self._file)
        return self._without_canary() if self._store else self._ask_about()

    def _ask_with(self, file: FileUsers) -> Verdict:
        known = file.known()
        if not known:
            return self._without_canary()
        verdict = self._ask_about(*users.canaries(known, self.pod.options.domain))
        if verdict.reason == Reason.CANARY_REFUSED and not file.settled():
            # Dovecot has not read the new users file yet.
            return self._ask_about()
        return verdict

    def _without_canary(self) -> Verdict:
        verdict = self._ask_about()
        return lmtp_verdicts.without_canary(verdict) if verdict.good else verdict

    def _ask_about(self, *canaries: str) -> Verdict:
        return self._dovecot.check(Questions(self._unknown, canaries))

    def _with_store(self, verdict: Verdict) -> Verdict:
        problem = self._store.problem() if self._store else None
        return problem if problem and verdict.good else verdict

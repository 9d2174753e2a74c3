"""Asks Postfix, as another mail server would, and has it retry mail for Dovecot."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mailstack_probe import connections, milter, postfix_verdicts, queues, reasons, retries, smtp, verification_verdicts
from mailstack_probe.checks.check import ANEW, OFTEN, READ_OFTEN, SELDOM, Check, Pod, Topic, guard
from mailstack_probe.checks.files import VolumesCheck
from mailstack_probe.contract import FILTER, LMTP, SMTP, VERIFICATION, ProbeOptions
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict
from mailstack_probe.verification import UnknownNames, Verifier

# Seconds between two checks of the filter, which takes a connection within the pod.
_FILTER_OFTEN = 5.0
# Seconds until the kernel is asked again for a port whose server is to start, which takes it a tenth of a millisecond.
_AWAITED = 0.2


class SmtpCheck(Check):
    """Whether Postfix takes mail on its port for other servers."""

    name = SMTP
    woken_by = ANEW | {Topic.INODES, Topic.PORT, Topic.FILTER, Topic.VERIFICATION}

    def __init__(self, pod: Pod, port: int, volumes: VolumesCheck) -> None:
        super().__init__(pod)
        self._port = port
        self._volumes = volumes

    def turn(self) -> float:
        verdict = guard(partial(smtp.check, self._port, self.pod.options.smtp_connections))
        if self._volumes.queue_lacks_inodes():
            verdict = postfix_verdicts.WITHOUT_INODES
        self.pod.publish(SMTP, verdict)
        # Postfix tells the postmaster of each refusal for want of space, but for those on the probe's own listener,
        # whose news wakes this check.
        return SELDOM if verdict.good or verdict.reason == Reason.QUEUE_FULL else OFTEN


class VerificationCheck(Check):
    """Whether Postfix refuses recipients that do not exist, in each domain."""

    name = VERIFICATION
    woken_by = ANEW | {Topic.INODES, Topic.PORT}

    def __init__(self, pod: Pod, verifier: Verifier, volumes: VolumesCheck) -> None:
        super().__init__(pod)
        self._verifier = verifier
        self._volumes = volumes
        self._names = UnknownNames()
        # Whether the next answer of Postfix is to be the second of two.
        self._second = False
        for topic in ANEW:
            # Postfix's verify cache holds the former answer for the former name.
            pod.on(topic, self._names.renew)

    def turn(self) -> float:
        domains = dict(self._check_domains())
        self.pod.domains = domains
        verdict = verification_verdicts.sum_up(list(domains.items()))
        if not verdict.good and self._volumes.queue_lacks_inodes():
            # Postfix cannot write the message that asks Dovecot, and waits for its answer.
            verdict = postfix_verdicts.WITHOUT_INODES
        if self.pod.publish(VERIFICATION, verdict):
            self.pod.tell(Topic.VERIFICATION)
        return self._until_next(verdict)

    def _check_domains(self) -> Iterator[tuple[str, Verdict]]:
        """The verdict on each domain. One on the servers, rather than the domain, is that of all later domains."""
        passing: Verdict | None = None
        for domain in self.pod.options.domain:
            verdict = passing or guard(partial(self._check_domain, domain))
            passing = verdict if verdict.reason in verification_verdicts.PASSING else None
            yield domain, verdict

    def _check_domain(self, domain: str) -> Verdict:
        self.loop.beat()
        return self._verifier.check(domain, self._names.address(domain))

    def _until_next(self, verdict: Verdict) -> float:
        if verdict.reason not in verification_verdicts.LASTING:
            # verify(8) gives this answer again for a while, or, if it was 250, for a day.
            self._names.renew(at_once=False)
        if verdict.reason not in verification_verdicts.PASSING:
            # verify(8) gives an old answer once more while it asks Dovecot: the second of two is the current one.
            self._second = not self._second
            return OFTEN if self._second else SELDOM
        dovecot = self.pod.board.verdict(LMTP)
        # While Dovecot is down there is no other answer; its return starts the next turn.
        return SELDOM if dovecot and dovecot.status == "False" else OFTEN


class FilterCheck(Check):
    """Whether the filter beside Postfix answers at `socket`."""

    name = FILTER
    woken_by = ANEW | {Topic.INODES, Topic.PORT, Topic.VERIFICATION}

    def __init__(self, pod: Pod, socket: str) -> None:
        super().__init__(pod)
        self._socket = socket

    def turn(self) -> float:
        if self.pod.publish(FILTER, guard(partial(milter.check, self._socket))):
            self.pod.tell(Topic.FILTER)
        return _FILTER_OFTEN


class PortCheck(Check):
    """Sees Postfix start and end without a connection, and has the other checks find out why."""

    name = "port"
    _listens = False

    def turn(self) -> float:
        options = self.pod.options
        listens = connections.listens(filter(None, (options.smtp, options.verification)))
        if listens != self._listens:
            self.pod.tell(Topic.PORT)
        self._listens = listens
        return OFTEN if listens else _AWAITED


class RetriesCheck(Check):
    """Has deferred mail for Dovecot retried as soon as Dovecot answers; while it does not, a retry is in vain."""

    name = "retries"

    def __init__(self, pod: Pod, spool: str, port: int) -> None:
        super().__init__(pod)
        self._port = port
        self._spool = Path(spool)
        self._pace = retries.Pace()
        self._waiting = retries.Waiting(self._spool, pod.options.domain)
        pod.on(Topic.LMTP, self._pace.reset)

    def turn(self) -> float:
        now = time.monotonic()
        if self._has_settled(now - self._pace.last):
            self._retry(now)
        return READ_OFTEN

    def _has_settled(self, seconds: float) -> bool:
        """Whether what was retried so long ago is delivered, or noted and in the deferred queue again."""
        return seconds > retries.SETTLED_AT_LAST or not queues.carry_older(self._spool, seconds)

    def _retry(self, now: float) -> None:
        dovecot = self.pod.board.verdict(LMTP)
        waiting = self._waiting.domains()
        if not waiting:
            self._pace.reset()
        elif dovecot and dovecot.reason not in reasons.AWAY and self._pace.is_due(now):
            retries.request(self._port, waiting)


def verifier(options: ProbeOptions) -> Verifier | None:
    """Asks about non-existent recipients, in a pod with Postfix."""
    if options.verification is None or options.expect is None:
        return None
    cache = Path(options.verify_map) if options.verify_map else None
    return Verifier(options.verification, options.expect, cache)

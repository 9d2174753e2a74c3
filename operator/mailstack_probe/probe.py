"""The checks of one pod, each in a loop of its own, and when they are made."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mailstack_probe import (
    configuration,
    connections,
    directory,
    dovecot_warnings,
    expiry,
    listeners,
    lmtp_verdicts,
    milter,
    postfix_verdicts,
    reasons,
    retries,
    smtp,
    users,
    users_verdicts,
    verdicts,
    verification_verdicts,
    volumes,
)
from mailstack_probe.alias_targets import AliasTargets
from mailstack_probe.board import Board
from mailstack_probe.clients import Clients
from mailstack_probe.configuration import Configuration
from mailstack_probe.contract import CLIENTS, FILTER, LMTP, PROBE_USER, SMTP, USERS, VERIFICATION, ProbeOptions
from mailstack_probe.directory import Accounts, Directory
from mailstack_probe.exposition import Histogram
from mailstack_probe.lmtp import Dovecot, Questions
from mailstack_probe.loops import Loop
from mailstack_probe.reasons import BY_CHECK, Reason
from mailstack_probe.roster import Roster
from mailstack_probe.source import Source
from mailstack_probe.store import Store
from mailstack_probe.users import UsersFile
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import Patience, Verdict
from mailstack_probe.verification import UnknownNames, Verifier
from mailstack_probe.volumes import Volume, Volumes

# Seconds between two checks: of a Dovecot that is away, of LMTP, and of the others while nothing changes.
SOON = 1.0
OFTEN = 2.0
SELDOM = 30.0
# Of the ports for mail programs: each check is a line in Dovecot's log for each of them, and a login that fails.
CLIENTS_SELDOM = 60.0
CLIENTS_OFTEN = 5.0
# Of the filter, which takes a connection within the pod.
FILTER_OFTEN = 5.0
# Of what is read from files alone: the number of sessions, and the deferred mail.
READ_OFTEN = 5.0
# Of the digest of Postfix's files.
CONFIGURATION_OFTEN = 1.0
# Seconds that the checks have to ask about a changed configuration, before it counts as in use.
ASKED_WITHIN = 20.0
# Seconds that the servers have to start.
GRACE = 10.0


class Probe:
    """The checks of this pod; what they found is on `board`, by the names of the contract."""

    def __init__(self, options: ProbeOptions, board: Board) -> None:
        start = time.monotonic()
        self.board = board
        self.seconds = Histogram(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
        self.domains: dict[str, Verdict] = {}
        self._options = options
        self._unknown = f"{PROBE_USER}@{options.domain[0]}"
        self._users = UsersFile(Path(options.users)) if options.users else None
        self._store = Store(Path(options.store), options.message_size) if options.store else None
        self.patience = {check: Patience(start + GRACE) for check in BY_CHECK}
        self._names = UnknownNames()
        self._listens = False
        # Whether the next answer of Postfix is to be the second of two.
        self._second = False
        self._lmtp = Loop(LMTP, self._check_lmtp)
        listener = listeners.listener(options.lmtp, options.lmtp_ca)
        self._dovecot = Dovecot(listener, self._dovecot_ended)
        self._roster_loop = Loop(USERS, self._check_users)
        self._roster = Roster(listener)
        self._source = Source(listener, options.canary, options.errors) if options.canary else None
        self._accounts = _accounts(options)
        accounts = [Loop("accounts", self._check_accounts)] if self._accounts else []
        # The report whose users Dovecot was asked for last; None: it may have forgotten them.
        self._asked: Report | None = None
        self._postfix = list(self._postfix_loops(options))
        stores = [Loop("store", self._check_store)] if self._store else []
        self.volumes = Volumes(_volumes(options))
        ports = [Loop("port", self._check_port)] if self._postfix else []
        dates = [Loop("certificates", self._check_certificates)] if options.certificate else []
        self.clients = Clients(options)
        self._full = False
        self._asking = False
        self._people = Loop(CLIENTS, self._check_clients)
        sessions = [Loop("sessions", self._watch_sessions)] if options.connections else []
        # Users are where the mail is.
        rosters = [self._roster_loop] if self._users or self._store else []
        self._targets = AliasTargets(Path(options.alias_targets), listener) if options.alias_targets else None
        targets = [Loop("aliases", self._check_aliases)] if self._targets else []
        self._pace = retries.Pace()
        self._waiting = retries.Waiting(Path(options.queue), options.domain) if options.queue else None
        waiting = [Loop("retries", self._retry)] if self._waiting and options.verification else []
        room = Loop("volumes", self._check_volumes)
        files = [room, *dates, *sessions, *waiting]
        self._checks = [*stores, *files, *self._postfix, *ports, self._people, *rosters, *accounts, *targets]
        self._configuration = _configuration(options)
        self._used = ""
        self._used_since = start
        following = [Loop("configuration", self._follow)] if self._configuration else []
        self.others = [*self._checks, *following]

    def _postfix_loops(self, options: ProbeOptions) -> Iterator[Loop]:
        if options.smtp:
            self._smtp = options.smtp
            yield Loop(SMTP, self._check_smtp)
        if options.verification and options.expect:
            cache = Path(options.verify_map) if options.verify_map else None
            self._verifier = Verifier(options.verification, options.expect, cache)
            self._verification = Loop(VERIFICATION, self._check_verification)
            yield self._verification
        if options.filter:
            yield Loop(FILTER, partial(self._check_filter, options.filter))

    @property
    def watched(self) -> list[Loop]:
        """The loops that must turn. Not that of the store: it hangs with its file system, and no restart helps."""
        return [self._lmtp, *self._postfix]

    def start(self) -> None:
        if self._configuration:
            self.board.use("")
        if self._options.dovecot_warnings:
            file = Path(self._options.dovecot_warnings)
            self.board.warn("configuration", list(dovecot_warnings.of_configuration(file)))
        for loop in (*self.others, self._lmtp):
            loop.start()
        self._dovecot.start()

    def _check_lmtp(self) -> float:
        start = time.monotonic()
        verdict = self._with_store(_guard(self._ask_dovecot))
        self.seconds.observe(time.monotonic() - start)
        if not verdict.good:
            self._asked = None
        if self._publish(LMTP, verdict):
            # Postfix's verify cache holds the former answer for the former name.
            self._names.renew()
            self._pace.reset()
            for loop in self._checks:
                loop.wake()
        return SOON if verdict.reason in reasons.AWAY else OFTEN

    def _ask_dovecot(self) -> Verdict:
        """With canaries from the users file, which the pod of Dovecot has.

        A pod of Postfix alone has neither users nor mail. Its verdict is about the path to Dovecot only, and the
        condition sums up both pods, so that it is never True without a canary. In Dovecot's pod, a source of users
        that names no canary makes the verdict Unknown.
        """
        if self._options.canary:
            return self._ask_about(self._options.canary)
        if self._users is None:
            verdict = self._ask_about()
            return lmtp_verdicts.without_canary(verdict) if verdict.good and self._store else verdict
        report = self._users.look(time.monotonic())
        if report is not self._asked:
            self._roster_loop.wake()
        if report is None or not report.users:
            verdict = self._ask_about()
            return lmtp_verdicts.without_canary(verdict) if verdict.good else verdict
        verdict = self._ask_about(*users.canaries(report.users, self._options.domain))
        if verdict.reason == Reason.CANARY_REFUSED and not self._users.settled(time.monotonic()):
            # Dovecot has not read the new users file yet.
            return self._ask_about()
        return verdict

    def _ask_about(self, *canaries: str) -> Verdict:
        return self._dovecot.check(Questions(self._unknown, canaries))

    def _dovecot_ended(self) -> None:
        self._asked = None
        self._lmtp.wake()

    def _check_users(self) -> float:
        verdict = _guard(self._ask_about_all)
        if verdict.reason != Reason.STARTING or self.board.verdict(USERS) is None:
            self._publish(USERS, verdict)
        # A new report, a new Dovecot, and news of LMTP wake this loop.
        if self._source and not verdict.good:
            return READ_OFTEN
        return SELDOM if verdict.good else OFTEN

    def _ask_about_all(self) -> Verdict:
        """On the source of users; or on the users file, and on each of its users: Starting while there is nothing new
        to tell."""
        if self._source:
            return self._source.check()
        now = time.monotonic()
        if self._users is None:
            return users_verdicts.NO_FILE
        report = self._users.look(now)
        if report is None:
            return users_verdicts.NO_REPORT
        if self._asked is not report:
            self._asked = report
            postmaster = users_verdicts.of_postmaster(report, self._options.postmaster)
            self.board.warn(USERS, [*users_verdicts.of_domains(report, self._options.domain), *postmaster])
            self._roster.renew(list(report.users))
        lmtp = self.board.verdict(LMTP)
        if lmtp and lmtp.good and self._users.settled(now):
            self._roster.ask(now)
        if self._roster.complete:
            return users_verdicts.of_answers(report, self._roster.refused)
        return users_verdicts.of_report(report) or users_verdicts.STARTING

    def _check_accounts(self) -> float:
        """Asks only about a source that answers."""
        source = self.board.verdict(USERS)
        if self._accounts and source and source.good:
            found = self._accounts.ask(time.monotonic())
            if found is not None:
                self.board.warn("accounts", found)
        return SELDOM

    def _check_aliases(self) -> float:
        """Asks only a Dovecot that works."""
        lmtp = self.board.verdict(LMTP)
        if self._targets and lmtp and lmtp.good:
            found = self._targets.ask(time.monotonic())
            if found is not None:
                self.board.warn("aliases", found)
        return SELDOM

    def _with_store(self, verdict: Verdict) -> Verdict:
        problem = self._store.problem() if self._store else None
        return problem if problem and verdict.good else verdict

    def _check_store(self) -> float:
        if self._store is None:
            return SELDOM
        if self._store.examine():
            self._lmtp.wake()
        return OFTEN if self._store.problem() else SELDOM

    def _check_volumes(self) -> float:
        lacked = self._queue_lacks_inodes()
        self.volumes.examine()
        self.board.warn("volumes", self.volumes.warnings())
        if lacked != self._queue_lacks_inodes():
            for loop in self._postfix:
                loop.wake()
        return SELDOM

    def _queue_lacks_inodes(self) -> bool:
        return self.volumes.lacks_inodes("queue")

    def _check_certificates(self) -> float:
        self.board.warn("certificates", list(expiry.warnings(self._options.certificate)))
        return SELDOM

    def _check_port(self) -> float:
        """Sees Postfix start and end without a connection, and has the other checks find out why."""
        listens = connections.listens(filter(None, (self._options.smtp, self._options.verification)))
        if listens != self._listens:
            for loop in (*self._postfix, self._people):
                loop.wake()
        self._listens = listens
        return OFTEN

    def _retry(self) -> float:
        """Deferred mail for Dovecot is retried as soon as Dovecot answers; while it does not, a retry is in vain."""
        dovecot = self.board.verdict(LMTP)
        waiting = self._waiting.domains() if self._waiting else []
        if waiting and self._options.verification and dovecot and dovecot.reason not in reasons.AWAY:
            if self._pace.is_due(time.monotonic()):
                retries.request(self._options.verification, waiting)
        elif not waiting:
            self._pace.reset()
        return READ_OFTEN

    def _follow(self) -> float:
        """Has everything checked anew with a changed configuration, and reports it once that is done."""
        if self._configuration is None:
            return SELDOM
        if self._configuration.is_outdated():
            configuration.restart_process()
        self.board.warn("configuration in use", list(self._configuration.warnings()))
        used = self._configuration.in_use()
        if used != self._used:
            self._used, self._used_since = used, time.monotonic()
            self._names.renew()
            for loop in (*self._checks, self._lmtp):
                loop.wake()
        self.board.use(used if self._is_asked() else "")
        return CONFIGURATION_OFTEN

    def _is_asked(self) -> bool:
        """Whether every check was made since the configuration changed; one that hangs is waited for in vain."""
        since = self._used_since
        asked = all(loop.turned_at > since for loop in (self._lmtp, self._people, *self._postfix))
        return asked or time.monotonic() - since > ASKED_WITHIN

    def _check_smtp(self) -> float:
        verdict = _guard(partial(smtp.check, self._smtp, self._options.smtp_connections))
        if self._queue_lacks_inodes():
            verdict = postfix_verdicts.WITHOUT_INODES
        self._publish(SMTP, verdict)
        # Postfix tells the postmaster of each refusal for want of space, but for those on the probe's own listener,
        # whose news wakes this check.
        return SELDOM if verdict.good or verdict.reason == Reason.QUEUE_FULL else OFTEN

    def _check_filter(self, socket: str) -> float:
        if self._publish(FILTER, _guard(partial(milter.check, socket))):
            for loop in self._postfix:
                if loop.name == SMTP:
                    loop.wake()
        return FILTER_OFTEN

    def _check_clients(self) -> float:
        self._asking = True
        verdict = _guard(self.clients.check)
        self._asking = False
        self._publish(CLIENTS, verdict)
        if verdict.good:
            return CLIENTS_SELDOM
        # The number of sessions says when there is one left.
        return SELDOM if verdict.reason == Reason.CONNECTIONS_EXHAUSTED else CLIENTS_OFTEN

    def _watch_sessions(self) -> float:
        """Sees the last session taken and given back without a connection, and has the check find out."""
        if self._asking:
            # The check's own connections would count.
            return READ_OFTEN
        full = self.clients.full() is not None
        if full != self._full:
            self._people.wake()
        self._full = full
        self.board.warn("sessions", list(dovecot_warnings.of_sessions(self.clients.sessions())))
        return READ_OFTEN

    def _check_verification(self) -> float:
        self.domains = dict(self._check_domains())
        verdict = verification_verdicts.sum_up(list(self.domains.items()))
        if not verdict.good and self._queue_lacks_inodes():
            # Postfix cannot write the message that asks Dovecot, and waits for its answer.
            verdict = postfix_verdicts.WITHOUT_INODES
        if self._publish(VERIFICATION, verdict):
            for loop in self._postfix:
                if loop is not self._verification:
                    loop.wake()
        return self._until_next(verdict)

    def _check_domains(self) -> Iterator[tuple[str, Verdict]]:
        """The verdict on each domain. One on the servers, rather than the domain, is that of all later domains."""
        passing: Verdict | None = None
        for domain in self._options.domain:
            verdict = passing or _guard(partial(self._check_domain, domain))
            passing = verdict if verdict.reason in verification_verdicts.PASSING else None
            yield domain, verdict

    def _check_domain(self, domain: str) -> Verdict:
        self._verification.beat()
        return self._verifier.check(domain, self._names.address(domain))

    def _until_next(self, verdict: Verdict) -> float:
        if verdict.reason not in verification_verdicts.LASTING:
            # verify(8) gives this answer again for a while, or, if it was 250, for a day.
            self._names.renew(at_once=False)
        if verdict.reason not in verification_verdicts.PASSING:
            # verify(8) gives an old answer once more while it asks Dovecot: the second of two is the current one.
            self._second = not self._second
            return OFTEN if self._second else SELDOM
        dovecot = self.board.verdict(LMTP)
        # While Dovecot is down there is no other answer; its return starts the next turn.
        return SELDOM if dovecot and dovecot.status == "False" else OFTEN

    def _publish(self, check: str, verdict: Verdict) -> bool:
        return self.board.put(check, self.patience[check].temper(verdict, time.monotonic()))


def _volumes(options: ProbeOptions) -> Iterator[Volume]:
    if options.store:
        yield volumes.mail(Path(options.store), options.message_size)
    if options.queue:
        yield volumes.queue(Path(options.queue), options.message_size)
    if options.verify_map:
        yield volumes.data(Path(options.verify_map).parent)


def _accounts(options: ProbeOptions) -> Accounts | None:
    if options.user_list is None or options.canary is None:
        return None
    roles = directory.role_addresses(options.domain, options.postmaster, options.canary)
    source = Directory(Path(options.user_list), roles, options.canary, directory.MOST)
    return Accounts(source, options.domain)


def _configuration(options: ProbeOptions) -> Configuration | None:
    if options.settings is None:
        return None
    postfix = Path(options.postfix) if options.postfix else None
    return Configuration(Path(options.settings), postfix, configuration.settings_of(options))


def _guard(check: Callable[[], Verdict]) -> Verdict:
    """The check's verdict. If the check itself fails nothing is known, and no former verdict stays."""
    try:
        return check()
    except Exception as error:
        return verdicts.unknown(Reason.CHECK_FAILED, f"the check itself failed, a bug in the probe: {error!r}")

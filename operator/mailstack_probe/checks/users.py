"""Asks Dovecot about the users of its source, and about the users that aliases lead to."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mailstack_probe import users_verdicts
from mailstack_probe.alias_targets import AliasTargets
from mailstack_probe.checks.check import ANEW, OFTEN, READ_OFTEN, SELDOM, Check, Pod, Topic, guard
from mailstack_probe.contract import LMTP, USERS
from mailstack_probe.directory import Accounts
from mailstack_probe.listeners import Listener
from mailstack_probe.reasons import Reason
from mailstack_probe.roster import Roster
from mailstack_probe.source import Source
from mailstack_probe.users import UsersFile
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import Verdict


class FileUsers:
    """The users file, by the report on it, and what Dovecot answers about each of its users."""

    def __init__(self, pod: Pod, file: Path, listener: Listener) -> None:
        self._pod = pod
        self._file = UsersFile(file)
        self._roster = Roster(listener)
        # The report whose users Dovecot was asked for last; None: it may have forgotten them.
        self._asked: Report | None = None
        pod.on(Topic.DOVECOT, self.forget)

    def forget(self) -> None:
        """Has Dovecot asked for all of them again."""
        self._asked = None

    def known(self) -> Iterable[str]:
        """The users of the report; nobody if there is none."""
        report = self._file.look(time.monotonic())
        if report is not self._asked:
            self._pod.tell(Topic.USERS)
        return report.users if report else ()

    def settled(self) -> bool:
        """Whether Dovecot has had time to read the last change."""
        return self._file.settled(time.monotonic())

    def ask(self) -> Verdict:
        """The verdict on the file and on each user: Starting while there is nothing new to tell."""
        now = time.monotonic()
        report = self._file.look(now)
        if report is None:
            return users_verdicts.NO_REPORT
        if self._asked is not report:
            self._begin(report)
        lmtp = self._pod.board.verdict(LMTP)
        if lmtp and lmtp.good and self._file.settled(now):
            self._roster.ask(now)
        if self._roster.complete:
            return users_verdicts.of_answers(report, self._roster.refused)
        return users_verdicts.of_report(report) or users_verdicts.STARTING

    def _begin(self, report: Report) -> None:
        self._asked = report
        options = self._pod.options
        postmaster = users_verdicts.of_postmaster(report, options.postmaster)
        self._pod.board.warn(USERS, [*users_verdicts.of_domains(report, options.domain), *postmaster])
        self._roster.renew(list(report.users))


class UsersCheck(Check):
    """Whether Dovecot finds the users of its source. Users are where the mail is."""

    name = USERS
    woken_by = ANEW | {Topic.USERS}

    def __init__(self, pod: Pod, ask: Callable[[], Verdict], often: float) -> None:
        super().__init__(pod)
        self._ask = ask
        self._often = often

    def turn(self) -> float:
        verdict = guard(self._ask)
        if verdict.reason != Reason.STARTING or self.pod.board.verdict(USERS) is None:
            self.pod.publish(USERS, verdict)
        return SELDOM if verdict.good else self._often


def users_check(pod: Pod, listener: Listener, file: FileUsers | None) -> UsersCheck:
    """Of the source that the options name."""
    if pod.options.canary:
        return UsersCheck(pod, Source(listener, pod.options.canary, pod.options.errors).check, READ_OFTEN)
    return UsersCheck(pod, file.ask if file else lambda: users_verdicts.NO_FILE, OFTEN)


class AccountsCheck(Check):
    """Whether each user of an external source has what Dovecot needs; asked only of a source that answers."""

    name = "accounts"

    def __init__(self, pod: Pod, accounts: Accounts) -> None:
        super().__init__(pod)
        self._accounts = accounts

    def turn(self) -> float:
        source = self.pod.board.verdict(USERS)
        found = self._accounts.ask(time.monotonic()) if source and source.good else None
        if found is not None:
            self.pod.board.warn(self.name, found)
        return SELDOM


class AliasesCheck(Check):
    """Whether Dovecot knows the targets of the aliases in `file`; only a Dovecot that works is asked."""

    name = "aliases"

    def __init__(self, pod: Pod, file: str, listener: Listener) -> None:
        super().__init__(pod)
        self._targets = AliasTargets(Path(file), listener)

    def turn(self) -> float:
        lmtp = self.pod.board.verdict(LMTP)
        found = self._targets.ask(time.monotonic()) if lmtp and lmtp.good else None
        if found is not None:
            self.pod.board.warn(self.name, found)
        return SELDOM

"""Asks Dovecot who the users of an external source are, and about each of them, by its auth protocol.

LIST names users, a page at a time: Dovecot's auth process dies of a longer list of a database if its client, or its
next userdb, is not fast enough (an assertion in userdb-blocking.c of 2.3.19 and 2.4.1; of 300 users, with the latter).
Its variable `session` has the last user of the page before, for the list query that the operator writes. A directory
is listed at once, which does no harm. USER says whether mail reaches a user, PASS whether passwords can be checked.
Measured with 2.3 and 2.4.
"""

import math
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from mailstack_probe import directory_verdicts
from mailstack_probe.contract import PAGE, PAGE_AFTER, SOURCE_ANSWERS, StackWarning
from mailstack_probe.directory_verdicts import Account, Answer
from mailstack_probe.listeners import UnixListener
from mailstack_probe.sessions import Problem, Session
from mailstack_probe.verdicts import Found

# Seconds for each answer: Dovecot gives up a lost source after a while.
_LIMIT = 30.0
# Users about whom Dovecot is asked for the status, and seconds until it is asked again; sooner where it is not well.
MOST = 1000
AGAIN = 3600.0
SOONER = 600.0
_ROLES = ("postmaster", "abuse")
_ANSWERS = {"USER": Answer.FOUND, "PASS": Answer.FOUND, "NOTFOUND": Answer.UNKNOWN, "FAIL": Answer.FAILED}


def role_addresses(domains: Collection[str], postmaster: str | None, canary: str | None) -> set[str]:
    """Those that Dovecot knows by itself, after the users of the source."""
    known = {f"{name}@{domain}" for domain in domains for name in _ROLES}
    return {*known, *filter(None, [postmaster])} - {canary}


class Directory:
    """The socket at `path`; `roles` are the role addresses, `canary` is a user who always exists. Of a directory, the
    first `most` users are kept."""

    def __init__(self, path: Path, roles: Collection[str], canary: str, most: int | None = None) -> None:
        self._listener = UnixListener(path)
        self._roles = roles
        self._canary = canary
        self._most = most

    def users(self) -> Iterator[str]:
        """As the source lists them, some of them twice if it does. Raises Problem."""
        last, before = "", [""]
        while (page := self._page(last)) and page != before:
            yield from page
            if len(page) > PAGE:
                return
            last, before = page[-1], page

    def accounts(self, users: Iterable[str]) -> Iterator[Account]:
        """What Dovecot answers about each. Raises Problem, also if the source is lost meanwhile."""
        with self._connect() as session:
            for user in users:
                mail, fields = _ask(session, "USER", user)
                login, _ = _ask(session, "PASS", user)
                account = Account(user, mail, login, fields)
                if Answer.FAILED in (account.mail, account.login):
                    self._expect_canary(session)
                yield account

    def _expect_canary(self, session: Session) -> None:
        """Raises Problem."""
        if _ask(session, "USER", self._canary)[0] is not Answer.FOUND:
            raise Problem(f"the source of users does not answer, or does not find the canary {self._canary}")

    def _page(self, last: str) -> list[str]:
        with self._connect() as session:
            _send(session, "LIST", "1", "service=doveadm", "user=*", f"session={PAGE_AFTER}{last}")
            listed = _listed(session)
            first = list(islice(listed, self._most))
            # Dovecot gets rid of all of it.
            is_all = next(listed, None) is None
            deque(listed, maxlen=0)
        return _without_roles(first, self._roles) if is_all else first

    def _connect(self) -> Session:
        try:
            session = self._listener.connect(time.monotonic() + _LIMIT)
        except Found as found:
            raise Problem(found.verdict.message) from found
        _send(session, "VERSION", "1", "0")
        return session


def _listed(session: Session) -> Iterator[str]:
    while (fields := session.line().split("\t"))[0] != "DONE":
        if fields[0] == "LIST":
            yield fields[2]
            session.extend(time.monotonic() + _LIMIT)
    if "fail" in fields:
        raise Problem("Dovecot could not list the users: see the log of the container dovecot")


def _without_roles(found: list[str], roles: Collection[str]) -> list[str]:
    """Each of the role addresses is once at the end."""
    known = {*roles, SOURCE_ANSWERS}
    while found and found[-1] in known:
        known.remove(found.pop())
    return found


def _ask(session: Session, command: str, user: str) -> tuple[Answer, list[str]]:
    """With the fields of the answer."""
    session.extend(time.monotonic() + _LIMIT)
    _send(session, command, "1", user, "service=lmtp")
    while (fields := session.line().split("\t"))[0] not in _ANSWERS:
        pass
    return _ANSWERS[fields[0]], fields[1:]


def _send(session: Session, *fields: str) -> None:
    session.send("\t".join(fields))


class Accounts:
    """Asks about the first users of a source from time to time. Times are of time.monotonic."""

    def __init__(self, directory: Directory, domains: Collection[str]) -> None:
        self._directory = directory
        self._domains = domains
        self._due = -math.inf

    def ask(self, now: float) -> list[StackWarning] | None:
        """The warnings, if it is time for them; None if it is not, or if the source cannot be asked."""
        if now < self._due:
            return None
        self._due = now + SOONER
        try:
            first = islice(self._directory.users(), MOST)
            found = directory_verdicts.warnings(self._directory.accounts(first), self._domains)
        except Problem as problem:
            print(f"mailstack: the users of the source cannot be checked: {problem}", flush=True)
            return None
        self._due = now + (SOONER if found else AGAIN)
        return found

"""What Dovecot's answers about an external source of users mean for the MailStack. Pure.

Dovecot answers 451 while the source is unavailable, and while it does not find the canary; two further recipients tell
these apart (contract.SOURCE_ANSWERS, contract.SOURCE_LISTS). Measured with 2.3 and 2.4: docs/users-sql.md.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailstack_probe import judge, lmtp_verdicts, verdicts
from mailstack_probe.dialogue import Answer
from mailstack_probe.judge import Meaning
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

_WAITS = "mail waits, and nobody is refused"


@dataclass(frozen=True)
class Answers:
    """To RCPT for the canary; and, if it is not found, for SOURCE_ANSWERS; and, if that is accepted, for the canary
    once more, and SOURCE_LISTS, which only a database knows: a directory lists nobody. `canary` is the last one."""

    canary: Answer
    answers: Answer | None = None
    lists: Answer | None = None


def of_answers(canary: str, found: Answers) -> Verdict:
    if lmtp_verdicts.proves_user(found.canary):
        return verdicts.good(Reason.SOURCE_ANSWERS, f"the source of users answers, and finds {canary}")
    if found.answers is None or not found.answers.accepted:
        return _unavailable(f"Dovecot answered {found.canary} for {canary}")
    if judge.meaning(found.canary) is Meaning.UNKNOWN_RECIPIENT:
        return _canary_refused(canary)
    if found.lists is not None and found.lists.accepted:
        return _canary_refused(canary)
    return verdicts.bad(
        Reason.SOURCE_EMPTY,
        f"the source of users answers, but does not find the canary {canary}, and lists nobody; {_WAITS}: "
        "fill it, correct its query, base or filter in spec.users, or set the canary there to a user who always exists",
    )


def silent(seconds: float) -> Verdict:
    return _unavailable(f"Dovecot has not answered about a recipient for {seconds:g} s")


# Of PostgreSQL, MySQL (error 1045) and LDAP (result 49).
_REFUSED = re.compile(r"(password|SASL) authentication failed|Access denied for user|Invalid credentials")
_FAILED = re.compile(rf"{_REFUSED.pattern}|Connect failed|connection to server|Can't con(nect|tact)")
# Before the message of a failed connection. 2.3 writes the name of a file for a directory: each asks the same servers.
_SERVER = re.compile(r"\b(?:pgsql|mysql|ldap)\((?!/)(.*?)\)")


def failures(errors: str) -> dict[str, str]:
    """The last of Dovecot's errors about a connection to each server; that of servers without a name is at ""."""
    return {_server(line): line for line in errors.splitlines() if _FAILED.search(line)}


# As that of 2.4.1 does when two hosts of MySQL are away (measured); with one host it lives.
_AUTH_DIED = re.compile(r"service\(auth\): child \d+ killed with signal")


def ended_auth(log: str) -> bool:
    """Whether Dovecot's auth process has died while no connection to the source could be made."""
    return bool(_AUTH_DIED.search(log) and failures(log))


def _server(line: str) -> str:
    named = _SERVER.search(line)
    return named[1] if named else ""


def of_failures(lines: Iterable[str]) -> Verdict | None:
    """What the last failures of the servers say of an unavailable source; None if nothing in particular.

    One server that refuses the password is enough: with another one it would answer, whatever the others do.
    """
    if not any(map(_REFUSED.search, lines)):
        return None
    return verdicts.bad(
        Reason.CREDENTIALS_REFUSED,
        f"the source of users refuses Dovecot's user or password; {_WAITS}: correct the Secret in spec.users, or the "
        "server's user; the log of the container dovecot has its message",
    )


def without_dovecot(words: str) -> Verdict:
    return verdicts.unknown(
        Reason.UNREACHABLE, f"Dovecot cannot be asked about its users ({words}): the check of LMTP says why"
    )


def _unavailable(words: str) -> Verdict:
    return verdicts.bad(
        Reason.SOURCE_UNAVAILABLE,
        f"the source of users does not answer, or with an error ({words}); {_WAITS}: the log of the container dovecot "
        "has its message",
    )


def _canary_refused(canary: str) -> Verdict:
    return verdicts.bad(
        Reason.CANARY_REFUSED,
        f"the source of users answers, but does not find the canary {canary}; {_WAITS}: add that user, set the "
        "canary in spec.users to one who always exists, or correct the query, base or filter",
    )

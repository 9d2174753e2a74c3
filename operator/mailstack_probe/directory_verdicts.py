"""What Dovecot's answers about the users whom a source lists mean. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from mailstack_probe import passwd, quota
from mailstack_probe.contract import StackWarning
from mailstack_probe.reasons import WarningReason

# Users that a message names: it is cut after 1024 characters.
_SHOWN = 5

TWICE = "the source lists it more than once: Dovecot takes one entry, or none; remove the others"
CAPITALS = "Dovecot asks for it in small letters, and the source does not find it: store it in small letters"
NOT_FOUND = "the source lists it, and does not find it: its list and its query or filter do not agree"
FAILED = "the source cannot look it up, such as for two entries: see the log of the container dovecot"
NO_LOGIN = "no password is found for it, so it cannot log in"
NOT_CHECKED = (
    "its password cannot be checked, such as for a scheme that Dovecot does not know (doveadm pw -l) or two entries: "
    "see the log of the container dovecot"
)
QUOTA = (
    "its quota is no number of bytes, or too large a one, so that Dovecot takes no mail for it and opens no mailbox: "
    "write a whole number, 0 for no limit"
)
FOREIGN = "its domain is not in spec.domains, so no mail reaches it"


class Answer(Enum):
    """FAILED is an error, such as an outage, two entries, or a password scheme that Dovecot does not know."""

    FOUND = "found"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class Account:
    """A user as the source lists it, and what Dovecot answers about its mail and its password; `fields` are those of
    the first of these, NAME=VALUE each."""

    user: str
    mail: Answer
    login: Answer
    fields: Collection[str] = ()


@dataclass(frozen=True)
class Judged:
    """A user, and what is wrong with it; empty if nothing is."""

    user: str
    problem: str


def judge(accounts: Iterable[Account], domains: Collection[str]) -> Iterator[Judged]:
    """Each user once."""
    seen: dict[str, bool] = {}
    for account in accounts:
        name = account.user.lower()
        if name not in seen:
            yield Judged(account.user, _problem(account, domains))
        elif not seen[name]:
            yield Judged(account.user, TWICE)
        seen[name] = name in seen


def _problem(account: Account, domains: Collection[str]) -> str:
    return passwd.problem_of_user(account.user) or _of_answers(account) or _of_domain(account.user, domains)


def _of_answers(account: Account) -> str:
    if account.mail is Answer.FAILED:
        return FAILED
    if account.mail is Answer.UNKNOWN:
        return CAPITALS if account.user != account.user.lower() else NOT_FOUND
    if any(map(quota.is_wrong, account.fields)):
        return QUOTA
    return {Answer.FOUND: "", Answer.UNKNOWN: NO_LOGIN, Answer.FAILED: NOT_CHECKED}[account.login]


def _of_domain(user: str, domains: Collection[str]) -> str:
    return "" if user.lower().rpartition("@")[2] in domains else FOREIGN


def warnings(accounts: Iterable[Account], domains: Collection[str]) -> list[StackWarning]:
    """A warning that names the first users with whom something is wrong."""
    wrong = list(islice((judged for judged in judge(accounts, domains) if judged.problem), _SHOWN + 1))
    if not wrong:
        return []
    shown = "; ".join(f"{judged.user} ({judged.problem})" for judged in wrong[:_SHOWN])
    others = "; and others: see `kubectl mailstack users NAME --check`" if len(wrong) > _SHOWN else ""
    message = f"the source of users lists some who cannot get mail or log in: {shown}{others}"
    return [StackWarning(WarningReason.LISTED_USERS_UNUSABLE, message)]

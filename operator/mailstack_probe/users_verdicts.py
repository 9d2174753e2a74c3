"""What the users file, and Dovecot's answers about the users that it names, mean for the MailStack. Pure.

Messages have numbers of lines, and no part of a line: any of it may be a password.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mailstack_probe import judge, verdicts
from mailstack_probe.contract import StackWarning
from mailstack_probe.dialogue import Answer
from mailstack_probe.judge import Meaning
from mailstack_probe.passwd import Note
from mailstack_probe.reasons import Reason, WarningReason
from mailstack_probe.users_report import Report
from mailstack_probe.verdicts import Verdict

# Lines that a message names.
_SHOWN = 10

STARTING = verdicts.unknown(Reason.STARTING, "Dovecot has not been asked about all users yet")
NO_FILE = verdicts.unknown(Reason.NO_CANARY, "it is unknown whom Dovecot must know: the source of users names nobody")
NO_REPORT = verdicts.unknown(
    Reason.USERS_UNREADABLE, "the report on the users file cannot be read: see the log of the container users"
)


def of_report(report: Report) -> Verdict | None:
    """The verdict on the file itself; None if there is nothing against it."""
    if report.problem:
        return report.problem
    if report.bad:
        return verdicts.bad(Reason.LINES_IGNORED, "; ".join(_on_lines(report)))
    return None


def _on_lines(report: Report) -> Iterator[str]:
    yield f"the users file has wrong lines: {of_notes(report.bad)}"
    if report.kept:
        yield f"kept from the last good file until they are correct: {_users(len(report.kept))}"
    yield "all others are in use"


def of_answers(report: Report, refused: Mapping[str, Answer]) -> Verdict:
    """The verdict after Dovecot was asked about all users; `refused` are those of whom it gave no proof."""
    wrong = of_report(report)
    if not refused:
        return wrong or _all_found(report)
    lines = [report.users[user] for user in refused]
    said = next(iter(refused.values()))
    where = of_lines(lines) if any(lines) else "kept from the last good one"
    message = f"Dovecot does not accept mail for {_users(len(refused))} of the users file ({where}): {_reason(said)}"
    return verdicts.bad(Reason.USERS_REFUSED, f"{message}; {wrong.message}" if wrong else message)


def of_domains(report: Report, domains: Collection[str]) -> list[StackWarning]:
    """A warning of users whose domain is none of these."""
    lines = [line for user, line in report.users.items() if user.partition("@")[2] not in domains]
    if not lines:
        return []
    message = (
        f"no mail reaches {_users(len(lines))} of the users file whose domain is not in spec.domains "
        f"({of_lines(lines)}): add the domain to spec.domains, or correct the lines"
    )
    return [StackWarning(WarningReason.FOREIGN_DOMAIN, message)]


def of_postmaster(report: Report, address: str | None) -> list[StackWarning]:
    """A warning if the mailbox of role addresses has no user; None if there is none here."""
    if address is None or address in report.users:
        return []
    message = (
        f"no user of the users file is {address}, to which mail for postmaster@ and abuse@ goes: it is stored, and "
        "nobody can read it; add the user, make the address an alias, or set another spec.postmasterAddress"
    )
    return [StackWarning(WarningReason.POSTMASTER_WITHOUT_USER, message)]


def _all_found(report: Report) -> Verdict:
    corrected = f"; corrected: {of_notes(report.corrected)}" if report.corrected else ""
    return verdicts.good(Reason.ALL_FOUND, f"Dovecot finds each of {_users(len(report.users))}{corrected}")


def _reason(said: Answer) -> str:
    """Without the text of the reply, which repeats the user."""
    if judge.meaning(said) is Meaning.UNKNOWN_RECIPIENT:
        return "it does not find them; see the log of the container dovecot"
    return f"it answers with {said.reply.code}; see the log of the container dovecot"


def of_notes(notes: Sequence[Note]) -> str:
    """`line 3 (no colon)`, of the first few."""
    shown = ", ".join(f"line {note.line} ({note.text})" for note in notes[:_SHOWN])
    return f"{shown}{more(len(notes))}"


def of_lines(lines: Iterable[int]) -> str:
    """`lines 3, 7`, of the first few."""
    numbers = sorted(line for line in lines if line)
    word = "lines" if len(numbers) > 1 else "line"
    return f"{word} {', '.join(map(str, numbers[:_SHOWN]))}{more(len(numbers))}"


def _users(count: int) -> str:
    return f"{count} users" if count > 1 else f"{count} user"


def more(count: int) -> str:
    """What follows the first few of so many."""
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""

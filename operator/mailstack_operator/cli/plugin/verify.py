"""What both servers say of one address, and what Postfix remembers of it. Pure."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from mailstack_operator.cli.plugin import terminal
from mailstack_operator.kube.objects import Json, number, section, text
from mailstack_probe.replies import UNKNOWN, Reply

# verify(8): what the first number of an entry means; 3 stands while the first answer is awaited.
_STATUSES = {0: "ok", 1: "defer", 2: "bounce", 3: "todo"}


class Outcome(IntEnum):
    """What becomes of mail to the address, and the exit code that says so."""

    ACCEPTED = 0
    REFUSED = 1
    NOT_KNOWN = 2


@dataclass(frozen=True)
class Entry:
    """An entry of the verify cache. Times are in seconds since 1970; `probed` is 0 unless an answer is awaited."""

    status: str
    probed: int
    updated: int
    words: str


@dataclass(frozen=True)
class Finding:
    """What was found in one Postfix pod; a reply has code 0 if there was none, `entry` is None if there is none."""

    pod: str
    postfix: Reply
    dovecot: Reply
    entry: Entry | None

    @property
    def outcome(self) -> Outcome:
        """By Postfix's answer: it is the one that a sender hears."""
        return outcome(self.postfix)


def outcome(reply: Reply) -> Outcome:
    if 200 <= reply.code < 300:
        return Outcome.ACCEPTED
    # With spec.verification.rejectCode 450, the words alone tell a refusal for good.
    return Outcome.REFUSED if reply.code >= 500 or UNKNOWN in reply.text else Outcome.NOT_KNOWN


def overall(findings: Sequence[Finding], *, complete: bool) -> Outcome:
    """Refused if one pod refuses, accepted if all of them accept: a sender meets any. Complete: all were asked."""
    outcomes = {finding.outcome for finding in findings}
    if Outcome.REFUSED in outcomes:
        return Outcome.REFUSED
    return Outcome.ACCEPTED if complete and outcomes == {Outcome.ACCEPTED} else Outcome.NOT_KNOWN


def answers(output: str) -> tuple[Reply, Reply]:
    """Postfix's and Dovecot's, in what ask printed. Raises ValueError if it is no JSON object."""
    found: dict[str, Json] = json.loads(output)
    return _reply(found, "smtp"), _reply(found, "lmtp")


def _reply(found: dict[str, Json], name: str) -> Reply:
    return Reply(number(section(found, name), "code"), text(section(found, name), "text"))


def entry(value: str) -> Entry | None:
    """What `postmap -q` printed, `STATUS:PROBED:UPDATED:TEXT`; None if that is no entry. Source: Postfix's verify.c."""
    status, *times, words = (value.strip().split(":", 3) + [""] * 4)[:4]
    if not all(part.isdigit() for part in (status, *times)):
        return None
    probed, updated = map(int, times)
    return Entry(_STATUSES.get(int(status), status), probed, updated, words)


def screen(address: str, findings: Sequence[Finding], outcome: Outcome, now: datetime, width: int) -> str:
    """Both answers and the entry for each pod, and what they come to; empty if no pod could be asked."""
    if not findings:
        return ""
    rows = [row for finding in findings for row in _rows(finding, now)]
    remarks = dict.fromkeys(remark for finding in findings for remark in _remarks(finding))
    ends = [_SUMMARIES[outcome].format(address), *remarks]
    return "\n".join(
        [terminal.table(("POD", "ASKED", "ANSWER"), rows, width), *(textwrap.fill(end, width) for end in ends), ""]
    )


_SUMMARIES = {
    Outcome.ACCEPTED: "Accepted: Postfix takes mail to {}.",
    Outcome.REFUSED: "Refused: Postfix takes no mail to {}.",
    Outcome.NOT_KNOWN: "Not known: Postfix gives no lasting answer yet; senders try {} again later.",
}


def _rows(finding: Finding, now: datetime) -> Iterator[terminal.Row]:
    yield finding.pod, "Postfix", _told(finding.postfix)
    yield "", "Dovecot", _told(finding.dovecot)
    yield "", "cache", _remembered(finding.entry, now)


def _told(reply: Reply) -> str:
    return str(reply) if reply.code else f"no answer: {reply.text}"


def _remembered(found: Entry | None, now: datetime) -> str:
    if found is None:
        return "no entry"
    ages = [
        f"{name} {terminal.age(now.timestamp() - time)} ago"
        for name, time in (("probed", found.probed), ("updated", found.updated))
        if time
    ]
    return f"{', '.join([found.status, *ages])}: {found.words}"


def _remarks(finding: Finding) -> Iterator[str]:
    """What to know where the two do not agree."""
    postfix, dovecot = finding.outcome, outcome(finding.dovecot)
    if (postfix, dovecot) == (Outcome.ACCEPTED, Outcome.REFUSED):
        yield (
            "Dovecot refuses it: such mail goes back to its sender. Postfix remembers a user who was removed, the "
            "address is an alias, or verification is off."
        )
    if (postfix, dovecot) == (Outcome.REFUSED, Outcome.ACCEPTED):
        yield (
            "Dovecot knows it: Postfix remembers a former answer until spec.verification.negative.refresh is over, or "
            "refuses it for another reason."
        )

"""What both servers answer about one recipient, and what Postfix caches of it. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from mailstack_operator.kube.objects import Json, number, section, text
from mailstack_probe.replies import UNKNOWN, Reply

# verify(8): the first number of an entry; 3 while the first answer is awaited.
_STATUSES = {0: "ok", 1: "defer", 2: "bounce", 3: "todo"}


class Outcome(IntEnum):
    """What becomes of mail to the address, and the exit code for it."""

    ACCEPTED = 0
    REFUSED = 1
    NOT_KNOWN = 2


@dataclass(frozen=True)
class CacheEntry:
    """An entry of the verify cache. Times are in seconds since 1970; `probed` is 0 unless an answer is awaited."""

    status: str
    probed: int
    updated: int
    text: str


@dataclass(frozen=True)
class Answers:
    """What one Postfix pod answered; a reply has code 0 if there was none, `entry` is None if there is none."""

    pod: str
    postfix: Reply
    dovecot: Reply
    entry: CacheEntry | None

    @property
    def outcome(self) -> Outcome:
        """By Postfix's answer: it is the one that a sender gets."""
        return judge_reply(self.postfix)


def judge_reply(reply: Reply) -> Outcome:
    if 200 <= reply.code < 300:
        return Outcome.ACCEPTED
    # With spec.verification.rejectCode 450, only the text tells a permanent refusal.
    return Outcome.REFUSED if reply.code >= 500 or UNKNOWN in reply.text else Outcome.NOT_KNOWN


def judge_answers(answers: Sequence[Answers], *, complete: bool) -> Outcome:
    """Refused if one pod refuses, accepted if all of them accept: a sender may reach any. Complete: all were asked."""
    outcomes = {each.outcome for each in answers}
    if Outcome.REFUSED in outcomes:
        return Outcome.REFUSED
    return Outcome.ACCEPTED if complete and outcomes == {Outcome.ACCEPTED} else Outcome.NOT_KNOWN


def parse_replies(output: str) -> tuple[Reply, Reply]:
    """Postfix's and Dovecot's, in what recipient_script printed. Raises ValueError if it is no JSON object."""
    found: dict[str, Json] = json.loads(output)
    return _reply(found, "smtp"), _reply(found, "lmtp")


def _reply(found: dict[str, Json], name: str) -> Reply:
    return Reply(number(section(found, name), "code"), text(section(found, name), "text"))


def parse_cache_entry(value: str) -> CacheEntry | None:
    """What `postmap -q` printed, `STATUS:PROBED:UPDATED:TEXT`; None if that is no entry. Source: Postfix's verify.c."""
    status, *times, reply = (value.strip().split(":", 3) + [""] * 4)[:4]
    if not all(part.isdigit() for part in (status, *times)):
        return None
    probed, updated = map(int, times)
    return CacheEntry(_STATUSES.get(int(status), status), probed, updated, reply)

"""What both servers answer about one recipient. Pure."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from mailstack_operator.cli.plugin.parsing.recipient_answers import Answers, CacheEntry, Outcome, judge_reply
from mailstack_operator.cli.plugin.screens.table import Row, render_table
from mailstack_operator.cli.plugin.screens.units import format_age
from mailstack_probe.replies import Reply

_SUMMARIES = {
    Outcome.ACCEPTED: "Accepted: Postfix accepts mail for {}.",
    Outcome.REFUSED: "Refused: Postfix refuses mail for {}.",
    Outcome.NOT_KNOWN: "Unknown: Postfix has no final answer yet; senders retry {} later.",
}


def render_answers(address: str, answers: Sequence[Answers], outcome: Outcome, now: datetime, width: int) -> str:
    """Both answers and the cache entry for each pod, and the outcome; empty if no pod could be asked."""
    if not answers:
        return ""
    rows = [row for each in answers for row in _rows(each, now)]
    remarks = dict.fromkeys(remark for each in answers for remark in _remarks(each))
    ends = [_SUMMARIES[outcome].format(address), *remarks]
    return "\n".join(
        [render_table(("POD", "SOURCE", "ANSWER"), rows, width), *(textwrap.fill(end, width) for end in ends), ""]
    )


def _rows(answers: Answers, now: datetime) -> Iterator[Row]:
    yield answers.pod, "Postfix", _format_reply(answers.postfix)
    yield "", "Dovecot", _format_reply(answers.dovecot)
    yield "", "cache", _format_entry(answers.entry, now)


def _format_reply(reply: Reply) -> str:
    return str(reply) if reply.code else f"no answer: {reply.text}"


def _format_entry(entry: CacheEntry | None, now: datetime) -> str:
    if entry is None:
        return "no entry"
    ages = [
        f"{name} {format_age(now.timestamp() - time)} ago"
        for name, time in (("probed", entry.probed), ("updated", entry.updated))
        if time
    ]
    return f"{', '.join([entry.status, *ages])}: {entry.text}"


def _remarks(answers: Answers) -> Iterator[str]:
    """An explanation where the two do not agree."""
    postfix, dovecot = answers.outcome, judge_reply(answers.dovecot)
    if (postfix, dovecot) == (Outcome.ACCEPTED, Outcome.REFUSED):
        yield (
            "Dovecot refuses it: Postfix would return such mail to its sender. Either Postfix has cached a user who "
            "was removed, or the address is an alias, or verification is off."
        )
    if (postfix, dovecot) == (Outcome.REFUSED, Outcome.ACCEPTED):
        yield (
            "Dovecot accepts it: either Postfix has cached an earlier answer, which expires after "
            "spec.verification.negative.refresh, or it refuses the address for another reason."
        )

"""What Postfix's answer about a recipient that does not exist means for the MailStack. Pure."""

import re
from collections.abc import Sequence

from mailstack_probe import judge, postfix_verdicts, verdicts
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.judge import Meaning
from mailstack_probe.postfix_verdicts import LOG
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import UNKNOWN
from mailstack_probe.sessions import Problem, Unsettled
from mailstack_probe.verdicts import Verdict

# The verify cache holds Dovecot's reply for a recipient that Dovecot accepted; other transports have other texts.
_DOVECOTS = re.compile(r"250 ")
# Verdicts that may change soon, and say nothing about a domain.
PASSING = {
    Reason.PENDING,
    Reason.TEMPORARY_FAILURE,
    Reason.TEMPORARY_REFUSAL,
    Reason.QUEUE_FULL,
    Reason.POSTFIX_UNREACHABLE,
}
# Verdicts after which the same recipient may be asked for again.
LASTING = {Reason.ENFORCED, Reason.DISABLED, *(PASSING - {Reason.TEMPORARY_FAILURE})}


def of_answer(domain: str, answer: Answer, expected: int, cached: str = "") -> Verdict:
    """The verdict on one domain.

    `expected` is 550 or 450, the code of the refusal, or 250 where recipients are not verified. `cached` is the text
    of the verify cache about the recipient, if it can be read.
    """
    match judge.meaning(answer):
        case Meaning.SUCCESS:
            return _accepted(domain, expected, cached)
        case Meaning.UNKNOWN_RECIPIENT:
            return _refused(domain, answer.reply.code, expected)
        case Meaning.PENDING:
            return verdicts.unknown(
                Reason.PENDING, f"Postfix is waiting for Dovecot's answer about {domain}: {answer.reply}"
            )
        case Meaning.DOVECOT_UNAVAILABLE:
            return verdicts.bad(
                Reason.TEMPORARY_FAILURE, f"Postfix cannot ask Dovecot about {domain}: {answer.reply}; {LOG}"
            )
        case Meaning.OTHER_TRANSPORT:
            return _wrong_transport(domain, str(answer.reply))
    return postfix_verdicts.of_refusal(answer) or _refused_by_postfix(answer)


def _refused_by_postfix(answer: Answer) -> Verdict:
    asked = " without asking Dovecot" if answer.stage is Stage.RCPT else ""
    return verdicts.bad(Reason.UNEXPECTED_REPLY, f"Postfix answered {answer}{asked}; {LOG}")


def _accepted(domain: str, expected: int, cached: str) -> Verdict:
    if expected == 250:
        return verdicts.bad(
            Reason.DISABLED, "Postfix accepts every recipient of its domains, as spec.verification.enabled is false"
        )
    if cached and UNKNOWN not in cached and not _DOVECOTS.match(cached):
        return _wrong_transport(domain, cached)
    return verdicts.bad(
        Reason.NOT_ENFORCED,
        f"Postfix accepts a recipient of {domain} that does not exist: something permits it before "
        "reject_unverified_recipient, or its mail does not go to Dovecot; check spec.postfix.parameters, and if they "
        "are right, delete the pod: the new one runs with the operator's main.cf",
    )


def _wrong_transport(domain: str, text: str) -> Verdict:
    return verdicts.bad(
        Reason.WRONG_TRANSPORT,
        f"Postfix does not ask Dovecot about {domain} ({text}): its mail must go to Dovecot over LMTP; "
        "check spec.postfix.parameters",
    )


def _refused(domain: str, code: int, expected: int) -> Verdict:
    if code == expected:
        return verdicts.good(Reason.ENFORCED, f"Postfix refuses recipients of {domain} that do not exist, with {code}")
    if expected == 250:
        return verdicts.bad(
            Reason.REFUSED,
            f"Postfix refuses a recipient of {domain}, although spec.verification.enabled is false; {LOG}",
        )
    return verdicts.bad(
        Reason.OTHER_CODE,
        f"Postfix refuses recipients of {domain} that do not exist with {code}, not with {expected}: "
        "it does not run with the operator's main.cf; restart the container postfix",
    )


def unreachable(problem: Problem | Unsettled) -> Verdict:
    return verdicts.bad(Reason.POSTFIX_UNREACHABLE, str(problem))


def sum_up(domains: Sequence[tuple[str, Verdict]]) -> Verdict:
    """The verdict on all domains: the worst one, and how many are like it."""
    order = {"False": 0, "Unknown": 1, "True": 2}
    _, worst = min(domains, key=lambda each: order[each[1].status])
    others = [name for name, verdict in domains if verdict.reason == worst.reason]
    if worst.good and len(domains) > 1:
        return verdicts.good(
            worst.reason, f"Postfix refuses recipients that do not exist, in all {len(domains)} domains"
        )
    if len(others) > 1 and worst.reason != Reason.DISABLED:
        return Verdict(worst.status, worst.reason, f"{worst.message} (and {len(others) - 1} more domains)")
    return worst

"""What it means how Postfix answers RCPT for an address that nobody has. Pure.

What Postfix says in which state was measured with 3.10; the words are those of smtpd(8) and verify(8).
"""

import re
from collections.abc import Sequence

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import UNKNOWN, Reply
from mailstack_probe.sessions import Problem
from mailstack_probe.verdicts import Verdict

_LOG = "the log of the container postfix says why"
_VERIFIED = ("undeliverable address", "unverified address")
# What stands in the verify cache of an address that Dovecot took: its reply. Other transports write other words.
_DOVECOTS = re.compile(r"250 ")
# Verdicts that another try may change soon.
PASSING = {Reason.PENDING, Reason.TEMPORARY_FAILURE, Reason.POSTFIX_UNREACHABLE}
# Verdicts after which the same address may be asked for again.
LASTING = {Reason.ENFORCED, Reason.DISABLED, Reason.PENDING, Reason.POSTFIX_UNREACHABLE}


def of_reply(domain: str, reply: Reply, expected: int, cached: str = "") -> Verdict:
    """The verdict on one domain.

    `expected` is 550 or 450, the code of the refusal, or 250 where addresses are not verified. `cached` is what the
    verify cache holds of the address, if it can be seen.
    """
    if "Server configuration error" in reply.text:
        return verdicts.bad(Reason.SERVER_CONFIGURATION, f"a setting of Postfix is wrong, it answers {reply}; {_LOG}")
    if reply.code == 250:
        return _accepted(domain, expected, cached)
    if UNKNOWN in reply.text:
        return _refused(domain, reply.code, expected)
    return _unanswered(domain, reply)


def _unanswered(domain: str, reply: Reply) -> Verdict:
    """The verdict on a refusal that is not Dovecot's."""
    if reply.pending:
        return verdicts.unknown(Reason.PENDING, f"Postfix still waits for Dovecot's answer about {domain}: {reply}")
    if reply.code < 500:
        return verdicts.bad(Reason.TEMPORARY_FAILURE, f"Postfix cannot ask Dovecot about {domain}: {reply}; {_LOG}")
    if any(words in reply.text for words in _VERIFIED):
        return _wrong_transport(domain, str(reply))
    return verdicts.bad(Reason.UNEXPECTED_REPLY, f"Postfix refuses {domain} without asking Dovecot: {reply}; {_LOG}")


def _accepted(domain: str, expected: int, cached: str) -> Verdict:
    if expected == 250:
        return verdicts.bad(
            Reason.DISABLED, "Postfix accepts every address of its domains, as spec.verification.enabled is false"
        )
    if cached and UNKNOWN not in cached and not _DOVECOTS.match(cached):
        return _wrong_transport(domain, cached)
    return verdicts.bad(
        Reason.NOT_ENFORCED,
        f"Postfix accepts an address of {domain} that nobody has: something permits it before "
        "reject_unverified_recipient, or it does not go to Dovecot; look at spec.postfix.parameters, and delete the "
        "pod if they do not say so: a new one runs with the operator's main.cf",
    )


def _wrong_transport(domain: str, words: str) -> Verdict:
    return verdicts.bad(
        Reason.WRONG_TRANSPORT,
        f"Postfix does not ask Dovecot about {domain} ({words}): its mail must go to Dovecot by LMTP; "
        "look at spec.postfix.parameters",
    )


def _refused(domain: str, code: int, expected: int) -> Verdict:
    if code == expected:
        return verdicts.good(Reason.ENFORCED, f"Postfix refuses addresses of {domain} that nobody has, with {code}")
    if expected == 250:
        return verdicts.bad(
            Reason.REFUSED,
            f"Postfix refuses an address of {domain}, although spec.verification.enabled is false; {_LOG}",
        )
    return verdicts.bad(
        Reason.OTHER_CODE,
        f"Postfix refuses addresses of {domain} that nobody has with {code}, not with {expected}: "
        "it does not run with the operator's main.cf; restart the container postfix",
    )


def unreachable(problem: Problem | Exception) -> Verdict:
    return verdicts.bad(Reason.POSTFIX_UNREACHABLE, str(problem))


def sum_up(domains: Sequence[tuple[str, Verdict]]) -> Verdict:
    """The verdict on all domains: the first that is not good, the bad ones first; how many are like it."""
    order = {"False": 0, "Unknown": 1, "True": 2}
    _, worst = min(domains, key=lambda each: order[each[1].status])
    others = [name for name, verdict in domains if verdict.reason == worst.reason]
    if worst.good and len(domains) > 1:
        return verdicts.good(worst.reason, f"Postfix refuses addresses that nobody has, in all {len(domains)} domains")
    if len(others) > 1 and worst.reason != Reason.DISABLED:
        return Verdict(worst.status, worst.reason, f"{worst.message} (and {len(others) - 1} more domains)")
    return worst

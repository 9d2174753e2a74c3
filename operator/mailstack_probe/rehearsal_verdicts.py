"""What an answer about a recipient that does not exist says about a changed configuration. Pure."""

from mailstack_probe import judge
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.judge import Meaning
from mailstack_probe.replies import UNKNOWN

# Dovecot's own reply to RCPT when a user cannot be looked up, which Postfix passes on: that of LMTP in the verdict of
# address verification, and that of quota-status as its own.
_FAILURE = "Temporary internal error"
_PASSED_ON = (Meaning.DOVECOT_UNAVAILABLE, Meaning.TEMPORARY)


def recipient_problem(address: str, answer: Answer, expected: int) -> str | None:
    """What is wrong; None if the answer is as it should be.

    `expected` is 550 or 450, the code of the refusal, or 250 where recipients are not verified.
    """
    if not answer.accepted and answer.stage is not Stage.RCPT:
        return f"Postfix answered {answer}, so it cannot be asked about {address}"
    if expected == 250:
        return (
            None if answer.accepted else f"Postfix refuses {address} although it verifies no recipient: {answer.reply}"
        )
    if answer.accepted:
        return (
            f"Postfix accepts {address}, which does not exist ({answer.reply}): address verification does not work; "
            "its mail must go to Dovecot over LMTP, and nothing may permit it before reject_unverified_recipient"
        )
    if judge.meaning(answer) is Meaning.UNKNOWN_RECIPIENT and answer.reply.code == expected:
        return None
    return f"Postfix must refuse {address} with {expected} and Dovecot's {UNKNOWN!r}; it answered {answer.reply}"


def waits_for_source(answer: Answer) -> bool:
    """Whether Dovecot answers a temporary failure or nothing yet, as it does while its source of users is away."""
    if judge.meaning(answer) is Meaning.PENDING:
        return True
    return judge.meaning(answer) in _PASSED_ON and _FAILURE in answer.reply.text

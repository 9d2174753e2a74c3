"""What a refusal by Postfix itself means, at whichever port and stage. Pure."""

from mailstack_probe import judge, verdicts, volumes
from mailstack_probe.dialogue import Answer
from mailstack_probe.judge import Meaning
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

LOG = "see the log of the container postfix"
# Postfix itself looks at free bytes alone: it answers MAIL with 250, and cannot store the message.
WITHOUT_INODES = verdicts.bad(
    Reason.QUEUE_FULL,
    f"the volume of the queue has fewer than {volumes.INODES} inodes left, so Postfix can store no message; enlarge "
    "spec.postfix.storage.queueSize, or remove messages",
)


def of_refusal(answer: Answer) -> Verdict | None:
    """None for a permanent refusal, whose reason is each check's own."""
    said = f"Postfix answered {answer}"
    match judge.meaning(answer):
        case Meaning.CONFIGURATION:
            return verdicts.bad(
                Reason.SERVER_CONFIGURATION,
                f"{said}: a parameter is wrong, or a policy service that it names does not answer; {LOG}",
            )
        case Meaning.QUEUE_FULL:
            return verdicts.bad(
                Reason.QUEUE_FULL,
                f"{said}: the volume of the queue is nearly full; enlarge the claim of the queue, or remove messages",
            )
        case Meaning.TEMPORARY | Meaning.FILTER_UNAVAILABLE:
            return verdicts.bad(Reason.TEMPORARY_REFUSAL, f"{said}: it accepts no mail at the moment; {LOG}")
    return None

"""What Postfix's answer on port 25 means for the MailStack. Pure."""

from mailstack_probe import judge, postfix_verdicts, verdicts
from mailstack_probe.dialogue import Answer
from mailstack_probe.judge import Meaning
from mailstack_probe.postfix_verdicts import LOG
from mailstack_probe.reasons import Reason
from mailstack_probe.sessions import Closed, Foreign, Problem, Silent, Unsettled
from mailstack_probe.verdicts import Verdict


def of_answer(port: int, answer: Answer) -> Verdict:
    """For the last answer, up to MAIL."""
    match judge.meaning(answer):
        case Meaning.SUCCESS:
            return verdicts.good(Reason.RECEIVING, f"Postfix accepts mail on port {port}")
        case Meaning.FILTER_UNAVAILABLE:
            return _filter_unavailable(answer)
    return postfix_verdicts.of_refusal(answer) or verdicts.bad(
        Reason.REFUSED, f"Postfix answered {answer}, so it refuses mail; {LOG}"
    )


def _filter_unavailable(answer: Answer) -> Verdict:
    """By milter_default_action, senders try again or give up."""
    senders = "senders try again" if answer.reply.code < 500 else "senders get their mail returned"
    return verdicts.bad(
        Reason.FILTER_UNAVAILABLE,
        f"Postfix answered {answer}: a mail filter of smtpd_milters is unavailable, and {senders}; {LOG}",
    )


def full(port: int, most: int) -> Verdict:
    """For a connection that got no answer while all processes are in use."""
    return verdicts.bad(
        Reason.CONNECTIONS_EXHAUSTED,
        f"all {most} connections of port {port} are in use, so other servers must wait: look in the log of the "
        "container postfix for who keeps them, or raise default_process_limit in spec.postfix.parameters",
    )


def of_failure(port: int, problem: Problem | Unsettled) -> Verdict:
    """For a dialogue that ended without an answer."""
    match problem:
        case Silent():
            return verdicts.bad(
                Reason.FROZEN,
                f"Postfix accepts the connection on port {port}, and does not answer: it is stopped or overloaded, or "
                f"waits for a mail filter; {LOG}",
            )
        case Closed():
            return verdicts.bad(
                Reason.CONNECTION_CLOSED, f"Postfix closed the connection on port {port} without an answer; {LOG}"
            )
        case Foreign(line=line):
            return verdicts.bad(Reason.BAD_GREETING, f"the server on port {port} is not Postfix: it answered {line}")
    return _of_connection(port, problem.__cause__, str(problem))


def _of_connection(port: int, error: BaseException | None, text: str) -> Verdict:
    match error:
        case ConnectionRefusedError():
            return verdicts.bad(
                Reason.CONNECTION_REFUSED, f"connection refused on port {port}: Postfix is not running; {LOG}"
            )
        case TimeoutError():
            return verdicts.bad(
                Reason.CONNECTION_TIMED_OUT,
                f"the connection to port {port} timed out: Postfix is overloaded, or a packet filter drops it",
            )
    return verdicts.bad(Reason.UNREACHABLE, f"{text}; {LOG}")

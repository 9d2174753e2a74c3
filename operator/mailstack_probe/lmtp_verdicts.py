"""What Dovecot's answers over LMTP mean for the MailStack. Pure.

Which answer comes in which state was measured with 2.3 and 2.4 (docs/facts/mail.md).
"""

import errno
import socket
from collections.abc import Sequence

from mailstack_probe import judge, verdicts
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.judge import Meaning
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

_LOG = "see the log of the container dovecot"


def no_socket(path: str, error: OSError, *, folder_searchable: bool) -> Verdict:
    """Why the connection to the unix socket failed."""
    match error:
        case FileNotFoundError():
            return verdicts.bad(
                Reason.NO_SOCKET, f"the socket {path} does not exist: Dovecot did not start, or closed it; {_LOG}"
            )
        case ConnectionRefusedError():
            return verdicts.bad(
                Reason.CONNECTION_REFUSED, f"connection refused on {path}: Dovecot is not running; {_LOG}"
            )
        case PermissionError() if folder_searchable:
            return verdicts.bad(
                Reason.PERMISSION_DENIED,
                f"the user postfix may not connect to {path}: its owner or mode was changed; "
                "restart the container dovecot, which creates it anew",
            )
        case PermissionError():
            return verdicts.bad(
                Reason.NOT_SEARCHABLE,
                f"the user postfix may not search the folder of {path}: its owner or mode was changed; "
                "delete the pod: the new one sets them again",
            )
        # A unix socket whose queue of connections is full.
        case TimeoutError() | BlockingIOError():
            return frozen(path)
    return verdicts.bad(Reason.UNREACHABLE, f"the connection to {path} failed ({_text(error)}); {_LOG}")


def no_port(title: str, error: OSError) -> Verdict:
    """Why the connection to the TCP port failed; `title` is HOST:PORT."""
    match error:
        case socket.gaierror():
            return name_not_resolved(title, _text(error))
        case ConnectionRefusedError():
            return verdicts.bad(
                Reason.CONNECTION_REFUSED,
                f"connection refused on {title}: Dovecot's pod is gone, or Dovecot is not running; {_LOG}",
            )
        case TimeoutError():
            return verdicts.bad(
                Reason.CONNECTION_TIMED_OUT,
                f"the connection to {title} timed out: its node is down, or a NetworkPolicy blocks Postfix's pods",
            )
    return verdicts.bad(
        Reason.UNREACHABLE, f"the connection to {title} failed ({_text(error)}): check the network of the pods"
    )


def name_not_resolved(title: str, text: str) -> Verdict:
    return verdicts.bad(
        Reason.NAME_NOT_RESOLVED,
        f"the name of {title} does not resolve ({text}): check its Service and the cluster's DNS",
    )


def frozen(title: str) -> Verdict:
    return verdicts.bad(
        Reason.FROZEN,
        f"Dovecot does not answer on {title}: it is stopped or overloaded; "
        "if this lasts, restart the container dovecot",
    )


def no_answer(seconds: float) -> Verdict:
    """To RCPT."""
    return verdicts.bad(
        Reason.TEMPORARY_FAILURE,
        f"Dovecot has not answered about a recipient for {seconds:g} s: it is waiting for its user source; {_LOG}",
    )


def closed(title: str) -> Verdict:
    return verdicts.bad(
        Reason.CONNECTION_CLOSED, f"Dovecot closed the connection on {title}: its LMTP service fails; {_LOG}"
    )


def bad_greeting(title: str, greeting: str) -> Verdict:
    return verdicts.bad(
        Reason.BAD_GREETING, f"the server on {title} is not Dovecot's LMTP service: it answered {greeting}"
    )


def tls_failed(title: str, text: str) -> Verdict:
    return verdicts.bad(
        Reason.TLS_FAILED,
        f"Postfix cannot trust Dovecot on {title} ({text}): check the two Secrets in spec.delivery.listener.inet.tls",
    )


def of_refusal(title: str, answer: Answer) -> Verdict:
    """For an answer before RCPT that is no success."""
    if answer.stage is Stage.STARTTLS:
        return tls_failed(title, f"it answered {answer}")
    if answer.stage is Stage.CONNECTION and judge.meaning(answer) is Meaning.REFUSAL:
        return bad_greeting(title, str(answer))
    return _unexpected(answer)


def _unexpected(answer: Answer, recipient: str = "") -> Verdict:
    """For an answer that no other function is for."""
    said = f"Dovecot answered {answer.stage}{f' for {recipient}' if recipient else ''} with {answer.reply}"
    if judge.meaning(answer) is Meaning.TEMPORARY:
        return verdicts.bad(Reason.TEMPORARY_FAILURE, f"{said}: it cannot look up users or mail at the moment; {_LOG}")
    return verdicts.bad(Reason.UNEXPECTED_REPLY, f"{said}; {_LOG}")


def of_recipients(title: str, unknown: Answer, canaries: Sequence[tuple[str, Answer]]) -> Verdict:
    """The verdict on the answers to RCPT: for a recipient that does not exist, and for canaries.

    `canaries` is empty where the users file is in another pod.
    """
    if unknown.accepted:
        return verdicts.bad(
            Reason.ACCEPTS_EVERYBODY,
            "Dovecot accepts a recipient that does not exist, so Postfix cannot refuse any: "
            "no passdb or userdb may match every name",
        )
    if judge.meaning(unknown) is not Meaning.UNKNOWN_RECIPIENT:
        return _unexpected(unknown, "a recipient that does not exist")
    if canaries and not any(proves_user(answer) for _, answer in canaries):
        return _refused(*canaries[0])
    known = f" and accepts {canaries[-1][0]}" if canaries else ""
    return verdicts.good(Reason.REACHABLE, f"Dovecot answers on {title}{known}")


def without_canary(verdict: Verdict) -> Verdict:
    """For a good verdict where a canary should have been asked for: that Dovecot refuses one recipient does not show
    that it knows any, because a user source that is empty or wrong refuses all with the same reply."""
    return verdicts.unknown(
        Reason.NO_CANARY, f"{verdict.message}, but whether it knows its users is unknown: there is no canary recipient"
    )


def proves_user(answer: Answer) -> bool:
    """Whether Dovecot knows the recipient; a full mailbox is one of a user."""
    return judge.meaning(answer) in (Meaning.SUCCESS, Meaning.MAILBOX_FULL)


def _refused(address: str, answer: Answer) -> Verdict:
    if judge.meaning(answer) is not Meaning.UNKNOWN_RECIPIENT:
        return _unexpected(answer, address)
    return verdicts.bad(
        Reason.CANARY_REFUSED,
        f"Dovecot refuses {address}, a user who must exist ({answer.reply}), so mail to users is returned; {_LOG}",
    )


def _text(error: OSError) -> str:
    return error.strerror or errno.errorcode.get(error.errno or 0, str(error))

"""What it means how Dovecot answers over LMTP. Pure.

The reasons are part of the MailStack's API: programs, alerts and docs/failure-modes.md name them. What Dovecot says
in which state was measured with 2.3 and 2.4.
"""

import errno
import socket
from collections.abc import Sequence

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.replies import UNKNOWN, Reply
from mailstack_probe.verdicts import Verdict

_LOG = "the log of the container dovecot says why"


def no_socket(path: str, error: OSError, *, folder_searchable: bool) -> Verdict:
    """Why the unix socket could not be connected to."""
    match error:
        case FileNotFoundError():
            return verdicts.bad(Reason.NO_SOCKET, f"there is no socket {path}: Dovecot did not start; {_LOG}")
        case ConnectionRefusedError():
            return verdicts.bad(Reason.CONNECTION_REFUSED, f"nobody listens on {path}: Dovecot does not run; {_LOG}")
        case PermissionError() if folder_searchable:
            return verdicts.bad(
                Reason.PERMISSION_DENIED,
                f"postfix may not use the socket {path}: its owner or mode was changed; "
                "restart the container dovecot, which makes it anew",
            )
        case PermissionError():
            return verdicts.bad(
                Reason.NOT_SEARCHABLE,
                f"postfix may not search the folder of {path}: its owner or mode was changed; "
                "delete the pod, whose new one sets them right",
            )
        # A full queue of connections that nobody takes looks like this, on a unix socket.
        case TimeoutError() | BlockingIOError():
            return frozen(path)
    return verdicts.bad(Reason.UNREACHABLE, f"{path} cannot be connected to ({_words(error)}); {_LOG}")


def no_port(title: str, error: OSError) -> Verdict:
    """Why the TCP port, HOST:PORT, could not be connected to."""
    match error:
        case socket.gaierror():
            return name_not_resolved(title, _words(error))
        case ConnectionRefusedError():
            return verdicts.bad(
                Reason.CONNECTION_REFUSED, f"nobody listens on {title}: Dovecot's pod is away or did not start; {_LOG}"
            )
        case TimeoutError():
            return verdicts.bad(
                Reason.CONNECTION_TIMED_OUT,
                f"no answer from {title}: its node is away, or a NetworkPolicy keeps Postfix's pods from it",
            )
    return verdicts.bad(
        Reason.UNREACHABLE, f"{title} cannot be connected to ({_words(error)}): look at the pods' network"
    )


def name_not_resolved(title: str, words: str) -> Verdict:
    return verdicts.bad(
        Reason.NAME_NOT_RESOLVED,
        f"the name of {title} does not resolve ({words}): look for its Service, and at the cluster's DNS",
    )


def frozen(title: str) -> Verdict:
    return verdicts.bad(
        Reason.FROZEN,
        f"Dovecot does not answer on {title}: it is stopped or overloaded; "
        "if this stays so, restart the container dovecot",
    )


def waits(seconds: float) -> Verdict:
    return verdicts.bad(
        Reason.TEMPORARY_FAILURE,
        f"Dovecot greets, but says nothing about recipients for {seconds:g} s: it waits for its users; {_LOG}",
    )


def closed(title: str) -> Verdict:
    return verdicts.bad(Reason.CONNECTION_CLOSED, f"Dovecot closes the connection on {title}: its LMTP fails; {_LOG}")


def bad_greeting(title: str, words: str) -> Verdict:
    return verdicts.bad(
        Reason.BAD_GREETING,
        f"what listens on {title} does not greet with 220, but says: {words}: it must be Dovecot's LMTP",
    )


def tls_failed(title: str, words: str) -> Verdict:
    return verdicts.bad(
        Reason.TLS_FAILED,
        f"Postfix could not trust Dovecot on {title} ({words}): "
        "look at the two Secrets in spec.delivery.listener.inet.tls",
    )


def unexpected(command: str, reply: Reply) -> Verdict:
    """For a reply that no other function knows better."""
    if 400 <= reply.code < 500:
        return verdicts.bad(
            Reason.TEMPORARY_FAILURE,
            f"Dovecot answers {command} with {reply}: it cannot ask its users or mail at the moment; {_LOG}",
        )
    return verdicts.bad(Reason.UNEXPECTED_REPLY, f"Dovecot answers {command} with {reply}; {_LOG}")


def of_recipients(title: str, nobody: Reply, users: Sequence[tuple[str, Reply]]) -> Verdict:
    """What the replies to RCPT mean: for an address that nobody has, and for addresses that users have.

    `users` is empty where the users file cannot be seen.
    """
    if nobody.code == 250:
        return verdicts.bad(
            Reason.ACCEPTS_EVERYBODY,
            "Dovecot accepts an address that nobody has, so Postfix cannot refuse any: "
            "no passdb or userdb may match every name",
        )
    if nobody.code != 550 or (UNKNOWN not in nobody.text and "5.1.1" not in nobody.text):
        return unexpected("RCPT for an address that nobody has", nobody)
    if users and not any(proves_user(reply) for _, reply in users):
        return _refused(*users[0])
    known = f", and knows {users[-1][0]}" if users else ""
    return verdicts.good(Reason.REACHABLE, f"Dovecot answers on {title}{known}")


def proves_user(reply: Reply) -> bool:
    """Whether Dovecot has the user; that the mailbox is full proves it as well."""
    return reply.code in (250, 552) or (reply.code == 452 and "4.2.2" in reply.text)


def _refused(address: str, reply: Reply) -> Verdict:
    if reply.code != 550:
        return unexpected(f"RCPT for {address}", reply)
    return verdicts.bad(
        Reason.CANARY_REFUSED,
        f"Dovecot refuses {address}, who is in the users file ({reply}), so users lose mail for good; {_LOG}",
    )


def _words(error: OSError) -> str:
    return error.strerror or errno.errorcode.get(error.errno or 0, str(error))

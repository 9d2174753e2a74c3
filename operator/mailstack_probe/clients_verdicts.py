"""What the answers on the ports for mail programs mean for the MailStack. Pure."""

import re
from dataclasses import dataclass

from mailstack_probe import verdicts
from mailstack_probe.reasons import Reason
from mailstack_probe.sessions import Closed, Foreign, Problem, Silent, Unsettled, Untrusted
from mailstack_probe.verdicts import Verdict

SERVING = verdicts.good(
    Reason.SERVING, "every port for mail programs answers, and a login with a wrong password is refused"
)
_LOG = "see the logs of the containers dovecot and postfix"
# The replies to a login, of IMAP and of SMTP.
_ACCEPTED = re.compile(r"OK\b|235\b", re.IGNORECASE)
_REFUSED = re.compile(r"NO \[AUTHENTICATIONFAILED\]|535\b", re.IGNORECASE)
_UNAVAILABLE = re.compile(r"NO \[(UNAVAILABLE|SERVERBUG|INUSE)\]|BYE\b|4\d\d\b", re.IGNORECASE)

_NO_ANSWER = re.compile(r'"status" ?: ?"500"')


@dataclass(frozen=True)
class Full:
    """A service all of whose sessions are in use, and how many it has."""

    service: str
    sessions: int


def full(found: Full) -> Verdict:
    return verdicts.bad(
        Reason.CONNECTIONS_EXHAUSTED,
        f"all {found.sessions} sessions of {found.service} are in use, so nobody else can log in: raise "
        "spec.dovecot.connections, or find out with `doveadm who` in the container dovecot whose they are",
    )


def of_failure(title: str, problem: Problem | Unsettled, found: Full | None) -> Verdict:
    """For a dialogue that ended without an answer; `found` is the service that had no session left before it."""
    if found and isinstance(problem, Silent | Closed | Untrusted):
        return full(found)
    match problem:
        case Silent():
            return verdicts.bad(
                Reason.FROZEN,
                f"{title} accepts the connection, and does not answer: its server is stopped or overloaded, or all of "
                f"its processes are in use; {_LOG}",
            )
        case Closed():
            return verdicts.bad(Reason.CONNECTION_CLOSED, f"{title} closed the connection without an answer; {_LOG}")
        case Untrusted():
            return verdicts.bad(Reason.TLS_FAILED, f"{problem}; {_LOG}")
        case Foreign(line=line):
            return verdicts.bad(Reason.BAD_GREETING, f"{title} does not greet as it should: it answered {line}")
    return _of_connection(title, problem)


def _of_connection(title: str, problem: Problem | Unsettled) -> Verdict:
    match problem.__cause__:
        case ConnectionRefusedError():
            words = f"connection refused by {title}: its server is not running; {_LOG}"
            return verdicts.bad(Reason.CONNECTION_REFUSED, words)
        case TimeoutError():
            words = f"the connection to {title} timed out: its server is overloaded, or a packet filter drops it"
            return verdicts.bad(Reason.CONNECTION_TIMED_OUT, words)
    return verdicts.bad(Reason.UNREACHABLE, f"{problem}; {_LOG}")


def of_token(title: str, reply: str) -> Verdict | None:
    """For the reply to a token that no provider issued, with the challenge before it; None for a refusal.

    Dovecot 2.4 says in the challenge alone that it has no answer (internal_failure of XOAUTH2: 500).
    """
    if _ACCEPTED.match(reply):
        return verdicts.bad(
            Reason.ACCEPTS_ANY_PASSWORD,
            f"{title} lets a user log in with a token that nobody issued: see what the URL in users.oauth2 answers",
        )
    if _UNAVAILABLE.match(reply) or _NO_ANSWER.search(reply):
        return verdicts.bad(
            Reason.PROVIDER_UNAVAILABLE,
            "Dovecot gets no usable answer of the provider of tokens (users.oauth2), so nobody can log in with one; "
            "passwords work: see `oauth2 failed` in the log of the container dovecot",
        )
    return None if _REFUSED.match(reply) else _unexpected(title, reply)


def of_login(title: str, reply: str) -> Verdict | None:
    """For the reply to the login of a user that does not exist; None for a refusal."""
    if _REFUSED.match(reply):
        return None
    if _ACCEPTED.match(reply):
        return verdicts.bad(
            Reason.ACCEPTS_ANY_PASSWORD,
            f"{title} lets a user log in that does not exist: look for a passdb that accepts every password",
        )
    if _UNAVAILABLE.match(reply):
        words = f"{title} cannot check passwords, so nobody can log in: it answered {reply}; {_LOG}"
        return verdicts.bad(Reason.LOGIN_UNAVAILABLE, words)
    return _unexpected(title, reply)


def _unexpected(title: str, reply: str) -> Verdict:
    return verdicts.bad(Reason.UNEXPECTED_REPLY, f"{title} answered a login with {reply}; {_LOG}")

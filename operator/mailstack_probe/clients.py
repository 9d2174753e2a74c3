"""Asks as a mail program would: a greeting on every port for people, and a login that must be refused.

Sources: RFC 9051 (IMAP), RFC 5804 (ManageSieve), RFC 6409 and RFC 4954 (submission and AUTH), RFC 4959 (an initial
response in IMAP's AUTHENTICATE).
"""

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from mailstack_probe import clients_verdicts, connections, dialogue, replies, sessions
from mailstack_probe.clients_verdicts import Full
from mailstack_probe.contract import PROBE_USER, ProbeOptions
from mailstack_probe.sessions import Problem, Session, Unsettled
from mailstack_probe.verdicts import Found, Verdict

# Seconds for a greeting. Postfix and Dovecot drop a connection that no process takes after ten.
GREETING = 12.0
# Seconds for the refusal of a login: Dovecot delays it by two, and by up to fifteen more after other failures from this
# address. The same user and password each time adds nothing to that (auth penalty).
REFUSAL = 25.0
# Of the login with a token: each of those that is refused adds to the delay of its address, up to fifteen seconds, in
# which Postfix would give up a login with a password (ten).
_OF_TOKENS = "127.0.0.2"
_PASSWORD = "not-a-password"  # noqa: S105  # nobody's


@dataclass(frozen=True)
class Server:
    """What speaks at a port.

    `greet` returns after the greeting, `leave` ends a session that did not log in; `log_in` sends a login, `answer`
    reads its reply, and `judge` says what is wrong with that. It sees the client at the address `source`.
    """

    name: str
    greet: Callable[[Session], None]
    leave: Callable[[Session], None] = lambda _: None
    log_in: Callable[[Session, str], None] = lambda *_: None
    answer: Callable[[Session], str] = lambda _: ""
    judge: Callable[[str, str], Verdict | None] = clients_verdicts.of_login
    tls: bool = False
    source: str = sessions.HOST


class Refused(Exception):
    """A dialogue that ended early."""

    def __init__(self, title: str, problem: Problem | Unsettled) -> None:
        super().__init__(str(problem))
        self.title = title
        self.problem = problem


@dataclass(frozen=True)
class Port:
    """A port of this pod. Its methods raise Refused."""

    number: int
    server: Server

    @property
    def title(self) -> str:
        return f"{self.server.name} on port {self.number}"

    def greet(self) -> Session:
        """A session after its greeting."""
        with self._told():
            session = sessions.on_port(
                self.title, self.number, time.monotonic() + GREETING, tls=self.server.tls, source=self.server.source
            )
            try:
                self.server.greet(session)
            except Problem:
                session.close()
                raise
        return session

    def visit(self) -> None:
        """A session of a greeting and no login."""
        with self.greet() as session:
            self.server.leave(session)

    def log_in(self, user: str) -> Session:
        """A session that waits for the answer to a login."""
        session = self.greet()
        with self._told():
            session.extend(time.monotonic() + REFUSAL)
            self.server.log_in(session, user)
        return session

    def answer(self, session: Session) -> str:
        with self._told():
            return self.server.answer(session)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (Problem, Unsettled) as problem:
            raise Refused(self.title, problem) from problem


def _greet_imap(session: Session) -> None:
    greeting = session.line()
    if not replies.imap_is_open(greeting):
        raise sessions.Foreign(session.title, greeting)


def _log_in_imap(session: Session, user: str) -> None:
    session.send(f'1 LOGIN "{user}" "{_PASSWORD}"')


def _answer_imap(session: Session) -> str:
    while not (line := session.line()).startswith("1 "):
        pass
    return line.removeprefix("1 ")


def _log_in_token(session: Session, user: str) -> None:
    response = base64.b64encode(f"user={user}\1auth=Bearer {_PASSWORD}\1\1".encode()).decode()
    session.send(f"1 AUTHENTICATE XOAUTH2 {response}")


def _answer_token(session: Session) -> str:
    """The reply, and the challenge before it, which says why."""
    challenge = ""
    while not (line := session.line()).startswith("1 "):
        if line.startswith("+ "):
            challenge = base64.b64decode(line[2:], validate=False).decode(errors="replace")
            # An empty response, which ends the dialogue.
            session.send("")
    return f"{line.removeprefix('1 ')} {challenge}".rstrip()


def _greet_sieve(session: Session) -> None:
    while replies.is_sieve_capability(line := session.line()):
        pass
    if not replies.sieve_is_open(line):
        raise sessions.Foreign(session.title, line)


def _greet_submission(session: Session) -> None:
    answer = dialogue.greet(session)
    if not answer.accepted:
        raise sessions.Foreign(session.title, str(answer.reply))


def _log_in_submission(session: Session, user: str) -> None:
    secret = base64.b64encode(f"\0{user}\0{_PASSWORD}".encode()).decode()
    session.send(f"AUTH PLAIN {secret}")


def _answer_submission(session: Session) -> str:
    reply = str(session.reply())
    dialogue.quit_session(session)
    return reply


_IMAP = Server("IMAP", _greet_imap, log_in=_log_in_imap, answer=_answer_imap)
_TLS_IMAP = replace(_IMAP, name="IMAP with TLS", tls=True)
_TOKEN_IMAP = replace(
    _TLS_IMAP, log_in=_log_in_token, answer=_answer_token, judge=clients_verdicts.of_token, source=_OF_TOKENS
)
_SIEVE = Server("ManageSieve", _greet_sieve)
_SUBMISSION = Server("Submission", _greet_submission, dialogue.quit_session, _log_in_submission, _answer_submission)
_TLS_SUBMISSION = replace(_SUBMISSION, name="Submission with TLS", tls=True)


@dataclass(frozen=True)
class Occupied:
    """Open connections to IMAP, and the service all of whose sessions are in use, by their number."""

    imap: int
    full: Full | None


class Clients:
    """The ports of this pod for mail programs; IMAP and ManageSieve have `options.connections` sessions each."""

    def __init__(self, options: ProbeOptions) -> None:
        self._user = f"{PROBE_USER}@{options.domain[0]}"
        self._sessions = options.connections
        self._has_tls = options.imaps is not None
        self._imap = [port for port in (options.imap, options.imaps) if port]
        self._sieve = [port for port in (options.sieve,) if port]
        found = (
            (options.imap, _IMAP),
            (options.sieve, _SIEVE),
            (options.submission, _SUBMISSION),
            (options.imaps, _TLS_IMAP),
            (options.submissions, _TLS_SUBMISSION),
            # The last: without any answer of Dovecot nothing is known of the provider.
            *([(options.imaps, _TOKEN_IMAP)] if options.tokens else []),
        )
        self._ports = [Port(port, server) for port, server in found if port]
        # Nobody logs in without TLS where there is TLS.
        self._logins = [options.imaps or options.imap, options.submissions]

    def occupied(self) -> Occupied:
        """The sessions that are in use now."""
        counted = connections.established()
        imap, sieve = (sum(counted[port] for port in ports) for ports in (self._imap, self._sieve))
        return Occupied(imap, self._full("IMAP", imap) or self._full("ManageSieve", sieve))

    def _full(self, service: str, sessions: int) -> Full | None:
        return Full(service, self._sessions) if self._sessions and sessions >= self._sessions else None

    def check(self) -> Verdict:
        """The verdict, after one connection to each port; takes a minute at most."""
        full = self.occupied().full
        try:
            # A login keeps its session for seconds: the other ports of its server come before it.
            for port in self._ports:
                if port.number not in self._logins:
                    port.visit()
            self._log_in([port for port in self._ports if port.number in self._logins])
        except Refused as refused:
            return clients_verdicts.of_failure(refused.title, refused.problem, full)
        except Found as found:
            return found.verdict
        # Without TLS a session leaves the process that greets: only their number tells that there is none left.
        return clients_verdicts.full(full) if full and not self._has_tls else clients_verdicts.SERVING

    def _log_in(self, ports: Sequence[Port]) -> None:
        """Logins at the same time. Raises Refused, and Found unless each is refused as it should be."""
        with ExitStack() as sessions_:
            waiting = [(port, sessions_.enter_context(port.log_in(self._user))) for port in ports]
            for port, session in waiting:
                if verdict := port.server.judge(port.title, port.answer(session)):
                    raise Found(verdict)

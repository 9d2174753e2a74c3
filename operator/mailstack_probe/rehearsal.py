"""Asks the servers of this pod, as mail programs do, whether their configuration works; exit 0 if it does.

    python -m mailstack_probe.rehearsal --imap 143 --smtp 25 --unknown nobody@example.org --expect 550

Runs in a pod that is thrown away, before a changed configuration reaches the pod that people use. Where something is
wrong it ends with 1 and one sentence on the last line; with 75 (EX_TEMPFAIL) where nothing answers in time. IMAP
comes first: without Dovecot, what Postfix says tells less.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe import logs, replies, sessions
from mailstack_probe.contract import NO_ANSWER, REHEARSAL_LIMIT, RehearsalOptions
from mailstack_probe.sessions import NotYet, Problem, Session, Silent, Slow, Unanswered

# How long a server may take to write what it did into its log, in seconds.
LOGGED = 2.0
# Between two tries while a server starts, in seconds.
PAUSE = 0.5

Dialogue = Callable[[Session], None]


@dataclass(frozen=True)
class Check:
    """A dialogue with one port."""

    title: str
    port: int
    dialogue: Dialogue
    tls: bool = False

    @property
    def name(self) -> str:
        return f"{self.title} on port {self.port}"

    def passes(self, deadline: float) -> None:
        """Returns once it does. Raises Problem if it never will, or does not by the deadline."""
        answer: NotYet | None = None
        while True:
            try:
                return self._try(deadline)
            except NotYet as error:
                answer = error
            except Silent as error:
                # The last try is cut short, as Postfix takes seconds to answer; what it said before tells more.
                raise _in_the_end(answer or error) from error
            if time.monotonic() + PAUSE >= deadline:
                raise _in_the_end(answer) from answer
            time.sleep(PAUSE)

    def _try(self, deadline: float) -> None:
        with sessions.on_port(self.name, self.port, deadline, tls=self.tls) as session:
            self.dialogue(session)


def _in_the_end(answer: Exception) -> Problem:
    """What the last answer before the deadline comes to."""
    slow = isinstance(answer, (Slow, Silent))
    return (Unanswered if slow else Problem)(str(answer))


def imap(session: Session) -> None:
    """The greeting."""
    greeting = session.line()
    if not replies.imap_is_open(greeting):
        raise Problem(f"{session.title} does not greet with `* OK`: {greeting}")


def sieve(session: Session) -> None:
    """ManageSieve's greeting: what it can do, and OK."""
    while replies.sieve_goes_on(line := session.line()):
        pass
    if not replies.sieve_is_open(line):
        raise Problem(f"{session.title} does not greet with its capabilities and OK: {line}")


def smtp(session: Session) -> None:
    """The greeting, and EHLO."""
    _demand(session, 220)
    session.send("EHLO localhost")
    _demand(session, 250)


class Unknown:
    """Asks Postfix for an address that nobody has."""

    def __init__(self, address: str, expected: int) -> None:
        self._address = address
        self._asked = address
        self._expected = expected
        self._tries = 1

    def __call__(self, session: Session) -> None:
        smtp(session)
        session.send("MAIL FROM:<>")
        _demand(session, 250)
        session.send(f"RCPT TO:<{self._asked}>")
        self._judge(session.reply())

    def _judge(self, reply: replies.Reply) -> None:
        problem = replies.recipient_problem(self._asked, reply, self._expected)
        if not problem:
            return
        if not reply.temporary:
            raise Problem(problem)
        if not reply.pending:
            self._tries += 1
            self._asked = replies.another(self._address, self._tries)
        raise (Slow if reply.pending else NotYet)(problem)


def _demand(session: Session, code: int) -> None:
    reply = session.reply()
    if reply.code != code:
        raise (NotYet if reply.temporary else Problem)(f"{session.title} must answer {code}, but says: {reply}")


# What may be asked for, in the order in which a failure tells most: option, title, dialogue, TLS from the start.
_SERVERS = (
    ("imap", "IMAP", imap, False),
    ("imaps", "IMAP with TLS", imap, True),
    ("sieve", "ManageSieve", sieve, False),
    ("smtp", "SMTP", smtp, False),
    ("submission", "Submission", smtp, False),
    ("submissions", "Submission with TLS", smtp, True),
)


def rehearse(checks: Iterable[Check]) -> None:
    """Makes one check after the other, and tells of each that passes. Raises Problem at the first that does not."""
    deadline = time.monotonic() + REHEARSAL_LIMIT
    for check in checks:
        check.passes(deadline)
        print(f"mailstack: {check.name} answers as it should", flush=True)


def _checks(options: RehearsalOptions) -> list[Check]:
    """What the command line asks for."""
    ports = ((title, getattr(options, option), dialogue, tls) for option, title, dialogue, tls in _SERVERS)
    servers = [Check(title, port, dialogue, tls) for title, port, dialogue, tls in ports if port]
    return servers + list(_recipients(options))


def _recipients(options: RehearsalOptions) -> Iterator[Check]:
    if options.smtp and options.expect:
        for address in options.unknown:
            yield Check(f"SMTP for {address}", options.smtp, Unknown(address, options.expect))


def _logged(files: Sequence[Path]) -> str:
    """What the servers' logs add to a problem: a server tells others less than it writes there, and a moment later."""
    deadline = time.monotonic() + LOGGED
    while not (words := _words(files)) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return words


def _words(files: Sequence[Path]) -> str:
    lines = ((file.stem, logs.telling(_content(file))) for file in files)
    return "".join(f"; the log of {server} says: {line}" for server, line in lines if line)


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def main() -> None:
    """Ends with 1 and the problem if there is one."""
    # As PID 1 there is no default action: the pod would wait for its grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("mailstack: told to stop"))
    options = RehearsalOptions.parse()
    try:
        rehearse(_checks(options))
    except Problem as problem:
        words = _logged(list(map(Path, options.log)))
        print(f"mailstack: {problem}{words}", file=sys.stderr, flush=True)
        # Without an answer and without a word in the logs it may be the node that is slow.
        sys.exit(NO_ANSWER if isinstance(problem, Unanswered) and not words else 1)


if __name__ == "__main__":
    main()

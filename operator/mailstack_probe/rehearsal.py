"""Checks that the servers of this pod work with their configuration, as mail programs would find; exit 0 if they do.

    python -m mailstack_probe.rehearsal --imap=143 --smtp=25

Runs in a pod of its own before a changed configuration reaches the pod that people use. Exits with 1 if something is
wrong, and its last line is one sentence about it; with 75 (EX_TEMPFAIL) if there is no answer in time. IMAP comes
first: Postfix's answers say little about a Dovecot that did not start.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailstack_probe import dialogue, judge, logs, rehearsal_verdicts, replies, sessions, source_verdicts
from mailstack_probe.contract import NO_ANSWER, REHEARSAL_LIMIT, RehearsalOptions
from mailstack_probe.dialogue import Answer, Stage
from mailstack_probe.judge import Meaning
from mailstack_probe.sessions import Problem, Session, Silent, Slow, Unanswered, Unsettled

# Seconds that a server may take to write to its log.
LOGGED = 2.0
# Seconds between two tries while a server starts.
PAUSE = 0.5
# A container's terminationMessagePath, by default.
TERMINATION_LOG = Path("/dev/termination-log")

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

    def pass_until(self, deadline: float) -> None:
        """Returns once it passes. Raises Problem if it cannot, or does not by the deadline."""
        last: Unsettled | None = None
        while True:
            try:
                return self._try(deadline)
            except Unsettled as error:
                last = error
            except Silent as error:
                # The deadline cut the last try short, as Postfix takes seconds to answer; the one before says more.
                raise _final_problem(last or error) from error
            if time.monotonic() + PAUSE >= deadline:
                raise _final_problem(last) from last
            time.sleep(PAUSE)

    def _try(self, deadline: float) -> None:
        with sessions.on_port(self.name, self.port, deadline, tls=self.tls) as session:
            self.dialogue(session)


class SourceAway(Slow):
    """Dovecot waits for its external source of users, or cannot use its answer."""


class SourceUnavailable(Unanswered):
    """The external source of users is away: that is no mistake of the configuration, whatever the logs say."""


def _final_problem(last: Exception) -> Problem:
    """The problem that the last answer before the deadline has become."""
    if isinstance(last, SourceAway):
        return SourceUnavailable(str(last))
    slow = isinstance(last, (Slow, Silent))
    return (Unanswered if slow else Problem)(str(last))


def imap(session: Session) -> None:
    """The greeting."""
    greeting = session.line()
    if not replies.imap_is_open(greeting):
        raise Problem(f"{session.title} does not greet with `* OK`: {greeting}")


def sieve(session: Session) -> None:
    """ManageSieve's greeting: what it can do, and OK."""
    while replies.is_sieve_capability(line := session.line()):
        pass
    if not replies.sieve_is_open(line):
        raise Problem(f"{session.title} does not greet with its capabilities and OK: {line}")


def smtp(session: Session) -> None:
    """The greeting, EHLO and MAIL."""
    _require(session, dialogue.start(session))


def submission(session: Session) -> None:
    """The greeting and EHLO; MAIL needs a login."""
    answer = dialogue.start(session)
    if answer.stage is not Stage.MAIL:
        _require(session, answer)


def _require(session: Session, answer: Answer) -> None:
    """Raises unless it is a success. A mail filter that is unavailable is no mistake in the configuration."""
    if judge.meaning(answer) not in (Meaning.SUCCESS, Meaning.FILTER_UNAVAILABLE):
        raise _refusal(f"{session.title} answered {answer}", answer)


class UnknownRecipient:
    """Asks Postfix for a recipient that does not exist."""

    def __init__(self, address: str, expected: int, source: str | None = None) -> None:
        self._address = address
        self._source = source
        self._asked = address
        self._expected = expected
        self._tries = 1

    def __call__(self, session: Session) -> None:
        answer = dialogue.start(session)
        if answer.accepted:
            answer = dialogue.ask(session, self._asked)
        problem = rehearsal_verdicts.recipient_problem(self._asked, answer, self._expected)
        if problem:
            # verify(8) keeps a temporary answer, and would give it again for this recipient.
            if judge.meaning(answer) is not Meaning.PENDING:
                self._tries += 1
                self._asked = _another(self._address, self._tries)
            if self._source and rehearsal_verdicts.waits_for_source(answer):
                raise SourceAway(f"spec.users.{self._source} is unavailable, or does not find its canary: {problem}")
            raise _refusal(problem, answer)


def _another(address: str, number: int) -> str:
    """Another recipient of the domain that does not exist either."""
    local, _, domain = address.rpartition("@")
    return f"{local}-{number}@{domain}"


def _refusal(problem: str, answer: Answer) -> Problem | Unsettled:
    """Final, or not yet; at the deadline, Slow says nothing about the configuration."""
    match judge.meaning(answer):
        case Meaning.PENDING | Meaning.QUEUE_FULL:
            return Slow(problem)
        case Meaning.TEMPORARY | Meaning.DOVECOT_UNAVAILABLE:
            return Slow(problem) if answer.reply.code == 421 else Unsettled(problem)
    return Problem(problem)


# The servers, that whose failure says most first: option, title, dialogue, TLS from the start.
_SERVERS = (
    ("imap", "IMAP", imap, False),
    ("imaps", "IMAP with TLS", imap, True),
    ("sieve", "ManageSieve", sieve, False),
    ("smtp", "SMTP", smtp, False),
    ("submission", "Submission", submission, False),
    ("submissions", "Submission with TLS", submission, True),
)


def rehearse(checks: Iterable[Check]) -> None:
    """Makes one check after the other, and prints each that passes. Raises Problem at the first that does not."""
    deadline = time.monotonic() + REHEARSAL_LIMIT
    for check in checks:
        check.pass_until(deadline)
        print(f"mailstack: {check.name} works", flush=True)


def _checks(options: RehearsalOptions) -> list[Check]:
    """The checks of the command line."""
    ports = ((title, getattr(options, option), dialogue, tls) for option, title, dialogue, tls in _SERVERS)
    servers = [Check(title, port, dialogue, tls) for title, port, dialogue, tls in ports if port]
    return servers + list(_recipients(options))


def _recipients(options: RehearsalOptions) -> Iterator[Check]:
    if options.verification and options.expect:
        for address in options.unknown:
            title = f"Verification of {address}"
            yield Check(title, options.verification, UnknownRecipient(address, options.expect, options.source))


def _logged(files: Sequence[Path]) -> str:
    """What the servers' logs say about a problem: more than the reply, and a moment later."""
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


def _say_last(line: str) -> None:
    """The kubelet may read the container's log before the last line has got there; its file it reads in any case."""
    print(line, file=sys.stderr, flush=True)
    # Only where there is such a file.
    with contextlib.suppress(OSError), TERMINATION_LOG.open("r+") as message:
        message.write(line)


def main() -> None:
    """Exits with 1 and the problem if there is one."""
    # PID 1 has no default action: the pod would last for its grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("mailstack: stopped by SIGTERM"))
    options = RehearsalOptions.parse()
    try:
        rehearse(_checks(options))
    except Problem as problem:
        files = list(map(Path, options.log))
        words = _logged(files)
        final = _cause(problem, options.source, files)
        _say_last(f"mailstack: {final}{words}")
        sys.exit(NO_ANSWER if _is_no_verdict(final, words) else 1)


def _cause(problem: Problem, source: str | None, files: Iterable[Path]) -> Problem:
    """The outage, of a problem that may come of the end of Dovecot's auth process in one."""
    if source and any(source_verdicts.ended_auth(_content(file)) for file in files):
        return SourceUnavailable(f"spec.users.{source} is unavailable: {problem}")
    return problem


def _is_no_verdict(problem: Problem, words: str) -> bool:
    # No answer, and nothing in the logs: the node may be slow.
    return isinstance(problem, SourceUnavailable) or (isinstance(problem, Unanswered) and not words)


if __name__ == "__main__":
    main()

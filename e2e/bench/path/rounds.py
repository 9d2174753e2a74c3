"""One round: the same messages through one contestant, then the other."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.path import load, servers
from bench.path.figures import PathFigure
from bench.path.servers import Servers
from harness import wait
from harness.errors import HarnessError

# Of each number of sessions: some seconds of work.
MESSAGES = {1: 200, 10: 600, 50: 600}
# Seconds.
LIMIT = 120.0


@dataclass(frozen=True)
class Sent:
    """What a contestant took: seconds until the last acceptance and the last delivery, and of its processors; lines of
    its log; and how many messages were late: deferred, until Postfix's next attempt minutes later."""

    accepted: float
    delivered: float
    cpu: float
    log_lines: int
    late: int


@dataclass(frozen=True)
class Round:
    """Both contestants with the same messages."""

    ours: Sent
    bare: Sent

    def figures(self) -> Mapping[PathFigure, float]:
        return {
            PathFigure.ACCEPTED: self.ours.accepted / self.bare.accepted,
            PathFigure.DELIVERED: self.ours.delivered / self.bare.delivered,
            PathFigure.CPU: self.ours.cpu / self.bare.cpu,
            PathFigure.LOG: self.ours.log_lines / self.bare.log_lines,
            PathFigure.LATE: self.ours.late,
        }


def measure(sessions: Sequence[int], rounds: int, options: Sequence[str]) -> Mapping[int, list[Round]]:
    """Rounds of each number of sessions, after one that warms both up; who is first alternates. Raises HarnessError."""
    found: dict[int, list[Round]] = {each: [] for each in sessions}
    with ExitStack() as ended:
        ours = ended.enter_context(servers.rendered(options))
        bare = ended.enter_context(servers.bare(options))
        _round(ours, bare, max(sessions), is_ours_first=True)
        for number in range(rounds):
            for each in sessions:
                found[each].append(_round(ours, bare, each, is_ours_first=bool(number % 2)))
    return found


def messages(sessions: int) -> int:
    """How many messages a round has."""
    return MESSAGES.get(sessions, max(MESSAGES.values()))


def _round(ours: Servers, bare: Servers, sessions: int, *, is_ours_first: bool) -> Round:
    order = (ours, bare) if is_ours_first else (bare, ours)
    first, second = (_send(each, sessions) for each in order)
    return Round(first, second) if is_ours_first else Round(second, first)


def _send(contestant: Servers, sessions: int) -> Sent:
    number = messages(sessions)
    lines, cpu, began = contestant.log_lines(), contestant.cpu_seconds(), time.time()
    accepted = load.send(contestant.pod.address, servers.USERS, sessions, number)
    _await(lambda: _is_at_rest(contestant.queue))
    used = contestant.cpu_seconds() - cpu
    mail = _mail(contestant)
    delivered = max(each.stat().st_ctime for each in mail) - began
    sent = Sent(accepted, delivered, used, contestant.log_lines() - lines, number - len(mail))
    _clear(contestant, number)
    return sent


def _is_at_rest(queue: Path) -> bool:
    """Nothing is in delivery; what is deferred waits for minutes."""
    return not any(each.is_file() for name in ("maildrop", "incoming", "active") for each in (queue / name).rglob("*"))


def _mail(contestant: Servers) -> list[Path]:
    """The messages of all users."""
    return [*contestant.mail.glob("*/Maildir/new/*")]


def _clear(contestant: Servers, number: int) -> None:
    """Before the next round: what is late arrives, and all mail is removed."""
    contestant.retry()
    _await(lambda: len(_mail(contestant)) == number)
    for each in _mail(contestant):
        each.unlink()


def _await(condition: Callable[[], bool]) -> None:
    if not wait.until(condition, LIMIT):
        raise HarnessError(f"messages were not delivered within {LIMIT:.0f} s")

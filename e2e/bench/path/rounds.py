"""One round: the same messages through one contestant after the other."""

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
    """All contestants with the same messages."""

    ours: Sent
    tcp: Sent
    bare: Sent

    def figures(self) -> Mapping[PathFigure, float]:
        return {
            PathFigure.ACCEPTED: self.ours.accepted / self.bare.accepted,
            PathFigure.DELIVERED: self.ours.delivered / self.bare.delivered,
            PathFigure.CPU: self.ours.cpu / self.bare.cpu,
            PathFigure.LOG: self.ours.log_lines / self.bare.log_lines,
            PathFigure.LATE: self.ours.late,
            PathFigure.TCP_ACCEPTED: self.tcp.accepted / self.bare.accepted,
            PathFigure.TCP_DELIVERED: self.tcp.delivered / self.bare.delivered,
            PathFigure.TCP_CPU: self.tcp.cpu / self.bare.cpu,
            PathFigure.TCP_LATE: self.tcp.late,
        }


def measure(sessions: Sequence[int], rounds: int, options: Sequence[str]) -> Mapping[int, list[Round]]:
    """Rounds of each number of sessions, after one that warms all up; who is first changes. Raises HarnessError."""
    found: dict[int, list[Round]] = {each: [] for each in sessions}
    with ExitStack() as ended:
        contestants = [
            ended.enter_context(each(options)) for each in (servers.rendered, servers.over_tcp, servers.bare)
        ]
        _round(contestants, max(sessions), first=0)
        for number in range(rounds):
            for each in sessions:
                found[each].append(_round(contestants, each, first=number))
    return found


def messages(sessions: int) -> int:
    """How many messages a round has."""
    return MESSAGES.get(sessions, max(MESSAGES.values()))


def _round(contestants: Sequence[Servers], sessions: int, first: int) -> Round:
    """In turn, from the one at that place on."""
    places = [(first + number) % len(contestants) for number in range(len(contestants))]
    sent = {place: _send(contestants[place], sessions) for place in places}
    return Round(*(sent[place] for place in sorted(sent)))


def _send(contestant: Servers, sessions: int) -> Sent:
    number = messages(sessions)
    lines, cpu, began = contestant.log_lines(), contestant.cpu_seconds(), time.time()
    accepted = load.send(contestant.address, servers.USERS, sessions, number)
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

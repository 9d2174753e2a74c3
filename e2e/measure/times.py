"""What was seen when, and what that makes. Pure; times are seconds since 1970, of one clock."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

# When the condition got a status, and when a question was answered (or, since when not), in order.
Statuses = Sequence[tuple[float, str]]
Answers = Sequence[tuple[float, bool]]


@dataclass(frozen=True)
class Row:
    """What was measured again and again, in seconds; `limit` is the most that the 95th percentile may be."""

    event: str
    limit: float
    seconds: Sequence[float]

    @property
    def p95(self) -> float:
        return percentile(self.seconds, 95)

    @property
    def good(self) -> bool:
        return self.p95 <= self.limit

    def line(self) -> str:
        numbers = (min(self.seconds), percentile(self.seconds, 50), self.p95, max(self.seconds))
        shown = " | ".join(f"{number:.2f} s" for number in numbers)
        return f"| {self.event} | {len(self.seconds)} | {shown} | {self.limit:.0f} s |"


HEAD = "| From | n | min | p50 | p95 | max | p95 at most |\n|---|---|---|---|---|---|---|"


def percentile(numbers: Sequence[float], percent: float) -> float:
    """By nearest rank: so many percent of the numbers are no greater."""
    rank = math.ceil(len(numbers) * percent / 100)
    return sorted(numbers)[max(rank, 1) - 1]


def outages(answers: Answers) -> list[tuple[float, float]]:
    """From the first question of a row that was not answered to the last one.

    Not to the next answer: before that comes, Dovecot may be back already, and others may know it.
    """
    runs = [list(run) for good, run in groupby(answers, key=itemgetter(1)) if not good]
    return [(run[0][0], run[-1][0]) for run in runs]


@dataclass(frozen=True)
class Wrong:
    """The status was True from `since` to `until`; Dovecot did not answer at `silent`, nor up to `still`."""

    since: float
    until: float
    silent: float
    still: float

    def __str__(self) -> str:
        times = (f"{time - self.silent:+.2f} s" for time in (self.since, self.until, self.still))
        return "True from {} to {}, Dovecot silent from 0 to {}".format(*times)


def wrong(statuses: Statuses, answers: Answers, limit: float) -> list[Wrong]:
    """Each time that the status was True while Dovecot had not answered for longer than `limit`."""
    return [
        Wrong(since, until, begins, ends)
        for since, until in _true(statuses)
        for begins, ends in outages(answers)
        if max(since, begins + limit) < min(until, ends)
    ]


def _true(statuses: Statuses) -> Iterable[tuple[float, float]]:
    for (since, status), (until, _) in pairwise([*statuses, (math.inf, "")]):
        if status == "True":
            yield since, until

"""The current verdicts, and since when they hold: what /metrics shows and the status of the MailStack reports."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailstack_probe.verdicts import Verdict

# Seconds between changes of a verdict's message alone: with the same status and reason it is no news.
_WORDS_STAY = 60.0
_LONGEST = 1024

# The part of an entry of the status: a verdict and its date, as JSON.
Part = dict[str, str]


@dataclass(frozen=True)
class Fact:
    """A verdict, since when it has had its status and reason, and when its message last changed, in seconds since
    1970."""

    verdict: Verdict
    since: float
    worded: float

    def renewed(self, verdict: Verdict, now: float) -> "Fact":
        """The fact after another check; itself if there is no news."""
        if (verdict.status, verdict.reason) != (self.verdict.status, self.verdict.reason):
            return Fact(verdict, now, now)
        if verdict != self.verdict and now - self.worded > _WORDS_STAY:
            return replace(self, verdict=verdict, worded=now)
        return self

    def part(self) -> Part:
        since = datetime.fromtimestamp(int(self.since), UTC)
        return {
            "status": self.verdict.status,
            "reason": self.verdict.reason,
            "message": self.verdict.message[:_LONGEST],
            "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        }


class Board:
    """Holds a fact by title, such as "lmtp"; for all threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._facts: dict[str, Fact] = {}
        self._news = threading.Condition()

    def put(self, title: str, verdict: Verdict) -> bool:
        """Notes the outcome of a check; whether its status or reason is another one than before."""
        with self._news:
            now = self._clock()
            before = self._facts.get(title)
            fact = before.renewed(verdict, now) if before else Fact(verdict, now, now)
            if fact == before:
                return False
            self._facts[title] = fact
            self._news.notify_all()
        print(f"mailstack: {title} {verdict.status} {verdict.reason}: {verdict.message}", flush=True)
        return before is None or fact.since != before.since

    def verdict(self, title: str) -> Verdict | None:
        fact = self._facts.get(title)
        return fact.verdict if fact else None

    def parts(self) -> dict[str, Part]:
        """All facts, as the status of the MailStack shows them."""
        with self._news:
            return {title: fact.part() for title, fact in sorted(self._facts.items())}

    def wait(self, known: dict[str, Part], seconds: float) -> None:
        """Returns when there is other news than `known`, or after so many seconds."""
        with self._news:
            parts = {title: fact.part() for title, fact in sorted(self._facts.items())}
            if parts == known:
                self._news.wait(seconds)

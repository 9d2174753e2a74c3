"""The current verdicts and since when they hold, for /metrics and the status of the MailStack."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailstack_probe.verdicts import Verdict

# Seconds for which a message stays if only the message of a verdict changes.
_MESSAGE_STAYS = 60.0
_LONGEST = 1024

# A verdict and its date, as JSON in an entry of the status.
Part = dict[str, str]


@dataclass(frozen=True)
class Fact:
    """A verdict, since when it has had its status and reason, and when its message changed, in seconds since 1970."""

    verdict: Verdict
    since: float
    message_since: float

    def renewed(self, verdict: Verdict, now: float) -> "Fact":
        """The fact after another check; itself if nothing has changed."""
        if (verdict.status, verdict.reason) != (self.verdict.status, self.verdict.reason):
            return Fact(verdict, now, now)
        if verdict != self.verdict and now - self.message_since > _MESSAGE_STAYS:
            return replace(self, verdict=verdict, message_since=now)
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
    """Holds the fact of each check, by its name such as "lmtp". Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._facts: dict[str, Fact] = {}
        self._change = threading.Condition()

    def put(self, title: str, verdict: Verdict) -> bool:
        """Records the verdict of a check. Returns whether its status or reason has changed."""
        with self._change:
            now = self._clock()
            before = self._facts.get(title)
            fact = before.renewed(verdict, now) if before else Fact(verdict, now, now)
            if fact == before:
                return False
            self._facts[title] = fact
            self._change.notify_all()
        print(f"mailstack: {title} {verdict.status} {verdict.reason}: {verdict.message}", flush=True)
        return before is None or fact.since != before.since

    def verdict(self, title: str) -> Verdict | None:
        fact = self._facts.get(title)
        return fact.verdict if fact else None

    def parts(self) -> dict[str, Part]:
        """All facts, as the status of the MailStack shows them."""
        with self._change:
            return {title: fact.part() for title, fact in sorted(self._facts.items())}

    def wait(self, known: dict[str, Part], seconds: float) -> None:
        """Returns when the facts differ from `known`, or after so many seconds."""
        with self._change:
            parts = {title: fact.part() for title, fact in sorted(self._facts.items())}
            if parts == known:
                self._change.wait(seconds)

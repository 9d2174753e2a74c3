"""The current verdicts, since when they hold, and warnings, for /metrics and the status of the MailStack."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from mailstack_probe.contract import IN_USE, MOST_WARNINGS, WARNINGS, StackWarning
from mailstack_probe.verdicts import Verdict

# Seconds for which a message stays if only the message of a verdict changes.
_MESSAGE_STAYS = 60.0
_LONGEST = 1024

# A verdict and its date, as JSON in an entry of the status.
Part = dict[str, str]
# What the entry says: a part for each check, the digest of the configuration in use, and the list of warnings while
# there are any.
Parts: TypeAlias = Mapping[str, Part | list[Part] | str]


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
        self._warnings: dict[str, list[Part]] = {}
        self._in_use: str | None = None
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

    def warn(self, source: str, warnings: Sequence[StackWarning]) -> None:
        """Replaces all warnings of `source`, such as "certificates"; none if nothing is left to look at."""
        found = [{"reason": str(each.reason), "message": each.message[:_LONGEST]} for each in warnings]
        with self._change:
            if found == self._warnings.get(source, []):
                return
            self._warnings[source] = found
            self._change.notify_all()
        for each in found:
            print(f"mailstack: warning {each['reason']}: {each['message']}", flush=True)

    def use(self, digest: str) -> None:
        """Records which configuration is in use; empty where that is not known yet."""
        with self._change:
            if digest != self._in_use:
                self._in_use = digest
                self._change.notify_all()

    def parts(self) -> Parts:
        """All facts and warnings, as the status of the MailStack shows them."""
        with self._change:
            return self._parts()

    def wait(self, known: Parts, seconds: float) -> None:
        """Returns when the parts differ from `known`, or after so many seconds."""
        with self._change:
            if self._parts() == known:
                self._change.wait(seconds)

    def _parts(self) -> Parts:
        facts = {title: fact.part() for title, fact in sorted(self._facts.items())}
        warnings = [each for _, found in sorted(self._warnings.items()) for each in found][:MOST_WARNINGS]
        listed: dict[str, list[Part]] = {WARNINGS: warnings} if warnings else {}
        in_use = {IN_USE: self._in_use} if facts and self._in_use is not None else {}
        return {**facts, **in_use, **listed}

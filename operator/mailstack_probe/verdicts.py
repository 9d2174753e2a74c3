"""The result of a check, as it is in the MailStack's status. Pure."""

from dataclasses import dataclass
from typing import Literal

from mailstack_probe.reasons import Reason

Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Verdict:
    """`reason` is for programs; `message` says what is wrong and what to do."""

    status: Status
    reason: Reason
    message: str

    @property
    def good(self) -> bool:
        return self.status == "True"


def good(reason: Reason, message: str) -> Verdict:
    return Verdict("True", reason, message)


def bad(reason: Reason, message: str) -> Verdict:
    return Verdict("False", reason, message)


def unknown(reason: Reason, message: str) -> Verdict:
    return Verdict("Unknown", reason, message)


class Found(Exception):
    """Ends a dialogue early with its verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class Patience:
    """Gives servers time to start: until then, or until the first True, a False becomes Unknown."""

    def __init__(self, until: float) -> None:
        self._until = until

    def temper(self, verdict: Verdict, now: float) -> Verdict:
        """The verdict to report. Times are of one monotonic clock, in seconds."""
        if verdict.good:
            self._until = now
        if verdict.status == "False" and now < self._until:
            return unknown(Reason.STARTING, f"the servers have ten seconds to start; so far: {verdict.message}")
        return verdict

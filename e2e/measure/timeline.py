"""Lines of a program that runs beside the measurement, each with what it tells, as they come."""

import json
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from harness import paths
from mailtest.stack import Stack
from mailtest.wait import until

T = TypeVar("T")

# Seconds from one look at what came to the next: much less than what is measured.
_OFTEN = 0.02


class Timeline(Generic[T]):
    """What a command's lines tell, with the time of each; a line that tells nothing is left out."""

    def __init__(self, command: list[str], read: Callable[[str], tuple[float, T] | None]) -> None:
        self.seen: list[tuple[float, T]] = []
        self._command = command
        self._read = read

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, env=paths.environment(), bufsize=1
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def wait(self, wanted: T, after: float, seconds: float) -> float:
        """When this came, for the first time after `after`. Raises TimedOut."""

        def look() -> float | None:
            assert self._process.poll() is None, f"{self._command[:3]} ended"
            return next((time for time, told in list(self.seen) if time >= after and told == wanted), None)

        return until(f"{wanted} of {self._command[1:4]}", look, seconds, every=_OFTEN) or 0.0

    def _follow(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if told := self._read(line):
                self.seen.append(told)


def watch(stack: Stack) -> list[str]:
    """The command that prints the MailStack at each of its changes."""
    path = f"/apis/mailstack.dev/v1alpha1/namespaces/{stack.namespace}/mailstacks"
    return ["kubectl", "get", "--raw", f"{path}?watch=1&fieldSelector=metadata.name%3D{stack.name}"]


def reader(kind: str, clock: Callable[[], float]) -> Callable[[str], tuple[float, str] | None]:
    """Reads the watch of a MailStack: the status of its condition `kind`, and when the event came."""

    def read(line: str) -> tuple[float, str] | None:
        now = clock()
        conditions = json.loads(line)["object"].get("status", {}).get("conditions", [])
        return next(((now, each["status"]) for each in conditions if each["type"] == kind), None)

    return read

"""Threads that repeat a task and never end: a probe that exits takes its pod out of the Service."""

import threading
import time
from collections.abc import Callable

# Seconds until the next turn after one that failed.
_AFTER_FAILURE = 2.0


class Loop:
    """Calls `turn` again and again; it returns the seconds from its start to the next start."""

    def __init__(self, name: str, turn: Callable[[], float]) -> None:
        self.name = name
        self._turn = turn
        self._wake = threading.Event()
        self._problem = ""
        self.turned_at = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def wake(self) -> None:
        """Starts the next turn at once, or right after the current one."""
        self._wake.set()

    def turn(self) -> float:
        """Makes one turn, and survives its failure. Returns the seconds from its start to the next start."""
        problem, seconds = "", _AFTER_FAILURE
        try:
            seconds = self._turn()
        except Exception as error:
            # The next turn may succeed.
            problem = f"{self.name}: unexpected error: {error!r}"
        if problem and problem != self._problem:
            print(f"mailstack: {problem}", flush=True)
        self._problem = problem
        return seconds

    def beat(self) -> None:
        """Shows that a long turn is in progress."""
        self.turned_at = time.monotonic()

    def _run(self) -> None:
        tick = time.monotonic()
        while True:
            seconds = self.turn()
            self.beat()
            tick = max(tick + seconds, self.turned_at)
            if self._wake.wait(tick - self.turned_at):
                self._wake.clear()
                tick = time.monotonic()


def stuck(loops: list[Loop], limit: float) -> list[str]:
    """The names of the loops whose last turn ended more than so many seconds ago."""
    now = time.monotonic()
    return [loop.name for loop in loops if now - loop.turned_at > limit]

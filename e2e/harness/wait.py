"""Waiting: a condition, polled until a deadline."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.25


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll the condition until it holds (True) or the time is over (False)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True

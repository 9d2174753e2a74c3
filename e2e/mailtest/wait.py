"""Waiting for a condition, with a deadline; the only place of the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.4


class TimedOut(AssertionError):
    """The condition did not come true in time; the message says what was waited for and what was seen."""


def until(what: str, look: Callable[[], T], seconds: float, every: float = POLL_SECONDS) -> T:
    """The first answer of `look` that counts as true, asked again and again for at most `seconds`.

    An AssertionError in `look` (an object that is not there yet) counts as "not yet". A look that takes long is
    repeated the more seldom: on a crowded machine the looking would slow down what it waits for.
    Raises TimedOut with the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object
        began = time.monotonic()
        try:
            if answer := look():
                return answer
            last = answer
        except AssertionError as error:
            last = error
        if (now := time.monotonic()) > deadline:
            raise TimedOut(f"{what}: not within {seconds:.0f} s; last seen: {last!r}")
        time.sleep(max(every, 2 * (now - began)))


def holds(what: str, look: Callable[[], bool], seconds: float, every: float) -> None:
    """Assert that `look` stays true for `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        assert look(), f"{what}: no longer true {seconds - left:.0f} s into {seconds:.0f} s"
        time.sleep(min(every, left))
    assert look(), f"{what}: not true at the end of {seconds:.0f} s"

"""One run at a time: a lock on the cache, which dies with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness import paths
from harness.errors import HarnessError

WAIT_SECONDS = 1800.0
POLL_SECONDS = 0.5


@contextmanager
def exclusive(say: Callable[[str], None] = print, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the cache's lock; wait for another run to end. Raises HarnessError when `wait` seconds are over."""
    path = paths.cache() / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline, announced = time.monotonic() + wait, False
        while not _acquired(file.fileno()):
            holder = path.read_text().strip()
            if not announced:
                say(f"another run of the harness (process {holder}) holds {path}: waiting for it")
                announced = True
            if time.monotonic() > deadline:
                raise HarnessError(f"process {holder} still holds {path} after {wait:.0f} s: end it, then try again")
            time.sleep(POLL_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

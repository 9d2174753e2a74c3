"""When a probe writes its entry: at once on a change, rarely while it flaps, and from time to time anyway. Pure.

Times are of one monotonic clock, in seconds.
"""

from mailstack_probe.board import Parts
from mailstack_probe.reasons import BY_CHECK

# Writes in a burst, and seconds for each further one. A fault takes two for each check: False, and True again.
BURST = 4.0 * len(BY_CHECK)
REFILL = 5.0
# Seconds until a deleted entry is written again; writing the same entry costs the API server nothing.
AGAIN = 6 * 3600.0
# Of an entry of which a part was written: the CRD is older, or the API server answered with an error of its own.
PARTLY_AGAIN = 60.0
_FIRST_RETRY = 0.5
_LAST_RETRY = 5.0


class Pacer:
    """A token bucket, and the entry that was written last."""

    def __init__(self, now: float) -> None:
        self._tokens = BURST
        self._counted = now
        self._written: Parts = {}
        self._again_at = now + AGAIN
        self._retry = 0.0
        self._not_before = now

    def due(self, parts: Parts, now: float) -> float:
        """In how many seconds the entry is due; 0 or less: now."""
        at = max(self._not_before, self._again_at)
        if parts != self._written:
            at = max(self._not_before, now + (1.0 - self._refill(now)) * REFILL)
        return at - now

    def written(self, parts: Parts, now: float, *, is_whole: bool = True) -> None:
        self._tokens = max(self._refill(now) - 1.0, 0.0)
        self._written = parts
        self._again_at = now + (AGAIN if is_whole else PARTLY_AGAIN)
        self._retry = 0.0
        self._not_before = now

    def failed(self, now: float) -> None:
        self._retry = min(self._retry * 2 or _FIRST_RETRY, _LAST_RETRY)
        self._not_before = now + self._retry

    def _refill(self, now: float) -> float:
        self._tokens = min(self._tokens + (now - self._counted) / REFILL, BURST)
        self._counted = now
        return self._tokens

"""Leader election by a Lease: of several replicas one reconciles, the others watch.

The client's own election never releases the Lease, has no time-outs and dies of a lost connection; the rule
itself is a few lines. Times follow client-go: 15 s, 10 s, 2 s.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailstack_operator.loop.errors import ClusterError

logger = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_DEADLINE = 10.0
RETRY = 2.0
RENEW_EVERY = 5.0
# A stop must not wait for an unreachable API server.
RELEASE_SECONDS = 2.0


@dataclass(frozen=True)
class Lease:
    """A coordination.k8s.io Lease: its holder ("" if there is none) and the version of the write."""

    holder: str
    version: str


class Leases(Protocol):
    """The one Lease of this election. Every call may raise ClusterError."""

    async def read(self) -> Lease | None: ...

    async def write(self, holder: str, seconds: int, previous: Lease | None) -> Lease | None:
        """Takes the Lease as it was read; None if another replica was faster."""


class LeadershipLost(Exception):
    """The Lease could not be renewed in time: another replica may lead now."""


class Election:
    """`acquire`, then `hold`; `release` at the end."""

    def __init__(self, leases: Leases, identity: str, clock: Callable[[], float]) -> None:
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._seen: Lease | None = None
        self._seen_at = 0.0
        # When the write was begun by which this replica leads: others may count from then on.
        self._renewed_at = 0.0

    async def acquire(self) -> None:
        """Returns as soon as this replica leads."""
        while not await self._try_quietly():
            await asyncio.sleep(RETRY)
        logger.info("%s leads", self._identity)

    async def hold(self) -> None:
        """Renews until it cannot; raises LeadershipLost, before another replica may lead."""
        while (left := self._renewed_at + RENEW_DEADLINE - self._clock()) > 0:
            is_renewed = await self._try_quietly(left)
            await asyncio.sleep(RENEW_EVERY if is_renewed else RETRY)
        raise LeadershipLost(f"the Lease was not renewed for {RENEW_DEADLINE:.0f} s")

    async def release(self) -> None:
        """Releases the Lease, so that another replica leads at once and not only when it has expired."""
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                lease = await self._leases.read()
                if lease is not None and lease.holder == self._identity:
                    await self._leases.write("", 1, lease)
        except (ClusterError, TimeoutError) as error:
            logger.warning("the Lease could not be released: %s", str(error) or "no answer")

    async def _try_quietly(self, seconds: float | None = None) -> bool:
        """Gives up after so many seconds; without them, after the time-outs of the requests."""
        try:
            async with asyncio.timeout(seconds):
                return await self._try()
        except (ClusterError, TimeoutError) as error:
            logger.warning("the Lease could not be read or written: %s", str(error) or "no answer")
            return False

    async def _try(self) -> bool:
        lease = await self._leases.read()
        if lease != self._seen:
            self._seen, self._seen_at = lease, self._clock()
        if lease is not None and not self._may_take(lease):
            return False
        began = self._clock()
        written = await self._leases.write(self._identity, LEASE_SECONDS, lease)
        if written is not None:
            self._seen, self._seen_at, self._renewed_at = written, self._clock(), began
        return written is not None

    def _may_take(self, lease: Lease) -> bool:
        """Ours, free, or not renewed while we watched for its duration: clocks of machines are not compared."""
        return lease.holder in ("", self._identity) or self._clock() - self._seen_at >= LEASE_SECONDS

"""The Lease of an election, in memory."""

from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.leader import Lease


class FakeLeases:
    """One Lease in memory, with the API server's optimistic locking."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.broken = False
        self._version = 0

    async def read(self) -> Lease | None:
        if self.broken:
            raise ClusterError(0, "no answer")
        return self.lease

    async def write(self, holder: str, seconds: int, previous: Lease | None) -> Lease | None:
        if previous != self.lease:
            return None
        self._version += 1
        self.lease = Lease(holder, str(self._version))
        return self.lease

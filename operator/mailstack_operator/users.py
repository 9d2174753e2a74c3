"""Notices that a users Secret changed.

Secrets are not watched: that takes the right to read all of them. Their metadata is asked for, one after the
other, once in a while.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from mailstack_operator.errors import ClusterError
from mailstack_operator.live import Live, Ref
from mailstack_operator.names import StackKey
from mailstack_operator.objects import section, text
from mailstack_operator.observe import Seen, Store

logger = logging.getLogger(__name__)

# Each users Secret is looked at this often, in seconds.
PERIOD = 15.0


class Cluster(Protocol):
    async def metadata(self, ref: Ref) -> Live | None:
        """The object as it stands; None if there is none. May raise ClusterError."""


class UsersWatch:
    """Looks at the users Secrets of all MailStacks in turn, and reports each whose version is not the last seen."""

    def __init__(self, cluster: Cluster, store: Store, changed: Callable[[StackKey], None]) -> None:
        self._cluster = cluster
        self._store = store
        self._changed = changed
        self._versions: dict[StackKey, int] = {}

    async def run(self) -> None:
        """Looks until cancelled, evenly over the period."""
        while True:
            keys = self._store.stacks()
            self._versions = {key: self._versions[key] for key in keys if key in self._versions}
            for key in keys:
                await self._look_quietly(key)
                await asyncio.sleep(PERIOD / len(keys))
            if not keys:
                await asyncio.sleep(PERIOD)

    async def look(self, key: StackKey) -> None:
        """One look. Raises ClusterError."""
        name = _secret_name(self._store[key])
        live = await self._cluster.metadata(Ref("v1", "Secret", key.namespace, name)) if name else None
        version = live.version if live else 0
        if self._versions.get(key) != version:
            self._versions[key] = version
            self._changed(key)

    async def _look_quietly(self, key: StackKey) -> None:
        try:
            await self.look(key)
        except ClusterError as error:
            logger.warning("the users Secret of %s could not be looked at: %s", key, error)


def _secret_name(seen: Seen) -> str:
    """The Secret that the spec names; empty where the spec is wrong."""
    return text(section(seen.stack or {}, "spec", "users", "passwdFile"), "secretName")

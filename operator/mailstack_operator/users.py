"""Brings a changed users Secret into the running pod soon.

The kubelet looks at a pod's Secrets when it syncs the pod: once in 60 to 90 s, or at once when the pod
changes. So when the Secret has changed, its version is written on the pod. Secrets are not watched (that
takes the right to read all of them); their metadata is asked for, one after the other, once in a while.
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
from mailstack_operator.pods import Pod

logger = logging.getLogger(__name__)

# Each users Secret is looked at this often, in seconds.
PERIOD = 20.0


class Cluster(Protocol):
    """Both calls may raise ClusterError."""

    async def metadata(self, ref: Ref) -> Live | None: ...

    async def touch_pod(self, namespace: str, pod: Pod, users_version: str) -> None:
        """Writes the version on the pod, if it is still this pod."""


class UsersWatch:
    """Looks at the users Secrets of all MailStacks, in turn."""

    def __init__(self, cluster: Cluster, store: Store, changed: Callable[[StackKey], None]) -> None:
        self._cluster = cluster
        self._store = store
        self._changed = changed
        self._versions: dict[StackKey, str] = {}

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
        """One look: a change is reported, and written on the pods that run."""
        seen = self._store[key]
        name = _secret_name(seen)
        if not name:
            return
        live = await self._cluster.metadata(Ref("v1", "Secret", key.namespace, name))
        version = f"{live.uid}.{live.version}" if live else ""
        before = self._versions.get(key)
        self._versions[key] = version
        if before is None or before == version:
            return
        self._changed(key)
        for pod in seen.pods.values():
            if version and not pod.deleting:
                logger.info("the users of %s changed: telling pod %s", key, pod.name)
                await self._cluster.touch_pod(key.namespace, pod, version)

    async def _look_quietly(self, key: StackKey) -> None:
        try:
            await self.look(key)
        except ClusterError as error:
            logger.warning("the users Secret of %s could not be looked at: %s", key, error)


def _secret_name(seen: Seen) -> str:
    """The Secret that the spec names; empty where the spec is wrong."""
    return text(section(seen.stack or {}, "spec", "users", "passwdFile"), "secretName")

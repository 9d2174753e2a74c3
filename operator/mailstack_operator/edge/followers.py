"""Follows the objects of a kind: a list, then a watch from the version of the list, so that nothing is missed between.

Kopf does that for MailStacks (watches.py). For their children it would parse whole bodies, of which the operator keeps
a line, and start a task for each event: a quarter of the operator's processor time and most of its memory
(docs/facts/operator-cost.md). Source of the protocol: Kubernetes API concepts, "Efficient detection of changes".
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from mailstack_operator.kube.kinds import Kind
from mailstack_operator.kube.metadata import Ref, ref_of
from mailstack_operator.kube.objects import Object, number, section, text
from mailstack_operator.loop.errors import ClusterError

logger = logging.getLogger(__name__)

# Seconds after which what failed is tried again.
RETRY = 5.0
# Seconds from a version that is too old to the new list.
EXPIRED = 1.0
_GONE = 410


class Source(Protocol):
    """The API server. What it hands out has its kind's name; `namespace` is empty for all, and so is `labels`, a
    selector. May raise ClusterError."""

    def pages(self, kind: Kind, namespace: str, labels: str) -> AsyncGenerator[tuple[list[Object], str], None]:
        """All objects, a page at a time, each with the resourceVersion of the list."""

    def changes(self, kind: Kind, namespace: str, labels: str, since: str) -> AsyncGenerator[tuple[str, Object], None]:
        """The type and the object of each event after the resourceVersion `since`, for some minutes."""


class Sink(Protocol):
    """The operator's memory."""

    def noted(self, body: Object) -> None:
        """The object is so now."""

    def gone(self, body: Object) -> None:
        """The object is gone; this was its last state."""

    def listed(self, kind: Kind, namespace: str, refs: set[Ref], as_of: int) -> None:
        """What is not among `refs` is gone, unless it is newer than the list's resourceVersion."""


class Follower:
    """One kind in one namespace, or in all of them; `labels`, a selector, says which."""

    def __init__(self, source: Source, sink: Sink, kind: Kind, namespace: str, labels: str = "") -> None:
        self._source = source
        self._sink = sink
        self._kind = kind
        self._namespace = namespace
        self._labels = labels
        self._since = ""
        self.has_listed = asyncio.Event()

    async def run(self) -> None:
        """Follows until cancelled; what fails is tried again."""
        while True:
            try:
                await (self.watch() if self._since else self.list())
            except ClusterError as error:
                await asyncio.sleep(self._recover(error))

    def _recover(self, error: ClusterError) -> float:
        """Seconds to wait."""
        if error.status == _GONE:
            self._since = ""
            return EXPIRED
        logger.warning("cannot follow %s; trying again in %.0f s: %s", self._kind.plural, RETRY, error)
        return RETRY

    async def list(self) -> None:
        """Reads the list, a page at a time. Raises ClusterError."""
        refs, since = set[Ref](), ""
        async with aclosing(self._source.pages(self._kind, self._namespace, self._labels)) as pages:
            async for bodies, version in pages:
                since = version
                for body in bodies:
                    refs.add(ref_of(body))
                    self._sink.noted(body)
        self._sink.listed(self._kind, self._namespace, refs, int(since))
        self._since = since
        self.has_listed.set()

    async def watch(self) -> None:
        """Reads events until the API server ends the watch. Raises ClusterError."""
        watched = self._source.changes(self._kind, self._namespace, self._labels, self._since)
        async with aclosing(watched) as changes:
            async for what, body in changes:
                if what == "ERROR":
                    raise ClusterError(number(body, "code"), text(body, "message"))
                if what == "DELETED":
                    self._sink.gone(body)
                elif what != "BOOKMARK":
                    self._sink.noted(body)
                self._since = text(section(body, "metadata"), "resourceVersion")

"""Puts the operator together: the watches, the queue, the loop, the election, the endpoints."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator

from mailstack_operator.edge import api_server, endpoints, metrics, watches
from mailstack_operator.edge.api_server import ApiServer
from mailstack_operator.edge.followers import Follower
from mailstack_operator.edge.settings import Settings
from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import KINDS, MAIL_STACK, SECRET, Kind
from mailstack_operator.kube.metadata import HelperImage, Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.leader import Election, LeadershipLost
from mailstack_operator.loop.queue import KeyedQueue
from mailstack_operator.loop.reads import ReferencesWatch
from mailstack_operator.loop.reconcile import Reconciler
from mailstack_operator.loop.store import Store

logger = logging.getLogger(__name__)

# A list that failed is asked for again after this many seconds.
_LIST_RETRY = 5.0
# Kopf reads the lists of all kinds within this time, in seconds; each object that it lists later starts it again.
_SETTLE = 2.0


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises what ended it otherwise."""
    async with api_server.connect(settings.request_timeout) as server:
        await Operator(server, settings).run()


class Operator:
    """One replica."""

    def __init__(self, server: ApiServer, settings: Settings) -> None:
        self._server = server
        self._settings = settings
        self._store = Store()
        metrics.STACKS.set_function(lambda: len(self._store.stacks()))
        reconciler = Reconciler(
            server,
            self._store,
            helpers=HelperImage(settings.image, settings.pull_secrets),
            server_images=settings.server_images,
            rehearsals_per_node=settings.rehearsals_per_node,
        )
        self._queue: KeyedQueue[StackKey] = KeyedQueue(
            reconciler.reconcile, metrics.QueueMeter(), workers=settings.workers
        )
        self._namespaces = settings.namespaces or ("",)
        # The MailStacks to be run, by namespace, as long as not all of it has been read: without what is known of their
        # pods a run might replace these.
        self._held: dict[str, set[StackKey]] = {namespace: set() for namespace in self._namespaces}
        self._read = asyncio.Event()
        self._listed = asyncio.Event()

    async def run(self) -> None:
        """Runs until a signal, or until something fails; raises what failed."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        logger.info("watching %s", ", ".join(self._settings.namespaces) or "all namespaces")
        async with endpoints.serve(self._settings.port, self._read.is_set):
            main = asyncio.create_task(self._main())
            main.add_done_callback(lambda _: stop.set())
            await stop.wait()
            main.cancel()
            await asyncio.wait([main])
        if not main.cancelled():
            main.result()

    async def _main(self) -> None:
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(self._read_namespace(each, group)) for each in self._namespaces]
            # One that cannot be read, such as after its deletion, keeps nobody waiting.
            await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
            self._read.set()
            for work in (self._watch, self._resync, self._refresh, self._work):
                group.create_task(work())
            for follower in self._references():
                group.create_task(follower.run())

    async def _read_namespace(self, namespace: str, group: asyncio.TaskGroup) -> None:
        """Returns once all of it has been read; from then on its MailStacks are run."""
        for follower in self._start_followers(namespace, group):
            await follower.has_listed.wait()
        # Kopf looks for the resource once, at its start: it must be served by then.
        while await self._list(namespace):
            await asyncio.sleep(_LIST_RETRY)
        for key in self._held.pop(namespace):
            self._queue.add(key)

    def _start_followers(self, namespace: str, group: asyncio.TaskGroup) -> list[Follower]:
        """Of each kind of child."""
        kinds = [kind for kind in KINDS if kind.is_followed and kind != MAIL_STACK]
        found = [Follower(self._server, self, kind, namespace, names.CHILD_SELECTOR) for kind in kinds]
        for follower in found:
            group.create_task(follower.run())
        return found

    def _references(self) -> Iterator[Follower]:
        """Of what specs refer to. A run reads it by itself: none waits for these."""
        watch = ReferencesWatch(self._store.reads, self._add)
        for kind in KINDS:
            if kind.is_referred and (kind != SECRET or self._settings.watch_secrets):
                for namespace in self._namespaces:
                    yield Follower(self._server, watch, kind, namespace, names.OTHERS_SELECTOR)

    async def _watch(self) -> None:
        """Kopf in a thread of its own: it ends every task of the loop that it runs in. Raises if Kopf ends by itself:
        without it nobody tells of a changed MailStack."""
        loop, stop = asyncio.get_running_loop(), threading.Event()

        def sink(what: watches.What, body: Object) -> None:
            loop.call_soon_threadsafe(self._noted, what, body)

        try:
            await asyncio.to_thread(watches.watch, sink, self._settings, stop)
            raise RuntimeError("the watch of MailStacks ended")
        finally:
            stop.set()

    def _noted(self, what: watches.What, body: Object) -> None:
        """Handles one event of Kopf's watch."""
        if what == "listed":
            self._listed.set()
        if what == "gone":
            self.gone(body)
        else:
            self.noted(body)

    def noted(self, body: Object) -> None:
        """Implements followers.Sink."""
        if key := self._store.note(body):
            self._add(key)

    def gone(self, body: Object) -> None:
        """Implements followers.Sink."""
        self._add(self._store.forget(body))

    def listed(self, kind: Kind, namespace: str, refs: set[Ref], as_of: int) -> None:
        """Implements followers.Sink."""
        for key in self._store.retain(kind, namespace, refs, as_of):
            self._add(key)

    def _add(self, key: StackKey) -> None:
        held = self._held.get(key.namespace if self._settings.namespaces else "")
        if held is None:
            self._queue.add(key)
        else:
            held.add(key)

    async def _work(self) -> None:
        """Works while it leads, until cancelled."""
        election = self._election()
        if election is None:
            await self._lead()
            return
        try:
            while True:
                await election.acquire()
                await self._lead_while(election)
        finally:
            await election.release()

    async def _lead_while(self, election: Election) -> None:
        """Leads until the Lease is lost. The process stays: the kubelet would start it again later each time."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(election.hold())
                group.create_task(self._lead())
        except* LeadershipLost as lost:
            logger.warning("no longer the leader: %s", lost.exceptions[0])
            # Runs were cut off, and another replica may have led meanwhile.
            self._add_all()

    def _election(self) -> Election | None:
        settings = self._settings
        if not settings.leader_election:
            return None
        leases = self._server.leases(settings.lease_namespace, settings.lease_name)
        return Election(leases, settings.identity, time.monotonic)

    async def _lead(self) -> None:
        with metrics.leading(self._store):
            await self._queue.work()

    async def _resync(self) -> None:
        """Lists the MailStacks again after Kopf did.

        No watch reports what was deleted between our last list and Kopf's.
        """
        while True:
            await self._listed.wait()
            await asyncio.sleep(_SETTLE)
            self._listed.clear()
            await self._resync_once()

    async def _refresh(self) -> None:
        """Has a run for each MailStack from time to time: some things change by time alone, such as a certificate that
        expires."""
        while True:
            await asyncio.sleep(self._settings.resync)
            self._store.forget_tombstones()
            await self._resync_once()
            self._add_all()

    def _add_all(self) -> None:
        for key in self._store.known():
            self._add(key)

    async def _resync_once(self) -> None:
        """Lists the MailStacks of each namespace that has been read; again unless the API server refuses it."""
        for namespace in self._namespaces:
            while namespace not in self._held and (error := await self._list(namespace)) and not error.permanent:
                await asyncio.sleep(_LIST_RETRY)

    async def _list(self, namespace: str) -> ClusterError | None:
        """Reads the list of the MailStacks there. Returns why it could not."""
        try:
            await Follower(self._server, self, MAIL_STACK, namespace).list()
        except ClusterError as error:
            logger.warning("the MailStacks of %s cannot be read: %s", namespace or "the cluster", error)
            return error
        return None

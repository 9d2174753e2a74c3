"""Manages the pods that rehearse changed configurations: creates one while it is needed, deletes it afterwards."""

import logging
from collections.abc import Callable

from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop import rehearsal
from mailstack_operator.loop.plan import Plan
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.port import Cluster
from mailstack_operator.loop.store import Store
from mailstack_operator.stack import children

logger = logging.getLogger(__name__)


class RehearsalRunner:
    """`clock` is monotonic, in seconds; `per_node` pods may run at once for each node with mail pods."""

    def __init__(self, cluster: Cluster, store: Store, clock: Callable[[], float], per_node: int) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._per_node = per_node
        # Those that were told to wait for a slot.
        self._waiting: set[StackKey] = set()
        # Requests for pods that are not answered yet.
        self._pending = 0
        # The uid of the pod that ended without a verdict, and when that was seen.
        self._undecided: dict[StackKey, tuple[str, float]] = {}

    async def reconcile(self, plan: Plan) -> None:
        """Creates the pod if the plan needs it; deletes it if not, in the run that applied what it tried: no event need
        come after that.

        Raises Waiting while all slots are in use, and for a pod that exists and has ended.
        """
        self._waiting.discard(plan.key)
        seen = self._store[plan.key]
        pod = rehearsal.pod_of(seen.pods, plan.key.name)
        if pod is None and plan.needs_rehearsal:
            await self._start(plan)
        elif pod is not None and not pod.deleting and (plan.is_settled(seen) or self._is_stale(pod, plan)):
            await self._cluster.delete_pod(plan.key.namespace, pod)

    def forget(self, key: StackKey) -> None:
        """Drops what is remembered of a MailStack that is gone."""
        self._undecided.pop(key, None)
        self._waiting.discard(key)

    async def _start(self, plan: Plan) -> None:
        if not self._has_slot():
            self._waiting.add(plan.key)
            raise rehearsal.waiting_for_slot(len(self._waiting))
        logger.info("%s: rehearsing the changed configuration", plan.key)
        self._pending += 1
        try:
            self._store.note(await self._cluster.apply_pod(children.rehearsal(plan.topology, plan.config_digest)))
        finally:
            self._pending -= 1
        pod = rehearsal.pod_of(self._store[plan.key].pods, plan.key.name)
        if pod is not None and rehearsal.has_ended(pod):
            raise rehearsal.ended_before()

    def _has_slot(self) -> bool:
        used = self._pending + sum(map(rehearsal.occupies_slot, self._store.pods()))
        return used < rehearsal.slots(self._store.pods(), self._per_node)

    def _is_stale(self, pod: Pod, plan: Plan) -> bool:
        """Whether the pod rehearses what is no longer wanted, or ended without a verdict AGAIN seconds ago."""
        if pod.config_digest != plan.config_digest or pod.helpers != plan.topology.helper_image:
            return True
        if not rehearsal.is_undecided(pod):
            return False
        uid, since = self._undecided.get(plan.key, ("", 0.0))
        if uid != pod.uid:
            self._undecided[plan.key] = pod.uid, self._clock()
            return False
        return self._clock() - since >= rehearsal.AGAIN

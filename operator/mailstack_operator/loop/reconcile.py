"""The loop's one step: from whatever state to the wanted one.

Level-triggered: it reads what is there, decides what should be, writes what differs, reports. It may be
killed anywhere and run again.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.loop import events, references, rehearsal, reports, summary
from mailstack_operator.loop.apply import LOOK_AGAIN, Applier, by_ref
from mailstack_operator.loop.errors import ClusterError, Stalled, Unfinished, Waiting
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.port import Cluster
from mailstack_operator.loop.store import Seen, Store
from mailstack_operator.loop.summary import INVALID_SPEC, Outcome
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.topology import DEFAULT_OPERATOR_IMAGE, Topology

logger = logging.getLogger(__name__)

_STATUS_OF_EVERY_CRD = ("observedGeneration", "conditions")


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Plan:
    """What is wanted of a MailStack, and what keeps it from the pods: a missing Secret, or a trial to pass.

    `is_settled`: a StatefulSet has this configuration already. Until then a restarted operator must find the pod that
    tried it.
    """

    topology: Topology
    wanted: dict[Ref, Object]
    config_digest: str
    is_settled: bool
    missing: Unfinished | None
    trial: Unfinished | None

    @property
    def key(self) -> StackKey:
        return self.topology.stack.key

    @property
    def obstacle(self) -> Unfinished | None:
        return self.missing or self.trial

    @property
    def is_tried(self) -> bool:
        return self.trial is not None and self.missing is None


class Reconciler:
    """Runs `reconcile(key)`; a key must not run twice at once (see queue.py)."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        image: str = DEFAULT_OPERATOR_IMAGE,
        now: Callable[[], str] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._applier = Applier(cluster, store)
        self._image = image
        self._now = now
        self._clock = clock
        # Pods that try a configuration, asked for and not answered yet.
        self._asked_for = 0
        # Which pod ended without a verdict, and when that was seen.
        self._undecided: dict[StackKey, tuple[str, float]] = {}

    async def reconcile(self, key: StackKey) -> float | None:
        """Brings the MailStack `key` to what its spec says, and reports.

        Returns after how many seconds to look again, None if only a change matters. Raises ClusterError
        when the API server does not answer; the queue tries again.
        """
        seen = self._store[key]
        if seen.stack is None or "deletionTimestamp" in section(seen.stack, "metadata"):
            # The children go by their ownerReferences.
            self._applier.forget(key)
            self._undecided.pop(key, None)
            return None
        # Meanwhile a newer spec may have been seen: the outcome speaks of this one.
        generation = number(section(seen.stack, "metadata"), "generation")
        outcome = await self._converge(seen.stack, key)
        await self._report(key, outcome, generation)
        return outcome.unfinished.retry_after if outcome.unfinished else None

    async def _converge(self, body: Object, key: StackKey) -> Outcome:
        """Every outcome but an unanswered request; what could not be found out stays as it was reported."""
        before = section(body, "status")
        outcome = Outcome(
            None,
            reports.lmtp(self._store[key]),
            reports.verification(self._store[key], enabled=_verified(body)),
            _verified(body),
            text(before, "endpoint"),
            text(before, "appliedDigest"),
        )
        try:
            refers = await references.read(self._cluster, _parse(body))
            plan = self._plan(refers)
            applied = await self._apply(plan, outcome.applied_digest)
            outcome = replace(
                outcome, endpoint=plan.topology.endpoint, applied_digest=applied, remark=plan.topology.remark
            )
            if plan.missing is None:
                await self._tell_pods(key, refers.secrets_version)
            return replace(outcome, unfinished=plan.obstacle or self._progress(plan))
        except Unfinished as error:
            return replace(outcome, unfinished=error)
        except ClusterError as error:
            if not error.permanent:
                raise
            refused = Stalled("RequestRefused", f"the API server refused a request: {error}", LOOK_AGAIN)
            return replace(outcome, unfinished=refused)

    def _plan(self, refers: references.References) -> Plan:
        plan = topology.decide(refers.stack, refers.sources(), self._image)
        config_digest, seen = children.config_digest(plan), self._store[plan.stack.key]
        # By the digest of their configuration, the image of the running pods' helpers.
        running = {live.config_digest: live.operator_image for live in seen.children.values() if _is_pods(live.ref)}
        trial = None
        if config_digest in running:
            plan = replace(plan, operator_image=running[config_digest] or self._image)
        elif running:
            trial = rehearsal.verdict(rehearsal.pod_of(seen.pods, plan.stack.key.name), config_digest)
        # Without any pod there is nothing to lose: the first ones try their configuration themselves.
        wanted = by_ref(children.children(plan, config_digest))
        return Plan(plan, wanted, config_digest, config_digest in running, refers.problem(), trial)

    async def _apply(self, plan: Plan, known: str) -> str:
        """Writes what differs, but for what an obstacle keeps from the pods; the new digest of what was applied."""
        wanted, hold = plan.wanted, frozenset[Ref]()
        if plan.obstacle:
            hold = frozenset(ref for ref in wanted if ref.kind in ("ConfigMap", "StatefulSet"))
        elif _dovecot_elsewhere(plan.topology, self._store[plan.key]):
            hold = frozenset([_dovecot_home(plan.topology)])
        if plan.is_tried:
            wanted = {**wanted, **by_ref(children.rehearsal_config(plan.topology))}
        await self._applier.converge(plan.topology.stack, wanted, hold, known)
        await self._applier.prune(plan.topology.stack, wanted, self._prunable(plan))
        await self._rehearse(plan)
        return self._applier.applied(plan.key)

    def _prunable(self, plan: Plan) -> tuple[str, ...]:
        """The kinds of which what is no longer wanted may go, now that the rest is applied.

        A Service stays as long as a Postfix may ask for it: while its name does not resolve, mail for good users is
        refused for good.
        """
        if plan.obstacle:
            return ()
        pods = ("ConfigMap", "StatefulSet")
        return pods if self._progress(plan) else (*pods, "Service")

    async def _rehearse(self, plan: Plan) -> None:
        """The pod that tries the configuration is there while it is wanted, and only then.

        Raises Waiting while others are tried.
        """
        pod = rehearsal.pod_of(self._store[plan.key].pods, plan.key.name)
        if pod is None and plan.is_tried:
            await self._try_out(plan)
        elif pod is not None and not pod.deleting and (plan.is_settled or self._is_stale(pod, plan)):
            await self._cluster.delete_pod(plan.key.namespace, pod)

    async def _try_out(self, plan: Plan) -> None:
        if self._asked_for + sum(map(rehearsal.takes_a_place, self._store.pods())) >= rehearsal.AT_ONCE:
            raise rehearsal.not_yet()
        logger.info("%s: trying the changed configuration", plan.key)
        self._asked_for += 1
        try:
            self._store.note(await self._cluster.apply_pod(children.rehearsal(plan.topology, plan.config_digest)))
        finally:
            self._asked_for -= 1

    def _is_stale(self, pod: Pod, plan: Plan) -> bool:
        """Whether the pod tries what is no longer wanted, or ended without a verdict a while ago."""
        if pod.config_digest != plan.config_digest:
            return True
        if not rehearsal.is_undecided(pod):
            return False
        uid, since = self._undecided.get(plan.key, ("", 0.0))
        if uid != pod.uid:
            self._undecided[plan.key] = pod.uid, self._clock()
            return False
        return self._clock() - since >= rehearsal.AGAIN

    def _progress(self, plan: Plan) -> Unfinished | None:
        """What the wanted pods still lack."""
        seen = self._store[plan.key]
        if pod := _dovecot_elsewhere(plan.topology, seen):
            return Waiting("Progressing", f"pod {pod} still holds the mail; Dovecot moves when it is gone")
        for ref, manifest in plan.wanted.items():
            if _is_pods(ref):
                replicas = number(section(manifest, "spec"), "replicas")
                if problem := summary.rollout_problem(seen, ref.name, replicas):
                    return problem
        return None

    async def _tell_pods(self, key: StackKey, version: str) -> None:
        """A kubelet looks at a pod's Secrets once in 60 to 90 s, or at once when the pod changes."""
        for pod in list(self._store[key].pods.values()):
            if not pod.deleting and pod.component != "rehearsal" and pod.secrets_version != version:
                logger.info("telling pod %s of %s of its Secrets, version %s", pod.name, key, version)
                await self._cluster.touch_pod(key.namespace, pod, version)

    async def _report(self, key: StackKey, outcome: Outcome, generation: int) -> None:
        body = self._store[key].stack
        if body is None:
            return
        await self._drop_orphans(key)
        current = {name: value for name, value in section(body, "status").items() if name != "pods"}
        wanted = summary.summarize(outcome, generation, current, self._now())
        if wanted != current:
            ready = entries(wanted, "conditions")[0]
            logger.info("%s: Ready=%s %s: %s", key, *(text(ready, name) for name in ("status", "reason", "message")))
            self._store.note(await self._apply_status(key, wanted))
            await self._tell(body, current, wanted)

    async def _drop_orphans(self, key: StackKey) -> None:
        """Entries of pods that are gone; a probe leaves its own behind."""
        for place, name in reports.orphans(self._store[key]):
            await self._cluster.drop_report(key, place, name)

    async def _tell(self, body: Object, before: Mapping[str, Json], after: Mapping[str, Json]) -> None:
        """An Event for each condition that changed; one that cannot be written is no reason to stop."""
        for event in events.of(body, before, after, self._now()):
            try:
                await self._cluster.record(event)
            except ClusterError as error:
                logger.warning("no event for %s: %s", text(event, "reason"), error)

    async def _apply_status(self, key: StackKey, wanted: Object) -> Object:
        """Server-side apply takes no field that the CRD does not know: with an older CRD the conditions must do."""
        try:
            return await self._cluster.apply_status(key, wanted)
        except ClusterError as error:
            if "field not declared in schema" not in str(error):
                raise
            logger.warning(
                "the CRD is older than the operator: install crds/mailstacks.yaml of this version: %s", error
            )
            return await self._cluster.apply_status(key, {name: wanted[name] for name in _STATUS_OF_EVERY_CRD})


def _parse(body: Object) -> MailStack:
    try:
        return parse(body)
    except InvalidMailStack as error:
        raise Stalled(INVALID_SPEC, str(error)) from error


def _verified(body: Object) -> bool:
    """Whether the spec asks for address verification; so it is where nothing is said."""
    return section(body, "spec", "verification").get("enabled") is not False


def _is_pods(ref: Ref) -> bool:
    return ref.kind == "StatefulSet"


def _dovecot_home(plan: Topology) -> Ref:
    """The StatefulSet whose pod holds Dovecot."""
    key = plan.stack.key
    return Ref("apps/v1", "StatefulSet", key.namespace, names.stateful_set(key.name, plan.dovecot_home))


def _dovecot_elsewhere(plan: Topology, seen: Seen) -> str | None:
    """The pod of the other StatefulSet that holds a Dovecot still: two of them never share the mail."""
    component = plan.dovecot_home
    others = (pod for pod in seen.pods.values() if pod.component not in (component, "rehearsal"))
    return next((pod.name for pod in others if pod.holds_dovecot), None)

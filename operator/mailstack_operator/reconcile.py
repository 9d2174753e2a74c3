"""The loop's one step: from whatever state to the wanted one.

Level-triggered: it reads what is there, decides what should be, writes what differs, reports. It may be
killed anywhere and run again.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from mailstack_operator import desired, status, topology
from mailstack_operator.api.stack import InvalidMailStack, MailStack, parse
from mailstack_operator.apply import LOOK_AGAIN, Applier, by_ref
from mailstack_operator.errors import ClusterError, Stalled, Unfinished, Waiting
from mailstack_operator.kube import Cluster, Secret
from mailstack_operator.live import Ref
from mailstack_operator.names import StackKey
from mailstack_operator.objects import Object, entries, number, section, text
from mailstack_operator.observe import Store
from mailstack_operator.status import INVALID_SPEC, Outcome

logger = logging.getLogger(__name__)

# Secrets are not watched (that would take the right to read all of them): looked at again, in seconds.
SECRET_RETRY = 5.0

_STATUS_OF_EVERY_CRD = ("observedGeneration", "conditions")


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reconciler:
    """Runs `reconcile(key)`; a key must not run twice at once (see queue.py)."""

    def __init__(self, cluster: Cluster, store: Store, now: Callable[[], str] = utc_now) -> None:
        self._cluster = cluster
        self._store = store
        self._applier = Applier(cluster, store)
        self._now = now

    async def reconcile(self, key: StackKey) -> float | None:
        """Brings the MailStack `key` to what its spec says, and reports.

        Returns after how many seconds to look again, None if only a change matters. Raises ClusterError
        when the API server does not answer; the queue tries again.
        """
        seen = self._store[key]
        if seen.stack is None or "deletionTimestamp" in section(seen.stack, "metadata"):
            # The children go by their ownerReferences.
            self._applier.forget(key)
            return None
        outcome = await self._converge(seen.stack, key)
        await self._report(key, outcome)
        return outcome.unfinished.retry_after if outcome.unfinished else None

    async def _converge(self, body: Object, key: StackKey) -> Outcome:
        """Every outcome but an unanswered request; what could not be found out stays as it was reported."""
        before = section(body, "status")
        digest, endpoint = text(before, "appliedDigest"), text(before, "endpoint")
        try:
            stack = _parse(body)
            plan = topology.decide(stack)
            wanted = by_ref(desired.children(plan))
            users = await self._cluster.secret(key.namespace, stack.spec.users.passwd_file.secret_name)
            missing = _missing_users(stack, users)
            hold = _pods_of(wanted) if missing else frozenset()
            digest, endpoint = await self._applier.converge(stack, wanted, hold, digest), plan.endpoint
            if users and not missing:
                await self._tell_pods(key, users)
            unfinished: Unfinished | None = missing or status.rollout_problem(self._store[key], key.name)
        except Unfinished as error:
            unfinished = error
        except ClusterError as error:
            if not error.permanent:
                raise
            unfinished = Stalled("RequestRefused", f"the API server refused a request: {error}", LOOK_AGAIN)
        return Outcome(unfinished, endpoint, digest)

    async def _tell_pods(self, key: StackKey, users: Secret) -> None:
        """A kubelet looks at a pod's Secrets once in 60 to 90 s, or at once when the pod changes."""
        for pod in list(self._store[key].pods.values()):
            if not pod.deleting and pod.users_version != users.version:
                logger.info("telling pod %s of %s of its users, version %s", pod.name, key, users.version)
                await self._cluster.touch_pod(key.namespace, pod, users.version)

    async def _report(self, key: StackKey, outcome: Outcome) -> None:
        body = self._store[key].stack
        if body is None:
            return
        current = section(body, "status")
        generation = number(section(body, "metadata"), "generation")
        wanted = status.summarize(outcome, generation, current, self._now())
        if wanted != current:
            ready = entries(wanted, "conditions")[0]
            logger.info("%s: Ready=%s %s: %s", key, *(text(ready, name) for name in ("status", "reason", "message")))
            self._store.note(await self._apply_status(key, wanted))

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


def _missing_users(stack: MailStack, users: Secret | None) -> Waiting | None:
    """The users file must be there before a pod is made or rolled: without it, Dovecot would refuse every user
    for good, or the pod would not start."""
    file = stack.spec.users.passwd_file
    if users is None:
        message = f"waiting for Secret {file.secret_name}, which holds the users"
        return Waiting("SecretNotFound", message, SECRET_RETRY)
    if file.key not in users.keys:
        message = f"waiting for key {file.key} in Secret {file.secret_name}, which holds the users"
        return Waiting("SecretKeyNotFound", message, SECRET_RETRY)
    return None


def _parse(body: Object) -> MailStack:
    try:
        return parse(body)
    except InvalidMailStack as error:
        raise Stalled(INVALID_SPEC, str(error)) from error


def _pods_of(wanted: dict[Ref, Object]) -> frozenset[Ref]:
    return frozenset(ref for ref in wanted if ref.kind == "StatefulSet")

"""The loop's one step: from whatever state to the wanted one.

Level-triggered: it reads what is there, decides what should be, writes what differs, reports. It may be
killed anywhere and run again.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus

from mailstack_operator.api.conditions import CHECKS, Check, ConditionType, Reason
from mailstack_operator.kube.metadata import HelperImage
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop import addresses, dns, events, references, rehearsal, reports, summary
from mailstack_operator.loop.announcer import Announcer
from mailstack_operator.loop.apply import LOOK_AGAIN, Applier, by_ref
from mailstack_operator.loop.errors import ClusterError, Stalled, Unfinished, Waiting
from mailstack_operator.loop.notes import NoteReader
from mailstack_operator.loop.plan import Inputs, Plan, plan_of, running_of
from mailstack_operator.loop.port import Cluster
from mailstack_operator.loop.references import References
from mailstack_operator.loop.rehearsal_runner import RehearsalRunner
from mailstack_operator.loop.stack_state import StackState, Status
from mailstack_operator.loop.store import Store
from mailstack_operator.loop.summary import Outcome
from mailstack_operator.loop.warnings import collect
from mailstack_operator.stack import children, exposure
from mailstack_operator.stack.images import BUILT_IN, ServerImages
from mailstack_operator.stack.mailstack import MailStack

logger = logging.getLogger(__name__)

# Seconds after which a status is written again of which a part was taken: the CRD is older, or the API server answered
# with an error of its own.
PARTLY_AGAIN = 60.0


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class _Applied:
    """Where mail is sent to, and the digest of what was applied."""

    endpoint: str
    digest: str


@dataclass
class _Run:
    """What a run has learned so far: what the spec refers to, and what was applied."""

    references: References | None = None
    applied: _Applied | None = None


class Reconciler:
    """Runs `reconcile(key)`; a key must not run twice at once (see queue.py)."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        *,
        helpers: HelperImage,
        server_images: ServerImages = BUILT_IN,
        rehearsals_per_node: int = rehearsal.PER_NODE,
        checks: Sequence[Check] = CHECKS,
        now: Callable[[], str] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._applier = Applier(cluster, store)
        self._rehearsals = RehearsalRunner(cluster, store, clock, rehearsals_per_node)
        self._announcer = Announcer(cluster, store, clock)
        self._notes = NoteReader(cluster, clock)
        self._image = helpers
        self._server_images = server_images
        self._checks = checks
        self._now = now
        # Those whose last run did not come to its end.
        self._failing: set[StackKey] = set()

    async def reconcile(self, key: StackKey) -> float | None:
        """Brings the MailStack `key` to what its spec says, and reports.

        Returns after how many seconds to look again, None if only a change matters. Raises ClusterError
        when the API server does not answer; the queue tries again.
        """
        stack = self._store[key].stack
        if stack is None or stack.deleting:
            await self._let_go(key)
            return None
        # A newer spec may arrive before the end: the outcome is of this one.
        try:
            outcome = await self._converge(key, stack)
        except Exception as error:
            await self._report_failure(key, stack, error)
            raise
        self._failing.discard(key)
        is_whole = await self._report(key, outcome, stack.generation)
        if self._store.take_overtaken(key):
            return 0.0
        again = outcome.unfinished.retry_after if outcome.unfinished else None
        return again if is_whole or again is not None else PARTLY_AGAIN

    async def _let_go(self, key: StackKey) -> None:
        """Of a MailStack that is gone, or about to go. Its children go by their ownerReferences."""
        for each in (self._applier, self._rehearsals, self._announcer, self._notes, self._store.reads):
            each.forget(key)
        self._store.take_overtaken(key)
        self._failing.discard(key)
        await self._applier.keep_claims(key)

    async def _report_failure(self, key: StackKey, stack: StackState, error: Exception) -> None:
        """Reports what the probes found, lest a former verdict stay for as long as the cause lasts. Not the first
        time: a moment without an answer is no news."""
        if key not in self._failing:
            self._failing.add(key)
            return
        why = str(error) if isinstance(error, ClusterError) else f"a bug of the operator: {error!r}"
        unfinished = Waiting(Reason.RUN_FAILED, f"the operator cannot go on, and tries again: {why}")
        with contextlib.suppress(ClusterError):
            await self._report(key, self._outcome(key, stack, _Run(), unfinished), stack.generation)

    async def _converge(self, key: StackKey, stack: StackState) -> Outcome:
        """Returns every outcome but an unanswered request, which it raises; what is not known stays as reported."""
        run = _Run()
        try:
            unfinished = await self._follow(key, _valid(stack), run, stack.status.applied_digest)
        except Unfinished as error:
            unfinished = error
        except ClusterError as error:
            if not error.permanent:
                raise
            message = f"the API server refused a request: {error}"
            unfinished = Stalled(Reason.REQUEST_REFUSED, message, LOOK_AGAIN)
        return self._outcome(key, stack, run, unfinished)

    async def _follow(self, key: StackKey, stack: MailStack, run: _Run, known: str) -> Unfinished | None:
        """The run itself, as far as it comes; what it learns is noted in `run`."""
        inputs = await self._read(stack)
        run.references = inputs.references
        plan = plan_of(inputs)
        run.applied = _Applied(plan.topology.endpoint, await self._apply(plan, known))
        # What is wrong in a Secret is judged in the pods, too; what is absent is not there to read.
        if not isinstance(plan.missing, Waiting):
            await self._announce(plan, inputs.references.secrets_version)
        await self._notes.read(key, self._store[key], plan.pods)
        return plan.unfinished(self._store[key])

    def _outcome(self, key: StackKey, stack: StackState, run: _Run, unfinished: Unfinished | None) -> Outcome:
        seen = self._store[key]
        outcome = Outcome(
            unfinished=unfinished,
            findings=reports.findings(seen, self._image.reference, self._checks),
            endpoint=stack.status.endpoint,
            addresses=stack.status.addresses,
            applied_digest=stack.status.applied_digest,
            dns_records=stack.status.dns_records,
            warnings=(*collect(seen, stack.stack, run.references), *self._applier.warnings(key)),
        )
        if run.references is None or run.applied is None:
            return outcome
        found = addresses.found(run.references.stack, seen)
        return replace(
            outcome,
            endpoint=run.applied.endpoint,
            addresses=found,
            applied_digest=run.applied.digest,
            dns_records=dns.wanted(run.references, found.get(exposure.SMTP, ()), stack.status.dns_records),
        )

    async def _read(self, stack: MailStack) -> Inputs:
        """Raises ClusterError."""
        self._store.reads.begin(stack.key, references.refs(stack))
        found, seen = await references.read(self._cluster, stack), self._store[stack.key]
        self._store.end_reading(stack.key, found.versions)
        return Inputs(
            references=found,
            image=self._image,
            server_images=self._server_images,
            running=running_of(seen),
            rehearsal=rehearsal.pod_of(seen.pods, stack.key.name),
            serving=any(pod.runs for pod in seen.pods.values() if pod.component != rehearsal.COMPONENT),
        )

    async def _apply(self, plan: Plan, known: str) -> str:
        """Writes what differs, but for what the plan holds back; the new digest of what was applied."""
        wanted, held_back = dict(plan.wanted), plan.held_back(self._store[plan.key])
        if plan.needs_rehearsal:
            wanted |= by_ref(children.rehearsal_config(plan.topology))
        await self._applier.converge(plan.topology.stack, wanted, held_back, known)
        await self._applier.prune(plan.topology.stack, wanted, plan.prunable(self._store[plan.key]))
        await self._applier.keep_claims(plan.key, wanted)
        await self._rehearsals.reconcile(plan)
        return self._applier.applied(plan.key)

    async def _announce(self, plan: Plan, secrets: str) -> None:
        waiting = frozenset(plan.pods_without_files(self._store[plan.key]))
        await self._announcer.announce(plan.key, secrets, None if plan.obstacle else plan.files_digest, waiting)

    async def _report(self, key: StackKey, outcome: Outcome, generation: int) -> bool:
        """Whether all of the status was taken."""
        stack = self._store[key].stack
        if stack is None:
            return True
        await self._drop_orphans(key)
        wanted = summary.summarize(outcome, generation, stack.status, self._now())
        if stack.shows(wanted):
            return True
        _log_ready(key, wanted)
        with self._store.reporting(key, wanted):
            self._store.note_reported(key, await self._apply_newest(key, wanted))
        await self._record_events(stack, wanted)
        newest = self._store[key].stack
        return newest is None or newest.shows(wanted)

    async def _drop_orphans(self, key: StackKey) -> None:
        """Removes the entries of pods that are gone: a probe leaves its own behind."""
        for place, name in reports.orphans(self._store[key]):
            await self._cluster.drop_report(key, place, name)

    async def _record_events(self, before: StackState, after: Status) -> None:
        """Writes an Event for each condition that changed; a failure is only logged."""
        for event in events.events_of(before, after, self._now()):
            try:
                await self._cluster.record(event)
            except ClusterError as error:
                logger.warning("no event for %s: %s", event["reason"], error)

    async def _apply_newest(self, key: StackKey, wanted: Status) -> Object:
        """With an older CRD, what that may have fields for."""
        try:
            return await self._cluster.apply_status(key, wanted.to_json())
        except ClusterError as error:
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return await self._apply_status(key, replace(wanted, dns_records=()))

    async def _apply_status(self, key: StackKey, wanted: Status) -> Object:
        """Server-side apply fails as a whole, with a bare 500, for a field that the CRD does not declare: with an older
        CRD the conditions must do."""
        try:
            return await self._cluster.apply_status(key, wanted.to_json())
        except ClusterError as error:
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            logger.warning("status not applied; trying the conditions alone, as for an older CRD: %s", error)
            return await self._cluster.apply_status(
                key, replace(wanted, endpoint="", addresses={}, applied_digest="").to_json()
            )


def _valid(stack: StackState) -> MailStack:
    if stack.stack is None:
        raise Stalled(Reason.INVALID_SPEC, "; ".join(stack.problems))
    return stack.stack


def _log_ready(key: StackKey, status: Status) -> None:
    if ready := status.condition(ConditionType.READY):
        logger.info("%s: Ready=%s %s: %s", key, ready.status, ready.reason, ready.message)

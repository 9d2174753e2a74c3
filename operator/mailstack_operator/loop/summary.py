"""Sums up one run as the MailStack's status. Pure: every path of the loop ends here.

Conditions follow kstatus: `Reconciling` and `Stalled` are there only while they are true.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailstack_operator.api.conditions import FALSE, TRUE, Condition, ConditionType, Reason
from mailstack_operator.loop import notes
from mailstack_operator.loop.errors import Stalled, Unfinished, Waiting
from mailstack_operator.loop.pod_state import Rollout
from mailstack_operator.loop.reports import Finding
from mailstack_operator.loop.stack_state import Status
from mailstack_operator.loop.store import Seen
from mailstack_operator.loop.warnings import warnings_condition
from mailstack_operator.stack.dns_records import DnsRecord
from mailstack_probe.contract import StackWarning

# Characters of a message. The API server refuses a status with more than 32768 in one, and then the old one stays.
_LONGEST = 16_000
# The spec itself is wrong.
_INVALID = (Reason.INVALID_SPEC, Reason.CONFIG_REFUSED)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what the probes found.

    `unfinished` is None if everything is as wanted; `warnings` are what to look at even then.
    """

    unfinished: Unfinished | None
    findings: Sequence[Finding]
    endpoint: str = ""
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    applied_digest: str = ""
    dns_records: tuple[DnsRecord, ...] = ()
    warnings: Sequence[StackWarning] = ()


def rollout_problem(seen: Seen, stateful_set: str, pods: Iterable[str]) -> Waiting | None:
    """Why one of these pods of the StatefulSet is not Ready yet, from its status; None if all are."""
    rollout = seen.rollouts.get(stateful_set)
    if rollout is None or rollout.observed_generation < rollout.generation:
        return Waiting(Reason.PROGRESSING, f"StatefulSet {stateful_set}: its controller has not seen the change yet")
    problems = (_pod_problem(seen, pod, rollout) for pod in pods)
    return next(filter(None, problems), None)


def _pod_problem(seen: Seen, name: str, rollout: Rollout) -> Waiting | None:
    pod, words = seen.pods.get(name), seen.notes.get(name)
    if pod is None:
        return _absent(name, words)
    if pod.lost:
        return Waiting(Reason.NODE_LOST, f"pod {pod.name}: {pod.lost_words}")
    if pod.deleting or pod.revision != rollout.revision:
        return Waiting(Reason.PROGRESSING, f"pod {pod.name} is being replaced: the new configuration needs a new pod")
    if pod.ready:
        return None
    if pod.problem is not None:
        message = "; ".join(filter(None, (pod.problem.message, words)))
        return Waiting(pod.problem.reason, message, notes.AGAIN if pod.awaits_volume else None)
    return Waiting(Reason.POD_NOT_READY, f"pod {pod.name} is starting")


def _absent(name: str, words: str | None) -> Waiting:
    if words:
        return Waiting(Reason.FAILED_CREATE, f"pod {name} cannot be created: {words}", notes.AGAIN)
    return Waiting(Reason.PROGRESSING, f"pod {name} is being created", notes.PATIENCE)


def summarize(outcome: Outcome, generation: int, previous: Status, now: str) -> Status:
    """The operator's part of the status. `now` is RFC 3339, the date of each condition whose status changed."""
    return Status(
        observed_generation=generation,
        conditions=tuple(_dated(condition, generation, previous, now) for condition in _conditions(outcome)),
        endpoint=outcome.endpoint,
        addresses=outcome.addresses,
        applied_digest=outcome.applied_digest,
        dns_records=outcome.dns_records,
    )


def _dated(condition: Condition, generation: int, previous: Status, now: str) -> Condition:
    before = previous.condition(condition.type)
    since = before.since if before and before.status == condition.status else ""
    return replace(condition, message=condition.message[:_LONGEST], generation=generation, since=since or now)


def _conditions(outcome: Outcome) -> Iterator[Condition]:
    unfinished = outcome.unfinished
    yield _ready(outcome)
    yield from (finding.condition for finding in outcome.findings)
    if unfinished is not None and unfinished.reason in _INVALID:
        yield _condition_of(ConditionType.CONFIG_VALID, FALSE, unfinished)
    else:
        yield Condition(ConditionType.CONFIG_VALID, TRUE, Reason.VALID, "the spec is valid")
    if isinstance(unfinished, Waiting):
        yield _condition_of(ConditionType.RECONCILING, TRUE, unfinished)
    if isinstance(unfinished, Stalled):
        yield _condition_of(ConditionType.STALLED, TRUE, unfinished)
    if outcome.warnings:
        yield warnings_condition(outcome.warnings)


def _ready(outcome: Outcome) -> Condition:
    """True if everything is as wanted, and every check that counts is True."""
    if outcome.unfinished is not None:
        return _condition_of(ConditionType.READY, FALSE, outcome.unfinished)
    lacking = (each.condition for each in outcome.findings if each.counts and each.condition.status != TRUE)
    if condition := next(lacking, None):
        return replace(condition, type=ConditionType.READY)
    return Condition(ConditionType.READY, TRUE, Reason.RUNNING, "Postfix and Dovecot run as the spec says")


def _condition_of(kind: str, status: str, unfinished: Unfinished) -> Condition:
    return Condition(kind, status, unfinished.reason, unfinished.message)

"""Sums up one run as the MailStack's status. Pure: every path of the loop ends here.

Conditions follow kstatus: `Reconciling` and `Stalled` stand only while they are true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.kube.objects import Json, Object, entries, text
from mailstack_operator.loop.errors import Stalled, Unfinished, Waiting
from mailstack_operator.loop.pod_state import Rollout
from mailstack_operator.loop.reports import LMTP_REACHABLE, VERIFICATION_READY, Fact
from mailstack_operator.loop.store import Seen

# Reasons that mean: the spec itself is wrong.
INVALID_SPEC = "InvalidSpec"
CONFIG_REFUSED = "ConfigRefused"


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what the probes found. `unfinished` is None if everything is as wanted; `remark` is what to
    know even then."""

    unfinished: Unfinished | None
    lmtp: Fact
    verification: Fact
    verified: bool = True
    endpoint: str = ""
    applied_digest: str = ""
    remark: str = ""


def rollout_problem(seen: Seen, stateful_set: str, replicas: int) -> Waiting | None:
    """Why a wanted pod of the StatefulSet is not running yet, in the words of the pod; None if all are Ready."""
    rollout = seen.rollouts.get(stateful_set)
    if rollout is None or rollout.observed_generation < rollout.generation:
        return Waiting("Progressing", f"StatefulSet {stateful_set}: its controller has not seen the change yet")
    problems = (_pod_problem(seen, f"{stateful_set}-{number}", rollout) for number in range(replicas))
    return next(filter(None, problems), None)


def _pod_problem(seen: Seen, name: str, rollout: Rollout) -> Waiting | None:
    pod = seen.pods.get(name)
    if pod is None:
        return Waiting("Progressing", f"pod {name} is being created")
    if pod.deleting or pod.revision != rollout.revision:
        return Waiting("Progressing", f"pod {pod.name} is being replaced: the new configuration needs a new pod")
    if pod.ready:
        return None
    if pod.problem is not None:
        return Waiting(pod.problem.reason, pod.problem.message)
    return Waiting("PodNotReady", f"pod {pod.name} is starting")


def summarize(outcome: Outcome, generation: int, previous: Mapping[str, Json], now: str) -> Object:
    """The whole status. `now` is RFC 3339; it stands only where a condition's status changed."""
    before = {text(condition, "type"): condition for condition in entries(previous, "conditions")}
    conditions: list[Json] = []
    for kind, value, reason, message in _conditions(outcome):
        old = before.get(kind, {})
        since = text(old, "lastTransitionTime") if text(old, "status") == value else ""
        conditions.append(
            {
                "type": kind,
                "status": value,
                "observedGeneration": generation,
                "lastTransitionTime": since or now,
                "reason": reason,
                "message": message,
            }
        )
    status: Object = {"observedGeneration": generation, "conditions": conditions}
    if outcome.endpoint:
        status["endpoint"] = outcome.endpoint
    if outcome.applied_digest:
        status["appliedDigest"] = outcome.applied_digest
    return status


def _conditions(outcome: Outcome) -> Iterator[tuple[str, str, str, str]]:
    """Type, status, reason, message."""
    unfinished, ready = outcome.unfinished, _ready(outcome)
    for kind, fact in (
        ("Ready", ready),
        (LMTP_REACHABLE, outcome.lmtp),
        (VERIFICATION_READY, outcome.verification),
    ):
        yield kind, fact.status, fact.reason, fact.message
    if unfinished is not None and unfinished.reason in (INVALID_SPEC, CONFIG_REFUSED):
        yield "ConfigValid", "False", unfinished.reason, unfinished.message
    else:
        yield "ConfigValid", "True", "Valid", "the spec is valid"
    if isinstance(unfinished, Waiting):
        yield "Reconciling", "True", unfinished.reason, unfinished.message
    if isinstance(unfinished, Stalled):
        yield "Stalled", "True", unfinished.reason, unfinished.message


def _ready(outcome: Outcome) -> Fact:
    """The sum: everything is as wanted, Dovecot takes mail, and unknown recipients are refused if they should be."""
    if outcome.unfinished is not None:
        return Fact("False", outcome.unfinished.reason, outcome.unfinished.message)
    needed = [outcome.lmtp, *([outcome.verification] if outcome.verified else [])]
    if lacking := next((fact for fact in needed if fact.status != "True"), None):
        return lacking
    running = "Postfix and Dovecot run as the spec says"
    return Fact("True", "Running", f"{running}; {outcome.remark}" if outcome.remark else running)

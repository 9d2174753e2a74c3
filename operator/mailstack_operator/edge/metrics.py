"""Prometheus metrics of the loop, of its queue and of the MailStacks.

Names, labels and buckets are part of the operator's interface: docs/monitoring.md lists them.
"""

import contextlib
from collections import Counter as Count
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailstack_operator.api.conditions import FALSE, TRUE, UNKNOWN, Condition, ConditionType, Reason
from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop.stack_state import StackState
from mailstack_operator.loop.store import Store

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
_WHICH = ("namespace", "mailstack", "type")

_RUNS = Counter("mailstack_reconcile_total", "Runs of the reconcile loop, by result.", ["result"], registry=REGISTRY)
_SECONDS = Histogram(
    "mailstack_reconcile_seconds",
    "Seconds that a run of the reconcile loop took.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
# Not mailstack_queue_*: that is Postfix's queue, in the metrics of the probes.
_DEPTH = Gauge("mailstack_reconcile_queue_depth", "MailStacks that wait for a run.", registry=REGISTRY)
_WAITED = Histogram(
    "mailstack_reconcile_queue_seconds",
    "Seconds that a MailStack waited for its run.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60),
    registry=REGISTRY,
)
_LEADER = Gauge("mailstack_leader", "1 while this replica reconciles, else 0.", registry=REGISTRY)
STACKS = Gauge("mailstack_stacks", "Number of MailStacks.", registry=REGISTRY)


class QueueMeter:
    """Implements queue.Meter."""

    def depth(self, waiting: int) -> None:
        _DEPTH.set(waiting)

    def ran(self, seconds: float, waited: float, failed: bool) -> None:
        _RUNS.labels("error" if failed else "success").inc()
        _SECONDS.observe(seconds)
        _WAITED.observe(waited)


for _result in ("success", "error"):
    _RUNS.labels(_result)


def conditions(store: Store) -> Iterator[tuple[StackKey, Condition]]:
    """Every condition of every MailStack.

    Ready is always among them. What was said of an earlier generation is Unknown of this one, as for kstatus.
    """
    for key in store.stacks():
        if stack := store[key].stack:
            yield from ((key, condition) for condition in _current(stack))


def _current(stack: StackState) -> Iterator[Condition]:
    if stack.status.condition(ConditionType.READY) is None:
        yield Condition(ConditionType.READY, UNKNOWN, Reason.NOT_REPORTED, "")
    for each in stack.status.conditions:
        if each.generation == stack.generation:
            yield each
        else:
            yield replace(each, status=UNKNOWN, reason=Reason.NOT_REPORTED)


# Present only while something is to be looked at.
_SIGNS = (ConditionType.STALLED, ConditionType.WARNINGS)


def needs_attention(condition: Condition, at_work: frozenset[StackKey], key: StackKey) -> bool:
    """Whether the condition has samples of its own: so 1,000 MailStacks that are well have 1,000 samples, and not
    28,000. While the operator is `at_work`, Ready is False and nothing is wrong."""
    if condition.type == ConditionType.READY:
        return condition.status != TRUE and key not in at_work
    return condition.status == FALSE or condition.type in _SIGNS


class _Conditions(Collector):
    """The conditions in `store`, read at each scrape, so that those of a deleted MailStack disappear."""

    store: Store | None = None

    def collect(self) -> Iterator[Metric]:
        found = list(conditions(self.store)) if self.store else []
        yield _totals(condition for _, condition in found)
        yield from _samples(found)


def _totals(found: Iterable[Condition]) -> Metric:
    help_ = "Number of MailStacks whose condition has this status."
    totals = GaugeMetricFamily("mailstack_conditions", help_, labels=("type", "status"))
    for (kind, status), number in sorted(Count((each.type, each.status.lower()) for each in found).items()):
        totals.add_metric((kind, status), number)
    return totals


def _samples(found: Sequence[tuple[StackKey, Condition]]) -> Iterator[Metric]:
    help_ = "1 for the status of a condition that needs attention; Ready with status true is always there, 0 or 1."
    statuses = GaugeMetricFamily("mailstack_condition", help_, labels=(*_WHICH, "status"))
    help_ = "1, with the reason of a condition that needs attention."
    reasons = GaugeMetricFamily("mailstack_condition_reason", help_, labels=(*_WHICH, "reason"))
    at_work = frozenset(key for key, condition in found if condition.type == ConditionType.RECONCILING)
    for key, condition in found:
        which = (key.namespace, key.name, condition.type)
        if condition.type == ConditionType.READY:
            statuses.add_metric((*which, "true"), float(condition.status == TRUE))
        if needs_attention(condition, at_work, key):
            statuses.add_metric((*which, condition.status.lower()), 1.0)
            reasons.add_metric((*which, condition.reason), 1.0)
    yield from (statuses, reasons)


_CONDITIONS = _Conditions()
REGISTRY.register(_CONDITIONS)


@contextlib.contextmanager
def leading(store: Store) -> Iterator[None]:
    """While the context is open, this replica leads. It alone shows the conditions: they must not count twice."""
    _LEADER.set(1)
    _CONDITIONS.store = store
    try:
        yield
    finally:
        _CONDITIONS.store = None
        _LEADER.set(0)

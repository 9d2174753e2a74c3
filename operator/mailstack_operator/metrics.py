"""Prometheus metrics of the loop and its queue. Names and buckets are part of the operator's interface."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()

_RUNS = Counter("mailstack_reconcile_total", "Runs of the reconcile loop.", ["result"], registry=REGISTRY)
_SECONDS = Histogram(
    "mailstack_reconcile_seconds",
    "Time of one run.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_DEPTH = Gauge("mailstack_queue_depth", "MailStacks that wait for a run.", registry=REGISTRY)
_WAITED = Histogram(
    "mailstack_queue_seconds",
    "Time from due to run.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60),
    registry=REGISTRY,
)
LEADER = Gauge("mailstack_leader", "1 while this replica reconciles.", registry=REGISTRY)
STACKS = Gauge("mailstack_stacks", "MailStacks that the operator knows of.", registry=REGISTRY)


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

"""The pods of a MailStack, and the verdicts of their probes. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from mailstack_operator.api.conditions import Check
from mailstack_operator.cli.plugin.screens.table import Row, render_table
from mailstack_operator.cli.plugin.screens.units import format_since
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.loop import reports
from mailstack_operator.loop.pod_state import pod_of
from mailstack_operator.loop.stack_state import StackState
from mailstack_operator.loop.store import Seen


def render_pods(pods: Sequence[Object], now: datetime, width: int) -> str:
    """A line for each pod."""
    if not pods:
        return "no pods\n"
    rows = [_pod(body, now) for body in pods]
    return render_table(("POD", "PHASE", "READY", "RESTARTS", "AGE", "NODE"), rows, width)


def _pod(body: Object, now: datetime) -> Row:
    metadata, status = section(body, "metadata"), section(body, "status")
    containers = _long_running(body)
    ready = sum(1 for container in containers if container.get("ready") is True)
    return (
        text(metadata, "name"),
        "Terminating" if metadata.get("deletionTimestamp") else text(status, "phase"),
        f"{ready}/{len(containers)}",
        _restarts(containers),
        format_since(text(metadata, "creationTimestamp"), now),
        text(section(body, "spec"), "nodeName") or "-",
    )


def _long_running(body: Object) -> list[Mapping[str, Json]]:
    """The status of the containers that run as long as the pod does: the sidecars of initContainers, and containers."""
    spec, status = section(body, "spec"), section(body, "status")
    sidecars = {text(each, "name") for each in entries(spec, "initContainers") if each.get("restartPolicy") == "Always"}
    inits = [each for each in entries(status, "initContainerStatuses") if text(each, "name") in sidecars]
    return [*inits, *entries(status, "containerStatuses")]


def _restarts(containers: Sequence[Mapping[str, Json]]) -> str:
    """The sum, and the number of each container that restarted."""
    counts = {text(each, "name"): number(each, "restartCount") for each in containers}
    restarted = {name: count for name, count in counts.items() if count}
    which = ", ".join(f"{name} {count}" for name, count in restarted.items())
    return f"{sum(restarted.values())} ({which})" if restarted else "0"


def render_verdicts(
    stack: StackState, pods: Sequence[Object], checks: Iterable[Check], now: datetime, width: int
) -> str:
    """A line for each check of each pod; empty if there are no pods."""
    rows = [row for body in pods for row in _verdicts(stack, body, checks, now)]
    header = ("POD", "PROBE", "STATUS", "SINCE", "REASON", "MESSAGE")
    return render_table(header, rows, width) if rows else ""


def _verdicts(stack: StackState, body: Object, checks: Iterable[Check], now: datetime) -> Iterator[Row]:
    """The verdicts of the pod's probe that the operator trusts."""
    pod, seen = pod_of(body), Seen(stack=stack)
    name = pod.name
    for check in checks:
        if check.optional and not reports.is_needed(seen, check):
            continue
        if pod.component in check.asked_in and (not check.with_mail or reports.has_mail(seen, pod)):
            verdict = reports.verdict(seen, pod, check)
            yield name, check.name, verdict.status, format_since(verdict.since, now), verdict.reason, verdict.message
            name = ""

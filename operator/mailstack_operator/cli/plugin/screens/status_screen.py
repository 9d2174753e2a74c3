"""One screen that tells how a MailStack is. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailstack_operator.api.conditions import CHECKS, Check
from mailstack_operator.cli.plugin.parsing.mail_queue import Message
from mailstack_operator.cli.plugin.parsing.refusals import Refusal
from mailstack_operator.cli.plugin.screens.link_screen import render_links
from mailstack_operator.cli.plugin.screens.log_screen import render_refusals
from mailstack_operator.cli.plugin.screens.queue_screen import render_queue_summary
from mailstack_operator.cli.plugin.screens.table import Row, render_table
from mailstack_operator.cli.plugin.screens.units import format_since
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.loop import reports
from mailstack_operator.loop.pod_state import pod_of
from mailstack_operator.loop.stack_state import stack_state_of
from mailstack_operator.loop.store import Seen
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.topology import Topology, decide

# The number of last refusals that are shown.
REFUSALS = 5
_NO_CONDITIONS = (
    "no conditions: the operator has not observed this MailStack; is it running, and does it watch this namespace?\n"
)


@dataclass(frozen=True)
class Findings:
    """The MailStack and its pods as the API server tells them, what Postfix tells, and what could not be read.

    `private` is what stands in Postfix's private/: mode and owner by name, None if that could not be read.
    """

    stack: Object
    pods: Sequence[Object]
    messages: Sequence[Message]
    private: Mapping[str, str] | None
    refusals: Sequence[Refusal]
    problems: Sequence[str]
    now: datetime
    checks: Sequence[Check] = CHECKS


def render_status(found: Findings, width: int) -> str:
    """The whole screen, in parts with an empty line between them."""
    parts = (
        _heading(found),
        _conditions(found, width),
        _pods(found, width),
        _probes(found, width),
        _links(found, width),
        _queue(found, width),
        _refusals(found, width),
        "".join(f"error: {problem}\n" for problem in found.problems),
    )
    return "\n".join(filter(None, parts))


def _heading(found: Findings) -> str:
    metadata, status = section(found.stack, "metadata"), section(found.stack, "status")
    topology, generation = _topology(found.stack), number(metadata, "generation")
    lines = [
        f"MailStack  {text(metadata, 'namespace')}/{text(metadata, 'name')}",
        f"Endpoint   {text(status, 'endpoint') or '-'}",
        f"LMTP       {f'lmtp:{topology.lmtp.endpoint}' if topology else '- (the spec is invalid)'}",
    ]
    if 0 < number(status, "observedGeneration") < generation:
        lines.append("The operator has not observed the latest spec yet: the conditions describe the previous one")
    return "".join(f"{line}\n" for line in lines)


def _topology(stack: Object) -> Topology | None:
    """None if the spec is invalid."""
    try:
        return decide(parse(stack))
    except InvalidMailStack:
        return None


def _conditions(found: Findings, width: int) -> str:
    conditions = entries(section(found.stack, "status"), "conditions")
    if not conditions:
        return _NO_CONDITIONS
    messages = [text(each, "message") for each in conditions]
    rows = [
        (
            text(each, "type"),
            text(each, "status"),
            format_since(text(each, "lastTransitionTime"), found.now),
            text(each, "reason"),
            # Ready tells in the words of the condition that it lacks.
            "as above" if message in messages[:place] else message,
        )
        for place, (each, message) in enumerate(zip(conditions, messages, strict=True))
    ]
    return render_table(("CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"), rows, width)


def _pods(found: Findings, width: int) -> str:
    if not found.pods:
        return "no pods\n"
    rows = [_pod(body, found.now) for body in found.pods]
    return render_table(("POD", "PHASE", "READY", "RESTARTS", "AGE", "NODE"), rows, width)


def _pod(body: Object, now: datetime) -> Row:
    metadata, status = section(body, "metadata"), section(body, "status")
    containers = _servers(body)
    ready = sum(1 for container in containers if container.get("ready") is True)
    return (
        text(metadata, "name"),
        "Terminating" if metadata.get("deletionTimestamp") else text(status, "phase"),
        f"{ready}/{len(containers)}",
        _restarts(containers),
        format_since(text(metadata, "creationTimestamp"), now),
        text(section(body, "spec"), "nodeName") or "-",
    )


def _servers(body: Object) -> list[Mapping[str, Json]]:
    """The status of the containers that run as long as the pod does: no init containers but sidecars."""
    spec, status = section(body, "spec"), section(body, "status")
    sidecars = {text(each, "name") for each in entries(spec, "initContainers") if each.get("restartPolicy") == "Always"}
    inits = [each for each in entries(status, "initContainerStatuses") if text(each, "name") in sidecars]
    return [*inits, *entries(status, "containerStatuses")]


def _restarts(containers: Sequence[Mapping[str, Json]]) -> str:
    """How many, and of which containers."""
    counts = {text(each, "name"): number(each, "restartCount") for each in containers}
    restarted = {name: count for name, count in counts.items() if count}
    which = ", ".join(f"{name} {count}" for name, count in restarted.items())
    return f"{sum(restarted.values())} ({which})" if restarted else "0"


def _probes(found: Findings, width: int) -> str:
    rows = [row for body in found.pods for row in _verdicts(found, body)]
    header = ("POD", "PROBE", "STATUS", "SINCE", "REASON", "MESSAGE")
    return render_table(header, rows, width) if rows else ""


def _verdicts(found: Findings, body: Object) -> Iterator[Row]:
    """What the pod's probe found, as far as the operator believes it."""
    pod, seen = pod_of(body), Seen(stack=stack_state_of(found.stack))
    name = pod.name
    for check in (check for check in found.checks if pod.component in check.asked_in):
        verdict = reports.verdict(seen, pod, check)
        since = format_since(verdict.since, found.now) if verdict.since else "-"
        yield name, check.name, verdict.status, since, verdict.reason, verdict.message
        name = ""


def _links(found: Findings, width: int) -> str:
    topology = _topology(found.stack)
    return render_links(topology, found.private, width) if topology and found.pods else ""


def _queue(found: Findings, width: int) -> str:
    if found.messages:
        return render_queue_summary(found.messages, found.now, width)
    return "Queue: empty\n" if _is_complete(found) else ""


def _refusals(found: Findings, width: int) -> str:
    if found.refusals:
        return render_refusals(found.refusals[-REFUSALS:], found.now, width)
    return "Refusals in the last hour: none\n" if _is_complete(found) else ""


def _is_complete(found: Findings) -> bool:
    """Whether every Postfix told what it knows, so that nothing means none."""
    return bool(found.pods) and not found.problems

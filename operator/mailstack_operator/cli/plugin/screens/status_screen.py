"""The status of a MailStack on one screen. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailstack_operator.api.conditions import CHECKS, Check, Condition
from mailstack_operator.cli.plugin.parsing.mail_queue import Message
from mailstack_operator.cli.plugin.parsing.refusals import Refusal
from mailstack_operator.cli.plugin.screens.link_screen import render_links
from mailstack_operator.cli.plugin.screens.log_screen import render_refusals
from mailstack_operator.cli.plugin.screens.pod_screen import render_pods, render_verdicts
from mailstack_operator.cli.plugin.screens.queue_screen import render_queue_summary
from mailstack_operator.cli.plugin.screens.table import render_table
from mailstack_operator.cli.plugin.screens.units import format_since
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.stack_state import StackState
from mailstack_operator.stack.topology import Topology, decide

# The number of last refusals that are shown.
REFUSALS = 5
_NO_CONDITIONS = (
    "no conditions: the operator has not observed this MailStack; is it running, and does it watch this namespace?\n"
)


@dataclass(frozen=True)
class Findings:
    """The MailStack and its pods from the API server, what was read in Postfix, and what could not be read.

    `private` is mode and owner of the files in Postfix's private/ by name, None if that could not be read.
    """

    stack: StackState
    pods: Sequence[Object]
    messages: Sequence[Message]
    private: Mapping[str, str] | None
    refusals: Sequence[Refusal]
    problems: Sequence[str]
    now: datetime
    checks: Sequence[Check] = CHECKS

    @property
    def is_complete(self) -> bool:
        """Whether every Postfix was read, so that nothing found means that there is nothing."""
        return bool(self.pods) and not self.problems


def render_status(found: Findings, width: int) -> str:
    """The whole screen, in parts with an empty line between them."""
    topology = decide(found.stack.stack) if found.stack.stack else None
    parts = (
        _heading(found.stack, topology),
        _conditions(found.stack.status.conditions, found.now, width),
        render_pods(found.pods, found.now, width),
        render_verdicts(found.stack, found.pods, found.checks, found.now, width),
        render_links(topology, found.private, width) if topology and found.pods else "",
        _queue(found, width),
        _refusals(found, width),
        "".join(f"error: {problem}\n" for problem in found.problems),
    )
    return "\n".join(filter(None, parts))


def _heading(stack: StackState, topology: Topology | None) -> str:
    lines = [
        f"MailStack  {stack.ref.namespace}/{stack.ref.name}",
        f"Endpoint   {stack.status.endpoint or '-'}",
        *(f"Exposed    {name}: {', '.join(found)}" for name, found in stack.status.addresses.items()),
        f"LMTP       {f'lmtp:{topology.lmtp.endpoint}' if topology else '- (the spec is invalid)'}",
    ]
    if 0 < stack.status.observed_generation < stack.generation:
        lines.append("The operator has not observed the latest spec yet: the conditions describe the previous one")
    return "".join(f"{line}\n" for line in lines)


def _conditions(conditions: Sequence[Condition], now: datetime, width: int) -> str:
    if not conditions:
        return _NO_CONDITIONS
    messages = [condition.message for condition in conditions]
    rows = [
        (
            condition.type,
            condition.status,
            format_since(condition.since, now),
            condition.reason,
            # Ready has the message of the condition that it lacks.
            "as above" if condition.message in messages[:place] else condition.message,
        )
        for place, condition in enumerate(conditions)
    ]
    return render_table(("CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"), rows, width)


def _queue(found: Findings, width: int) -> str:
    if found.messages:
        return render_queue_summary(found.messages, found.now, width)
    return "Queue: empty\n" if found.is_complete else ""


def _refusals(found: Findings, width: int) -> str:
    if found.refusals:
        return render_refusals(found.refusals[-REFUSALS:], found.now, width)
    return "Refusals in the last hour: none\n" if found.is_complete else ""

"""The condition Warnings: what works now and what an administrator should look at all the same. Pure."""

from collections.abc import Sequence

from mailstack_operator.api.conditions import TRUE, Condition, ConditionType, WarningReason
from mailstack_operator.loop import reports
from mailstack_operator.loop.references import References
from mailstack_operator.loop.store import Seen
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.topology import decide
from mailstack_operator.stack.warnings import of_spec
from mailstack_probe.contract import StackWarning


def collect(seen: Seen, stack: MailStack | None, references: References | None = None) -> tuple[StackWarning, ...]:
    """All warnings, each once: of the spec, of what it refers to, and of the pods' probes.

    `stack` is None where the spec is invalid, `references` where they were not read.
    """
    found = (
        *(of_spec(decide(stack)) if stack else ()),
        *(references.warnings() if references else ()),
        *reports.warnings(seen),
    )
    return tuple(dict.fromkeys(found))


def warnings_condition(warnings: Sequence[StackWarning]) -> Condition:
    """The condition of one warning or more; the message lists them all."""
    reasons = dict.fromkeys(warning.reason for warning in warnings)
    if len(reasons) == 1:
        return _condition(warnings[0].reason, [warning.message for warning in warnings])
    return _condition(WarningReason.SEVERAL, [f"{warning.reason}: {warning.message}" for warning in warnings])


def _condition(reason: str, messages: Sequence[str]) -> Condition:
    return Condition(ConditionType.WARNINGS, TRUE, reason, "; ".join(messages))

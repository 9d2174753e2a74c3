"""Events of a MailStack: one for each condition whose status or reason changed, and for each new warning. Pure.

Of a new MailStack there is one of Ready, and one of each condition that is False: that much is expected to be unknown.
"""

from collections.abc import Iterator
from uuid import uuid4

from mailstack_operator.api.conditions import FALSE, Condition, ConditionType
from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import EVENT
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.stack_state import StackState, Status

# They repeat what Ready says.
_REPEATED = (ConditionType.RECONCILING, ConditionType.STALLED)
_LONGEST_NOTE = 1000


def events_of(stack: StackState, after: Status, now: str) -> Iterator[Object]:
    """The Events of a status `after` that of `stack`; `now` is RFC 3339, to the second."""
    progressing = after.condition(ConditionType.RECONCILING) is not None
    for condition in after.conditions:
        before = stack.status.condition(condition.type)
        if condition.type not in _REPEATED and _is_news(condition, before):
            expected = condition.type == ConditionType.READY and progressing
            bad = condition.type == ConditionType.WARNINGS or (condition.status == FALSE and not expected)
            yield _event(stack, condition, now, "Warning" if bad else "Normal")


def _is_news(condition: Condition, before: Condition | None) -> bool:
    if before is None:
        # Of a new MailStack everything is unknown and nothing is wrong: one Event says that.
        return condition.type in (ConditionType.READY, ConditionType.WARNINGS) or condition.status == FALSE
    if (condition.status, condition.reason) != (before.status, before.reason):
        return True
    # One more warning may leave status and reason as they are.
    return condition.type == ConditionType.WARNINGS and condition.message != before.message


def _event(stack: StackState, condition: Condition, now: str, severity: str) -> Object:
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": f"{stack.ref.name}.{uuid4().hex[:16]}", "namespace": stack.ref.namespace},
        "eventTime": now.replace("Z", ".000000Z"),
        "reportingController": f"{names.GROUP}/operator",
        "reportingInstance": names.FIELD_MANAGER,
        "action": "Reconcile",
        "type": severity,
        "reason": condition.reason,
        "regarding": _reference(stack.ref, stack.uid),
        "note": f"{condition.type} is {condition.status}: {condition.message}"[:_LONGEST_NOTE],
    }


def _reference(ref: Ref, uid: str) -> Object:
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "name": ref.name,
        "namespace": ref.namespace,
        "uid": uid,
    }

"""Events of a MailStack: one for each condition whose status or reason changed. Pure."""

from collections.abc import Iterator, Mapping
from uuid import uuid4

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object, entries, section, text

# The others, Reconciling and Stalled, say again what Ready says.
_TOLD = frozenset(("Ready", "LMTPReachable", "VerificationReady", "ConfigValid"))
_LONGEST_NOTE = 1000


def of(body: Object, before: Mapping[str, Json], after: Mapping[str, Json], now: str) -> Iterator[Object]:
    """The Events of a status `after` one `before`; `now` is RFC 3339, to the second."""
    old = {text(each, "type"): each for each in entries(before, "conditions")}
    new = {text(each, "type"): each for each in entries(after, "conditions")}
    for kind in (kind for kind in new if kind in _TOLD):
        was, condition = old.get(kind, {}), new[kind]
        if any(text(condition, name) != text(was, name) for name in ("status", "reason")):
            under_way = kind == "Ready" and "Reconciling" in new
            bad = text(condition, "status") == "False" and not under_way
            yield _event(body, condition, now, "Warning" if bad else "Normal")


def _event(body: Object, condition: Mapping[str, Json], now: str, severity: str) -> Object:
    metadata = section(body, "metadata")
    kind, status = text(condition, "type"), text(condition, "status")
    regarding: Object = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": text(metadata, "name"),
        "namespace": text(metadata, "namespace"),
        "uid": text(metadata, "uid"),
    }
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{text(metadata, 'name')}.{uuid4().hex[:16]}", "namespace": text(metadata, "namespace")},
        "eventTime": now.replace("Z", ".000000Z"),
        "reportingController": f"{names.GROUP}/operator",
        "reportingInstance": names.FIELD_MANAGER,
        "action": "Reconcile",
        "type": severity,
        "reason": text(condition, "reason"),
        "regarding": regarding,
        "note": f"{kind} is {status}: {text(condition, 'message')}"[:_LONGEST_NOTE],
    }

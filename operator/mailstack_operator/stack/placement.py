"""Where the pods run: the fields of a pod that `spec.placement` gives."""

from collections.abc import Mapping

from mailstack_operator.api.affinity import as_written
from mailstack_operator.api.placement import Placement, SpreadConstraint, Toleration
from mailstack_operator.kube.objects import Json, Object


def of_pod(wanted: Placement, labels: Mapping[str, Json]) -> Object:
    """`labels` are those by which the pods of the server are known."""
    spread: list[Json] = [_spread(each, labels) for each in wanted.topology_spread_constraints]
    affinity: Object = {"affinity": as_written(wanted.affinity)} if wanted.affinity else {}
    return {**_common(wanted), **affinity, **({"topologySpreadConstraints": spread} if spread else {})}


def of_rehearsal(wanted: Placement) -> Object:
    """What the nodes are, and not which pods are there: the pod that is to be replaced may have the only place."""
    nodes = wanted.affinity.node_affinity if wanted.affinity else None
    affinity: Object = {"affinity": {"nodeAffinity": as_written(nodes)}} if nodes else {}
    return {**_common(wanted), **affinity}


def _common(wanted: Placement) -> Object:
    """Nothing of what is not set: an object of an earlier version has the pods that it had."""
    found: Object = {}
    if wanted.node_selector:
        found["nodeSelector"] = {**wanted.node_selector}
    if wanted.tolerations:
        found["tolerations"] = [_toleration(each) for each in wanted.tolerations]
    if wanted.priority_class_name:
        found["priorityClassName"] = wanted.priority_class_name
    return found


def _toleration(wanted: Toleration) -> Object:
    return wanted.model_dump(by_alias=True, exclude_none=True)


def _spread(wanted: SpreadConstraint, labels: Mapping[str, Json]) -> Object:
    selector = as_written(wanted.label_selector) if wanted.label_selector else {"matchLabels": {**labels}}
    return {**wanted.model_dump(by_alias=True, exclude_none=True), "labelSelector": selector}

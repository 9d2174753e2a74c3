"""What a probe may do: write the status of its own MailStack, and nothing else."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object, section
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.topology import Topology

_RBAC = "rbac.authorization.k8s.io"


def service_account(topology: Topology) -> Object:
    head, annotations = _head(topology, "v1", "ServiceAccount"), topology.spec.service_account_annotations
    found: Object = {"annotations": {**annotations}} if annotations else {}
    return {**head, "metadata": {**section(head, "metadata"), **found}, "automountServiceAccountToken": False}


def role(topology: Topology) -> Object:
    stack = topology.stack.key.name
    rule: Object = {
        "apiGroups": [names.GROUP],
        "resources": [f"{names.PLURAL}/status"],
        "resourceNames": [stack],
        "verbs": ["patch"],
    }
    return {**_head(topology, f"{_RBAC}/v1", "Role"), "rules": [rule]}


def role_binding(topology: Topology) -> Object:
    name = names.probe(topology.stack.key.name)
    subject: Object = {"kind": "ServiceAccount", "name": name, "namespace": topology.stack.key.namespace}
    return {
        **_head(topology, f"{_RBAC}/v1", "RoleBinding"),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [subject],
    }


def _head(topology: Topology, api_version: str, kind: str) -> Object:
    name = names.probe(topology.stack.key.name)
    return {"apiVersion": api_version, "kind": kind, "metadata": object_meta.child(topology.stack, name)}

"""What a thief of the operator's token tries: requests that RBAC permits, each a harmless one with one change.

The harmless ones are the objects of a MailStack. `tests/chart/test_admission.py` judges them by the chart's policies,
`e2e/single/test_operator_token.py` sends them to the API server.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from mailstack_operator.kube.kinds import BY_NAME
from mailstack_operator.kube.names import labels
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse

STACK = "stolen"
ACCOUNT = "system:serviceaccount:mailstack-system:mailstack-operator"
PROBE = f"{STACK}-probe"
# The API server takes no pod of an account that is not there.
OTHERS_ACCOUNT = "others"
_UID = "11111111-2222-3333-4444-555555555555"
# An address of TEST-NET-1 (RFC 5737).
_ADDRESS = "192.0.2.1"


@dataclass(frozen=True)
class Attack:
    """`changes` are made to the object of this kind of a MailStack, by JSON pointer (RFC 6901); `-` appends to a list.

    `refusal` is part of the policy's message.
    """

    name: str
    kind: str
    changes: Mapping[str, Json]
    refusal: str
    namespace: str = "default"

    def manifest(self) -> Object:
        """The object that the thief wants."""
        return changed(harmless(self.namespace)[self.kind], self.changes)


def changed(manifest: Object, changes: Mapping[str, Json]) -> Object:
    """A copy with these changes; what is missing on the way is made."""
    result = deepcopy(manifest)
    for pointer, value in changes.items():
        _put(result, pointer, value)
    return result


def harmless(namespace: str = "default") -> dict[str, Object]:
    """An object of each kind, as the operator makes it for the MailStack STACK of the namespace."""
    plan = topology.decide(parse(_stack(namespace)))
    made = [
        *children.children(plan),
        children.rehearsal(plan, "0123456789abcdef"),
        _event(namespace),
        _lease(namespace),
    ]
    # Of several objects of a kind the first.
    return {str(one["kind"]): one for one in reversed(made)}


def path(manifest: Object) -> str:
    """The URL path of the object."""
    kind, metadata = BY_NAME[str(manifest["kind"])], manifest["metadata"]
    assert isinstance(metadata, dict)
    root = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
    return f"{root}/namespaces/{metadata['namespace']}/{kind.plural}/{metadata['name']}"


def _stack(namespace: str) -> Object:
    return {
        "apiVersion": "mailstack.dev/v1alpha1",
        "kind": "MailStack",
        "metadata": {"name": STACK, "namespace": namespace, "uid": _UID, "generation": 1, "resourceVersion": "1"},
        "spec": {
            "hostname": "mail.example.org",
            "domains": ["example.org"],
            "postmasterAddress": "postmaster@example.org",
            "users": {"passwdFile": {"secretName": "mail-users"}},
            "tls": {"secretName": "mail-tls"},
            "delivery": {"listener": {"type": "Inet"}},
            "postfix": {"replicas": 2},
            "networkPolicy": {},
        },
    }


def _event(namespace: str) -> Object:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{STACK}.0123456789abcdef", "namespace": namespace},
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "mailstack.dev/operator",
        "reportingInstance": "mailstack-operator",
        "action": "Reconcile",
        "type": "Normal",
        "reason": "Running",
        "regarding": {
            "apiVersion": "mailstack.dev/v1alpha1",
            "kind": "MailStack",
            "name": STACK,
            "namespace": namespace,
        },
    }


def _lease(namespace: str) -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "mailstack-operator", "namespace": namespace},
        "spec": {"holderIdentity": "thief", "leaseDurationSeconds": 15},
    }


def _put(target: Json, pointer: str, value: Json) -> None:
    *parents, last = [step.replace("~1", "/") for step in pointer.split("/")[1:]]
    for step in parents:
        target = target[int(step)] if isinstance(target, list) else _inner(target, step)
    if isinstance(target, list):
        target.append(deepcopy(value))
    elif isinstance(target, dict):
        target[last] = deepcopy(value)


def _inner(target: Json, step: str) -> Json:
    assert isinstance(target, dict)
    return target.setdefault(step, {})


_POD = "/spec/template/spec"
_MAIN = f"{_POD}/containers/0"


def _set(name: str, pointer: str, value: Json, refusal: str) -> Attack:
    """A change of the StatefulSet."""
    return Attack(name, "StatefulSet", {pointer: value}, refusal)


def _volume(name: str, volume: Object, refusal: str) -> Attack:
    return _set(name, f"{_POD}/volumes/-", {"name": "stolen", **volume}, refusal)


_OWNERS = "/metadata/ownerReferences"
_LABELS: Json = {**labels("other-app")}
_TOKEN: Json = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
_CLOUD: Json = {"sources": [{"serviceAccountToken": {"path": "token", "audience": "sts.example.org"}}]}
_CLONED: Json = {"kind": "PersistentVolumeClaim", "name": "others"}
_READS_SECRETS: Json = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
_GROUP = "rbac.authorization.k8s.io"
_OPERATORS_ROLE: Json = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": "mailstack-operator"}
_EVERYBODY: Json = [{"apiGroup": _GROUP, "kind": "Group", "name": "system:authenticated"}]
_SECURITY = f"{_MAIN}/securityContext"

ATTACKS = (
    # The node
    _volume("hostpath", {"hostPath": {"path": "/"}}, "only volumes of the types"),
    _volume("nfs", {"nfs": {"server": _ADDRESS, "path": "/"}}, "only volumes of the types"),
    _volume("csi", {"csi": {"driver": "secrets.example.org"}}, "only volumes of the types"),
    _set("host-network", f"{_POD}/hostNetwork", True, "no pod with hostNetwork"),
    _set("host-pid", f"{_POD}/hostPID", True, "no pod with hostPID"),
    _set("host-ipc", f"{_POD}/hostIPC", True, "no pod with hostIPC"),
    _set("host-port", f"{_MAIN}/ports", [{"containerPort": 25, "hostPort": 25}], "no ports and no devices"),
    _set("node", f"{_POD}/nodeName", "control-plane", "leaves the node to the scheduler"),
    _set("priority", f"{_POD}/priorityClassName", "system-node-critical", "no pod of a system priority"),
    _set("device", f"{_POD}/resourceClaims", [{"name": "gpu", "resourceClaimName": "others"}], "claim no devices"),
    _set("privileged", _SECURITY, {"privileged": True}, "are not privileged"),
    _set("escalation", f"{_SECURITY}/allowPrivilegeEscalation", True, "are not privileged"),
    _set("capability", f"{_SECURITY}/capabilities/add", ["SYS_ADMIN"], "drop all capabilities"),
    _set("default-capabilities", f"{_SECURITY}/capabilities", {}, "drop all capabilities"),
    _set("init-capability", f"{_POD}/initContainers/0/securityContext/capabilities/add", ["NET_RAW"], "drop all cap"),
    _set("seccomp", f"{_POD}/securityContext/seccompProfile", {"type": "Unconfined"}, "seccomp profile RuntimeDefault"),
    _set("container-seccomp", f"{_SECURITY}/seccompProfile", {"type": "Unconfined"}, "keep the runtime's defaults"),
    _set("selinux", f"{_SECURITY}/seLinuxOptions", {"type": "spc_t"}, "keep the runtime's defaults"),
    _set("apparmor", f"{_SECURITY}/appArmorProfile", {"type": "Unconfined"}, "keep the runtime's defaults"),
    _set("sysctl", f"{_POD}/securityContext/sysctls", [{"name": "kernel.msgmax", "value": "1"}], "no sysctls"),
    _set("probed-host", f"{_MAIN}/livenessProbe", {"tcpSocket": {"host": _ADDRESS, "port": 80}}, "probed at their own"),
    # Identities
    _set("account", f"{_POD}/serviceAccountName", "mailstack-operator", "run as the probe's account"),
    _set("mounted-token", f"{_POD}/automountServiceAccountToken", True, "do not mount the token"),
    _volume("token-of-a-cloud", {"projected": _CLOUD}, "the token of the probe's own account"),
    Attack("pod-account", "Pod", {"/spec/serviceAccountName": OTHERS_ACCOUNT}, "run as the default account"),
    Attack(
        "pod-token", "Pod", {"/spec/volumes/-": {"name": "stolen", "projected": _TOKEN}}, "the token of the probe's own"
    ),
    Attack("account-name", "ServiceAccount", {"/metadata/name": f"{STACK}-admin"}, "only the probe's account"),
    Attack(
        "account-of-a-cloud",
        "ServiceAccount",
        {"/metadata/annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin"}},
        "no foreign annotations",
    ),
    Attack("account-token", "ServiceAccount", {"/automountServiceAccountToken": True}, "no token of their own"),
    Attack("role", "Role", {"/rules": _READS_SECRETS}, "patch the status of its own MailStack"),
    Attack("role-of-all", "Role", {"/rules/0/resourceNames": []}, "patch the status of its own MailStack"),
    Attack("bound-role", "RoleBinding", {"/roleRef": _OPERATORS_ROLE}, "binds the probe's role"),
    Attack("bound-to", "RoleBinding", {"/subjects": _EVERYBODY}, "binds the probe's role"),
    Attack("bound-elsewhere", "RoleBinding", {"/subjects/0/namespace": "kube-public"}, "binds the probe's role"),
    # Others' data
    _volume("claim", {"persistentVolumeClaim": {"claimName": "others"}}, "only the claims of their own"),
    Attack("bound-volume", "PersistentVolumeClaim", {"/spec/volumeName": "others"}, "bound by the cluster"),
    Attack("cloned-claim", "PersistentVolumeClaim", {"/spec/dataSource": _CLONED}, "bound by the cluster"),
    Attack("claim-name", "PersistentVolumeClaim", {"/metadata/name": "others"}, "only the claims of a MailStack"),
    _set("cloned-queue", "/spec/volumeClaimTemplates/0/spec/volumeName", "others", "bound by the cluster"),
    _set(
        "deleted-queue",
        "/spec/persistentVolumeClaimRetentionPolicy",
        {"whenScaled": "Delete", "whenDeleted": "Delete"},
        "keep their claims",
    ),
    # Others' traffic
    Attack("node-port", "Service", {"/spec/type": "NodePort"}, "of type ClusterIP"),
    Attack("exposed", "Service", {"/metadata/name": f"{STACK}-web", "/spec/type": "LoadBalancer"}, "of type ClusterIP"),
    Attack(
        "external-name",
        "Service",
        {"/metadata/name": f"{STACK}-smtp", "/spec/type": "ExternalName", "/spec/externalName": "example.org"},
        "of type ClusterIP",
    ),
    Attack(
        "annotation", "Service", {"/metadata/annotations": {"example.net/pool": "others"}}, "no foreign annotations"
    ),
    Attack("external-address", "Service", {"/spec/externalIPs": [_ADDRESS]}, "no addresses of others"),
    Attack("selector", "Service", {"/spec/selector": {"app": "others"}}, "select the pods of their"),
    Attack(
        "pods-of-others",
        "StatefulSet",
        {
            "/spec/selector/matchLabels/app.kubernetes.io~1instance": "others",
            "/spec/template/metadata/labels/app.kubernetes.io~1instance": "others",
        },
        "have the labels of their MailStack",
    ),
    _set("pod-label", "/spec/template/metadata/labels/app", "others", "no foreign labels of pods"),
    _set(
        "network",
        "/spec/template/metadata/annotations/k8s.v1.cni.cncf.io~1networks",
        "host-device",
        "no foreign annotations of pods",
    ),
    Attack("budget", "PodDisruptionBudget", {"/spec/selector/matchLabels": _LABELS}, "are of the pods of their"),
    Attack("no-drain", "PodDisruptionBudget", {"/spec/maxUnavailable": 0}, "let a node be drained"),
    Attack("isolation", "NetworkPolicy", {"/spec/podSelector": {}}, "are of the pods of their MailStack"),
    Attack("isolated", "NetworkPolicy", {"/spec/podSelector/matchLabels": _LABELS}, "are of the pods of their"),
    # Others' objects and places
    Attack("no-owner", "ConfigMap", {_OWNERS: []}, "owned by one MailStack"),
    Attack("other-owner", "ConfigMap", {f"{_OWNERS}/0/kind": "Deployment"}, "owned by one MailStack"),
    Attack("no-labels", "ConfigMap", {"/metadata/labels": {}}, "have the labels"),
    Attack("other-name", "ConfigMap", {"/metadata/name": "others"}, "have the name of their MailStack"),
    Attack("other-instance", "ConfigMap", {"/metadata/labels": _LABELS}, "is the name of their MailStack"),
    Attack("label", "Service", {"/metadata/labels/app": "others"}, "no foreign labels"),
    Attack("finalizer", "ConfigMap", {"/metadata/finalizers": ["example.org/stuck"]}, "sets no finalizers"),
    Attack("system-namespace", "StatefulSet", {}, "namespaces of Kubernetes itself", "kube-system"),
    Attack("event", "Event", {"/regarding/kind": "Node"}, "events are about MailStacks"),
    Attack("lease", "Lease", {"/metadata/name": "others"}, "has one Lease", "mailstack-system"),
)

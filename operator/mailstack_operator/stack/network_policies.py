"""NetworkPolicies of the mail pods: `spec.networkPolicy`, and those without which no port takes the PROXY protocol.

One for each StatefulSet, under its name. Ports are numbers: whether a plugin knows the named ports of native sidecars
differs.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from mailstack_operator.api.network_policy import Egress, NetworkPolicy
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.networks import canonical
from mailstack_operator.stack.pods import Pod
from mailstack_operator.stack.ports import Port
from mailstack_operator.stack.topology import Topology
from mailstack_probe.contract import PROBE_PORT, SMTP_PORT

_NAMESPACE = "kubernetes.io/metadata.name"
# The second is that of OpenShift's DNS pods, behind a Service on the first.
_DNS = (53, 5353)
# Before and after the Service `kubernetes` was translated to an address: plugins differ in what they see.
_API_SERVER = (443, 6443)
_RELAY_PORT = 25
_PORTS = range(1, 65536)


def policies(topology: Topology, pods: Sequence[Pod]) -> list[Object]:
    """None where the spec wants none, and no pod has a port that must not be open to everybody."""
    wanted, guarded = topology.spec.network_policy, [pod for pod in pods if _proxied(topology, pod)]
    found = [_policy(topology, pod, wanted) for pod in pods] if wanted else [_guard(topology, pod) for pod in guarded]
    return [*found, *([_closed_rehearsal(topology)] if guarded else [])]


def _guard(topology: Topology, pod: Pod) -> Object:
    """Leaves every port open but those of the PROXY protocol."""
    guarded = sorted(port.container for ports, _ in _proxied(topology, pod) for port in ports)
    everything: list[Json] = [*_ranges_beside(guarded), {"protocol": "UDP"}, {"protocol": "SCTP"}]
    ingress: list[Json] = [{"ports": everything}, *_from_balancers(topology, pod)]
    spec: Object = {"podSelector": _selected(topology, pod.server.name), "policyTypes": ["Ingress"], "ingress": ingress}
    return {**_head(topology, names.stateful_set(topology.stack.key.name, pod.server.name)), "spec": spec}


def _ranges_beside(ports: Sequence[int]) -> Iterator[Object]:
    """All TCP ports but these, which are sorted."""
    for before, after in pairwise((_PORTS.start - 1, *ports, _PORTS.stop)):
        if after - before > 1:
            yield {"protocol": "TCP", "port": before + 1, "endPort": after - 1}


def _closed_rehearsal(topology: Topology) -> Object:
    """A rehearsal has the same ports, and only its own containers ask them."""
    stack = topology.stack.key.name
    labels: Object = {**names.labels(stack), names.LABEL_COMPONENT: "rehearsal"}
    del labels[names.LABEL_INSTANCE]
    spec: Object = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": []}
    return {**_head(topology, names.rehearsal(stack)), "spec": spec}


def _proxied(topology: Topology, pod: Pod) -> list[tuple[list[Port], tuple[str, ...]]]:
    """The pod's ports for the PROXY protocol, of each audience, and the networks of its load balancer."""
    ports = [port for component in pod.components for port in component.ports]
    smtp, others = ([port for port in ports if (port.name == "smtp") is is_smtp] for is_smtp in (True, False))
    found = [(topology.proxied(each), topology.trusted_networks(each[0])) for each in (smtp, others) if each]
    return [(each, trusted) for each, trusted in found if each]


def _from_balancers(topology: Topology, pod: Pod) -> Iterator[Object]:
    for ports, trusted in _proxied(topology, pod):
        yield from _from_networks(ports, trusted)


def _policy(topology: Topology, pod: Pod, wanted: NetworkPolicy) -> Object:
    server = pod.server.name
    ingress: list[Json] = [*_ingress(topology, pod, wanted)]
    egress: Object = {"egress": [*_egress(topology, server, wanted.egress)]} if wanted.egress else {}
    return {
        **_head(topology, names.stateful_set(topology.stack.key.name, server)),
        "spec": {
            "podSelector": _selected(topology, server),
            "policyTypes": ["Ingress", *(["Egress"] if wanted.egress else [])],
            "ingress": ingress,
            **egress,
        },
    }


def _selected(topology: Topology, server: str) -> Object:
    return {"matchLabels": {**names.pod_labels(topology.stack.key.name, server)}}


def _head(topology: Topology, name: str) -> Object:
    metadata = object_meta.child(topology.stack, name)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata}


def _ingress(topology: Topology, pod: Pod, wanted: NetworkPolicy) -> Iterator[Object]:
    ports = [port for component in pod.components for port in component.ports]
    yield from _from_networks([port for port in ports if port.name == "smtp"], wanted.smtp_networks)
    yield from _from_networks([port for port in ports if port.name != "smtp"], wanted.clients_networks)
    yield from _from_balancers(topology, pod)
    for other, between in _between(topology, pod.server.name):
        yield {"from": [_pods(topology, other)], "ports": _tcp(port.container for port in between)}
    yield {"from": [_namespaces(wanted.metrics_namespaces)], "ports": _tcp([PROBE_PORT])}


def _from_networks(ports: Iterable[Port], networks: Iterable[str]) -> Iterator[Object]:
    """Without networks everybody may connect, also pods."""
    numbers = [port.container for port in ports]
    allowed: list[Json] = [{"ipBlock": {"cidr": network}} for network in canonical(networks)]
    if numbers:
        yield {**({"from": allowed} if allowed else {}), "ports": _tcp(numbers)}


def _between(topology: Topology, server: str) -> Iterator[tuple[str, list[Port]]]:
    """The server that connects to this one, and the ports for that, where they have pods of their own."""
    outgoing = topology.outgoing.port if topology.outgoing else None
    if server == "dovecot":
        yield "postfix", topology.link_ports
    elif outgoing:
        yield "dovecot", [outgoing]


def _egress(topology: Topology, server: str, wanted: Egress) -> Iterator[Object]:
    yield {"ports": [{"protocol": protocol, "port": port} for port in _DNS for protocol in ("UDP", "TCP")]}
    found = (_mail(topology, server), _filters(topology, server), _source(topology, server))
    yield {"ports": _tcp(sorted({*_API_SERVER, *wanted.ports}.union(*found)))}
    other = "dovecot" if server == "postfix" else "postfix"
    if ports := [port.container for name, ports in _between(topology, other) if name == server for port in ports]:
        yield {"to": [_pods(topology, other)], "ports": _tcp(ports)}


def _mail(topology: Topology, server: str) -> set[int]:
    """Where Postfix sends: to other servers, bounces at least, or to the relay host."""
    relay = topology.spec.submission.relay_host if topology.spec.submission else None
    given = (relay or "").rpartition("]")[2].rpartition(":")[2]
    return {SMTP_PORT, int(given) if given.isdecimal() else _RELAY_PORT} if server == "postfix" else set()


def _filters(topology: Topology, server: str) -> set[int]:
    """Where Postfix asks its milters, and the filter beside it what it remembers."""
    spec = topology.spec
    redis = [spec.filter.greylist.redis.port] if spec.filter and spec.filter.greylist else []
    return {*redis, *(one.port for one in spec.milters if one.port)} if server == "postfix" else set()


def _source(topology: Topology, server: str) -> set[int]:
    """Where Dovecot asks for users, and about tokens."""
    is_here = server in ("dovecot", topology.lmtp.dovecot_beside)
    users = topology.spec.users
    tokens = [users.oauth2.port] if users.oauth2 else []
    return {*users.source.server_ports, *tokens} if is_here else set()


def _pods(topology: Topology, server: str) -> Object:
    return {"podSelector": _selected(topology, server)}


def _namespaces(wanted: list[str]) -> Object:
    if not wanted:
        return {"namespaceSelector": {}}
    values: list[Json] = [*wanted]
    return {"namespaceSelector": {"matchExpressions": [{"key": _NAMESPACE, "operator": "In", "values": values}]}}


def _tcp(ports: Iterable[int]) -> list[Json]:
    return [{"protocol": "TCP", "port": port} for port in ports]

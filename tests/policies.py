"""What NetworkPolicies let through, as Kubernetes defines it (Network Policies, "The two sorts of pod isolation")."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from mailstack_operator.kube.objects import Json, Object, entries, number, section, text


@dataclass(frozen=True)
class Peer:
    """A pod, by its labels and namespace, or an address elsewhere."""

    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""


def lets_in(policies: Iterable[Object], pod: Peer, peer: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether `peer` may connect to the port of the pod."""
    return _lets(policies, "Ingress", "from", pod, peer, (port, protocol))


def lets_out(policies: Iterable[Object], pod: Peer, peer: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether the pod may connect to the port of `peer`."""
    return _lets(policies, "Egress", "to", pod, peer, (port, protocol))


def _lets(policies: Iterable[Object], way: str, side: str, pod: Peer, peer: Peer, to: tuple[int, str]) -> bool:
    """Each policy that selects the pod adds to what is let through; without any, everything is."""
    specs = [section(policy, "spec") for policy in policies if concerns(policy, pod, way)]
    rules = [rule for spec in specs for rule in entries(spec, way.lower())]
    return not specs or any(has_peer(rule, side, pod, peer) and _has_port(rule, *to) for rule in rules)


def concerns(policy: Object, pod: Peer, way: str) -> bool:
    spec = section(policy, "spec")
    types = spec["policyTypes"]
    assert isinstance(types, list)
    return way in types and _selects(section(spec, "podSelector"), pod.labels)


def has_peer(rule: Mapping[str, Json], side: str, pod: Peer, peer: Peer) -> bool:
    return side not in rule or any(_is_peer(each, pod, peer) for each in entries(rule, side))


def _is_peer(wanted: Mapping[str, Json], pod: Peer, peer: Peer) -> bool:
    if block := section(wanted, "ipBlock"):
        network = ip_network(text(block, "cidr"))
        return bool(peer.address) and ip_address(peer.address) in network
    if peer.address:
        return False
    if "namespaceSelector" not in wanted and peer.namespace != pod.namespace:
        return False
    is_there = _selects(section(wanted, "namespaceSelector"), {"kubernetes.io/metadata.name": peer.namespace})
    return is_there and _selects(section(wanted, "podSelector"), peer.labels)


def _has_port(rule: Mapping[str, Json], port: int, protocol: str) -> bool:
    return "ports" not in rule or any(_is_port(each, port, protocol) for each in entries(rule, "ports"))


def _is_port(wanted: Mapping[str, Json], port: int, protocol: str) -> bool:
    first = number(wanted, "port")
    last = number(wanted, "endPort") or first
    return text(wanted, "protocol") == protocol and (not first or first <= port <= last)


def _selects(selector: Mapping[str, Json], labels: Mapping[str, str]) -> bool:
    """matchLabels, and matchExpressions of the operator In: nothing else is rendered."""
    for expression in entries(selector, "matchExpressions"):
        values = expression["values"]
        assert (expression["operator"], type(values)) == ("In", list)
        if labels.get(text(expression, "key")) not in (values if isinstance(values, list) else []):
            return False
    return section(selector, "matchLabels").items() <= labels.items()

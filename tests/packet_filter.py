"""NetworkPolicies as rules of nftables, for a node whose network does not enforce them.

A packet has to pass the policies of the pod that sends it and of the pod that gets it. What the node itself sends
passes, as with any plugin: the kubelet's probes come from there.

Source: nft(8); Kubernetes, Network Policies, "The two sorts of pod isolation".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from tests.policies import Peer, concerns, has_peer

PREFIX = "policies-"
# Of each way: the side of a rule, and what of a packet's addresses is the pod's and the peer's.
_WAYS = {"Ingress": ("from", "daddr", "saddr"), "Egress": ("to", "saddr", "daddr")}


def table(namespace: str) -> str:
    """The name of the table for a namespace."""
    return f"{PREFIX}{namespace}"


@dataclass(frozen=True)
class Pod:
    peer: Peer
    addresses: Sequence[str]


def render(policies: Sequence[Object], namespace: str, pods: Sequence[Pod]) -> str:
    """A table of its own, for `nft -f`: what the policies of the namespace do not let through is dropped, between any
    of the cluster's pods, the node and the world. Connections that are open stay so."""
    isolated = [
        (pod, way, found)
        for pod in pods
        if pod.peer.namespace == namespace
        for way in _WAYS
        if (found := [policy for policy in policies if concerns(policy, pod.peer, way)])
    ]
    chains = {f"pod-{place}": [*_passing(*each, pods), "drop"] for place, each in enumerate(isolated)}
    jumps = [
        f"{_match(_WAYS[way][1], address)}jump pod-{place}"
        for place, (pod, way, _) in enumerate(isolated)
        for address in pod.addresses
    ]
    chains["pods"] = ["ct state established,related return", *jumps]
    chains |= {hook: [f"type filter hook {hook} priority 0", "jump pods"] for hook in ("forward", "input")}
    return f"table inet {table(namespace)} {{\n{''.join(map(_chain, chains, chains.values()))}}}\n"


def _chain(name: str, rules: Iterable[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {rule}\n" for rule in rules) + "  }\n"


def _passing(pod: Pod, way: str, policies: Iterable[Object], pods: Iterable[Pod]) -> Iterator[str]:
    """A rule for each peer and port that one of the policies lets through."""
    side, _, peers = _WAYS[way]
    for rule in (rule for policy in policies for rule in entries(section(policy, "spec"), way.lower())):
        for peer in (_match(peers, each) for each in _peers(rule, side, pod, pods)) if side in rule else [""]:
            yield from (f"{peer}{port}return" for port in _ports(rule))


def _peers(rule: Mapping[str, Json], side: str, pod: Pod, pods: Iterable[Pod]) -> Iterator[str]:
    blocks = [section(each, "ipBlock") for each in entries(rule, side)]
    yield from (text(block, "cidr") for block in blocks if block)
    for each in pods:
        if has_peer(rule, side, pod.peer, each.peer):
            yield from each.addresses


def _match(direction: str, address: str) -> str:
    return f"{'ip6' if ':' in address else 'ip'} {direction} {address} "


def _ports(rule: Mapping[str, Json]) -> list[str]:
    return [_port(each) for each in entries(rule, "ports")] if "ports" in rule else [""]


def _port(wanted: Mapping[str, Json]) -> str:
    protocol, first = text(wanted, "protocol").lower(), number(wanted, "port")
    last = f"-{number(wanted, 'endPort')}" if "endPort" in wanted else ""
    return f"{protocol} dport {first}{last} " if first else f"meta l4proto {protocol} "

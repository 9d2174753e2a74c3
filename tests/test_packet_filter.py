"""NetworkPolicies as rules of nftables, which e2e/mailtest/policies.py has the cluster's node enforce."""

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import children, topology
from tests.packet_filter import Pod, render
from tests.policies import Peer
from tests.stacks import stack

POSTFIX = Pod(Peer(labels=names.pod_labels("mail", "postfix"), namespace="post"), ["10.0.0.1", "fd00::1"])
DOVECOT = Pod(Peer(labels=names.pod_labels("mail", "dovecot"), namespace="post"), ["10.0.0.2"])
# Its policies are those of another namespace.
FORGER = Pod(Peer(labels=names.pod_labels("mail", "postfix"), namespace="elsewhere"), ["10.0.0.3"])
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}


def chains(policy: Json, **changes: Json) -> dict[str, list[str]]:
    """The rules of each chain, by the packets that come there: the address's way and the address."""
    found = children.children(topology.decide(stack({**INET, **changes, "spec.networkPolicy": policy})))
    written = render([each for each in found if each["kind"] == "NetworkPolicy"], "post", [POSTFIX, DOVECOT, FORGER])
    bodies = {each.split()[0]: each.split("\n")[1:-2] for each in written.split("  chain ")[1:]}
    rules = {name: [rule.strip() for rule in body] for name, body in bodies.items()}
    jumps = [rule.split() for rule in rules["pods"] if " jump " in rule]
    return {f"{jump[1]} {jump[2]}": rules[jump[4]] for jump in jumps}


def test_only_what_a_policy_names_passes() -> None:
    found = chains({"clientsNetworks": ["192.0.2.0/24", "2001:db8::/64"], "metricsNamespaces": ["elsewhere"]})
    assert found["daddr 10.0.0.2"] == [
        "ip saddr 192.0.2.0/24 tcp dport 143 return",
        "ip6 saddr 2001:db8::/64 tcp dport 143 return",
        "ip saddr 10.0.0.1 tcp dport 24 return",
        "ip6 saddr fd00::1 tcp dport 24 return",
        "ip saddr 10.0.0.3 tcp dport 9100 return",
        "drop",
    ]


def test_each_address_of_a_pod_is_guarded_and_no_pod_of_another_namespace() -> None:
    found = chains({})
    assert [*found] == ["daddr 10.0.0.1", "daddr fd00::1", "daddr 10.0.0.2"]
    assert found["daddr 10.0.0.1"] == found["daddr fd00::1"]


def test_what_a_pod_sends_is_guarded_too() -> None:
    found = chains({"egress": {}})
    assert "ip daddr 10.0.0.2 tcp dport 24 return" in found["saddr 10.0.0.1"]
    assert "tcp dport 25 return" not in found["saddr 10.0.0.2"]
    assert found["saddr 10.0.0.2"][-1] == "drop"


def test_ranges_of_ports_and_whole_protocols_pass() -> None:
    smtp: Object = {"smtp": {"proxyProtocol": {"trustedNetworks": ["192.0.2.9/32"]}}}
    found = children.children(topology.decide(stack({"spec.expose": smtp})))
    written = render([each for each in found if each["kind"] == "NetworkPolicy"], "post", [POSTFIX])
    rules = [rule.strip() for rule in written.split("chain pod-0 {\n")[1].split("  }\n")[0].splitlines()]
    assert rules == [
        "tcp dport 1-2524 return",
        "tcp dport 2526-65535 return",
        "meta l4proto udp return",
        "meta l4proto sctp return",
        "ip saddr 192.0.2.9/32 tcp dport 2525 return",
        "drop",
    ]

"""Rules of `spec.expose`: what the API server would refuse of the Services."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mailstack_operator.api.expose import Exposure
from mailstack_operator.stack.exposure import AUDIENCES, CLIENTS, exposures
from mailstack_operator.stack.metadata_rules import own_keys
from mailstack_operator.stack.ports import PROXY_MAIL_PORTS
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users.source import Spec

# By audience: the names of the ports.
_PORTS: Final = {"smtp": ("smtp",), "clients": ("submission", "submissions", "imap", "imaps", "sieve")}


def _given(path: str, audience: str) -> list[str]:
    """CEL: for each node port that may be given, whether it is."""
    return [f"has({path}.nodePorts.{name})" for name in _PORTS[audience]]


def _rule(audience: str, expression: str, message: str, holds: Callable[[Exposure], bool]) -> Rule:
    def of_spec(spec: Spec) -> bool:
        wanted = exposures(spec).get(audience)
        return wanted is None or holds(wanted)

    return rule(f"spec.expose.{audience}", expression, message, of_spec)


def _of(audience: str) -> Iterator[Rule]:
    yield _rule(
        audience,
        "!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'",
        "externalTrafficPolicy requires type NodePort or LoadBalancer: set type, or remove externalTrafficPolicy",
        lambda wanted: wanted.external_traffic_policy is None or wanted.type != "ClusterIP",
    )
    yield _rule(
        audience,
        "!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",
        "loadBalancerClass requires type LoadBalancer: set type, or remove loadBalancerClass",
        lambda wanted: wanted.load_balancer_class is None or wanted.type == "LoadBalancer",
    )
    yield _rule(
        audience,
        "self.loadBalancerSourceRanges.size() == 0 || self.type == 'LoadBalancer'",
        "loadBalancerSourceRanges requires type LoadBalancer: set type, or remove loadBalancerSourceRanges",
        lambda wanted: not wanted.load_balancer_source_ranges or wanted.type == "LoadBalancer",
    )
    yield _rule(
        audience,
        f"self.type != 'ClusterIP' || !({' || '.join(_given('self', audience))})",
        "nodePorts requires type NodePort or LoadBalancer: set type, or remove nodePorts",
        lambda wanted: wanted.type != "ClusterIP" or not wanted.given_node_ports,
    )
    yield from own_keys(f"spec.expose.{audience}.annotations", lambda spec: _annotations(spec, audience))


def _annotations(spec: Spec, audience: str) -> Iterable[str]:
    wanted = exposures(spec).get(audience)
    return wanted.annotations if wanted else ()


def _node_ports(spec: Spec) -> list[int]:
    return [number for wanted in exposures(spec).values() for number in wanted.given_node_ports.values()]


def _node_port_lists() -> Iterator[str]:
    """CEL: lists of at most one number, of `spec.expose`."""
    for audience, port in ((each, port) for each, ports in _PORTS.items() for port in ports):
        place = f"self.{audience}.nodePorts.{port}"
        yield f"(has(self.{audience}) && has({place}) ? [{place}] : [])"


def _not_served(port: str, missing: str, is_served: Callable[[Spec], bool]) -> Rule:
    """`missing` is the field of the spec without which the port is not served."""

    def holds(spec: Spec) -> bool:
        wanted = exposures(spec).get(CLIENTS)
        return wanted is None or port not in wanted.given_node_ports or is_served(spec)

    return rule(
        "spec",
        f"!has(self.expose.clients) || !has(self.expose.clients.nodePorts.{port}) || has(self.{missing})",
        f"expose.clients.nodePorts.{port} requires {missing}, without which the port is not served: remove it, or set "
        f"{missing}",
        holds,
    )


def _lmtp_has_a_port_of_its_own(spec: Spec) -> bool:
    clients, listener = spec.expose.clients, spec.delivery.listener
    has_proxy = clients is not None and clients.proxy_protocol is not None
    return not has_proxy or listener.type != "Inet" or listener.inet.port not in PROXY_MAIL_PORTS


RULES: Final = (
    *(each for audience in AUDIENCES for each in _of(audience)),
    rule(
        "spec.expose",
        f"[{' + '.join(_node_port_lists())}].all(ports, ports.all(one, ports.filter(other, other == one).size() == 1))",
        "a port of the nodes is given twice: each of nodePorts must be another",
        lambda spec: all(count == 1 for count in Counter(_node_ports(spec)).values()),
    ),
    rule(
        "spec",
        "!has(self.expose.clients) || !has(self.expose.clients.proxyProtocol) || "
        "self.delivery.listener.type != 'Inet' || "
        f"!(self.delivery.listener.inet.port in {[*PROXY_MAIL_PORTS]})",
        "delivery.listener.inet.port is one of those of expose.clients.proxyProtocol: choose another, such as 24",
        _lmtp_has_a_port_of_its_own,
    ),
    _not_served("submission", "submission", lambda spec: spec.submission is not None),
    _not_served("submissions", "submission", lambda spec: spec.submission is not None),
    _not_served("imaps", "tls", lambda spec: spec.tls is not None),
    _not_served("sieve", "plugins.sieve", lambda spec: spec.plugins.sieve is not None),
)

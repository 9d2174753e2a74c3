"""The Services NAME-smtp and NAME-clients, which lead from outside of the cluster to the mail pods: `spec.expose`."""

from collections.abc import Iterable, Iterator
from typing import Final

from mailstack_operator.api.conditions import WarningReason
from mailstack_operator.api.expose import Exposure
from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import link, object_meta
from mailstack_operator.stack.networks import canonical
from mailstack_operator.stack.ports import Port, proxied
from mailstack_operator.stack.topology import Topology
from mailstack_operator.stack.users.source import Spec
from mailstack_probe.contract import StackWarning

SMTP, CLIENTS = "smtp", "clients"
AUDIENCES: Final = (SMTP, CLIENTS)
_CLUSTER_IP, _LOAD_BALANCER = "ClusterIP", "LoadBalancer"


def exposures(spec: Spec) -> dict[str, Exposure]:
    """What the spec wants, by audience."""
    found = {SMTP: spec.expose.smtp, CLIENTS: spec.expose.clients}
    return {audience: wanted for audience, wanted in found.items() if wanted}


def service_names(stack: str) -> list[str]:
    """The names of all Services that the MailStack may have for this."""
    return [names.exposed(stack, audience) for audience in AUDIENCES]


def awaits_address(wanted: Exposure) -> bool:
    """Whether a controller of the cluster gives the Service an address."""
    return wanted.type == _LOAD_BALANCER


def services(topology: Topology, ports: Iterable[Port]) -> list[Object]:
    """`ports` are those that the servers have for people and for other mail servers."""
    all_ports = list(ports)
    return [_service(topology, audience, wanted, all_ports) for audience, wanted in exposures(topology.spec).items()]


def _service(topology: Topology, audience: str, wanted: Exposure, ports: Iterable[Port]) -> Object:
    stack = topology.stack
    metadata = object_meta.child(stack, names.exposed(stack.key.name, audience))
    annotations: Object = {**wanted.annotations}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
        "spec": {
            "type": wanted.type,
            "selector": _selector(stack.key.name, audience),
            "publishNotReadyAddresses": topology.lmtp.serves_while_not_ready,
            "ipFamilyPolicy": wanted.ip_family_policy,
            "sessionAffinity": wanted.session_affinity,
            **_from_outside(topology, audience, wanted),
            "ports": _ports(audience, wanted, ports),
        },
    }


def _selector(stack: str, audience: str) -> Object:
    """Mail programs may have two servers in different pods."""
    return {**(names.pod_labels(stack, "postfix") if audience == SMTP else names.labels(stack))}


def _from_outside(topology: Topology, audience: str, wanted: Exposure) -> Object:
    """What the API server takes of these types alone."""
    if wanted.type == _CLUSTER_IP:
        return {}
    found: Object = {
        "externalTrafficPolicy": wanted.external_traffic_policy or _traffic_policy(topology.spec, audience)
    }
    if wanted.load_balancer_class:
        found["loadBalancerClass"] = wanted.load_balancer_class
    if wanted.load_balancer_source_ranges:
        found["loadBalancerSourceRanges"] = [*canonical(wanted.load_balancer_source_ranges)]
    return found


def _traffic_policy(spec: Spec, audience: str) -> str:
    return "Cluster" if audience == CLIENTS and _leads_to_two_pods(spec) else "Local"


def shows_addresses(spec: Spec, audience: str) -> bool:
    """Whether the servers see the addresses of the clients that come this way."""
    wanted = exposures(spec).get(audience)
    if wanted is None or wanted.proxy_protocol:
        return wanted is not None
    policy = wanted.external_traffic_policy or _traffic_policy(spec, audience)
    return wanted.type != _CLUSTER_IP and policy == "Local"


def _leads_to_two_pods(spec: Spec) -> bool:
    """Whether mail programs send by a pod other than the one that they read in. The Service's health check of a node
    counts either, so that with Local a node with one of them would get connections for both, and drop half of them."""
    return spec.submission is not None and not link.are_in_one_pod(spec)


def _ports(audience: str, wanted: Exposure, ports: Iterable[Port]) -> list[Json]:
    given = wanted.given_node_ports
    mine = (port for port in ports if (port.name == "smtp") == (audience == SMTP))
    return [
        {
            "name": port.name,
            "port": port.service,
            "protocol": "TCP",
            "targetPort": proxied(port).name if wanted.proxy_protocol else port.name,
            **({"nodePort": given[port.name]} if port.name in given else {}),
        }
        for port in mine
    ]


def warnings(topology: Topology) -> Iterator[StackWarning]:
    """Local where a node may have one of two pods."""
    wanted = topology.spec.expose.clients
    if wanted and wanted.external_traffic_policy == "Local" and _leads_to_two_pods(topology.spec):
        message = (
            "spec.expose.clients.externalTrafficPolicy Local: Postfix and Dovecot have separate pods, and a node that "
            "runs one of them drops connections to the other: keep them on one node (spec.placement), or "
            "set Cluster"
        )
        yield StackWarning(WarningReason.LOCAL_TRAFFIC_SPLIT, message)

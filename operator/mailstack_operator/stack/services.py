"""The Services: one that receives mail and serves mailboxes, and with type Inet one that joins the servers."""

from collections.abc import Iterable

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.component import Component
from mailstack_operator.stack.ports import Port
from mailstack_operator.stack.topology import Topology


def mail(topology: Topology, servers: Iterable[Component]) -> Object:
    """For other mail servers and for people. Each port goes to the pods that have a container port of its name."""
    key = topology.stack.key
    return {
        **_service(topology, key.name),
        "spec": {
            "selector": {**names.labels(key.name)},
            "publishNotReadyAddresses": topology.lmtp.serves_while_not_ready,
            "ports": _ports(port for server in servers for port in server.ports),
        },
    }


def links(topology: Topology) -> list[Object]:
    """For Postfix alone, if it reaches Dovecot over TCP. The Service has an address of its own, so that its name
    resolves while Dovecot is away."""
    name, ports = topology.stack.key.name, topology.link_ports
    if not ports:
        return []
    selector: Object = {**names.pod_labels(name, "dovecot")}
    return [{**_service(topology, names.dovecot(name)), "spec": {"selector": selector, "ports": _ports(ports)}}]


def outgoing(topology: Topology) -> list[Object]:
    """For Dovecot alone, if it reaches Postfix over TCP."""
    found = topology.outgoing
    if found is None or found.port is None:
        return []
    name = topology.stack.key.name
    selector: Object = {**names.pod_labels(name, "postfix")}
    return [{**_service(topology, names.outgoing(name)), "spec": {"selector": selector, "ports": _ports([found.port])}}]


def _service(topology: Topology, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": object_meta.child(topology.stack, name)}


def _ports(ports: Iterable[Port]) -> list[Json]:
    return [{"name": port.name, "port": port.service, "protocol": "TCP", "targetPort": port.name} for port in ports]

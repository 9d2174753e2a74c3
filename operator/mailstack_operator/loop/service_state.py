"""Reads a Service: the addresses that its load balancer got, and where its ports lead. Pure."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailstack_operator.kube.objects import Object, entries, number, section, text

# Each is an address or a name; a load balancer gives one or two.
_MOST = 16


@dataclass(frozen=True, slots=True)
class ServiceState:
    """`addresses` are IP addresses and host names, sorted: a controller may give them in any order. `targets` are the
    names of the pods' ports, by the Service's port."""

    addresses: tuple[str, ...] = ()
    targets: Mapping[int, str] = field(default_factory=dict)

    def is_redirected_by(self, wanted: Object) -> bool:
        """Whether connections to a port would go to another port of the pods."""
        after = _targets(wanted)
        return any(after.get(port, target) != target for port, target in self.targets.items())


def service_of(body: Object) -> ServiceState:
    return ServiceState(tuple(sorted({*_addresses(body)}))[:_MOST], _targets(body))


def _targets(body: Object) -> dict[int, str]:
    # The same few names, of thousands of Services.
    ports = entries(section(body, "spec"), "ports")
    return {number(port, "port"): sys.intern(text(port, "targetPort")) for port in ports}


def _addresses(body: Object) -> Iterator[str]:
    for ingress in entries(section(body, "status", "loadBalancer"), "ingress"):
        yield from filter(None, (text(ingress, "ip"), text(ingress, "hostname")))

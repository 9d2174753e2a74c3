"""Reads what a Service's own status says: the addresses that its load balancer got. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailstack_operator.kube.objects import Object, entries, section, text

# Each is an address or a name; a load balancer gives one or two.
_MOST = 16


@dataclass(frozen=True, slots=True)
class ServiceState:
    """`addresses` are IP addresses and host names, sorted: a controller may give them in any order."""

    addresses: tuple[str, ...] = ()


def service_of(body: Object) -> ServiceState:
    return ServiceState(tuple(sorted({*_addresses(body)}))[:_MOST])


def _addresses(body: Object) -> Iterator[str]:
    for ingress in entries(section(body, "status", "loadBalancer"), "ingress"):
        yield from filter(None, (text(ingress, "ip"), text(ingress, "hostname")))

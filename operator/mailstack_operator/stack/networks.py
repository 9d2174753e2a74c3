"""Networks as Kubernetes and the servers take them: an API server may refuse other forms, and Postfix host bits."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

# Bits before the address in one of IPv6 that stands for IPv4 (RFC 4291, 2.5.5.2).
_MAPPED = 96


def canonical(networks: Iterable[str]) -> list[str]:
    """Without host bits, IPv6 in its short form (RFC 5952), and IPv4 by itself; each once, in their order."""
    return list(dict.fromkeys(str(_network(network)) for network in networks))


def _network(text: str) -> IPv4Network | IPv6Network:
    found = ip_network(text, strict=False)
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    return IPv4Network((mapped, found.prefixlen - _MAPPED)) if mapped else found


def postfix_patterns(networks: Iterable[str]) -> list[str]:
    """As in mynetworks: IPv6 in brackets (postconf(5))."""
    found = map(ip_network, canonical(networks))
    return [str(each) if each.version == 4 else f"[{each.network_address}]/{each.prefixlen}" for each in found]

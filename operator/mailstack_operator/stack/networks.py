"""Networks as Kubernetes and the servers take them: an API server may refuse other forms, and Postfix host bits."""

from collections.abc import Iterable
from ipaddress import ip_network


def canonical(networks: Iterable[str]) -> list[str]:
    """Without host bits, IPv6 in its short form (RFC 5952); each once, in their order."""
    return list(dict.fromkeys(str(ip_network(network, strict=False)) for network in networks))


def postfix_patterns(networks: Iterable[str]) -> list[str]:
    """As in mynetworks: IPv6 in brackets (postconf(5))."""
    found = map(ip_network, canonical(networks))
    return [str(each) if each.version == 4 else f"[{each.network_address}]/{each.prefixlen}" for each in found]

"""The DNS records that the domains of a MailStack need. Pure.

Sources: RFC 5321 (MX), RFC 7208 (SPF), RFC 7489 (DMARC), RFC 8460 (TLSRPT), RFC 6376 (DKIM), RFC 1035 (zone files).
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.kube.objects import Json, Object, text
from mailstack_operator.stack import aliases
from mailstack_operator.stack.users.source import Spec

# Seconds.
TTL = 3600
SPF, DMARC, TLSRPT, DKIM = "v=spf1", "v=DMARC1", "v=TLSRPTv1", "v=DKIM1"
_PREFERENCE = 10
_PRIVATE = [*map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))]


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """All targets of a name and type. Names have no dot at the end; a TXT target is the text in one piece."""

    name: str
    type: str
    targets: tuple[str, ...]

    def to_json(self) -> Object:
        """As an endpoint of a DNSEndpoint, which external-dns reads."""
        return {"dnsName": self.name, "recordTTL": TTL, "recordType": self.type, "targets": [*self.targets]}


def dns_record_of(endpoint: Mapping[str, Json]) -> DnsRecord:
    """Reads what `to_json` wrote."""
    targets = endpoint.get("targets")
    found = tuple(map(str, targets)) if isinstance(targets, list) else ()
    return DnsRecord(text(endpoint, "dnsName"), text(endpoint, "recordType"), found)


@dataclass(frozen=True, slots=True)
class Known:
    """What the spec does not say: the addresses (and host names) of the load balancer for port 25, and the records of
    DKIM keys."""

    addresses: tuple[str, ...] = ()
    dkim: tuple[DnsRecord, ...] = ()

    @property
    def ip_addresses(self) -> list[str]:
        return [address for address in self.addresses if family(address)]


def records(spec: Spec, known: Known = Known()) -> list[DnsRecord]:
    """What the zones of the domains and of spec.hostname must have, a domain after the other."""
    every = aliases.domains(spec)
    found = [record for domain in every for record in _of_domain(spec, domain)]
    hello = [] if spec.hostname in every else [DnsRecord(spec.hostname, "TXT", (f"{SPF} a -all",))]
    return [*found, *known.dkim, *addresses(spec.hostname, known.ip_addresses), *hello]


def addresses(name: str, found: Iterable[str]) -> list[DnsRecord]:
    """A and AAAA of the name."""
    given = list(found)
    each = {kind: tuple(address for address in given if family(address) == kind) for kind in ("A", "AAAA")}
    return [DnsRecord(name, kind, targets) for kind, targets in each.items() if targets]


def reverse(spec: Spec, found: Iterable[str]) -> list[DnsRecord]:
    """What the provider of each address must set: receivers refuse clients without a name. Not where all mail leaves
    through a relay host."""
    if spec.submission and spec.submission.relay_host:
        return []
    names = (ipaddress.ip_address(address).reverse_pointer for address in found if family(address))
    return [DnsRecord(name, "PTR", (spec.hostname,)) for name in names]


def family(address: str) -> str | None:
    """The type of the record of an IP address; None for a host name."""
    try:
        return "AAAA" if ipaddress.ip_address(address).version == 6 else "A"
    except ValueError:
        return None


def is_private(address: str) -> bool:
    """Whether nobody on the internet reaches it (RFC 1918, RFC 6598, RFC 4193)."""
    return family(address) is not None and any(ipaddress.ip_address(address) in network for network in _PRIVATE)


def _of_domain(spec: Spec, domain: str) -> Iterator[DnsRecord]:
    yield DnsRecord(domain, "MX", (f"{_PREFERENCE} {spec.hostname}",))
    yield DnsRecord(domain, "TXT", (f"{SPF} mx {_others(spec)}",))
    # Reports go to the domain itself: another would have to agree in its own zone. The policy is one to begin with,
    # under which nobody's mail is refused.
    yield DnsRecord(f"_dmarc.{domain}", "TXT", (f"{DMARC}; p=none; rua=mailto:postmaster@{domain}",))
    if spec.tls:
        yield DnsRecord(f"_smtp._tls.{domain}", "TXT", (f"{TLSRPT}; rua=mailto:postmaster@{domain}",))


def _others(spec: Spec) -> str:
    """What SPF says of other servers: a relay host or another provider sends for the domain, and is not known here."""
    return "-all" if spec.submission and not spec.submission.relay_host else "~all"

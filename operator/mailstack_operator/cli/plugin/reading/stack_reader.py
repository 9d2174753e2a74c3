"""What the status of a MailStack tells of the DNS."""

from collections.abc import Iterator, Mapping, Sequence

from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.stack.dns_records import DnsRecord, Known, dns_record_of

# The names of DKIM keys end with this and the domain (RFC 6376, 7.5).
_DKIM = "._domainkey."


def known_of(body: Object, given: Sequence[str] = ()) -> Known:
    """`given` are addresses that the user names, instead of those of the status."""
    status = section(body, "status")
    told = section(status, "expose", "smtp").get("addresses")
    addresses = [str(each) for each in told] if isinstance(told, list) else []
    return Known(tuple(given) or tuple(addresses), tuple(_dkim(status)))


def _dkim(status: Mapping[str, Json]) -> Iterator[DnsRecord]:
    """Only the operator sees the keys."""
    found = map(dns_record_of, entries(status, "dnsRecords"))
    return (record for record in found if _DKIM in record.name)

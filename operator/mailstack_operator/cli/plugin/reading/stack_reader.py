"""What the status of a MailStack tells of the DNS."""

from collections.abc import Iterator, Mapping, Sequence

from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack.dns_records import DnsRecord, Known

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
    for entry in entries(status, "dnsRecords"):
        targets = entry.get("targets")
        if _DKIM in text(entry, "dnsName") and isinstance(targets, list):
            yield DnsRecord(text(entry, "dnsName"), text(entry, "recordType"), tuple(map(str, targets)))

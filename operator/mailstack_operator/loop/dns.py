"""The DNS records of `status.dnsRecords`. Pure."""

from collections.abc import Iterator, Sequence

from mailstack_operator.api.status import MOST_DNS_RECORDS
from mailstack_operator.loop.references import References
from mailstack_operator.stack import dns_records
from mailstack_operator.stack.dns_records import DnsRecord, Known
from mailstack_probe import dkim_key


def wanted(
    references: References, addresses: tuple[str, ...] = (), before: Sequence[DnsRecord] = ()
) -> tuple[DnsRecord, ...]:
    """`addresses` are those of port 25, `before` the records of the status. What is not known is not wanted either."""
    known = Known(addresses, tuple(_dkim(references, {record.name: record for record in before})))
    return tuple(dns_records.records(references.stack.spec, known))[:MOST_DNS_RECORDS]


def _dkim(references: References, before: dict[str, DnsRecord]) -> Iterator[DnsRecord]:
    """Of each key, whatever its state. While a Secret has no good one, the pods sign with the last, and its record
    stays."""
    spec, contents = references.stack.spec, _dkim_contents(references)
    for key in spec.dkim.keys if spec.dkim else []:
        text = _record(contents.get((key.secret_name, key.key), b""))
        for name in (f"{key.selector}._domainkey.{domain}" for domain in key.domains):
            if text:
                yield DnsRecord(name, "TXT", (text,))
            elif name in before:
                yield before[name]


def _dkim_contents(references: References) -> dict[tuple[str, str], bytes]:
    """By the name of the Secret, and the key in it."""
    files = ((need.name, file.data) for need, file in references.found.items() if need.dkim and file)
    return {(name, key): content for name, data in files for key, content in data.items()}


def _record(content: bytes) -> str | None:
    try:
        return dkim_key.read(content).record
    except ValueError:
        return None

"""The DNS records of `status.dnsRecords`. Pure."""

from mailstack_operator.api.status import MOST_DNS_RECORDS
from mailstack_operator.stack import dns_records
from mailstack_operator.stack.dns_records import DnsRecord, Known
from mailstack_operator.stack.mailstack import MailStack


def wanted(stack: MailStack, addresses: tuple[str, ...] = ()) -> tuple[DnsRecord, ...]:
    """`addresses` are those of port 25. What is not known is not wanted either: DKIM keys."""
    return tuple(dns_records.records(stack.spec, Known(addresses)))[:MOST_DNS_RECORDS]

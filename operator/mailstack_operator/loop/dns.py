"""The DNS records of `status.dnsRecords`. Pure."""

from mailstack_operator.api.status import MOST_DNS_RECORDS
from mailstack_operator.stack import dns_records
from mailstack_operator.stack.dns_records import DnsRecord, Known
from mailstack_operator.stack.mailstack import MailStack


def wanted(stack: MailStack) -> tuple[DnsRecord, ...]:
    """What is not known is not wanted either: addresses, and DKIM keys."""
    return tuple(dns_records.records(stack.spec, Known()))[:MOST_DNS_RECORDS]

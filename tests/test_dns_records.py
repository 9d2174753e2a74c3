"""Which DNS records a MailStack needs."""

import base64
from collections.abc import Mapping, Sequence

import pytest

from mailstack_operator.api.status import MOST_DNS_RECORDS
from mailstack_operator.kube.objects import Json
from mailstack_operator.loop import dns
from mailstack_operator.loop.port import File
from mailstack_operator.loop.references import References
from mailstack_operator.stack import dns_records
from mailstack_operator.stack.dns_records import DnsRecord, Known
from mailstack_operator.stack.references import needs
from tests.stacks import stack

SENDING: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}, "spec.submission": {}}
RELAYED: dict[str, Json] = {**SENDING, "spec.submission": {"relayHost": "[relay.example.net]:587"}}
NOTHING = Known()
V4, V6 = "203.0.113.7", "2001:db8::7"


def found(changes: dict[str, Json] | None = None, known: Known = NOTHING) -> dict[tuple[str, str], tuple[str, ...]]:
    records = dns_records.records(stack(changes).spec, known)
    by_name = {(record.name, record.type): record.targets for record in records}
    assert len(by_name) == len(records)
    return by_name


def test_a_domain_whose_users_send_from_here_is_sent_from_nowhere_else() -> None:
    assert found(SENDING, Known((V6, V4))) == {
        ("example.org", "MX"): ("10 mail.example.org",),
        ("example.org", "TXT"): ("v=spf1 mx -all",),
        ("_dmarc.example.org", "TXT"): ("v=DMARC1; p=none; rua=mailto:postmaster@example.org",),
        ("_smtp._tls.example.org", "TXT"): ("v=TLSRPTv1; rua=mailto:postmaster@example.org",),
        ("mail.example.org", "A"): (V4,),
        ("mail.example.org", "AAAA"): (V6,),
        # What a bounce is judged by, which has no sender (RFC 7208, 2.4).
        ("mail.example.org", "TXT"): ("v=spf1 a -all",),
    }


@pytest.mark.parametrize("changes", [{}, RELAYED])
def test_a_domain_whose_mail_leaves_through_others_forbids_them_nothing(changes: dict[str, Json]) -> None:
    assert found(changes)["example.org", "TXT"] == ("v=spf1 mx ~all",)


def test_without_tls_there_are_no_reports_about_it() -> None:
    assert ("_smtp._tls.example.org", "TXT") not in found()


def test_each_domain_that_mail_is_received_for_has_its_records() -> None:
    changes: dict[str, Json] = {
        "spec.domains": ["example.org", "example.com"],
        "spec.domainAliases": [{"domain": "example.net", "target": "example.org"}],
        "spec.catchAll": [{"domain": "shop.example.org", "targets": ["alice@example.org"]}],
    }
    exchangers = {name for name, kind in found(changes) if kind == "MX"}
    assert exchangers == {"example.org", "example.com", "example.net", "shop.example.org"}


def test_a_hostname_that_is_a_domain_has_one_spf_record() -> None:
    records = found({**SENDING, "spec.hostname": "example.org"}, Known((V4,)))
    assert records["example.org", "TXT"] == ("v=spf1 mx -all",)
    assert records["example.org", "A"] == (V4,)


def test_dkim_records_come_from_who_knows_the_keys() -> None:
    key = DnsRecord("s1._domainkey.example.org", "TXT", ("v=DKIM1; k=rsa; p=AAAA",))
    assert found(known=Known(dkim=(key,)))[key.name, "TXT"] == key.targets


def test_the_provider_of_each_address_must_name_the_server() -> None:
    assert dns_records.reverse(stack(SENDING).spec, [V4, V6, "lb-1.example.net"]) == [
        DnsRecord("7.113.0.203.in-addr.arpa", "PTR", ("mail.example.org",)),
        DnsRecord(f"{'7' + '.0' * 23}.8.b.d.0.1.0.0.2.ip6.arpa", "PTR", ("mail.example.org",)),
    ]
    assert dns_records.reverse(stack(RELAYED).spec, [V4]) == []


def test_a_record_is_an_endpoint_of_external_dns() -> None:
    assert DnsRecord("example.org", "MX", ("10 mail.example.org",)).to_json() == {
        "dnsName": "example.org",
        "recordTTL": 3600,
        "recordType": "MX",
        "targets": ["10 mail.example.org"],
    }


def test_a_status_has_room_for_so_many_and_no_more() -> None:
    """`kubectl mailstack dns` prints all."""
    changes: dict[str, Json] = {
        **SENDING,
        "spec.domains": [f"d{number}.example.org" for number in range(256)],
        "spec.domainAliases": [{"domain": f"a{n}.example.org", "target": "d0.example.org"} for n in range(50)],
    }
    many = stack(changes)
    assert len(dns.wanted(References(many, {}, {}))) == MOST_DNS_RECORDS < len(dns_records.records(many.spec))


# RFC 8032, 7.1, test 1, as RFC 8410 writes it, and its record in RFC 8463, A.2.
PKCS8 = bytes.fromhex(
    "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
)
PEM = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(PKCS8) + b"\n-----END PRIVATE KEY-----\n"
RECORD = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SIGNING: dict[str, Json] = {
    **SENDING,
    "spec.domains": ["example.org", "example.com"],
    "spec.plugins": {"sieve": {}},
    "spec.filter": {},
    "spec.dkim.keys": [
        {"domains": ["example.org", "example.com"], "selector": "e1", "secretName": "dkim"},
        {"domains": ["example.org"], "selector": "e2", "secretName": "dkim", "key": "next", "state": "Publish"},
    ],
}


def signatures(content: Mapping[str, bytes], before: Sequence[DnsRecord] = ()) -> tuple[DnsRecord, ...]:
    """The records of keys, if the Secret has this content."""
    signing = stack(SIGNING)
    found = {need: File("1", content) if need.dkim else None for need in needs(signing.spec)}
    wanted = dns.wanted(References(signing, found, {}), before=before)
    return tuple(record for record in wanted if "._domainkey." in record.name)


def test_each_key_has_its_record_also_before_it_signs() -> None:
    assert [(each.name, *each.targets) for each in signatures({"dkim.key": PEM, "next": PEM})] == [
        ("e1._domainkey.example.org", RECORD),
        ("e1._domainkey.example.com", RECORD),
        ("e2._domainkey.example.org", RECORD),
    ]


@pytest.mark.parametrize("content", [{}, {"dkim.key": b"damaged", "next": b"-----BEGIN PRIVATE KEY-----"}])
def test_a_broken_secret_leaves_the_record_of_the_key_that_signs(content: dict[str, bytes]) -> None:
    """What the pods sign with the last good one must still be verified."""
    published = signatures({"dkim.key": PEM, "next": PEM})
    assert signatures(content, published) == published
    assert signatures(content) == ()

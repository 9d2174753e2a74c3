"""`kubectl mailstack dns`: the zone file, and the check against a DNS server of the test's own."""

import json
from pathlib import Path

import dns.zone
import pytest
from dns.rdtypes.ANY.TXT import TXT

from mailstack_operator.cli.plugin.parsing.dns_answers import DnsAnswer, Host, judge
from mailstack_operator.cli.plugin.screens.zone_screen import render_zone
from mailstack_operator.kube.objects import Json
from mailstack_operator.stack.dns_records import DnsRecord
from tests.conftest import Golden
from tests.plugin.name_server import Zone, serving
from tests.plugin.test_commands import Cluster, cluster, run
from tests.stacks import body

__all__ = ["cluster"]

SCREENS = Path(__file__).parents[1] / "golden" / "plugin"
V4 = "203.0.113.7"
KEY = "A" * 392


def status(key: str) -> Json:
    """With a DKIM record, which only the operator can make."""
    record: Json = {"dnsName": "s1._domainkey.example.org", "recordTTL": 3600, "recordType": "TXT", "targets": [key]}
    return {"expose": {"smtp": {"addresses": [V4]}}, "dnsRecords": [record]}


STATUS = status(f"v=DKIM1; k=rsa; p={KEY}")
SENDING: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}, "spec.submission": {}}
GOOD: Zone = {
    ("example.org", "MX"): ["20 backup.example.net.", "10 Mail.example.org."],
    ("example.org", "TXT"): ['"google-site-verification=x"', '"v=spf1 include:spf.example.net mx ~all"'],
    ("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=reject"'],
    ("_smtp._tls.example.org", "TXT"): ['"v=TLSRPTv1;rua=mailto:tls@example.net"'],
    ("s1._domainkey.example.org", "TXT"): [f'"v=DKIM1; p={KEY[:200]}" "{KEY[200:]}"'],
    ("mail.example.org", "A"): [V4],
    ("mail.example.org", "TXT"): ['"v=spf1 ip4:203.0.113.0/24 -all"'],
    ("7.113.0.203.in-addr.arpa", "PTR"): ["mail.example.org."],
}


@pytest.fixture
def sending(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A MailStack with everything that records are for."""
    monkeypatch.setenv("COLUMNS", "118")
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body({**SENDING, "status": STATUS})))
    return cluster


def check(zone: Zone, *words: str, broken: bool = False) -> tuple[int, dict[tuple[str, str], tuple[str, str]]]:
    """The exit code, and state and words of each record by name and type."""
    with serving(zone, broken=broken) as server:
        result = run("dns", "mail", "--check", f"--resolver={server}", *words)
    rows: list[list[str]] = []
    for line in result.output.partition("\n\n")[0].splitlines()[1:]:
        if line.startswith(" "):
            rows[-1][3] += f" {line.strip()}"
        else:
            rows.append(line.split(maxsplit=3))
    return result.exit_code, {(row[1], row[2]): (row[0], row[3]) for row in rows}


def test_the_zone_file_of_the_page(sending: Cluster, golden: Golden) -> None:
    key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    sending.says("get mailstacks.mailstack.dev", json.dumps(body({**SENDING, "status": status(key)})))
    result = run("dns", "mail", "-n", "post")
    assert result.exit_code == 0
    golden(SCREENS / "dns.txt", result.output)


def test_the_check_of_the_page(sending: Cluster, golden: Golden) -> None:
    zone = {key: value for key, value in GOOD.items() if key[0] != "_dmarc.example.org"}
    key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    sending.says("get mailstacks.mailstack.dev", json.dumps(body({**SENDING, "status": status(key)})))
    spf: Zone = {("example.org", "TXT"): ['"v=spf1 include:spf.example.net -all"']}
    published: Zone = {("s1._domainkey.example.org", "TXT"): [f'"{key}"']}
    with serving({**zone, **spf, **published}) as server:
        golden(SCREENS / "dns-check.txt", run("dns", "mail", "--check", f"--resolver={server}").output)


def test_the_zone_file_is_one(sending: Cluster) -> None:
    """Texts of more than 255 characters are in pieces."""
    zone = dns.zone.from_text(run("dns", "mail").output, origin="example.org.", check_origin=False)
    texts = {
        name.to_text(): b"".join(rdata.strings).decode()
        for name, _, rdata in zone.iterate_rdatas("TXT")
        if isinstance(rdata, TXT)
    }
    assert texts["s1._domainkey"] == f"v=DKIM1; k=rsa; p={KEY}"
    assert texts["@"] == "v=spf1 mx -all"
    assert zone.find_rdataset("@", "MX").to_text().endswith("10 mail")


def test_an_address_that_is_not_known_is_asked_for(cluster: Cluster) -> None:
    output = run("dns", "mail").output
    assert "; mail.example.org. also needs A or AAAA: the address of your load balancer or node (--address)" in output
    assert " PTR " not in output
    given = run("dns", "mail", f"--address={V4}").output
    assert "mail.example.org. " in given
    assert f"IN A    {V4}\n" in given
    assert "7.113.0.203.in-addr.arpa. 3600 IN PTR  mail.example.org.\n" in given


@pytest.mark.parametrize("address", ["192.168.1.10", "10.0.0.1", "100.64.0.1", "fd00::1"])
def test_a_private_address_is_told(cluster: Cluster, address: str) -> None:
    """Fault: behind a router the load balancer has such an address, and the record would lead nobody here."""
    status: Json = {"expose": {"smtp": {"addresses": [address]}}}
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body({"status": status})))
    words = f"; Nobody on the internet reaches {address}: name the address that they reach (--address)."
    assert words in run("dns", "mail").output
    assert "Nobody" not in run("dns", "mail", f"--address={V4}").output


def test_a_load_balancer_with_a_name_has_no_address_to_print(cluster: Cluster) -> None:
    status: Json = {"expose": {"smtp": {"addresses": ["lb-1.example.net"]}}}
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body({"status": status})))
    output = run("dns", "mail").output
    assert "; mail.example.org. also needs the A and AAAA records of lb-1.example.net, its load balancer." in output


def test_right_records_are_right_however_they_are_written(sending: Cluster) -> None:
    code, rows = check(GOOD)
    assert (code, {state for state, _ in rows.values()}) == (0, {"ok"}), rows


@pytest.mark.parametrize(
    ("name", "kind", "data", "state", "words"),
    [
        ("example.org", "MX", None, "missing", "wanted: 10 mail.example.org"),
        ("example.org", "MX", ["10 mx.example.net."], "differs", "mail goes to"),
        ("example.org", "MX", ["5 mx.example.net.", "10 mail.example.org."], "differs", "mx.example.net first"),
        ("example.org", "TXT", ['"v=spf1 a -all"'], "differs", 'add mx to "v=spf1 a -all"'),
        ("example.org", "TXT", ['"v=spf1 mx -all"', '"v=spf1 a ~all"'], "differs", "there are 2"),
        ("example.org", "TXT", ['"v=spf10 mx"'], "missing", "there is only"),
        ("_dmarc.example.org", "TXT", ['"v=DMARC1; rua=mailto:x@example.org"'], "differs", "no policy"),
        ("_smtp._tls.example.org", "TXT", ['"v=TLSRPTv1"'], "differs", "names nobody"),
        ("s1._domainkey.example.org", "TXT", ['"v=DKIM1; p=BBBB"'], "differs", "another key"),
        ("mail.example.org", "A", [V4, "198.51.100.9"], "differs", "198.51.100.9"),
        ("mail.example.org", "AAAA", ["2001:db8::7"], "differs", "remove 2001:db8::7"),
        ("7.113.0.203.in-addr.arpa", "PTR", ["host7.example.net."], "differs", "host7.example.net"),
    ],
)
def test_what_is_wrong_is_told(
    name: str, kind: str, data: list[str] | None, state: str, words: str, sending: Cluster
) -> None:
    zone = {key: value for key, value in GOOD.items() if key != (name, kind)}
    code, rows = check({**zone, **({(name, kind): data} if data else {})})
    assert (code, rows[name, kind][0]) == (1, state)
    assert words in rows[name, kind][1]
    assert [row for row in rows.values() if row[0] != "ok"] == [rows[name, kind]]


def test_a_resolver_without_an_answer_is_told_once(sending: Cluster) -> None:
    with serving(GOOD, broken=True) as server:
        result = run("dns", "mail", "--check", f"--resolver={server}")
    assert result.exit_code == 2
    assert "no answer from the resolver" in result.output
    assert "SERVFAIL" in result.output


def test_where_no_address_is_known_the_dns_must_know_one(cluster: Cluster) -> None:
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body(SENDING)))
    code, rows = check(GOOD)
    assert (code, rows["mail.example.org", "A"][0]) == (0, "ok")
    assert rows["7.113.0.203.in-addr.arpa", "PTR"][0] == "ok"
    nowhere = {key: value for key, value in GOOD.items() if key != ("mail.example.org", "A")}
    code, rows = check(nowhere)
    assert (code, rows["mail.example.org", "A"][0]) == (1, "missing")


def test_a_mail_server_is_no_alias(cluster: Cluster) -> None:
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body(SENDING)))
    alias = {("mail.example.org", "CNAME"): ["lb.example.net."], ("lb.example.net", "A"): [V4]}
    zone = {key: value for key, value in GOOD.items() if key[0] != "mail.example.org"}
    code, rows = check({**zone, **alias})
    state, words = rows["mail.example.org", "A"]
    assert (code, state) == (1, "differs")
    assert "alias (CNAME) of lb.example.net" in words


@pytest.mark.parametrize("resolver", ["ns.example.org", "192.0.2.53:0", "192.0.2.53:x"])
def test_a_resolver_is_an_address(resolver: str, cluster: Cluster) -> None:
    result = run("dns", "mail", "--check", f"--resolver={resolver}")
    assert result.exit_code == 2
    assert "write 192.0.2.53, or 192.0.2.53:5353" in result.output


def test_a_text_with_quotes_stays_one_string() -> None:
    record = DnsRecord("example.org", "TXT", ('a "b" \\c',))
    assert '"a \\"b\\" \\\\c"' in render_zone([record], [], [])


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ("v=spf1 ip6:2001:db8::/32 -all", "ok"),
        ("v=spf1 ip6:2001:db9::/32 -all", "differs"),
        ("v=spf1 a:mail.example.org -all", "ok"),
        ("V=SPF1 +MX:example.org -all", "ok"),
        ("v=spf1 ?mx -all", "differs"),
        ("v=spf1 ip4:not-a-network -all", "differs"),
        ("v=spf1 mx/24//64 -all", "ok"),
        ("v=spf1 a:Mail.Example.org./28 -all", "ok"),
        ("v=spf1 mx:example.org -all", "ok"),
        ("v=spf1 -all mx", "differs"),
        ("v=spf1 + / - -all", "differs"),
        ("v=spf1 ~all", "differs"),
        ("v=spf1 include:spf.example.net -all", "differs"),
    ],
)
def test_spf_may_name_the_server_in_several_ways(found: str, state: str) -> None:
    record = DnsRecord("example.org", "TXT", ("v=spf1 mx -all",))
    assert judge(record, DnsAnswer((found,)), Host("mail.example.org", ["2001:db8::7"], ["example.org"])).state == state


@pytest.mark.parametrize(
    ("included", "state"),
    [
        ('"v=spf1 ip4:203.0.113.0/28 ?all"', "ok"),
        ('"v=spf1 a:mail.example.org -all"', "ok"),
        ('"v=spf1 include:deep.example.net -all"', "ok"),
        ('"v=spf1 include:own.example.org redirect=spf.example.net"', "ok"),
        ('"v=spf1 mx -all"', "differs"),
        ('"v=spf1 include:own.example.org include:spf.example.org -all"', "differs"),
        ('"hello"', "differs"),
    ],
)
@pytest.mark.parametrize("way", ["include:own.example.org -all", "redirect=OWN.example.org."])
def test_spf_may_name_the_server_in_what_it_includes(sending: Cluster, way: str, included: str, state: str) -> None:
    """The MX of an included name is that name's."""
    zone: Zone = {
        ("example.org", "TXT"): [f'"v=spf1 {way}"'],
        ("own.example.org", "TXT"): [included],
        ("deep.example.net", "TXT"): ['"v=spf1 mx:example.org -all"'],
        ("spf.example.net", "TXT"): ['"v=spf1 ip4:203.0.113.7 -all"'],
    }
    code, rows = check({**GOOD, **zone})
    assert (code, rows["example.org", "TXT"][0]) == (int(state == "differs"), state)


@pytest.mark.parametrize(("text", "code"), [("include:spf.example.net -all", 0), ("-all", 1)])
def test_behind_a_relay_host_spf_names_that(cluster: Cluster, text: str, code: int) -> None:
    """Nothing leaves from here."""
    relay: dict[str, Json] = {**SENDING, "spec.submission": {"relayHost": "[smtp.example.net]:587"}, "status": STATUS}
    cluster.says("get mailstacks.mailstack.dev", json.dumps(body(relay)))
    assert check({**GOOD, ("example.org", "TXT"): [f'"v=spf1 {text}"']})[0] == code

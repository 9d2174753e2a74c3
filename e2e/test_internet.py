"""A domain on the internet, as its page makes it, and behind HAProxy: what servers and people outside the cluster see.

The internet is a container beside the cluster's node, with its own DNS (mailtest/outside.py); the test gives the
addresses of the load balancers.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from time import monotonic

import pytest

from conftest import CreateStack, client_pod
from harness import paths
from mailtest import manifests, node, outside, plugin, policies
from mailtest.certificates import Authority
from mailtest.client import Letter, header_of
from mailtest.command import CommandError
from mailtest.outside import CLIENT_ADDRESSES, PROXY_ADDRESSES, Outside
from mailtest.plugin import Plugin
from mailtest.reader import Place, Walk
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

PAGE = "docs/internet.md"
HOST = "mail.example.org"
# Of TEST-NET-1 (RFC 5737), for both Services.
ADDRESS = "192.0.2.10"
ALICE, BOB = "alice@example.org", "bob@example.com"
SENDER, FORGED, DOUBTED = "sender@example.net", "president@forged.example", "president@doubted.example"
PASSWORDS = {ALICE: "alice-sample", BOB: "bob-sample"}
# Connections from one address, in a minute.
LIMIT = 20
# rspamd's own pattern of spam that is not refused.
SPAM = "YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.fixture(scope="module")
def internet() -> Iterator[Outside]:
    with outside.running() as found:
        yield found


@pytest.fixture(scope="module")
def proxied(create_stack: CreateStack, internet: Outside, authority: Authority) -> Stack:
    """Behind HAProxy; not waited for."""
    door = {"type": "NodePort", "proxyProtocol": {"trustedNetworks": [f"{internet.address}/32"]}}
    return create_stack(
        "proxied",
        manifests.tls_secret("tls", authority.issue(HOST)),
        tls={"secretName": "tls"},
        submission={},
        plugins={"sieve": {}},
        expose={"smtp": door, "clients": door},
        postfix={"rateLimits": {"connections": LIMIT}},
    )


@pytest.fixture(scope="module")
def walk(proxied: Stack, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """The page, with a checkout's examples in the reader's folder."""
    folder, home = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("home")
    (folder / "examples").symlink_to(paths.repository() / "examples")
    plugin.install(home / ".local" / "bin")
    return Walk(PAGE, Place(proxied.namespace, folder, home, variables={"PYTHONPATH": str(plugin.SOURCES)}))


@pytest.fixture(scope="module")
def started(walk: Walk, proxied: Stack) -> Stack:
    """The page's example, with addresses."""
    found = Stack(proxied.namespace, "internet")
    with walk:
        walk.section("1. The certificate", "2. The MailStack", "3. The keys for DKIM")
    for audience in ("smtp", "clients"):
        outside.give_address(found, audience, ADDRESS)
    found.wait_ready()
    with walk:
        assert f'"smtp":{{"addresses":["{ADDRESS}"]}}' in walk.section("4. The address")
    return found


@pytest.fixture(scope="module")
def zone(started: Stack, walk: Walk, internet: Outside) -> str:
    """All that the DNS of the internet has."""
    with walk:
        return _zone(internet) + walk.section("5. The DNS records")


@pytest.fixture(scope="module")
def stack(started: Stack, zone: str, internet: Outside) -> Stack:
    """With its records in the DNS, which its pod asks."""
    internet.publish(zone)
    outside.use_dns(started, internet)
    return started


def _zone(internet: Outside) -> str:
    """Of a server that sends as it should, and of two domains in whose name somebody else sends."""
    return f"""\
{internet.reverse} 3600 IN PTR client.example.net.
client.example.net. 3600 IN A {internet.address}
example.net. 3600 IN MX 10 client.example.net.
example.net. 3600 IN TXT "v=spf1 ip4:{internet.address} -all"
_dmarc.example.net. 3600 IN TXT "v=DMARC1; p=reject"
forged.example. 3600 IN MX 10 client.example.net.
forged.example. 3600 IN TXT "v=spf1 ip4:192.0.2.66 -all"
_dmarc.forged.example. 3600 IN TXT "v=DMARC1; p=reject"
doubted.example. 3600 IN MX 10 client.example.net.
doubted.example. 3600 IN TXT "v=spf1 ip4:192.0.2.66 -all"
_dmarc.doubted.example. 3600 IN TXT "v=DMARC1; p=quarantine"
"""


def _letter(sender: str, to: str, subject: str, text: str = "How are you?") -> Letter:
    """As a mail program would write it."""
    message = EmailMessage(SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = format_datetime(datetime.now(UTC)), f"<{subject}@example.net>"
    message.set_content(f"{text}\n")
    return Letter(to, message.as_bytes())


def _submission(user: str) -> Endpoint:
    return Endpoint(ADDRESS, 587, "starttls", name=HOST, user=user, password=PASSWORDS[user])


def _found(internet: Outside, user: str, subject: str, folder: str = "INBOX") -> bytes:
    """The user's message, read from outside."""
    door = Endpoint(ADDRESS, security="tls", name=HOST)

    def look() -> bytes | None:
        messages = internet.fetch(door, user, PASSWORDS[user], folder)
        return next((each for each in messages if header_of(each, "Subject") == subject), None)

    return until(f"{subject} in {folder} of {user}", look, 90) or b""


def _is_logged(stack: Stack, container: str, pattern: str) -> bool:
    return re.search(pattern, "\n".join(stack.log(container))) is not None


def test_the_records_are_right_once_they_are_published(
    stack: Stack, zone: str, internet: Outside, tmp_path: Path
) -> None:
    """Promise: who publishes what `dns` prints has what other servers want, and `--check` says so."""
    plugin.install(tmp_path)
    kubectl, check = Plugin(tmp_path, stack.namespace), ("dns", stack.name, "--check", "--resolver", internet.address)
    internet.publish(_zone(internet))
    assert kubectl(*check).returncode == 1
    internet.publish(zone)
    states = [line.split()[0] for line in kubectl.screen(*check).splitlines()[1:] if line[:1].islower()]
    assert (len(states) > 12, {*states}) == (True, {"ok"})


def test_another_server_is_seen_by_its_address(stack: Stack, internet: Outside) -> None:
    """Promise: in the logs of all three servers, of mail for both domains that is read from outside."""
    for user in (ALICE, BOB):
        reply = internet.send(Endpoint(ADDRESS), _letter(SENDER, user, "hello"), sender=SENDER)[0]
        assert reply.code == 250, reply
        message = _found(internet, user, "hello")
        assert b"dmarc=pass (policy=reject) header.from=example.net" in message
    own = re.escape(internet.address)
    assert _is_logged(stack, "postfix", rf"connect from client\.example\.net\[{own}\]")
    assert _is_logged(stack, "filter", rf"ip: {own}, from: <{SENDER}>")
    assert _is_logged(stack, "dovecot", rf"rip={own}")


def test_the_page_shows_the_address(stack: Stack, walk: Walk, internet: Outside) -> None:
    with walk:
        shown = walk.section("6. The first messages")
    assert f"[{internet.address}]" in shown
    assert walk.left == []


@pytest.mark.parametrize("user", PASSWORDS)
def test_an_answer_is_signed(stack: Stack, internet: Outside, user: str) -> None:
    """Promise: the MX of the other domain gets it, and finds the key of each signature in the DNS."""
    subject = f"answer-{user.partition('@')[0]}"
    assert internet.send(_submission(user), _letter(user, SENDER, subject), sender=user)[0].code == 250
    file = until(
        f"{subject} has left",
        lambda: internet.run("grep", "-ls", f"^Subject: {subject}", *internet.mail(), "/dev/null"),
        90,
    )
    text = internet.run("cat", file.strip())
    assert {*re.findall(r"\bs=(\w+);", text)} == {"s2026a", "e2026a"}
    for index in ("0", "1"):
        assert "signature ok" in internet.run("sh", "-c", 'dkimverify --index "$1" < "$0"', file.strip(), index)


def test_spam_is_in_junk(stack: Stack, internet: Outside) -> None:
    assert internet.send(Endpoint(ADDRESS), _letter(SENDER, ALICE, "spam", SPAM), sender=SENDER)[0].code == 250
    assert header_of(_found(internet, ALICE, "spam", "Junk"), "X-Spam") == "Yes"


def test_forged_mail_is_refused(stack: Stack, internet: Outside) -> None:
    """Promise: as the DMARC record of the domain wants it."""
    reply = internet.send(Endpoint(ADDRESS), _letter(FORGED, ALICE, "forged"), sender=FORGED)[0]
    assert (reply.code, "Spam message rejected" in reply.text) == (554, True), reply


def test_forged_mail_is_in_junk_where_its_domain_asks_for_that(stack: Stack, internet: Outside) -> None:
    assert internet.send(Endpoint(ADDRESS), _letter(DOUBTED, ALICE, "doubted"), sender=DOUBTED)[0].code == 250
    assert header_of(_found(internet, ALICE, "doubted", "Junk"), "X-Spam") == "Yes"


def test_while_the_dns_is_away_mail_waits_at_its_sender(stack: Stack, internet: Outside) -> None:
    """Fault: a DNS that reaches no other, by which forged mail would pass. Users send as before."""
    with internet.without_dns():
        reply = internet.send(Endpoint(ADDRESS), _letter(FORGED, ALICE, "unknown"), sender=FORGED)[0]
        assert (reply.code, "cannot be checked now" in reply.text) == (451, True), reply
        assert internet.send(_submission(ALICE), _letter(ALICE, BOB, "between-users"), sender=ALICE)[0].code == 250
        assert _found(internet, BOB, "between-users")
    assert internet.send(Endpoint(ADDRESS), _letter(SENDER, ALICE, "again"), sender=SENDER)[0].code == 250
    assert _found(internet, ALICE, "again")


# Of each port of HAProxy: the Service and its port, the version of the protocol and the health check.
DOORS = {
    25: ("smtp", 25, "send-proxy-v2", "option smtpchk EHLO lb.example.net"),
    26: ("smtp", 25, "send-proxy", ""),
    # A check that ends the process of Postfix that it reaches: docs/proxy-protocol.md.
    27: ("smtp", 25, "send-proxy-v2", ""),
    465: ("clients", 465, "send-proxy", ""),
    587: ("clients", 587, "send-proxy-v2", "option smtpchk EHLO lb.example.net"),
    143: ("clients", 143, "send-proxy-v2", ""),
    993: ("clients", 993, "send-proxy", ""),
    4190: ("clients", 4190, "send-proxy-v2", ""),
}
# The pod's ports for the PROXY protocol.
PROXIED = (2525, 10143, 10465, 10587, 10993, 14190)
_GLOBAL = """\
global
  stats socket /srv/haproxy.sock
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
"""
_STATE = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/srv/haproxy.sock'); s.sendall(b'show stat\\n'); "
)
_STATE += "print(s.makefile().read())"


@pytest.fixture(scope="module")
def balancer(proxied: Stack, internet: Outside) -> Outside:
    """HAProxy, with all of its servers up."""
    proxied.wait_ready()
    internet.write(Path("/srv/haproxy.cfg"), _GLOBAL + "".join(_listen(proxied, port) for port in DOORS))
    internet.run("haproxy", "-D", "-f", "/srv/haproxy.cfg")
    until("HAProxy has all servers", lambda: _states(internet) == dict.fromkeys(map(str, DOORS), "UP"), 60)
    return internet


def _listen(stack: Stack, port: int) -> str:
    audience, public, version, check = DOORS[port]
    ports = stack.kubectl.must_get("service", f"{stack.name}-{audience}")["spec"]["ports"]
    target = next(each["nodePort"] for each in ports if each["port"] == public)
    binds = "".join(f"  bind {address}:{port}\n" for address in PROXY_ADDRESSES)
    return f"listen {port}\n{binds}  {check}\n  server mail {node.address()}:{target} {version} check inter 500ms\n"


def _states(internet: Outside) -> dict[str, str]:
    """What HAProxy's health checks say, by its port."""
    lines = (line.split(",") for line in internet.run("python3", "-c", _STATE).splitlines())
    return {words[0]: words[17] for words in lines if words[1:2] == ["mail"]}


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_servers_behind_haproxy_see_the_client(proxied: Stack, balancer: Outside, family: int) -> None:
    """Promise: on every port; with both versions of the protocol on port 25, and with one of them on each other."""
    alice, nobody = map(manifests.address, ("alice", "nobody"))
    proxy, address = PROXY_ADDRESSES[family], CLIENT_ADDRESSES[family]
    login = Endpoint(proxy, name=HOST, user=alice, password=manifests.PASSWORD)
    for port in (25, 26):
        assert [each.code for each in balancer.ask(Endpoint(proxy, port), alice, nobody)] == [250, 550]
    assert balancer.authenticate(replace(login, port=465, security="tls")).code == 235
    assert balancer.authenticate(replace(login, port=587, security="starttls")).code == 235
    for imap in (replace(login, port=143, security="starttls"), replace(login, port=993, security="tls")):
        balancer.fetch(imap, alice, manifests.PASSWORD)
    assert balancer.put_script(Endpoint(proxy, 4190, "starttls", name=HOST), alice, manifests.PASSWORD, "keep;").ok
    own, postfix, dovecot = re.escape(address), proxied.log("postfix"), proxied.log("dovecot")
    for service in ("smtpd", "submission/smtpd", "submissions/smtpd"):
        assert [
            line for line in postfix if re.search(rf"postfix/{service}\[\d+\]: connect from unknown\[{own}\]", line)
        ]
    for service, logins in {"imap-login": 2, "managesieve-login": 1}.items():
        found = [line for line in dovecot if re.search(rf"{service}: Info: Logged in: .* rip={own},", line)]
        assert len(found) == logins, found


def test_a_health_check_that_resets_holds_up_nobody(proxied: Stack, balancer: Outside) -> None:
    """Fault: HAProxy's own check of version 2. Postfix would start no other process for a minute."""
    fatal = "cannot convert client address 'unknown' port 'unknown'"
    until("Postfix has seen one", lambda: _is_logged(proxied, "postfix", fatal), 60)
    door, seen = Endpoint(PROXY_ADDRESSES[0], 27), []
    for _ in range(5):
        began = monotonic()
        assert balancer.ask(door, manifests.address("alice"))[0].code == 250
        seen.append(monotonic() - began)
    assert max(seen) < 20, seen
    assert _states(balancer)["25"] == "UP"
    assert proxied.condition("Ready")["status"] == "True"


def test_only_the_balancer_may_connect(proxied: Stack, balancer: Outside) -> None:
    """Promise: the policy is there before anybody can use the ports, and a network that enforces it lets only the load
    balancer use them. That of the cluster does not, so its node does."""
    policy = proxied.kubectl.must_get("networkpolicy", proxied.name)
    blocks = {(peer["ipBlock"]["cidr"]) for rule in policy["spec"]["ingress"] for peer in rule.get("from", [])}
    assert blocks == {f"{balancer.address}/32"}
    pod, ip = policies.within(client_pod()), proxied.pod()["status"]["podIP"]
    closed, open_ = ({f"{ip}/{port}" for port in ports} for ports in (PROXIED, (25, 143, 9100)))
    doors = _node_ports(proxied)
    with policies.enforced(proxied.kubectl):
        assert policies.reached(pod, closed | open_) == open_
        assert policies.reached(balancer.run, doors) == doors
        assert balancer.ask(Endpoint(PROXY_ADDRESSES[0]), manifests.address("alice"))[0].code == 250
    assert policies.reached(pod, closed) == closed


def test_one_client_is_limited_and_neither_others_nor_health_checks_are(proxied: Stack, balancer: Outside) -> None:
    """Fault: what counts all clients of a load balancer as one, or its checks, of which there are more in a minute."""
    check = f": connect from unknown[{balancer.address}]"
    until("it has checked more often", lambda: _count(proxied.log("postfix"), check) > LIMIT + 10, 30)
    limited, other = (Endpoint(address) for address in PROXY_ADDRESSES)
    words = rf"421, .*too many connections from {re.escape(CLIENT_ADDRESSES[0])}"
    with pytest.raises(CommandError, match=words):
        _ = [balancer.ask(limited, manifests.address("alice")) for _ in range(2 * LIMIT)]
    assert balancer.ask(other, manifests.address("alice"))[0].code == 250
    assert _states(balancer) == dict.fromkeys(map(str, DOORS), "UP")


def _count(lines: list[str], words: str) -> int:
    return sum(words in line for line in lines)


def _node_ports(stack: Stack) -> set[str]:
    """They lead to the ports for the PROXY protocol."""
    services = [stack.kubectl.must_get("service", f"{stack.name}-{audience}") for audience in ("smtp", "clients")]
    found = {f"{node.address()}/{port['nodePort']}" for service in services for port in service["spec"]["ports"]}
    assert len(found) == len(PROXIED)
    return found

"""TLS on every port, and a certificate that is renewed while people are logged in."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, pods
from mailtest.certificates import Authority, Certificate
from mailtest.client import Client, letter
from mailtest.command import CommandError
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint, Protocol, Security

pytestmark = pytest.mark.timed

ALICE = manifests.address("alice")
HOSTNAME = "mail.example.org"
# In a pod, a changed Secret arrives, is looked at, and the servers read it.
RENEWAL_SECONDS = 90.0

PORTS: list[tuple[int, Protocol, Security]] = [
    (25, "smtp", "starttls"),
    (587, "smtp", "starttls"),
    (465, "smtp", "tls"),
    (143, "imap", "starttls"),
    (993, "imap", "tls"),
    (4190, "sieve", "starttls"),
]
KINDS: dict[str, dict[str, object]] = {
    "unix-24": {},
    "unix-24-rootless": {"dovecot": {"rootless": {}}},
    "inet-23": {"delivery": {"listener": {"type": "Inet"}}, "dovecot": {"version": "2.3"}},
}


@dataclass(frozen=True)
class Secured:
    """A MailStack with TLS, and the CA that its clients trust."""

    stack: Stack
    authority: Authority

    def endpoint(self, port: int, security: Security) -> Endpoint:
        """A client that demands a certificate of the CA for the server's name."""
        return Endpoint(self.stack.host, port, security, ca=self.authority.pem, name=HOSTNAME)

    def imaps(self, user: str) -> Endpoint:
        """Port 993, logged in."""
        return replace(self.endpoint(993, "tls"), user=user, password=manifests.PASSWORD)

    def issue(self) -> Certificate:
        return self.authority.issue(HOSTNAME)

    def renew(self) -> Certificate:
        """A new certificate, put there as cert-manager would."""
        certificate = self.issue()
        self.apply(certificate)
        return certificate

    def apply(self, certificate: Certificate) -> None:
        self.stack.kubectl.apply(manifests.tls_secret(f"{self.stack.name}-tls", certificate))

    def shown(self, client: Client) -> set[str]:
        """The certificates that new connections see, one if all ports have the same."""
        return {client.certificate(self.endpoint(port, security), protocol) for port, protocol, security in PORTS}

    def wait_shown(self, client: Client, certificate: Certificate, seconds: float) -> None:
        """Wait until a new connection to each port sees the certificate."""
        for port, protocol, security in PORTS:
            endpoint = self.endpoint(port, security)
            until(f"port {port} shows the certificate", _shows(client, endpoint, protocol, certificate), seconds)


def _shows(client: Client, endpoint: Endpoint, protocol: Protocol, certificate: Certificate) -> Callable[[], bool]:
    return lambda: client.certificate(endpoint, protocol) == certificate.fingerprint


Kinds = dict[str, Secured]


@pytest.fixture(scope="module")
def created(create_stack: CreateStack, authority: Authority) -> Kinds:
    """One of each kind, created at once."""
    common: dict[str, object] = {"plugins": {"sieve": {}}, "submission": {}}
    found = {}
    for name, spec in KINDS.items():
        secret = manifests.tls_secret(f"{name}-tls", authority.issue(HOSTNAME))
        stack = create_stack(name, secret, **common, **spec, tls={"secretName": f"{name}-tls"})
        found[name] = Secured(stack, authority)
    return found


@pytest.fixture
def all_secured(created: Kinds) -> Kinds:
    for each in created.values():
        each.stack.wait_ready()
    return created


@pytest.fixture(params=KINDS)
def secured(created: Kinds, request: pytest.FixtureRequest) -> Secured:
    found = created[request.param]
    found.stack.wait_ready()
    return found


@pytest.mark.parametrize(("port", "protocol", "security"), PORTS)
def test_a_strict_client_gets_tls(
    secured: Secured, client: Client, port: int, protocol: Protocol, security: Security
) -> None:
    """Promise: STARTTLS on 25, 587, 143 and 4190, TLS from the start on 465 and 993, with the Secret's certificate."""
    assert client.certificate(secured.endpoint(port, security), protocol)


def test_mail_is_read_over_imaps(secured: Secured, client: Client) -> None:
    """Promise: with TLS, mail goes the same way as without."""
    assert client.send(secured.endpoint(25, "starttls"), letter(ALICE, "over-tls"))[0].code == 250
    inbox.wait_for(client, secured.endpoint(993, "tls"), ALICE, "over-tls")


def test_another_server_may_still_send_without_tls(secured: Secured, client: Client) -> None:
    """Fault: port 25 that demands TLS loses the mail of servers that have none (RFC 3207)."""
    assert client.send(secured.stack.host, letter(ALICE, "without-tls"))[0].code == 250


def test_imap_takes_no_password_without_tls(secured: Secured, client: Client) -> None:
    """Fault: a password that crosses the network in plain text."""
    with pytest.raises(CommandError, match="PRIVACYREQUIRED"):
        client.fetch(secured.stack.host, ALICE, manifests.PASSWORD)


def test_managesieve_takes_no_password_without_tls(secured: Secured, client: Client) -> None:
    """Fault: as with IMAP."""
    with pytest.raises(CommandError, match="ENCRYPT-NEEDED"):
        client.check_script(secured.stack.host, ALICE, manifests.PASSWORD, "keep;")


def test_a_renewed_certificate_is_used_while_sessions_stay_open(all_secured: Kinds, client: Client) -> None:
    """Promise: within 90 s every port shows it; no container is restarted, and nobody is logged out."""
    before = {name: pods.identities(each.stack) for name, each in all_secured.items()}
    with ExitStack() as sessions:
        opened = {
            name: sessions.enter_context(client.hold(each.imaps(ALICE), RENEWAL_SECONDS))
            for name, each in all_secured.items()
        }
        renewed = {name: each.renew() for name, each in all_secured.items()}

    for name, each in all_secured.items():
        held = opened[name].result()
        assert held.before != held.after
        assert (held.after, held.alive) == (renewed[name].fingerprint, True), name
        each.wait_shown(client, renewed[name], 15)
        assert pods.identities(each.stack) == before[name]


def test_a_broken_certificate_leaves_the_old_one_in_use(all_secured: Kinds, client: Client) -> None:
    """Fault: a key that does not belong to the certificate. The status says so; a good one heals it."""
    before = {name: (pods.identities(each.stack), each.shown(client)) for name, each in all_secured.items()}

    for each in all_secured.values():
        each.apply(replace(each.issue(), key=each.issue().key))
    for name, each in all_secured.items():
        each.stack.wait_condition("Ready", "False", f"^CertificateInvalid: Secret {name}-tls", 60)
        until(f"the pods of {name} know", lambda: _refused(each.stack), RENEWAL_SECONDS)  # noqa: B023
        assert (pods.identities(each.stack), each.shown(client)) == before[name]

    renewed = {name: each.renew() for name, each in all_secured.items()}
    for name, each in all_secured.items():
        each.wait_shown(client, renewed[name], RENEWAL_SECONDS)
        each.stack.wait_ready()


def test_an_expired_certificate_is_shown_rather_than_no_port_25(
    all_secured: Kinds, client: Client, authority: Authority
) -> None:
    """Fault: renewal fails, and the node is drained. The new pod serves with what there is, the status warns, changes
    of the spec go on; a renewed certificate heals it."""
    secured = all_secured["unix-24"]
    stack, before = secured.stack, pods.identities(secured.stack)
    expired, other = authority.issue_expired(HOSTNAME), authority.issue("imap.example.org")
    secured.apply(expired)
    all_secured["unix-24-rootless"].apply(other)
    stack.kubectl.delete("pod", stack.pod_name, "--wait=false")
    pods.wait_replaced(stack, before)
    stack.wait_condition("Warnings", "True", "CertificateExpired: .*Secret unix-24-tls, .* expired on ", 120)
    # The pod's probe has the same to say of what the servers show.
    stack.wait_condition("Warnings", "True", "pod unix-24-0: .*the servers show: the certificate expired on ", 120)
    stack.wait_ready()
    # A client that trusts any certificate, as mail servers do.
    for port, protocol, security in PORTS:
        endpoint = Endpoint(stack.host, port, security)
        until(f"port {port} shows the expired one", _shows(client, endpoint, protocol, expired), 60)
    assert client.send(stack.host, letter(ALICE, "expired"))[0].code == 250

    stack.patch(postfix={"parameters": {"smtpd_banner": "$myhostname ESMTP changed"}})
    stack.wait_ready()
    assert "ESMTP changed" in stack.run_in("postfix", "postconf", "-h", "smtpd_banner")
    named = all_secured["unix-24-rootless"].stack.conditions()
    assert (named["Ready"]["status"], named["Warnings"]["reason"]) == ("True", "CertificateForAnotherName")

    renewed = {each: each.renew() for each in (secured, all_secured["unix-24-rootless"])}
    for each, certificate in renewed.items():
        each.wait_shown(client, certificate, RENEWAL_SECONDS)
        until("there is nothing left to warn of", partial(_is_without_warnings, each.stack), 120)


def _is_without_warnings(stack: Stack) -> bool:
    return "Warnings" not in stack.conditions()


def _refused(stack: Stack) -> bool:
    """Whether the broken certificate has reached every pod, and the sidecar there keeps it from the servers."""
    names = {stack.pod_of("postfix"), stack.pod_of("dovecot")}
    logs = [stack.kubectl.logs(name, "certificates", "--tail=1") for name in names]
    return all("the last good one stays in use" in line for line in logs)

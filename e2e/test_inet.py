"""LMTP over TCP: several Postfix pods, TLS between the pods, and a live MailStack that changes its listener."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import CLIENT_NAMESPACE, CreateStack, client_pod
from mailtest import audit, certificates, faults, greetings, inbox, manifests, pods, policies
from mailtest.certificates import Authority, Certificate
from mailtest.client import Client, Letter, letter
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl, Object
from mailtest.sender import sending
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

ALICE, BOB, CAROL = map(manifests.address, ("alice", "bob", "carol"))
INET = {"listener": {"type": "Inet"}}
RENEWAL_SECONDS = 90.0
# Seconds that a greeting may take beside the other tests.
PATIENCE = 10.0
# Who connects to what, under the policies of _policy: what passes, and what does not.
PASSING = {
    "postfix": "dovecot/24 client/25 client/443 api/443 dns/53",
    "dovecot": "client/443 api/443 dns/53",
    "client": "postfix/25 postfix/9100 dovecot/143 dovecot/9100",
    "neighbour": "postfix/25",
}
DROPPED = {
    "postfix": "dovecot/143 dovecot/9100 client/80",
    "dovecot": "postfix/25 postfix/9100 client/25",
    "client": "postfix/24 postfix/10025 postfix/10026 dovecot/24 dovecot/12345",
    "neighbour": "postfix/9100 postfix/10026 dovecot/24 dovecot/143 dovecot/9100",
}
NOT_VERIFIED = "Server certificate not verified"


def _policy() -> Object:
    """The tests' client may read mail and metrics, and nobody else."""
    return {
        "clientsNetworks": [f"{client_pod()['status']['podIP']}/32"],
        "metricsNamespaces": [CLIENT_NAMESPACE],
        "egress": {},
    }


def _secret(stack: Stack) -> str:
    return f"{stack.name}-lmtp-tls"


def _name(stack: Stack) -> str:
    """The name that Dovecot's certificate for LMTP must bear."""
    return f"{stack.name}-dovecot.{stack.namespace}.svc"


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack, authority: Authority) -> dict[str, Stack]:
    """All of the module's, created at once."""
    found = {
        "two": create_stack("two", delivery=INET, postfix={"replicas": 2}, networkPolicy=_policy()),
        "switch": create_stack("switch"),
    }
    for name in ("other-name", "other-ca"):
        tls = {"secretName": f"{name}-lmtp-tls"}
        found[name] = create_stack(name, delivery={"listener": {"type": "Inet", "inet": {"tls": tls}}})
        _apply(found[name], authority.issue(_name(found[name])))
    return found


def _apply(stack: Stack, certificate: Certificate) -> None:
    stack.kubectl.apply(manifests.tls_secret(_secret(stack), certificate))


@pytest.fixture
def two(stacks: dict[str, Stack]) -> Stack:
    """Two Postfix pods, LMTP in plain text."""
    stacks["two"].wait_ready()
    return stacks["two"]


@pytest.fixture
def switch(stacks: dict[str, Stack]) -> Stack:
    """Runs with a listener of type Unix."""
    stacks["switch"].wait_ready()
    return stacks["switch"]


@pytest.fixture(params=["other-name", "other-ca"])
def secure(stacks: dict[str, Stack], request: pytest.FixtureRequest) -> Stack:
    """LMTP over TLS, verified."""
    stacks[request.param].wait_ready()
    return stacks[request.param]


def test_plain_text_between_pods_is_said(two: Stack) -> None:
    """Promise: without inet.tls the status says that mail crosses the pod network unencrypted."""
    two.wait_condition(
        "Warnings", "True", r"NotEncrypted: .*not encrypted: set spec\.delivery\.listener\.inet\.tls", 30
    )


def test_each_postfix_has_a_cache_of_its_own(two: Stack, client: Client) -> None:
    """Fault: two pods with one cache or one queue would break both; each asks Dovecot for itself."""
    for pod in ("two-0", "two-1"):
        address: str = two.kubectl.must_get("pod", pod)["status"]["podIP"]
        assert not _caches(two.kubectl, pod, ALICE)
        assert client.ask(address, ALICE)[0].code == 250
        assert _caches(two.kubectl, pod, ALICE)


def _caches(kubectl: Kubectl, pod: str, address: str) -> bool:
    table = kubectl.execute(pod, "postfix", "postconf", "-xh", "address_verify_map").strip()
    return address in kubectl.execute(pod, "postfix", "postmap", "-s", table)


def test_the_policies_let_pass_what_mail_needs_and_nothing_else(two: Stack, switch: Stack, client: Client) -> None:
    """Promise: of spec.networkPolicy, where a network enforces it. That of the cluster does not, so its node does."""
    dovecot = two.kubectl.must_get("pod", f"{two.name}-dovecot-0")
    pods = {"postfix": two.pod(), "dovecot": dovecot, "client": client_pod(), "neighbour": switch.pod()}
    runners = {name: policies.within(pod) for name, pod in pods.items()}
    addresses = {name: pod["status"]["podIP"] for name, pod in pods.items()} | _cluster_addresses()
    passing, dropped = (_doors(found, addresses) for found in (PASSING, DROPPED))
    every = {name: passing[name] | dropped[name] for name in pods}
    with policies.enforced(two.kubectl):
        assert _reached(runners, every) == passing
        inbox.deliver(client, two, BOB, "behind-policies")
        assert client.ask(two.host, manifests.address("nobody"))[0].code == 550
        assert two.condition("Ready")["status"] == "True"
    assert _reached(runners, every) == every


def _cluster_addresses() -> dict[str, str]:
    api, dns = (
        Kubectl(namespace).must_get("service", name)["spec"]["clusterIP"]
        for namespace, name in (("default", "kubernetes"), ("kube-system", "kube-dns"))
    )
    return {"api": api, "dns": dns}


def _doors(found: dict[str, str], addresses: dict[str, str]) -> dict[str, set[str]]:
    """With the addresses in place of their names."""
    names = {who: (door.split("/") for door in doors.split()) for who, doors in found.items()}
    return {who: {f"{addresses[name]}/{port}" for name, port in doors} for who, doors in names.items()}


def _reached(runners: dict[str, policies.Runner], doors: dict[str, set[str]]) -> dict[str, set[str]]:
    """By whom which doors are reached."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(runners, pool.map(policies.reached, runners.values(), doors.values()), strict=True))


def test_a_drain_takes_one_postfix_at_once(two: Stack) -> None:
    """Promise: of several pods one stays, and a drain never hangs."""
    until("one pod may go", lambda: _may_go(two) == 1, 30)
    # The other MailStacks of the namespace have one pod of each server.
    budgets = two.kubectl.list("poddisruptionbudgets")
    assert [budget["metadata"]["name"] for budget in budgets] == [two.name]


def _may_go(stack: Stack) -> int:
    found: int = stack.kubectl.must_get("poddisruptionbudget", stack.name)["status"]["disruptionsAllowed"]
    return found


def test_port_25_stays_while_a_postfix_is_replaced(two: Stack, client: Client) -> None:
    """Promise of more than one replica: somebody always takes mail, which arrives once."""
    before = pods.identities(two)
    with greetings.watched(client, two.host, PATIENCE) as seen, sending(client, two.host, BOB, "replicas") as mail:
        two.kubectl.delete("pod", two.pod_name, "--wait=false")
        until(f"{two.pod_name} is replaced", lambda: _is_replaced(two, before), 90)
    assert greetings.NONE not in seen, seen
    audit.arrives_once(client, two, BOB, mail)
    assert mail.unclear == []


def test_no_mail_is_lost_when_dovecot_is_killed(two: Stack, client: Client) -> None:
    """Fault: SIGKILL amid deliveries. What Dovecot had stored, and could not say so, comes twice."""
    _make_known(two, client, BOB)
    with sending(client, two.host, BOB, "killed") as mail, ThreadPoolExecutor(1) as pool:
        subjects = [f"amid-deliveries-{number}" for number in range(200)]
        burst = pool.submit(_accepted, client, two.host, BOB, subjects)
        two.kill("dovecot")
        two.wait_ready()
    assert burst.result() == subjects
    mail.accepted.extend(subjects)
    audit.arrives(client, two, BOB, mail)


def test_without_the_dns_mail_waits_and_nobody_is_refused(two: Stack, client: Client) -> None:
    """Fault: Postfix finds Dovecot by its name. A resolver that is silent must not look like an unknown recipient."""
    _make_known(two, client, ALICE)
    with faults.without_dns(*_postfixes(two)):
        assert client.send(two.host, letter(ALICE, "without-dns"))[0].code == 250
        assert client.ask(two.host, manifests.address("nobody-without-dns"))[0].code == 450
        two.wait_condition("LMTPReachable", "False", "^NameNotResolved: ", 30)
    inbox.wait_for(client, two.host, ALICE, "without-dns")
    two.wait_ready()


def _postfixes(stack: Stack) -> list[Object]:
    """The pods."""
    return [stack.kubectl.must_get("pod", f"{stack.name}-{place}") for place in range(2)]


def _make_known(stack: Stack, client: Client, user: str) -> None:
    """To each Postfix, which has a cache of its own."""
    addresses = [pod["status"]["podIP"] for pod in _postfixes(stack)]
    until(f"{user} is known", lambda: {client.ask(each, user)[0].code for each in addresses} == {250}, 30)


def test_each_message_arrives_once_and_soon_while_dovecot_is_replaced(two: Stack, client: Client) -> None:
    """Fault: Dovecot gets SIGTERM amid deliveries, and for some seconds nobody answers at its address."""
    assert client.ask(two.host, CAROL)[0].code == 250
    accepted, before = list[str](), pods.identities(two)
    two.kubectl.delete("pod", f"{two.name}-dovecot-0", "--wait=false")

    def replaced() -> bool:
        accepted.extend(_accepted(client, two.host, CAROL, [f"replaced-{len(accepted) + each}" for each in range(20)]))
        return _is_replaced(two, before)

    until("Dovecot's pod is replaced", replaced, 120)
    until("the queues are empty", lambda: not any(_queue(two, f"{two.name}-{place}") for place in range(2)), 45)
    assert inbox.subjects(client, two.host, CAROL) == sorted(accepted)


def _is_replaced(stack: Stack, before: pods.Identities) -> bool:
    now = pods.identities(stack)
    return now.keys() == before.keys() and now != before and stack.condition("Ready")["status"] == "True"


def _accepted(client: Client, host: str, user: str, subjects: list[str]) -> list[str]:
    """Those of the messages that Postfix takes; a user's address is in its cache, whether Dovecot is there or not."""
    replies = client.send(host, *(letter(user, subject) for subject in subjects))
    return [subject for subject, reply in zip(subjects, replies, strict=True) if reply.code == 250]


def _queue(stack: Stack, pod: str) -> str:
    return stack.kubectl.execute(pod, "postfix", "postqueue", "-j")


def test_mail_passes_over_verified_tls(secure: Stack, client: Client, authority: Authority) -> None:
    """Promise: lmtp_tls_security_level = secure with the CA of the Secret; then there is nothing to be said."""
    inbox.deliver(client, secure, ALICE, "over-tls")

    assert "not encrypted" not in secure.condition("Warnings").get("message", "")
    offered = Endpoint(secure.lmtp_host, security="starttls", ca=authority.pem, name=_name(secure))
    assert client.deliver(offered, b"", BOB)[0][0].code == 250


def test_a_server_that_is_not_the_one_asked_for_gets_no_mail(
    secure: Stack, client: Client, authority: Authority, tmp_path: Path
) -> None:
    """Fault: a certificate for another name, or of another CA than Postfix knows. Mail waits and none is lost."""
    assert client.ask(secure.host, ALICE)[0].code == 250
    wrong = authority.issue("another.example.org")
    if secure.name == "other-ca":
        wrong = replace(authority.issue(_name(secure)), ca=certificates.found(tmp_path).pem)
    _apply(secure, wrong)

    secure.wait_condition("Ready", "False", "^TLSFailed: ", RENEWAL_SECONDS)
    until("Postfix says so, too", lambda: any(NOT_VERIFIED in line for line in secure.log("postfix")), 60)
    assert client.ask(secure.host, BOB)[0].code == 450
    assert client.send(secure.host, letter(ALICE, "waits"))[0].code == 250
    until("the message waits for that", lambda: NOT_VERIFIED in str(secure.queue()), 60)
    assert "waits" not in inbox.subjects(client, secure.host, ALICE)

    _apply(secure, authority.issue(_name(secure)))
    until("the message is delivered", lambda: not secure.queue(), RENEWAL_SECONDS)
    inbox.wait_for(client, secure.host, ALICE, "waits")


def test_a_live_mailstack_goes_to_tcp_with_its_queue_and_its_mail(switch: Stack, client: Client) -> None:
    """Promise: what is stored and what is queued goes along when the servers get pods of their own."""
    assert {reply.code for reply in client.ask(switch.host, ALICE, BOB)} == {250}
    inbox.deliver(client, switch, ALICE, "stored-by-unix")
    switch.stop_lmtp()
    queued = [letter(user, f"queued-{number}") for number, user in enumerate((ALICE, ALICE, BOB))]
    assert {reply.code for reply in client.send(switch.host, *queued)} == {250}
    assert len(switch.queue()) == 3

    switch.patch(delivery=INET)
    switch.wait_ready()

    until("the queue is delivered", lambda: not switch.queue(), 60)
    assert inbox.subjects(client, switch.host, ALICE) == ["queued-0", "queued-1", "stored-by-unix"]
    assert inbox.subjects(client, switch.host, BOB) == ["queued-2"]


def test_and_back_while_mail_comes_in(switch: Stack, client: Client) -> None:
    """Fault: Dovecot moves to another pod while Postfix takes mail: each message that was accepted arrives once."""
    if switch.listener() == "Unix":
        switch.patch(delivery=INET)
        switch.wait_ready()
    inbox.deliver(client, switch, CAROL, "stored-by-tcp")
    accepted: list[str] = ["stored-by-tcp"]

    def back() -> bool:
        subject = f"on-the-way-{len(accepted)}"
        if _is_accepted(client, switch.host, letter(CAROL, subject)):
            accepted.append(subject)
        return switch.condition("Ready").get("status") == "True"

    switch.patch(delivery={"listener": {"type": "Unix"}})
    until("the MailStack is one pod again", back, 240)

    assert switch.kubectl.get("statefulset", f"{switch.name}-dovecot") is None
    until("the queue is delivered", lambda: not switch.queue(), 60)
    assert inbox.subjects(client, switch.host, CAROL) == sorted(accepted)


def _is_accepted(client: Client, host: str, message: Letter) -> bool:
    """Whether Postfix took it; while its pod is replaced, nobody listens."""
    try:
        return client.send(host, message)[0].code == 250
    except CommandError:
        return False

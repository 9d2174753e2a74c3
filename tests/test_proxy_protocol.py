"""The PROXY protocol: listeners of their own that nobody but the load balancer reaches, and no gap on the way there."""

import pytest

from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import NETWORK_POLICY, SERVICE
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.ports import IMAP_PORT, Port, proxied
from mailstack_operator.stack.postfix import main_cf, master_cf
from mailstack_probe.contract import SMTP_PORT
from tests.policies import Peer, lets_in
from tests.stacks import stack
from tests.world import World

BALANCER, OTHER_BALANCER, CLIENT = Peer("192.0.2.10"), Peer("192.0.2.20"), Peer("198.51.100.7")
POD = Peer(labels={"app": "web"}, namespace="post")
POSTFIX, DOVECOT = (
    Peer(labels=names.pod_labels("mail", server), namespace="post") for server in ("postfix", "dovecot")
)
REHEARSAL = Peer(
    labels={key: value for key, value in names.pod_labels("mail", "rehearsal").items() if key != names.LABEL_INSTANCE},
    namespace="post",
)
SMTP: Json = {"type": "ClusterIP", "proxyProtocol": {"trustedNetworks": ["192.0.2.10/32", "2001:db8::10/64"]}}
CLIENTS: Json = {"type": "ClusterIP", "proxyProtocol": {"trustedNetworks": ["192.0.2.20/32"]}}
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}
EVERYTHING: dict[str, Json] = {
    "spec.tls": {"secretName": "mail-tls"},
    "spec.submission": {},
    "spec.plugins": {"sieve": {}},
}
PROXIED: dict[str, Json] = {**EVERYTHING, "spec.expose": {"smtp": SMTP, "clients": CLIENTS}}
ROOTLESS: dict[str, Json] = {"spec.dovecot": {"rootless": {}}}
OF_POSTFIX, OF_DOVECOT = (2525, 10587, 10465), (10143, 10993, 14190)


def made(changes: dict[str, Json], kind: str) -> list[Object]:
    return [each for each in children.children(topology.decide(stack(changes))) if each["kind"] == kind]


def container_ports(changes: dict[str, Json]) -> dict[str, int]:
    """Of all containers of all mail pods, by name."""
    pods = [section(each, "spec", "template", "spec") for each in made(changes, "StatefulSet")]
    containers = [one for pod in pods for kind in ("initContainers", "containers") for one in entries(pod, kind)]
    found = [port for one in containers for port in entries(one, "ports")]
    return {text(port, "name"): int(str(port["containerPort"])) for port in found}


@pytest.mark.parametrize("changes", [{}, INET, ROOTLESS], ids=["unix", "inet", "rootless"])
def test_each_service_leads_to_listeners_of_its_own(changes: dict[str, Json]) -> None:
    """The plain ones stay, for probes and for the cluster."""
    before = container_ports({**EVERYTHING, **changes})
    after = container_ports({**PROXIED, **changes})
    assert before.items() <= after.items()
    assert len({*after.values()} - {9100}) == len(after) - 1
    for service in made({**PROXIED, **changes}, "Service"):
        is_proxied = text(section(service, "metadata"), "name") in ("mail-smtp", "mail-clients")
        targets = [text(port, "targetPort") for port in entries(section(service, "spec"), "ports")]
        if text(section(service, "metadata"), "name") == "mail" or is_proxied:
            assert {*targets} <= {*after}
            assert {target.endswith("-px") for target in targets} == {is_proxied}


def test_names_are_those_that_kubernetes_takes() -> None:
    assert max(map(len, container_ports(PROXIED))) <= 15


def test_dovecot_without_root_listens_beside_its_own_ports() -> None:
    assert proxied(Port("imap", IMAP_PORT, IMAP_PORT)).container == 10143
    assert proxied(Port("imap", IMAP_PORT, 10143)).container == 20143
    assert proxied(Port("smtp", SMTP_PORT, SMTP_PORT)).container == 2525


def services(changes: dict[str, Json]) -> dict[str, list[str]]:
    """The options of master.cf's inet services, by name."""
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for line in master_cf.render(topology.decide(stack(changes))).splitlines():
        if line.startswith(" "):
            last.append(line.strip().removeprefix("-o "))
        elif len(words := line.split()) == 8 and words[1] == "inet":
            last = found[words[0]] = []
    return found


def test_no_address_has_a_privilege_there() -> None:
    """Fault: Postfix believes every header, also one that says 127.0.0.1."""
    for port in OF_POSTFIX:
        assert {"smtpd_upstream_proxy_protocol=haproxy", "mynetworks=", "local_header_rewrite_clients="} <= {
            *services(PROXIED)[str(port)]
        }


@pytest.mark.parametrize(("port", "plain"), [("10587", "submission"), ("10465", "submissions")])
def test_whoever_sends_by_it_logs_in_as_elsewhere(port: str, plain: str) -> None:
    found = services(PROXIED)
    as_elsewhere = {option.replace("$service_name", plain) for option in found[plain]}
    assert as_elsewhere <= {*found[port]}
    assert "smtpd_relay_restrictions=permit_sasl_authenticated,reject" in as_elsewhere


def test_checks_of_the_load_balancer_are_not_limited() -> None:
    """Fault: they count as one client's, and every client behind it is refused. Postfix takes no host bits."""
    assert "smtpd_client_event_limit_exceptions=192.0.2.10/32,[2001:db8::]/64" in services(PROXIED)["2525"]


def test_a_check_that_stops_smtpd_delays_nobody_for_a_minute() -> None:
    assert "service_throttle_time = 1s" in main_cf.render(topology.decide(stack(PROXIED)))
    assert "service_throttle_time" not in main_cf.render(topology.decide(stack(EVERYTHING)))


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_dovecot_trusts_the_networks_alone(version: str) -> None:
    text = dovecot_conf.render(topology.decide(stack({**PROXIED, "spec.dovecot": {"version": version}})))
    assert "haproxy_trusted_networks = 192.0.2.20/32\n" in text
    assert text.count("haproxy = yes") == len(OF_DOVECOT)
    assert "haproxy" not in dovecot_conf.render(topology.decide(stack(EVERYTHING)))


def test_one_audience_alone_may_be_behind_it() -> None:
    found = services({**EVERYTHING, "spec.expose": {"smtp": SMTP, "clients": {}}})
    assert [name for name in found if name.isdecimal()] == ["2525"]
    beside = {name for name in container_ports({**EVERYTHING, "spec.expose": {"clients": CLIENTS}}) if "-px" in name}
    assert beside == {"submission-px", "submissions-px", "imap-px", "imaps-px", "sieve-px"}


@pytest.mark.parametrize("policy", [{}, {"spec.networkPolicy": {}}], ids=["alone", "with networkPolicy"])
@pytest.mark.parametrize("changes", [{}, INET], ids=["unix", "inet"])
def test_only_the_load_balancer_reaches_the_listeners(changes: dict[str, Json], policy: dict[str, Json]) -> None:
    """Fault: any pod that reaches them is whatever client it says it is. The policy is not optional."""
    found = made({**PROXIED, **changes, **policy}, "NetworkPolicy")
    mailboxes = DOVECOT if changes else POSTFIX
    assert lets_in(found, POSTFIX, BALANCER, 2525)
    assert not lets_in(found, POSTFIX, OTHER_BALANCER, 2525)
    for pod, ports in ((POSTFIX, (10587, 10465)), (mailboxes, OF_DOVECOT)):
        assert {lets_in(found, pod, OTHER_BALANCER, port) for port in ports} == {True}
        assert {lets_in(found, pod, who, port) for port in ports for who in (BALANCER, CLIENT, POD)} == {False}


@pytest.mark.parametrize("changes", [{}, INET], ids=["unix", "inet"])
def test_its_policy_closes_nothing_else(changes: dict[str, Json]) -> None:
    found = made({**PROXIED, **changes}, "NetworkPolicy")
    guarded = {*OF_POSTFIX, *OF_DOVECOT}
    ports = {*range(1, 200), *range(2500, 2600), *range(10100, 10700), *range(14000, 14300), 9100, 65535} - guarded
    for pod in (POSTFIX, DOVECOT):
        assert {lets_in(found, pod, who, port) for who in (CLIENT, POD) for port in ports} == {True}
        assert lets_in(found, pod, POD, 2525, "UDP")


def test_a_rehearsal_lets_nobody_in() -> None:
    """It has the same listeners, and the same users."""
    assert not lets_in(made(PROXIED, "NetworkPolicy"), REHEARSAL, POD, 2525)
    assert lets_in(made({**EVERYTHING, "spec.networkPolicy": {}}, "NetworkPolicy"), REHEARSAL, POD, 25)


SMTP_SERVICE = SERVICE.ref("post", "mail-smtp")
POLICY = NETWORK_POLICY.ref("post", "mail")


def target(world: World) -> Json:
    (port,) = entries(section(world.cluster.objects[SMTP_SERVICE], "spec"), "ports")
    return port["targetPort"]


def refused_pod() -> Object:
    ended: Json = {"exitCode": 1, "message": "fatal: no"}
    return {"containerStatuses": [{"name": "rehearsal", "state": {"terminated": ended}}]}


async def test_connections_go_there_once_the_pods_listen(running: World) -> None:
    """Fault: the Service leads to a port that no pod has until the change was rehearsed and the pods were replaced."""
    running.change({"spec.expose": {"smtp": {"type": "ClusterIP"}}})
    await running.settled()
    running.change({"spec.expose": {"smtp": SMTP}})
    await running.run()
    assert (target(running), POLICY in running.cluster.objects) == ("smtp", True)
    await running.tried("Succeeded")
    assert target(running) == "smtp"
    await running.settled()
    assert target(running) == "smtp-px"
    assert running.condition("Ready")["status"] == "True"


async def test_a_change_that_is_refused_leaves_connections_where_they_are(running: World) -> None:
    running.change({"spec.expose": {"smtp": {"type": "ClusterIP"}}})
    await running.settled()
    running.change({"spec.expose": {"smtp": SMTP}, "spec.postfix.parameters": {"no_such": "x"}})
    await running.tried("Failed", refused_pod())
    assert (running.condition("Ready")["reason"], target(running)) == ("ConfigRefused", "smtp")


async def test_the_policy_outlives_the_listeners(running: World) -> None:
    """Fault: the field is gone, the policy as well, and pods that are not replaced yet listen to everybody."""
    running.change({"spec.expose": {"smtp": SMTP}})
    await running.tried("Succeeded")
    await running.settled()
    running.change({"spec.expose": {"smtp": {"type": "ClusterIP"}}})
    await running.run()
    assert POLICY in running.cluster.objects
    await running.tried("Succeeded")
    assert POLICY in running.cluster.objects
    await running.settled()
    assert (POLICY in running.cluster.objects, target(running)) == (False, "smtp")

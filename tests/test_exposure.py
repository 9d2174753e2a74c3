"""Services for clients outside of the cluster: what becomes of spec.expose, and how their addresses are told."""

import pytest

from mailstack_operator.kube.kinds import SERVICE, SERVICE_ACCOUNT
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.warnings import of_spec
from tests.stacks import stack
from tests.world import World

SMTP = SERVICE.ref("post", "mail-smtp")
EVERYTHING: dict[str, Json] = {
    "spec.tls": {"secretName": "mail-tls"},
    "spec.submission": {},
    "spec.plugins": {"sieve": {}},
}
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}
BOTH: dict[str, Json] = {"spec.expose": {"smtp": {}, "clients": {}}}
PUBLIC: dict[str, Json] = {"spec.expose": {"smtp": {}}}


def services(changes: dict[str, Json]) -> dict[str, Object]:
    """By name, each with its spec."""
    found = children.children(topology.decide(stack(changes)))
    return {text(section(one, "metadata"), "name"): one for one in found if one["kind"] == "Service"}


def ports(service: Object) -> list[Json]:
    return [port["port"] for port in entries(section(service, "spec"), "ports")]


def traffic(changes: dict[str, Json], name: str) -> Json:
    return section(services(changes)[name], "spec").get("externalTrafficPolicy")


def test_nothing_is_exposed_by_itself() -> None:
    assert [*services({})] == ["mail"]


def test_each_audience_has_its_ports_and_the_cluster_keeps_all() -> None:
    found = services({**EVERYTHING, **BOTH})
    assert {name: ports(service) for name, service in found.items()} == {
        "mail": [25, 587, 465, 143, 993, 4190],
        "mail-smtp": [25],
        "mail-clients": [587, 465, 143, 993, 4190],
    }
    assert section(found["mail"], "spec").get("type") is None


def test_a_port_that_is_not_served_is_not_exposed() -> None:
    assert ports(services(BOTH)["mail-clients"]) == [143]


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_servers_see_the_addresses_of_clients_by_default(kind: str) -> None:
    assert traffic({"spec.expose": {"smtp": {"type": kind}}}, "mail-smtp") == "Local"
    assert traffic({**EVERYTHING, "spec.expose": {"clients": {"type": kind}}}, "mail-clients") == "Local"


def test_no_node_drops_connections_by_default() -> None:
    """Fault: with Local a node that has Postfix's pod alone gets the connections for IMAP too, and drops them."""
    assert traffic({**EVERYTHING, **INET, **BOTH}, "mail-clients") == "Cluster"
    assert traffic({**EVERYTHING, **INET, **BOTH}, "mail-smtp") == "Local"
    # Mail programs only read, and there is one pod for that.
    assert traffic({**INET, **BOTH}, "mail-clients") == "Local"


def test_local_traffic_to_two_pods_is_warned_of() -> None:
    wanted: dict[str, Json] = {"spec.expose": {"clients": {"externalTrafficPolicy": "Local"}}}
    found = {
        len(changes): [warning.reason for warning in of_spec(topology.decide(stack(changes)))]
        for changes in ({**wanted, **EVERYTHING}, {**wanted, **EVERYTHING, **INET})
    }
    assert [*found.values()] == [[], ["NotEncrypted", "LocalTrafficSplit"]]


def test_a_service_within_the_cluster_has_no_field_of_the_outside() -> None:
    spec = section(services({"spec.expose": {"smtp": {"type": "ClusterIP"}}})["mail-smtp"], "spec")
    outside = ("externalTrafficPolicy", "loadBalancerClass", "loadBalancerSourceRanges")
    assert [name for name in outside if name in spec] == []


def test_it_takes_mail_while_dovecot_is_down_as_the_service_of_the_cluster_does() -> None:
    for changes in (BOTH, {**BOTH, **INET}):
        found = services(changes)
        assert {section(found[name], "spec")["publishNotReadyAddresses"] for name in ("mail", "mail-smtp")} == {
            changes is BOTH
        }


def give_address(world: World, *ingress: Json) -> None:
    """The load balancer's controller writes the status, and the watch tells of it."""
    world.store.note(
        world.cluster.put({**world.cluster.objects[SMTP], "status": {"loadBalancer": {"ingress": [*ingress]}}})
    )


async def exposed(world: World) -> World:
    world.change(PUBLIC)
    await world.settled()
    return world


def expose_status(world: World) -> Json:
    return section(world.cluster.objects[world.stack], "status").get("expose")


async def test_the_address_is_in_the_status(running: World) -> None:
    await exposed(running)
    assert expose_status(running) is None
    assert running.condition("Ready")["reason"] == "AddressPending"
    assert "kubectl describe service mail-smtp" in str(running.condition("Ready")["message"])
    give_address(running, {"ip": "192.0.2.7"}, {"hostname": "lb.example.net"})
    await running.run()
    assert expose_status(running) == {"smtp": {"addresses": ["192.0.2.7", "lb.example.net"]}}
    records = entries(running.status, "dnsRecords")
    assert [each["targets"] for each in records if each["recordType"] == "A"] == [["192.0.2.7"]]
    assert running.condition("Ready")["status"] == "True"


async def test_the_operator_learns_of_it_without_a_question(running: World) -> None:
    """The watch has it. A Service has no generation: the operator states once what it wants, which changes nothing."""
    await exposed(running)
    running.cluster.looked_at.clear()
    give_address(running, {"ip": "192.0.2.7"})
    await running.run()
    running.cluster.watch(running.store)
    assert running.cluster.looked_at == []
    assert running.cluster.writes == ["apply Service mail-smtp", "status"]
    await running.run()
    assert running.cluster.writes == []


async def test_a_restarted_operator_knows_the_address(running: World) -> None:
    await exposed(running)
    give_address(running, {"ip": "192.0.2.7"})
    await running.run()
    running.start()
    await running.run()
    assert (running.cluster.writes, expose_status(running)) == ([], {"smtp": {"addresses": ["192.0.2.7"]}})


async def test_a_lost_address_is_told(running: World) -> None:
    await exposed(running)
    give_address(running, {"ip": "192.0.2.7"})
    await running.run()
    give_address(running)
    await running.run()
    assert (expose_status(running), running.condition("Ready")["reason"]) == (None, "AddressPending")


async def test_another_type_has_no_address(running: World) -> None:
    await exposed(running)
    give_address(running, {"ip": "192.0.2.7"})
    running.change({"spec.expose": {"smtp": {"type": "ClusterIP"}}})
    await running.run()
    assert (expose_status(running), running.condition("Ready")["status"]) == (None, "True")


async def test_a_node_port_waits_for_no_address(running: World) -> None:
    running.change({"spec.expose": {"smtp": {"type": "NodePort"}}})
    await running.settled()
    assert running.condition("Ready")["status"] == "True"


async def test_the_service_goes_with_the_field(running: World) -> None:
    await exposed(running)
    running.change()
    await running.run()
    assert "delete Service mail-smtp" in running.cluster.writes
    running.cluster.watch(running.store)
    assert (SMTP in running.cluster.objects, expose_status(running)) == (False, None)
    assert running.condition("Ready")["status"] == "True"


async def test_a_door_is_closed_although_another_change_is_refused(running: World) -> None:
    """Fault: a configuration that waits for its rehearsal keeps the port open to the internet."""
    await exposed(running)
    running.change({"spec.postfix.parameters": {"smtpd_banner": "x"}})
    await running.run()
    assert running.condition("Ready")["reason"] == "Rehearsing"
    assert SMTP not in running.cluster.objects


async def test_what_the_api_server_refuses_of_it_stops_no_pod(running: World) -> None:
    """Such as a port of the nodes that another Service has."""
    before = {ref: body for ref, body in running.cluster.objects.items() if ref.kind == "StatefulSet"}
    running.cluster.refuse["Service"] = ClusterError(422, "provided port is already allocated")
    running.change({"spec.expose": {"smtp": {"nodePorts": {"smtp": 30025}}}})
    await running.run()
    assert running.condition("Ready")["reason"] == "ApplyRefused"
    assert "provided port is already allocated" in str(running.condition("Ready")["message"])
    assert {ref: running.cluster.objects[ref] for ref in before} == before


def test_only_services_are_read_whole_for_it() -> None:
    assert (SERVICE.is_read_whole, SERVICE_ACCOUNT.is_read_whole) == (True, False)

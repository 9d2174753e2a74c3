"""Links that exist in this file alone: nothing in the package names them, and every part of it shows them."""

from mailstack_operator.cli.plugin.screens.link_screen import render_links
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack import children, link, topology
from mailstack_operator.stack.link import PURPOSES, Purpose
from mailstack_operator.stack.topology import Topology
from tests.stacks import stack

GREYLIST = Purpose(
    "greylist",
    "senders never seen before (policy)",
    "greylist",
    12399,
    needed=lambda spec: spec.submission is None,
    settings={"executable": "greylist -p postfix"},
    parameters=lambda found: {"smtpd_data_restrictions": f"check_policy_service {found.endpoint}"},
)
MILTER = Purpose(
    "milter",
    "mail to be signed (milter)",
    "milter",
    11332,
    needed=lambda _: True,
    parameters=lambda found: {"smtpd_milters": found.endpoint},
    server="filter",
)
TABLE = (*PURPOSES, GREYLIST, MILTER)
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}


def planned(changes: dict[str, Json] | None = None) -> Topology:
    return topology.decide(stack(changes), purposes=TABLE)


def child(plan: Topology, kind: str, name: str) -> Object:
    found = children.children(plan)
    return next(each for each in found if (each["kind"], section(each, "metadata")["name"]) == (kind, name))


def file(plan: Topology, config_map: str, name: str) -> str:
    return text(section(child(plan, "ConfigMap", config_map), "data"), name)


def test_in_one_pod_both_servers_know_its_socket() -> None:
    main_cf = file(planned(), "mail-postfix", "main.cf")
    assert "smtpd_data_restrictions = check_policy_service unix:private/greylist\n" in main_cf
    dovecot_conf = file(planned(), "mail-dovecot", "dovecot.conf")
    assert "service greylist {\n  executable = greylist -p postfix\n" in dovecot_conf
    assert "  unix_listener /var/spool/postfix/private/greylist {\n" in dovecot_conf


def test_over_tcp_both_servers_the_container_and_the_service_know_its_port() -> None:
    plan = planned(INET)
    main_cf = file(plan, "mail-postfix", "main.cf")
    assert "smtpd_data_restrictions = check_policy_service inet:mail-dovecot.post.svc:12399\n" in main_cf
    assert "  inet_listener greylist {\n    port = 12399\n" in file(plan, "mail-dovecot", "dovecot.conf")
    ports = entries(section(child(plan, "Service", "mail-dovecot"), "spec"), "ports")
    assert 12399 in [port["port"] for port in ports]
    pod = section(child(plan, "StatefulSet", "mail-dovecot"), "spec", "template", "spec")
    (dovecot,) = entries(pod, "containers")
    assert "greylist" in [text(port, "name") for port in entries(dovecot, "ports")]


def test_a_component_beside_postfix_is_asked_on_the_loopback_interface() -> None:
    for changes in ({}, INET):
        assert "smtpd_milters = inet:127.0.0.1:11332\n" in file(planned(changes), "mail-postfix", "main.cf")
        assert "milter" not in file(planned(changes), "mail-dovecot", "dovecot.conf")


def test_a_person_sees_it_in_the_plugin() -> None:
    screen = render_links(planned(), {"greylist": "srw------- postfix:postfix"}, 120)
    (line,) = (line for line in screen.splitlines() if "private/greylist" in line)
    assert "senders never seen before (policy)" in line
    assert "srw------- postfix:postfix" in line
    assert "127.0.0.1:11332" in screen


def test_it_is_there_only_where_it_is_needed() -> None:
    changes: dict[str, Json] = {"spec.submission": {}, "spec.tls": {"secretName": "tls"}}
    assert "greylist" not in file(planned(changes), "mail-postfix", "main.cf")


def test_lmtp_cannot_take_its_socket_and_port() -> None:
    assert "greylist" in link.taken_sockets(TABLE)
    assert 12399 in link.taken_ports(TABLE)

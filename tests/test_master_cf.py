"""Postfix's services: who may connect where, and what a service demands."""

import re

import pytest

from mailstack_operator.kube.objects import Json, section
from mailstack_operator.stack import services as services_of
from mailstack_operator.stack import topology
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.link import taken_sockets
from mailstack_operator.stack.postfix import dovecot_clients, main_cf, master_cf
from tests.stacks import stack

SERVICE_FIELDS = 8
PROBE = "127.0.0.1:10025"


def services(submission: bool) -> dict[tuple[str, str], list[str]]:
    """By name and type: the service's fields, then its options."""
    access: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}, "spec.submission": {}} if submission else {}
    found: dict[tuple[str, str], list[str]] = {}
    last: list[str] = []
    for line in master_cf.render(topology.decide(stack(access))).splitlines():
        if line.startswith(" "):
            last.append(line.strip().removeprefix("-o "))
        elif not line.startswith("#"):
            last = line.split()
            found[last[0], last[1]] = last
    return found


def options(name: str) -> list[str]:
    return services(submission=True)[name, "inet"][SERVICE_FIELDS:]


def test_every_socket_of_postfix_is_a_name_that_dovecot_may_not_take() -> None:
    private = {name for (name, kind), fields in services(True).items() if kind.startswith("unix") and fields[2] == "-"}
    assert private <= set(taken_sockets())


def test_nothing_runs_in_a_chroot() -> None:
    assert {fields[4] for fields in services(True).values()} == {"n"}


def test_there_is_no_pipe_and_so_no_lda() -> None:
    assert "pipe" not in {fields[7] for fields in services(True).values()}


def test_without_submission_postfix_listens_on_port_25_and_for_the_probe_alone() -> None:
    assert [name for name, kind in services(False) if kind == "inet"] == ["smtp", PROBE]


def test_the_listener_for_the_probe_is_no_way_in() -> None:
    """Only its own pod reaches it, and it accepts no message; who may relay is what main.cf says."""
    assert PROBE.startswith("127.0.0.1:")
    assert "smtpd_data_restrictions=reject" in options(PROBE)
    assert not [option for option in options(PROBE) if "relay" in option or "mynetworks" in option]


def test_the_listener_for_the_probe_keeps_the_restrictions_of_port_25_and_no_filter() -> None:
    """A faulty restriction is found by the rehearsal; a filter that is away is none of Dovecot's business."""
    assert {"smtpd_milters=", "smtpd_milter_maps="} <= set(options(PROBE))
    restrictions = [option for option in options(PROBE) if "restrictions" in option]
    assert restrictions == ["smtpd_data_restrictions=reject", "smtpd_etrn_restrictions="]


def test_port_25_has_no_options_of_its_own() -> None:
    assert options("smtp") == []


def test_nobody_sends_through_submission_without_a_login() -> None:
    for name in ("submission", "submissions"):
        assert "smtpd_sasl_auth_enable=yes" in options(name)
        assert "smtpd_relay_restrictions=permit_sasl_authenticated,reject" in options(name)


def test_a_mail_program_may_name_as_many_recipients_as_before_unless_the_spec_limits_them() -> None:
    for name in ("submission", "submissions"):
        assert "smtpd_recipient_limit=1000" in options(name)
    limited: dict[str, Json] = {
        "spec.tls": {"secretName": "mail-tls"},
        "spec.submission": {},
        "spec.postfix.parameters": {"smtpd_recipient_limit": "50"},
    }
    assert "smtpd_recipient_limit" not in master_cf.render(topology.decide(stack(limited)))


def test_a_login_sends_as_itself() -> None:
    for name in ("submission", "submissions"):
        assert "smtpd_sender_restrictions=reject_sender_login_mismatch" in options(name)


SIEVE: dict[str, Json] = {"spec.plugins": {"sieve": {}}}
INET: dict[str, Json] = {**SIEVE, "spec.delivery": {"listener": {"type": "Inet"}}}


def outgoing(changes: dict[str, Json]) -> str:
    """The service for the mail that Dovecot sends, with its options."""
    text = master_cf.render(topology.decide(stack(changes)))
    return text[text.index(":10026 " if "127.0.0.1:10026" in text else "\n10026 ") :]


def test_only_the_pods_own_containers_send_for_dovecot_in_one_pod() -> None:
    assert "127.0.0.1:10026 " in master_cf.render(topology.decide(stack(SIEVE)))
    assert "smtpd_relay_restrictions=permit_mynetworks,reject\n" in outgoing(SIEVE)


def test_over_tcp_only_dovecots_pod_sends_elsewhere() -> None:
    dovecot = "check_client_access,regexp:/etc/postfix/dovecot_clients.regexp"
    assert f"smtpd_relay_restrictions={dovecot},reject_unauth_destination\n" in outgoing(INET)
    plan = topology.decide(stack(INET))
    assert "submission_host = mail-outgoing.post.svc:10026\n" in dovecot_conf.render(plan)
    assert [section(each, "metadata")["name"] for each in services_of.outgoing(plan)] == ["mail-outgoing"]


def test_over_tcp_the_names_of_dovecots_pods_are_looked_up() -> None:
    assert "smtpd_peername_lookup=yes\n" in outgoing(INET)
    assert "peername" not in outgoing(SIEVE)


def test_over_tcp_another_client_may_not_use_a_sender_that_port_25_refuses() -> None:
    refusing = outgoing({**INET, "spec.postfix.ownDomainSenders": "Reject"})
    assert "regexp:/etc/postfix/dovecot_clients.regexp,check_sender_access,regexp:/etc/postfix/own_senders" in refusing


@pytest.mark.parametrize(
    ("client", "permitted"),
    [
        ("10-244-0-7.mail-dovecot.post.svc.cluster.local", True),
        ("mail-dovecot-0.mail-dovecot.post.svc.example.org", True),
        ("10-244-0-7.mail-dovecot.other.svc.cluster.local", False),
        # The Service for people leads to it as well.
        ("10-244-0-7.mail.post.svc.cluster.local", True),
        ("10-244-0-7.mail.other.svc.cluster.local", False),
        ("10-244-0-7.mail-outgoing.post.svc.cluster.local", False),
        ("x.mail-dovecotxpost.svc.cluster.local", False),
        ("a.b.mail-dovecot.post.svc.cluster.local", False),
        ("10.244.0.7", False),
        ("unknown", False),
    ],
)
def test_dovecots_pods_are_known_by_the_clusters_dns(client: str, permitted: bool) -> None:
    found = topology.decide(stack(INET)).outgoing
    assert found
    lines = [line.rpartition("/ ") for line in dovecot_clients.render(found.clients).splitlines()]
    assert {result for _, _, result in lines} == {"permit"}
    assert any(re.search(pattern.removeprefix("/"), client) for pattern, _, _ in lines) == permitted


def test_what_dovecot_sends_is_limited() -> None:
    for changes in (SIEVE, INET):
        assert "smtpd_client_event_limit_exceptions=\n" in outgoing(changes)
        assert "smtpd_client_message_rate_limit=300\n" in outgoing(changes)


def test_without_sieve_dovecot_sends_nothing() -> None:
    assert "10026" not in master_cf.render(topology.decide(stack()))


def test_tlsproxy_verifies_dovecot_as_lmtp_does() -> None:
    inet: dict[str, Json] = {"type": "Inet", "inet": {"tls": {"secretName": "lmtp"}}}
    plan = topology.decide(stack({"spec.delivery.listener": inet}))
    _, _, proxy = master_cf.render(plan).partition("\ntlsproxy ")
    written = dict(re.findall(r"^([a-zA-Z_]+) = (.*)$", main_cf.render(plan), re.MULTILINE))
    assert f"\n  -o tlsproxy_client_security_level={written['lmtp_tls_security_level']}\n" in proxy
    assert f"\n  -o tlsproxy_client_CAfile={written['lmtp_tls_CAfile']}\n" in proxy
    assert f"\n  -o tlsproxy_client_loglevel={written['lmtp_tls_loglevel']}\n" in proxy


@pytest.mark.parametrize("listener", ["Unix", "Inet"])
def test_without_tls_between_the_servers_there_is_no_tlsproxy(listener: str) -> None:
    """Its name in private/ stays free for Dovecot's socket."""
    plan = topology.decide(stack({"spec.delivery.listener": {"type": listener}}))
    assert "tlsproxy" not in master_cf.render(plan)
    assert "tlsproxy" not in taken_sockets()


def test_submission_demands_tls_before_anything_else() -> None:
    assert "smtpd_tls_security_level=encrypt" in options("submission")
    assert "smtpd_tls_wrappermode=yes" in options("submissions")


def test_a_domain_in_a_table_means_no_domain_below_it() -> None:
    """A remote address at sub.example.org is not asked for at Dovecot."""
    assert "parent_domain_matches_subdomains=" in options("submission")


@pytest.mark.parametrize("changes", [SIEVE, INET])
def test_dovecot_is_not_one_of_the_clients_whose_connections_are_limited(changes: dict[str, Json]) -> None:
    """Fault: with a limit of 60, redirects of a busy minute were deferred."""
    assert "smtpd_client_connection_rate_limit=0" in outgoing(changes)

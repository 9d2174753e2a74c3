"""Who may connect to the mail pods, and where they may connect to: what the rendered policies mean."""

import pytest

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import children, topology
from tests.policies import Peer, lets_in, lets_out
from tests.stacks import stack

POSTFIX, DOVECOT = (
    Peer(labels=names.pod_labels("mail", server), namespace="post") for server in ("postfix", "dovecot")
)
# Of a MailStack beside it, of a stranger beside it, and of Prometheus.
NEIGHBOUR = Peer(labels=names.pod_labels("other", "postfix"), namespace="post")
STRANGER = Peer(labels={"app": "web"}, namespace="post")
# Somebody who gives their own pods the labels of Postfix.
FORGER = Peer(labels=names.pod_labels("mail", "postfix"), namespace="elsewhere")
PROMETHEUS = Peer(labels={"app": "prometheus"}, namespace="monitoring")
OFFICE, INTERNET = Peer("192.0.2.7"), Peer("198.51.100.7")
INET: dict[str, Json] = {
    "spec.delivery": {"listener": {"type": "Inet"}},
    "spec.plugins": {"sieve": {}, "quota": {"size": "1Gi"}},
}
PEOPLE: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}, "spec.submission": {}}
OPEN: dict[str, Json] = {**INET, **PEOPLE, "spec.networkPolicy": {}}
NARROW: Json = {"clientsNetworks": ["192.0.2.0/24"], "metricsNamespaces": ["monitoring"], "egress": {"ports": [3306]}}
CLOSED: dict[str, Json] = {**INET, **PEOPLE, "spec.networkPolicy": NARROW}


def policies(changes: dict[str, Json]) -> list[Object]:
    found = children.children(topology.decide(stack(changes)))
    return [each for each in found if each["kind"] == "NetworkPolicy"]


def test_there_is_none_by_default() -> None:
    assert policies({**INET, **PEOPLE}) == []


@pytest.mark.parametrize("who", [INTERNET, OFFICE, STRANGER, PROMETHEUS])
def test_everybody_brings_and_reads_mail(who: Peer) -> None:
    found = policies(OPEN)
    assert all(lets_in(found, POSTFIX, who, port) for port in (25, 465, 587))
    assert all(lets_in(found, DOVECOT, who, port) for port in (143, 993, 4190))


def test_networks_are_those_that_the_spec_lists() -> None:
    found = policies(CLOSED)
    doors = [(POSTFIX, 587), (POSTFIX, 465), (DOVECOT, 143), (DOVECOT, 993), (DOVECOT, 4190)]
    assert {lets_in(found, pod, OFFICE, port) for pod, port in doors} == {True}
    assert {lets_in(found, pod, who, port) for pod, port in doors for who in (INTERNET, STRANGER)} == {False}
    assert lets_in(found, POSTFIX, INTERNET, 25)


@pytest.mark.parametrize("port", [24, 12345, 12340])
def test_postfix_alone_reaches_what_dovecot_has_for_it(port: int) -> None:
    """Fault: LMTP has no login; whoever reaches it delivers what they like."""
    found = policies(OPEN)
    assert lets_in(found, DOVECOT, POSTFIX, port)
    assert {lets_in(found, DOVECOT, who, port) for who in (NEIGHBOUR, STRANGER, FORGER, INTERNET, PROMETHEUS)} == {
        False
    }


def test_dovecot_alone_reaches_the_listener_for_scripts() -> None:
    found = policies(OPEN)
    assert lets_in(found, POSTFIX, DOVECOT, 10026)
    assert not lets_in(found, POSTFIX, STRANGER, 10026)


def test_metrics_are_for_the_cluster_or_for_the_namespaces_of_the_spec() -> None:
    for pod in (POSTFIX, DOVECOT):
        assert {lets_in(policies(OPEN), pod, who, 9100) for who in (PROMETHEUS, STRANGER)} == {True}
        assert not lets_in(policies(OPEN), pod, INTERNET, 9100)
        assert lets_in(policies(CLOSED), pod, PROMETHEUS, 9100)
        assert not lets_in(policies(CLOSED), pod, STRANGER, 9100)


def test_nothing_is_kept_in_unless_the_spec_says_so() -> None:
    assert lets_out(policies(OPEN), POSTFIX, INTERNET, 4444)


def test_the_pods_still_reach_what_they_need() -> None:
    """Fault: an egress rule that stops the probe's report, the DNS or the mail."""
    found = policies(CLOSED)
    for pod in (POSTFIX, DOVECOT):
        assert {lets_out(found, pod, INTERNET, port) for port in (443, 6443, 3306)} == {True}
        assert {lets_out(found, pod, STRANGER, 53, protocol) for protocol in ("UDP", "TCP")} == {True}
        assert not lets_out(found, pod, INTERNET, 80)
    assert lets_out(found, POSTFIX, INTERNET, 25)
    assert not lets_out(found, DOVECOT, INTERNET, 25)
    assert {lets_out(found, POSTFIX, DOVECOT, port) for port in (24, 12345, 12340)} == {True}
    assert lets_out(found, DOVECOT, POSTFIX, 10026)


@pytest.mark.parametrize(
    ("relay", "port"), [("[smtp.example.net]:587", 587), ("smtp.example.net", 25), ("[mx]:465", 465)]
)
def test_postfix_reaches_the_relay_host(relay: str, port: int) -> None:
    found = policies({**CLOSED, "spec.submission": {"relayHost": relay}})
    assert lets_out(found, POSTFIX, INTERNET, port)


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ({"sql": {"driver": "PostgreSQL", "hosts": ["db"], "database": "mail", "user": "dovecot"}}, 5432),
        ({"sql": {"driver": "MySQL", "hosts": ["db"], "port": 3307, "database": "mail", "user": "dovecot"}}, 3307),
        ({"ldap": {"uris": ["ldaps://ldap"], "bindDn": "cn=a", "base": "dc=a"}}, 636),
        ({"ldap": {"uris": ["ldaps://ldap:3269"], "bindDn": "cn=a", "base": "dc=a"}}, 3269),
    ],
)
@pytest.mark.parametrize("changes", [{}, INET], ids=["unix", "inet"])
def test_dovecot_reaches_its_source_of_users(
    changes: dict[str, Json], source: dict[str, dict[str, Json]], port: int
) -> None:
    """Fault: a source out of reach; no mail arrives."""
    ((tag, fields),) = source.items()
    asked: Json = {tag: {**fields, "password": {"secretName": "a"}, "tls": {"caSecretName": "b"}}}
    found = policies({**changes, "spec.users": asked, "spec.networkPolicy": {"egress": {}}})
    assert lets_out(found, DOVECOT if changes else POSTFIX, INTERNET, port)
    assert lets_out(found, POSTFIX, INTERNET, port) is not bool(changes)


@pytest.mark.parametrize(("place", "port"), [("login.example.org:8443/x", 8443), ("login.example.org", 443)])
@pytest.mark.parametrize("changes", [{}, INET], ids=["unix", "inet"])
def test_dovecot_reaches_the_provider_of_tokens(changes: dict[str, Json], place: str, port: int) -> None:
    """Fault: a provider out of reach; nobody logs in with a token."""
    oauth2: Json = {"introspectionUrl": f"https://{place}", "tls": {"caSecretName": "b"}}
    users: Json = {"passwdFile": {"secretName": "a"}, "oauth2": oauth2}
    tls: dict[str, Json] = {"spec.tls": {"secretName": "c"}, "spec.networkPolicy": {"egress": {}}}
    found = policies({**changes, **tls, "spec.users": users})
    assert lets_out(found, DOVECOT if changes else POSTFIX, INTERNET, port)


def test_one_pod_has_all_ports_for_people() -> None:
    found = policies({**PEOPLE, "spec.networkPolicy": {}})
    assert len(found) == 1
    assert {lets_in(found, POSTFIX, INTERNET, port) for port in (25, 465, 587, 143, 993)} == {True}
    assert {lets_in(found, POSTFIX, INTERNET, port) for port in (10025, 9100, 24)} == {False}


def test_postfix_reaches_the_filters_that_the_spec_names() -> None:
    filters: dict[str, Json] = {
        "spec.milters": [{"host": "milter", "port": 8891}],
        "spec.filter": {"greylist": {"redis": {"host": "redis"}}},
    }
    found = policies({**CLOSED, **filters})
    assert {lets_out(found, POSTFIX, STRANGER, port) for port in (8891, 6379)} == {True}
    assert {lets_out(found, DOVECOT, STRANGER, port) for port in (8891, 6379)} == {False}

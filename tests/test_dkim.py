"""Signatures: what signs for whom, and that no pod is replaced for another key."""

import pytest

from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import InvalidMailStack
from mailstack_operator.stack.rspamd import dkim
from tests.probe import keys
from tests.stacks import stack
from tests.world import World

BASE: dict[str, Json] = {
    "spec.domains": ["example.org", "example.com"],
    "spec.plugins.sieve": {},
    "spec.tls": {"secretName": "mail-tls"},
    "spec.submission": {},
    "spec.filter": {},
}
OLD: Object = {"domains": ["example.org"], "selector": "s2026a", "secretName": "mail-dkim", "key": "s2026a.pem"}
NEW: Object = {**OLD, "selector": "s2026b", "key": "s2026b.pem"}
OTHER: Object = {"domains": ["example.org", "example.com"], "selector": "e", "secretName": "other"}


def changes(*given: Json) -> dict[str, Json]:
    return {**BASE, "spec.dkim.keys": list(given)}


def signing(*given: Json) -> Json:
    return dkim.settings(stack(changes(*given)).spec)["domain"]


def path(secret: str, key: str, selector: str) -> Json:
    return {"selector": selector, "path": f"/run/mailstack/dkim/{secret}/{key}"}


def test_every_key_of_a_domain_signs() -> None:
    assert signing(OLD, OTHER) == {
        "example.org": {"selectors": [path("mail-dkim", "s2026a.pem", "s2026a"), path("other", "dkim.key", "e")]},
        "example.com": {"selectors": [path("other", "dkim.key", "e")]},
    }


def test_a_key_that_is_published_signs_nothing_yet() -> None:
    assert signing(OLD, {**NEW, "state": "Publish"}) == signing(OLD)
    assert signing({**OLD, "state": "Publish"}) == {}


@pytest.mark.parametrize("given", [[], [OLD]])
def test_only_a_login_is_signed_for(given: list[Json]) -> None:
    found = dkim.settings(stack(changes(*given) if given else BASE).spec)
    assert found["sign_local"] is False
    assert found["sign_inbound"] is False
    assert found["sign_authenticated"] is bool(given)


def templates(*given: Json) -> list[Object]:
    found = children.children(topology.decide(stack(changes(*given))))
    return [{**section(each, "spec", "template")} for each in found if each["kind"] == "StatefulSet"]


def test_a_key_that_takes_the_place_of_another_replaces_no_pod() -> None:
    """Both are in one Secret, which is mounted whole; the filter reloads what says which of them signs."""
    before = templates(OLD)
    assert templates(OLD, {**NEW, "state": "Publish"}) == before
    assert templates({**OLD, "state": "Publish"}, NEW) == before
    assert templates(NEW) == before


def test_only_the_helper_sees_the_secrets_and_it_has_no_rights() -> None:
    pod = section(templates(OLD, OTHER)[0], "spec")
    containers = [*entries(pod, "initContainers"), *entries(pod, "containers")]
    seeing = [
        text(each, "name")
        for each in containers
        if any(text(mount, "name").startswith("dkim-secret") for mount in entries(each, "volumeMounts"))
    ]
    assert seeing == ["dkim"]
    (helper,) = (each for each in containers if each["name"] == "dkim")
    assert section(helper, "securityContext")["capabilities"] == {"drop": ["ALL"]}
    names = [text(each, "name") for each in entries(pod, "initContainers")]
    assert names.index("dkim") < names.index("filter")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([{**OLD, "domains": ["example.net"]}], "example.net is no domain of spec.domains or spec.domainAliases"),
        ([OLD, {**NEW, "selector": "s2026a"}], "two keys have the selector s2026a for example.org"),
    ],
)
def test_a_key_must_belong_to_a_domain_and_have_a_name_of_its_own(given: list[Json], words: str) -> None:
    with pytest.raises(InvalidMailStack, match=words):
        stack(changes(*given))


def test_a_domain_alias_can_be_signed_for() -> None:
    alias: Json = [{"domain": "example.net", "target": "example.org"}]
    found = stack({**changes({**OLD, "domains": ["example.net"]}), "spec.domainAliases": alias})
    assert "example.net" in str(dkim.settings(found.spec)["domain"])


async def test_a_key_that_cannot_sign_reaches_no_pod(running: World) -> None:
    """rspamd would send mail unsigned, and say so in its log alone."""
    pair = keys.pair()
    running.cluster.secrets["mail-tls"] = {"tls.crt": pair.certificate, "tls.key": pair.key}
    running.cluster.secrets["mail-dkim"] = {"s2026a.pem": pair.key}
    running.change(changes(OLD))
    await running.run()
    stalled = running.condition("Stalled")
    assert stalled["reason"] == "DKIMKeyInvalid"
    assert not {"apply StatefulSet mail", "apply ConfigMap mail-postfix"} & set(running.cluster.writes)
    assert str(stalled["message"]) == (
        "key s2026a.pem in Secret mail-dkim, which holds keys for DKIM: the private key in it is neither RSA nor "
        "Ed25519; the running pods keep the last good one: correct the Secret"
    )


async def test_a_key_that_is_only_published_is_proven_too(running: World) -> None:
    running.change(changes({**NEW, "state": "Publish"}))
    pair = keys.pair()
    running.cluster.secrets["mail-tls"] = {"tls.crt": pair.certificate, "tls.key": pair.key}
    await running.run()
    assert running.condition("Ready")["reason"] == "SecretNotFound"
    assert "Secret mail-dkim, which holds keys for DKIM" in str(running.condition("Ready")["message"])

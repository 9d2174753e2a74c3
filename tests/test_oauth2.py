"""Logins with a token: who may log in is the source's word, in both versions of Dovecot."""

import re

import pytest

from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.dovecot import component
from mailstack_operator.stack.topology import Topology
from tests.stacks import stack

EXTERNAL: Object = {"password": {"secretName": "a"}, "tls": {"caSecretName": "b"}}
SOURCES: dict[str, Json] = {
    "passwdFile": {"secretName": "mail-users"},
    "sql": {**EXTERNAL, "driver": "MySQL", "hosts": ["db1"], "database": "mail", "user": "dovecot"},
    "ldap": {**EXTERNAL, "uris": ["ldaps://ldap"], "bindDn": "cn=a", "base": "dc=a"},
}
CLIENT: Object = {"clientId": "mail server", "clientSecret": {"secretName": "client"}}
ALWAYS: Object = {"introspectionUrl": "https://login.example.org/introspect", "tls": {"caSecretName": "login-ca"}}
TOKENS = "oauthbearer xoauth2"
PASSDB = re.compile(r"^(passdb[^\n]*) \{\n((?:  .*\n)+)\}", re.MULTILINE)


def plan(version: str, source: str = "passwdFile", oauth2: Object | None = None) -> Topology:
    users: Json = {source: SOURCES[source], "oauth2": {**ALWAYS, **(CLIENT if oauth2 is None else oauth2)}}
    changes: dict[str, Json] = {"spec.users": users, "spec.tls": {"secretName": "tls"}, "spec.dovecot.version": version}
    return topology.decide(stack({**changes, "spec.submission": {}}))


def files(wanted: Topology) -> dict[str, str]:
    return {name: text() for name, text in component.files(wanted).items()}


def containers(wanted: Topology) -> dict[Json, Object]:
    (stateful,) = (one for one in children.children(wanted) if one["kind"] == "StatefulSet")
    pod = section(stateful, "spec", "template", "spec")
    return {one["name"]: dict(one) for one in (*entries(pod, "initContainers"), *entries(pod, "containers"))}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_no_password_is_a_token_and_no_token_a_password(version: str, source: str) -> None:
    """Fault: a passdb of the source that is asked about tokens takes a password for one."""
    of = "mechanisms" if version == "2.3" else "mechanisms_filter"
    blocks = PASSDB.findall(files(plan(version, source))["dovecot.conf"])
    limits = [re.findall(rf"^  {of} = (.*)$", body, re.MULTILINE) for _, body in blocks]
    assert sorted(limits) == [[TOKENS], [TOKENS], ["plain login"]]


@pytest.mark.parametrize("source", SOURCES)
def test_24_refuses_a_token_of_whom_the_source_does_not_know(source: str) -> None:
    """Fault: Dovecot 2.4 takes a token of whoever no passdb knows, and Postfix asks no userdb: its owner could send."""
    blocks = PASSDB.findall(files(plan("2.4", source))["dovecot.conf"])
    *_, (known, asked), (nobody, refused) = blocks
    assert (known, nobody) == ("passdb known", "passdb nobody")
    assert "  result_internalfail = return-fail\n" in asked
    assert refused == f"  driver = static\n  deny = yes\n  mechanisms_filter = {TOKENS}\n"


@pytest.mark.parametrize("source", SOURCES)
def test_23_takes_a_token_only_if_the_source_knows_its_user(source: str) -> None:
    """The provider does not end the list, whatever it says of a good token; the source does, and either may refuse."""
    (_, provider), (_, known), _ = PASSDB.findall(files(plan("2.3", source))["dovecot.conf"])
    assert "  driver = oauth2\n" in provider
    assert "  result_success = continue\n" in provider
    assert "result_success" not in known
    for body in (provider, known):
        assert "  result_failure = return-fail\n" in body
        assert "  result_internalfail = return-fail\n" in body


@pytest.mark.parametrize(("source", "nopassword"), [("sql", "'Y' AS nopassword"), ("ldap", "=nopassword=y")])
def test_23_knows_users_of_an_external_source_without_their_password(source: str, nopassword: str) -> None:
    assert nopassword in files(plan("2.3", source))["known.conf.ext"]


def words(container: Object) -> list[str]:
    """Its arguments."""
    found = container["args"]
    return list(map(str, found)) if isinstance(found, list) else []


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_the_client_secret_is_in_a_file_of_the_helper_alone(version: str) -> None:
    wanted = plan(version)
    options = words(containers(wanted)["oauth2"])
    assert "--connect=https://mail%20server@login.example.org/introspect" in options
    (target,) = (one.removeprefix("--target=") for one in options if one.startswith("--target="))
    texts = "".join(files(wanted).values())
    assert (f"!include {target}\n" if version == "2.3" else f"introspection_url = <{target}\n") in texts
    assert "login.example.org" not in texts


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_only_introspection_says_whether_a_token_is_active(version: str) -> None:
    """Of a userinfo endpoint Dovecot 2.4 would refuse every token, because it names no such attribute."""
    modes: list[Object] = [{}, {"introspectionMode": "Auth"}]
    post, auth = ("".join(files(plan(version, oauth2=one)).values()) for one in modes)
    for text, mode in ((post, "post"), (auth, "auth")):
        assert f"introspection_mode = {mode}\n" in text
        assert "introspection_url = https://login.example.org/introspect\n" in text
    assert "active_attribute = active\n" in post
    assert "active_value = true\n" in post
    assert "active_" not in auth


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_provider_without_an_answer_is_given_up_before_postfix_gives_up(version: str) -> None:
    wanted = "timeout_msecs = 5000\n" if version == "2.3" else "http_client_request_timeout = 5s\n"
    assert wanted in "".join(files(plan(version)).values())


def test_both_kinds_of_mechanisms_are_offered() -> None:
    assert f"auth_mechanisms = plain login {TOKENS}\n" in files(plan("2.4"))["dovecot.conf"]


def test_dovecot_reloads_when_any_credentials_change() -> None:
    environment = entries(containers(plan("2.4", "sql"))["dovecot"], "env")
    (folders,) = (one["value"] for one in environment if one["name"] == "CREDENTIALS")
    assert folders == "/run/mailstack/source /run/mailstack/oauth2"

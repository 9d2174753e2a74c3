"""Role addresses: who gets the mail of postmaster@ and abuse@, which every mail server answers for."""

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import roles, topology
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.postfix import component as postfix
from tests.stacks import stack

SQL: dict[str, Json] = {
    "driver": "MySQL",
    "hosts": ["db"],
    "database": "mail",
    "user": "dovecot",
    "password": {"secretName": "a"},
    "tls": {"caSecretName": "b"},
}
DOMAINS: dict[str, Json] = {"spec.domains": ["example.org", "example.com"]}


def users(postmaster: str) -> dict[str, str]:
    """The users by address, as Dovecot reads the file."""
    text = roles.passwd_file(stack({**DOMAINS, "spec.postmasterAddress": postmaster}).spec)
    return dict(line.split(":::::::userdb_user=") for line in text.splitlines())


def test_each_domain_has_them_and_nothing_else() -> None:
    assert users("carol@example.org") == dict.fromkeys(
        (
            "abuse@example.com",
            "abuse@example.org",
            "carol@example.org",
            "postmaster@example.com",
            "postmaster@example.org",
        ),
        "carol@example.org",
    )


def test_the_postmasters_own_mailbox_takes_mail_before_it_has_a_user() -> None:
    assert users("postmaster@example.com")["postmaster@example.com"] == "postmaster@example.com"


@pytest.mark.parametrize("postmaster", ["Carol@example.org", "carol+pm@example.org"])
def test_a_mailbox_is_named_as_dovecot_names_it(postmaster: str) -> None:
    assert set(users(postmaster).values()) == {"carol@example.org"}


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_dovecot_looks_there_after_the_users_and_knows_no_password_of_theirs(version: str) -> None:
    plan = topology.decide(stack({"spec.dovecot.version": version}))
    text = dovecot_conf.render(plan)
    assert text.index("/run/mailstack/users/passwd") < text.index("/run/mailstack/roles/roles")
    assert text.count("passdb") == 1
    assert "roles" in postfix.files(plan)


@pytest.mark.parametrize(
    ("canary", "roles_"),
    [(None, ["abuse@example.org"]), ("alice@example.org", ["abuse@example.org", "postmaster@example.org"])],
)
def test_the_canary_of_an_external_source_is_known_to_the_source_alone(canary: str | None, roles_: list[str]) -> None:
    text = roles.passwd_file(stack({"spec.users": {"sql": {**SQL, **({"canary": canary} if canary else {})}}}).spec)
    assert [line.partition(":")[0] for line in text.splitlines()] == roles_


def test_dovecot_has_no_part_in_a_postmaster_elsewhere() -> None:
    plan = topology.decide(stack({"spec.postmasterAddress": "ops@example.net"}))
    assert "roles" not in dovecot_conf.render(plan)
    assert "roles" not in postfix.files(plan)


@pytest.mark.parametrize(
    ("changes", "mailbox"),
    [
        ({}, "postmaster@example.org"),
        ({"spec.postmasterAddress": "Carol+pm@example.org"}, "carol@example.org"),
        ({"spec.postmasterAddress": "ops@example.net"}, None),
        ({"spec.aliases": [{"address": "postmaster@example.org", "targets": ["alice@example.org"]}]}, None),
    ],
)
def test_the_probe_looks_for_the_user_of_the_postmasters_mailbox(changes: dict[str, Json], mailbox: str | None) -> None:
    plan = topology.decide(stack(changes))
    assert roles.mailbox(plan.spec, plan.aliases) == mailbox

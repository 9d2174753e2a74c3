"""What a MailStack refers to: waited for by name, and checked before any pod gets it."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict, Unpack

import pytest

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, section
from tests.probe import keys
from tests.world import World

SIEVE: dict[str, Json] = {"spec.plugins": {"sieve": {"before": {"configMapName": "scripts", "key": "spam.sieve"}}}}
TLS: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}}


class How(TypedDict, total=False):
    """How the certificate of a Secret is made: see keys.pair."""

    start: timedelta
    end: timedelta
    names: Sequence[str]


async def test_a_missing_script_is_waited_for_by_name(running: World) -> None:
    running.change(SIEVE)
    await running.run()
    assert running.condition("Ready")["reason"] == "ConfigMapNotFound"
    assert "ConfigMap scripts, which holds a Sieve script" in str(running.condition("Ready")["message"])


async def test_a_script_becomes_part_of_the_configuration(running: World) -> None:
    running.cluster.config_maps["scripts"] = {"spam.sieve": b"keep;\n"}
    running.change(SIEVE)
    await running.tried("Succeeded")
    files = section(running.cluster.objects[Ref("v1", "ConfigMap", "post", "mail-dovecot")], "data")
    assert files["before.sieve"] == "keep;\n"


async def test_a_missing_key_of_a_certificate_is_named(running: World) -> None:
    running.cluster.secrets["mail-tls"] = {"tls.crt": b"x"}
    running.change(TLS)
    await running.run()
    assert running.condition("Ready")["reason"] == "SecretKeyNotFound"
    assert "key tls.key in Secret mail-tls" in str(running.condition("Ready")["message"])


async def test_a_broken_certificate_is_named_and_rolls_nothing(running: World) -> None:
    running.cluster.secrets["mail-tls"] = {"tls.crt": b"no certificate", "tls.key": b"no key"}
    running.change(TLS)
    await running.run()
    assert running.condition("Stalled")["reason"] == "CertificateInvalid"
    assert "Secret mail-tls" in str(running.condition("Stalled")["message"])
    message = str(running.condition("Stalled")["message"])
    assert message.endswith("the running pods keep the last good one, and no new pod can start: renew the Secret")
    assert "apply StatefulSet mail" not in running.cluster.writes


async def test_of_a_broken_certificate_no_pod_is_said_to_keep_one_if_none_runs(world: World) -> None:
    world.cluster.secrets["mail-tls"] = {"tls.crt": b"no certificate", "tls.key": b"no key"}
    world.change(TLS)
    await world.run()
    assert str(world.condition("Ready")["message"]).endswith("form; no pod can start: renew the Secret")


async def test_a_broken_authority_is_named(running: World) -> None:
    running.cluster.secrets["lmtp-tls"] = {**secret(), "ca.crt": b"no certificate"}
    listener: Json = {"type": "Inet", "inet": {"tls": {"secretName": "lmtp-tls"}}}
    running.change({"spec.delivery": {"listener": listener}})
    await running.run()
    assert "key ca.crt: it holds no certificate in PEM form" in str(running.condition("Stalled")["message"])


def secret(**how: Unpack[How]) -> dict[str, bytes]:
    pair = keys.pair(**how)
    return {"tls.crt": pair.certificate, "tls.key": pair.key}


async def test_an_expired_certificate_is_used_with_a_warning_and_changes_go_on(running: World) -> None:
    running.cluster.secrets["mail-tls"] = secret(start=timedelta(days=-2), end=timedelta(days=-1))
    running.change(TLS)
    assert "apply StatefulSet mail" in await running.tried("Succeeded")
    await running.settled()
    ready, warnings = running.condition("Ready"), running.condition("Warnings")
    assert (ready["status"], warnings["reason"]) == ("True", "CertificateExpired")
    message = str(warnings["message"])
    assert message.startswith("Secret mail-tls, which holds the server's certificate: the certificate expired on ")


@pytest.mark.parametrize("ready", [True, False])
async def test_a_certificate_for_another_name_is_told(world: World, ready: bool) -> None:
    world.cluster.secrets["mail-tls"] = secret(names=["imap.example.org"])
    world.change(TLS)
    await (world.settled() if ready else world.run())
    ready_, warnings = world.condition("Ready"), world.condition("Warnings")
    assert (ready_["status"] == "True", warnings["reason"]) == (ready, "CertificateForAnotherName")
    assert "is for imap.example.org, and not for mail.example.org, which is spec.hostname" in str(warnings["message"])


async def test_a_certificate_without_its_issuers_is_told(world: World) -> None:
    names = "subjectAltName=DNS:mail.example.org"
    pair, issuer = keys.issued(names, "authorityInfoAccess=caIssuers;URI:http://ca.example.org/ca.cer")
    world.cluster.secrets["mail-tls"] = {"tls.crt": pair.certificate, "tls.key": pair.key}
    world.change(TLS)
    await world.settled()
    assert (world.condition("Ready")["status"], world.condition("Warnings")["reason"]) == (
        "True",
        "CertificateChainIncomplete",
    )
    assert "is not behind the server's own" in str(world.condition("Warnings")["message"])
    world.cluster.secrets["mail-tls"] = {"tls.crt": pair.certificate + issuer, "tls.key": pair.key}
    await world.run()
    assert world.condition("Warnings") == {}


async def test_of_a_good_certificate_nothing_is_said(world: World) -> None:
    world.cluster.secrets["mail-tls"] = secret()
    world.change(TLS)
    await world.settled()
    assert (world.condition("Ready")["status"], world.condition("Warnings")) == ("True", {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# nobody\n", "it names no user"),
        (b"no passwd-file at all\n", "line 1 (no colon"),
        (b"alice:hash\n", "the user has no domain"),
    ],
)
async def test_a_users_file_without_a_user_rolls_nothing(running: World, content: bytes, words: str) -> None:
    """The pods are told of it all the same: they judge it, and keep the last good file."""
    running.cluster.secrets["mail-users"] = {"users": content}
    running.cluster.secrets_version = "2"
    running.change({"spec.hostname": "mx.example.org"})
    await running.run()
    stalled = running.condition("Stalled")
    assert stalled["reason"] == "UsersFileInvalid"
    assert words in str(stalled["message"])
    assert str(stalled["message"]).endswith("the running pods keep the last good file: correct the Secret")
    assert running.condition("Ready")["status"] == "False"
    assert running.cluster.writes == ["touch mail-0", "status"]


async def test_no_pod_is_made_of_a_users_file_without_a_user(world: World) -> None:
    world.cluster.secrets["mail-users"] = {"users": b"alice@example.org hash\n"}
    world.change()
    await world.run()
    assert world.condition("Stalled")["reason"] == "UsersFileInvalid"
    assert "no pod can start" in str(world.condition("Stalled")["message"])
    assert not [write for write in world.cluster.writes if "StatefulSet" in write]


async def test_one_right_line_is_enough_to_go_on(running: World) -> None:
    running.cluster.secrets["mail-users"] = {"users": b"broken\nalice@example.org:x\n"}
    await running.run()
    assert running.condition("Ready")["status"] == "True"


async def test_a_pull_secret_that_does_not_exist_is_told_and_stops_nothing(running: World) -> None:
    """The kubelet pulls without it, and says only that the registry refuses."""
    running.change({"spec.imagePullSecrets": [{"name": "registry"}]})
    assert "apply StatefulSet mail" in await running.tried("Succeeded")
    await running.settled()
    ready, warnings = running.condition("Ready"), running.condition("Warnings")
    assert (ready["status"], warnings["reason"]) == ("True", "PullSecretNotFound")
    assert "Secret registry, which spec.imagePullSecrets names, does not exist" in str(warnings["message"])
    running.cluster.secrets["registry"] = {".dockerconfigjson": b"{}"}
    await running.run()
    assert running.condition("Warnings") == {}


SQL: dict[str, Json] = {
    "spec.users": {
        "sql": {
            "driver": "PostgreSQL",
            "hosts": ["db.example.org"],
            "database": "mail",
            "user": "dovecot",
            "password": {"secretName": "database"},
            "tls": {"caSecretName": "database-ca"},
        }
    }
}


@pytest.mark.parametrize(
    ("password", "authority", "reason", "words"),
    [
        (
            b"hunter2\n",
            b"",
            "PasswordInvalid",
            "key password in Secret database, .* ends with a newline.*correct the Secret",
        ),
        (
            b"secret",
            b"no certificate",
            "CertificateInvalid",
            "Secret database-ca, .*key ca.crt: it holds no certificate",
        ),
    ],
)
async def test_of_a_source_of_users_what_cannot_be_used_is_told(
    world: World, password: bytes, authority: bytes, reason: str, words: str
) -> None:
    world.cluster.secrets["database"] = {"password": password}
    world.cluster.secrets["database-ca"] = {"ca.crt": authority or keys.pair().certificate}
    world.change(SQL)
    await world.run()
    stalled = world.condition("Stalled")
    assert stalled["reason"] == reason
    assert re.search(words, str(stalled["message"]))
    assert "hunter2" not in str(stalled["message"])


async def test_a_password_that_is_missing_is_waited_for(world: World) -> None:
    world.change(SQL)
    await world.run()
    ready = world.condition("Ready")
    assert (ready["reason"], "Secret database, which holds the password" in str(ready["message"])) == (
        "SecretNotFound",
        True,
    )

"""What a MailStack refers to: waited for by name, and checked before any pod gets it."""

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, section
from tests.world import World

SIEVE: dict[str, Json] = {"spec.plugins": {"sieve": {"before": {"configMapName": "scripts", "key": "spam.sieve"}}}}
TLS: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}}


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
    assert "apply StatefulSet mail" not in running.cluster.writes

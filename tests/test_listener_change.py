"""A change between a unix socket and TCP: one Dovecot at a time holds the mail, and no name vanishes too early."""

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, section
from tests.fake_cluster import settle
from tests.world import PODS, SERVICE, World

INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}, "spec.postfix.replicas": 2}
DOVECOT = Ref("apps/v1", "StatefulSet", "post", "mail-dovecot")
LMTP = Ref("v1", "Service", "post", "mail-dovecot")
MAIL = Ref("v1", "PersistentVolumeClaim", "post", "mail-mail-0")
POD = Ref("v1", "Pod", "post", "mail-0")
DOVECOT_POD = Ref("v1", "Pod", "post", "mail-dovecot-0")


async def tried(world: World, changes: dict[str, Json] | None) -> None:
    world.change(changes)
    await world.tried("Succeeded")
    world.cluster.watch(world.store)


def gone(world: World, ref: Ref) -> None:
    world.store.forget(world.cluster.objects.pop(ref))


async def settled(world: World) -> None:
    """The StatefulSet controller, the operator, and what it writes because of it."""
    for _ in range(2):
        settle(world.cluster, world.store)
        await world.run()


async def test_dovecot_moves_out_when_the_old_pod_has_let_go_of_the_mail(running: World) -> None:
    await tried(running, INET)
    assert DOVECOT not in running.cluster.objects
    assert "waiting for pod mail-0 to release the mail volume" in str(running.condition("Ready")["message"])
    gone(running, POD)
    await running.run()
    assert DOVECOT in running.cluster.objects


async def test_dovecot_moves_back_when_its_own_pod_is_gone(running: World) -> None:
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    assert running.condition("Ready")["status"] == "True"
    before = section(running.cluster.objects[PODS], "metadata")["generation"]

    await tried(running, None)
    assert DOVECOT not in running.cluster.objects
    assert section(running.cluster.objects[PODS], "metadata")["generation"] == before
    gone(running, DOVECOT_POD)
    await running.run()
    assert section(running.cluster.objects[PODS], "metadata")["generation"] != before


async def test_the_name_of_dovecot_stays_while_a_postfix_may_ask_for_it(running: World) -> None:
    """While it does not resolve, Postfix refuses good users for good."""
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    await tried(running, None)
    gone(running, DOVECOT_POD)
    await running.run()
    assert LMTP in running.cluster.objects
    await settled(running)
    assert running.condition("Ready")["status"] == "True"
    assert LMTP not in running.cluster.objects


async def test_the_mail_stays_in_its_claim(running: World) -> None:
    before = section(running.cluster.objects[MAIL], "metadata")["uid"]
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    volumes = section(running.cluster.objects[DOVECOT], "spec", "template", "spec")["volumes"]
    assert {"name": "mail", "persistentVolumeClaim": {"claimName": "mail-mail-0"}} in volumes  # type: ignore[operator]
    assert section(running.cluster.objects[MAIL], "metadata")["uid"] == before


async def test_the_claim_of_the_mail_has_no_owner(running: World) -> None:
    """Garbage collection would take the mail with its MailStack."""
    assert "ownerReferences" not in section(running.cluster.objects[MAIL], "metadata")


async def test_one_service_serves_both_kinds_of_pods(running: World) -> None:
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    selector = section(running.cluster.objects[SERVICE], "spec", "selector")
    for ref in (POD, DOVECOT_POD):
        assert selector.items() <= section(running.cluster.objects[ref], "metadata", "labels").items()


async def test_plain_text_between_the_pods_is_said(running: World) -> None:
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    assert "LMTP between their pods is not encrypted" in str(running.condition("Warnings")["message"])
    assert running.condition("Ready")["status"] == "True"


async def test_every_replica_must_run(running: World) -> None:
    await tried(running, INET)
    gone(running, POD)
    await running.run()
    await settled(running)
    gone(running, Ref("v1", "Pod", "post", "mail-1"))
    await running.run()
    assert "mail-1" in str(running.condition("Ready")["message"])

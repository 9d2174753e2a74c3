"""A change that Postfix takes with a reload replaces no pod; it counts once the probe of each pod has confirmed it."""

import pytest

from mailstack_operator.api.conditions import CHECKS
from mailstack_operator.kube import names
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, Object, section, text
from mailstack_operator.loop import announcer
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.postfix import main_cf
from tests.fake_cluster import WORKS
from tests.stacks import stack
from tests.world import MAIN_CF, PODS, World

CHANGE: dict[str, Json] = {"spec.postfix.parameters": {"smtpd_banner": "$myhostname ESMTP"}}
POD = Ref("v1", "Pod", "post", "mail-0")
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}
RELOADS: dict[str, dict[str, Json]] = {
    "a parameter": CHANGE,
    "a hostname of Postfix alone": {"spec.postfix.parameters": {"smtp_helo_name": "mx.example.org"}},
    "the number of connections": {"spec.postfix.parameters": {"default_process_limit": "50"}},
    "the size of messages": {"spec.postfix.messageSizeLimit": "10Mi"},
    "domains": {"spec.domains": ["example.org", "example.net"]},
    "times of verification": {"spec.verification": {"positive": {"refresh": "2h"}}},
    "the code of verification": {"spec.verification": {"rejectCode": 450}},
    "verification": {"spec.verification": {"enabled": False}},
    "own senders": {"spec.postfix.ownDomainSenders": "Reject"},
    "aliases": {"spec.aliases": [{"address": "sales@example.org", "targets": ["alice@example.org"]}]},
    "the file of aliases": {"spec.aliasesFrom": {"configMapName": "mail-aliases", "key": "virtual"}},
    "domains with the same users": {"spec.domainAliases": [{"domain": "example.net", "target": "example.org"}]},
    "a domain whose every address exists": {
        "spec.catchAll": [{"domain": "example.net", "targets": ["alice@example.org"]}]
    },
}
ROLLS: dict[str, dict[str, Json]] = {
    "a port": {"spec.submission": {}, "spec.tls": {"secretName": "mail-tls"}},
    "certificates": {"spec.tls": {"secretName": "mail-tls"}},
    "an image": {"spec.postfix.image": "example.org/postfix:2"},
    "resources": {"spec.postfix.resources": {"limits": {"memory": "3Gi"}}},
    "a setting of Dovecot": {"spec.dovecot.extraConfig": "mail_debug = yes\n"},
}


def templates(changes: dict[str, Json]) -> list[Json]:
    found = children.children(_decided(changes))
    return [dict(section(each, "spec", "template")) for each in found if each["kind"] == "StatefulSet"]


def files(changes: dict[str, Json]) -> dict[str, Json]:
    found = children.children(_decided(changes))
    return next(dict(section(each, "data")) for each in found if section(each, "metadata")["name"] == "mail-postfix")


def _decided(changes: dict[str, Json]) -> topology.Topology:
    """With the file of aliases, where the spec names one."""
    text = "jobs@example.org alice@example.org\n" if "spec.aliasesFrom" in changes else ""
    return topology.decide(stack(changes), topology.Sources(virtual=text))


@pytest.mark.parametrize("listener", [{}, INET], ids=["Unix", "Inet"])
@pytest.mark.parametrize("change", RELOADS)
def test_what_a_reload_takes_leaves_every_pod_as_it_is(change: str, listener: dict[str, Json]) -> None:
    before, after = listener, {**listener, **RELOADS[change]}
    assert templates(before) == templates(after)
    assert files(before)["digest"] != files(after)["digest"]
    assert files(before)["pod"] == files(after)["pod"]


@pytest.mark.parametrize("change", ROLLS)
def test_what_is_part_of_the_pod_replaces_it(change: str) -> None:
    """And its files are for the new pod alone: the old one does not take them."""
    assert templates({}) != templates(ROLLS[change])
    assert files({})["pod"] != files(ROLLS[change])["pod"]


def test_with_servers_in_pods_of_their_own_dovecots_settings_replace_its_pod_alone() -> None:
    before, after = templates(INET), templates({**INET, "spec.dovecot.extraConfig": "mail_debug = yes\n"})
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False]


def test_the_pod_knows_the_digest_by_which_its_files_name_it() -> None:
    template = section({"template": templates({})[0]}, "template")
    assert files({})["pod"] == f"{section(template, 'metadata', 'annotations')[names.ANNOTATION_CONFIG_DIGEST]}\n"
    assert f"metadata.annotations['{names.ANNOTATION_CONFIG_DIGEST}']" in str(template)


def test_postfix_restarts_for_what_no_reload_takes() -> None:
    """postconf(5): "you need to stop and start Postfix when this parameter changes"."""
    assert main_cf.restarts_for(topology.decide(stack())) == {
        "inet_interfaces": "all",
        "inet_protocols": "all",
        "maillog_file": "/dev/stdout",
    }


def report(world: World, in_use: str | None) -> None:
    """The probe of the pod reports this digest of the configuration in use; None is of one that does not tell."""
    told: dict[str, Json] = {} if in_use is None else {"configDigest": in_use}
    verdicts = {check.name: WORKS for check in CHECKS if "postfix" in check.asked_in}
    uid = text(section(world.cluster.objects[POD], "metadata"), "uid")
    world.cluster.report(world.key, "mail-0", uid, **verdicts, **told)
    world.cluster.watch(world.store)


def wanted(world: World) -> str:
    return text(section(world.cluster.objects[MAIN_CF], "data"), "digest").strip()


def running_status(world: World) -> Object:
    return dict(section(world.cluster.objects[PODS], "status"))


def running_generation(world: World) -> Json:
    return section(world.cluster.objects[PODS], "metadata")["generation"]


async def changed(world: World) -> list[str]:
    """A change has passed its rehearsal, before any probe has seen it; what was written then."""
    report(world, wanted(world))
    await world.run()
    world.change(CHANGE)
    status = running_status(world)
    writes = await world.tried("Succeeded")
    # Of a new generation the controller would have to tell first.
    assert running_generation(world) == status["observedGeneration"]
    world.cluster.put({**world.cluster.objects[PODS], "status": status})
    world.cluster.watch(world.store)
    return writes


async def test_the_pod_stays_and_is_told_of_its_files_at_once(running: World) -> None:
    before = running.cluster.objects[PODS]["spec"]
    writes = await changed(running)
    assert [write for write in writes if not write.startswith("delete")] == [
        "apply ConfigMap mail-postfix",
        # Its annotation alone: the digest of what was tried.
        "apply StatefulSet mail",
        "touch mail-0",
    ]
    assert running.cluster.objects[PODS]["spec"] == before
    assert annotation(running) == wanted(running)


async def test_ready_is_true_only_once_the_probe_confirms_the_change(running: World) -> None:
    before = wanted(running)
    await changed(running)
    for not_yet in (before, ""):
        report(running, not_yet)
        await running.run()
        ready = running.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "Progressing")
        assert "pod mail-0 does not use the changed configuration yet" in str(ready["message"])
    report(running, wanted(running))
    assert await running.run() is None
    assert running.condition("Ready")["status"] == "True"


async def test_a_crd_without_the_field_does_not_keep_it_from_being_ready(running: World) -> None:
    await changed(running)
    report(running, None)
    await running.run()
    assert running.condition("Ready")["status"] == "True"


async def test_a_pod_that_is_late_is_told_once_more(running: World) -> None:
    """The kubelet may have looked at the ConfigMap before it knew of the change."""
    before = wanted(running)
    await changed(running)
    report(running, before)
    assert await running.run() == announcer.AGAIN
    assert "touch mail-0" not in running.cluster.writes
    running.cluster.watch(running.store)
    running.seconds += announcer.AGAIN
    assert await running.run() is not None
    assert "touch mail-0" in running.cluster.writes
    running.cluster.watch(running.store)
    running.seconds += announcer.AGAIN
    assert await running.run() is None, "it waits for the kubelet's own turn"
    assert "touch mail-0" not in running.cluster.writes


async def test_a_pod_is_not_told_while_a_change_is_rehearsed(running: World) -> None:
    report(running, wanted(running))
    await running.run()
    before = annotation(running)
    running.change(CHANGE)
    await running.run()
    assert annotation(running) == before


async def test_a_pod_that_fails_at_its_start_is_replaced_by_one_with_the_change(running: World) -> None:
    """The kubelet would wait for minutes until it begins anew. It is no loss: nobody is served there."""
    ended: Json = {"terminated": {"exitCode": 1, "message": "postconf: fatal: bad numerical configuration"}}
    failing: Json = {"name": "spool", "state": ended}
    await running.run()
    running.cluster.watch(running.store)
    here = running.cluster.objects[POD]
    running.cluster.put({**here, "status": {"phase": "Pending", "initContainerStatuses": [failing]}})
    running.cluster.watch(running.store)
    await running.run()
    assert running.cluster.writes == ["status"], "it has these files"
    running.change(CHANGE)
    assert "delete Pod mail-0" in await running.tried("Succeeded")


def annotation(world: World) -> str:
    return text(section(world.cluster.objects[POD], "metadata", "annotations"), names.ANNOTATION_FILES_VERSION)

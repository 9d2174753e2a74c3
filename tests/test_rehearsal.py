"""A changed configuration is tried before a running pod gets it."""

import json
from collections.abc import Sequence
from itertools import cycle

import pytest

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop.rehearsal import AGAIN, PER_NODE, waiting_for_slot
from mailstack_operator.stack import children, topology
from tests.probe import keys
from tests.stacks import stack
from tests.world import MAIN_CF, PODS, REHEARSAL, World

CHANGE: dict[str, Json] = {"spec.postfix.parameters": {"smtpd_banner": "$myhostname ESMTP"}}
TLS: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}}
TRIED_MAIN_CF = Ref("v1", "ConfigMap", "post", "mail-rehearsal-postfix")


@pytest.fixture(scope="module")
def certificate() -> dict[str, bytes]:
    """The data of a Secret of type kubernetes.io/tls."""
    pair = keys.pair()
    return {"tls.crt": pair.certificate, "tls.key": pair.key}


def failed(container: str, words: str, code: int = 1) -> Object:
    """The status of a pod whose container ended so."""
    ended: Json = {"terminated": {"exitCode": code, "message": words}}
    return {"containerStatuses": [{"name": container, "state": ended}]}


async def test_the_first_pod_is_not_held_back(world: World) -> None:
    """It has nothing to lose, and tells by itself what is wrong."""
    await world.settled()
    assert REHEARSAL not in world.cluster.objects


async def test_a_change_is_tried_and_the_running_pod_keeps_its_configuration(running: World) -> None:
    running.change(CHANGE)
    await running.run()
    assert sorted(running.cluster.writes) == [
        "apply ConfigMap mail-rehearsal-dovecot",
        "apply ConfigMap mail-rehearsal-postfix",
        "apply Pod mail-rehearsal",
        "status",
    ]
    assert "smtpd_banner" in text(section(running.cluster.objects[TRIED_MAIN_CF], "data"), "main.cf")
    assert "smtpd_banner" not in text(section(running.cluster.objects[MAIN_CF], "data"), "main.cf")
    assert running.condition("Reconciling")["reason"] == "Rehearsing"


async def test_nothing_is_written_while_it_is_tried(running: World) -> None:
    running.change(CHANGE)
    await running.run()
    running.cluster.watch(running.store)
    await running.run()
    assert running.cluster.writes == []


async def test_what_passed_reaches_the_pods_and_the_trial_is_cleared_away(running: World) -> None:
    running.change(CHANGE)
    assert await running.tried("Succeeded") == [
        "apply ConfigMap mail-postfix",
        "apply StatefulSet mail",
        "delete ConfigMap mail-rehearsal-postfix",
        "delete ConfigMap mail-rehearsal-dovecot",
        "delete Pod mail-rehearsal",
        "touch mail-0",
    ]


async def test_a_trial_that_passed_before_the_operator_knew_of_it_is_noticed(running: World) -> None:
    """Fault: an operator was killed right after it had created the pod; for the next one its end was no news."""
    running.change(CHANGE)
    await running.run()
    trial = running.cluster.objects.pop(REHEARSAL)
    running.start()
    running.cluster.put({**trial, "status": {"phase": "Succeeded"}})
    assert await running.run() == 0.0
    await running.run()
    assert {"apply StatefulSet mail", "delete Pod mail-rehearsal"} <= set(running.cluster.writes)


async def test_what_failed_is_told_in_the_programs_words_and_touches_nothing(running: World) -> None:
    running.change(CHANGE)
    before = running.cluster.objects[PODS]
    writes = await running.tried("Failed", failed("rehearsal", "mailstack: 451 Server configuration error"))
    assert writes == []
    assert running.cluster.objects[PODS] == before
    stalled = running.condition("Stalled")
    assert stalled["reason"] == "ConfigRefused"
    assert "451 Server configuration error; the running pods keep their last configuration" in str(stalled["message"])
    assert running.condition("ConfigValid")["status"] == "False"


async def test_a_change_that_is_taken_back_is_forgotten(running: World) -> None:
    running.change(CHANGE)
    await running.tried("Failed", failed("rehearsal", "mailstack: no"))
    running.change()
    await running.run()
    assert running.condition("Ready")["status"] == "True"
    assert REHEARSAL not in running.cluster.objects
    assert TRIED_MAIN_CF not in running.cluster.objects


async def test_another_change_is_tried_in_place_of_the_one_that_failed(running: World) -> None:
    running.change(CHANGE)
    await running.tried("Failed", failed("rehearsal", "mailstack: no"))
    gone = running.cluster.objects[REHEARSAL]
    running.change({"spec.postfix.parameters": {"smtpd_banner": "$myhostname"}})
    await running.run()
    assert "delete Pod mail-rehearsal" in running.cluster.writes
    running.store.forget(gone)
    await running.run()
    assert "apply Pod mail-rehearsal" in running.cluster.writes


REFUSED: Object = {"terminated": {"exitCode": 1, "message": "doveconf: Fatal: extra.conf line 1: no such setting"}}
# A server is a sidecar, which is started again, until the kubelet ends the pod and cannot locate a container.
REFUSALS: dict[str, tuple[str, Object]] = {
    "ended": ("Pending", {"state": REFUSED}),
    "waits": ("Pending", {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": REFUSED}),
    "started again": ("Pending", {"state": {"running": {}}, "lastState": REFUSED}),
    "pod ended": (
        "Failed",
        {"state": {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}, "lastState": REFUSED},
    ),
}


@pytest.mark.parametrize(("phase", "state"), REFUSALS.values(), ids=REFUSALS)
async def test_a_server_that_refuses_its_files_is_a_verdict_for_as_long_as_the_pod_is_there(
    running: World, phase: str, state: Object
) -> None:
    running.change(CHANGE)
    await running.tried(phase, {"initContainerStatuses": [{"name": "dovecot", **state}]})
    stalled = running.condition("Stalled")
    assert stalled["reason"] == "ConfigRefused"
    assert "container dovecot: exit code 1: doveconf: Fatal: extra.conf line 1" in str(stalled["message"])
    running.seconds += AGAIN
    assert await running.run() != 0.0
    assert "delete Pod mail-rehearsal" not in running.cluster.writes


NOBODYS_FAULT: dict[str, Object] = {
    "evicted": {"reason": "Evicted"},
    "a server killed at the end": failed("dovecot", "lmtp: Info: Disconnect from local", 137),
    "no answer in time": failed("rehearsal", "mailstack: SMTP on port 25 does not answer", 75),
    "the node could not start it": failed("spool", "failed to create containerd task", 128),
}


@pytest.mark.parametrize("status", NOBODYS_FAULT.values(), ids=NOBODYS_FAULT)
async def test_a_trial_that_ended_without_a_verdict_is_made_again(running: World, status: Object) -> None:
    """Its node went, or was too slow: that is no proof against the configuration."""
    running.change(CHANGE)
    assert await running.tried("Failed", status) == []
    assert running.condition("Reconciling")["reason"] == "RehearsalFailed"
    running.seconds += AGAIN
    await running.run()
    assert running.cluster.writes == ["delete Pod mail-rehearsal"]


async def test_a_server_that_is_killed_after_the_verdict_does_not_count(running: World) -> None:
    running.change(CHANGE)
    servers = failed("dovecot", "lmtp: Info: Disconnect from local", 137)
    passed: Json = {"name": "rehearsal", "state": {"terminated": {"exitCode": 0}}}
    status: Object = {"initContainerStatuses": servers["containerStatuses"], "containerStatuses": [passed]}
    assert "apply StatefulSet mail" in await running.tried("Running", status)


async def test_an_image_without_a_shell_is_refused(running: World) -> None:
    running.change({"spec.postfix.image": "registry.example.org/none:1"})
    words = 'exec: "/bin/sh": stat /bin/sh: no such file or directory'
    await running.tried("Failed", failed("spool", words, 128))
    assert words in str(running.condition("Stalled")["message"])


async def test_few_are_tried_at_the_same_time(running: World) -> None:
    """An upgrade of the operator may concern every MailStack at once."""
    others_are_tried(running, {"phase": "Running"})
    running.change(CHANGE)
    assert await running.run() is not None
    assert REHEARSAL not in running.cluster.objects
    assert running.condition("Reconciling")["reason"] == "Rehearsing"


async def test_as_many_are_tried_as_the_nodes_carry(running: World) -> None:
    others_are_tried(running, {"phase": "Running"}, nodes=["a", "b"])
    running.change(CHANGE)
    await running.run()
    assert REHEARSAL in running.cluster.objects


def test_many_that_wait_ask_no_oftener_than_few() -> None:
    assert waiting_for_slot(1).retry_after == 5
    assert waiting_for_slot(1000).retry_after == 50


async def test_an_image_that_nobody_has_keeps_nobody_else_waiting(running: World) -> None:
    """Fault: two misspelt images, and no MailStack of the cluster gets its change for five minutes."""
    waiting: Json = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    others_are_tried(running, {"phase": "Pending", "initContainerStatuses": [{"name": "spool", "state": waiting}]})
    running.change(CHANGE)
    await running.run()
    assert REHEARSAL in running.cluster.objects


async def test_a_change_that_was_refused_keeps_nobody_else_waiting(running: World) -> None:
    """Fault: its server is started again for as long as a rehearsal may take, and a node has two places."""
    refused: Object = {"name": "dovecot", "state": {"running": {}}, "lastState": REFUSED}
    others_are_tried(running, {"phase": "Pending", "initContainerStatuses": [refused]})
    running.change(CHANGE)
    await running.run()
    assert REHEARSAL in running.cluster.objects


def others_are_tried(world: World, status: Object, nodes: Sequence[str] = ("a",)) -> None:
    """Pods of other MailStacks, in that status and on these nodes in turn, take every place of one node."""
    for number, node in zip(range(PER_NODE), cycle(nodes)):
        other = children.rehearsal(topology.decide(stack()), "digest")
        name = f"other-{number}"
        owner: Json = [{"kind": "MailStack", "name": name, "controller": True}]
        metadata: Object = {**section(other, "metadata"), "name": f"{name}-rehearsal", "ownerReferences": owner}
        spec: Object = {**section(other, "spec"), "nodeName": node}
        world.store.note({**other, "metadata": metadata, "spec": spec, "status": status})


async def test_an_image_that_cannot_be_pulled_is_named(running: World) -> None:
    running.change({"spec.postfix.image": "registry.example.org/none:1"})
    waiting: Json = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    await running.tried("Pending", {"initContainerStatuses": [{"name": "spool", "state": waiting}]})
    assert running.condition("Reconciling")["reason"] == "ImagePull"


async def test_an_operator_that_restarts_after_the_verdict_goes_on(running: World) -> None:
    running.change(CHANGE)
    await running.run()
    running.cluster.put({**running.cluster.objects[REHEARSAL], "status": {"phase": "Succeeded"}})
    running.start()
    await running.run()
    assert "apply StatefulSet mail" in running.cluster.writes


async def test_an_upgrade_of_the_operator_is_no_event_for_the_mail(world: World, certificate: dict[str, bytes]) -> None:
    """The helpers beside the servers keep their image until the configuration changes."""
    world.change(TLS)
    world.cluster.secrets["mail-tls"] = certificate
    await world.settled()
    world.start(image="registry.example.org/mailstack/operator:9")
    await world.run()
    assert world.cluster.writes == []


async def test_a_change_takes_the_helpers_of_the_new_operator(world: World, certificate: dict[str, bytes]) -> None:
    world.change(TLS)
    world.cluster.secrets["mail-tls"] = certificate
    await world.settled()
    world.start(image="registry.example.org/mailstack/operator:9")
    world.change({**CHANGE, **TLS})
    await world.tried("Succeeded")
    assert "mailstack/operator:9" in json.dumps(world.cluster.objects[PODS])


OWN = ("registry.example.org/mailstack/operator:9", ("registry",))
PENDING: Object = {"phase": "Pending", "initContainerStatuses": [{"name": "probe", "state": {"waiting": {}}}]}


def helpers(manifest: Object) -> tuple[Json, list[Json]]:
    """The image of the helpers, and the names of the pull secrets."""
    spec = section(manifest, "spec", "template", "spec") or section(manifest, "spec")
    every = [*entries(spec, "initContainers"), *entries(spec, "containers")]
    image = next(each["image"] for each in every if each["name"] in ("probe", "rehearsal"))
    return image, [each["name"] for each in entries(spec, "imagePullSecrets")]


@pytest.mark.parametrize(("phase", "is_new"), [("Running", False), ("Pending", True)])
async def test_a_corrected_image_of_the_operator_reaches_a_pod_that_cannot_start(
    running: World, phase: str, is_new: bool
) -> None:
    """Fault: a corrected tag of the chart reaches nobody, because the configuration is the same."""
    pod = next(found for ref, found in running.cluster.objects.items() if ref.kind == "Pod")
    before = helpers(running.cluster.objects[PODS])
    running.start(image=OWN[0], pull_secrets=OWN[1])
    running.store.note(running.cluster.put({**pod, "status": {**section(pod, "status"), "phase": phase}}))
    await running.run()
    assert helpers(running.cluster.objects[PODS]) == ((OWN[0], ["registry"]) if is_new else before)
    assert REHEARSAL not in running.cluster.objects


async def test_pull_secrets_of_the_operator_go_with_its_image(running: World) -> None:
    """Pods that run are not replaced for them; the next change takes both."""
    running.start(image=OWN[0], pull_secrets=OWN[1])
    running.change({**CHANGE, "spec.imagePullSecrets": [{"name": "mirror"}]})
    await running.run()
    assert helpers(running.cluster.objects[REHEARSAL]) == (OWN[0], ["mirror", "registry"])
    await running.tried("Succeeded")
    assert helpers(running.cluster.objects[PODS]) == (OWN[0], ["mirror", "registry"])
    await running.settled()
    running.start(image=OWN[0], pull_secrets=("another",))
    await running.run()
    assert running.cluster.writes == []


async def test_a_rehearsal_whose_image_cannot_be_pulled_takes_the_corrected_one(running: World) -> None:
    """Fault: it was kept for as long as it may take, up to 330 s."""
    running.change(CHANGE)
    await running.tried("Pending", PENDING)
    running.start(image=OWN[0], pull_secrets=OWN[1])
    await running.run()
    assert "delete Pod mail-rehearsal" in running.cluster.writes
    running.cluster.watch(running.store)
    await running.run()
    assert helpers(running.cluster.objects[REHEARSAL]) == (OWN[0], ["registry"])


@pytest.mark.parametrize("listener", ["Unix", "Inet"])
async def test_no_service_leads_to_the_trial(running: World, listener: str) -> None:
    running.change({**CHANGE, "spec.delivery": {"listener": {"type": listener}}})
    await running.run()
    labels = section(running.cluster.objects[REHEARSAL], "metadata", "labels")
    services = [found for ref, found in running.cluster.objects.items() if ref.kind == "Service"]
    selectors = [section(found, "spec", "selector") for found in services]
    assert selectors
    assert not any(selector.items() <= labels.items() for selector in selectors)

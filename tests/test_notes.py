"""Why a pod is not created or gets no volume: in Kubernetes' words, and asked for only meanwhile."""

import pytest

from mailstack_operator.kube.objects import Json, Object, section
from mailstack_operator.loop import notes
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.port import Note
from tests.test_reports import body
from tests.world import World

QUOTA = 'pods "mail-0" is forbidden: failed quota: small: must specify limits.memory for: probe,postfix'
FAILED = f"create Pod mail-0 in StatefulSet mail failed error: {QUOTA}"
CREATED = "create Pod mail-0 in StatefulSet mail successful"
CLAIM = "create Claim queue-mail-0 Pod mail-0 in StatefulSet mail "


def note(message: str, at: int, reason: str = "FailedCreate") -> Note:
    return Note(reason, message, f"2026-01-02T03:04:{at:02}")


def gone(world: World) -> None:
    """The pod is deleted, and the controller may not create another one."""
    pod = body(world)
    del world.cluster.objects[next(ref for ref in world.cluster.objects if ref.kind == "Pod")]
    world.store.forget(pod)


async def ready(world: World) -> tuple[Json, Json]:
    await world.run()
    found = world.condition("Ready")
    return found["reason"], found["message"]


@pytest.mark.parametrize("is_new", [True, False], ids=["a new stack", "a running stack"])
async def test_a_pod_that_may_not_be_made_is_told_verbatim(world: World, is_new: bool) -> None:
    world.cluster.said["mail"] = [note(FAILED, 5)]
    if is_new:
        await world.run()
        world.cluster.watch(world.store)
        found = world.cluster.objects[next(ref for ref in world.cluster.objects if ref.kind == "StatefulSet")]
        found["status"] = {"observedGeneration": 1, "updateRevision": "r1"}
        world.store.note(world.cluster.put(found))
    else:
        await world.settled()
        gone(world)
    assert await ready(world) == ("Progressing", "pod mail-0 is being created")
    assert await world.run() == notes.PATIENCE
    world.seconds += notes.PATIENCE
    assert await ready(world) == ("FailedCreate", f"pod mail-0 cannot be created: {QUOTA}")
    assert (world.condition("Reconciling")["reason"], await world.run()) == ("FailedCreate", notes.AGAIN)


async def test_what_was_said_of_an_earlier_stack_of_the_name_is_not_told(running: World) -> None:
    running.cluster.said["mail"] = [Note("FailedCreate", FAILED, "2026-01-02T03:04:05", about="earlier")]
    gone(running)
    await running.run()
    running.seconds += notes.PATIENCE
    assert (await ready(running))[0] == "Progressing"


async def test_it_is_no_longer_told_when_the_pod_is_there(running: World) -> None:
    running.cluster.said["mail"] = [note(FAILED, 5)]
    gone(running)
    await running.run()
    running.seconds += notes.PATIENCE
    assert (await ready(running))[0] == "FailedCreate"
    await running.settled()
    assert (await ready(running))[0] == "Running"
    gone(running)
    assert (await ready(running))[0] == "Progressing"


async def test_nothing_is_asked_while_nothing_is_missing(running: World) -> None:
    for _ in range(3):
        running.seconds += 60.0
        await running.run()
    assert running.cluster.asked == []


async def test_a_right_that_is_missing_stops_nothing(running: World) -> None:
    running.cluster.refuse["notes"] = ClusterError(403, "events is forbidden")
    gone(running)
    await running.run()
    running.seconds += notes.PATIENCE
    assert await ready(running) == ("Progressing", "pod mail-0 is being created")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], ""),
        ([note(FAILED, 5)], QUOTA),
        ([note(CREATED, 4, "SuccessfulCreate"), note(FAILED, 5)], QUOTA),
        ([note(FAILED, 5), note(CREATED, 6, "SuccessfulCreate")], ""),
        ([note("create Pod mail-1 in StatefulSet mail failed error: x", 5)], ""),
        ([note(f"{CLAIM}success", 6, "SuccessfulCreate"), note(FAILED, 5)], QUOTA),
        ([note(f"{CLAIM}failed error: exceeded quota: disks", 5)], "exceeded quota: disks"),
        ([note(FAILED, 5), note("create Pod mail-0 in StatefulSet mail failed error: another", 6)], "another"),
    ],
)
def test_only_the_last_failure_counts_and_only_until_a_success(said: list[Note], expected: str) -> None:
    assert notes.refusal(said, "mail-0") == expected


async def test_a_storage_class_that_does_not_exist_is_named(running: World) -> None:
    words = 'storageclass.storage.k8s.io "fast" not found'
    running.cluster.said["queue-mail-0"] = [note(words, 5, "ProvisioningFailed")]
    unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    pod = body(running)
    scheduled: Json = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": unbound}
    volumes: Json = [
        {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-mail-0"}} for name in ("queue", "data")
    ]
    spec: Object = {**section(pod, "spec"), "volumes": volumes}
    status: Object = {"phase": "Pending", "conditions": [scheduled]}
    running.store.note(running.cluster.put({**pod, "spec": spec, "status": status}))
    assert await ready(running) == ("Unschedulable", f"pod mail-0: {unbound}")
    running.seconds += notes.PATIENCE
    assert await ready(running) == ("Unschedulable", f"pod mail-0: {unbound}; claim queue-mail-0: {words}")
    assert running.cluster.asked == ["PersistentVolumeClaim data-mail-0", "PersistentVolumeClaim queue-mail-0"]

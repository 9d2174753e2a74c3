"""Volumes: marked so that no tool deletes them; they grow with the spec or by hand, and nothing else waits for that."""

from copy import deepcopy
from decimal import Decimal

import pytest

from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import CLAIM
from mailstack_operator.kube.metadata import Ref, sizes_of
from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.kube.quantity import amount
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.stack import children, topology
from tests.stacks import stack
from tests.world import KEY, PODS, STACK, World

MAIL, QUEUE, DATA = (Ref("v1", "PersistentVolumeClaim", "post", f"{name}-mail-0") for name in ("mail", "queue", "data"))
CLAIMS = (MAIL, QUEUE, DATA)
GROWN: dict[str, Json] = {
    "spec.dovecot.storage.mailSize": "50Gi",
    "spec.postfix.storage": {"queueSize": "2Gi", "dataSize": "200Mi"},
}


def size(world: World, ref: Ref) -> str:
    return sizes_of(world.cluster.objects[ref])[ref.name]


def annotations(world: World, ref: Ref) -> dict[str, Json]:
    return dict(section(world.cluster.objects[ref], "metadata", "annotations"))


def warnings(world: World) -> str:
    return str(world.condition("Warnings").get("message", ""))


def edit(world: World, ref: Ref, **metadata: Json) -> None:
    """A person or a tool changes the object's metadata."""
    found = deepcopy(world.cluster.objects[ref])
    world.cluster.put({**found, "metadata": {**section(found, "metadata"), **metadata}})
    world.cluster.watch(world.store)


def resize(world: World, ref: Ref, storage: str) -> None:
    """A person grows the claim itself."""
    spec: Object = {**section(world.cluster.objects[ref], "spec"), "resources": {"requests": {"storage": storage}}}
    world.cluster.put({**deepcopy(world.cluster.objects[ref]), "spec": spec})
    world.cluster.watch(world.store)


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        *(
            ("1Gi", 2**30),
            ("1024Mi", 2**30),
            ("5Ti", 5 * 2**40),
            ("1.5Gi", 3 * 2**29),
            ("50G", 50 * 10**9),
            ("1e3", 1000),
        ),
        *(("1E", 10**18), ("100", 100), ("500k", 500_000), ("1000m", 1), ("", 0), ("much", 0)),
    ],
)
def test_a_quantity_is_a_number(quantity: str, number: int) -> None:
    assert amount(quantity) == Decimal(number)


@pytest.mark.parametrize("replicas", [1, 3])
def test_every_volume_is_marked_and_has_no_owner(replicas: int) -> None:
    changes: dict[str, Json] = {"spec.delivery.listener.type": "Inet", "spec.postfix.replicas": replicas}
    found = [each for each in children.children(topology.decide(stack(changes))) if each["kind"] == CLAIM.name]
    names_ = [section(each, "metadata")["name"] for each in found]
    ordinals = range(replicas)
    assert sorted(map(str, names_)) == sorted(
        ["mail-mail-0", *(f"queue-mail-{n}" for n in ordinals), *(f"data-mail-{n}" for n in ordinals)]
    )
    for each in found:
        assert section(each, "metadata", "annotations") == names.KEPT
        assert "ownerReferences" not in section(each, "metadata")


def test_only_what_has_an_owner_carries_a_tracking_label_unmarked() -> None:
    """Argo CD, tracking by label, takes every object with its label and without an owner for its own."""
    for each in children.children(topology.decide(stack())):
        metadata = section(each, "metadata")
        assert entries(metadata, "ownerReferences") or section(metadata, "annotations") == names.KEPT, metadata


def test_the_claims_are_those_that_the_statefulset_would_make() -> None:
    """Its controller takes a claim of the name that it would give; labels and spec are those that it would write."""
    changes: dict[str, Json] = {"spec.postfix.storage": {"storageClassName": "fast"}}
    found = {
        str(section(each, "metadata")["name"]): each for each in children.children(topology.decide(stack(changes)))
    }
    pods = section(found["mail"], "spec")
    for template in entries(pods, "volumeClaimTemplates"):
        made = found[f"{section(template, 'metadata')['name']}-mail-0"]
        assert made["spec"] == template["spec"]
        assert section(made, "metadata")["labels"] == section(pods, "selector")["matchLabels"]


@pytest.mark.parametrize("ref", CLAIMS, ids=str)
async def test_marks_that_were_removed_come_back(running: World, ref: Ref) -> None:
    edit(running, ref, annotations={})
    await running.run()
    assert running.cluster.writes == [f"apply {ref}", "status"]
    assert annotations(running, ref) == names.KEPT


async def test_claims_of_removed_pods_are_marked_once(running: World) -> None:
    """Of an operator before the marks, such as the queue of a pod that was removed."""
    old = Ref("v1", "PersistentVolumeClaim", "post", "queue-mail-1")
    found = deepcopy(running.cluster.objects[QUEUE])
    bare: Object = {
        **section(found, "metadata"),
        "name": old.name,
        "annotations": {"volume.kubernetes.io/bound": "yes"},
    }
    running.store.note(running.cluster.put({**found, "metadata": bare}))
    await running.run()
    assert running.cluster.writes == [f"annotate {old}"]
    assert annotations(running, old) == {"volume.kubernetes.io/bound": "yes", **names.KEPT}
    running.cluster.watch(running.store)
    await running.run()
    assert running.cluster.writes == []


async def test_claims_of_a_removed_mailstack_are_marked(running: World) -> None:
    edit(running, MAIL, annotations={})
    running.store.forget(running.cluster.objects.pop(STACK))
    await running.loop.reconcile(KEY)
    assert f"annotate {MAIL}" in running.cluster.writes
    assert annotations(running, MAIL) == names.KEPT


async def test_larger_sizes_reach_the_claims_and_roll_nothing(running: World) -> None:
    running.change(GROWN)
    await running.run()
    assert sorted(running.cluster.writes) == [*sorted(f"apply {ref}" for ref in CLAIMS), "status"]
    assert [size(running, ref) for ref in CLAIMS] == ["50Gi", "2Gi", "200Mi"]
    assert running.condition("Ready")["status"] == "True"


async def test_a_pod_that_is_added_later_gets_the_larger_size(world: World) -> None:
    """The StatefulSet's templates still have the smaller one: they are immutable."""
    inet: dict[str, Json] = {"spec.delivery.listener.type": "Inet"}
    world.change(inet)
    await world.settled()
    world.change({**inet, **GROWN, "spec.postfix.replicas": 2})
    await world.settled()
    assert world.condition("Ready")["status"] == "True"
    assert size(world, Ref("v1", "PersistentVolumeClaim", "post", "queue-mail-1")) == "2Gi"
    assert sizes_of(world.cluster.objects[PODS]) == {"queue": "1Gi", "data": "100Mi"}


@pytest.mark.parametrize("ref", CLAIMS, ids=str)
async def test_a_claim_that_was_grown_by_hand_is_left_alone(running: World, ref: Ref) -> None:
    resize(running, ref, "60G")
    await running.run()
    assert size(running, ref) == "60G"
    assert (running.condition("Ready")["status"], running.condition("Stalled")) == ("True", {})
    running.cluster.watch(running.store)
    await running.run()
    assert running.cluster.writes == []


async def test_other_changes_go_on_after_a_claim_was_grown_by_hand(running: World) -> None:
    resize(running, MAIL, "60G")
    running.change({"spec.hostname": "mx.example.org"})
    assert "apply StatefulSet mail" in await running.tried("Succeeded")


@pytest.mark.parametrize("marks", [{}, {**names.KEPT}], ids=["unmarked", "marked"])
async def test_a_class_that_does_not_grow_is_told_and_blocks_nothing(running: World, marks: dict[str, Json]) -> None:
    running.cluster.volumes_grow = False
    edit(running, MAIL, annotations=marks)
    running.change({"spec.dovecot.storage.mailSize": "50Gi", "spec.hostname": "mx.example.org"})
    assert "apply StatefulSet mail" in await running.tried("Succeeded")
    await running.settled()
    told = "PersistentVolumeClaim mail-mail-0 stays as it is, at 5Gi: the API server refused 50Gi: only"
    assert (running.condition("Ready")["status"], told in warnings(running)) == ("True", True)
    assert (size(running, MAIL), annotations(running, MAIL)) == ("5Gi", names.KEPT)


async def test_a_webhook_that_refuses_every_change_of_claims_blocks_nothing(running: World) -> None:
    old = Ref("v1", "PersistentVolumeClaim", "post", "queue-mail-1")
    found = deepcopy(running.cluster.objects[QUEUE])
    bare: Object = {**section(found, "metadata"), "name": old.name, "annotations": {}}
    running.cluster.put({**found, "metadata": bare})
    edit(running, MAIL, annotations={})
    running.cluster.refuse["PersistentVolumeClaim"] = ClusterError(403, 'admission webhook "own" denied the request')
    running.change({"spec.hostname": "mx.example.org"})
    assert "apply StatefulSet mail" in await running.tried("Succeeded")
    await running.settled()
    assert running.condition("Ready")["status"] == "True"
    told = 'PersistentVolumeClaim mail-mail-0 stays as it is: it was refused: admission webhook "own" denied'
    assert told in warnings(running)


async def test_a_refused_growth_is_told_after_a_restart_and_goes_on_when_the_class_allows_it(running: World) -> None:
    running.cluster.volumes_grow = False
    running.change({"spec.dovecot.storage.mailSize": "50Gi"})
    await running.run()
    running.start()
    await running.run()
    assert "stays as it is" in warnings(running)
    running.cluster.volumes_grow = True
    await running.run()
    assert size(running, MAIL) == "50Gi"
    assert warnings(running) == ""


async def test_a_queue_that_somebody_restored_under_its_name_is_used(world: World) -> None:
    """The StatefulSet uses a claim of the name whatever its labels, and so does the operator."""
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}
    metadata: Object = {"name": QUEUE.name, "namespace": "post"}
    world.cluster.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    await world.settled()
    assert world.condition("Ready")["status"] == "True"
    assert (size(world, QUEUE), annotations(world, QUEUE)) == ("20Gi", names.KEPT)


@pytest.mark.parametrize("ref", CLAIMS, ids=str)
async def test_a_claim_that_is_being_deleted_keeps_its_pod(running: World, ref: Ref) -> None:
    """Its contents go with the pod that uses it: nothing may replace that."""
    edit(running, ref, deletionTimestamp="2026-01-02T03:04:05Z")
    running.change({"spec.hostname": "mx.example.org"})
    await running.run()
    assert running.cluster.writes == ["status"]
    ready = running.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ChildTerminating")
    assert f"{ref} is being deleted, and its contents with the pod that uses it" in str(ready["message"])

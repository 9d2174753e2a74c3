"""The loop against a cluster in memory: from whatever state to the wanted one, and no write too many."""

from copy import deepcopy

import pytest

from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.port import File
from mailstack_operator.loop.reconcile import PARTLY_AGAIN
from mailstack_operator.loop.references import MISSING_AGAIN
from tests.stacks import body
from tests.world import KEY, MAIN_CF, NOW, PODS, SERVICE, STACK, World


async def test_a_new_mailstack_gets_its_children_and_a_status(world: World) -> None:
    await world.run()
    assert sorted(world.cluster.writes) == [
        "apply ConfigMap mail-dovecot",
        "apply ConfigMap mail-postfix",
        "apply PersistentVolumeClaim data-mail-0",
        "apply PersistentVolumeClaim mail-mail-0",
        "apply PersistentVolumeClaim queue-mail-0",
        "apply Role mail-probe",
        "apply RoleBinding mail-probe",
        "apply Service mail",
        "apply ServiceAccount mail-probe",
        "apply StatefulSet mail",
        "status",
    ]
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Reconciling")["status"] == "True"


async def test_a_running_stack_is_ready_and_says_nothing_else(running: World) -> None:
    kinds = [entry["type"] for entry in entries(section(running.cluster.objects[STACK], "status"), "conditions")]
    checks = ["LMTPReachable", "VerificationReady", "SMTPReachable", "ClientsReachable", "UsersReady"]
    assert kinds == ["Ready", *checks, "ConfigValid"]


async def test_idle_writes_nothing(running: World) -> None:
    await running.run()
    assert running.cluster.writes == []


async def test_a_restarted_operator_writes_nothing(running: World) -> None:
    running.start()
    await running.run()
    assert running.cluster.writes == []


def lose_lmtp(running: World) -> None:
    """The probe says that Dovecot does not answer."""
    uid = text(section(running.cluster.objects[Ref("v1", "Pod", "post", "mail-0")], "metadata"), "uid")
    failed: Json = {"status": "False", "reason": "ConnectionRefused", "message": "it is away", "since": NOW}
    running.cluster.report(KEY, "mail-0", uid, lmtp=failed)
    running.cluster.watch(running.store)


async def test_what_the_probes_find_is_told_while_runs_fail(running: World) -> None:
    """Fault: while a Secret could not be read, Ready=True stayed, whatever the probe said."""
    running.cluster.refuse["Secret"] = ClusterError(500, "the key of the encryption is away")
    lose_lmtp(running)
    for ready in ("True", "False"):
        with pytest.raises(ClusterError):
            await running.run()
        assert running.condition("Ready")["status"] == ready
    assert running.condition("LMTPReachable")["status"] == "False"
    assert "the key of the encryption is away" in str(running.condition("Reconciling")["message"])

    running.cluster.refuse.clear()
    await running.run()
    assert not running.condition("Reconciling")


async def test_a_spec_that_the_answer_to_our_status_tells_of_is_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault: the event of that spec was no news after the answer, and nothing followed it."""
    answer = world.cluster.apply_status

    async def answer_with_another_spec(key: StackKey, status: Object) -> Object:
        world.cluster.put(body({"spec.hostname": "new.example.org"}))
        return await answer(key, status)

    monkeypatch.setattr(world.cluster, "apply_status", answer_with_another_spec)
    assert await world.run() == 0.0
    monkeypatch.undo()
    assert await world.run() != 0.0
    assert world.status["observedGeneration"] == 2


@pytest.mark.parametrize("ref", [MAIN_CF, SERVICE, PODS], ids=str)
async def test_a_deleted_child_comes_back(running: World, ref: Ref) -> None:
    running.store.forget(running.cluster.objects.pop(ref))
    await running.run()
    assert f"apply {ref}" in running.cluster.writes
    assert ref in running.cluster.objects


async def test_an_edited_child_is_put_right_and_no_other_is_touched(running: World) -> None:
    edited = deepcopy(running.cluster.objects[MAIN_CF])
    edited["data"] = {"main.cf": "relay_domains = example.com\n"}
    running.store.note(running.cluster.put(edited))
    await running.run()
    assert [write for write in running.cluster.writes if write != "status"] == ["apply ConfigMap mail-postfix"]


async def test_a_child_without_its_label_is_put_right(running: World) -> None:
    """The watch, which asks for the label, says that it is gone."""
    gone = deepcopy(running.cluster.objects[MAIN_CF])
    unlabelled = deepcopy(gone)
    unlabelled["metadata"] = {**section(unlabelled, "metadata"), "labels": {}}
    running.cluster.put(unlabelled)
    running.store.forget(gone)
    await running.run()
    labels = section(running.cluster.objects[MAIN_CF], "metadata", "labels")
    assert labels["app.kubernetes.io/instance"] == "mail"


async def test_a_child_with_another_stacks_label_is_put_right(running: World) -> None:
    """It stays in the watch's selection, under a MailStack that does not exist."""
    relabelled = deepcopy(running.cluster.objects[MAIN_CF])
    labels = {**section(relabelled, "metadata", "labels"), "app.kubernetes.io/instance": "other"}
    relabelled["metadata"] = {**section(relabelled, "metadata"), "labels": labels}
    assert running.store.note(running.cluster.put(relabelled)) == KEY
    await running.run()
    assert "apply ConfigMap mail-postfix" in running.cluster.writes


async def test_a_right_that_is_missing_is_told(world: World) -> None:
    world.cluster.refuse["Secret"] = ClusterError(403, "cannot get resource secrets")
    await world.run()
    assert world.condition("Stalled")["reason"] == "RequestRefused"
    assert "secrets" in str(world.condition("Stalled")["message"])


async def test_a_changed_field_touches_only_what_it_concerns(running: World) -> None:
    running.change({"spec.postfix.resources.requests.cpu": "100m"})
    written = await running.tried("Succeeded")
    assert [write for write in written if "rehearsal" not in write] == [
        # Which pods Postfix's files are for.
        "apply ConfigMap mail-postfix",
        "apply StatefulSet mail",
        "touch mail-0",
    ]


async def test_a_child_that_is_no_longer_wanted_goes(running: World) -> None:
    extra = deepcopy(running.cluster.objects[MAIN_CF])
    extra["metadata"] = {**section(extra, "metadata"), "name": "mail-old"}
    running.store.note(running.cluster.put(extra))
    await running.run()
    assert "delete ConfigMap mail-old" in running.cluster.writes


async def test_a_foreign_object_is_named_and_nothing_is_touched(world: World) -> None:
    foreign: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mail-postfix", "namespace": "post"},
    }
    world.cluster.put(foreign)
    retry = await world.run()
    assert world.cluster.writes == ["status"]
    stalled = world.condition("Stalled")
    assert (stalled["reason"], "ConfigMap mail-postfix" in str(stalled["message"])) == ("ForeignObject", True)
    assert retry is not None


async def test_a_foreign_object_is_found_before_any_pod_is_made(world: World) -> None:
    """Whatever was created before it was found: without a StatefulSet there is no pod."""
    foreign: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mail", "namespace": "post"}}
    before = deepcopy(world.cluster.put(foreign))
    await world.run()
    assert world.condition("Stalled")["reason"] == "ForeignObject"
    assert world.cluster.objects[SERVICE] == before
    assert PODS not in world.cluster.objects


async def test_a_new_stack_takes_one_request_a_child(world: World) -> None:
    """What cannot exist yet is not asked for."""
    await world.run()
    children = [ref for ref in world.cluster.objects if ref != STACK]
    assert sorted(world.cluster.writes) == sorted(["status", *(f"apply {ref}" for ref in children)])
    assert world.cluster.looked_at == []


async def test_the_stack_comes_up_once_the_foreign_object_is_gone(world: World) -> None:
    """No watch tells of it: it has no label of ours."""
    foreign: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mail", "namespace": "post"}}
    world.cluster.put(foreign)
    await world.run()
    del world.cluster.objects[SERVICE]
    await world.settled()
    assert world.condition("Ready")["status"] == "True"


async def test_an_object_of_another_controller_is_foreign_whatever_its_labels(running: World) -> None:
    taken = deepcopy(running.cluster.objects[SERVICE])
    owner: Json = [{"apiVersion": "v1", "kind": "Other", "name": "it", "uid": "other", "controller": True}]
    taken["metadata"] = {**section(taken, "metadata"), "ownerReferences": owner}
    running.store.note(running.cluster.put(taken))
    await running.run()
    assert running.cluster.writes == ["status"]
    assert "belongs to Other it" in str(running.condition("Stalled")["message"])


async def test_a_bad_spec_leaves_the_running_stack_as_it_is(running: World) -> None:
    running.change({"spec.hostname": "mail\nrelay_domains = example.com"})
    before = {ref: found for ref, found in running.cluster.objects.items() if ref != STACK}
    await running.run()
    assert running.cluster.writes == ["status"]
    assert {ref: found for ref, found in running.cluster.objects.items() if ref != STACK} == before
    assert [running.condition(kind)["status"] for kind in ("Ready", "Stalled", "ConfigValid")] == [
        "False",
        "True",
        "False",
    ]
    assert "spec.hostname" in str(running.condition("Ready")["message"])


async def test_a_mended_spec_is_ready_again(running: World) -> None:
    running.change({"spec.domains": []})
    await running.run()
    running.change()
    await running.run()
    assert (running.condition("Ready")["status"], running.condition("Stalled")) == ("True", {})


async def test_no_pod_is_made_before_the_users_exist(world: World) -> None:
    world.cluster.secrets.clear()
    assert await world.run() == MISSING_AGAIN
    assert PODS not in world.cluster.objects
    assert world.condition("Ready")["reason"] == "SecretNotFound"
    assert "mail-users" in str(world.condition("Ready")["message"])


async def test_a_missing_key_is_named(world: World) -> None:
    world.cluster.secrets["mail-users"] = {"other": b""}
    await world.run()
    assert world.condition("Ready")["reason"] == "SecretKeyNotFound"
    assert "key users" in str(world.condition("Ready")["message"])


async def test_a_pod_is_told_of_changed_users_once(running: World) -> None:
    """The kubelet then brings the new file in at once."""
    running.cluster.secrets_version = "2"
    await running.run()
    assert running.cluster.writes == ["touch mail-0"]
    running.cluster.watch(running.store)
    await running.run()
    assert running.cluster.writes == []


async def test_a_secret_that_is_not_there_does_not_roll_a_running_pod(running: World) -> None:
    running.change({"spec.users.passwdFile.secretName": "mistyped"})
    await running.run()
    assert "apply StatefulSet mail" not in running.cluster.writes
    running.change()
    await running.run()
    assert running.condition("Ready")["status"] == "True"


async def test_a_refused_child_is_told_in_the_servers_words(world: World) -> None:
    world.cluster.refuse["StatefulSet"] = ClusterError(422, "updates to volumeClaimTemplates are forbidden")
    assert await world.run() is not None
    stalled = world.condition("Stalled")
    assert stalled["reason"] == "ApplyRefused"
    assert "StatefulSet mail" in str(stalled["message"])
    assert "volumeClaimTemplates" in str(stalled["message"])


async def test_a_server_that_does_not_answer_is_asked_again(world: World) -> None:
    world.cluster.refuse["Service"] = ClusterError(0, "no answer")
    with pytest.raises(ClusterError):
        await world.run()
    world.cluster.refuse.clear()
    await world.run()
    assert SERVICE in world.cluster.objects


async def test_the_dns_records_are_told(running: World) -> None:
    records = running.status["dnsRecords"]
    assert isinstance(records, list)
    assert records[0] == {
        "dnsName": "example.org",
        "recordTTL": 3600,
        "recordType": "MX",
        "targets": ["10 mail.example.org"],
    }
    running.change({"spec.domains": []})
    await running.run()
    assert running.status["dnsRecords"] == records


async def test_a_crd_without_dns_records_keeps_the_rest(running: World) -> None:
    unknown = ClusterError(500, "failed to create typed patch object: .status.dnsRecords: field not declared in schema")
    running.cluster.refuse["status.dnsRecords"] = unknown
    running.change({"spec.domains": []})
    await running.run()
    assert running.condition("Stalled")["reason"] == "InvalidSpec"
    assert running.status["endpoint"] == "mail.post.svc:25"


async def test_an_older_crd_still_shows_the_conditions(running: World) -> None:
    """Server-side apply refuses a status with a field that the CRD does not know."""
    unknown = ClusterError(500, "failed to create typed patch object: .status.endpoint: field not declared in schema")
    running.cluster.refuse["status.endpoint"] = unknown
    running.change({"spec.domains": []})
    await running.run()
    assert running.condition("Stalled")["reason"] == "InvalidSpec"


async def test_a_status_of_which_a_part_was_taken_is_written_again(running: World) -> None:
    """Fault: a moment without etcd, which answers 500 too, cost the addresses and records until the next change."""
    running.cluster.refuse["status.endpoint"] = ClusterError(500, "etcdserver: request timed out")
    lose_lmtp(running)
    assert await running.run() == PARTLY_AGAIN
    assert running.condition("LMTPReachable")["status"] == "False"
    assert "endpoint" not in running.status
    running.cluster.refuse.clear()
    await running.run()
    assert running.status["endpoint"] == "mail.post.svc:25"


async def test_a_crash_between_two_writes_is_made_good(world: World) -> None:
    world.cluster.refuse["status"] = ClusterError(0, "killed here")
    with pytest.raises(ClusterError):
        await world.run()
    world.cluster.refuse.clear()
    world.start()
    await world.settled()
    assert world.condition("Ready")["status"] == "True"


async def test_children_of_a_deleted_mailstack_of_the_same_name_are_waited_for(running: World) -> None:
    """The garbage collector is about to take them."""
    running.change({"metadata.uid": "the-new-one"})
    stack = running.cluster.objects[STACK]
    stack["metadata"] = {**section(stack, "metadata"), "uid": "the-new-one"}
    running.store.note(stack)
    assert await running.run() is not None
    assert running.condition("Reconciling")["reason"] == "ChildTerminating"
    assert running.cluster.writes == ["status"]


async def test_a_mailstack_that_is_being_deleted_is_left_alone(running: World) -> None:
    stack = running.cluster.objects[STACK]
    stack["metadata"] = {**section(stack, "metadata"), "deletionTimestamp": NOW}
    running.store.note(running.cluster.put(stack))
    assert await running.run() is None
    assert running.cluster.writes == []


async def test_a_condition_keeps_the_time_of_its_change(running: World) -> None:
    running.loop._now = lambda: "2030-01-01T00:00:00Z"
    running.change({"spec.domains": ["example.org", "example.com"]})
    await running.run()
    times = {kind: text(running.condition(kind), "lastTransitionTime") for kind in ("Ready", "ConfigValid")}
    assert times == {"Ready": "2030-01-01T00:00:00Z", "ConfigValid": NOW}


async def test_an_outcome_speaks_of_the_spec_that_it_is_of(running: World) -> None:
    """A newer spec may be seen while the API server answers; it must not look as if it were done."""
    secret = running.cluster.secret

    async def meanwhile(namespace: str, name: str) -> File | None:
        running.change({"spec.hostname": "mx.example.org"})
        return await secret(namespace, name)

    running.cluster.secret = meanwhile  # type: ignore[method-assign]
    await running.run()
    assert running.condition("Ready")["observedGeneration"] == 1

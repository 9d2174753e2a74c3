"""The pod's real reason, in the words of the kubelet or of the program."""

import pytest

from mailstack_operator.kube.objects import Json, section
from mailstack_operator.loop.pod_state import Rollout, pod_of, rollout_of
from mailstack_operator.loop.store import Seen
from mailstack_operator.loop.summary import rollout_problem
from tests.fake_cluster import pod


def problem(*containers: Json, **status: Json) -> tuple[str, str]:
    found = pod_of(pod(ready=False, status={"containerStatuses": list(containers), **status})).problem
    assert found is not None
    return found.reason, found.message


def container(state: Json, **more: Json) -> Json:
    return {"name": "postfix", "image": "mailstack/postfix:9", "state": state, **more}


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    reason, message = problem(container({"waiting": {"reason": "ErrImagePull", "message": "not found"}}))
    assert reason == "ImagePull"
    assert "mailstack/postfix:9" in message
    assert "not found" in message


def test_the_two_moods_of_a_failing_pull_are_one_problem() -> None:
    """The kubelet goes to and fro between them: the status must not."""
    pull: Json = {"reason": "ErrImagePull", "message": "failed to pull: not found"}
    wait: Json = {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "mailstack/postfix:9": ErrImagePull: failed to pull: not found',
    }
    assert problem(container({"waiting": pull})) == problem(container({"waiting": wait}))


CRASHED: Json = {"exitCode": 1, "reason": "Error", "message": "starting\npostfix: fatal: bad numerical value\nbye\n"}


def test_a_crash_is_told_with_its_last_telling_line() -> None:
    reason, message = problem(container({"terminated": CRASHED}))
    assert reason == "ContainerCrash"
    assert message == "pod mail-0, container postfix: exit code 1: postfix: fatal: bad numerical value"


@pytest.mark.parametrize(
    "state",
    [
        {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        {"running": {}},
    ],
    ids=["backing off", "started again"],
)
def test_a_crash_loop_stays_one_problem(state: Json) -> None:
    looping = container(state, lastState={"terminated": CRASHED}, ready=False)
    assert problem(looping) == problem(container({"terminated": CRASHED}))


WAITED: Json = {"exitCode": 97, "message": "mailstack: the mail volume is still in use by pod mail-0 on node one: wait"}


@pytest.mark.parametrize(
    "state",
    [container({"terminated": WAITED}), container({"running": {}}, lastState={"terminated": WAITED}, ready=False)],
)
def test_a_pod_that_waits_for_another_pod_to_end_says_for_which(state: Json) -> None:
    words = "pod mail-0, container postfix: the mail volume is still in use by pod mail-0 on node one: wait"
    assert problem(state) == ("VolumeInUse", words)


@pytest.mark.parametrize("more", [{}, {"deletionTimestamp": "2026-01-02T03:04:05Z"}], ids=["kept", "evicted"])
def test_a_lost_node_is_named_with_what_to_do(more: dict[str, str]) -> None:
    """Fault: Ready said "is starting", and later "is being replaced", for as long as the node was away."""
    lost: Json = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]
    body = pod(ready=False, status={"conditions": lost})
    body["metadata"] = {**body["metadata"], **more}  # type: ignore[dict-item]
    body["spec"] = {**section(body, "spec"), "nodeName": "one"}
    seen = Seen(rollouts={"mail": Rollout(1, 1, "r1")}, pods={"mail-0": pod_of(body)})
    found = rollout_problem(seen, "mail", ["mail-0"])
    assert found is not None
    assert found.reason == "NodeLost"
    assert "node one does not respond" in found.message
    assert "node.kubernetes.io/out-of-service" in found.message


def test_a_crash_without_a_word_says_so() -> None:
    _, message = problem(container({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}))
    assert message.endswith("exit code 137: OOMKilled")


def test_a_pod_that_cannot_be_scheduled_says_why() -> None:
    reason = "pod has unbound immediate PersistentVolumeClaims"
    scheduled: Json = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    assert problem(conditions=[scheduled]) == ("Unschedulable", f"pod mail-0: {reason}")


def test_a_starting_pod_names_the_container_that_is_waited_for() -> None:
    done: Json = {"name": "spool", "state": {"terminated": {"exitCode": 0}}}
    waiting = container({"waiting": {"reason": "PodInitializing"}})
    assert problem(waiting, initContainerStatuses=[done]) == (
        "PodNotReady",
        "pod mail-0, container postfix: PodInitializing",
    )


def test_a_ready_pod_of_the_wanted_revision_has_no_problem() -> None:
    seen = Seen(rollouts={"mail": Rollout(1, 1, "r1")}, pods={"mail-0": pod_of(pod())})
    assert rollout_problem(seen, "mail", ["mail-0"]) is None


@pytest.mark.parametrize(
    ("rollout", "revision"),
    [(None, "r1"), (Rollout(2, 1, "r1"), "r1"), (Rollout(2, 2, "r2"), "r1")],
    ids=["no StatefulSet", "change not seen", "old pod"],
)
def test_a_ready_pod_of_an_older_configuration_is_not_enough(rollout: Rollout | None, revision: str) -> None:
    seen = Seen(rollouts={"mail": rollout} if rollout else {}, pods={"mail-0": pod_of(pod(revision=revision))})
    found = rollout_problem(seen, "mail", ["mail-0"])
    assert found is not None
    assert found.reason == "Progressing"


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    body = pod()
    body["metadata"] = {**body["metadata"], "deletionTimestamp": "2026-01-02T03:04:05Z"}  # type: ignore[dict-item]
    found = rollout_problem(
        Seen(rollouts={"mail": Rollout(1, 1, "r1")}, pods={"mail-0": pod_of(body)}), "mail", ["mail-0"]
    )
    assert found is not None


def test_a_stateful_set_without_status_has_observed_nothing() -> None:
    assert rollout_of({"metadata": {"generation": 3}}) == Rollout(3, 0, "")

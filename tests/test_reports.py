"""What the probes found, as conditions: never a stale True."""

from collections.abc import Callable

import pytest

from mailstack_operator.api.conditions import CHECKS, Check
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop import reports
from tests.fake_cluster import WORKS, settle
from tests.world import STACK, World

KEY = StackKey("post", "mail")
IMAGE = "mailstack/operator:1"
SILENT: Json = {
    "status": "False",
    "reason": "Frozen",
    "message": "Dovecot takes the connection and says nothing",
    "since": "2026-01-02T03:04:05Z",
}


def uid(world: World, pod: str = "mail-0") -> str:
    return text(section(body(world, pod), "metadata"), "uid")


def body(world: World, pod: str = "mail-0") -> Object:
    return next(found for ref, found in world.cluster.objects.items() if (ref.kind, ref.name) == ("Pod", pod))


async def told(world: World, **verdicts: Json) -> None:
    """The probe reports, and the operator sees it."""
    world.cluster.report(KEY, "mail-0", uid(world), **{**{check.name: WORKS for check in CHECKS}, **verdicts})
    world.cluster.watch(world.store)
    await world.run()


def facts(world: World) -> list[tuple[Json, Json]]:
    """Status and reason of the three conditions."""
    conditions = [world.condition(kind) for kind in ("LMTPReachable", "VerificationReady", "Ready")]
    return [(each["status"], each["reason"]) for each in conditions]


async def test_a_stack_that_delivers_is_ready(running: World) -> None:
    assert facts(running) == [("True", "Reachable"), ("True", "Reachable"), ("True", "Running")]


async def test_a_silent_dovecot_makes_the_stack_not_ready(running: World) -> None:
    await told(running, lmtp=SILENT)
    assert facts(running) == [("False", "Frozen"), ("True", "Reachable"), ("False", "Frozen")]
    message = str(running.condition("LMTPReachable")["message"])
    assert message == "pod mail-0: Dovecot takes the connection and says nothing"


async def test_a_report_that_comes_while_the_status_is_written_is_followed(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault: a probe reports twice in a moment, and the answer to the status with the first tells of the second. Its
    event is no news then, and the condition stayed for ten minutes."""
    answer = running.cluster.apply_status

    async def answer_with_another_report(key: StackKey, status: Object) -> Object:
        running.cluster.report(KEY, "mail-0", uid(running), **{check.name: WORKS for check in CHECKS})
        return await answer(key, status)

    running.cluster.report(KEY, "mail-0", uid(running), **{**{check.name: WORKS for check in CHECKS}, "lmtp": SILENT})
    running.cluster.watch(running.store)
    monkeypatch.setattr(running.cluster, "apply_status", answer_with_another_report)
    assert await running.run() == 0.0
    running.cluster.watch(running.store)
    monkeypatch.undo()
    assert await running.run() is None
    assert facts(running)[2] == ("True", "Running")


async def test_it_is_ready_again_when_dovecot_answers(running: World) -> None:
    await told(running, lmtp=SILENT)
    await told(running)
    assert facts(running)[2] == ("True", "Running")


async def test_unknown_users_who_are_accepted_make_the_stack_not_ready(running: World) -> None:
    await told(running, verification={**WORKS, "status": "False", "reason": "NotEnforced"})  # type: ignore[dict-item]
    assert facts(running)[1:] == [("False", "NotEnforced"), ("False", "NotEnforced")]


async def test_verification_that_is_switched_off_is_said_and_no_fault(running: World) -> None:
    running.change({"spec.verification": {"enabled": False}})
    await running.tried("Succeeded")
    await running.settled()
    assert facts(running)[1:] == [("False", "Disabled"), ("True", "Running")]


def deleted(pod: Object) -> Object:
    return {**pod, "metadata": {**section(pod, "metadata"), "deletionTimestamp": "2026-01-02T03:04:05Z"}}


def without_probe(pod: Object) -> Object:
    return {**pod, "status": {**section(pod, "status"), "initContainerStatuses": []}}


def of_a_lost_node(pod: Object) -> Object:
    """The control plane takes back Ready; the kubelet, who is away, leaves the rest."""
    conditions: Json = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]
    return {**pod, "status": {**section(pod, "status"), "conditions": conditions}}


def of_another_pod(pod: Object) -> Object:
    return {**pod, "metadata": {**section(pod, "metadata"), "uid": "another"}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (deleted, "PodTerminating"),
        (without_probe, "ProbeNotRunning"),
        (of_a_lost_node, "NodeLost"),
        (of_another_pod, "NotProbed"),
    ],
)
async def test_an_entry_of_what_is_no_longer_there_is_not_believed(
    running: World, change: Callable[[Object], Object], reason: str
) -> None:
    moved = change(body(running))
    metadata: Object = {**section(moved, "metadata"), "resourceVersion": "999"}
    running.store.note({**moved, "metadata": metadata})
    seen = running.store[KEY]
    found = [finding.condition for finding in reports.findings(seen, IMAGE)]
    assert [(condition.status, condition.reason) for condition in found] == [("Unknown", reason)] * sum(
        not check.optional for check in CHECKS
    )


async def test_the_entry_of_a_pod_that_is_gone_is_removed(running: World) -> None:
    running.cluster.report(KEY, "mail-7", "gone", lmtp=WORKS)
    running.cluster.watch(running.store)
    await running.run()
    assert "drop report of mail-7" in running.cluster.writes
    names = [entry["name"] for entry in entries(section(running.cluster.objects[STACK], "status"), "pods")]
    assert names == ["mail-0"]


async def test_what_a_probe_writes_is_not_the_operators(running: World) -> None:
    """An entry that says the same is no reason to write."""
    await told(running)
    assert running.cluster.writes == []


async def test_of_several_pods_it_is_said_how_many_and_which(running: World) -> None:
    moved = body(running)
    other: Object = {**section(moved, "metadata"), "name": "mail-1", "uid": "other"}
    running.store.note({**moved, "metadata": other})
    await told(running, lmtp=SILENT)
    message = str(running.condition("LMTPReachable")["message"])
    assert message.startswith("1 of 2 pods: pod mail-0: ")


async def test_a_stack_without_a_pod_is_unknown(world: World) -> None:
    await world.run()
    assert facts(world)[:2] == [("Unknown", "NoPod"), ("Unknown", "NoPod")]


EXTRA = Check(
    name="calendar",
    condition="CalendarReachable",
    column="Calendar",
    question="Whether a mail program can log in.",
    asked_in=frozenset(("postfix",)),
    needed=lambda _: True,
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (IMAGE, [("Unknown", "NotProbed"), ("Unknown", "NotProbed")]),
        ("mailstack/operator:2", [("Unknown", "NotAsked"), ("True", "Running")]),
    ],
    ids=["of this operator", "of an earlier operator"],
)
async def test_a_check_that_the_pods_probe_does_not_report(
    running: World, image: str, expected: list[tuple[str, str]]
) -> None:
    """A probe of an earlier operator does not know a new check, and runs on until the pod is replaced."""
    running.start(image=image, checks=(*CHECKS, EXTRA))
    await running.run()
    conditions = [running.condition(kind) for kind in ("CalendarReachable", "Ready")]
    assert [(each["status"], each["reason"]) for each in conditions] == expected


@pytest.fixture
def apart() -> World:
    world = World()
    world.start()
    world.change({"spec.delivery": {"listener": {"type": "Inet"}}})
    return world


async def test_users_are_asked_for_where_the_mail_is(apart: World) -> None:
    """Over TCP Postfix's pods have no users file, and report nothing of it."""
    await apart.run()
    settle(apart.cluster, apart.store)
    others = {check.name: WORKS for check in CHECKS if check.name != "users"}
    apart.cluster.report(KEY, "mail-0", uid(apart), **others)
    apart.cluster.watch(apart.store)
    await apart.run()
    assert apart.condition("UsersReady")["status"] == "True"
    refused: Json = {"status": "False", "reason": "LinesIgnored", "message": "line 3", "since": "2026-01-02T03:04:05Z"}
    asked = {**{check.name: WORKS for check in CHECKS}, "users": refused}
    apart.cluster.report(KEY, "mail-dovecot-0", uid(apart, "mail-dovecot-0"), **asked)
    apart.cluster.watch(apart.store)
    await apart.run()
    assert apart.condition("UsersReady")["message"] == "pod mail-dovecot-0: line 3"
    assert apart.condition("Ready")["reason"] == "LinesIgnored"

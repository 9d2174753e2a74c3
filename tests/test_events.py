"""An Event for each change of a condition, and none without."""

from kubernetes.client.models import EventsV1Event

from mailstack_operator.kube.objects import Json
from mailstack_operator.loop.errors import ClusterError
from tests.test_reports import SILENT, told
from tests.world import World


def notes(world: World) -> list[tuple[Json, Json]]:
    return [(event["type"], str(event["note"]).partition(":")[0]) for event in world.cluster.events]


async def test_a_new_stack_tells_once_that_it_is_not_ready(world: World) -> None:
    """Each Event is a write: that nothing is known yet of a new MailStack is no news six times over."""
    await world.run()
    assert notes(world) == [("Normal", "Ready is False")]


async def test_what_is_wrong_with_a_new_stack_is_told(world: World) -> None:
    world.change({"spec.hostname": "mail\nrelay_domains = example.com"})
    await world.run()
    assert notes(world) == [("Warning", "Ready is False"), ("Warning", "ConfigValid is False")]


async def test_the_first_verdict_of_a_probe_is_told(world: World) -> None:
    await world.settled()
    world.cluster.events.clear()
    await told(world, lmtp=SILENT)
    assert ("Warning", "LMTPReachable is False") in notes(world)


async def test_kubernetes_knows_every_field(world: World) -> None:
    await world.run()
    assert all(EventsV1Event.model_validate(event) for event in world.cluster.events)


async def test_a_fault_is_a_warning_once(running: World) -> None:
    running.cluster.events.clear()
    await told(running, lmtp=SILENT)
    await told(running, lmtp=SILENT)
    assert notes(running) == [("Warning", "Ready is False"), ("Warning", "LMTPReachable is False")]


async def test_another_message_is_no_event(running: World) -> None:
    await told(running, lmtp=SILENT)
    running.cluster.events.clear()
    await told(running, lmtp={**SILENT, "message": "still"})  # type: ignore[dict-item]
    assert notes(running) == []


async def test_nothing_changes_without_events(running: World) -> None:
    running.cluster.events.clear()
    await running.run()
    assert notes(running) == []


async def test_an_event_that_cannot_be_written_stops_nothing(running: World) -> None:
    running.cluster.refuse["Event"] = ClusterError(403, "events is forbidden")
    await told(running, lmtp=SILENT)
    assert running.condition("LMTPReachable")["status"] == "False"

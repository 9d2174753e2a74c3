"""The condition Warnings: it lists what to look at, from every source, and never makes a stack less than Ready."""

from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from mailstack_operator.api.conditions import Condition
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.edge import metrics
from mailstack_operator.kube.objects import Json, Object, section
from mailstack_operator.loop.stack_state import stack_state_of
from mailstack_operator.loop.warnings import warnings_condition
from mailstack_probe.contract import StackWarning
from tests.test_reports import body, deleted, told, uid
from tests.world import World

EXPIRED: Object = {"reason": "CertificateExpired", "message": "the certificate has expired"}
OTHER: Object = {"reason": "LimitReached", "message": "a limit is reached"}


def shown(world: World) -> tuple[Json, Json, Json]:
    """Status, reason and message; None where there is no such condition."""
    found = world.condition("Warnings")
    return found.get("status"), found.get("reason"), found.get("message")


async def test_a_stack_without_warnings_has_no_such_condition(running: World) -> None:
    assert shown(running) == (None, None, None)


async def test_a_pods_warning_is_shown_and_the_stack_stays_ready(running: World) -> None:
    await told(running, warnings=[EXPIRED])
    assert shown(running) == ("True", "CertificateExpired", "pod mail-0: the certificate has expired")
    assert (running.condition("Ready")["status"], running.condition("Reconciling")) == ("True", {})


async def test_it_goes_with_its_cause(running: World) -> None:
    await told(running, warnings=[EXPIRED])
    await told(running)
    assert shown(running) == (None, None, None)


async def test_several_warnings_are_listed_with_their_reasons(running: World) -> None:
    await told(running, warnings=[EXPIRED, OTHER])
    assert shown(running) == (
        "True",
        "SeveralWarnings",
        "CertificateExpired: pod mail-0: the certificate has expired; LimitReached: pod mail-0: a limit is reached",
    )


def test_warnings_of_one_reason_have_it() -> None:
    found = warnings_condition([StackWarning("NameTooLong", "one"), StackWarning("NameTooLong", "two")])
    assert found == Condition("Warnings", "True", "NameTooLong", "one; two")


async def test_each_new_warning_is_an_event_once(running: World) -> None:
    running.cluster.events.clear()
    two: Json = [EXPIRED, {**EXPIRED, "message": "another one"}]
    await told(running, warnings=[EXPIRED])
    await told(running, warnings=[EXPIRED])
    await told(running, warnings=two)
    notes = [(event["type"], event["reason"], event["note"]) for event in running.cluster.events]
    first = "Warnings is True: pod mail-0: the certificate has expired"
    assert notes == [
        ("Warning", "CertificateExpired", first),
        ("Warning", "CertificateExpired", f"{first}; pod mail-0: another one"),
    ]


async def test_what_several_pods_warn_of_is_said_once(running: World) -> None:
    first = body(running)
    running.cluster.put({**first, "metadata": {**section(first, "metadata"), "name": "mail-1"}})
    running.cluster.report(running.key, "mail-1", uid(running, "mail-1"), warnings=[EXPIRED])
    await told(running, warnings=[EXPIRED])
    assert shown(running)[2] == "pods mail-0, mail-1: the certificate has expired"


async def test_a_pod_that_goes_warns_of_nothing(running: World) -> None:
    await told(running, warnings=[EXPIRED])
    running.cluster.put(deleted(body(running)))
    running.cluster.watch(running.store)
    await running.run()
    assert shown(running) == (None, None, None)


@pytest.mark.parametrize("spec", ["mail\nrelay_domains = example.com", "mail.example.org"], ids=["invalid", "valid"])
async def test_a_pods_warning_is_shown_whatever_the_spec(running: World, spec: str) -> None:
    await told(running, warnings=[EXPIRED])
    running.change({"spec.hostname": spec})
    await running.run()
    assert shown(running)[1] == "CertificateExpired"


async def test_warnings_are_in_the_metrics_and_on_the_plugins_screen(running: World) -> None:
    await told(running, warnings=[EXPIRED])
    with metrics.leading(running.store):
        lines = generate_latest(metrics.REGISTRY).decode()
    which = 'mailstack="mail",namespace="post"'
    assert f'mailstack_condition{{{which},status="true",type="Warnings"}} 1.0' in lines
    assert f'mailstack_condition_reason{{{which},reason="CertificateExpired",type="Warnings"}} 1.0' in lines
    stack = stack_state_of(running.cluster.objects[running.stack])
    screen = render_status(Findings(stack, [], [], None, [], [], datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)), 120)
    rows = [" ".join(line.split()) for line in screen.splitlines()]
    assert "Warnings True 1s CertificateExpired pod mail-0: the certificate has expired" in rows


@pytest.mark.parametrize(("length", "is_warned"), [(38, False), (39, True), (44, True)])
async def test_a_name_longer_than_a_new_one_may_be_is_warned_of(length: int, is_warned: bool) -> None:
    """Names had at most 44 characters before 0.2.0."""
    world = World(name="m" * length)
    world.change()
    await world.settled()
    assert world.condition("Ready")["status"] == "True"
    assert ("make a MailStack with a shorter name" in str(shown(world)[2])) == is_warned

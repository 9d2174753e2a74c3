"""A check that exists in this file alone: nothing in the package names it, and every part of it shows it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from mailstack_operator.api.conditions import CHECKS, Check
from mailstack_operator.api.crd import custom_resource_definition
from mailstack_operator.cli.plugin.screens.status_screen import Findings, render_status
from mailstack_operator.edge import metrics
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop.stack_state import stack_state_of
from mailstack_operator.stack.schema import spec_schema
from tests.fake_cluster import WORKS, settle
from tests.world import World

CALENDAR = Check(
    name="calendar",
    condition="CalendarReachable",
    column="Calendar",
    question="Whether a mail program can store its Sieve script.",
    asked_in=frozenset(("dovecot", "postfix")),
    needed=lambda spec: spec.plugins.sieve is not None,
)
TABLE = (*CHECKS, CALENDAR)
SIEVE: dict[str, Json] = {"spec.plugins.sieve": {}}
REFUSED: Json = {
    "status": "False",
    "reason": "LoginRefused",
    "message": "Dovecot refuses the login",
    "since": "2026-01-02T03:04:05Z",
}


@pytest.fixture
async def refused() -> World:
    """A stack that runs, but for what the new check found."""
    world = World()
    world.start(checks=TABLE)
    world.change(SIEVE)
    await world.run()
    settle(world.cluster, world.store, TABLE)
    await world.run()
    assert world.condition("Ready")["status"] == "True"
    pod = next(found for ref, found in world.cluster.objects.items() if ref.kind == "Pod")
    verdicts = {check.name: WORKS for check in CHECKS}
    world.cluster.report(world.key, "mail-0", text(section(pod, "metadata"), "uid"), **verdicts, calendar=REFUSED)
    world.cluster.watch(world.store)
    await world.run()
    return world


def test_it_has_a_field_in_the_status_and_a_column() -> None:
    version = entries(section(custom_resource_definition(spec_schema(), TABLE), "spec"), "versions")[0]
    status = section(version, "schema", "openAPIV3Schema", "properties", "status", "properties")
    assert section(status, "pods", "items", "properties", "calendar")["description"] == CALENDAR.question
    paths = {text(column, "name"): text(column, "jsonPath") for column in entries(version, "additionalPrinterColumns")}
    assert paths["Calendar"] == ".status.conditions[?(@.type=='CalendarReachable')].status"


def test_it_has_a_condition_that_counts_for_ready(refused: World) -> None:
    for kind in ("CalendarReachable", "Ready"):
        condition = refused.condition(kind)
        assert (condition["status"], condition["reason"]) == ("False", "LoginRefused")
        assert condition["message"] == "pod mail-0: Dovecot refuses the login"


def test_it_has_an_event(refused: World) -> None:
    notes = [event["note"] for event in refused.cluster.events]
    assert "CalendarReachable is False: pod mail-0: Dovecot refuses the login" in notes


def test_it_is_in_the_metrics(refused: World) -> None:
    with metrics.leading(refused.store):
        lines = generate_latest(metrics.REGISTRY).decode()
    labels = 'mailstack="mail",namespace="post"'
    assert f'mailstack_condition{{{labels},status="false",type="CalendarReachable"}} 1.0' in lines
    assert f'mailstack_condition_reason{{{labels},reason="LoginRefused",type="CalendarReachable"}} 1.0' in lines


def test_it_is_a_row_of_the_plugin(refused: World) -> None:
    objects = refused.cluster.objects
    pods: list[Object] = [found for ref, found in objects.items() if ref.kind == "Pod"]
    found = Findings(
        stack_state_of(objects[refused.stack]), pods, [], None, [], [], datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
    )
    screen = render_status(replace(found, checks=TABLE), 120)
    rows = [" ".join(line.split()) for line in screen.splitlines()]
    assert "calendar False 1s LoginRefused Dovecot refuses the login" in rows


async def test_it_is_not_shown_where_the_spec_does_not_need_it() -> None:
    world = World()
    world.start(checks=TABLE)
    world.change()
    await world.settled()
    assert (world.condition("Ready")["status"], world.condition("CalendarReachable")) == ("True", {})

"""While nothing happens nothing is written or asked for, and the probe costs next to nothing.

IDLE_MINUTES=10 is the promise; two are enough to see anything that is written again and again.
"""

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pytest

from conftest import CLIENT_NAMESPACE, LABEL
from harness import paths
from mailtest import monitoring, release
from mailtest.kubectl import Kubectl
from mailtest.stack import CHILDREN, Stack
from mailtest.wait import holds, until

pytestmark = pytest.mark.serial

MINUTES = float(os.environ.get("IDLE_MINUTES", "2"))
# What a probe or the operator could write, and more. Leases are counted apart: the renewal of its own is the only
# write that the operator is allowed, and the counters do not tell whose Lease it was (the scheduler and the kubelet
# renew theirs). pods/status is the kubelet's, and no right of the operator.
WATCHED = (
    *("mailstacks", "mailstacks/status", *CHILDREN.split(","), "statefulsets/status"),
    *("pods", "events", "secrets", "serviceaccounts"),
)
# The promises: MiB, and thousandths of a processor.
MEMORY, PROCESSOR = 20.0, 5.0
# MiB that the kernel's own accounting of a process comes and goes by.
FLAT = 1.0


@dataclass(frozen=True)
class Cost:
    """Of a probe so far: processor seconds, at that time in seconds since 1970, and its memory in MiB."""

    time: float
    processor: float
    memory: float


@dataclass(frozen=True)
class Moment:
    """The API server's counters of writes and GETs; a stack's objects, their versions and last writers' times; its
    probe."""

    writes: Counter[str]
    gets: Counter[str]
    versions: dict[str, str]
    written: dict[str, str]
    reports: str
    cost: Cost


@pytest.fixture(scope="module")
def idle(running_stacks: tuple[Stack, Stack]) -> tuple[Moment, Moment]:
    """Before and after some minutes in which nobody did anything."""
    stack, _ = running_stacks
    stack.wait_ready()
    until("the namespaces of earlier tests are gone", lambda: _only_these(*running_stacks), 120)
    until("the last writes of the set-up are over", _is_quiet, 180)
    before = _look(stack)
    holds("nothing is written", lambda: stack.versions() == before.versions, MINUTES * 60, every=15)
    return before, _look(stack)


def test_nothing_is_written(idle: tuple[Moment, Moment]) -> None:
    """Promise: at idle neither probe nor operator writes, by the API server's counters and by the objects."""
    before, after = idle
    counted = after.writes - before.writes
    print(f"\nin {MINUTES:.0f} minutes: writes by resource: {dict(counted)}")
    assert not {name: counted[name] for name in WATCHED if counted[name]}
    assert counted["leases"] > 0, "the counters do not count"
    assert after.versions == before.versions
    assert after.written == before.written
    assert after.reports == before.reports


def test_no_secret_is_asked_for(idle: tuple[Moment, Moment]) -> None:
    """Promise: a changed Secret is in use within seconds all the same, for its watch tells of it."""
    before, after = idle
    assert (after.gets - before.gets)["secrets"] == 0
    assert before.gets["secrets"] > 0, "the counters do not count"


def test_the_probe_costs_next_to_nothing(idle: tuple[Moment, Moment]) -> None:
    """Promise: less than 20 MiB, which do not grow, and less than 5 thousandths of a processor."""
    before, after = (each.cost for each in idle)
    milli = 1000 * (after.processor - before.processor) / (after.time - before.time)
    print(f"\nprobe: {after.memory:.1f} MiB, {after.memory - before.memory:+.1f}; {milli:.1f} m of a processor")
    assert after.memory < MEMORY
    assert after.memory - before.memory < FLAT
    assert milli < PROCESSOR


def _only_these(*stacks: Stack) -> bool:
    wanted = {each.namespace for each in stacks}
    found = {each["metadata"]["name"] for each in Kubectl().list("namespaces", LABEL)}
    return {name for name in found if name != CLIENT_NAMESPACE} == wanted


def _is_quiet() -> bool:
    """Whether nothing watched is written for ten seconds."""
    before = release.writes()
    holds("nothing is written", lambda: not _watched(release.writes() - before), 10, every=5)
    return True


def _watched(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in WATCHED if counts[name]}


def _look(stack: Stack) -> Moment:
    cost = _cost(stack)
    return Moment(release.writes(), release.gets(), stack.versions(), _written(stack), _reports(stack), cost)


def _written(stack: Stack) -> dict[str, str]:
    """When somebody last wrote each object, by its managedFields."""
    objects = [*stack.kubectl.list(CHILDREN, stack.selector), stack.get()]
    return {
        f"{each['kind']} {each['metadata']['name']}": max(field["time"] for field in each["metadata"]["managedFields"])
        for each in objects
    }


def _reports(stack: Stack) -> str:
    """The probe's own count of its writes."""
    metrics = monitoring.page(stack.namespace, stack.pod_name, 9100)
    return "\n".join(re.findall(r"^mailstack_probe_reports_total.*$", metrics, re.MULTILINE))


def _cost(stack: Stack) -> Cost:
    """As the kubelet counts it; it looks each few seconds, so the time is its own."""
    summary = json.loads(Kubectl()("get", "--raw", f"/api/v1/nodes/{paths.NODE}/proxy/stats/summary"))
    pod = next(each for each in summary["pods"] if each["podRef"]["namespace"] == stack.namespace)
    probe = next(each for each in pod["containers"] if each["name"] == "probe")
    time = datetime.fromisoformat(probe["cpu"]["time"]).timestamp()
    return Cost(time, probe["cpu"]["usageCoreNanoSeconds"] / 1e9, probe["memory"]["workingSetBytes"] / 2**20)

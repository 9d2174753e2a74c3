"""What happens to running MailStacks when nothing happens, when the operator stops, and when it is gone."""

import time
from collections import Counter

import pytest

from conftest import CLIENT_NAMESPACE, LABEL, NewStack
from mailtest import manifests, release
from mailtest.client import Client
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack, identity
from mailtest.wait import holds, until

pytestmark = pytest.mark.serial

IDLE_SECONDS = 60.0
# What the operator could write, and more. Leases are counted apart: the renewal of its own is the only write it
# is allowed, and the counters do not tell whose Lease it was (the scheduler and the kubelet renew theirs).
# pods/status is the kubelet's, and no right of the operator.
WATCHED = (
    *("mailstacks", "mailstacks/status", "configmaps", "services", "statefulsets", "statefulsets/status"),
    *("pods", "secrets", "events"),
)


def test_an_idle_operator_writes_nothing_for_a_minute(running: Stack, neighbour: Stack) -> None:
    """Promise: at idle no object is written, by the API server's own counters; Lease renewals apart."""
    until("the namespaces of earlier tests are gone", lambda: _only_these(running, neighbour), 120)
    until("the last writes of the set-up are over", _is_quiet, 120)
    before, versions = release.writes(), running.versions()

    def unchanged() -> bool:
        assert not (changed := _watched(release.writes() - before)), changed
        return True

    holds("nothing was written", unchanged, IDLE_SECONDS, every=10)
    written = release.writes() - before
    print(f"writes in {IDLE_SECONDS:.0f} s, by resource: {dict(written)}")  # the only ones: Leases, tokens, nodes
    assert running.versions() == versions
    assert written["leases"] > 0, "the counters do not count"


def _only_these(*stacks: Stack) -> bool:
    wanted = {each.namespace for each in stacks}
    found = {each["metadata"]["name"] for each in Kubectl().list("namespaces", LABEL)}
    return {name for name in found if name != CLIENT_NAMESPACE} == wanted


def _is_quiet() -> bool:
    """Whether nothing watched is written for five seconds."""
    before = release.writes()
    holds("nothing is written", lambda: not _watched(release.writes() - before), 5, every=5)
    return True


def _watched(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in WATCHED if counts[name]}


def test_a_killed_operator_comes_back_and_no_mail_pod_notices(running: Stack, neighbour: Stack) -> None:
    """Fault: the operator dies without a word. The new one takes the lead and writes nothing: all is as it was."""
    before, pod = running.versions(), identity(running.pod())

    release.kill(release.wait_for_leader())

    neighbour.wait_repaired()
    assert identity(running.pod()) == pod
    assert running.versions() == before


def test_an_operator_that_is_told_to_stop_ends_within_five_seconds_and_hands_over(
    running: Stack, neighbour: Stack
) -> None:
    """Promise: a roll-out or a drained node costs seconds: clean shutdown within five, and the Lease is given back."""
    before = running.versions()
    old = release.wait_for_leader()
    start = time.monotonic()

    release.KUBECTL.delete("pod", old)

    stopped = time.monotonic() - start
    assert stopped < 5, f"it took {stopped:.1f} s to stop"
    release.wait_for_leader(10, other_than=old)
    neighbour.wait_repaired()
    assert running.versions() == before


def test_without_an_operator_mail_flows_and_a_stack_and_its_namespace_can_be_deleted(
    running: Stack, new_stack: NewStack, client: Client
) -> None:
    """Fault: the operator is gone for good. No finalizer of ours may hold anything."""
    stack = new_stack("gone")
    release.scale(0)
    try:
        assert client.ask(running.host, manifests.address("alice"))[0].code == 250
        stack.kubectl.delete("mailstack", stack.name, seconds=60)
        until("no child is left", lambda: stack.children() == [], 60)
        stack.kubectl.apply(manifests.mailstack())
        Kubectl().delete("namespace", stack.namespace, seconds=60)
    finally:
        release.scale(1)
        release.wait_for_leader()

"""What happens to running MailStacks when the operator stops, and when it is gone."""

import time

import pytest

from conftest import NewStack
from mailtest import manifests, node, release
from mailtest.client import Client
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack, identity
from mailtest.wait import until

pytestmark = pytest.mark.serial


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
    process = release.process(old)

    release.KUBECTL.delete("pod", old, "--wait=false")

    start = time.monotonic()
    node.wait_for_end(process)
    stopped = time.monotonic() - start
    assert stopped < 5, f"it took {stopped:.1f} s to stop"
    assert release.leader() != old
    release.wait_for_leader(other_than=old)
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

"""Each fault of docs/failure-modes.md is in the MailStack's status within its time, and gone again within its time."""

import time
from collections.abc import Iterator

import pytest

from conftest import NewStack
from mailtest import faults, manifests
from mailtest.client import Client, letter
from mailtest.faults import Fault
from mailtest.stack import Stack

ALICE = manifests.address("alice")


@pytest.fixture(scope="module")
def stack(new_stack: NewStack) -> Stack:
    return new_stack("faults")


@pytest.fixture
def mended(stack: Stack) -> Iterator[Stack]:
    """The stack, well before and after."""
    stack.wait_ready()
    yield stack
    stack.wait_ready()


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_so_is_its_end(mended: Stack, fault: Fault) -> None:
    """Promise: never a stale True, and never a False for longer than it lasts."""
    fault.make(mended)
    start = time.monotonic()
    told = mended.wait_condition(fault.condition, fault.status, f"^({fault.reason}): ", fault.told + 30)
    took = time.monotonic() - start
    ready = mended.condition("Ready")

    fault.mend(mended)
    start = time.monotonic()
    mended.wait_condition(fault.condition, "True", "", fault.well + 30)
    lasted = time.monotonic() - start

    print(f"\n{fault.name}: told after {took:.1f} s, well after {lasted:.1f} s: {told['reason']}: {told['message']}")
    assert ready["status"] != "True"
    assert took <= fault.told, f"told after {took:.1f} s"
    assert lasted <= fault.well, f"well after {lasted:.1f} s"


def test_known_users_are_accepted_and_queued_while_dovecot_is_down(mended: Stack, client: Client) -> None:
    """Promise: port 25 does not depend on LMTP; the Service keeps a pod whose Dovecot is away."""
    assert client.ask(mended.host, ALICE)[0].code == 250
    mended.stop_lmtp()
    mended.wait_condition("LMTPReachable", "False", "", 10)

    assert client.send(mended.host, letter(ALICE, "while-dovecot-is-down"))[0].code == 250
    assert len(mended.queue()) == 1

    mended.start_lmtp()
    mended.wait_queue_empty()


def test_an_unknown_recipient_is_accepted_at_no_time(mended: Stack, client: Client) -> None:
    """Fault: backscatter while Dovecot is away. Unknown addresses get a temporary refusal."""
    mended.stop_lmtp()
    reply = client.ask(mended.host, "nobody-while-down@example.org")[0]
    mended.start_lmtp()

    assert 400 <= reply.code < 500, reply

"""Each fault of docs/failure-modes.md is in the MailStack's status within its time, and gone again within its time."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conftest import NewStack
from mailtest import audit, faults, greetings, inbox, manifests, node
from mailtest.client import Client, letter
from mailtest.command import CommandError
from mailtest.faults import Fault
from mailtest.kubectl import Object
from mailtest.sender import sending
from mailtest.stack import Stack
from mailtest.wait import until

pytestmark = pytest.mark.timed

ALICE, BOB = map(manifests.address, ("alice", "bob"))
# RECORD=1 notes the times for docs/failure-modes.md.
RECORD = os.environ.get("RECORD") == "1"


@pytest.fixture(scope="module")
def stack(new_stack: NewStack) -> Stack:
    return new_stack("faults")


@pytest.fixture
def mended(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A MailStack, well before and after: the module's own, or that of the serial tests."""
    is_serial = request.node.get_closest_marker("serial") is not None
    stack: Stack = request.getfixturevalue("running" if is_serial else "stack")
    stack.wait_ready()
    yield stack
    stack.wait_ready()


ROWS = [
    pytest.param(fault, id=fault.name, marks=[pytest.mark.serial] if fault.serial else []) for fault in faults.FAULTS
]


@pytest.mark.parametrize("fault", ROWS)
def test_a_fault_is_told_and_so_is_its_end(mended: Stack, client: Client, fault: Fault) -> None:
    """Promise: never a stale True, and never a False for longer than it lasts; mail does what the page says."""
    until("alice is in the cache", lambda: client.ask(mended.host, ALICE)[0].code == 250, 60)
    with _mail_is_lost_nowhere(mended, client, fault):
        fault.make(mended)
        start = time.monotonic()
        try:
            told = until(f"{fault.condition}: {fault.reason}", lambda: _told(mended, fault), fault.told + 30)
            took = time.monotonic() - start
            _mail_is_as_it_should_be(mended, client, fault.mail)
        finally:
            fault.mend(mended)
        start = time.monotonic()
        mended.wait_condition(fault.condition, "True", "", fault.well + 30)
        lasted = time.monotonic() - start

    print(f"\n{fault.name}: told after {took:.1f} s, well after {lasted:.1f} s: {told['reason']}: {told['message']}")
    assert took <= fault.told, f"told after {took:.1f} s"
    assert lasted <= fault.well, f"well after {lasted:.1f} s"
    if RECORD:
        faults.record(fault, took, lasted)


@contextmanager
def _mail_is_lost_nowhere(stack: Stack, client: Client, fault: Fault) -> Iterator[None]:
    """Another server sends meanwhile: it is refused for good at no time, and what was accepted arrives, and once.

    Nobody can tell a server that is killed what it has done, and the next one does it again.
    """
    if fault.serial:  # The client cannot be reached either.
        yield
        return
    word = re.sub("[^a-z0-9]+", "-", fault.name.lower())
    with sending(client, stack.host, ALICE, word) as mail:
        yield
    arrives = audit.arrives if fault.twice else audit.arrives_once
    arrives(client, stack, ALICE, mail)


def _told(stack: Stack, fault: Fault) -> Object:
    """The condition that tells of the fault; the same reading of the status must not say that the stack is Ready."""
    conditions = stack.conditions()
    found = conditions.get(fault.condition, {})
    text = f"{found.get('status')}, {found.get('reason')}: {found.get('message')}"
    assert re.match(f"({fault.status}), ({fault.reason}): ", text), text
    assert conditions["Ready"]["status"] != "True"
    return found


def _mail_is_as_it_should_be(stack: Stack, client: Client, mail: faults.Mail) -> None:
    stranger = f"nobody-{secrets.token_hex(4)}@{manifests.DOMAIN}"
    for address, expected in ((ALICE, mail.user), (stranger, mail.stranger)):
        if expected is not None:
            answer = _answer(stack, client, address)
            assert re.match(f"({expected})", answer), f"{address}: {answer}"


def _answer(stack: Stack, client: Client, address: str) -> str:
    """Postfix's reply to RCPT; "none" and why if there is none."""
    try:
        return str(client.ask(stack.host, address)[0])
    except CommandError as error:
        return f"none: {error}"


def test_postfix_cannot_change_its_configuration(stack: Stack) -> None:
    """Promise: to switch verification off behind the operator's back takes root in the container, or on the node."""
    with pytest.raises(CommandError, match="Permission denied"):
        stack.run_in(
            "postfix", "setpriv", "--reuid=postfix", "--clear-groups", "sh", "-c", "echo >> /etc/postfix/main.cf"
        )
    with pytest.raises(CommandError, match="Read-only file system"):
        stack.run_in("dovecot", "sh", "-c", "echo >> /etc/dovecot/dovecot.conf")


def test_known_users_are_accepted_and_queued_while_dovecot_is_down(mended: Stack, client: Client) -> None:
    """Promise: port 25 does not depend on LMTP; the Service keeps a pod whose Dovecot is away."""
    assert client.ask(mended.host, ALICE)[0].code == 250
    mended.stop_lmtp()
    mended.wait_condition("LMTPReachable", "False", "", 10)

    assert client.send(mended.host, letter(ALICE, "while-dovecot-is-down"))[0].code == 250
    assert len(mended.queue()) == 1

    mended.start_lmtp()
    # Postfix by itself would wait for minutes.
    mended.wait_queue_empty(60)


def test_an_unknown_recipient_is_accepted_at_no_time(mended: Stack, client: Client) -> None:
    """Fault: backscatter while Dovecot is away. Unknown addresses get a temporary refusal."""
    mended.stop_lmtp()
    reply = client.ask(mended.host, "nobody-while-down@example.org")[0]
    mended.start_lmtp()

    assert 400 <= reply.code < 500, reply


def test_mail_is_received_and_delivered_without_the_dns(mended: Stack, client: Client) -> None:
    """Fault: a resolver that is silent, for which Postfix would wait before it greets: 10 s for a client's name."""
    with (
        faults.without_dns(mended.pod()),
        greetings.watched(client, mended.host, 2) as seen,
        sending(client, mended.host, ALICE, "without-dns") as mail,
    ):
        until("mail flows", lambda: len(mail.accepted) > 8, 60)
        inbox.wait_for(client, mended.host, ALICE, *mail.accepted[:4])
        _mail_is_as_it_should_be(mended, client, faults.AS_EVER)
        mended.wait_ready(60)
    assert greetings.NONE not in seen, seen
    audit.arrives_once(client, mended, ALICE, mail)


# The last: the stack has another queue then.
def test_a_backlog_outlives_its_pod_and_a_volume_without_room(mended: Stack, client: Client) -> None:
    """Promise: Postfix starts on a queue volume without a free byte, and delivers what it has; new mail waits at its
    sender until there is room. Nothing is lost, and nothing comes twice."""
    with faults.small_queue_volume(mended) as queue:
        faults.new_pod(mended)
        mended.wait_ready()
        backlog = [f"backlog-{number}" for number in range(200)]
        _queue_up(mended, client, backlog)
        node.shell('dd if=/dev/zero of="$1/filler" bs=1M 2> /dev/null || true', queue)
        with sending(client, mended.host, ALICE, "without-room") as mail:
            faults.new_pod(mended)
            mended.wait_condition("SMTPReachable", "False", "^QueueFull: ", 60)
            until("the backlog is there", lambda: len(inbox.subjects(client, mended.host, BOB)) >= len(backlog), 60)
            node.on_node("rm", f"{queue}/filler")
            mended.wait_ready()
    audit.arrives_once(client, mended, ALICE, mail)
    assert inbox.subjects(client, mended.host, BOB) == sorted(backlog)


def _queue_up(stack: Stack, client: Client, subjects: list[str]) -> None:
    """Messages for bob, which Postfix cannot deliver."""
    until("bob is in the cache", lambda: client.ask(stack.host, BOB)[0].code == 250, 60)
    stack.stop_lmtp()
    letters = [letter(BOB, subject) for subject in subjects]
    assert {reply.code for reply in client.send(stack.host, *letters)} == {250}

"""The filter beside Postfix: spam is refused or filed, other mail passes, and an outage of the filter loses none.

The cluster's DNS knows no domain of a sender, so that nothing depends on what it answers.
"""

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, node
from mailtest.client import Client, Letter, letter
from mailtest.stack import Stack, container_status
from mailtest.wait import until

ALICE, BOB = map(manifests.address, ("alice", "bob"))
# rspamd's test patterns: it refuses the first, and calls the second spam.
REFUSED, SPAM = (f"{first}JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X" for first in "XY")
OWN_SCRIPT = 'require ["fileinto", "mailbox"];\nfileinto :create "Sorted";\n'


@pytest.fixture(scope="module")
def stack(create_stack: CreateStack) -> Stack:
    """With another filter that is away, and that mail does not wait for."""
    found = create_stack(
        "filter",
        plugins={"sieve": {}},
        # What the test's letters lack is no spam.
        filter={"junkScore": 50, "rejectScore": 100, "dmarc": "Score", "onDnsFailure": "Accept"},
        milters=[{"host": "127.0.0.1", "port": 1, "onFailure": "Accept", "timeout": "1s"}],
    )
    found.wait_ready()
    return found


def _letter(to: str, subject: str, text: str) -> Letter:
    return letter(to, subject, f"{text}\r\n".encode())


def test_mail_passes_and_the_users_own_script_sorts_it(stack: Stack, client: Client) -> None:
    """Promise: the filter's script leaves other mail to the user's own."""
    assert client.put_script(stack.host, ALICE, manifests.PASSWORD, OWN_SCRIPT).ok
    inbox.deliver(client, stack, ALICE, "ham", folder="Sorted")
    (message,) = client.fetch(stack.host, ALICE, manifests.PASSWORD, "Sorted")
    assert b"\nX-Spamd-Result: " in message


def test_spam_goes_to_junk_whatever_the_users_own_script(stack: Stack, client: Client) -> None:
    """Promise: spam is filed, and nobody's script answers it."""
    assert client.send(stack.host, _letter(ALICE, "spam", SPAM))[0].code == 250
    inbox.wait_for(client, stack.host, ALICE, "spam", folder="Junk")
    assert "spam" not in inbox.subjects(client, stack.host, ALICE, "Sorted")


def test_what_is_refused_is_refused_while_the_sender_waits(stack: Stack, client: Client) -> None:
    """Promise: no bounce."""
    reply = client.send(stack.host, _letter(BOB, "refused", REFUSED))[0]
    assert (reply.code, "5.7.1" in reply.text) == (554, True)


def test_a_frozen_filter_is_told_and_mail_waits_at_its_sender(stack: Stack, client: Client) -> None:
    """Fault: a filter that accepts connections and does not answer."""
    frozen = container_status(stack.pod(), "filter")["containerID"]
    node.pause(frozen)
    try:
        stack.wait_condition("FilterReady", "False", "^Frozen: ", 60)
        assert client.send(stack.host, letter(BOB, "while-frozen"))[0].code in (421, 451)
        stack.wait_condition("SMTPReachable", "False", "^FilterUnavailable: ", 60)
        conditions = stack.conditions()
        assert {conditions[kind]["status"] for kind in ("LMTPReachable", "VerificationReady")} == {"True"}
    finally:
        node.resume(frozen)
    stack.wait_condition("FilterReady", "True", "^Filtering: ", 60)
    stack.wait_ready()
    inbox.deliver(client, stack, BOB, "after-frozen")


def test_a_filter_that_was_killed_comes_back(stack: Stack, client: Client) -> None:
    """Fault: its socket outlives it."""
    stack.kill("filter")
    stack.wait_condition("FilterReady", "True", "^Filtering: ", 60)
    until("mail passes", lambda: client.send(stack.host, letter(BOB, "after-kill"))[0].code == 250, 60)
    inbox.wait_for(client, stack.host, BOB, "after-kill")

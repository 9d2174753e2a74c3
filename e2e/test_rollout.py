"""A change of the spec is rolled out, and mail lives through it."""

from collections import Counter

import pytest

from conftest import NewStack
from mailtest import manifests
from mailtest.client import Client, header_of, letter
from mailtest.stack import Stack
from mailtest.wait import until

KNOWN = tuple(manifests.address(user) for user in manifests.USERS)
NEW = manifests.address("erin", "example.net")


@pytest.fixture(scope="module")
def stack(new_stack: NewStack) -> Stack:
    return new_stack("rollout")


def test_a_domain_is_added_and_no_queued_message_is_lost(stack: Stack, client: Client) -> None:
    """Promise: the queue outlives a roll-out; each queued message arrives exactly once, and the new domain is served.

    Mail waits in the queue because Dovecot's LMTP is away; the new pod's is not.
    """
    assert {reply.code for reply in client.ask(stack.host, *KNOWN)} == {250}
    stack.stop_lmtp()
    queued = [letter(KNOWN[n % 4], f"queued-{n}") for n in range(12)]
    assert {reply.code for reply in client.send(stack.host, *queued)} == {250}
    until("twelve messages are in the queue", lambda: len(stack.queue()) == 12, 60)

    stack.kubectl.apply(manifests.users(*KNOWN, NEW))
    stack.patch(domains=["example.org", "example.net"])
    stack.wait_ready()
    until("the new domain's user is accepted", lambda: _accepts(stack, client, NEW), 60)
    assert client.send(stack.host, letter(NEW, "to-the-new-domain"))[0].code == 250

    stack.wait_queue_empty()
    wanted = {user: Counter(_subject(each.data) for each in queued if each.to == user) for user in KNOWN}
    wanted[NEW] = Counter({"to-the-new-domain": 1})
    assert {user: _subjects(stack, client, user) for user in wanted} == wanted


def _accepts(stack: Stack, client: Client, address: str) -> bool:
    reply = client.ask(stack.host, address)[0]
    assert reply.code == 250, reply
    return True


def _subjects(stack: Stack, client: Client, address: str) -> Counter[str]:
    return Counter(_subject(data) for data in client.fetch(stack.host, address, manifests.PASSWORD))


def _subject(message: bytes) -> str:
    return header_of(message, "Subject")

"""Quota: a full mailbox is refused at RCPT or at DATA, in Dovecot's words, and IMAP tells how full it is."""

import pytest

from mailtest import inbox, manifests
from mailtest.client import Client, letter
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Quota
from matrix.ways import ALICE, BOB, CAROL, DAVE, LARGE_KIB, QUOTA_KIB, Way, Ways, quota_users

SMALL_KIB = 100
# A delivery of 150 KiB: one fits into 200 KiB, two do not.
BIG = b"0123456789abcde\r\n" * (150 * 1024 // 17)


def _full(address: str) -> str:
    return f"552 5.2.2 <{address}> Quota exceeded (mailbox for user is full)"


@pytest.fixture
def stack(inet_ways: Ways, version: str) -> Stack:
    """A full mailbox is refused at RCPT."""
    stack = inet_ways[Way("Inet", version, "Virtual")]
    stack.wait_ready()
    return stack


@pytest.fixture
def later(inet_ways: Ways, version: str) -> Stack:
    """It is refused at DATA only. The users are those of the other."""
    stack = inet_ways[Way("Inet", version, "Local")]
    stack.wait_ready()
    return stack


def _storage(client: Client, stack: Stack, user: str) -> Quota:
    """The user's quota of storage, by GETQUOTAROOT."""
    found = client.quota(stack.host, user, manifests.PASSWORD)
    return next(each for each in found if each.resource == "STORAGE")


def _wait_limit(client: Client, stack: Stack, user: str, kib: int) -> None:
    until("the new size is in use", lambda: _storage(client, stack, user).limit == kib, 90)


def test_imap_tells_usage_and_limit(stack: Stack, client: Client) -> None:
    """Promise: GETQUOTA shows what a user has and may have, in KiB."""
    found = _storage(client, stack, CAROL)
    assert (found.usage, found.limit) == (0, LARGE_KIB)

    assert client.send(stack.host, letter(CAROL, "big", BIG))[0].code == 250
    inbox.wait_for(client, stack.host, CAROL, "big")

    assert 150 <= _storage(client, stack, CAROL).usage <= 152


def test_a_users_own_size_is_that_of_the_users_file(stack: Stack, client: Client) -> None:
    """Promise: the users file may hold another size for one user; two big messages fit into it."""
    assert (_storage(client, stack, BOB).limit, _storage(client, stack, CAROL).limit) == (QUOTA_KIB, LARGE_KIB)

    replies = client.send(stack.host, letter(CAROL, "big-1", BIG), letter(CAROL, "big-2", BIG))

    assert {reply.code for reply in replies} == {250}
    inbox.wait_for(client, stack.host, CAROL, "big-1", "big-2")


def test_a_message_that_does_not_fit_is_refused_at_rcpt(stack: Stack, client: Client) -> None:
    """Promise of rejectAtRecipient: the sender's server says how large its message is (RFC 1870), and hears that it
    does not fit before it sends it. A smaller one still comes in."""
    assert client.send(stack.host, letter(BOB, "first", BIG))[0].code == 250
    inbox.wait_for(client, stack.host, BOB, "first")

    reply = client.send(stack.host, letter(BOB, "second", BIG))[0]

    assert str(reply) == f"552 5.2.2 <{BOB}>: Recipient address rejected: Mailbox is full"
    inbox.deliver(client, stack, BOB, "small")
    assert stack.queue() == []


def test_dovecot_refuses_at_data_what_does_not_fit(stack: Stack, client: Client) -> None:
    """Promise: nothing goes over the size, also when nobody said how large the message is."""
    big = letter(ALICE, "big", BIG).data
    assert [reply.code for reply in client.deliver(stack.lmtp_host, big, ALICE)[1]] == [250]

    rcpt, data = client.deliver(stack.lmtp_host, big, ALICE)

    assert [reply.code for reply in rcpt] == [250]
    assert [str(reply) for reply in data] == [_full(ALICE)]


def test_without_reject_at_recipient_the_sender_gets_a_bounce(later: Stack, client: Client) -> None:
    """Fault: Postfix took a message that does not fit. The sender hears of it with the reason."""
    assert client.send(later.host, letter(ALICE, "first", BIG))[0].code == 250
    inbox.wait_for(client, later.host, ALICE, "first")

    assert client.send(later.host, letter(ALICE, "second", BIG), sender=CAROL)[0].code == 250

    inbox.wait_for(client, later.host, CAROL, "Undelivered Mail Returned to Sender")
    bounce = client.fetch(later.host, CAROL, manifests.PASSWORD)[-1].decode()
    assert _full(ALICE) in " ".join(bounce.split())
    assert inbox.subjects(client, later.host, ALICE) == ["first"]


def test_a_user_over_quota_gets_nothing_more(stack: Stack, later: Stack, client: Client, version: str) -> None:
    """Promise: whose size was made smaller than the mailbox is refused at RCPT by both servers, or at DATA."""
    small = letter(DAVE, "small").data
    for each in (stack, later):
        client.deliver(each.lmtp_host, letter(DAVE, "big", BIG).data, DAVE)
    stack.kubectl.apply(quota_users(version, dave=SMALL_KIB))
    for each in (stack, later):
        _wait_limit(client, each, DAVE, SMALL_KIB)

    assert str(client.ask(stack.host, DAVE)[0]) == f"552 5.2.2 <{DAVE}>: Recipient address rejected: Mailbox is full"
    assert [str(reply) for reply in client.deliver(stack.lmtp_host, small, DAVE)[0]] == [_full(DAVE)]

    assert client.ask(later.host, DAVE)[0].code == 250
    rcpt, data = client.deliver(later.lmtp_host, small, DAVE)
    assert ([reply.code for reply in rcpt], [str(reply) for reply in data]) == ([250], [_full(DAVE)])

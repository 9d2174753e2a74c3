"""Quota: a full mailbox is refused at RCPT or at DATA, in Dovecot's words, and IMAP tells how full it is."""

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests
from mailtest.client import Client, letter
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Quota

ALICE, BOB, CAROL, DAVE = map(manifests.address, manifests.USERS)
VERSIONS = ("2.4", "2.3")
SIZE_KIB, LARGE_KIB, SMALL_KIB = 200, 2048, 100
# How the users file gives one user a size of their own; the number is in KiB.
OWN_SIZE = {"2.4": "userdb_quota_storage_size={}K", "2.3": "userdb_quota_rule=*:storage={}K"}
USERS_FILE = "/run/mailstack/users/passwd"
# A delivery of 150 KiB: one fits into 200 KiB, two do not.
BIG = b"0123456789abcde\r\n" * (150 * 1024 // 17)


def _full(address: str) -> str:
    return f"552 5.2.2 <{address}> Quota exceeded (mailbox for user is full)"


def _name(version: str) -> str:
    return f"quota-{version.replace('.', '')}"


def _users(version: str, **own_kib: int) -> Object:
    """The Secret of a version's users; `own_kib` gives some of them a size of their own."""
    lines = []
    for user in manifests.USERS:
        own = OWN_SIZE[version].format(own_kib[user]) if user in own_kib else ""
        lines.append(f"{manifests.address(user)}:{{PLAIN}}{manifests.PASSWORD}::::::{own}\n")
    return manifests.secret(f"{_name(version)}-users", "".join(lines))


def _spec(version: str, *, at_recipient: bool) -> dict[str, object]:
    """Over TCP, so that the client can speak LMTP with Dovecot itself."""
    return {
        "users": {"passwdFile": {"secretName": f"{_name(version)}-users"}},
        "plugins": {"quota": {"size": f"{SIZE_KIB}Ki", "rejectAtRecipient": at_recipient}},
        "delivery": {"listener": {"type": "Inet"}},
        "dovecot": {"version": version},
    }


@pytest.fixture(scope="module")
def at_recipient(create_stack: CreateStack) -> dict[str, Stack]:
    """By version: a full mailbox is refused at RCPT."""
    return {
        version: create_stack(_name(version), _users(version, carol=LARGE_KIB), **_spec(version, at_recipient=True))
        for version in VERSIONS
    }


@pytest.fixture(scope="module")
def at_data(create_stack: CreateStack, at_recipient: dict[str, Stack]) -> dict[str, Stack]:
    """By version: it is refused at DATA only. The users are those of the other MailStacks, which exist."""
    return {
        version: create_stack(f"{_name(version)}-data", **_spec(version, at_recipient=False))
        for version in at_recipient
    }


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def later(at_data: dict[str, Stack], version: str) -> Stack:
    """Refuses at DATA."""
    at_data[version].wait_ready()
    return at_data[version]


@pytest.fixture
def stack(at_recipient: dict[str, Stack], at_data: dict[str, Stack], version: str) -> Stack:
    """Refuses at RCPT; the other kind is on its way by now, too."""
    at_recipient[version].wait_ready()
    return at_recipient[version]


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
    assert (_storage(client, stack, BOB).limit, _storage(client, stack, CAROL).limit) == (SIZE_KIB, LARGE_KIB)

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
    stack.kubectl.apply(_users(version, carol=LARGE_KIB, dave=SMALL_KIB))
    for each in (stack, later):
        _wait_limit(client, each, DAVE, SMALL_KIB)

    assert str(client.ask(stack.host, DAVE)[0]) == f"552 5.2.2 <{DAVE}>: Recipient address rejected: Mailbox is full"
    assert [str(reply) for reply in client.deliver(stack.lmtp_host, small, DAVE)[0]] == [_full(DAVE)]

    assert client.ask(later.host, DAVE)[0].code == 250
    rcpt, data = client.deliver(later.lmtp_host, small, DAVE)
    assert ([reply.code for reply in rcpt], [str(reply) for reply in data]) == ([250], [_full(DAVE)])

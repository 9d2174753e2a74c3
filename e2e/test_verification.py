"""Address verification: each field of spec.verification is shown by what a sender gets to see.

Two MailStacks differ in every field, and their users are the same: what one does and the other does not is
the field's doing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests
from mailtest.client import Client, header_of, letter
from mailtest.stack import Stack
from mailtest.wait import until

pytestmark = pytest.mark.timed

USERS_FILE = "/run/mailstack/users/passwd"
ALICE, BOB, CAROL, DAVE = (manifests.address(user) for user in manifests.USERS)
ERIN = manifests.address("erin")

REFRESH, EXPIRE = 3.0, 12.0
SHORT = {"refresh": f"{REFRESH:.0f}s", "expire": f"{EXPIRE:.0f}s"}
LONG = {"refresh": "1h", "expire": "1d"}
# What may pass between an answer of Dovecot and the moment in which a test sees it.
MARGIN = 8.0
# An answer out of the cache takes milliseconds; one that Dovecot is asked for takes the poll delay.
AT_ONCE = 0.9

# After code 450 Postfix writes "unverified" where it otherwise writes "undeliverable".
UNKNOWN = "(undeliverable|unverified) address: .*User doesn't exist: {0}"


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack) -> tuple[Stack, Stack, Stack]:
    """One that forgets soon, one that remembers for long, and one that asks nobody."""
    made = (
        create_stack(
            "short", verification={"rejectCode": 550, "pollDelay": "1s", "positive": SHORT, "negative": SHORT}
        ),
        create_stack("long", verification={"rejectCode": 450, "pollDelay": "3s", "positive": LONG, "negative": LONG}),
        create_stack("off", verification={"enabled": False}),
    )
    for stack in made:
        stack.wait_ready()
    return made


@pytest.fixture(scope="module")
def short(stacks: tuple[Stack, Stack, Stack]) -> Stack:
    return stacks[0]


@pytest.fixture(scope="module")
def long(stacks: tuple[Stack, Stack, Stack]) -> Stack:
    return stacks[1]


@pytest.fixture(scope="module")
def off(stacks: tuple[Stack, Stack, Stack]) -> Stack:
    return stacks[2]


def test_the_reject_code_is_the_one_of_the_spec(short: Stack, long: Stack, client: Client) -> None:
    """Promise: rejectCode 550 refuses for good, 450 lets the sender try again; both tell Dovecot's words."""
    for stack, code in ((short, 550), (long, 450)):
        assert client.ask(stack.host, "code@example.org")[0].matches(code, UNKNOWN.format("code@example.org"))


def test_the_first_answer_takes_the_poll_delay(short: Stack, long: Stack, client: Client) -> None:
    """Promise: pollDelay is how long a sender waits for the first answer; the second comes from the cache."""
    for stack, delay in ((short, 1.0), (long, 3.0)):
        first, second = client.ask(stack.host, "delay@example.org", "delay@example.org")
        assert delay <= first.seconds < delay + 2.0, first
        assert second.seconds < AT_ONCE, second


def test_a_foreign_domain_is_refused_before_anybody_is_asked(long: Stack, client: Client) -> None:
    """Fault: Postfix would ask strangers' servers who exists there, at the wish of whoever connects."""
    strangers = ("somebody@example.com", "somebody@mail.example.org", "a@b.example.org")

    foreign = client.ask(long.host, *strangers)
    client.ask(long.host, "foreign@example.org")  # asked for after any question that the others caused
    until("Dovecot was asked about foreign@example.org", lambda: long.questions("foreign@example.org") == 1, MARGIN)

    assert all(reply.matches(554, "5.7.1 <.*>: Relay access denied") for reply in foreign), foreign
    assert max(reply.seconds for reply in foreign) < AT_ONCE
    assert [long.questions(stranger) for stranger in strangers] == [0, 0, 0]


def test_an_answer_older_than_refresh_is_asked_for_again(short: Stack, long: Stack, client: Client) -> None:
    """Promise: positive.refresh. The sender has the old answer at once; Dovecot is asked behind it."""
    for stack in (long, short):
        assert client.ask(stack.host, DAVE)[0].code == 250
    _wait_for_age(REFRESH + 1, time.monotonic())

    for stack in (short, long):
        again = client.ask(stack.host, DAVE)[0]
        assert (again.code, again.seconds < AT_ONCE) == (250, True), again

    until("Dovecot was asked again", lambda: short.questions(DAVE) == 2, MARGIN)
    assert long.questions(DAVE) == 1


def test_an_expired_answer_does_not_serve_while_dovecot_is_down(short: Stack, long: Stack, client: Client) -> None:
    """Promise: positive.expire and negative.expire. Until then Postfix answers without Dovecot, then no longer."""
    client.ask(short.host, CAROL, "gone@example.org")
    asked = time.monotonic()
    client.ask(long.host, CAROL, "gone@example.org")

    with _lmtp_down(short), _lmtp_down(long):
        _wait_for_age(EXPIRE + 1, asked)
        expired = client.ask(short.host, CAROL, "gone@example.org")
        kept = client.ask(long.host, CAROL, "gone@example.org")

    assert all(reply.matches(450, "unverified address: .*Connection refused") for reply in expired), expired
    assert kept[0].code == 250, kept
    assert kept[1].matches(450, UNKNOWN.format("gone@example.org")), kept
    # A temporary answer is kept as a negative one, so good mail comes back within negative.refresh.
    until("carol is accepted again", lambda: client.ask(short.host, CAROL)[0].code == 250, REFRESH + MARGIN)


def test_a_change_of_users_is_noticed_within_the_cache_times(short: Stack, long: Stack, client: Client) -> None:
    """Promise: a new user is accepted within negative.refresh, a deleted one refused after positive.expire.

    Not after positive.refresh: verify(8) lets no refusal take the place of a good answer before it expires.
    The other stack, with its long times, still goes by what it knew.
    """
    assert [reply.code for reply in client.ask(short.host, BOB, ERIN)] == [250, 550]
    asked = time.monotonic()
    assert [reply.code for reply in client.ask(long.host, BOB, ERIN)] == [250, 450]

    short.kubectl.apply(manifests.users(ALICE, CAROL, DAVE, ERIN))
    for stack in (short, long):
        _wait_until_gone(BOB, stack)

    until("erin is accepted", lambda: client.ask(short.host, ERIN)[0].code == 250, REFRESH + MARGIN)
    _wait_for_age(EXPIRE + 1, asked)
    assert client.ask(short.host, BOB)[0].matches(550, UNKNOWN.format(BOB))
    bob, erin = client.ask(long.host, BOB, ERIN)
    assert bob.code == 250, bob
    assert erin.matches(450, UNKNOWN.format(ERIN)), erin


def test_switched_off_unknown_users_are_accepted_and_their_mail_bounces(off: Stack, client: Client) -> None:
    """Documented: enabled: false means backscatter. The mail comes back to whoever stands in MAIL FROM."""
    asked = client.ask(off.host, "nobody@example.org", "somebody@example.com")
    assert [reply.code for reply in asked] == [250, 554], asked
    assert off.questions("nobody@example.org") == 0

    sent = client.send(off.host, letter("nobody@example.org", "to-nobody"), sender=ALICE)[0]

    assert sent.code == 250, sent
    inbox.wait_for(client, off.host, ALICE, "Undelivered Mail Returned to Sender")
    bounce = client.fetch(off.host, ALICE, manifests.PASSWORD)[0]
    assert header_of(bounce, "Return-Path") in ("", "<>")
    assert b"User doesn't exist: nobody@example.org" in bounce


@contextmanager
def _lmtp_down(stack: Stack) -> Iterator[None]:
    """Dovecot's LMTP does not listen: Postfix finds the connection refused."""
    stack.stop_lmtp()
    try:
        yield
    finally:
        stack.start_lmtp()


def _wait_for_age(seconds: float, since: float) -> None:
    """Wait until what happened at `since` is `seconds` old."""
    until(f"{seconds:.0f} s have passed", lambda: time.monotonic() - since >= seconds, seconds + 1)


def _wait_until_gone(user: str, stack: Stack) -> None:
    """Wait until the kubelet has written the users file without the user."""

    def look() -> bool:
        return user not in stack.run_in("dovecot", "cat", USERS_FILE)

    until(f"{user} is gone from the file of {stack.name}", look, 90, every=1)

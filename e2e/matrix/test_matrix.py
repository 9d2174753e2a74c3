"""Every way in which the how-to joins the servers: {Unix, Inet} x {2.3, 2.4} x {Virtual, Local}."""

import re

import pytest

from mailtest import inbox, manifests
from mailtest.client import Client, body_of, header_of, letter
from mailtest.stack import Stack
from matrix.ways import BOB, OBRIEN, WAYS, Way

NOBODY = manifests.address("nobody")


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture
def stack(way: Way, request: pytest.FixtureRequest) -> Stack:
    stack: Stack = request.getfixturevalue(f"{way.listener.lower()}_ways")[way]
    stack.wait_ready()
    return stack


def test_mail_is_delivered_and_read_over_imap(stack: Stack, client: Client) -> None:
    """Promise: what Postfix accepts, Dovecot of this version stores, whatever joins the two.

    Fault: a user with an apostrophe, with capitals in the users file, or with a home outside the mail volume.
    """
    inbox.deliver(client, stack, OBRIEN, "through-lmtp")


def test_lines_of_any_length_reach_the_mailbox(stack: Stack, client: Client) -> None:
    """Fault: a line of more than 998 bytes that is broken on the way: a signature or an attachment is spoilt. And
    Promise: what the servers add names the MailStack's host, no pod."""
    body = b"x" * 5000 + b"\r\n" + "\u00fc".encode() * 2000 + b"\r\n..\r\nend\r\n"

    assert client.send(stack.host, letter(BOB, "long-lines", body))[0].code == 250
    inbox.wait_for(client, stack.host, BOB, "long-lines")

    messages = client.fetch(stack.host, BOB, manifests.PASSWORD)
    received = next(each for each in messages if header_of(each, "Subject") == "long-lines")
    assert body_of(received) == body
    assert b"by mail.example.org with LMTP" in received
    assert b"svc.cluster.local with" not in received


def test_an_unknown_recipient_is_refused_with_the_words_of_dovecot(way: Way, stack: Stack, client: Client) -> None:
    """Promise: Postfix knows no users; it asks Dovecot, and refuses at RCPT for good."""
    reply = client.ask(stack.host, NOBODY)[0]

    unknown = rf"5\.1\.1 <{NOBODY}>"
    assert reply.code == 550
    assert re.match(
        rf"{unknown}: Recipient address rejected: undeliverable address: "
        rf"host {way.server} said: 550 {unknown} User doesn't exist: {NOBODY}",
        reply.text,
    ), reply

"""Every way in which the how-to joins the servers: {Unix, Inet} x {2.3, 2.4} x {Virtual, Local}."""

import itertools
import re
from dataclasses import dataclass

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests
from mailtest.client import Client
from mailtest.stack import Stack

ALICE, NOBODY = manifests.address("alice"), manifests.address("nobody")


@dataclass(frozen=True)
class Way:
    """The listener of LMTP, Dovecot's version, and the kind of recipients."""

    listener: str
    version: str
    recipients: str

    def __str__(self) -> str:
        return f"{self.listener}-{self.version.replace('.', '')}-{self.recipients}".lower()

    @property
    def spec(self) -> dict[str, object]:
        delivery = {"recipients": self.recipients, "listener": {"type": self.listener}}
        return {"delivery": delivery, "dovecot": {"version": self.version}}

    @property
    def server(self) -> str:
        """How Postfix's log and replies call the LMTP server, as a pattern."""
        if self.listener == "Unix":
            return r"mail\.example\.org\[private/dovecot-lmtp\]"
        return rf"{self}-dovecot\.[a-z0-9-]+\.svc\[[0-9.]+\]"


WAYS = [Way(*each) for each in itertools.product(("Unix", "Inet"), ("2.3", "2.4"), ("Virtual", "Local"))]


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack) -> dict[Way, Stack]:
    """All of them, created at once."""
    return {way: create_stack(str(way), **way.spec) for way in WAYS}


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture
def stack(stacks: dict[Way, Stack], way: Way) -> Stack:
    stacks[way].wait_ready()
    return stacks[way]


def test_mail_is_delivered_and_read_over_imap(stack: Stack, client: Client) -> None:
    """Promise: what Postfix accepts, Dovecot of this version stores, whatever joins the two."""
    inbox.deliver(client, stack, ALICE, "through-lmtp")


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

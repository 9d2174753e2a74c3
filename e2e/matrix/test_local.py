"""Local recipients: mydestination, mailbox_transport, and aliases(5) before it."""

import pytest

from mailtest import inbox, pods
from mailtest.client import Client, letter
from mailtest.stack import READY_SECONDS, Stack
from mailtest.wait import until
from matrix.ways import ALIASES, ALICE, ALICE_NET, BOB, CAROL, Way, Ways, aliases

# Commands, files and lists in files: what local(8) could do besides.
ROUND = 'command: "|/bin/touch /var/lib/postfix/ran"\nfile: /var/lib/postfix/ran\nlist: :include:/etc/passwd\n'


@pytest.fixture
def stack(unix_ways: Ways) -> Stack:
    stack = unix_ways[Way("Unix", "2.4", "Local")]
    stack.wait_ready()
    return stack


def test_an_alias_reaches_its_user(stack: Stack, client: Client) -> None:
    """Promise: aliases(5) come before the mailbox, and verification takes them for addresses that exist."""
    assert client.send(stack.host, letter("info@example.org", "to-info"))[0].code == 250

    inbox.wait_for(client, stack.host, ALICE, "to-info")


def test_an_alias_of_two_reaches_both(stack: Stack, client: Client) -> None:
    """Promise: a list of addresses, with and without a domain."""
    assert client.send(stack.host, letter("team@example.org", "to-the-team"))[0].code == 250

    for user in (ALICE, BOB):
        inbox.wait_for(client, stack.host, user, "to-the-team")


@pytest.mark.parametrize("address", ["postmaster", "postmaster@example.org", "mailer-daemon@example.net"])
def test_the_postmaster_reads_what_nobody_else_does(stack: Stack, client: Client, address: str) -> None:
    """Promise: RFC 5321's <postmaster> reaches spec.postmasterAddress without an alias for it."""
    assert client.send(stack.host, letter(address, f"to-{address}"))[0].code == 250

    inbox.wait_for(client, stack.host, CAROL, f"to-{address}")


def test_root_is_whom_the_aliases_say(stack: Stack, client: Client) -> None:
    """Promise: the ConfigMap's own entry comes before the default."""
    assert client.send(stack.host, letter("root@example.org", "to-root"))[0].code == 250

    inbox.wait_for(client, stack.host, BOB, "to-root")


def test_a_mailbox_belongs_to_one_domain(stack: Stack, client: Client) -> None:
    """Fault: mydestination makes alice@example.org and alice@example.net one local user; here they are two."""
    inbox.deliver(client, stack, ALICE_NET, "to-dot-net")

    assert "to-dot-net" not in inbox.subjects(client, stack.host, ALICE)
    assert client.ask(stack.host, "bob@example.net")[0].code == 550


def test_an_alias_that_leads_round_lmtp_is_refused(stack: Stack) -> None:
    """Fault: a command or a file as an alias; verification would accept it unasked. The pod keeps its aliases."""
    before = pods.identities(stack)

    stack.kubectl.apply(aliases(ALIASES + ROUND))
    stack.wait_condition("Stalled", "True", "^ConfigRefused: .*aliases: commands, files and :include: do not work")

    assert pods.identities(stack) == before
    stack.kubectl.apply(aliases())
    stack.wait_condition("Ready", "True", "^Running")
    assert pods.identities(stack) == before


def test_changed_aliases_are_used(stack: Stack, client: Client) -> None:
    """Promise: a change of the ConfigMap is taken by the running pods."""
    before = pods.identities(stack)
    assert client.ask(stack.host, "sales@example.org")[0].code == 550

    stack.kubectl.apply(aliases(f"{ALIASES}sales: alice\n"))

    until(
        "the new alias is accepted", lambda: client.ask(stack.host, "sales@example.org")[0].code == 250, READY_SECONDS
    )
    assert client.send(stack.host, letter("sales@example.org", "to-sales"))[0].code == 250
    inbox.wait_for(client, stack.host, ALICE, "to-sales")
    stack.wait_ready()
    assert pods.identities(stack) == before

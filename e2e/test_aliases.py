"""Aliases, alias domains and catch-alls: mail arrives at every target, and belongs to those who get it.

The delimiter of address extensions is another than the usual one.
"""

from dataclasses import replace

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests
from mailtest.certificates import Authority
from mailtest.client import Client, letter
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

ALICE, BOB, CAROL = map(manifests.address, ("alice", "bob", "carol"))
SALES, TEAM, GHOST, EXTRA = map(manifests.address, ("sales", "team", "ghost", "extra"))
OLD, SHOP = "old.example.org", "shop.example.org"
# A kubelet looks at a mounted ConfigMap about once a minute; a change of the table is rehearsed before.
SECONDS = 180.0


def _table(text: str) -> Object:
    metadata = {"name": "more-aliases"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"virtual": text}}


@pytest.fixture(scope="module")
def stack(create_stack: CreateStack, authority: Authority) -> Stack:
    """One with every kind of alias, one of which leads to nobody."""
    found = create_stack(
        "aliases",
        manifests.tls_secret("tls", authority.issue("mail.example.org")),
        _table(f"{EXTRA} {CAROL}\n"),
        tls={"secretName": "tls"},
        submission={},
        aliases=[
            {"address": SALES, "targets": [ALICE]},
            {"address": TEAM, "targets": [SALES, BOB, manifests.address("gone")]},
            {"address": GHOST, "targets": [manifests.address("gone")]},
        ],
        addressExtensions={"delimiter": "-"},
        aliasesFrom={"configMapName": "more-aliases", "key": "virtual"},
        domainAliases=[{"domain": OLD, "target": manifests.DOMAIN}],
        catchAll=[{"domain": SHOP, "targets": [BOB]}],
    )
    found.wait_ready()
    return found


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (SALES, 250),
        ("sales-x@example.org", 250),
        ("alice-x@example.org", 250),
        ("alice+x@example.org", 550),
        (EXTRA, 250),
        (GHOST, 550),
        (f"sales@{OLD}", 250),
        (f"alice@{OLD}", 250),
        (f"nobody@{OLD}", 550),
        (f"anything@{SHOP}", 250),
        (manifests.address("nobody"), 550),
    ],
)
def test_an_alias_is_verified_at_its_target(stack: Stack, client: Client, address: str, code: int) -> None:
    """Promise: an alias exists if its target does; nobody else exists because of it. An extension begins with the
    delimiter of the spec, and with no other."""
    _wait_for_answer(stack, client, address, code)


def _wait_for_answer(stack: Stack, client: Client, address: str, code: int) -> None:
    """A crowded Dovecot may be asked about an address for longer than a session waits, which gets 450."""
    until(f"{address} gets {code}", lambda: client.ask(stack.host, address)[0].code == code, 60)


@pytest.mark.parametrize(
    ("address", "users"),
    [
        (SALES, (ALICE,)),
        ("sales-x@example.org", (ALICE,)),
        (TEAM, (ALICE, BOB)),
        (EXTRA, (CAROL,)),
        (f"carol@{OLD}", (CAROL,)),
        (f"x@{SHOP}", (BOB,)),
    ],
)
def test_mail_arrives_at_every_target(stack: Stack, client: Client, address: str, users: tuple[str, ...]) -> None:
    """Promise: users, groups, alias domains and catch-alls."""
    subject = f"to-{address}"
    _wait_for_answer(stack, client, address, 250)
    assert client.send(stack.host, letter(address, subject))[0].code == 250
    for user in users:
        inbox.wait_for(client, Endpoint(stack.host, security="starttls"), user, subject)


@pytest.mark.parametrize(
    ("user", "sender", "code"),
    [
        (ALICE, SALES, 250),
        (ALICE, "sales-x@example.org", 250),
        (ALICE, f"sales@{OLD}", 250),
        (ALICE, f"alice-x@{OLD}", 250),
        (BOB, TEAM, 250),
        (BOB, f"anything@{SHOP}", 250),
        (BOB, SALES, 553),
        (BOB, f"alice@{OLD}", 553),
        (BOB, "alice-x@example.org", 553),
        (ALICE, "alice+x@example.org", 553),
        (ALICE, f"anything@{SHOP}", 553),
        (BOB, f'"x {SALES} y"@bank.example', 553),
        (BOB, f'"x,{SALES},y"@bank.example', 553),
    ],
)
def test_an_alias_belongs_to_its_targets(stack: Stack, client: Client, user: str, sender: str, code: int) -> None:
    """Promise: who gets the mail of an address may send as it, and nobody else."""
    door = replace(Endpoint(stack.host, 587, "starttls"), user=user, password=manifests.PASSWORD)
    assert client.ask(door, CAROL, sender=sender)[0].code == code


def test_a_target_that_is_no_user_is_named(stack: Stack) -> None:
    """Fault: Postfix asks nobody about a group, so its mail for a user who is gone would bounce unnoticed."""
    stack.wait_condition("Warnings", "True", r"AliasTargetUnknown: .*gone@example\.org \(of ", 120)
    assert stack.conditions()["Ready"]["status"] == "True"


def test_a_wrong_line_is_named_and_the_last_good_file_stays(stack: Stack, client: Client) -> None:
    """Fault: a slip in a file of thousands of aliases."""
    stack.kubectl.apply(_table(f"{EXTRA} {BOB}\nmisspelt bob\n"))
    stack.wait_condition("Ready", "False", "^AliasesInvalid: ConfigMap more-aliases, .*line 2: 'misspelt' is no", 60)
    subject = "to-the-last-good-target"
    assert client.send(stack.host, letter(EXTRA, subject))[0].code == 250
    inbox.wait_for(client, Endpoint(stack.host, security="starttls"), CAROL, subject)

    added = manifests.address("added")
    _wait_for_answer(stack, client, added, 550)
    stack.kubectl.apply(_table(f"{EXTRA} {CAROL}\n{added} {BOB}\n"))
    until("the new alias is in use", lambda: client.ask(stack.host, added)[0].code == 250, SECONDS)
    stack.wait_ready()

"""The topology of Dovecot's how-to, from the examples as they stand: delivery, refusal, the socket."""

import shutil
from base64 import b64decode
from pathlib import Path

import pytest

from conftest import NewNamespace
from harness import paths
from mailtest import manifests
from mailtest.client import Client, Letter, letter
from mailtest.reader import Place, Walk
from mailtest.stack import Stack
from mailtest.wait import until

EXAMPLES = paths.repository() / "examples"
SOCKET = "/var/spool/postfix/private/dovecot-lmtp"
USERS = tuple(manifests.address(user) for user in manifests.USERS)

# postconf -m: the kinds of table in which a list of users could stand.
TABLES = (
    *("cdb", "hash", "btree", "lmdb", "dbm", "sdbm", "texthash", "inline", "cidr", "regexp", "pcre", "static"),
    *("ldap", "mysql", "pgsql", "sqlite", "mongodb", "memcache", "proxy", "tcp", "socketmap", "unix", "nis", "nisplus"),
)

# What a server on the way could be tempted to change.
BODIES = [
    b"Hello.\r\n",
    b".\r\n..\r\n.leading dots\r\n",
    b"\r\n\r\nempty lines around\r\n\r\n",
    b"trailing blanks  \t\r\nFrom the start of a line\r\n",
    "Grüße, 你好, \u2709\r\n".encode() + bytes(range(0xA0, 0x100)) + b"\r\n",
    b"x" * 990 + b"\r\n" + b"y" * 998 + b"\r\n",
    b"".join(b"%05d 0123456789abcdef\r\n" % number for number in range(10_000)),
]


@pytest.fixture(scope="module")
def stack(new_namespace: NewNamespace) -> Stack:
    """The MailStack and the Secret of the README."""
    kubectl = new_namespace("how-to")
    for name in ("mailstack", "users"):
        kubectl("apply", "-f", str(EXAMPLES / f"{name}.yaml"))
    stack = Stack(kubectl.namespace)
    stack.wait_ready()
    return stack


def test_twenty_messages_to_four_users_arrive_once_and_unchanged(stack: Stack, client: Client) -> None:
    """Promise: what SMTP accepts is found over IMAP once, byte for byte below the headers."""
    letters = [letter(USERS[n % 4], f"message-{n}", BODIES[n % len(BODIES)]) for n in range(20)]

    replies = client.send(stack.host, *letters)

    assert [reply.code for reply in replies] == [250] * 20, replies
    stack.wait_queue_empty()
    for user in USERS:
        assert _inbox(stack, client, user) == sorted(each.body for each in letters if each.to == user)


def _inbox(stack: Stack, client: Client, address: str) -> list[bytes]:
    """The bodies in a sample user's INBOX, sorted."""
    password = f"{address.partition('@')[0]}-sample"
    return sorted(Letter(address, data).body for data in client.fetch(stack.host, address, password))


def test_a_wrong_password_opens_no_mailbox(stack: Stack, client: Client) -> None:
    """Fault: a passdb that accepts anybody would show every other test green."""
    with pytest.raises(AssertionError, match="AUTHENTICATIONFAILED"):
        client.fetch(stack.host, USERS[0], "wrong")


def test_an_unknown_recipient_is_refused_with_550_and_the_words_of_dovecot(stack: Stack, client: Client) -> None:
    """Promise: Postfix asks Dovecot, and refuses at RCPT for good, so there is no backscatter."""
    reply = client.ask(stack.host, "nobody@example.org")[0]

    assert reply.code == 550
    assert reply.text.startswith(
        "5.1.1 <nobody@example.org>: Recipient address rejected: undeliverable address: "
        "host mail.example.org[private/dovecot-lmtp] said: 550 5.1.1 <nobody@example.org> User doesn't exist: "
        "nobody@example.org"
    ), reply


def test_the_second_question_is_answered_from_the_cache(stack: Stack, client: Client) -> None:
    """Promise: Dovecot is asked once; a dictionary attack does not reach it twice for the same name."""
    first, second = client.ask(stack.host, "twice@example.org", "twice@example.org")
    client.ask(stack.host, "once@example.org")  # asked for after any question that the second caused
    until("Dovecot was asked about once@example.org", lambda: stack.questions("once@example.org") == 1, 60)

    assert first.code == second.code == 550
    assert second.text == first.text
    assert second.seconds < first.seconds
    assert stack.questions("twice@example.org") == 1


def test_a_foreign_domain_is_not_relayed(stack: Stack, client: Client) -> None:
    """Fault: an open relay."""
    reply = client.ask(stack.host, "somebody@example.com")[0]

    assert str(reply).startswith("554 5.7.1 <somebody@example.com>: Relay access denied"), reply


def test_postfix_knows_no_source_of_users(stack: Stack) -> None:
    """Promise: who exists is known to Dovecot alone; the only tables are the verify cache and none of users."""
    settings = _settings(stack)

    assert settings["virtual_transport"] == "lmtp:unix:private/dovecot-lmtp"
    assert settings["virtual_mailbox_maps"] == settings["local_recipient_maps"] == ""
    tables = {name: value for name, value in settings.items() if _names_a_table(value)}
    assert set(tables) == {"address_verify_map"}, tables


def test_the_commands_of_the_pages_about_this_stack(stack: Stack, client: Client, tmp_path: Path) -> None:
    """Promise: each works as it stands there; the last two pages call the MailStack by another name."""
    until("bob is in the cache", lambda: client.ask(stack.host, "bob@example.org")[0].code == 250, 60)
    shutil.copy(EXAMPLES / "mailstack.yaml", tmp_path)
    users = stack.kubectl("get", "secret", "mail-users", "--output=jsonpath={.data.users}")
    (tmp_path / "users").write_bytes(b64decode(users))
    place = Place(stack.namespace, tmp_path, tmp_path)
    with Walk("docs/health-checks.md", place) as walk:
        walk.section("kubectl wait")
    with Walk("docs/operations.md", place) as walk:
        walk.section("Users", "Looking inside")
    with Walk("docs/address-verification.md", place, ("address-verification", stack.name)) as walk:
        walk.section("Cache times and their effect")
        shown = walk.section("What to see")
        assert walk.left == []
    assert '(550, b"5.1.1 <nobody@example.org>' in shown, shown
    assert "bob@example.org" not in shown
    with Walk("docs/bypassing-lmtp.md", place, ("bypassing-lmtp", stack.name)) as walk:
        assert '(550, b"5.1.1 <nobody@example.org>' in walk.section("What is refused, and where")


def _settings(stack: Stack) -> dict[str, str]:
    """`postconf -n`: what main.cf sets."""
    lines = stack.run_in("postfix", "postconf", "-n").splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def _names_a_table(value: str) -> bool:
    words = value.replace(",", " ").split()
    return any(word.startswith(f"{kind}:") for word in words for kind in TABLES)


@pytest.mark.parametrize("container", ["postfix", "dovecot"])
def test_the_socket_belongs_to_postfix_alone(stack: Stack, container: str) -> None:
    """Promise of the how-to: user = postfix, group = postfix, mode = 0600; both containers see the same file."""
    seen = stack.run_in(container, "stat", "--format=%F %U %G %a", SOCKET).strip()

    assert seen == "socket postfix postfix 600"


def test_both_containers_see_the_same_socket(stack: Stack) -> None:
    """Fault: two volumes at the same path would each look right alone."""
    seen = {stack.run_in(each, "stat", "--format=%d %i", SOCKET) for each in ("postfix", "dovecot")}

    assert len(seen) == 1, seen

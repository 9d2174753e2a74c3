"""What arrived in a user's mailbox, seen over IMAP."""

from mailtest import manifests
from mailtest.client import Client, header_of, letter
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

# Delivery takes a second; a crowded machine, and a retry of Postfix, take their time.
SECONDS = 90.0


def subjects(client: Client, server: str | Endpoint, user: str, folder: str = "INBOX") -> list[str]:
    """The subject of each message, sorted; a message that came twice stands there twice."""
    messages = client.fetch(server, user, manifests.PASSWORD, folder)
    return sorted(header_of(message, "Subject") for message in messages)


def wait_for(client: Client, server: str | Endpoint, user: str, *wanted: str, folder: str = "INBOX") -> None:
    """Wait until each of the subjects is there."""

    def look() -> bool:
        found = subjects(client, server, user, folder)
        assert set(wanted) <= set(found), found
        return True

    until(f"{', '.join(wanted)} in {folder} of {user}", look, SECONDS)


def deliver(client: Client, stack: Stack, user: str, subject: str, folder: str = "INBOX") -> None:
    """Send a message to the stack from outside, and wait until it is in the user's folder."""
    reply = client.send(stack.host, letter(user, subject))[0]
    assert reply.code == 250, reply
    wait_for(client, stack.host, user, subject, folder=folder)

"""What became of the mail that another server sent while something happened to a stack (sender.py)."""

from collections import Counter

from mailtest import inbox
from mailtest.client import Client
from mailtest.sender import Record
from mailtest.stack import Stack
from mailtest.wait import until

# Until Postfix has delivered what waited for Dovecot.
SECONDS = 60.0


def arrives(client: Client, stack: Stack, user: str, mail: Record) -> Counter[str]:
    """Asserts that none was refused for good, and that all that was accepted arrives; how often each message came."""
    assert (mail.refused, mail.left) == ([], [])
    return until("all of it is there", lambda: _found(client, stack, user, mail), SECONDS)


def arrives_once(client: Client, stack: Stack, user: str, mail: Record) -> None:
    """And that none came twice, unless it was sent twice."""
    seen = arrives(client, stack, user, mail)
    assert seen - Counter(mail.accepted) - Counter(mail.unclear) == Counter()


def _found(client: Client, stack: Stack, user: str, mail: Record) -> Counter[str]:
    """Raises AssertionError while one is missing."""
    sent = {*mail.accepted, *mail.unclear}
    found = Counter(each for each in inbox.subjects(client, stack.host, user) if each in sent)
    assert set(mail.accepted) <= found.keys(), set(mail.accepted) - found.keys()
    return found

"""Three MailStacks by their domain; test_cache.py runs before test_side_by_side.py, which deletes one of them."""

from collections.abc import Iterator

import pytest

from conftest import namespaces
from mailtest import manifests
from mailtest.stack import Stack

FIRST, SECOND, THIRD = "first.example.org", "second.example.org", "third.example.org"
USERS = ("alice", "bob", "carol")


@pytest.fixture(scope="package")
def stacks() -> Iterator[dict[str, Stack]]:
    """The third is called `first` as well, in another namespace."""
    with namespaces() as make:
        one, other = make("one").namespace, make("other").namespace
        made = {FIRST: Stack(one, "first"), SECOND: Stack(one, "second"), THIRD: Stack(other, "first")}
        for domain, stack in made.items():
            _create(domain, stack)
        for stack in made.values():
            stack.wait_ready()
        yield made


def _create(domain: str, stack: Stack) -> None:
    secret = f"{stack.name}-users"
    addresses = (manifests.address(user, domain) for user in USERS)
    spec = manifests.mailstack(stack.name, domain, users={"passwdFile": {"secretName": secret}})
    stack.kubectl.apply(manifests.users(*addresses, name=secret), spec)

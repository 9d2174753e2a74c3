"""The Secret of users: missing, without the key, changed."""

import time

import pytest

from conftest import NewNamespace
from mailtest import manifests
from mailtest.client import Client
from mailtest.stack import Stack, identity
from mailtest.wait import until

# A kubelet looks at a mounted Secret about once a minute.
SECONDS = 90.0
FILE = "/run/mailstack/users/passwd"
ALICE, ERIN = manifests.address("alice"), manifests.address("erin")


@pytest.fixture(scope="module")
def stack(new_namespace: NewNamespace) -> Stack:
    """A MailStack whose Secret does not exist yet."""
    kubectl = new_namespace("users")
    kubectl.apply(manifests.mailstack())
    return Stack(kubectl.namespace)


def test_a_missing_secret_is_named_then_a_missing_key_then_the_stack_comes_up(stack: Stack, client: Client) -> None:
    """Fault: a users file that is not there would make Dovecot answer 550 to good mail, for good.

    So no pod may take mail before the file is there, and the status says what is missing.
    """
    stack.wait_condition("Ready", "False", "^SecretNotFound: .*Secret mail-users", 60)

    stack.kubectl.apply(manifests.secret("mail-users", manifests.passwd_file(ALICE), key="misspelt"))
    stack.wait_condition("Ready", "False", "^SecretKeyNotFound: .*key users in Secret mail-users", 60)

    stack.kubectl.apply(manifests.secret("mail-users", manifests.passwd_file(ALICE)))
    stack.wait_ready()
    assert client.ask(stack.host, ALICE)[0].code == 250


def test_an_added_user_is_accepted_within_ninety_seconds_without_a_restart(stack: Stack, client: Client) -> None:
    """Promise: a user is added by a change of the Secret alone; no pod and no container is restarted."""
    before = identity(stack.pod())
    assert client.ask(stack.host, ERIN)[0].code == 550

    stack.kubectl.apply(manifests.users(ALICE, ERIN))

    deadline = time.monotonic() + SECONDS
    until("the kubelet wrote the new file", lambda: ERIN in stack.run_in("dovecot", "cat", FILE), SECONDS, every=2)
    until("the new user is accepted", lambda: client.ask(stack.host, ERIN)[0].code == 250, deadline - time.monotonic())
    assert identity(stack.pod()) == before

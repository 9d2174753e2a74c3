"""Sieve: users filter their mail with scripts that they upload, between the administrator's own two."""

import pytest

from mailtest import inbox, manifests, pods
from mailtest.client import Client
from mailtest.stack import Stack
from matrix.ways import ALICE, BOB, CAROL, DAVE, VERSIONS, Way, Ways, files, scripts

BROKEN = 'require ["fileinto"];\nno_such_command;\n'


@pytest.fixture
def stacks(unix_ways: Ways) -> dict[str, Stack]:
    """One for each version of Dovecot."""
    return {version: unix_ways[Way("Unix", version, "Virtual")] for version in VERSIONS}


@pytest.fixture
def stack(stacks: dict[str, Stack], version: str) -> Stack:
    stacks[version].wait_ready()
    return stacks[version]


def _upload(client: Client, stack: Stack, user: str, script: str) -> None:
    verdict = client.put_script(stack.host, user, manifests.PASSWORD, script)
    assert verdict.ok, verdict


def test_a_users_script_files_mail_into_a_folder(stack: Stack, client: Client) -> None:
    """Promise: uploaded by ManageSieve, in use with the next message; what it does not name goes to INBOX."""
    _upload(client, stack, ALICE, files("[list]", "Lists"))

    inbox.deliver(client, stack, ALICE, "[list]-news", folder="Lists")
    inbox.deliver(client, stack, ALICE, "plain")

    assert inbox.subjects(client, stack.host, ALICE) == ["plain"]


def test_the_administrators_scripts_run_before_and_after_the_users(stack: Stack, client: Client) -> None:
    """Promise: `before` has the first word, `after` gets what nobody has filed."""
    _upload(client, stack, BOB, files("[mine]", "Mine"))

    inbox.deliver(client, stack, BOB, "[before]-[mine]", folder="Before")
    inbox.deliver(client, stack, BOB, "[mine]-[after]", folder="Mine")
    inbox.deliver(client, stack, BOB, "[after]", folder="After")

    assert inbox.subjects(client, stack.host, BOB, "Mine") == ["[mine]-[after]"]
    assert inbox.subjects(client, stack.host, BOB, "After") == ["[after]"]


def test_a_script_that_does_not_compile_is_not_taken(stack: Stack, client: Client) -> None:
    """Promise: ManageSieve says what is wrong, with the line; the script of before stays in use."""
    _upload(client, stack, CAROL, files("[kept]", "Kept"))

    verdict = client.put_script(stack.host, CAROL, manifests.PASSWORD, BROKEN)

    assert not verdict.ok
    assert "line 2" in verdict.words
    inbox.deliver(client, stack, CAROL, "[kept]", folder="Kept")


def test_a_script_that_broke_on_the_disk_delivers_to_inbox(stack: Stack, client: Client) -> None:
    """Fault: a script that came with a restored home and does not compile. No message is lost or bounced."""
    inbox.deliver(client, stack, DAVE, "makes-the-home")
    home = f"/srv/mail/{DAVE}"
    stack.run_in("dovecot", "sh", "-euc", f"cat > {home}/.dovecot.sieve", stdin=BROKEN)

    inbox.deliver(client, stack, DAVE, "although-it-is-broken")


def test_a_broken_global_script_is_refused_and_a_good_one_is_used(stacks: dict[str, Stack], client: Client) -> None:
    """Fault: a mistake in the ConfigMap would hit everybody's mail. It is named, with its line, and the pod keeps
    the script that it has; the corrected one is rolled out."""
    before = {version: pods.identities(stack) for version, stack in stacks.items()}

    for version, stack in stacks.items():
        stack.kubectl.apply(scripts(version, before=BROKEN))
    for version, stack in stacks.items():
        stack.wait_condition("Stalled", "True", r"^ConfigRefused: .*before(\.sieve)?: line 2: error: ")
        assert pods.identities(stack) == before[version]
        inbox.deliver(client, stack, DAVE, "[before]-meanwhile", folder="Before")

    for version, stack in stacks.items():
        stack.kubectl.apply(scripts(version, before=files("[new]", "New")))
    for version, stack in stacks.items():
        pods.wait_replaced(stack, before[version])
        inbox.deliver(client, stack, DAVE, "[new]", folder="New")

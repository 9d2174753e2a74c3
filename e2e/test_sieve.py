"""Sieve: users filter their mail with scripts that they upload, between the administrator's own two."""

import pytest

from conftest import CreateStack
from mailtest import configs, inbox, manifests, pods
from mailtest.client import Client
from mailtest.kubectl import Object
from mailtest.stack import Stack

ALICE, BOB, CAROL, DAVE = map(manifests.address, manifests.USERS)
VERSIONS = ("2.4", "2.3")


def _files(mark: str, folder: str) -> str:
    """A script that files messages with `mark` in the subject into `folder`, and leaves the others alone."""
    test = f'header :contains "subject" "{mark}"'
    return f'require ["fileinto", "mailbox"];\nif {test} {{\n  fileinto :create "{folder}";\n  stop;\n}}\n'


BROKEN = 'require ["fileinto"];\nno_such_command;\n'


def _scripts(version: str, **changed: str) -> Object:
    """The ConfigMap of the global scripts."""
    files = {"before": _files("[before]", "Before"), "after": _files("[after]", "After"), **changed}
    return configs.config_map(_scripts_name(version), **files)


def _scripts_name(version: str) -> str:
    return f"scripts-{version.replace('.', '')}"


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack) -> dict[str, Stack]:
    """One for each version of Dovecot, created at once."""
    found = {}
    for version in VERSIONS:
        name = _scripts_name(version)
        sieve = {"before": configs.file(name, "before"), "after": configs.file(name, "after")}
        spec: dict[str, object] = {"plugins": {"sieve": sieve}, "dovecot": {"version": version}}
        found[version] = create_stack(f"sieve-{version.replace('.', '')}", _scripts(version), **spec)
    return found


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def stack(stacks: dict[str, Stack], version: str) -> Stack:
    stacks[version].wait_ready()
    return stacks[version]


def _upload(client: Client, stack: Stack, user: str, script: str) -> None:
    verdict = client.put_script(stack.host, user, manifests.PASSWORD, script)
    assert verdict.ok, verdict


def test_a_users_script_files_mail_into_a_folder(stack: Stack, client: Client) -> None:
    """Promise: uploaded by ManageSieve, in use with the next message; what it does not name goes to INBOX."""
    _upload(client, stack, ALICE, _files("[list]", "Lists"))

    inbox.deliver(client, stack, ALICE, "[list]-news", folder="Lists")
    inbox.deliver(client, stack, ALICE, "plain")

    assert inbox.subjects(client, stack.host, ALICE) == ["plain"]


def test_the_administrators_scripts_run_before_and_after_the_users(stack: Stack, client: Client) -> None:
    """Promise: `before` has the first word, `after` gets what nobody has filed."""
    _upload(client, stack, BOB, _files("[mine]", "Mine"))

    inbox.deliver(client, stack, BOB, "[before]-[mine]", folder="Before")
    inbox.deliver(client, stack, BOB, "[mine]-[after]", folder="Mine")
    inbox.deliver(client, stack, BOB, "[after]", folder="After")

    assert inbox.subjects(client, stack.host, BOB, "Mine") == ["[mine]-[after]"]
    assert inbox.subjects(client, stack.host, BOB, "After") == ["[after]"]


def test_a_script_that_does_not_compile_is_not_taken(stack: Stack, client: Client) -> None:
    """Promise: ManageSieve says what is wrong, with the line; the script of before stays in use."""
    _upload(client, stack, CAROL, _files("[kept]", "Kept"))

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


def test_a_broken_global_script_is_refused_and_a_good_one_is_used(stack: Stack, client: Client, version: str) -> None:
    """Fault: a mistake in the ConfigMap would hit everybody's mail. It is named, with its line, and the pod keeps
    the script that it has; the corrected one is rolled out."""
    before = pods.identities(stack)

    stack.kubectl.apply(_scripts(version, before=BROKEN))
    stack.wait_condition("Stalled", "True", r"^ConfigRefused: .*before(\.sieve)?: line 2: error: ")
    assert pods.identities(stack) == before
    inbox.deliver(client, stack, DAVE, "[before]-meanwhile", folder="Before")

    stack.kubectl.apply(_scripts(version, before=_files("[new]", "New")))
    pods.wait_replaced(stack, before)
    inbox.deliver(client, stack, DAVE, "[new]", folder="New")

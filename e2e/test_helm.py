"""The operator is upgraded, uninstalled and installed again while mail flows."""

from collections.abc import Iterator

import pytest

from conftest import NewNamespace, NewStack
from mailtest import manifests, release
from mailtest.client import Client, letter
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack, identity
from mailtest.wait import until

pytestmark = pytest.mark.serial

ALICE = manifests.address("alice")


@pytest.fixture(scope="module")
def stack(new_stack: NewStack) -> Stack:
    return new_stack("helm")


@pytest.fixture(scope="module")
def neighbour(new_stack: NewStack) -> Stack:
    return new_stack("neighbour")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Whatever happens, the release is afterwards as the other tests want it."""
    yield
    release.install()
    release.wait_for_leader()


def test_helm_upgrade_rolls_the_operator_and_no_mail_pod(stack: Stack, client: Client) -> None:
    """Promise: an upgrade of the operator is no event for the mail: no child is written, no pod restarted."""
    before, pod, old = stack.versions(), identity(stack.pod()), release.wait_for_leader()

    release.install("--set=log.level=debug", "--set=replicas=2")

    until("another pod leads", lambda: release.wait_for_leader() != old, 60)
    assert len(release.pods()) == 2
    assert _works(stack, client)
    assert (stack.versions(), identity(stack.pod())) == (before, pod)


def test_helm_uninstall_leaves_the_mail_running_and_install_adopts_it(
    stack: Stack, neighbour: Stack, client: Client
) -> None:
    """Promise: without the operator mail flows on; a new install takes the stacks over and writes no child."""
    before, pod = stack.versions(), identity(stack.pod())

    release.uninstall()

    assert Kubectl().get("crd", "mailstacks.mailstack.dev"), "the CRD went, and every MailStack with it"
    assert release.pods() == []
    assert _works(stack, client)
    assert (stack.versions(), identity(stack.pod())) == (before, pod)

    release.install()
    release.wait_for_leader()
    neighbour.wait_repaired()
    assert (stack.versions(), identity(stack.pod())) == (before, pod)


def test_a_list_of_namespaces_keeps_the_operator_to_them(new_namespace: NewNamespace) -> None:
    """Promise: with `watch.namespaces` the operator serves these, with no right in any other."""
    inside, outside = new_namespace("inside"), new_namespace("outside")
    release.install(f"--set=watch.namespaces={{{inside.namespace}}}")
    release.wait_for_leader()

    for kubectl in (outside, inside):
        kubectl.apply(manifests.users(), manifests.mailstack())
    Stack(inside.namespace).wait_ready()

    assert Stack(outside.namespace).children() == []
    assert "status" not in Stack(outside.namespace).get()


def _works(stack: Stack, client: Client) -> bool:
    reply = client.send(stack.host, letter(ALICE, "still-here"))[0]
    assert reply.code == 250, reply
    return True

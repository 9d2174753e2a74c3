"""The operator is upgraded, uninstalled and installed again while mail flows."""

from collections.abc import Iterator

import pytest

from conftest import NewNamespace
from mailtest import api, manifests, release
from mailtest.attacks import ACCOUNT
from mailtest.client import Client, letter
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack, identity

pytestmark = pytest.mark.serial

ALICE = manifests.address("alice")
# OpenShift runs a pod as a user of the namespace's range, with the group root.
AS_ON_OPENSHIFT = ("--set=podSecurityContext.runAsUser=1000650000", "--set=podSecurityContext.runAsGroup=0")


@pytest.fixture(scope="module", autouse=True)
def _as_it_was() -> Iterator[None]:
    """Whatever happens, the release is afterwards as the other tests want it."""
    yield
    release.install()
    release.wait_for_leader()


def test_helm_upgrade_rolls_the_operator_and_no_mail_pod(running: Stack, client: Client) -> None:
    """Promise: an upgrade of the operator is no event for the mail: no child is written, no pod restarted.

    Fault: a fixed user was refused by OpenShift. The operator runs as whatever user it is given.
    """
    before, pod, old = running.versions(), identity(running.pod()), release.wait_for_leader()

    release.install("--set=log.level=debug", "--set=replicas=2", *AS_ON_OPENSHIFT)

    release.wait_for_leader(30, other_than=old)
    assert len(release.pods()) == 2
    assert _works(running, client)
    assert (running.versions(), identity(running.pod())) == (before, pod)


def test_helm_uninstall_leaves_the_mail_running_and_install_adopts_it(
    running: Stack, neighbour: Stack, client: Client
) -> None:
    """Promise: without the operator mail flows on; a new install takes the stacks over and writes no child."""
    before, pod = running.versions(), identity(running.pod())

    release.uninstall()

    assert Kubectl().get("crd", "mailstacks.mailstack.dev"), "the CRD went, and every MailStack with it"
    assert release.pods() == []
    assert _works(running, client)
    assert (running.versions(), identity(running.pod())) == (before, pod)

    release.install()
    release.wait_for_leader()
    neighbour.wait_repaired()
    assert (running.versions(), identity(running.pod())) == (before, pod)


def test_a_list_of_namespaces_keeps_the_operator_to_them(new_namespace: NewNamespace) -> None:
    """Promise: with `watch.namespaces` the operator serves these, with no right in any other; and with `watch.secrets`
    false it works without a list of Secrets."""
    inside, outside = new_namespace("inside"), new_namespace("outside")
    release.install(f"--set=watch.namespaces={{{inside.namespace}}}", "--set=watch.secrets=false")
    release.wait_for_leader()

    for kubectl in (outside, inside):
        kubectl.apply(manifests.users(), manifests.mailstack())
    Stack(inside.namespace).wait_ready()

    assert Stack(outside.namespace).children() == []
    assert Stack(outside.namespace).get()["status"] == {"observedGeneration": -1}
    assert api.ask_as(ACCOUNT, "GET", f"/api/v1/namespaces/{inside.namespace}/secrets")[0] == 403
    assert "cannot follow" not in release.log(lines=-1)


def _works(stack: Stack, client: Client) -> bool:
    reply = client.send(stack.host, letter(ALICE, "still-here"))[0]
    assert reply.code == 250, reply
    return True

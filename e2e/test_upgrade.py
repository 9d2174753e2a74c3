"""The chart and a MailStack of 0.1.0, with mail in its store, are upgraded to the chart and operator of today."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from conftest import NewNamespace
from harness import paths
from mailtest import inbox, manifests, pods, release
from mailtest.client import IMAGE, Client
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack
from mailtest.wait import until

pytestmark = pytest.mark.serial

DATA: Path = paths.repository() / "tests" / "data" / "upgrade"
ALICE = manifests.address("alice")
# Longer than the name of a new MailStack may be, and no longer than 0.1.0 allowed.
LONG_NAME = "m" * 41
CLAIMS = ("mail-mail-0", "queue-mail-0", "data-mail-0")
OLD_IMAGE = "mailstack/operator:0.1.0"
CRD, DEPLOYMENT = "CustomResourceDefinition", "Deployment"


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Iterator[Kubectl]:
    """A namespace, in a cluster with the CRD and the objects of the old chart, and without an operator."""
    release.uninstall()
    try:
        for document in _documents("chart"):
            if document["kind"] == CRD:
                Kubectl()("replace", "-f", "-", stdin=json.dumps(document))
            elif document["kind"] != DEPLOYMENT:
                release.KUBECTL.apply(document)
        yield new_namespace("upgrade")
    finally:
        release.install()
        release.wait_for_leader()


def _documents(name: str, uid: str = "") -> list[Object]:
    """Those of a file of the old version; `uid` is their owner's.

    The old operator's image cannot be built from data, so the helpers in the pods are today's.
    """
    text = (DATA / f"{name}.yaml").read_text().replace(OLD_IMAGE, IMAGE)
    text = text.replace(f"uid-of-{name}", uid)
    return [*yaml.safe_load_all(text)]


@pytest.fixture(scope="module")
def stack(kubectl: Kubectl, client: Client) -> Stack:
    """A MailStack as 0.1.0 left it: its objects, its status, and a message in its store."""
    kubectl.apply(manifests.users(), _placed(_documents("mail")[0], kubectl.namespace))
    stack = Stack(kubectl.namespace)
    uid = stack.get()["metadata"]["uid"]
    for child in _documents("mail", uid)[1:]:
        _apply_as_operator(kubectl, _placed(child, kubectl.namespace))
    _report_ready(stack)
    until("the old pod takes mail", lambda: client.ask(stack.host, ALICE)[0].code == 250, 240)
    inbox.deliver(client, stack, "alice@example.org", "before-the-upgrade")
    return stack


def _apply_as_operator(kubectl: Kubectl, child: Object) -> None:
    """As 0.1.0 did: what the operator of today wants no more goes, because nobody else has ever applied it."""
    kubectl("apply", "--server-side", "--field-manager=mailstack-operator", "-f", "-", stdin=json.dumps(child))


def _placed(document: Object, namespace: str) -> Object:
    """The object in the test's namespace."""
    text = json.dumps(document).replace('"namespace": "post"', f'"namespace": "{namespace}"')
    placed: Object = json.loads(text.replace("--stack=post/", f"--stack={namespace}/"))
    return placed


def _report_ready(stack: Stack) -> None:
    """The status that the operator of 0.1.0 wrote."""
    condition = {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "reason": "Running",
        "message": "Postfix and Dovecot run as the spec says",
    }
    status = {"observedGeneration": 1, "conditions": [condition], "endpoint": f"mail.{stack.namespace}.svc:25"}
    change = json.dumps({"status": status})
    stack.kubectl("patch", "mailstack", stack.name, "--subresource=status", "--type=merge", "-p", change)


def test_the_upgrade_keeps_the_mail_and_replaces_the_pod_once(stack: Stack, client: Client) -> None:
    """Promise: after a rehearsal the pod is replaced, once; claims and mail are those of before."""
    before, claims = pods.identities(stack), _claims(stack)
    generation = _generation(stack)

    release.install()

    # Until the new operator has looked, the status is still that of the old one.
    pods.wait_replaced(stack, before)
    assert _generation(stack) == generation + 1
    assert _claims(stack) == claims
    inbox.wait_for(client, stack.host, "alice@example.org", "before-the-upgrade")
    inbox.deliver(client, stack, "alice@example.org", "after-the-upgrade")


def _claims(stack: Stack) -> dict[str, str]:
    return {name: stack.kubectl.must_get("persistentvolumeclaim", name)["metadata"]["uid"] for name in CLAIMS}


def _generation(stack: Stack) -> int:
    """Of the StatefulSet: one more is one roll of its pods."""
    found: int = stack.kubectl.must_get("statefulset", stack.name)["metadata"]["generation"]
    return found


def test_a_name_that_is_too_long_today_is_still_served(kubectl: Kubectl) -> None:
    """Promise: what 0.1.0 took can be changed after the upgrade; a new MailStack of such a name is refused."""
    release.uninstall()
    crd = next(document for document in _documents("chart") if document["kind"] == CRD)
    Kubectl()("replace", "-f", "-", stdin=json.dumps(crd))
    until("the old CRD is in use", lambda: _is_taken(kubectl, LONG_NAME), 30)
    kubectl.apply(manifests.mailstack(LONG_NAME, users={"passwdFile": {"secretName": "not-there"}}))

    release.install()
    release.wait_for_leader()

    old = Stack(kubectl.namespace, LONG_NAME)
    until("the CRD of today is in use", lambda: not _is_taken(kubectl, "n" * 41), 30)
    old.patch(domains=["example.org", "example.net"])
    old.wait_condition("Ready", "False", "^SecretNotFound: ", 60)
    with pytest.raises(CommandError) as refusal:
        kubectl.apply(manifests.mailstack("n" * 41))
    assert "at most 38" in refusal.value.stderr
    kubectl.delete("mailstack", LONG_NAME)


def _is_taken(kubectl: Kubectl, name: str) -> bool:
    """Whether the API server would take a new MailStack of this name."""
    manifest = json.dumps(manifests.mailstack(name))
    try:
        kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest)
    except CommandError:
        return False
    return True

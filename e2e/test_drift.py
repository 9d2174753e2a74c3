"""Children that somebody deletes or edits by hand come back."""

from typing import Any

import pytest

from conftest import NewStack
from mailtest import manifests
from mailtest.client import Client, letter
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until

pytestmark = pytest.mark.timed

SECONDS = 5.0
OFTEN = 0.1
ALICE = manifests.address("alice")

CHILDREN = [
    ("configmap", "mail-postfix"),
    ("configmap", "mail-dovecot"),
    ("service", "mail"),
    ("statefulset", "mail"),
]
# For each kind, an edit of what it is made of.
EDITS: list[tuple[str, str, Object]] = [
    ("configmap", "mail-postfix", {"data": {"main.cf": "virtual_transport = virtual\n"}}),
    ("configmap", "mail-postfix", {"data": {"master.cf": None}}),
    ("configmap", "mail-dovecot", {"data": {"dovecot.conf": "# emptied by hand\n"}}),
    ("service", "mail", {"spec": {"selector": {"app.kubernetes.io/instance": "another"}}}),
    ("statefulset", "mail", {"spec": {"replicas": 0}}),
    ("statefulset", "mail", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
]


@pytest.fixture(scope="module")
def stack(new_stack: NewStack) -> Stack:
    return new_stack("drift")


@pytest.fixture(autouse=True)
def _starts_ready(stack: Stack) -> None:
    """Each test starts from a MailStack that has settled after the one before."""
    stack.wait_ready()


@pytest.mark.parametrize(("kind", "name"), CHILDREN)
def test_a_deleted_child_is_back_within_five_seconds(stack: Stack, client: Client, kind: str, name: str) -> None:
    """Fault: somebody deletes a child by hand. Mail that was delivered before is still there afterwards."""
    subject = f"before-{kind}-{name}"
    assert client.send(stack.host, letter(ALICE, subject))[0].code == 250
    stack.wait_queue_empty()
    before = stack.kubectl.must_get(kind, name)

    stack.kubectl.delete(kind, name, "--wait=false")

    until(f"{kind} {name} is back", lambda: _came_back(stack, before), SECONDS, OFTEN)
    stack.wait_ready()
    # A new Service has a new address; the cluster's DNS tells it after some seconds.
    until("the mail is still there", lambda: subject in _inbox(stack, client), 90)


def _inbox(stack: Stack, client: Client) -> str:
    return b"".join(client.fetch(stack.host, ALICE, manifests.PASSWORD)).decode()


def _came_back(stack: Stack, before: Object) -> bool:
    now = stack.kubectl.must_get(before["kind"], before["metadata"]["name"])
    assert now["metadata"]["uid"] != before["metadata"]["uid"], "it is still the old object"
    return _content(now) == _content(before)


def _content(child: Object) -> dict[str, Any]:
    """What the operator decides of a child; the rest is the API server's and the controllers'."""
    chosen = {key: child["metadata"].get(key) for key in ("labels", "ownerReferences")}
    spec = {key: value for key, value in child.get("spec", {}).items() if not key.startswith("clusterIP")}
    return {**chosen, "spec": spec, "data": child.get("data")}


@pytest.mark.parametrize(("kind", "name", "edit"), EDITS, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(EDITS)])
def test_an_edited_child_is_put_right_within_five_seconds(stack: Stack, kind: str, name: str, edit: Object) -> None:
    """Fault: somebody edits a child by hand."""
    _is_put_right(stack, kind, name, edit)


@pytest.mark.parametrize(("kind", "name"), CHILDREN)
def test_labels_and_owner_that_are_taken_away_come_back(stack: Stack, kind: str, name: str) -> None:
    """Fault: without its labels a child would be out of the operator's sight; without its owner, never deleted."""
    label = {"app.kubernetes.io/managed-by": None, "app.kubernetes.io/instance": None}

    _is_put_right(stack, kind, name, {"metadata": {"labels": label}})
    _is_put_right(stack, kind, name, {"metadata": {"ownerReferences": None}})


def _is_put_right(stack: Stack, kind: str, name: str, edit: Object) -> None:
    before = stack.kubectl.must_get(kind, name)
    stack.kubectl.patch(kind, name, edit)

    def look() -> bool:
        now = stack.kubectl.must_get(kind, name)
        wanted, seen = _content(before), _content(now)
        assert seen == wanted, {key: seen[key] for key in seen if seen[key] != wanted[key]}
        return bool(now["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"])

    until(f"{kind} {name} is as before", look, SECONDS, OFTEN)

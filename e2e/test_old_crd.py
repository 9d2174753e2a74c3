"""A cluster whose CRD is older than the operator, and lets mistakes through."""

import json
from collections.abc import Iterator

import pytest

from mailtest import manifests, release
from mailtest.client import Client, letter
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack, identity
from mailtest.wait import until

pytestmark = pytest.mark.serial

ALICE = manifests.address("alice")
# Everything of a schema that could refuse a value of the right type.
CHECKS = ("x-kubernetes-validations", "pattern", "format", "maxLength", "minLength", "maxItems", "minItems", "enum")

BAD: list[tuple[str, dict[str, object], str]] = [
    ("hostname-with-newline", {"hostname": "mail.example.org\nmynetworks = 0.0.0.0/0"}, r"spec\.hostname"),
    ("no-domains", {"domains": []}, r"spec\.domains"),
    ("managed-parameter", {"postfix": {"parameters": {"virtual_transport": "virtual"}}}, "spec.delivery.recipients"),
    ("time-without-unit", {"verification": {"pollDelay": "15"}}, r"spec\.verification\.pollDelay"),
]


@pytest.fixture(scope="module", autouse=True)
def _old_crd(running_stacks: tuple[Stack, Stack]) -> Iterator[None]:
    """Take the checks out of the installed CRD, and put them back afterwards."""
    good = release.custom_resource_definition()
    Kubectl()("replace", "-f", "-", stdin=json.dumps(without_checks(good)))
    try:
        until("the API server lets mistakes through", lambda: _lets_through(running_stacks[0]), 30)
        yield
    finally:
        Kubectl()("replace", "-f", "-", stdin=json.dumps(good))


def without_checks(schema: object) -> object:
    """A schema, or the whole CRD, without the keywords of CHECKS."""
    if isinstance(schema, dict):
        return {key: without_checks(value) for key, value in schema.items() if not _is_check(key, value)}
    return [without_checks(each) for each in schema] if isinstance(schema, list) else schema


def _is_check(key: str, value: object) -> bool:
    # A schema is a mapping: a property that has the name of a keyword is none.
    return key in CHECKS and not isinstance(value, dict)


def _lets_through(stack: Stack) -> bool:
    change = json.dumps({"spec": {"hostname": "NONE"}})
    stack.kubectl("patch", "mailstack", stack.name, "--type=merge", "--dry-run=server", "-p", change)
    return True


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_edit_is_stalled_and_the_running_stack_stays_as_it_is(
    running: Stack, client: Client, change: dict[str, object], message: str
) -> None:
    """Fault: the old CRD stores a bad spec. The operator says so, and what runs goes on running unchanged."""
    good = running.get()["spec"]
    children, pod = _children(running), identity(running.pod())

    running.patch(**change)

    running.wait_condition("Stalled", "True", f"^InvalidSpec: .*{message}", 30)
    running.wait_condition("Ready", "False", f"^InvalidSpec: .*{message}", 30)
    assert client.send(running.host, letter(ALICE, "in-spite-of-it"))[0].code == 250
    assert (_children(running), identity(running.pod())) == (children, pod)

    running.kubectl("patch", "mailstack", running.name, "--type=json", "-p", _put_back(good))
    running.wait_ready()
    assert running.condition("Stalled") == {}
    assert (_children(running), identity(running.pod())) == (children, pod)


def _children(stack: Stack) -> dict[str, str]:
    """Children and pod by resourceVersion, without the MailStack itself."""
    return {name: version for name, version in stack.versions().items() if not name.startswith("MailStack")}


def _put_back(spec: object) -> str:
    return json.dumps([{"op": "replace", "path": "/spec", "value": spec}])

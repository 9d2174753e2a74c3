"""Objects of somebody else that have the name of a child are left alone."""

import pytest

from conftest import NewNamespace
from mailtest import manifests
from mailtest.kubectl import Object
from mailtest.stack import Stack

FOREIGN: list[tuple[str, Object]] = [
    ("ConfigMap mail-postfix", {"kind": "ConfigMap", "metadata": {"name": "mail-postfix"}, "data": {"own": "content"}}),
    ("Service mail", {"kind": "Service", "metadata": {"name": "mail"}, "spec": {"ports": [{"port": 8025}]}}),
]


@pytest.mark.parametrize(("shown", "foreign"), FOREIGN, ids=["configmap", "service"])
def test_a_foreign_object_of_the_same_name_is_left_alone_and_named(
    new_namespace: NewNamespace, shown: str, foreign: Object
) -> None:
    """Fault: the name is taken. Nothing of it is changed; once it is gone, the MailStack comes up by itself."""
    kubectl = new_namespace("foreign")
    name, kind = foreign["metadata"]["name"], foreign["kind"]
    kubectl.create({"apiVersion": "v1", **foreign})
    before = kubectl.must_get(kind, name)
    stack = Stack(kubectl.namespace)

    kubectl.apply(manifests.users(), manifests.mailstack())
    stack.wait_condition("Stalled", "True", f"^ForeignObject: .*{shown}", 30)
    stack.wait_condition("Ready", "False", f"^ForeignObject: .*{shown}", 30)
    assert kubectl.must_get(kind, name) == before

    kubectl.delete(kind, name)
    stack.wait_ready()
    assert stack.condition("Stalled") == {}

"""MailStacks for tests."""

from copy import deepcopy

from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.parser import parse

UID = "11111111-2222-3333-4444-555555555555"

BODY: Object = {
    "apiVersion": "mailstack.dev/v1alpha1",
    "kind": "MailStack",
    "metadata": {"name": "mail", "namespace": "post", "uid": UID, "generation": 1, "resourceVersion": "10"},
    "spec": {
        "hostname": "mail.example.org",
        "domains": ["example.org"],
        "postmasterAddress": "postmaster@example.org",
        "users": {"passwdFile": {"secretName": "mail-users"}},
    },
}


def body(changes: dict[str, Json] | None = None) -> Object:
    """The smallest valid MailStack, with `changes` by dotted path: {"spec.hostname": "mx.example.org"}."""
    result = deepcopy(BODY)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        node: Json = result
        for name in parents:
            assert isinstance(node, dict)
            node = node.setdefault(name, {})
        assert isinstance(node, dict)
        node[last] = value
    return result


def stack(changes: dict[str, Json] | None = None) -> MailStack:
    return parse(body(changes))

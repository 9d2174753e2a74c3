"""What somebody can do who stole the probe's token: write a false entry of its own MailStack, and nothing else."""

import json
from collections.abc import Iterator

import pytest

from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until

# Sends one request with the probe's own token, from where it is mounted; prints the HTTP status.
_REQUEST = """
import http.client, os, pathlib, ssl, sys
folder = pathlib.Path("/run/mailstack/token")
context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
server = http.client.HTTPSConnection(os.environ["KUBERNETES_SERVICE_HOST"], context=context, timeout=10)
method, path, kind = sys.argv[1:]
headers = {"Authorization": "Bearer " + (folder / "token").read_text(), "Content-Type": kind}
server.request(method, path, sys.stdin.buffer.read() or None, headers)
print(server.getresponse().status)
"""
MERGE = "application/merge-patch+json"


@pytest.fixture
def ready(stack: Stack) -> Iterator[Stack]:
    stack.wait_ready()
    yield stack
    stack.wait_ready()


def ask(stack: Stack, method: str, path: str, body: Object | None = None, kind: str = MERGE) -> int:
    """The HTTP status of a request with the stolen token."""
    stdin = json.dumps(body) if body is not None else ""
    return int(stack.run_in("probe", "python3", "-c", _REQUEST, method, path, kind, stdin=stdin))


def mailstack(stack: Stack, name: str = "mail") -> str:
    return f"/apis/mailstack.dev/v1alpha1/namespaces/{stack.namespace}/mailstacks/{name}"


def core(stack: Stack, plural: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{stack.namespace}/{plural}/{name}".rstrip("/")


FORBIDDEN = [
    ("GET", mailstack),
    ("GET", lambda stack: mailstack(stack, "")),
    ("PATCH", mailstack),
    ("PUT", lambda stack: f"{mailstack(stack)}/status"),
    ("DELETE", mailstack),
    ("PATCH", lambda stack: f"{mailstack(stack, 'other')}/status"),
    ("GET", lambda stack: core(stack, "secrets", "mail-users")),
    ("GET", lambda stack: core(stack, "secrets")),
    ("GET", lambda stack: core(stack, "configmaps", "mail-postfix")),
    ("PATCH", lambda stack: core(stack, "configmaps", "mail-postfix")),
    ("GET", lambda stack: core(stack, "pods", "mail-0")),
    ("PATCH", lambda stack: core(stack, "pods", "mail-0") + "/status"),
    ("POST", lambda stack: core(stack, "events")),
    ("POST", lambda stack: core(stack, "pods")),
]


@pytest.mark.parametrize(("method", "path"), FORBIDDEN, ids=[str(number) for number in range(len(FORBIDDEN))])
def test_everything_else_is_forbidden(stack: Stack, method: str, path: object) -> None:
    assert callable(path)
    assert ask(stack, method, path(stack), {"metadata": {"labels": {"stolen": "yes"}}}) == 403


def test_a_status_patch_changes_nothing_but_status(ready: Stack) -> None:
    """Fault: labels, finalizers, owners and spec that ride along with a status."""
    before = ready.get()
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mail-postfix", "uid": before["metadata"]["uid"]}
    metadata = {"labels": {"stolen": "yes"}, "finalizers": ["example.org/stuck"], "ownerReferences": [owner]}
    spec = {"hostname": "stolen.example.org"}

    assert ask(ready, "PATCH", f"{mailstack(ready)}/status", {"metadata": metadata, "spec": spec}) == 200

    after = ready.get()
    assert after["spec"] == before["spec"]
    for name in ("labels", "finalizers", "ownerReferences"):
        assert after["metadata"].get(name) == before["metadata"].get(name)


def test_a_false_condition_is_put_right_by_the_operator(ready: Stack) -> None:
    before = _conditions(ready)
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "Stolen",
        "message": "a lie",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }

    assert ask(ready, "PATCH", f"{mailstack(ready)}/status", {"status": {"conditions": [condition]}}) == 200

    until("the operator put its conditions back", lambda: _conditions(ready) == before, 60)
    ready.wait_ready(60)


def _conditions(stack: Stack) -> dict[str, str]:
    return {each["type"]: each["status"] for each in stack.get()["status"]["conditions"]}


@pytest.mark.parametrize("container", ["postfix", "dovecot"])
def test_the_mail_servers_do_not_see_the_token(stack: Stack, container: str) -> None:
    found = stack.run_in(container, "sh", "-c", "ls /run/mailstack/token /var/run/secrets 2>/dev/null || true")

    assert found == ""

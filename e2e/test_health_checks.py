"""A real MailStack, as `kubectl wait` and the tools of docs/health-checks.md see it from its first second on."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from conftest import NewNamespace, start_stack
from harness import paths
from mailtest import health, manifests
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import READY_SECONDS, Stack


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    return new_namespace("health")


@contextmanager
def watched(kubectl: Kubectl) -> Iterator[list[Object]]:
    """Every state of the namespace's MailStacks, in their order; they are there when the block is left."""
    states: list[Object] = []
    command = ["kubectl", f"--namespace={kubectl.namespace}", "get", "mailstacks", "--watch", "--output=json"]
    with subprocess.Popen(command, env=paths.environment(), stdout=subprocess.PIPE, text=True) as watch:
        try:
            yield states
        finally:
            watch.terminate()
            states += _objects(watch.communicate(timeout=10)[0])


def _objects(text: str) -> Iterator[Object]:
    """The JSON objects that follow each other in the text."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        found, end = decoder.raw_decode(text)
        text = text[end:]
        yield found


def wait(kubectl: Kubectl) -> None:
    kubectl(
        *("wait", "--for=condition=Ready", "mailstack/mail", f"--timeout={READY_SECONDS:.0f}s"),
        seconds=READY_SECONDS + 10,
    )


def is_ready(state: Object) -> bool:
    """Whether the spec as it is now runs, by the operator's own word."""
    generation, status = state["metadata"]["generation"], state["status"]
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    return bool(status["observedGeneration"] == generation and conditions["Ready"] == "True")


def assert_that_tools_agree(states: Sequence[Object]) -> None:
    """Each tool goes on exactly in those states in which the MailStack is Ready."""
    ready = [is_ready(state) for state in states]
    assert (ready[0], ready[-1]) == (False, True)
    assert [found == "Current" for found in health.kstatus(states)] == ready
    assert [health.argo_cd(state)[0] == "Healthy" for state in states] == ready


def test_no_tool_goes_on_before_a_new_stack_is_ready(kubectl: Kubectl) -> None:
    """Fault: a tool that takes a new object for a done one, because it has no conditions yet."""
    with watched(kubectl) as states:
        stack = start_stack(kubectl)
        wait(kubectl)
        assert stack.condition("Ready")["status"] == "True"
    assert_that_tools_agree(states)


def test_no_tool_goes_on_before_a_change_is_there(kubectl: Kubectl) -> None:
    """Fault: a tool that takes the Ready of the former spec for that of the new one."""
    stack = Stack(kubectl.namespace)
    stack.patch(postfix={"parameters": {"message_size_limit": "12345678"}})
    with watched(kubectl) as states:
        wait(kubectl)
        assert stack.condition("Ready")["status"] == "True"
    assert stack.run_in("postfix", "postconf", "-h", "message_size_limit").strip() == "12345678"
    assert_that_tools_agree(states)


def test_a_stack_that_delivers_no_mail_is_degraded(kubectl: Kubectl) -> None:
    stack = Stack(kubectl.namespace)
    stack.wait_ready()
    stack.stop_lmtp()
    stack.wait_condition("Ready", "False", "nobody listens")
    found = stack.get()
    assert (health.kstatus([found]), health.argo_cd(found)[0]) == (["InProgress"], "Degraded")
    stack.start_lmtp()
    stack.wait_ready()


def test_a_stack_that_needs_a_person_has_failed(kubectl: Kubectl) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other-postfix"}}
    kubectl.apply(foreign, manifests.users(), manifests.mailstack("other"))
    stack = Stack(kubectl.namespace, "other")
    stalled = stack.wait_condition("Stalled", "True", "other-postfix")
    found = stack.get()
    assert (health.kstatus([found]), health.argo_cd(found)) == (["Failed"], ("Degraded", stalled["message"]))
    kubectl.delete("mailstack", "other")

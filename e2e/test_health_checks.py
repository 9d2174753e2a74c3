"""A real MailStack, as `kubectl wait` and the tools of docs/health-checks.md see it from its first second on."""

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from conftest import NewNamespace
from harness import paths
from mailtest import health, manifests
from mailtest.command import run
from mailtest.kubectl import Kubectl, Object, as_list
from mailtest.stack import READY_SECONDS, Stack
from mailtest.wait import until


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    return new_namespace("health")


States = Callable[[], list[Object]]


@pytest.fixture
def states(kubectl: Kubectl, tmp_path: Path) -> Iterator[States]:
    """Answers every state of the namespace's MailStacks since the test began, in their order."""
    command = ["kubectl", f"--namespace={kubectl.namespace}", "get", "mailstacks", "--watch", "--output=json"]
    seen = tmp_path / "states"
    with seen.open("w") as file, subprocess.Popen(command, env=paths.environment(), stdout=file) as watch:
        yield lambda: list(_objects(seen.read_text(encoding="utf-8")))
        watch.terminate()


def _objects(text: str) -> Iterator[Object]:
    """The JSON objects that follow each other in the text; the last may still be being written."""
    decoder = json.JSONDecoder()
    with suppress(json.JSONDecodeError):
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


def assert_that_tools_agree(states: States) -> None:
    """Each tool goes on exactly in those states in which the MailStack is Ready: the last, and not the first."""
    until("the watch has seen it", lambda: is_ready(states()[-1]), 60)
    found = states()
    ready = [is_ready(state) for state in found]
    assert not ready[0]
    assert [status == "Current" for status in health.kstatus(found)] == ready
    assert [health.argo_cd(state)[0] == "Healthy" for state in found] == ready


def test_no_tool_goes_on_before_a_new_stack_is_ready(kubectl: Kubectl, states: States, tmp_path: Path) -> None:
    """Fault: a tool that takes a new object for a done one, because it has no conditions yet: `helm install --wait`,
    `kubectl wait` beside it, and those that are asked about each state."""
    stack = Stack(kubectl.namespace)
    with ThreadPoolExecutor(1) as pool:
        helm = pool.submit(_install, kubectl, tmp_path)
        until("the MailStack is there", lambda: kubectl.get("mailstack", "mail"), 60)
        wait(kubectl)
        assert stack.condition("Ready")["status"] == "True"
        assert is_ready(helm.result()), "Helm went on too early"
    assert_that_tools_agree(states)


def _install(kubectl: Kubectl, folder: Path) -> Object:
    """Install a chart with a MailStack and its users; the MailStack when Helm takes it for ready."""
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: mail, version: 1.0.0}", encoding="utf-8")
    manifest = as_list(manifests.users(), manifests.mailstack())
    (folder / "templates" / "mail.yaml").write_text(manifest, encoding="utf-8")
    where = (f"--namespace={kubectl.namespace}", "--wait", f"--timeout={READY_SECONDS:.0f}s")
    run("helm", "install", "mail", str(folder), *where, seconds=READY_SECONDS + 10)
    found: Object = json.loads(kubectl("get", "mailstack", "mail", "--output=json"))
    return found


def test_no_tool_goes_on_before_a_change_is_there(kubectl: Kubectl, states: States) -> None:
    """Fault: a tool that takes the Ready of the former spec for that of the new one."""
    until("the watch has begun", states, 60)
    stack = Stack(kubectl.namespace)
    stack.patch(postfix={"parameters": {"message_size_limit": "12345678"}})
    wait(kubectl)
    assert stack.condition("Ready")["status"] == "True"
    assert stack.run_in("postfix", "postconf", "-h", "message_size_limit").strip() == "12345678"
    until("the watch has seen the change", lambda: generation(states()[-1]) > generation(states()[0]), 60)
    assert_that_tools_agree(lambda: [each for each in states() if generation(each) > generation(states()[0])])


def generation(state: Object) -> int:
    found: int = state["metadata"]["generation"]
    return found


def test_a_stack_that_delivers_no_mail_is_degraded(kubectl: Kubectl) -> None:
    stack = Stack(kubectl.namespace)
    stack.wait_ready()
    stack.stop_lmtp()
    stack.wait_condition("Ready", "False", "connection refused")
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

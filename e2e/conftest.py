"""Fixtures of the end-to-end tests: namespaces, MailStacks, the mail client.

`python3 -m harness cluster` and `... images` come first. The operator is installed once, before the tests of
a run begin. Tests marked `serial` disturb the operator or the API and run alone:
`pytest e2e -m "not serial" -n 4 --dist loadfile`, then `pytest e2e -m serial`.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from mailtest import explain, manifests, release
from mailtest.client import Client
from mailtest.kubectl import CommandError, Kubectl
from mailtest.stack import Stack

CLIENT_NAMESPACE = "e2e-client"
LABEL = "mailstack.dev/e2e"

NewNamespace = Callable[[str], Kubectl]
NewStack = Callable[[str], Stack]

_used: dict[str, list[str]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "serial: disturbs the operator or the API; runs alone")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once per run, before xdist starts its workers: what an earlier run left goes, then Helm installs."""
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or session.config.option.collectonly:
        return
    try:
        remove_leftovers()
        release.install()
        create_namespace(CLIENT_NAMESPACE)
        Client(CLIENT_NAMESPACE).start()
    except CommandError as error:
        pytest.exit(f"the set-up failed: {error}\n{explain.namespace(release.NAMESPACE)}", returncode=1)


def remove_leftovers() -> None:
    """Delete the namespaces of earlier runs, and wait: their pods would take the tests' processor time."""
    Kubectl()("delete", "namespace", f"--selector={LABEL}", "--timeout=120s", seconds=130)


def create_namespace(name: str) -> None:
    labels = {LABEL: "true", "pod-security.kubernetes.io/enforce": "baseline"}
    Kubectl().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


@pytest.fixture(scope="session")
def client() -> Client:
    return Client(CLIENT_NAMESPACE)


@pytest.fixture(scope="module")
def new_namespace(request: pytest.FixtureRequest) -> Iterator[NewNamespace]:
    """Makes a namespace for the module; it is deleted after the module's last test."""
    mine = _used.setdefault(request.node.nodeid, [])

    def make(word: str) -> Kubectl:
        name = f"e2e-{word}-{secrets.token_hex(3)}"
        create_namespace(name)
        mine.append(name)
        return Kubectl(name)

    yield make
    for name in mine:
        with suppress(CommandError):  # a test may have deleted it
            Kubectl()("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def new_stack(new_namespace: NewNamespace) -> NewStack:
    """Makes a MailStack that is Ready, in a namespace of its own, with its users."""

    def make(word: str) -> Stack:
        kubectl = new_namespace(word)
        kubectl.apply(manifests.users(), manifests.mailstack())
        stack = Stack(kubectl.namespace)
        stack.wait_ready()
        return stack

    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure shows the state of every namespace that the test's module uses."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result object
    if report.failed and (module := item.getparent(pytest.Module)):
        for name in _used.get(module.nodeid, []):
            report.sections.append((f"namespace {name}", explain.namespace(name)))

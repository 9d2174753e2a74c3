"""Fixtures of the end-to-end tests: namespaces, MailStacks, the mail client.

`python3 -m harness cluster` and `... images` come first. The operator is installed once, before the tests of
a run begin. Tests marked `timed` hold times in seconds, which a crowded machine cannot keep; tests marked `serial`
disturb the operator or the API. `make e2e` runs them as they need it.
"""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from groups import group_of, rank
from mailtest import certificates, explain, manifests, policies, release
from mailtest.certificates import Authority
from mailtest.client import Client
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack

CLIENT_NAMESPACE = "e2e-client"
LABEL = "mailstack.dev/e2e"

NewNamespace = Callable[[str], Kubectl]
NewStack = Callable[[str], Stack]


class CreateStack(Protocol):
    def __call__(self, name: str, *objects: Object, **spec: object) -> Stack:
        """The MailStack `name`, with the fields of `spec`; `objects` is what it refers to."""


# The namespaces that this process made and did not delete yet.
_mine: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "timed: holds times in seconds; nothing runs beside it that needs much of the machine"
    )
    config.addinivalue_line("markers", "serial: disturbs the operator or the API; runs alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """A free worker gets the next group."""
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = group_of
    return scheduler


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
    policies.remove_leftovers()
    Kubectl()("delete", "namespace", f"--selector={LABEL}", "--timeout=240s", seconds=250)


def create_namespace(name: str) -> None:
    labels = {LABEL: "true", "pod-security.kubernetes.io/enforce": "baseline"}
    Kubectl().apply(manifests.namespace(name, **labels))


@contextmanager
def namespaces() -> Iterator[NewNamespace]:
    """Makes namespaces, and deletes them at the end."""
    made = []

    def make(word: str) -> Kubectl:
        name = f"e2e-{word}-{secrets.token_hex(3)}"
        create_namespace(name)
        made.append(name)
        _mine.append(name)
        return Kubectl(name)

    yield make
    for name in made:
        _mine.remove(name)
        Kubectl()("delete", "namespace", name, "--ignore-not-found", "--wait=false")


def start_stack(kubectl: Kubectl) -> Stack:
    """A MailStack with its users; not waited for."""
    kubectl.apply(manifests.users(), manifests.mailstack())
    return Stack(kubectl.namespace)


def client_pod() -> Object:
    """Where the tests' client runs."""
    return Kubectl(CLIENT_NAMESPACE).must_get("pod", "client")


@pytest.fixture(scope="session")
def client() -> Client:
    return Client(CLIENT_NAMESPACE)


@pytest.fixture(scope="module")
def new_namespace() -> Iterator[NewNamespace]:
    """Makes a namespace for the module; it is deleted after the module's last test."""
    with namespaces() as make:
        yield make


@pytest.fixture(scope="module")
def new_stack(new_namespace: NewNamespace) -> NewStack:
    """Makes a MailStack that is Ready, in a namespace of its own."""

    def make(word: str) -> Stack:
        stack = start_stack(new_namespace(word))
        stack.wait_ready()
        return stack

    return make


@pytest.fixture(scope="module")
def create_stack(request: pytest.FixtureRequest, new_namespace: NewNamespace) -> CreateStack:
    """Creates MailStacks in one namespace, and waits for none: a module's pods start side by side.

    The Secret of their users is there.
    """
    kubectl = new_namespace(request.module.__name__.removeprefix("test_").replace("_", "-"))
    kubectl.apply(manifests.users())

    def create(name: str, *objects: Object, **spec: object) -> Stack:
        kubectl.apply(*objects, manifests.mailstack(name, manifests.DOMAIN, **spec))
        return Stack(kubectl.namespace, name)

    return create


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA of the module's own."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return certificates.found(folder)


@pytest.fixture(scope="session")
def running_stacks() -> Iterator[tuple[Stack, Stack]]:
    """Two MailStacks that the serial tests share, each in a namespace of its own."""
    with namespaces() as make:
        stacks = start_stack(make("running")), start_stack(make("neighbour"))
        for stack in stacks:
            stack.wait_ready()
        yield stacks


@pytest.fixture
def running(running_stacks: tuple[Stack, Stack]) -> Stack:
    """A MailStack that has been running for a while; a test leaves it as it was."""
    running_stacks[0].wait_ready()
    return running_stacks[0]


@pytest.fixture
def neighbour(running_stacks: tuple[Stack, Stack]) -> Stack:
    """Another, to see by its repair that the operator is at work."""
    return running_stacks[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the state of every namespace that the test may have used."""
    report = yield
    if report.failed:
        for name in _mine:
            report.sections.append((f"namespace {name}", explain.namespace(name)))
    return report

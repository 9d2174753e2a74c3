"""The tutorial, and the other pages whose commands install the operator: typed by a reader, in this order."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import NewNamespace
from harness import paths
from mailtest import manifests, release
from mailtest.client import Client, letter
from mailtest.kubectl import Kubectl
from mailtest.reader import Place, Walk
from mailtest.stack import Stack
from mailtest.wait import until

pytestmark = pytest.mark.serial

ALICE = manifests.address("alice")


@pytest.fixture(scope="module", autouse=True)
def _as_it_was() -> Iterator[None]:
    """Whatever happens, the release is afterwards as the other tests want it."""
    yield
    release.install()
    release.wait_for_leader()


@pytest.fixture(scope="module")
def kubectl(new_namespace: NewNamespace) -> Kubectl:
    return new_namespace("tutorial")


@pytest.fixture
def place(kubectl: Kubectl, tmp_path: Path) -> Place:
    """A checkout."""
    return Place(kubectl.namespace, paths.repository(), tmp_path, manifests.PASSWORD)


def test_the_tutorial(place: Place, kubectl: Kubectl, client: Client) -> None:
    """Promise: whoever types it, and nothing else, reads the first message, sees a fault and a refused change."""
    stack = Stack(kubectl.namespace)
    with Walk("docs/first-mailstack.md", place) as walk:
        walk.section("1. Install the operator", "2. Create a user", "3. Apply a MailStack")
        stack.wait_ready()
    with Walk("README.md", place) as readme:
        assert re.search(r"^mail +True .* Running ", readme.section("A MailStack"), re.MULTILINE)
    with walk:
        shown = walk.section("4. Send a message")
        assert '(550, b"5.1.1 <nobody@example.org>' in shown, shown
        stack.wait_queue_empty()
        assert "The first message." in walk.section("5. Read it")
        assert re.search("^mail +False ", walk.section("6. See what happens when Dovecot is away"), re.MULTILINE)
        stack.wait_ready()
        walk.section("7. Make a mistake")
        stack.wait_condition("Ready", "False", "^ConfigRefused: .*mesage_size_limit")
        assert client.send(stack.host, letter(ALICE, "meanwhile"))[0].code == 250
        walk.section("8. Clean up")
        until("no claim is left", lambda: kubectl.list("persistentvolumeclaims") == [], 60)
    assert [walk.left, readme.left] == [[], []]


def test_the_other_pages_on_installing(place: Place) -> None:
    """Promise: the operator is installed, upgraded and removed as they say; the tutorial has removed it."""
    for page, section in (
        ("docs/operations.md", "Install, upgrade, remove"),
        ("charts/mailstack-operator/README.md", ""),
        ("docs/upgrade.md", ""),
    ):
        with Walk(page, place) as walk:
            walk.section(section)

"""The commands of the pages on certificates, as they stand there: typed by a reader in the namespace `default`."""

import re
from collections.abc import Iterator

import pytest

from harness import paths
from mailtest import manifests
from mailtest.client import Client, letter
from mailtest.kubectl import Kubectl
from mailtest.reader import Place, Walk
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

# The page of LMTP over TCP has the namespace in a command: a certificate is for a name.
KUBECTL = Kubectl("default")
ALICE, BOB = map(manifests.address, ("alice", "bob"))
# Of alice, in the examples.
PASSWORD = "alice-sample"
# In this order: submission's certificate is made of the files that the page on TLS makes.
PAGES = {"tls": "docs/tls.md", "submission": "docs/submission.md", "lmtp-over-tcp": "docs/lmtp-over-tcp.md"}


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Walk]]:
    """Each page's Secrets are made by its commands, and its example is applied; not waited for."""
    _clear()
    place = Place("default", tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("home"))
    yield {name: _begun(name, Walk(page, place)) for name, page in PAGES.items()}
    _clear()


def _clear() -> None:
    """What a reader leaves in `default`, where nothing else of the tests is."""
    KUBECTL("delete", "mailstacks", "--all", seconds=120)
    KUBECTL("delete", "secrets,persistentvolumeclaims", "--all", "--wait=false")


def _begun(name: str, walk: Walk) -> Walk:
    with walk:
        walk.section("Example")
    KUBECTL("apply", "-f", str(paths.repository() / "examples" / "features" / f"{name}.yaml"))
    return walk


def test_the_page_on_tls(walks: dict[str, Walk]) -> None:
    """Promise: a client that trusts the page's CA verifies the server."""
    Stack("default", "tls").wait_ready()
    with walks["tls"] as walk:
        shown = walk.section("What to see")
    assert "Verification: OK" in shown, shown
    assert "Verified peername: mail.example.org" in shown
    assert re.search("^notAfter=", shown, re.MULTILINE)
    assert walk.left == []


def test_the_page_on_submission(walks: dict[str, Walk], client: Client) -> None:
    """Promise: the Secrets of the page are those that its example names, and the log shows who was written to."""
    stack = Stack("default", "submission")
    stack.wait_ready()
    server = Endpoint(stack.host, 587, "starttls", user=ALICE, password=PASSWORD)
    assert client.send(server, letter("somebody@example.com", "hello"), sender=ALICE)[0].code == 250
    until("a delivery is logged", lambda: "to=<somebody@example.com>" in "".join(stack.log("postfix")), 120)
    with walks["submission"] as walk:
        assert "to=<somebody@example.com>" in walk.section("What to see")
    assert walk.left == []


def test_the_page_on_lmtp_over_tcp(walks: dict[str, Walk], client: Client) -> None:
    """Fault: a CA without key usage, as the page's openssl makes it: Postfix delivers, and so Ready must be True."""
    stack = Stack("default", "lmtp-over-tcp")
    stack.wait_ready()
    address: str = stack.pod()["status"]["podIP"]
    assert client.send(address, letter(BOB, "over-verified-tls"))[0].code == 250
    until("it is delivered", lambda: f"to=<{BOB}>" in _sent(stack), 60)
    with walks["lmtp-over-tcp"] as walk:
        shown = walk.section("What to see")
    assert "Verified TLS connection established to lmtp-over-tcp-dovecot.default.svc" in shown, shown
    assert walk.left == []


def _sent(stack: Stack) -> str:
    return "".join(line for line in stack.log("postfix") if "status=sent" in line)

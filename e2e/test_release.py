"""`make release`, without the build: what it pushes is all that a cluster needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import NewNamespace, start_stack
from harness import images
from harness.errors import HarnessError
from harness.images import Image
from harness.step import Report
from mailtest import inbox, manifests, registry, release
from mailtest.client import Client
from mailtest.command import run
from release import publish, work
from release.plan import Target

pytestmark = pytest.mark.serial

# What a MailStack without further fields runs; pushing the others takes as long again.
PUSHED = [each for each in images.images() if each.title not in ("dovecot 2.3", "rspamd 3.12")]


@dataclass(frozen=True)
class Another(Image):
    """Another image than the one of its name and version."""

    @property
    def reference(self) -> str:
        return "mailstack/e2e-scratch:1"


def say_nothing(_: str) -> None:
    """In place of the report's lines."""


@pytest.fixture(scope="module", autouse=True)
def _as_it_was() -> Iterator[None]:
    """Whatever happens, the release is afterwards as the other tests want it."""
    yield
    release.install()
    release.wait_for_leader()


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pair of cosign's keys: the private one; the public one is beside it."""
    monkeypatch.setenv("COSIGN_PASSWORD", "open-sesame")
    publish.ensure_cosign(Report(say_nothing))
    run(str(publish.cosign()), "generate-key-pair", f"--output-key-prefix={tmp_path / 'cosign'}")
    return str(tmp_path / "cosign.key")


def test_a_cluster_installs_a_release_from_a_registry(
    new_namespace: NewNamespace, client: Client, tmp_path: Path, key: str
) -> None:
    """Promise: chart, operator and servers come from the registry, by digest, and are what was signed.

    The release's operator serves one namespace, so that the MailStacks of other tests keep their images.
    """
    inside, report = new_namespace("release"), Report(say_nothing)
    with registry.serve(report, tmp_path) as name:
        chart = work.release(report, PUSHED, f"{name}/mail", tmp_path / "files", key)
        flags = ("--plain-http", f"--version={chart.version}", f"--set=watch.namespaces={{{inside.namespace}}}")
        release.install(*flags, chart=f"oci://{chart.place}")
        release.wait_for_leader()
        stack = start_stack(inside)
        stack.wait_ready()

        inbox.deliver(client, stack, manifests.address("alice"), "from-a-registry")
        spec = stack.pod()["spec"]
        run_by = {each["image"] for each in spec["initContainers"] + spec["containers"]}
        targets = {Target(each, f"{name}/mail", chart.version).reference for each in PUSHED}
        assert {reference.partition("@")[0] for reference in run_by} == targets
        said = [each["message"] for each in inside.list("events") if each["reason"] == "Pulled"]
        assert any("Successfully pulled" in each and f"{name}/mail/mailstack/postfix" in each for each in said), said
        for each in (*run_by, chart.pinned):
            _verify(each, key.replace(".key", ".pub"))

        wrong = Target(Another("postfix", "3.10"), f"{name}/mail", chart.version)
        with pytest.raises(HarnessError, match="raise the version"):
            report.do("another image of the same name", lambda log: publish.image(wrong, log))


def _verify(reference: str, public_key: str) -> None:
    options = (f"--key={public_key}", "--insecure-ignore-tlog", "--allow-http-registry")
    run(str(publish.cosign()), "verify", *options, reference)

"""`make release`, without the build: what it pushes is all that a cluster needs."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from conftest import NewNamespace, start_stack
from harness import images
from harness.errors import HarnessError
from harness.images import Image
from harness.step import Report
from mailtest import inbox, manifests, registry, release
from mailtest.client import Client
from mailtest.command import run
from release import publish, work
from release.plan import PushedChart, Target

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
    """Promise: chart, operator and servers come from the registry, by digest, and are what was signed; the API server
    takes the manifests too.

    The release's operator serves one namespace, so that the MailStacks of other tests keep their images.
    """
    inside, report, files = new_namespace("release"), Report(say_nothing), tmp_path / "files"
    with registry.serve(report, tmp_path) as name:
        chart = work.release(report, PUSHED, f"{name}/mail", files, key)
        _apply_without_effect(files)
        flags = ("--plain-http", f"--version={chart.version}", f"--set=watch.namespaces={{{inside.namespace}}}")
        release.install(*flags, chart=f"oci://{chart.place}")
        release.wait_for_leader()
        stack = start_stack(inside)
        stack.wait_ready()

        inbox.deliver(client, stack, manifests.address("alice"), "from-a-registry")
        spec = stack.pod()["spec"]
        run_by = {each["image"] for each in spec["initContainers"] + spec["containers"]}
        assert run_by == _references(files)
        assert {each.partition("@")[0] for each in run_by} == {_target(each, name).reference for each in PUSHED}
        said = [each["message"] for each in inside.list("events") if each["reason"] == "Pulled"]
        assert any("Successfully pulled" in each and f"{name}/mail/mailstack/postfix" in each for each in said), said
        _verify(key.replace(".key", ".pub"), run_by, chart)

        wrong = _target(Another("postfix", "3.10"), name)
        with pytest.raises(HarnessError, match="raise the version"):
            report.do("another image of the same name", lambda log: publish.image(wrong, log))


def _target(image: Image, name: str) -> Target:
    return Target(image, f"{name}/mail", images.operator_version())


def _references(files: Path) -> set[str]:
    """The images of manifest.json, with their digests."""
    return {f"{each['image']}@{each['digest']}" for each in json.loads((files / "manifest.json").read_text())["images"]}


def _apply_without_effect(files: Path) -> None:
    """The API server takes each object of install.yaml, and kustomize makes the same ones."""
    applied = run("kubectl", "apply", "--dry-run=server", f"--filename={files / 'install.yaml'}").splitlines()
    assert [line for line in applied if not line.endswith("(server dry run)")] == []
    made = [each for each in yaml.safe_load_all(run("kubectl", "kustomize", str(files))) if each]
    assert len(made) == len(applied) > 10


def _verify(public_key: str, references: Iterable[str], chart: PushedChart) -> None:
    """Images and chart are signed, and each image's SBOM is attested."""
    for each in references:
        _cosign("verify", public_key, each)
        _cosign("verify-attestation", public_key, "--type=cyclonedx", each)
    _cosign("verify", public_key, chart.pinned)


def _cosign(command: str, public_key: str, *words: str) -> None:
    options = (f"--key={public_key}", "--insecure-ignore-tlog", "--allow-http-registry")
    run(str(publish.cosign()), command, *options, *words)

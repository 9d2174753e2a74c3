"""Which programs will do, and that every pin is the same everywhere."""

import re

import pytest

from harness import golang, tools, versions
from harness.tools import Version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("0.33.0", Version(0, 33)),
        ("v4.2.4+gabc", Version(4, 2)),
        ("promtool, version 2.53.3+ds1 (branch: debian/sid)", Version(2, 53)),
        ('{"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}}', Version(1, 32)),
        ("", None),
        ("command not found", None),
    ],
)
def test_a_program_says_its_version(said: str, version: Version | None) -> None:
    assert tools.version_of(said) == version


@pytest.mark.parametrize(
    ("name", "said", "recent"),
    [
        ("kubectl", "v1.36.0", True),
        ("kubectl", "v1.35.9", True),
        ("kubectl", "v1.37.1", True),
        ("kubectl", "v1.34.0", False),
        ("kubectl", "v1.38.0", False),
        ("kubectl", "v2.36.0", False),
        ("kind", "0.33.1", True),
        ("kind", "0.34.0", True),
        ("kind", "0.32.0", False),
        ("helm", "v4.0.0", True),
        ("helm", "v4.9.1", True),
        ("helm", "v3.18.0", False),
        ("helm", "no version", False),
        ("promtool", "promtool, version 2.53.3+ds1 (branch: debian/sid, revision: 2.53.3+ds1-2)", True),
        ("promtool", "promtool, version 3.5.0", True),
        ("promtool", "promtool, version 2.42.0", False),
    ],
)
def test_recent_enough(name: str, said: str, recent: bool) -> None:
    assert tools.is_recent(name, said) is recent


@pytest.mark.parametrize(
    ("version", "able"),
    [((1, 26, 8), True), ((1, 21, 0), True), ((1, 24, 4), True), ((1, 19, 8), False), ((), False)],
)
def test_a_go_that_can_fetch_a_newer_one_will_do(version: tuple[int, ...], able: bool) -> None:
    assert golang.can_build(version) is able


@pytest.mark.parametrize(
    ("module", "version"),
    [
        ("k8s.io/kubernetes", versions.KUBERNETES),
        ("k8s.io/client-go", f"0.{versions.KUBERNETES.partition('.')[2]}"),
        ("sigs.k8s.io/kind", versions.KIND),
        ("helm.sh/helm/v4", versions.HELM),
        ("go.etcd.io/etcd/server/v3", versions.ETCD),
        ("github.com/coredns/coredns", versions.COREDNS),
    ],
)
def test_go_mod_pins_the_same_versions(module: str, version: str) -> None:
    pins = re.findall(rf"^.*{re.escape(module)} v(\S+)", (golang.source() / "go.mod").read_text(), re.MULTILINE)
    assert version in pins


def test_go_mod_asks_for_the_pinned_go() -> None:
    assert f"\ngo {versions.GO}\n" in (golang.source() / "go.mod").read_text()


def test_kstatus_is_the_one_that_helm_is_made_with() -> None:
    pins = [(golang.source(module) / "go.mod").read_text() for module in ("programs", "kstatus")]
    pattern = r"^\s(github\.com/fluxcd/cli-utils|k8s\.io/apimachinery) (v\S+)|^(go) (\S+)$"
    programs, kstatus = (set(re.findall(pattern, text, re.MULTILINE)) for text in pins)
    assert len(kstatus) == 3
    assert kstatus == programs

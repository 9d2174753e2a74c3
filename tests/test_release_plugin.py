"""The plugin as krew installs it."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from release import plugin
from tests.chart.helm import ROOT

DOWNLOADS = "https://mailstack.example.org/releases/v1.2.3"
DIGESTS = {platform: f"{number:064x}" for number, platform in enumerate(plugin.PLATFORMS)}
PYTHON = sysconfig.get_python_version()


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The launcher by a link, as krew puts it on PATH, with this Python and nothing of its environment."""
    link = folder / "kubectl-link"
    link.symlink_to(folder / "kubectl-mailstack")
    command = [sys.executable, "-S", "-P", str(link), *words]
    variables = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=variables)


def test_manifest_is_what_krew_asks_for() -> None:
    """The rules of krew's developer guide: the version begins with v, each platform has an archive with its digest."""
    said = yaml.safe_load(plugin.manifest("1.2.3", DOWNLOADS, DIGESTS))
    assert (said["apiVersion"], said["kind"]) == ("krew.googlecontainertools.github.com/v1alpha2", "Plugin")
    assert re.fullmatch("[a-z][a-z0-9-]*", said["metadata"]["name"])
    spec = said["spec"]
    assert (spec["version"], len(spec["platforms"])) == ("v1.2.3", 3)
    assert 0 < len(spec["shortDescription"]) <= 50
    for platform in spec["platforms"]:
        assert set(platform["selector"]["matchLabels"]) == {"os", "arch"}
        assert re.fullmatch(rf"{re.escape(DOWNLOADS)}/kubectl-mailstack-1\.2\.3-\w+-\w+\.tar\.gz", platform["uri"])
        assert re.fullmatch("[0-9a-f]{64}", platform["sha256"])
        assert platform["bin"] == "kubectl-mailstack"


@pytest.mark.parametrize("command", ["status", "dns", "verify", "dkim", "validate"])
def test_launcher_runs_the_commands_by_what_is_in_its_folder(tmp_path: Path, command: str) -> None:
    plugin.lay_out(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / PYTHON).symlink_to(sysconfig.get_path("purelib"))
    done = _run(tmp_path, command, "--help")
    assert done.stdout.startswith(f"Usage: kubectl mailstack {command} "), done.stderr


def test_launcher_names_the_pythons_that_it_runs_on(tmp_path: Path) -> None:
    plugin.lay_out(tmp_path)
    done = _run(tmp_path, "status", "mail")
    assert done.stderr == f"kubectl mailstack: python3 is Python {PYTHON}; needed is one of 3.11, 3.12, 3.13, 3.14\n"


def test_pins_are_those_of_the_lock() -> None:
    lock = (ROOT / "requirements/dev.txt").read_text()
    found = plugin.pins(lock)
    assert re.findall(r"^([a-z-]+)==", found, re.MULTILINE) == list(plugin.PACKAGES)
    assert set(found.splitlines()) <= set(lock.splitlines())
    assert found.count("--hash=sha256:") > 2 * len(plugin.PACKAGES)
    with pytest.raises(KeyError, match="none-such"):
        plugin.pins(lock, ["none-such"])

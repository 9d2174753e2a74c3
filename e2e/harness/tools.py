"""kind, kubectl and helm: those on PATH if recent enough, else built."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import golang, paths, shell, versions
from harness.step import Report, Step

NAMES = ("kind", "kubectl", "helm")
#: What each is asked for its version.
QUESTIONS = {
    "kind": ("version", "--quiet"),
    "kubectl": ("version", "--client", "--output=json"),
    "helm": ("version", "--short"),
}


@dataclass(frozen=True, order=True)
class Version:
    """A program's major and minor version; patches do not matter here."""

    major: int
    minor: int


def ensure(report: Report) -> None:
    """After this, kind, kubectl and helm can be run by their names. Raises HarnessError."""
    for name in NAMES:
        found = _on_path(name)
        _link(name).unlink(missing_ok=True)
        if found:
            report.run(Step(f"{name} ({found})", lambda: True, lambda log: None))
        else:
            golang.ensure(report, name)
            _offer(name)


def path(name: str) -> Path:
    """The program to run; `ensure` comes first."""
    found = shutil.which(name, path=paths.environment()["PATH"])
    return Path(found or _link(name))


def version_of(said: str) -> Version | None:
    """The first version in what a program says of itself; None if there is none."""
    match = re.search(r"v?(\d+)\.(\d+)\.\d+", said)
    return Version(int(match[1]), int(match[2])) if match else None


def is_recent(name: str, version: Version) -> bool:
    """Whether a program found on PATH will do.

    kubectl must be within one minor version of the cluster, as Kubernetes' version skew policy has it; kind must know how to start
    a cluster of that version; Helm 4 is what the chart is tested with.
    """
    pinned = version_of({"kind": versions.KIND, "kubectl": versions.KUBERNETES, "helm": versions.HELM}[name])
    assert pinned is not None
    if name == "kubectl":
        return version.major == pinned.major and abs(version.minor - pinned.minor) <= 1
    if name == "helm":
        return version.major == pinned.major
    return version >= pinned


def _on_path(name: str) -> Path | None:
    """A recent enough program of the machine's own, that is: not one that the harness put there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    search = os.pathsep.join(folder for folder in folders if Path(folder) != paths.bin_folder())
    found = shutil.which(name, path=search)
    version = version_of(shell.ask(found, *QUESTIONS[name]) or "") if found else None
    return Path(found) if found and version and is_recent(name, version) else None


def _link(name: str) -> Path:
    return paths.bin_folder() / name


def _offer(name: str) -> None:
    _link(name).parent.mkdir(parents=True, exist_ok=True)
    _link(name).symlink_to(golang.path(name))

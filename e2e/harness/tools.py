"""kind, kubectl, helm and promtool: those on PATH if recent enough, else built or unpacked."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import apt, golang, olm, paths, prometheus, shell, versions
from harness.step import Report, Step


@dataclass(frozen=True, order=True)
class Version:
    """A program's major and minor version; patches do not matter here."""

    major: int
    minor: int


#: What each tool is asked for its version.
QUESTIONS = {
    "kind": ("version", "--quiet"),
    "kubectl": ("version", "--client", "--output=json"),
    "helm": ("version", "--short"),
    "promtool": ("--version",),
}
#: Those that the containers' scripts are written for; each is in the package of its name.
SHELLS = ("dash", "busybox")
PINNED = {
    "kind": versions.KIND,
    "kubectl": versions.KUBERNETES,
    "helm": versions.HELM,
    "promtool": versions.PROMETHEUS,
}


def ensure(report: Report) -> None:
    """After this, the tools can be run by their names in `paths.environment()`; the Prometheus operator's CRDs,
    that of ClusterServiceVersion, and kstatus are in the cache. Raises HarnessError."""
    report.run(Step("shells", _are_shells_installed, lambda log: apt.install(*SHELLS, log=log)))
    for name in QUESTIONS:
        found = _on_path(name)
        if found:
            (paths.bin_folder() / name).unlink(missing_ok=True)
            report.note(f"{name} ({found})", "found")
        else:
            paths.link(paths.bin_folder() / name, _made(report, name))
    prometheus.ensure_crds(report)
    olm.ensure_crd(report)
    golang.ensure(report, "kstatus")


def _are_shells_installed() -> bool:
    return all(shutil.which(name) for name in SHELLS)


def path(name: str) -> Path | None:
    """The program that the name means in `paths.environment()`; None before `ensure`."""
    found = shutil.which(name, path=paths.environment()["PATH"])
    return Path(found) if found else None


def version_of(said: str) -> Version | None:
    """The first version in what a program says of itself; None if there is none."""
    match = re.search(r"v?(\d+)\.(\d+)\.\d+", said)
    return Version(int(match[1]), int(match[2])) if match else None


def is_recent(name: str, said: str) -> bool:
    """Whether a program found on PATH will do, by what it says of its version.

    kubectl must be within one minor version of the cluster, as Kubernetes' version skew policy has it; kind must know
    how to start a cluster of that version; the chart is tested with one major version of Helm. promtool reads the same
    rules in each version that is newer.
    """
    version, pinned = version_of(said), version_of(PINNED[name])
    if version is None or pinned is None:
        return False
    if name == "promtool":
        return version >= pinned
    if version.major != pinned.major:
        return False
    if name == "kubectl":
        return abs(version.minor - pinned.minor) <= 1
    return name == "helm" or version >= pinned


def _made(report: Report, name: str) -> Path:
    """The tool, after it was built or unpacked."""
    if name == "promtool":
        return prometheus.ensure_promtool(report)
    golang.ensure(report, name)
    return golang.path(name)


def _on_path(name: str) -> Path | None:
    """A recent enough program of the machine's own, that is: not one that the harness put there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    search = os.pathsep.join(folder for folder in folders if Path(folder) != paths.bin_folder())
    found = shutil.which(name, path=search)
    if found is None or not is_recent(name, shell.ask(found, *QUESTIONS[name]) or ""):
        return None
    return Path(found)

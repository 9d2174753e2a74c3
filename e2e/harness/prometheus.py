"""What the chart's alerts and monitors are tested with: promtool, and the CRDs of the Prometheus operator."""

import shutil
from pathlib import Path

from harness import apt, golang, keys, paths, versions
from harness.shell import Log
from harness.step import Report, folder_step

#: Prometheus' promtool, a package of its own since Debian 13.
PACKAGES = ("promtool",)
MODULE = "github.com/prometheus-operator/prometheus-operator"
#: The kinds that the chart makes.
KINDS = ("podmonitors", "prometheusrules", "servicemonitors")


def ensure_promtool(report: Report) -> Path:
    """After this, promtool is there; answers where. Raises HarnessError."""
    folder = paths.cache() / "promtool"
    report.run(folder_step("promtool", folder, keys.of_texts(versions.DEBIAN, *PACKAGES), _unpack))
    return folder / "usr/bin/promtool"


def ensure_crds(report: Report) -> None:
    """After this, the Prometheus operator's CRDs are in `crds`. Raises HarnessError."""
    key = keys.of_texts(keys.of_files(_pins()), *KINDS)
    step = folder_step("prometheus operator CRDs", _folder(), key, _fetch)
    if not step.is_done():
        golang.ensure_go(report)
    report.run(step)


def crds() -> list[Path]:
    """The CRDs as YAML files, one for each of KINDS; `ensure_crds` comes first."""
    return [_folder() / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS]


def _unpack(folder: Path, log: Log) -> None:
    apt.demand_root_on_debian(
        "promtool is missing or too old",
        f"install Prometheus {versions.PROMETHEUS} or newer and put its promtool on PATH",
    )
    apt.unpack(*PACKAGES, folder=folder, log=log)


def _fetch(folder: Path, log: Log) -> None:
    module = golang.module_folder(MODULE, log, _pins())
    for file in crds():
        shutil.copyfile(module / "example/prometheus-operator-crd" / file.name, folder / file.name)


def _folder() -> Path:
    return paths.cache() / "crds"


def _pins() -> Path:
    return paths.data() / "crds"

"""What the bundle of `make release` is checked with: the schema of ClusterServiceVersion, of OLM's own Go module."""

import shutil
from pathlib import Path

from harness import golang, keys, paths
from harness.shell import Log
from harness.step import Report, folder_step

MODULE = "github.com/operator-framework/api"


def ensure_crd(report: Report) -> None:
    """After this, `crd` is there. Raises HarnessError."""
    step = folder_step("ClusterServiceVersion's CRD", crd().parent, keys.of_files(_pins()), _fetch)
    if not step.is_done():
        golang.ensure_go(report)
    report.run(step)


def crd() -> Path:
    """The CustomResourceDefinition, as YAML; `ensure_crd` comes first."""
    return paths.cache() / "olm" / "operators.coreos.com_clusterserviceversions.yaml"


def _fetch(folder: Path, log: Log) -> None:
    module = golang.module_folder(MODULE, log, _pins())
    shutil.copyfile(module / "crds" / crd().name, folder / crd().name)


def _pins() -> Path:
    return paths.data() / "olm"

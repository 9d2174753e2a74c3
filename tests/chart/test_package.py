"""The chart, packed as Helm does and as Flux does, is the chart of the checkout."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from . import helm

# source-controller refuses a larger file in a chart (helm.MaxChartFileSize).
LARGEST_FILE = 5 << 20


def _walk() -> Iterator[Path]:
    return helm.CHART.rglob("*")


def _from_git(folder: Path) -> Path:
    """The chart as Flux gets it from a GitRepository.

    source-controller packs the checkout, and leaves out all that is no regular file or folder: links, wherever they
    lead (internal/controller/storage.go, Archive). It then loads the chart from the unpacked archive, and refuses what
    lies outside it (internal/helm/chart/secureloader).
    """
    archive = folder / "artifact.tar.gz"
    with tarfile.open(archive, "w:gz", dereference=False) as pack:
        for path in sorted(_walk()):
            if not path.is_symlink() and path.is_file():
                pack.add(path, path.relative_to(helm.ROOT))
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "artifact", filter="data")
    return folder / "artifact" / helm.CHART.relative_to(helm.ROOT)


def test_chart_from_git_renders_the_same(tmp_path: Path) -> None:
    """Fault: the CRD was a link, so that Flux's chart was without it: `files/mailstacks.yaml is missing`."""
    assert helm.template(chart=_from_git(tmp_path)).text == helm.template().text


def test_packaged_chart_renders_the_same(tmp_path: Path) -> None:
    helm.output("package", str(helm.CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    assert helm.template(chart=package).text == helm.template().text


def test_chart_is_made_of_files() -> None:
    """A link is dropped by Flux, refused by other loaders, and warned of by Helm."""
    assert [path for path in _walk() if path.is_symlink()] == []
    assert [path for path in _walk() if path.is_file() and path.stat().st_size > LARGEST_FILE] == []


def test_checkout_has_no_link() -> None:
    """Whatever is packed of it (a source distribution, the context of an image) has what a person sees."""
    tracked = (helm.ROOT / name for name in ("charts", "crds", "docs", "examples", "operator"))
    assert [path for folder in tracked for path in folder.rglob("*") if path.is_symlink()] == []

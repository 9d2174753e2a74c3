"""The steps of a release, in their order: what refers to something comes after it."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from harness import paths, shell
from harness.images import Image, operator_version
from harness.shell import Log
from harness.step import Report, fresh_scratch
from release import bundle, chart, plan, publish
from release.plan import Pushed, PushedChart, Target

SOURCE = paths.repository() / "charts" / plan.CHART


def release(report: Report, images: Sequence[Image], registry: str, folder: Path, key: str = "") -> PushedChart:
    """Push built images and the chart with their digests, and write the release's files into the folder; with a key,
    sign. It can be run again: what is published stays. Raises HarnessError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = operator_version()
    targets = [Target(image, registry, version) for image in images]
    pushed = [_pushed(report, target, folder) for target in targets]
    package = report.do("chart", lambda log: package_chart(pushed, registry, folder, log))
    report.do("install.yaml", lambda log: write_install(package, folder))
    report.do("bundle", lambda log: write_bundle(package, pushed, folder / "bundle"))
    in_registry = report.do("push of the chart", lambda log: publish.chart(package, registry, version, log))
    if key:
        publish.ensure_cosign(report)
        report.do("signatures", lambda log: publish.sign(pushed, in_registry, key, folder, log))
    (folder / "manifest.json").write_text(plan.manifest(pushed, in_registry, _digests(folder), is_signed=bool(key)))
    return in_registry


def package_chart(pushed: Sequence[Pushed], registry: str, folder: Path, log: Log) -> Path:
    """The chart as it is released, packed into the folder. Raises CommandError."""
    copy = fresh_scratch("chart") / plan.CHART
    shutil.copytree(SOURCE, copy)
    values, metadata = copy / "values.yaml", copy / "Chart.yaml"
    values.write_text(chart.values(values.read_text(), registry, pushed))
    metadata.write_text(chart.metadata(metadata.read_text(), pushed))
    shell.run("helm", "package", copy, f"--destination={folder}", log=log)
    return folder / f"{plan.CHART}-{operator_version()}.tgz"


def write_install(package: Path, folder: Path) -> None:
    """What `kubectl apply -f` and `-k` take. Raises CommandError."""
    rendered = shell.demand("helm", "template", plan.CHART, package, f"--namespace={chart.NAMESPACE}")
    (folder / "install.yaml").write_text(chart.install(rendered + "\n"))
    (folder / "kustomization.yaml").write_text(chart.KUSTOMIZATION)


def write_bundle(package: Path, pushed: Sequence[Pushed], folder: Path) -> None:
    """What OLM installs. Raises CommandError."""
    namespace = f"--namespace={chart.NAMESPACE}"
    rendered = shell.demand("helm", "template", plan.CHART, package, namespace, *bundle.FLAGS)
    about = yaml.safe_load(shell.demand("helm", "show", "chart", package))
    objects = [each for each in yaml.safe_load_all(rendered) if each]
    for name, text in bundle.files(objects, about, pushed).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _pushed(report: Report, target: Target, folder: Path) -> Pushed:
    found = report.do(f"push of {target.image.title}", lambda log: publish.image(target, log))
    report.do(f"SBOM of {target.image.title}", lambda log: publish.write_sbom(found, folder, log))
    return found


def _digests(folder: Path) -> dict[str, str]:
    """Of the files of the release, but for the manifest itself."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

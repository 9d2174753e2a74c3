"""The CustomResourceDefinition in the chart is the generated one, and survives an uninstall."""

import yaml
from kubernetes.client.models import V1CustomResourceDefinition

from . import helm

KEEP = {"helm.sh/resource-policy": "keep"}


def _crd(*settings: str) -> V1CustomResourceDefinition:
    return helm.template(*settings).one(V1CustomResourceDefinition)


def _annotations(*settings: str) -> dict[str, str]:
    metadata = _crd(*settings).metadata
    assert metadata is not None
    return metadata.annotations or {}


def test_crd_is_the_generated_one() -> None:
    """Every number, pattern and CEL rule comes through Helm's YAML as it was."""
    generated = yaml.safe_load(helm.CRD_FILE.read_text())
    (rendered,) = (found for found in helm.template().objects if found["kind"] == "CustomResourceDefinition")
    assert rendered["spec"] == generated["spec"]
    metadata = _crd().metadata
    assert metadata is not None
    assert metadata.name == generated["metadata"]["name"]


def test_copy_in_the_chart_is_the_generated_file() -> None:
    assert (helm.CHART / "files/mailstacks.yaml").read_bytes() == helm.CRD_FILE.read_bytes()


def test_crd_is_kept_by_default() -> None:
    """Helm deletes what it installed: without this an uninstall would delete every MailStack."""
    assert _annotations() == KEEP


def test_crd_goes_with_the_release_if_asked() -> None:
    assert not _annotations("crds.keep=false")


def test_crd_can_be_left_to_others() -> None:
    assert not helm.template("crds.install=false").of(V1CustomResourceDefinition)

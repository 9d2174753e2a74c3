"""The bundle for OLM: by the schema of its own CustomResourceDefinition, and by what OLM asks of a bundle beside it."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes.client.models import V1ClusterRole, V1Role

from harness import images as built
from harness import olm
from mailstack_operator.cli.run_command import run
from mailstack_operator.stack import parser
from release import bundle
from release.bundle import Object
from release.plan import Pushed, Target
from tests.chart import helm

PUSHED = [Pushed(Target(each, "registry.example.org", "1.0.0"), f"sha256:{'ab' * 32}") for each in built.images()]
# Beside the ClusterServiceVersion: of the kinds that OLM takes from a bundle.
KINDS = {"ClusterRole", "ConfigMap", "CustomResourceDefinition", "Service"}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    rendered = helm.output("template", helm.RELEASE, str(helm.CHART), f"--namespace={helm.NAMESPACE}", *bundle.FLAGS)
    objects = [each for each in yaml.load_all(rendered, yaml.CSafeLoader) if each]
    return bundle.files(objects, yaml.safe_load((helm.CHART / "Chart.yaml").read_text()), PUSHED)


@pytest.fixture(scope="module")
def manifests(files: dict[str, str]) -> dict[str, Object]:
    """Those of the bundle, by kind and name."""
    found = (yaml.load(text, yaml.CSafeLoader) for path, text in files.items() if path.startswith("manifests/"))
    return {f"{each['kind']} {each['metadata']['name']}": each for each in found}


@pytest.fixture(scope="module")
def version(manifests: dict[str, Object]) -> Object:
    return manifests["ClusterServiceVersion mailstack-operator.v0.1.0"]


def _strict(schema: object) -> object:
    """A schema that refuses fields which it does not name; the API server drops them."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(each) for name, each in schema.items()}
    return {"additionalProperties": False, **found} if isinstance(schema.get("properties"), dict) else found


def _check(folder: Path, version: Object) -> str:
    """What check-jsonschema says of it; nothing if it is valid."""
    crd = yaml.load(olm.crd().read_text(), yaml.CSafeLoader)
    schema = _strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    assert isinstance(schema, dict)
    schema["properties"]["metadata"] = {"type": "object"}
    (folder / "schema.json").write_text(json.dumps(schema))
    (folder / "version.json").write_text(json.dumps(version))
    command = ("check-jsonschema", f"--schemafile={folder / 'schema.json'}", str(folder / "version.json"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode else ""


def test_service_version_is_valid_by_its_own_schema(version: Object, tmp_path: Path) -> None:
    assert _check(tmp_path, version) == ""


@pytest.mark.parametrize("wrong", [{"instal": {}}, {"installModes": [{"type": "AllNamespaces"}]}, {"version": 1}])
def test_schema_refuses_a_wrong_one(version: Object, tmp_path: Path, wrong: Object) -> None:
    assert _check(tmp_path, {**version, "spec": {**version["spec"], **wrong}}) != ""


def test_bundle_holds_the_crd_that_it_owns_and_nothing_that_olm_does_not_take(
    manifests: dict[str, Object], version: Object
) -> None:
    (owned,) = version["spec"]["customresourcedefinitions"]["owned"]
    crd = manifests[f"CustomResourceDefinition {owned['name']}"]
    assert crd["spec"]["names"]["kind"] == owned["kind"]
    assert [each["name"] for each in crd["spec"]["versions"]] == [owned["version"]]
    assert {name.partition(" ")[0] for name in manifests} <= {*KINDS, "ClusterServiceVersion"}
    assert not any("namespace" in each["metadata"] for each in manifests.values() if each is not version)


def test_account_gets_what_the_chart_gives_it(version: Object) -> None:
    given = version["spec"]["install"]["spec"]
    (cluster,), (namespaced,) = given["clusterPermissions"], given["permissions"]
    assert cluster["serviceAccountName"] == namespaced["serviceAccountName"] == "mailstack-operator"
    roles = {role.metadata.name: role for role in helm.template().of(V1ClusterRole) if role.metadata}
    assert len(cluster["rules"]) == len(roles["mailstack-operator"].rules or [])
    assert len(namespaced["rules"]) == len(helm.template().one(V1Role).rules or [])


def test_operator_runs_in_whatever_namespace_olm_chooses(version: Object) -> None:
    (deployment,) = version["spec"]["install"]["spec"]["deployments"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "POD_NAMESPACE" in [each["name"] for each in container["env"]]
    parsed = run.make_context("run", container["args"][1:]).params
    assert parsed["lease_namespace"] == "$(POD_NAMESPACE)"
    assert deployment["spec"]["selector"]["matchLabels"].items() <= deployment["label"].items()


def test_example_is_valid_and_the_icon_is_an_image(version: Object) -> None:
    (example,) = json.loads(version["metadata"]["annotations"]["alm-examples"])
    assert parser.parse(example).spec.domains == ["example.org"]
    (icon,) = version["spec"]["icon"]
    assert icon["mediatype"] == "image/svg+xml"
    assert base64.b64decode(icon["base64data"]).startswith(b"<svg ")


def test_images_are_named_by_digest(version: Object) -> None:
    assert [each["image"] for each in version["spec"]["relatedImages"]] == [each.reference for each in PUSHED]


def test_image_of_the_bundle_says_what_its_annotations_say(files: dict[str, str]) -> None:
    annotations = yaml.safe_load(files["metadata/annotations.yaml"])["annotations"]
    assert annotations["operators.operatorframework.io.bundle.package.v1"] == "mailstack-operator"
    assert all(f"LABEL {name}={value}\n" in files["bundle.Dockerfile"] for name, value in annotations.items())

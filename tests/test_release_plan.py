"""`make release`: what is pushed where, and what the released chart says of it."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from kubernetes.client.models import V1Deployment

from harness import images as built
from release import chart, plan
from release.plan import Pushed, PushedChart, Target
from tests.chart import helm

REGISTRY = "registry.example.org/mail"
VERSION = "0.2.0"
VALUES = (helm.CHART / "values.yaml").read_text()


def _digest(number: int) -> str:
    return f"sha256:{number:064x}"


def _targets() -> dict[str, Target]:
    images = [built.Image(each.name, VERSION if each.name == "operator" else each.version) for each in built.images()]
    return {f"{image.name} {image.version}": Target(image, REGISTRY, VERSION) for image in images}


PUSHED = [Pushed(target, _digest(number)) for number, target in enumerate(_targets().values())]
CHART = PushedChart(REGISTRY, VERSION, _digest(99))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as it is released, in a folder."""
    folder = tmp_path_factory.mktemp("released") / plan.CHART
    shutil.copytree(helm.CHART, folder)
    (folder / "values.yaml").write_text(chart.values(VALUES, REGISTRY, PUSHED))
    (folder / "Chart.yaml").write_text(chart.metadata((folder / "Chart.yaml").read_text(), PUSHED))
    return folder


def test_tag_of_an_image_belongs_to_one_release() -> None:
    """So that nothing that was published is ever replaced: `postfix:3.10` would be, by each release."""
    assert {name: target.reference for name, target in _targets().items()} == {
        "postfix 3.10": f"{REGISTRY}/mailstack/postfix:3.10-0.2.0",
        "dovecot 2.4": f"{REGISTRY}/mailstack/dovecot:2.4-0.2.0",
        "dovecot 2.3": f"{REGISTRY}/mailstack/dovecot:2.3-0.2.0",
        "rspamd 3.12": f"{REGISTRY}/mailstack/rspamd:3.12-0.2.0",
        "operator 0.2.0": f"{REGISTRY}/mailstack/operator:0.2.0",
    }


def test_released_values_differ_in_the_images_alone() -> None:
    text = chart.values(VALUES, REGISTRY, PUSHED)
    pairs = zip(VALUES.splitlines(), text.splitlines(), strict=True)
    changed = [(old.strip(), new.strip()) for old, new in pairs if old != new]
    assert ('registry: ""', f'registry: "{REGISTRY}"') in changed
    assert ('tag: "3.10"', 'tag: "3.10-0.2.0"') in changed
    assert len(changed) == 1 + 2 * len(PUSHED)


def test_a_value_that_the_chart_has_not_is_an_error() -> None:
    """Fault: a renamed value would leave the released chart without its image."""
    with pytest.raises(KeyError, match=r"image\.tags"):
        chart.set_values(VALUES, {("image", "tags"): "1"})


def test_values_are_set_at_their_path_alone() -> None:
    text = 'a: # of a\n  tag: ""  # gone with the value\n  "1.0":\n    # kept\n    tag: "x"\ntag: ""\n'
    wanted = {("a", "1.0", "tag"): 'q"', ("tag",): "y"}
    changed = chart.set_values(text, wanted)
    assert yaml.safe_load(changed) == {"a": {"tag": "", "1.0": {"tag": 'q"'}}, "tag": "y"}
    assert "    # kept\n" in changed


def test_released_chart_runs_the_images_by_digest(released: Path) -> None:
    spec = helm.template(chart=released).one(V1Deployment).spec.template.spec
    assert spec is not None
    arguments = spec.containers[0].args or []
    by_name = {each.target.file_stem: each.reference for each in PUSHED}
    assert spec.containers[0].image == by_name["operator-0.2.0"]
    assert [word for word in arguments if "image" in word] == [
        f"--image={by_name['operator-0.2.0']}",
        f"--server-image=dovecot-2.3={by_name['dovecot-2.3']}",
        f"--server-image=dovecot-2.4={by_name['dovecot-2.4']}",
        f"--server-image=filter={by_name['rspamd-3.12']}",
        f"--server-image=postfix={by_name['postfix-3.10']}",
    ]


def test_released_chart_passes_lint_and_lists_its_images(released: Path) -> None:
    helm.output("lint", "--strict", str(released))
    annotations = yaml.safe_load((released / "Chart.yaml").read_text())["annotations"]
    listed = yaml.safe_load(annotations["artifacthub.io/images"])
    assert [each["image"] for each in listed] == [each.reference for each in PUSHED]


def test_kubectl_takes_install_yaml(released: Path) -> None:
    """`kubectl apply` keeps a copy of each object in an annotation, which has at most 256 KiB."""
    text = chart.install(helm.template(chart=released).text)
    found = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
    assert (found[0]["kind"], found[0]["metadata"]["name"]) == ("Namespace", helm.NAMESPACE)
    assert {each["metadata"].get("namespace", helm.NAMESPACE) for each in found} == {helm.NAMESPACE}
    assert max(len(json.dumps(each)) for each in found) < 262144
    assert yaml.safe_load(chart.KUSTOMIZATION)["resources"] == ["install.yaml"]


def test_artifact_hub_knows_the_owners_of_the_chart() -> None:
    """The keys that Artifact Hub reads; another would be passed over, and nobody would own the chart."""
    said = yaml.safe_load((helm.CHART.parent / "artifacthub-repo.yml").read_text())
    assert {*said} <= {"repositoryID", "owners", "ignore"}
    assert [{*each} for each in said["owners"]] == [{"name", "email"}] * len(said["owners"])
    assert all(each["name"] and "@" in each["email"] for each in said["owners"])
    assert said["owners"]


def test_manifest_has_the_digest_of_everything() -> None:
    said = json.loads(plan.manifest(PUSHED, CHART, {"install.yaml": "ab"}, is_signed=False))
    assert said["version"] == VERSION
    assert {each["image"]: each["digest"] for each in said["images"]} == {
        each.target.reference: each.digest for each in PUSHED
    }
    assert said["images"][0]["sbom"] == "postfix-3.10.cdx.json"
    assert said["chart"] == {"chart": f"oci://{REGISTRY}/charts/mailstack-operator", "digest": _digest(99)}
    assert (said["files"], said["signed"]) == ({"install.yaml": "sha256:ab"}, False)


def test_what_is_signed_is_named_by_digest() -> None:
    assert PUSHED[0].pinned == f"{REGISTRY}/mailstack/postfix@{_digest(0)}"
    assert CHART.pinned == f"{REGISTRY}/charts/mailstack-operator@{_digest(99)}"


@pytest.mark.parametrize(
    ("registry", "plain"),
    [
        ("localhost:5000", True),
        ("localhost", True),
        ("127.0.0.1:5000/mail", True),
        ("localhost.example.org", False),
        ("registry.example.org:5000", False),
        ("127.example.org", False),
    ],
)
def test_only_a_registry_of_this_machine_is_asked_without_tls(registry: str, plain: bool) -> None:
    assert plan.is_plain_http(registry) is plain

"""Every container has requests and limits, whatever the spec sets of them: a quota on either admits no other pod."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_operator.api.servers import DOVECOT_RESOURCES, HELPER_RESOURCES, ResourceAmounts, Resources
from mailstack_operator.cli import manifests
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.kube.quantity import amount
from mailstack_operator.stack import children, containers, topology
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_operator.stack.topology import Topology
from tests.stacks import stack

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "tests/data/stacks").glob("*.yaml"), *(ROOT / "examples/features").glob("*.yaml")])

TLS: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}}
INET: dict[str, Json] = {"spec.delivery": {"listener": {"type": "Inet"}}}
quantities = st.one_of(st.none(), st.sampled_from(["0", "1m", "100m", "1.5", "4", "16Mi", "3Gi", "1G", "2Ti"]))
amounts = st.builds(ResourceAmounts, cpu=quantities, memory=quantities)


def containers_of(plan: Topology) -> dict[str, Object]:
    """Every container of every pod, by name."""
    each = ((spec, kind) for spec in specs_of(plan) for kind in ("initContainers", "containers"))
    return {text(one, "name"): dict(one) for spec, kind in each for one in entries(spec, kind)}


def pod_specs(changes: dict[str, Json]) -> list[Object]:
    return specs_of(topology.decide(stack(changes)))


def specs_of(plan: Topology) -> list[Object]:
    """Of the mail pods, and of the rehearsal."""
    found = [dict(section(child, "spec", "template", "spec")) for child in children.children(plan)]
    return [*filter(None, found), dict(section(children.rehearsal(plan, "digest"), "spec"))]


def resources(changes: dict[str, Json]) -> dict[str, Json]:
    """Of every container, by name."""
    found = containers_of(topology.decide(stack(changes)))
    return {name: one["resources"] for name, one in found.items()}


@pytest.mark.parametrize("changes", [{}, TLS, INET, {**TLS, **INET}], ids=["plain", "tls", "inet", "both"])
def test_every_container_has_requests_and_limits_of_both(changes: dict[str, Json]) -> None:
    for name, found in resources(changes).items():
        assert isinstance(found, dict)
        names = [*section(found, "requests"), *section(found, "limits")]
        assert names == ["cpu", "memory", "cpu", "memory"], name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_so_does_every_container_of_every_example(file: Path) -> None:
    """Whatever helpers a feature brings: a namespace with a ResourceQuota admits no other pod."""
    for body in manifests.mail_stacks(file):
        for name, found in containers_of(topology.decide(parse(body))).items():
            wanted = {f"{kind}.{what}" for kind in ("requests", "limits") for what in ("cpu", "memory")}
            has = {f"{kind}.{what}" for kind in ("requests", "limits") for what in section(found, "resources", kind)}
            assert has == wanted, name


@pytest.mark.parametrize(
    ("field", "containers"),
    [
        ("postfix", {"spool", "postfix"}),
        ("dovecot", {"names", "dovecot"}),
        ("helpers", {"certificates", "probe", "rehearsal"}),
    ],
)
def test_each_field_is_of_the_containers_of_its_image(field: str, containers: set[str]) -> None:
    own: Json = {"requests": {"cpu": "7m", "memory": "70Mi"}, "limits": {"cpu": "7", "memory": "7Gi"}}
    found = resources({**TLS, f"spec.{field}.resources": own})
    assert {name for name, each in found.items() if each == own} >= containers
    assert {name for name, each in found.items() if each == own} & {"spool", "names", "probe"} == (
        containers & {"spool", "names", "probe"}
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (({}, {}), ({"cpu": "5m", "memory": "32Mi"}, {"cpu": "2", "memory": "2Gi"})),
        (({"memory": "8Gi"}, {}), ({"cpu": "5m", "memory": "8Gi"}, {"cpu": "2", "memory": "8Gi"})),
        (({}, {"memory": "16Mi"}), ({"cpu": "5m", "memory": "16Mi"}, {"cpu": "2", "memory": "16Mi"})),
        (({}, {"cpu": "0"}), ({"cpu": "0", "memory": "32Mi"}, {"cpu": "0", "memory": "2Gi"})),
        (({"cpu": "1"}, {"cpu": "0"}), ({"cpu": "1", "memory": "32Mi"}, {"memory": "2Gi"})),
        (({"cpu": "1"}, {"cpu": "1"}), ({"cpu": "1", "memory": "32Mi"}, {"cpu": "1", "memory": "2Gi"})),
    ],
)
def test_a_default_gives_way(wanted: tuple[dict[str, str], dict[str, str]], expected: tuple[Object, Object]) -> None:
    requests, limits = (ResourceAmounts.model_validate(each) for each in wanted)
    found = containers.resources(Resources(requests=requests, limits=limits), DOVECOT_RESOURCES)
    assert (found["requests"], found["limits"]) == expected


@given(amounts, amounts)
def test_what_is_set_stays_and_no_default_makes_an_invalid_pair(
    requests: ResourceAmounts, limits: ResourceAmounts
) -> None:
    found = containers.resources(Resources(requests=requests, limits=limits), HELPER_RESOURCES)
    for name, request, limit in (("cpu", requests.cpu, limits.cpu), ("memory", requests.memory, limits.memory)):
        shown = text(section(found, "requests"), name), text(section(found, "limits"), name)
        assert request in (None, shown[0])
        assert limit in (None, shown[1] or "0")
        if shown[1] and not (request and limit):
            assert amount(shown[0]) <= amount(shown[1])


@pytest.mark.parametrize("field", ["postfix", "dovecot", "helpers", "filter"])
@pytest.mark.parametrize("name", ["cpu", "memory"])
def test_a_request_above_its_limit_is_told_with_its_field(field: str, name: str) -> None:
    """Fault: the API server refused a container of a StatefulSet, by its number."""
    changes: dict[str, Json] = {"spec.plugins": {"sieve": {}}}
    with pytest.raises(InvalidMailStack, match=f"spec.{field}.resources: requests.{name} must be at most limits"):
        stack({**changes, f"spec.{field}": {"resources": {"requests": {name: "2Gi"}, "limits": {name: "1Gi"}}}})
    for limit in ("0", "2147483648"):
        stack({**changes, f"spec.{field}": {"resources": {"requests": {name: "2Gi"}, "limits": {name: limit}}}})


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("1.5", "1.5"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("3Gi", "3221225472"),
        ("1P", "1e15"),
    ],
)
def test_a_quantity_is_read_as_kubernetes_does(quantity: str, expected: str) -> None:
    assert amount(quantity) == Decimal(expected)


def pull_secrets(spec: Object) -> list[Json]:
    return [entry["name"] for entry in entries(spec, "imagePullSecrets")]


def test_pull_secrets_of_the_spec_are_those_of_every_pod() -> None:
    wanted: Json = [{"name": "registry"}, {"name": "mirror"}]
    found = pod_specs({**INET, "spec.imagePullSecrets": wanted})
    assert [pull_secrets(spec) for spec in found] == [["registry", "mirror"]] * 3
    assert not any("imagePullSecrets" in spec for spec in pod_specs(INET))

"""The CRD is what the models say, in the shape that the API server takes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from kubernetes.client.models import V1CustomResourceDefinition

from mailstack_operator.api import strings
from mailstack_operator.api.crd import custom_resource_definition
from mailstack_operator.cli.main import main
from mailstack_operator.kube.objects import Json, Object, entries, section
from mailstack_operator.stack.schema import spec_schema
from mailstack_operator.stack.users.variants import VARIANTS, spec_model
from tests.stacks import body, stack

FILE = Path(__file__).parents[1] / "crds" / "mailstacks.yaml"
VERSION = entries(section(custom_resource_definition(spec_schema()), "spec"), "versions")[0]
ROOT = section(VERSION, "schema", "openAPIV3Schema")


def nodes(schema: Json) -> Iterator[Object]:
    """Every schema in the schema."""
    if not isinstance(schema, dict):
        return
    yield schema
    for child in (*section(schema, "properties").values(), schema.get("items"), schema.get("additionalProperties")):
        yield from nodes(child)


def test_the_file_is_what_the_command_prints() -> None:
    assert CliRunner().invoke(main, ["crd"]).output == FILE.read_text(encoding="utf-8")


def test_kubernetes_knows_every_field_of_it() -> None:
    assert V1CustomResourceDefinition.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8"))).spec


def test_the_schema_is_structural() -> None:
    for node in nodes(dict(ROOT)):
        assert not {"$ref", "anyOf", "const", "title"} & set(node)
        assert "type" in node or node.get("x-kubernetes-int-or-string")


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_described(part: str) -> None:
    for node in nodes(dict(section(ROOT, "properties", part))):
        for name, child in section(node, "properties").items():
            assert isinstance(child, dict)
            assert child.get("description"), f"{name} has no description"


def test_defaults_stand_in_the_schema() -> None:
    """What `kubectl get -o yaml` shows of the smallest MailStack is what the operator takes for granted."""

    def filled(value: Json, schema: Object) -> Json:
        if not isinstance(value, dict):
            return value
        properties = section(schema, "properties")
        described = {name: section(properties, name) for name in properties}
        defaults = {name: field["default"] for name, field in described.items() if "default" in field}
        return {name: filled(entry, dict(described[name])) for name, entry in {**defaults, **value}.items()}

    shown = filled(body()["spec"], dict(section(ROOT, "properties", "spec")))
    assert spec_model(VARIANTS).model_validate(shown) == stack().spec
    assert shown == stack().spec.model_dump(by_alias=True, exclude_none=True)


def test_it_is_small() -> None:
    """No PodSpec is inlined: an object in etcd is at most 1.5 MB, and others' CRDs take a tenth to a third of it."""
    assert FILE.stat().st_size < 200_000


@pytest.mark.parametrize("size", [strings.MESSAGE_SIZE, strings.STORAGE_SIZE], ids=["message", "storage"])
def test_bytes_without_a_unit_are_short_enough_for_the_hint(size: strings.WithUnit) -> None:
    """Fault: of 52428800 the API server said only that it may not be more than 5 bytes."""
    assert size.max_length >= len(str(10 << 30))

"""What a MailStack becomes, whole, in files that a person reads in review: `make golden` rewrites them."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from kubernetes.client.models import V1ConfigMap, V1Service, V1StatefulSet
from pydantic import BaseModel

from mailstack_operator import desired, topology
from mailstack_operator.cli import main
from mailstack_operator.objects import Json
from tests.conftest import Golden
from tests.stacks import stack

ROOT = Path(__file__).parents[1]
CASES = {
    "minimal": ROOT / "examples" / "mailstack.yaml",
    "everything": ROOT / "tests" / "data" / "stacks" / "everything.yaml",
}


@pytest.mark.parametrize("case", CASES)
def test_render_prints_the_golden_children(case: str, golden: Golden) -> None:
    result = CliRunner().invoke(main, ["render", "-f", str(CASES[case])])
    assert result.exit_code == 0, result.output
    golden(ROOT / "tests" / "golden" / f"{case}.yaml", result.output)


def test_kubernetes_knows_every_field_of_the_children() -> None:
    """The official client's models refuse a misspelt field."""
    models: dict[Json, type[BaseModel]] = {"ConfigMap": V1ConfigMap, "Service": V1Service, "StatefulSet": V1StatefulSet}
    children = desired.children(topology.decide(stack()))
    assert [type(models[child["kind"]].model_validate(child)) for child in children] == [
        V1ConfigMap,
        V1ConfigMap,
        V1Service,
        V1StatefulSet,
    ]

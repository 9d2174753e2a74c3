"""What a MailStack becomes, whole, in files that a person reads in review: `make golden` rewrites them."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from kubernetes.client.models import (
    V1ConfigMap,
    V1NetworkPolicy,
    V1PersistentVolumeClaim,
    V1Pod,
    V1PodDisruptionBudget,
    V1Role,
    V1RoleBinding,
    V1Service,
    V1ServiceAccount,
    V1StatefulSet,
)
from pydantic import BaseModel

from mailstack_operator.cli import manifests
from mailstack_operator.cli.main import main
from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse
from tests.conftest import Golden

ROOT = Path(__file__).parents[1]
CASES = {
    "minimal": ROOT / "examples" / "mailstack.yaml",
    "inet": ROOT / "tests" / "data" / "stacks" / "inet.yaml",
    "sql": ROOT / "tests" / "data" / "stacks" / "sql.yaml",
    "ldap": ROOT / "tests" / "data" / "stacks" / "ldap.yaml",
    "exposed": ROOT / "tests" / "data" / "stacks" / "exposed.yaml",
    "filter": ROOT / "tests" / "data" / "stacks" / "filter.yaml",
    "proxied": ROOT / "tests" / "data" / "stacks" / "proxied.yaml",
    "everything": ROOT / "tests" / "data" / "stacks" / "everything.yaml",
}


@pytest.mark.parametrize("case", CASES)
def test_render_prints_the_golden_children(case: str, golden: Golden) -> None:
    result = CliRunner().invoke(main, ["render", "-f", str(CASES[case])])
    assert result.exit_code == 0, result.output
    golden(ROOT / "tests" / "golden" / f"{case}.yaml", result.output)


def test_a_change_is_tried_in_the_golden_pod(golden: Golden) -> None:
    body = manifests.mail_stacks(CASES["minimal"])[0]
    pod = children.rehearsal(topology.decide(parse(body)), "0123456789abcdef")
    golden(ROOT / "tests" / "golden" / "rehearsal.yaml", manifests.dump(pod))


MODELS: dict[Json, type[BaseModel]] = {
    "ConfigMap": V1ConfigMap,
    "NetworkPolicy": V1NetworkPolicy,
    "PersistentVolumeClaim": V1PersistentVolumeClaim,
    "Pod": V1Pod,
    "PodDisruptionBudget": V1PodDisruptionBudget,
    "Role": V1Role,
    "RoleBinding": V1RoleBinding,
    "Service": V1Service,
    "ServiceAccount": V1ServiceAccount,
    "StatefulSet": V1StatefulSet,
}


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_knows_every_field_of_the_children(case: str) -> None:
    """The official client's models refuse a misspelt field."""
    for body in manifests.mail_stacks(CASES[case]):
        plan = topology.decide(parse(body))
        for child in [*children.children(plan), *children.rehearsal_config(plan), children.rehearsal(plan, "digest")]:
            assert MODELS[child["kind"]].model_validate(child)

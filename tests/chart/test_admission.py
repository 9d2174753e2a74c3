"""The admission policies of the chart, evaluated by CEL itself: the operator's own objects pass, attacks do not.

`e2e/single/test_operator_token.py` sends the same attacks to an API server.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings
from kubernetes.client.models import (
    V1NamedRuleWithOperations,
    V1ValidatingAdmissionPolicy,
    V1ValidatingAdmissionPolicyBinding,
    V1ValidatingAdmissionPolicySpec,
)

from mailstack_operator.cli import manifests
from mailstack_operator.kube.kinds import BY_NAME
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.parser import parse
from mailtest import attacks
from mailtest.attacks import ATTACKS, Attack

from . import helm

# What the files of the tests set.
ALLOWED = 'admissionPolicy.allowedMetadata=["example.org/"]'
_NAMES = ("object", "oldObject", "request", "variables")
ENVIRONMENT = cel.NewEnv(
    variables=dict.fromkeys(_NAMES, cel.Type.DYN), extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()]
)
FILES = (*(helm.ROOT / "tests/data/stacks").glob("*.yaml"), *(helm.ROOT / "examples").rglob("*.yaml"))
STACKS = [file for file in FILES if "kind: MailStack" in file.read_text(encoding="utf-8")]


@cache
def compiled(expression: str) -> cel.Expression:
    return ENVIRONMENT.compile(expression)


def evaluate(expression: str, given: Mapping[str, object]) -> object:
    return compiled(expression).eval(data=dict(given)).plain_value()


@cache
def policies(*settings: str) -> list[V1ValidatingAdmissionPolicySpec]:
    return [policy.spec for policy in helm.template(*settings).of(V1ValidatingAdmissionPolicy) if policy.spec]


def concerns(rules: list[V1NamedRuleWithOperations], manifest: Object, operation: str) -> bool:
    kind = BY_NAME[str(manifest["kind"])]
    return any(
        kind.group in (rule.api_groups or [])
        and kind.plural in (rule.resources or [])
        and operation in (rule.operations or [])
        for rule in rules
    )


def refusals(manifest: Object | None, old: Object | None = None, *settings: str) -> list[str]:
    """The messages with which the operator's request is refused, in order; none if it is let through."""
    shown = manifest or old
    assert shown is not None
    operation = "DELETE" if manifest is None else "UPDATE" if old else "CREATE"
    metadata = shown["metadata"]
    assert isinstance(metadata, dict)
    request: Json = {
        "operation": operation,
        "namespace": metadata["namespace"],
        "resource": {"resource": BY_NAME[str(shown["kind"])].plural},
        "userInfo": {"username": attacks.ACCOUNT},
    }
    given: dict[str, object] = {"object": manifest, "oldObject": old, "request": request}
    return [
        message
        for spec in policies(*settings)
        if spec.match_constraints and concerns(spec.match_constraints.resource_rules or [], shown, operation)
        for message in judged(spec, given)
    ]


def judged(spec: V1ValidatingAdmissionPolicySpec, given: Mapping[str, object]) -> Iterator[str]:
    assert all(evaluate(one.expression, given) is True for one in spec.match_conditions or [])
    variables: dict[str, object] = {}
    for variable in spec.variables or []:
        variables[variable.name] = evaluate(variable.expression, {**given, "variables": variables})
    for rule in spec.validations or []:
        if evaluate(rule.expression, {**given, "variables": variables}) is not True:
            yield str(rule.message)


def wanted(file: Path) -> list[Object]:
    """Every object that the operator makes for the MailStacks of the file."""
    found: list[Object] = []
    for body in manifests.mail_stacks(file):
        plan = topology.decide(parse(_in_cluster(body)))
        found += [*children.children(plan), *children.rehearsal_config(plan), children.rehearsal(plan, "digest")]
    return found


def _in_cluster(body: Object) -> Object:
    metadata = body["metadata"]
    assert isinstance(metadata, dict)
    return {**body, "metadata": {"namespace": "post", **metadata, "uid": "1-2-3", "generation": 1}}


@pytest.mark.parametrize("file", STACKS, ids=lambda file: str(file.relative_to(helm.ROOT)))
def test_operators_own_objects_are_let_through(file: Path) -> None:
    for manifest in wanted(file):
        assert refusals(manifest, None, ALLOWED) == []
        assert refusals(manifest, deepcopy(manifest)) == []
        assert refusals(None, manifest) == []


def test_what_a_mailstack_sets_of_labels_and_annotations_takes_permission() -> None:
    """A label leads other Services' traffic to a pod, an annotation gives an account a cloud's role."""
    (file,) = (file for file in STACKS if file.stem == "everything")
    refused = {str(manifest["kind"]): found for manifest in wanted(file) if (found := refusals(manifest))}
    assert {*refused} == {"ServiceAccount", "StatefulSet", "Pod"}
    assert all("admissionPolicy.allowedMetadata" in message for found in refused.values() for message in found)


@pytest.mark.parametrize("kind", attacks.harmless())
def test_what_the_attacks_begin_with_is_let_through(kind: str) -> None:
    assert refusals(attacks.harmless()[kind]) == []


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused_for_its_own_reason(attack: Attack) -> None:
    (first, *_) = refusals(attack.manifest())
    assert attack.refusal in first


def test_every_rule_refuses_an_attack() -> None:
    """But for those of requests that change something, which are below."""
    refused = {message for attack in ATTACKS for message in refusals(attack.manifest())}
    rules = {rule.message for spec in policies() for rule in spec.validations or []}
    assert rules - refused == {
        "the operator changes and deletes only objects of a MailStack",
        "the operator changes only annotations of a pod",
    }


@pytest.mark.parametrize("kind", sorted({*attacks.harmless()} - {"Event", "Lease"}))
def test_objects_of_others_are_neither_changed_nor_deleted(kind: str) -> None:
    ours = attacks.harmless()[kind]
    foreign = attacks.changed(ours, {"/metadata/labels": {"app": "others"}, "/metadata/ownerReferences": []})
    for manifest in (ours, None):
        assert "the operator changes and deletes only objects of a MailStack" in refusals(manifest, foreign)


@pytest.mark.parametrize("lost", ["/metadata/labels", "/metadata/ownerReferences"])
def test_labels_or_owner_that_somebody_removed_are_put_back(lost: str) -> None:
    """Labels alone are what a claim has, and what the children of a deleted MailStack keep."""
    ours = attacks.harmless()["StatefulSet"]
    assert refusals(ours, attacks.changed(ours, {lost: {} if lost.endswith("labels") else []})) == []


# What an administrator, a controller or a webhook may have set on an object of a MailStack.
OTHERS: dict[str, tuple[str, dict[str, Json]]] = {
    "host network": ("StatefulSet", {"/spec/template/spec/hostNetwork": True}),
    "sidecar": ("StatefulSet", {"/spec/template/spec/containers/-": {"name": "scanner", "image": "scanner:1"}}),
    "volume": ("StatefulSet", {"/spec/template/spec/volumes/-": {"name": "n", "nfs": {"path": "/", "server": "nfs"}}}),
    "restart": ("StatefulSet", {"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt": "now"}),
    "retention": ("StatefulSet", {"/spec/persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}),
    "load balancer": ("Service", {"/spec/type": "LoadBalancer"}),
    "external address": ("Service", {"/spec/externalIPs": ["192.0.2.1"]}),
    "annotation": ("Service", {"/metadata/annotations": {"example.org/pool": "public"}}),
    "label": ("ConfigMap", {"/metadata/labels/team": "mail"}),
    "finalizer": ("Service", {"/metadata/finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}),
    "bound claim": ("PersistentVolumeClaim", {"/spec/volumeName": "pvc-1", "/metadata/annotations": {"a": "b"}}),
    "pull secret": ("ServiceAccount", {"/imagePullSecrets": [{"name": "registry"}], "/secrets": [{"name": "token"}]}),
    "node": ("Pod", {"/spec/nodeName": "node-1", "/spec/hostNetwork": True, "/metadata/labels/pod-index": "0"}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_others_set_is_kept(what: str) -> None:
    """Fault: an operator that can no longer change an object because of what somebody else did to it."""
    kind, changes = OTHERS[what]
    old = attacks.changed(attacks.harmless()[kind], changes)
    new = attacks.changed(old, {"/metadata/annotations/mailstack.dev~1config-digest": "new"})
    assert refusals(new, old) == []


def test_pod_of_a_stack_is_annotated_and_nothing_else() -> None:
    old = attacks.changed(attacks.harmless()["Pod"], {"/metadata/ownerReferences/0/kind": "StatefulSet"})
    annotated = attacks.changed(old, {"/metadata/annotations/mailstack.dev~1secrets-version": "1"})
    assert refusals(annotated, old) == []
    other_image = attacks.changed(old, {"/spec/containers/0/image": "thief:1"})
    assert refusals(other_image, old) == ["the operator changes only annotations of a pod"]


def test_metadata_of_a_clusters_webhooks_can_be_allowed() -> None:
    labelled = attacks.changed(attacks.harmless()["Service"], {"/metadata/labels/team": "mail"})
    assert refusals(labelled) != []
    assert refusals(labelled, None, 'admissionPolicy.allowedMetadata=["team"]') == []


def test_policies_fail_closed_and_concern_the_operators_account_alone() -> None:
    settings = 'serviceAccount={"create": false, "name": "mail"}'
    for spec in policies(settings):
        assert spec.failure_policy == "Fail"
        (condition,) = spec.match_conditions or []
        assert condition.expression == "request.userInfo.username == 'system:serviceaccount:mailstack-system:mail'"


@pytest.mark.parametrize("settings", [(), ('watch.namespaces=["mail-a"]',), ("leaderElection.enabled=false",)])
def test_each_policy_is_bound(settings: tuple[str, ...]) -> None:
    render = helm.template(*settings)
    bound = []
    for binding in render.of(V1ValidatingAdmissionPolicyBinding):
        assert binding.spec
        assert binding.spec.validation_actions == ["Deny"]
        bound.append(binding.spec.policy_name)
    assert bound == [policy.metadata and policy.metadata.name for policy in render.of(V1ValidatingAdmissionPolicy)]
    assert len(bound) == len(set(bound)) > 9


def test_policies_can_be_left_out() -> None:
    kinds = helm.template("admissionPolicy.enabled=false").kinds()
    assert not [kind for kind in kinds if kind.startswith("ValidatingAdmission")]

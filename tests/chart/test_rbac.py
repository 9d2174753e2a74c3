"""The operator's rights, each by name: a right more or less shows here."""

from collections.abc import Iterable
from itertools import product

import pytest
from kubernetes.client.models import (
    V1ClusterRole,
    V1ClusterRoleBinding,
    V1ObjectMeta,
    V1PolicyRule,
    V1Role,
    V1RoleBinding,
    V1ServiceAccount,
)

from mailstack_operator.kube.kinds import KINDS, Kind, Pruning

from . import helm

# (API group, resource, verb): everything that the operator asks of a namespace with MailStacks. The chart's golden
# files have each right by name.
STACK_RIGHTS = {(kind.group, kind.plural, verb) for kind in KINDS for verb in kind.verbs} | {
    ("mailstack.dev", "mailstacks/status", "patch"),
    ("mailstack.dev", "mailstacks/finalizers", "update"),
}
LEASE_RIGHTS = {
    ("coordination.k8s.io", "leases", "create", "any"),
    ("coordination.k8s.io", "leases", "get", "mailstack-operator"),
    ("coordination.k8s.io", "leases", "update", "mailstack-operator"),
}
TWO_NAMESPACES = 'watch.namespaces=["mail-a", "mail-b"]'


def _rights(rules: Iterable[V1PolicyRule]) -> set[tuple[str, str, str]]:
    return {right for rule in rules for right in product(rule.api_groups or [], rule.resources or [], rule.verbs)}


def _place(metadata: V1ObjectMeta | None) -> tuple[str | None, str | None]:
    """Namespace and name."""
    assert metadata is not None
    return metadata.namespace, metadata.name


def _roles(render: helm.Render) -> list[V1ClusterRole | V1Role]:
    """Those of the operator; not those that people get through Kubernetes' own, which test_pod_options.py reads."""
    return [*_cluster_roles(render), *render.of(V1Role)]


def _cluster_roles(render: helm.Render) -> list[V1ClusterRole]:
    found = render.of(V1ClusterRole)
    return [role for role in found if not any("aggregate-to-" in label for label in _labels(role.metadata))]


def _labels(metadata: V1ObjectMeta | None) -> dict[str, str]:
    return (metadata.labels if metadata else None) or {}


def _bindings(render: helm.Render) -> list[V1ClusterRoleBinding | V1RoleBinding]:
    return [*render.of(V1ClusterRoleBinding), *render.of(V1RoleBinding)]


def test_cluster_role_holds_exactly_these_rights() -> None:
    (role,) = _cluster_roles(helm.template())
    assert _rights(role.rules or []) == STACK_RIGHTS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_verbs_are_those_of_what_is_done_with_the_kind(kind: Kind) -> None:
    if kind.is_followed or kind.is_referred:
        assert {"list", "watch"} <= {*kind.verbs}
    if kind.is_child:
        assert {"get", "list", "watch", "create", "patch"} <= {*kind.verbs}
        assert (kind.pruning != Pruning.NEVER) == ("delete" in kind.verbs)


def test_mail_is_never_the_operators_to_delete() -> None:
    """Nor by a collection: no MailStack, no claim, no Secret."""
    deletable = {resource for _, resource, verb in STACK_RIGHTS if verb.startswith("delete")}
    policies = {"poddisruptionbudgets", "networkpolicies"}
    assert deletable == {"configmaps", "services", "statefulsets", "pods"} | policies


def test_secrets_are_not_listed_where_they_are_not_watched() -> None:
    """Nor is the operator told to."""
    (role,) = _cluster_roles(helm.template("watch.secrets=false"))
    missing = {("", "secrets", "list"), ("", "secrets", "watch")}
    assert _rights(role.rules or []) == STACK_RIGHTS - missing


def test_role_of_each_watched_namespace_holds_the_same_rights() -> None:
    rights = {_place(role.metadata): _rights(role.rules or []) for role in helm.template(TWO_NAMESPACES).of(V1Role)}
    del rights[helm.NAMESPACE, "mailstack-operator-leader-election"]
    assert rights == {
        ("mail-a", "mailstack-operator"): STACK_RIGHTS,
        ("mail-b", "mailstack-operator"): STACK_RIGHTS,
    }


def test_watched_namespaces_need_nothing_cluster_wide() -> None:
    kinds = helm.template(TWO_NAMESPACES, "crds.install=false", "admissionPolicy.enabled=false").kinds()
    assert not [kind for kind in kinds if kind.startswith(("Cluster", "ValidatingAdmission"))]
    assert "CustomResourceDefinition" not in kinds


def test_lease_is_one_by_name_in_the_own_namespace() -> None:
    (role,) = helm.template().of(V1Role)
    assert _place(role.metadata) == (helm.NAMESPACE, "mailstack-operator-leader-election")
    rights = {
        (*right, ",".join(rule.resource_names or ["any"])) for rule in role.rules or [] for right in _rights([rule])
    }
    assert rights == LEASE_RIGHTS


def test_no_leader_election_no_right_on_leases() -> None:
    assert not helm.template("leaderElection.enabled=false").of(V1Role)


def test_every_binding_is_of_a_role_here_to_the_operators_account() -> None:
    for settings in ((), (TWO_NAMESPACES,)):
        render = helm.template(*settings)
        account = _place(render.one(V1ServiceAccount).metadata)
        bindings = _bindings(render)
        bound = {(_place(binding.metadata)[0], binding.role_ref.name) for binding in bindings}
        assert bound == {_place(role.metadata) for role in _roles(render)}
        subjects = {(who.namespace, who.name) for binding in bindings for who in binding.subjects or []}
        assert subjects == {account}


def test_no_right_is_a_wildcard() -> None:
    for role in _roles(helm.template()):
        assert not [right for right in _rights(role.rules or []) if "*" in right]


def test_account_of_somebody_else_must_be_named() -> None:
    assert "serviceAccount.name is empty" in helm.refusal("serviceAccount.create=false")
    render = helm.template("serviceAccount.create=false", 'serviceAccount.name="mail"')
    assert not render.of(V1ServiceAccount)
    subjects = render.one(V1ClusterRoleBinding).subjects or []
    assert [subject.name for subject in subjects] == ["mail"]

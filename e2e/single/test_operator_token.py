"""What somebody can do who stole the operator's token: less than RBAC permits, by the chart's admission policies.

The thief is the operator's own account, by impersonation; every request is a dry run.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from mailtest import api, attacks, release
from mailtest.attacks import ACCOUNT, ATTACKS, Attack
from mailtest.kubectl import Kubectl, Object
from mailtest.wait import until

ADMIN = ""
APPLY, JSON = "application/apply-patch+yaml", "application/json"
POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
# The account may create these and apply none.
CREATED = ("Event", "Lease")


@pytest.fixture(scope="module", autouse=True)
def _role() -> Iterator[None]:
    """The role that the thief would bind, and the account that he would use: they must be there.

    Waits for the policies, which an API server uses a moment after they were made.
    """
    role = attacks.changed(attacks.harmless()["Role"], {"/metadata/ownerReferences": []})
    kubectl = Kubectl("default")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": attacks.OTHERS_ACCOUNT}}
    kubectl.apply(role, account)
    until("the policies are in use", lambda: want(ATTACKS[0].manifest())[0] == 422, 60)
    yield
    kubectl.delete("role", attacks.PROBE)
    kubectl.delete("serviceaccount", attacks.OTHERS_ACCOUNT)


def want(manifest: Object, user: str = ACCOUNT) -> tuple[int, str]:
    """The HTTP status of the request that makes the object, and what the API server says."""
    path = attacks.path(manifest)
    if manifest["kind"] in CREATED:
        return ask("POST", path.rpartition("/")[0], manifest, user)
    return ask("PATCH", f"{path}?fieldManager=mailstack-operator&force=true", manifest, user)


def ask(method: str, path: str, body: Object | None = None, user: str = ACCOUNT) -> tuple[int, str]:
    query = "&" if "?" in path else "?"
    kind = APPLY if method == "PATCH" else JSON
    status, answer = api.ask_as(user, method, f"{path}{query}dryRun=All", body, kind)
    return status, str(answer.get("message"))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused_by_the_policies(attack: Attack) -> None:
    status, message = want(attack.manifest())
    assert status == 422, message
    assert "ValidatingAdmissionPolicy 'mailstack-operator-" in message
    assert attack.refusal in message


@pytest.mark.parametrize("kind", attacks.harmless())
def test_what_a_mailstack_has_is_let_through(kind: str) -> None:
    """Else the attacks would prove nothing."""
    # The role is there already, and so is the Lease of the operator.
    expected = {"Role": 200, "Lease": 409}.get(kind, 201)
    status, message = want(attacks.harmless(release.NAMESPACE if kind == "Lease" else "default")[kind])
    assert status == expected, message


@pytest.mark.parametrize("name", ["hostpath", "no-owner", "external-address", "role", "system-namespace"])
def test_nobody_else_is_concerned(name: str) -> None:
    (attack,) = (attack for attack in ATTACKS if attack.name == name)
    status, message = want(attack.manifest(), ADMIN)
    assert status == (200 if attack.kind == "Role" else 201), message


def test_objects_of_others_are_neither_changed_nor_deleted() -> None:
    foreign = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
    pod = release.pods()[0]["metadata"]["name"]
    manifest = attacks.changed(attacks.harmless()["ConfigMap"], {"/metadata/name": "kube-root-ca.crt"})
    for status, message in (
        want(manifest),
        ask("DELETE", foreign),
        ask("DELETE", f"/api/v1/namespaces/{release.NAMESPACE}/pods/{pod}"),
    ):
        assert status == 422, message
        assert "the operator changes and deletes only objects of a MailStack" in message


# What RBAC does not permit in the first place.
FORBIDDEN = (
    ("POST", "/api/v1/namespaces/default/secrets"),
    ("POST", "/api/v1/namespaces/default/pods/mail-0/exec"),
    ("PATCH", "/api/v1/namespaces/default/pods/mail-0/ephemeralcontainers"),
    ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token"),
    ("DELETE", "/api/v1/namespaces/default/persistentvolumeclaims/mail-mail-0"),
    ("DELETE", "/apis/mailstack.dev/v1alpha1/namespaces/default/mailstacks/mail"),
    ("POST", "/apis/mailstack.dev/v1alpha1/namespaces/default/mailstacks"),
    ("POST", "/apis/apps/v1/namespaces/default/daemonsets"),
    ("POST", "/apis/batch/v1/namespaces/default/jobs"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("DELETE", "/api/v1/namespaces/default"),
    ("PATCH", f"/apis/admissionregistration.k8s.io/v1/{POLICIES.partition('.')[0]}/mailstack-operator-pods"),
)


@pytest.mark.parametrize(("method", "path"), FORBIDDEN, ids=[path for _, path in FORBIDDEN])
def test_request_without_a_permission_is_forbidden(method: str, path: str) -> None:
    assert ask(method, path, {} if method in ("POST", "PATCH") else None)[0] == 403


def test_policies_fit_the_types_that_they_judge() -> None:
    """Kubernetes compares each expression with the fields of its kinds, and warns in the policy's status."""

    def look() -> list[dict[str, Any]]:
        found = [policy for policy in Kubectl().list(POLICIES) if policy["metadata"]["name"].startswith("mailstack-")]
        assert found
        assert all(policy.get("status", {}).get("observedGeneration") for policy in found)
        return found

    for policy in until("Kubernetes has looked at the policies", look, 60):
        assert not policy["status"].get("typeChecking", {}).get("expressionWarnings")

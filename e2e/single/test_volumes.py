"""The volumes of a MailStack: they grow with the spec, or by hand, and no tool deletes them."""

import pytest

from mailtest.command import CommandError
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until

# Documented by Argo CD ("Sync Options", "Compare Options"), Flux ("Kustomization"), Helm ("Charts: tips and tricks"),
# kapp ("Apply") and cli-utils.
MARKS = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "helm.sh/resource-policy": "keep",
    "kapp.k14s.io/delete-strategy": "orphan",
    "client.lifecycle.config.k8s.io/deletion": "detach",
}
SECONDS = 120


def _claim(stack: Stack, name: str) -> Object:
    return stack.kubectl.must_get("persistentvolumeclaim", f"{name}-mail-0")


def _size(stack: Stack, name: str) -> str:
    found: str = _claim(stack, name)["spec"]["resources"]["requests"]["storage"]
    return found


def _pod_uid(stack: Stack) -> str:
    found: str = stack.pod()["metadata"]["uid"]
    return found


def test_no_tool_deletes_the_claims(stack: Stack) -> None:
    """Promise: a claim carries every tool's mark, and gets it back when somebody removes it."""
    stack.kubectl.patch("persistentvolumeclaim", "queue-mail-0", {"metadata": {"annotations": dict.fromkeys(MARKS)}})

    def marked() -> bool:
        claims = stack.kubectl.list("persistentvolumeclaims")
        return len(claims) == 3 and all(MARKS.items() <= each["metadata"]["annotations"].items() for each in claims)

    until("every claim is marked", marked, SECONDS)


def test_volumes_grow_where_their_class_allows_it(stack: Stack) -> None:
    """Promise: the claim grows with the spec; one that cannot is told and blocks nothing; no pod is replaced."""
    before = _pod_uid(stack)

    stack.patch(dovecot={"storage": {"mailSize": "6Gi"}}, postfix={"storage": {"queueSize": "2Gi"}})

    until("the claim of the mail grows", lambda: _size(stack, "mail") == "6Gi", SECONDS)
    refused = "queue-mail-0 stays as it is, at 1Gi: the API server refused 2Gi: .* must support resize"
    stack.wait_condition("Warnings", "True", refused, SECONDS)
    stack.wait_condition("Ready", "True", "Running", SECONDS)
    assert _size(stack, "queue") == "1Gi"
    assert _pod_uid(stack) == before


def test_a_claim_that_was_grown_by_hand_stays_and_blocks_nothing(stack: Stack) -> None:
    """Fault: it was put back, or `ApplyRefused` for good."""
    # The marks go with the same request: the operator states the claim again, in the size that it has. The cluster's
    # volumes never get the larger size, so that the API server would let it be put back.
    larger = {
        "spec": {"resources": {"requests": {"storage": "7Gi"}}},
        "metadata": {"annotations": dict.fromkeys(MARKS)},
    }
    stack.kubectl.patch("persistentvolumeclaim", "mail-mail-0", larger)
    until("the operator looked", lambda: MARKS.items() <= _claim(stack, "mail")["metadata"]["annotations"].items(), 120)
    assert _size(stack, "mail") == "7Gi"
    stack.patch(dovecot={"storage": {"mailSize": "8Gi"}})
    until("a later change arrives", lambda: _size(stack, "mail") == "8Gi", SECONDS)
    stack.wait_condition("Ready", "True", "Running", SECONDS)


def test_a_smaller_size_and_another_class_are_refused(stack: Stack) -> None:
    """Promise: with the field, both sizes and the reason."""
    with pytest.raises(CommandError) as refusal:
        stack.patch(postfix={"storage": {"dataSize": "50Mi"}})
    assert "dataSize cannot be reduced from 100Mi to 50Mi: a volume can only grow" in refusal.value.stderr
    with pytest.raises(CommandError) as refusal:
        stack.patch(postfix={"storage": {"storageClassName": "another"}})
    assert "storageClassName cannot be changed" in refusal.value.stderr

"""What the status says while a pod cannot run: the pod's own reason."""

import pytest

from conftest import NewNamespace
from mailtest import manifests
from mailtest.stack import Stack


@pytest.fixture(scope="module")
def absent_image(new_namespace: NewNamespace) -> Stack:
    kubectl = new_namespace("image")
    # Nothing listens on the node's port 1: the kubelet's pull fails at once, whatever network there is.
    image = "localhost:1/mailstack/postfix:absent"
    kubectl.apply(manifests.users(), manifests.mailstack(postfix={"image": image}))
    return Stack(kubectl.namespace)


@pytest.fixture(scope="module")
def crashing(new_namespace: NewNamespace) -> Stack:
    kubectl = new_namespace("crash")
    spec = manifests.mailstack(postfix={"parameters": {"message_size_limit": "abc"}})
    kubectl.apply(manifests.users(), spec)
    return Stack(kubectl.namespace)


def test_an_image_that_cannot_be_pulled_is_named_and_a_good_one_heals(absent_image: Stack) -> None:
    """Fault: a misspelt image. The status names it; the corrected spec is enough, nobody has to delete a pod."""
    absent_image.wait_condition("Ready", "False", "localhost:1/mailstack/postfix:absent", 60)

    absent_image.patch(postfix={"image": None})
    absent_image.wait_ready()


def test_a_crash_is_reported_with_its_last_log_line_and_a_good_value_heals(crashing: Stack) -> None:
    """Fault: a parameter that Postfix itself refuses. The status shows what Postfix said."""
    crashing.wait_condition("Ready", "False", "fatal: bad numerical configuration: message_size_limit = abc", 60)

    crashing.patch(postfix={"parameters": {"message_size_limit": "52428800"}})
    crashing.wait_ready()


def test_a_ready_stack_says_where_mail_is_received(crashing: Stack) -> None:
    """Promise: conditions of this generation only, no Reconciling or Stalled when all is done, and the endpoint."""
    crashing.wait_ready()
    found = crashing.get()
    status = found["status"]

    assert status["observedGeneration"] == found["metadata"]["generation"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "LMTPReachable": "True",
        "VerificationReady": "True",
        "ConfigValid": "True",
    }
    assert {each["observedGeneration"] for each in status["conditions"]} == {status["observedGeneration"]}
    assert status["endpoint"] == f"mail.{crashing.namespace}.svc:25"

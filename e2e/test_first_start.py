"""What keeps a new MailStack from its first start is said in its status, one thing after the other, until it runs."""

from dataclasses import dataclass

import pytest

from conftest import NewNamespace
from mailtest import manifests
from mailtest.kubectl import Kubectl, Object
from mailtest.stack import Stack
from mailtest.wait import until


@dataclass(frozen=True)
class Start:
    """A MailStack whose child's name is taken by a foreign object, whose pod may not be made after that, and one of
    whose servers cannot start in the end.

    `limit` is what refuses the pod, `refused` the API server's words, as a pattern; `spec` are the fields with which
    the server cannot start, and `says` is what the status says of it, as a pattern; `better` are those that help.
    """

    shown: str
    foreign: Object
    limit: Object
    refused: str
    spec: Object
    says: str
    better: Object


NO_POD: Object = {"kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
NO_POD_WORDS = "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0"
# It demands limits of every container, and has room for a pod and its rehearsal.
ROOM: Object = {
    "kind": "ResourceQuota",
    "metadata": {"name": "room"},
    "spec": {"hard": {"limits.cpu": "8", "limits.memory": "7Gi", "requests.cpu": "1", "requests.memory": "1Gi"}},
}
STARTS = {
    "configmap-and-image": Start(
        shown="ConfigMap mail-postfix",
        foreign={"kind": "ConfigMap", "metadata": {"name": "mail-postfix"}, "data": {"own": "content"}},
        limit=NO_POD,
        refused=NO_POD_WORDS,
        # Nothing listens on the node's port 1: the kubelet's pull fails at once, whatever network there is.
        spec={"postfix": {"image": "localhost:1/mailstack/postfix:absent"}},
        says="localhost:1/mailstack/postfix:absent",
        better={"postfix": {"image": None}},
    ),
    "service-and-value": Start(
        shown="Service mail",
        foreign={"kind": "Service", "metadata": {"name": "mail"}, "spec": {"ports": [{"port": 8025}]}},
        limit={
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
        },
        refused="maximum memory usage per Container is 64Mi, but limit is ",
        spec={"postfix": {"parameters": {"message_size_limit": "abc"}}},
        says="fatal: bad numerical configuration: message_size_limit = abc",
        better={"postfix": {"parameters": {"message_size_limit": "52428800"}}},
    ),
    "configmap-and-setting": Start(
        shown="ConfigMap mail-dovecot",
        foreign={"kind": "ConfigMap", "metadata": {"name": "mail-dovecot"}, "data": {"own": "content"}},
        limit=NO_POD,
        refused=NO_POD_WORDS,
        spec={"dovecot": {"extraConfig": "mail_max_userip_conections = 20\n"}},
        says=r"^ContainerCrash: .*container dovecot: exit code 1: .*extra\.conf line 1: .*mail_max_userip_conections",
        better={"dovecot": {"extraConfig": "mail_max_userip_connections = 20\n"}},
    ),
}


@dataclass(frozen=True)
class Begun:
    """The MailStack, and the foreign object as it was before."""

    start: Start
    stack: Stack
    before: Object


def _begin(kubectl: Kubectl, start: Start) -> Begun:
    for each in (start.foreign, start.limit, ROOM):
        kubectl.create({"apiVersion": "v1", **each})
    before = kubectl.must_get(start.foreign["kind"], start.foreign["metadata"]["name"])
    kubectl.apply(manifests.users(), manifests.mailstack(**start.spec))
    return Begun(start, Stack(kubectl.namespace), before)


@pytest.fixture(scope="module")
def begun(new_namespace: NewNamespace) -> dict[str, Begun]:
    """All of them, created at once, each in a namespace of its own."""
    return {name: _begin(new_namespace("first"), start) for name, start in STARTS.items()}


@pytest.fixture(params=STARTS)
def case(begun: dict[str, Begun], request: pytest.FixtureRequest) -> Begun:
    return begun[request.param]


def test_a_foreign_object_of_the_same_name_is_left_alone_and_named(case: Begun) -> None:
    """Fault: the name is taken. Nothing of it is changed; once it is gone, the operator goes on by itself."""
    stack, kind, name = case.stack, case.before["kind"], case.before["metadata"]["name"]
    stack.wait_condition("Stalled", "True", f"^ForeignObject: .*{case.start.shown}", 60)
    stack.wait_condition("Ready", "False", f"^ForeignObject: .*{case.start.shown}", 60)
    assert stack.kubectl.must_get(kind, name) == case.before

    stack.kubectl.delete(kind, name)
    until("the operator goes on", lambda: stack.condition("Stalled") == {}, 60)


def test_why_a_pod_may_not_be_made_is_said_and_the_next_try_heals(case: Begun) -> None:
    """Fault: a quota or a LimitRange of the namespace refuses the pod. The status has the API server's words."""
    words = f"^FailedCreate: pod mail-0 cannot be created: .*{case.start.refused}"
    case.stack.wait_condition("Ready", "False", words)
    case.stack.kubectl.delete(case.start.limit["kind"], case.start.limit["metadata"]["name"])


def test_why_a_pod_cannot_run_is_said_and_a_better_value_heals(case: Begun) -> None:
    """Fault: a misspelt image, or a value that Postfix or Dovecot itself refuses: the status shows the image, or the
    last line of the log. The corrected spec is enough, nobody has to delete a pod."""
    case.stack.wait_condition("Ready", "False", case.start.says)

    case.stack.patch(**case.start.better)
    case.stack.wait_ready()


def test_a_ready_stack_says_where_mail_is_received(case: Begun) -> None:
    """Promise: conditions of this generation only, no Reconciling or Stalled when all is done, and the endpoint."""
    case.stack.wait_ready()
    found = case.stack.get()
    status = found["status"]

    assert status["observedGeneration"] == found["metadata"]["generation"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "LMTPReachable": "True",
        "VerificationReady": "True",
        "SMTPReachable": "True",
        "ClientsReachable": "True",
        "UsersReady": "True",
        "ConfigValid": "True",
    }
    assert {each["observedGeneration"] for each in status["conditions"]} == {status["observedGeneration"]}
    assert status["endpoint"] == f"mail.{case.stack.namespace}.svc:25"


def test_of_a_stack_that_ran_the_same_is_said(begun: dict[str, Begun]) -> None:
    """Fault: the pod is evicted, and a quota that came later refuses the next one."""
    stack = begun["configmap-and-image"].stack
    stack.wait_ready()
    before = stack.pod()["metadata"]["uid"]
    stack.kubectl.create({"apiVersion": "v1", **NO_POD})
    until(
        "the quota counts", lambda: stack.kubectl.must_get("ResourceQuota", "none").get("status", {}).get("hard"), 120
    )
    stack.kubectl.delete("pod", stack.pod_name)
    stack.wait_condition("Ready", "False", "^FailedCreate: pod mail-0 cannot be created: .*exceeded quota: none")
    stack.kubectl.delete("ResourceQuota", "none")
    stack.wait_ready()
    assert stack.pod()["metadata"]["uid"] != before

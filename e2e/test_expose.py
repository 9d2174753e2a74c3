"""Services for clients outside of the cluster: their addresses, true addresses of clients, their end. Placed pods.

The cluster has no load balancer; the tests give the address, as one would.
"""

import pytest

from conftest import CreateStack, client_pod
from mailtest import manifests, node, outside
from mailtest.client import Client
from mailtest.command import CommandError
from mailtest.kubectl import Object
from mailtest.stack import Stack
from mailtest.wait import until
from mailtest.wire import Endpoint

ALICE, NOBODY = map(manifests.address, ("alice", "nobody"))
# TEST-NET-1 (RFC 5737).
ADDRESS = "192.0.2.10"
# Of the pods. The operator of the tests permits example.org/ (release.py).
MARK = {"example.org/team": "mail"}
PLACED: Object = {
    "podLabels": MARK,
    "podAnnotations": MARK,
    "serviceAccountAnnotations": MARK,
    "placement": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "example.org/mail", "operator": "Exists"}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
        ],
    },
}
# What a Service has under the same names. Kubernetes itself chooses node ports from the start of the range last.
SAME: Object = {
    "loadBalancerClass": "example.org/mail",
    "loadBalancerSourceRanges": ["198.51.100.0/24"],
    "sessionAffinity": "ClientIP",
}
SMTP: Object = {**SAME, "annotations": {"example.org/pool": "mail"}, "nodePorts": {"smtp": 30025}}
CLIENTS: Object = {"type": "NodePort", "ipFamilyPolicy": "SingleStack", "nodePorts": {"imap": 30043}}


@pytest.fixture(scope="module")
def stack(create_stack: CreateStack) -> Stack:
    expose = {"smtp": SMTP, "clients": CLIENTS}
    return create_stack("exposed", expose=expose, networkPolicy={"egress": {}}, **PLACED)


def test_the_address_of_a_load_balancer_is_in_the_status(stack: Stack) -> None:
    """Promise: Ready waits for the address, and tells it without being asked."""
    stack.wait_condition("Ready", "False", "^AddressPending: Service exposed-smtp ")
    assert "expose" not in stack.get()["status"]

    outside.give_address(stack, "smtp", ADDRESS)

    stack.wait_ready()
    assert stack.get()["status"]["expose"] == {"smtp": {"addresses": [ADDRESS]}}


def test_postfix_sees_the_address_of_a_client(stack: Stack, client: Client) -> None:
    """Fault: behind a Service of policy Cluster every client has the address of a node."""
    door = Endpoint(node.address(), port=SMTP["nodePorts"]["smtp"])
    until("the node leads to Postfix", lambda: _codes(client, door) == [250, 550], 60)
    assert f"connect from unknown[{client_pod()['status']['podIP']}]" in "\n".join(stack.log("postfix"))


def _codes(client: Client, door: Endpoint) -> list[int]:
    return [reply.code for reply in client.ask(door, ALICE, NOBODY)]


def test_a_service_is_what_the_spec_says(stack: Stack) -> None:
    """Promise: the API server takes each field. Of one family alone, the cluster has no second address to prefer."""
    found = stack.kubectl.must_get("service", f"{stack.name}-smtp")
    service = found["spec"]
    assert SAME.items() <= service.items()
    assert SMTP["annotations"].items() <= found["metadata"]["annotations"].items()
    assert [port["nodePort"] for port in service["ports"]] == [30025]
    assert (service["externalTrafficPolicy"], service["ipFamilyPolicy"]) == ("Local", "PreferDualStack")


def test_the_class_of_a_load_balancer_stays(stack: Stack) -> None:
    """Fault: the API server would refuse the Service with every try, and nobody would read why."""
    for another in ("example.org/other", None):
        with pytest.raises(CommandError, match="loadBalancerClass cannot be changed: remove the whole section"):
            stack.patch(expose={"smtp": {"loadBalancerClass": another}})


def test_pods_are_where_and_what_the_spec_says(stack: Stack) -> None:
    """Promise: the fields reach the pods, and the API server takes them."""
    pod = stack.pod()
    assert pod["spec"]["nodeSelector"] == PLACED["placement"]["nodeSelector"]
    assert PLACED["placement"]["tolerations"][0] in pod["spec"]["tolerations"]
    account = stack.kubectl.must_get("serviceaccount", f"{stack.name}-probe")
    for found in (pod["metadata"]["labels"], pod["metadata"]["annotations"], account["metadata"]["annotations"]):
        assert MARK.items() <= found.items()


def test_people_have_ports_of_the_nodes(stack: Stack) -> None:
    service = stack.kubectl.must_get("service", f"{stack.name}-clients")["spec"]
    assert (service["type"], service["ipFamilyPolicy"]) == ("NodePort", "SingleStack")
    assert {port["name"]: port["nodePort"] for port in service["ports"]} == CLIENTS["nodePorts"]


def test_policies_come_and_go_with_their_field(stack: Stack) -> None:
    """Promise: the API server takes what is rendered, and nothing stays behind. No network of kind enforces it here."""
    (policy,) = stack.kubectl.list("networkpolicies")
    assert (policy["metadata"]["name"], policy["spec"]["policyTypes"]) == ("exposed", ["Ingress", "Egress"])
    stack.patch(networkPolicy=None)
    until("the policy is gone", lambda: stack.kubectl.get("networkpolicy", "exposed") is None, 60)


def test_a_service_goes_with_its_field(stack: Stack) -> None:
    """Promise: who closes a door finds it closed, and no pod is replaced."""
    before = stack.pod()["metadata"]["uid"]
    stack.patch(expose={"smtp": None})
    until("the Service is gone", lambda: stack.kubectl.get("service", f"{stack.name}-smtp") is None, 30)
    stack.wait_ready()
    assert "expose" not in stack.get()["status"]
    assert stack.kubectl.get("service", f"{stack.name}-clients")
    assert stack.pod()["metadata"]["uid"] == before

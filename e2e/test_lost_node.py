"""A node is lost with the operator's leader and a MailStack's pod on it: docs/lost-node.md.

The workers share a folder, which stands for a network file system: it does not care who writes to it.
"""

import time
from collections.abc import Iterator

import pytest

from conftest import NewNamespace, NewStack
from harness.cluster import SHARED_FOLDER, WORKER
from mailtest import audit, manifests, node, release
from mailtest.client import Client
from mailtest.kubectl import Kubectl, Object
from mailtest.sender import sending
from mailtest.stack import Stack, container_status
from mailtest.wait import until

pytestmark = pytest.mark.serial

ALICE = manifests.address("alice")
TOLERATION = {"key": WORKER, "operator": "Exists", "effect": "NoSchedule"}
CLAIMS = ("mail-mail-0", "queue-mail-0", "data-mail-0")
CLASS = "shared"


@pytest.fixture(scope="module")
def leader() -> Iterator[str]:
    """The leader of two operators, each on a worker of its own."""
    where = f'nodeSelector={{"{WORKER}":"true"}}'
    tolerated = f'tolerations=[{{"key":"{WORKER}","operator":"Exists","effect":"NoSchedule"}}]'
    release.install("--set=replicas=2", f"--set-json={where}", f"--set-json={tolerated}")
    assert len({_node(pod) for pod in release.pods()}) == 2, "both replicas are on one node"
    yield release.wait_for_leader()
    release.install()
    release.wait_for_leader()


@pytest.fixture(scope="module")
def stack(leader: str, new_namespace: NewNamespace) -> Iterator[Stack]:
    """On the leader's node, with volumes that both workers can reach."""
    kubectl = new_namespace("lost-node")
    volumes = [_volume(kubectl.namespace, claim) for claim in CLAIMS]
    storage = {"storage": {"storageClassName": CLASS}}
    kubectl.apply(
        *volumes,
        manifests.users(),
        manifests.mailstack(placement=_placement(leader), dovecot=storage, postfix=storage),
    )
    found = Stack(kubectl.namespace)
    found.wait_ready()
    yield found
    Kubectl()("delete", "persistentvolume", *(each["metadata"]["name"] for each in volumes), "--wait=false")


def _volume(namespace: str, claim: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{claim}"},
        "spec": {
            "storageClassName": CLASS,
            "capacity": {"storage": "100Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": f"{SHARED_FOLDER}/{namespace}/{claim}", "type": "DirectoryOrCreate"},
        },
    }


def _placement(leader: str) -> Object:
    """On a worker, on that of the leader as long as it is there."""
    host = {"key": "kubernetes.io/hostname", "operator": "In", "values": [_node_of(leader)]}
    preferred = [{"weight": 100, "preference": {"matchExpressions": [host]}}]
    return {
        "nodeSelector": {WORKER: "true"},
        "tolerations": [TOLERATION],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
    }


def _node_of(operator: str) -> str:
    return _node(release.KUBECTL.must_get("pod", operator))


def _node(pod: Object) -> str:
    found: str = pod["spec"].get("nodeName", "")
    return found


def test_a_lost_node_takes_neither_the_operator_nor_mail_along(
    leader: str, stack: Stack, new_stack: NewStack, client: Client
) -> None:
    """Promises: another operator leads when the Lease has expired; the status names the node; a pod that was deleted by
    force has no successor that writes beside it; no mail is lost, and none comes twice."""
    lost = _node(stack.pod())
    assert lost == _node_of(leader)
    with sending(client, stack.host, ALICE, "lost-node") as mail:
        until("mail flows", lambda: len(mail.accepted) > 2, 60)
        node.freeze(lost)
        start = time.monotonic()
        try:
            release.wait_for_leader(other_than=leader)
            led = time.monotonic() - start
            new_stack("led-by-another")
            stack.wait_condition("Ready", "False", f"NodeLost: .*node {lost} does not respond", 120)
            told = time.monotonic() - start
            _is_held_off_by_its_predecessor(stack, lost)
        finally:
            node.thaw(lost)
        thawed = time.monotonic()
        stack.wait_ready()
        print(
            f"\nled after {led:.1f} s, told after {told:.1f} s, ready {time.monotonic() - thawed:.1f} s after the thaw"
        )
    assert led < 30, f"another operator led after {led:.1f} s"
    assert told < 90, f"told after {told:.1f} s"
    audit.arrives_once(client, stack, ALICE, mail)


def _is_held_off_by_its_predecessor(stack: Stack, lost: str) -> None:
    old = stack.pod()["metadata"]["uid"]
    stack.kubectl("delete", "pod", stack.pod_name, "--force", "--grace-period=0")
    stack.wait_condition("Ready", "False", f"VolumeInUse: .*pod {stack.pod_name} on node {lost}", 60)
    pod = stack.pod()
    assert pod["metadata"]["uid"] != old
    assert _node(pod) not in ("", lost)
    for server in ("dovecot", "postfix"):
        assert "running" not in container_status(pod, server)["state"], server

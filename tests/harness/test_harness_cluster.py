"""When a cluster is kept and when it is replaced; what a node is made of."""

import pytest
import yaml

from harness import cluster, node
from harness.cluster import State
from harness.errors import HarnessError

KUBEADM_LISTS = """\
example.org/kube-apiserver:v1.36.3
example.org/kube-controller-manager:v1.36.3
example.org/kube-scheduler:v1.36.3
example.org/kube-proxy:v1.36.3
example.org/coredns/coredns:v1.14.2
example.org/pause:3.10.2
example.org/etcd:3.6.8-0
"""


@pytest.mark.parametrize(
    ("container", "key_in_node", "answers", "state"),
    [
        (None, None, False, State.ABSENT),
        ("exited", None, False, State.DEAD),
        ("created", None, False, State.DEAD),
        ("running", None, True, State.OTHER),  # its node was restarted, or its creation was interrupted
        ("running", "old", True, State.OTHER),
        ("running", "key", False, State.MUTE),
        ("running", "key", True, State.HEALTHY),
    ],
)
def test_the_state_of_a_cluster(container: str | None, key_in_node: str | None, answers: bool, state: State) -> None:
    assert cluster.state(container, key_in_node, "key", lambda: answers) is state


def test_only_the_node_image_built_here_brings_its_own_network() -> None:
    assert "disableDefaultCNI: true" in cluster.configuration(node.OWN)
    assert "disableDefaultCNI: false" in cluster.configuration(node.PUBLIC)


def test_kubeadm_names_the_images() -> None:
    images = node.demanded_images(KUBEADM_LISTS)
    assert set(images) == set(node.IN_CONTAINERS)
    assert images["coredns"] == "example.org/coredns/coredns:v1.14.2"


def test_a_companion_of_another_version_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"etcd:3\.7\.0-0, not 3\.6\.8"):
        node.demanded_images(KUBEADM_LISTS.replace("etcd:3.6.8-0", "etcd:3.7.0-0"))


def test_a_new_component_is_refused() -> None:
    with pytest.raises(HarnessError, match="IN_CONTAINERS"):
        node.demanded_images(KUBEADM_LISTS + "example.org/new-component:v1\n")


def test_containerd_uses_the_preloaded_pause_image() -> None:
    adapted = node.adapt_containerd('sandbox_image = "example.org/pause:3.10"\nrestrict_oom_score_adj = false\n', "x:1")
    assert adapted == 'sandbox_image = "x:1"\nrestrict_oom_score_adj = true\n'


def test_an_image_that_gets_arguments_only_names_its_program() -> None:
    assert 'ENTRYPOINT ["coredns"]' in node.bare_dockerfile("coredns")
    assert "ENTRYPOINT" not in node.bare_dockerfile("kube-apiserver")


def test_pods_run_on_a_worker_only_if_they_ask_for_it() -> None:
    nodes = yaml.safe_load(cluster.configuration(node.OWN, workers=2))["nodes"]
    assert [each["role"] for each in nodes] == ["control-plane", "worker", "worker"]
    (patch,) = nodes[1]["kubeadmConfigPatches"]
    (taint,) = yaml.safe_load(patch)["nodeRegistration"]["taints"]
    assert (taint["key"], taint["effect"]) == (cluster.WORKER, "NoSchedule")
    assert nodes[1]["labels"] == {cluster.WORKER: "true"}
    assert yaml.safe_load(cluster.configuration(node.OWN, workers=0))["nodes"] == [{"role": "control-plane"}]


def test_each_node_knows_the_pods_of_the_others() -> None:
    scripts = cluster.pod_networks("one 192.0.2.0/28 198.51.100.1\ntwo 192.0.2.16/28 198.51.100.2\n")
    assert '"subnet": "192.0.2.0/28"' in scripts["one"]
    assert scripts["one"].splitlines()[1:] == ["ip route replace 192.0.2.16/28 via 198.51.100.2"]
    assert scripts["two"].splitlines()[1:] == ["ip route replace 192.0.2.0/28 via 198.51.100.1"]

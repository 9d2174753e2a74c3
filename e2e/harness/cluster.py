"""The kind cluster: created, found healthy, or replaced."""

import enum
import shutil
import time
from collections.abc import Callable

from harness import docker, engine, keys, node, paths, shell, tools, wait
from harness.docker import Registry
from harness.errors import HarnessError
from harness.shell import Log
from harness.step import Report, Step

READY_SECONDS = 180.0
#: How long a cluster that should be healthy may take to say so, before it is replaced.
HEALTH_SECONDS = 30.0
#: The key of the cluster lies in the node's /run, a tmpfs: a node that was restarted has lost it, and with it the
#: volumes of every claim, which lie on a tmpfs as well. Such a cluster looks alive and is not.
KEY_FILE = "/run/mailstack-cluster-key"
#: Where the workers have their shared folder.
SHARED_FOLDER = "/srv/shared"
#: The label of the workers, and their taint.
WORKER = "mailstack.dev/worker"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "--request-timeout=5s")
#: By which kind knows the containers of a cluster.
_LABEL = f"label=io.x-k8s.kind.cluster={paths.CLUSTER}"


class State(enum.Enum):
    """What is there under the cluster's name."""

    ABSENT = "there is none"
    DEAD = "its node does not run"
    OTHER = "it was made from other inputs, or its node was restarted"
    MUTE = "its API does not answer"
    HEALTHY = "it is healthy"


def ensure(report: Report) -> None:
    """After this, the cluster runs and its node is Ready. Raises HarnessError."""
    engine.ensure(report)
    tools.ensure(report)
    image = node.ensure(report, Registry())
    paths.shared().mkdir(parents=True, exist_ok=True)
    found = _state(image)
    if found not in (State.ABSENT, State.HEALTHY):
        report.say(f"the cluster {paths.CLUSTER} is replaced: {found.value}")
    report.run(Step(f"cluster {paths.CLUSTER}", lambda: found is State.HEALTHY, lambda log: _replace(image, log)))
    _export_kubeconfig()


def delete(report: Report) -> None:
    """After this, there is no cluster. Raises HarnessError."""
    report.run(Step("cluster removed", lambda: not _containers(), _delete))
    paths.kubeconfig().unlink(missing_ok=True)
    shutil.rmtree(paths.shared(), ignore_errors=True)


def exists() -> bool:
    """Whether there is a node container, dead or alive."""
    return _container_state() is not None


def is_running() -> bool:
    """Whether the node container runs."""
    return _container_state() == "running"


def state(container: str | None, key_in_node: str | None, key: str, answers: Callable[[], bool]) -> State:
    """What the cluster is, from its node container's state (None: no container) and the key that lies in the node."""
    if container is None:
        return State.ABSENT
    if container != "running":
        return State.DEAD
    if key_in_node != key:
        return State.OTHER
    return State.HEALTHY if answers() else State.MUTE


def configuration(image: str, workers: int = paths.WORKERS) -> str:
    """kind's configuration for a node image: the one built here brings its own pod network.

    Pods run on the first node, and on a worker only if they tolerate its taint. The workers share a folder of the
    host, which is to them what a network file system is to real nodes.

    Kubelet refuses cgroup v1 unless told otherwise; that line is of no effect on a machine with cgroup v2. Nor does it
    take an image that was loaded once it has pulled one of the same content under another name. etcd need not wait for
    the disk, ten milliseconds for each write: a cluster whose node was restarted is replaced anyway.
    """
    return f"""\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking:
  disableDefaultCNI: {"true" if image == node.OWN else "false"}
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
  imagePullCredentialsVerificationPolicy: NeverVerify
- |
  kind: ClusterConfiguration
  etcd:
    local:
      extraArgs:
      - name: unsafe-no-fsync
        value: "true"
nodes:
- role: control-plane
{"".join([_worker()] * workers)}"""


def _worker() -> str:
    return f"""\
- role: worker
  labels:
    {WORKER}: "true"
  extraMounts:
  - hostPath: {paths.shared()}
    containerPath: {SHARED_FOLDER}
  kubeadmConfigPatches:
  - |
    kind: JoinConfiguration
    nodeRegistration:
      taints:
      - key: {WORKER}
        effect: NoSchedule
"""


def _key(image: str) -> str:
    return keys.of_texts(docker.image_id(image) or "", configuration(image))


def _state(image: str) -> State:
    key_in_node = shell.ask("docker", "exec", paths.NODE, "cat", KEY_FILE)
    return state(_container_state(), key_in_node, _key(image), lambda: wait.until(_answers, HEALTH_SECONDS))


def _export_kubeconfig() -> None:
    """Write the KUBECONFIG file: a healthy cluster's may have been lost."""
    shell.demand("kind", "export", "kubeconfig", "--name", paths.CLUSTER, "--kubeconfig", paths.kubeconfig())


def _container_state() -> str | None:
    return shell.ask("docker", "container", "inspect", "--format", "{{.State.Status}}", paths.NODE)


def _answers() -> bool:
    """Whether the API answers and every node is Ready."""
    conditions = "-o=jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    return (_kubectl("get", "nodes", conditions) or "").split() == ["True"] * (1 + paths.WORKERS)


def _kubectl(*words: str) -> str | None:
    """Asked inside the node: no KUBECONFIG is needed for it."""
    return shell.ask("docker", "exec", paths.NODE, *_KUBECTL, *words)


def _replace(image: str, log: Log) -> None:
    if _containers():
        _delete(log)
        docker.prune(log)
    _create(image, log)


def _create(image: str, log: Log) -> None:
    deadline = time.monotonic() + READY_SECONDS
    shell.run(
        *("kind", "create", "cluster", "--name", paths.CLUSTER, "--image", image, "--config", "-"),
        *("--kubeconfig", paths.kubeconfig(), "--wait", f"{READY_SECONDS:.0f}s", "--retain"),
        log=log,
        text=configuration(image),
    )
    if not wait.until(_answers, deadline - time.monotonic()):
        shell.run("kubectl", "describe", "nodes", log=log)
        raise HarnessError(f"the nodes were not Ready within {READY_SECONDS:.0f} s")
    if paths.WORKERS:
        _join_workers(image, log)
    shell.run("docker", "exec", paths.NODE, "sh", "-c", f"echo {_key(image)} > {KEY_FILE}", log=log)


def _join_workers(image: str, log: Log) -> None:
    """With workers kind keeps pods from the first node. Without kindnet nobody joins the nodes' networks of pods."""
    shell.run("docker", "exec", paths.NODE, *_KUBECTL, "taint", "node", paths.NODE, f"{_CONTROL_PLANE}-", log=log)
    if image == node.OWN:
        fields = "{.metadata.name} {.spec.podCIDR} {.status.addresses[?(@.type=='InternalIP')].address}"
        listed = _kubectl("get", "nodes", f"-o=jsonpath={{range .items[*]}}{fields}{{'\\n'}}{{end}}") or ""
        for name, script in pod_networks(listed).items():
            shell.run("docker", "exec", name, "sh", "-euc", script, log=log)


def pod_networks(listed: str) -> dict[str, str]:
    """A script for each node, by the name, network of pods and address of each, a line a node."""
    nodes = [line.split() for line in listed.splitlines()]
    return {
        name: "\n".join(
            [
                f'sed -i \'s|"subnet": "[^"]*"|"subnet": "{network}"|\' /etc/cni/net.d/10-pods.conflist',
                *(f"ip route replace {other} via {address}" for peer, other, address in nodes if peer != name),
            ]
        )
        for name, network, _ in nodes
    }


def _delete(log: Log) -> None:
    """What `kind delete cluster` does; kind itself may be lost with the cache."""
    shell.run("docker", "container", "rm", "--force", "--volumes", *_containers(), log=log)


def _containers() -> list[str]:
    """The names of the containers that are its nodes, dead or alive."""
    found = shell.ask("docker", "container", "ls", "--all", f"--filter={_LABEL}", "--format={{.Names}}")
    return (found or "").split()

"""The kind cluster: created, found healthy, or replaced."""

import enum
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
    found = _state(image)
    if found not in (State.ABSENT, State.HEALTHY):
        report.say(f"the cluster {paths.CLUSTER} is replaced: {found.value}")
    report.run(Step(f"cluster {paths.CLUSTER}", lambda: found is State.HEALTHY, lambda log: _replace(image, log)))
    _export_kubeconfig()


def delete(report: Report) -> None:
    """After this, there is no cluster. Raises HarnessError."""
    report.run(Step("cluster removed", lambda: not exists(), _delete))
    paths.kubeconfig().unlink(missing_ok=True)


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


def configuration(image: str) -> str:
    """kind's configuration for a node image: the one built here brings its own pod network.

    Kubelet refuses cgroup v1 unless told otherwise; that line is of no effect on a machine with cgroup v2. etcd need
    not wait for the disk, ten milliseconds for each write: a cluster whose node was restarted is replaced anyway.
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
- |
  kind: ClusterConfiguration
  etcd:
    local:
      extraArgs:
      - name: unsafe-no-fsync
        value: "true"
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
    """Whether the API answers and the node is Ready, asked inside the node: no KUBECONFIG is needed for it."""
    kubectl = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "--request-timeout=5s")
    conditions = "-o=jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    return shell.ask("docker", "exec", paths.NODE, *kubectl, "get", "nodes", conditions) == "True"


def _replace(image: str, log: Log) -> None:
    if exists():
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
        raise HarnessError(f"the node was not Ready within {READY_SECONDS:.0f} s")
    shell.run("docker", "exec", paths.NODE, "sh", "-c", f"echo {_key(image)} > {KEY_FILE}", log=log)


def _delete(log: Log) -> None:
    """What `kind delete cluster` does; kind itself may be lost with the cache."""
    shell.run("docker", "container", "rm", "--force", "--volumes", paths.NODE, log=log)

"""What only the cluster's node can do to a container."""

from harness import paths
from mailtest.command import CommandError, run
from mailtest.wait import until


def address() -> str:
    """That of the node, which containers beside it reach."""
    found: str = run("kubectl", "get", "nodes", f"--output=jsonpath={_ADDRESS}").split()[0]
    return found


_ADDRESS = "{.items[*].status.addresses[?(@.type=='InternalIP')].address}"


def kill(container_id: str) -> None:
    """End a container by SIGKILL: it cannot say good-bye. `container_id` is as the pod's status has it."""
    _task(container_id, "kill", "--signal=SIGKILL")


def pause(container_id: str) -> None:
    """Freeze every process of a container: it keeps its connections and says nothing.

    The kernel's freezer now and then needs a second try on a busy node.
    """
    until("the container is frozen", lambda: _task(container_id, "pause"), 20)


def resume(container_id: str) -> None:
    _task(container_id, "resume")


def signal(container_id: str, name: str) -> None:
    """Send a signal, such as STOP, to the first process of a container and to its children."""
    shell('pkill "-$1" -P "$2"; kill "-$1" "$2"', name, process(container_id))


def in_mounts(container_id: str, *command: str) -> str:
    """A program of the container's image, run among its files as the node's root, who may do what it may not."""
    return on_node("nsenter", f"--target={process(container_id)}", "--mount", *command)


def in_network(container_id: str, *command: str) -> str:
    """A program of the node in the network of the container's pod."""
    return on_node("nsenter", f"--target={process(container_id)}", "--net", *command)


def mount(container_id: str, *options: str) -> None:
    """mount(8) of the node, for what the container sees; paths are the container's."""
    on_node("mount", f"--namespace={process(container_id)}", *options)


def routes(service: str, *ports: str) -> bool:
    """Whether kube-proxy, in its mode iptables, sends each named port of the Service NAMESPACE/NAME to a pod."""
    rules = on_node("iptables-save", "--table=nat")
    return all(f'"{service}:{port} -> ' in rules for port in ports)


def shell(script: str, *arguments: str) -> str:
    """The stdout of a script on the node, with its arguments as $1, $2, ..."""
    return on_node("sh", "-euc", script, "sh", *arguments)


def volume(pod_uid: str, kind: str, name: str) -> str:
    """The folder on the node of a pod's volume, of the kind secret or configmap."""
    return f"/var/lib/kubelet/pods/{pod_uid}/volumes/kubernetes.io~{kind}/{name}/..data"


def empty_dir(pod_uid: str, name: str) -> str:
    """The folder on the node of a pod's emptyDir."""
    return f"/var/lib/kubelet/pods/{pod_uid}/volumes/kubernetes.io~empty-dir/{name}"


def stop_kubelet() -> None:
    """The node's containers run on, and nobody answers for them."""
    on_node("systemctl", "stop", "kubelet")


def start_kubelet() -> None:
    on_node("systemctl", "start", "kubelet")


def stop_api_server() -> None:
    """Without its manifest the kubelet ends the API server, and does not start it again."""
    on_node("mv", _API_SERVER, _KEPT)
    until("the API server is away", api_is_away, 120)


def start_api_server() -> None:
    """Returns when pods can reach it again: kube-proxy, which was cut off too, needs up to a minute more."""
    on_node("mv", _KEPT, _API_SERVER)
    until("the API server answers", api_answers, 180)
    address = run("kubectl", "get", "service", "kubernetes", "--namespace=default", "-o=jsonpath={.spec.clusterIP}")
    ask = ("curl", "--silent", "--show-error", "--insecure", "--fail", "--max-time", "2", f"https://{address}/readyz")
    until("the Service kubernetes leads to the API server", lambda: on_node(*ask), 180)


_API_SERVER = "/etc/kubernetes/manifests/kube-apiserver.yaml"
_KEPT = "/etc/kubernetes/kube-apiserver.yaml"


def api_is_away() -> bool:
    return not api_answers()


def api_answers() -> bool:
    try:
        run("kubectl", "get", "--raw=/readyz", "--request-timeout=2s")
    except CommandError:
        return False
    return True


def process(container_id: str) -> str:
    """The first process of the container, by its number on the node."""
    task = container_id.removeprefix("containerd://")
    tasks = (line.split() for line in on_node("ctr", "--namespace=k8s.io", "tasks", "list").splitlines())
    return next(words[1] for words in tasks if words[0] == task)


def wait_for_end(process: str) -> None:
    """Returns when the process, by its number on the node, has ended."""
    on_node("timeout", "60", "tail", "--follow", f"--pid={process}", "/dev/null")


def cpu_seconds() -> float:
    """What all of the node has used, by either version of cgroups(7)."""
    first = "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2> /dev/null"
    second = "sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat"
    return int(shell(f"{first} || {second}")) / 1e9


def on_node(*command: str) -> str:
    return run("docker", "exec", paths.NODE, *command)


def _task(container_id: str, *verb: str) -> bool:
    on_node("ctr", "--namespace=k8s.io", "tasks", *verb, container_id.removeprefix("containerd://"))
    return True


def freeze(name: str) -> None:
    """A whole node stands still, with its kubelet and all of its containers: to the others it is lost."""
    run("docker", "pause", name)


def thaw(name: str) -> None:
    run("docker", "unpause", name)

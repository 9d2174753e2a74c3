"""What only the cluster's node can do to a container."""

from harness import paths
from mailtest.kubectl import run


def kill(container_id: str) -> None:
    """End a container by SIGKILL: it cannot say good-bye. `container_id` is as the pod's status has it."""
    task = container_id.removeprefix("containerd://")
    run("docker", "exec", paths.NODE, "ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", task)

"""What only the cluster's node can do to a container."""

from harness import paths
from mailtest.command import run
from mailtest.wait import until


def kill(container_id: str) -> None:
    """End a container by SIGKILL: it cannot say good-bye. `container_id` is as the pod's status has it."""
    task = container_id.removeprefix("containerd://")
    run("docker", "exec", paths.NODE, "ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", task)


def pause(container_id: str) -> None:
    """Freeze every process of a container: it keeps its connections and says nothing.

    The kernel's freezer now and then needs a second try on a busy node.
    """
    until("the container is frozen", lambda: _task("pause", container_id), 20)


def resume(container_id: str) -> None:
    _task("resume", container_id)


def change_mode(container_id: str, mode: str, path: str) -> None:
    """chmod as the node's root, who may do what the container may not."""
    task = container_id.removeprefix("containerd://")
    tasks = (line.split() for line in _on_node("ctr", "--namespace=k8s.io", "tasks", "list").splitlines())
    pid = next(words[1] for words in tasks if words[0] == task)
    _on_node("nsenter", f"--target={pid}", "--mount", "chmod", mode, path)


def _on_node(*command: str) -> str:
    return run("docker", "exec", paths.NODE, *command)


def _task(verb: str, container_id: str) -> bool:
    task = container_id.removeprefix("containerd://")
    run("docker", "exec", paths.NODE, "ctr", "--namespace=k8s.io", "tasks", verb, task)
    return True

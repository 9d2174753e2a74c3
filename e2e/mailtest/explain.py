"""What a person needs to see when a test fails: the MailStacks, their pods, and what these wrote."""

from collections.abc import Callable

from mailtest import release
from mailtest.kubectl import CommandError, Kubectl

LINES = 25


def namespace(name: str) -> str:
    """The state of a namespace, as kubectl prints it, and the operator's last lines."""
    kubectl = Kubectl(name)
    return "\n".join(
        [
            _section(kubectl, "get", "mailstacks", "-o", "yaml"),
            _section(kubectl, "get", "pods,persistentvolumeclaims", "-o", "wide"),
            _section(kubectl, "get", "events", "--sort-by=.lastTimestamp", "-o", _EVENT),
            *(_container(kubectl, *each) for each in _containers(kubectl)),
            f"--- the operator's log\n{_try(release.log)}",
        ]
    )


_EVENT = "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,REASON:.reason,MESSAGE:.message"


def _containers(kubectl: Kubectl) -> list[tuple[str, str]]:
    try:
        pods = kubectl.list("pods")
    except CommandError:
        return []
    specs = [(pod["metadata"]["name"], pod["spec"]) for pod in pods]
    return [
        (name, each["name"]) for name, spec in specs for each in spec.get("initContainers", []) + spec["containers"]
    ]


def _container(kubectl: Kubectl, pod: str, container: str) -> str:
    now = _section(kubectl, "logs", pod, f"--container={container}", f"--tail={LINES}")
    before = _try(lambda: kubectl("logs", pod, f"--container={container}", "--previous", f"--tail={LINES}"))
    return now if "not found" in before or not before.strip() else f"{now}\n--- the same, before its restart\n{before}"


def _section(kubectl: Kubectl, *words: str) -> str:
    return f"--- kubectl -n {kubectl.namespace} {' '.join(words[:4])}\n{_try(lambda: kubectl(*words, seconds=20))}"


def _try(look: Callable[[], str]) -> str:
    try:
        return look().rstrip()
    except CommandError as error:
        return str(error)

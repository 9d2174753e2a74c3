"""What a person needs to see when a test fails: the MailStacks, their pods, and what these wrote."""

from collections.abc import Callable

from mailtest import release
from mailtest.command import CommandError
from mailtest.kubectl import Kubectl


def namespace(name: str) -> str:
    """The state of a namespace, as kubectl prints it, and the operator's last lines."""
    kubectl = Kubectl(name)
    return "\n".join(
        [
            _section(kubectl, "get", "mailstacks", "-o", "yaml"),
            _section(kubectl, "get", "pods,persistentvolumeclaims", "-o", "wide"),
            _section(kubectl, "get", "events", "--sort-by=.lastTimestamp", "-o", _EVENT),
            _section(kubectl, "logs", _MAIL_PODS, *_ALL_CONTAINERS),
            *(
                _section(kubectl, "logs", pod, f"--container={container}", "--previous", _LINES)
                for pod, container in _restarted(kubectl)
            ),
            f"--- the operator's log\n{_try(release.log)}",
        ]
    )


_EVENT = "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,REASON:.reason,MESSAGE:.message"
_MAIL_PODS = "--selector=app.kubernetes.io/managed-by=mailstack-operator"
_LINES = "--tail=25"
# One call: a module's pods have a hundred containers. What has not started yet has no log.
_ALL_CONTAINERS = ("--all-containers", "--prefix", "--timestamps", "--ignore-errors", "--max-log-requests=500", _LINES)


def _restarted(kubectl: Kubectl) -> list[tuple[str, str]]:
    """Pod and name of each container that ended once and was started again."""
    try:
        pods = kubectl.list("pods")
    except CommandError:
        return []
    return [
        (pod["metadata"]["name"], each["name"])
        for pod in pods
        for kind in ("initContainerStatuses", "containerStatuses")
        for each in pod["status"].get(kind, [])
        if each["restartCount"]
    ]


def _section(kubectl: Kubectl, *words: str) -> str:
    return f"--- kubectl -n {kubectl.namespace} {' '.join(words[:4])}\n{_try(lambda: kubectl(*words, seconds=20))}"


def _try(look: Callable[[], str]) -> str:
    try:
        return look().rstrip()
    except CommandError as error:
        return str(error)

"""Whether a changed configuration may reach the running pods: what became of the pod that tried it. Pure."""

from mailstack_operator import names
from mailstack_operator.errors import Stalled, Unfinished, Waiting
from mailstack_operator.pods import Pod
from mailstack_operator.status import CONFIG_REFUSED

_KEEP = "the running pods keep their last configuration"
_UNDER_WAY = Waiting("Rehearsing", f"the changed configuration is tried in a pod of its own; {_KEEP} until it passes")


def verdict(pod: Pod | None, config_digest: str) -> Unfinished | None:
    """Why the configuration may not reach the pods, or not yet; None if it may."""
    if pod is None or pod.deleting or pod.config_digest != config_digest:
        return _UNDER_WAY
    if pod.phase == "Succeeded":
        return None
    if pod.problem is not None and pod.problem.reason == "ContainerCrash":
        logs = f"kubectl logs {pod.name} --all-containers"
        return Stalled(CONFIG_REFUSED, f"{pod.problem.message}; {_KEEP}; more in `{logs}`")
    if pod.problem is not None and pod.problem.reason != "PodNotReady":
        return Waiting(pod.problem.reason, f"{pod.problem.message}; {_KEEP}")
    return _UNDER_WAY


def is_stale(pod: Pod, config_digest: str | None) -> bool:
    """Whether the pod tries what is no longer to be tried (None: nothing), or ended without a verdict."""
    undecided = pod.phase == "Failed" and pod.problem is None
    return not pod.deleting and (pod.config_digest != config_digest or undecided)


def pod_of(pods: dict[str, Pod], stack: str) -> Pod | None:
    return pods.get(names.rehearsal(stack))

"""Whether a changed configuration may reach the running pods: the result of the pod that rehearsed it. Pure."""

from collections.abc import Iterable

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube import names
from mailstack_operator.loop.errors import Stalled, Unfinished, Waiting
from mailstack_operator.loop.pod_state import End, Pod
from mailstack_probe.contract import NO_ANSWER

# The component of its pod, in place of a server's name.
COMPONENT = "rehearsal"
# Seconds after which a rehearsal that ended without a verdict is repeated.
AGAIN = 30.0
# Rehearsals at the same time for each node: an upgrade of the operator may change every MailStack at once.
PER_NODE = 2
# Seconds after which to check again for a free slot: at least, and for each MailStack that waits.
_TURN, _TURN_OF_EACH = 5.0, 0.05
_LAST_PROGRAM_CODE = 127

_KEEP = "the running pods keep their last configuration"
_UNDER_WAY = Waiting(
    Reason.REHEARSING, f"the changed configuration is rehearsed in a pod of its own; {_KEEP} until it passes"
)


def verdict(pod: Pod | None, config_digest: str) -> Unfinished | None:
    """Why the configuration may not reach the pods, or not yet; None if it may."""
    if pod is None or pod.deleting or pod.config_digest != config_digest:
        return _UNDER_WAY
    if _passed(pod):
        return None
    if refusal := _refusal(pod):
        return Stalled(Reason.CONFIG_REFUSED, f"{_describe_end(pod, refusal)}; {_KEEP}; see `{_logs(pod)}`")
    if is_undecided(pod):
        words = "".join(f": {_describe_end(pod, end)}" for end in pod.ends[-1:])
        return Waiting(
            Reason.REHEARSAL_FAILED,
            f"the rehearsal of the changed configuration did not complete{words}; {_KEEP}",
            AGAIN,
        )
    if pod.problem is not None and _is_held_up(pod):
        return Waiting(pod.problem.reason, f"{pod.problem.message}; {_KEEP}")
    return _UNDER_WAY


def slots(pods: Iterable[Pod], per_node: int) -> int:
    """How many rehearsals may run at once: as many as the nodes carry on which there are mail pods."""
    return per_node * max(1, len({pod.node for pod in pods if pod.node}))


def waiting_for_slot(waiting: int) -> Waiting:
    """All slots are in use, and so many MailStacks wait for one: all of them check 20 times a second at most."""
    return Waiting(Reason.REHEARSING, _UNDER_WAY.message, max(_TURN, waiting * _TURN_OF_EACH))


def ended_before() -> Waiting:
    """An operator that was killed had created the pod, which has ended since: no event tells of that again."""
    return Waiting(Reason.REHEARSING, _UNDER_WAY.message, 0.0)


def has_ended(pod: Pod) -> bool:
    """Whether there is nothing to wait for. A server that refused its files is started again and again meanwhile."""
    ended = _passed(pod) or pod.phase == "Failed" or _end(pod, "rehearsal") is not None
    return ended or _refusal(pod) is not None


def is_undecided(pod: Pod) -> bool:
    """Whether the pod ended without a verdict: its node was lost or too slow."""
    return has_ended(pod) and not _passed(pod) and _refusal(pod) is None


def occupies_slot(pod: Pod) -> bool:
    """Whether the pod counts among those at the same time. One that waits for the cluster, such as for an image that
    does not exist, or has refused the change costs nothing: it must not block other rehearsals."""
    works = pod.component == COMPONENT and pod.phase in ("", "Pending", "Running")
    return works and not pod.deleting and not _is_held_up(pod) and _refusal(pod) is None


def pod_of(pods: dict[str, Pod], stack: str) -> Pod | None:
    return pods.get(names.rehearsal(stack))


def _passed(pod: Pod) -> bool:
    """The exit codes of the servers do not count: they are stopped at the end, by SIGKILL if need be."""
    end = _end(pod, "rehearsal")
    return pod.phase == "Succeeded" or (end is not None and end.code == 0)


def _refusal(pod: Pod) -> End | None:
    """The container that refused: the one that asks the servers, else the first that could not start."""
    asked = _end(pod, "rehearsal")
    ends = (asked,) if asked else pod.ends
    return next((end for end in ends if _is_refusal(end)), None)


def _is_refusal(end: End) -> bool:
    """Whether a program exited by itself, or is not in the image; a signal or a failed start is the node's fault."""
    own = 0 < end.code <= _LAST_PROGRAM_CODE and end.code != NO_ANSWER
    return own or "executable file not found" in end.line or "no such file or directory" in end.line


def _is_held_up(pod: Pod) -> bool:
    """Whether the cluster cannot run the pod: no node, no image."""
    return pod.problem is not None and pod.problem.reason not in (Reason.POD_NOT_READY, Reason.CONTAINER_CRASH)


def _end(pod: Pod, container: str) -> End | None:
    return next((end for end in pod.ends if end.container == container), None)


def _describe_end(pod: Pod, end: End) -> str:
    return f"pod {pod.name}, container {end.container}: exit code {end.code}: {end.line}"


def _logs(pod: Pod) -> str:
    return f"kubectl logs {pod.name} --all-containers"

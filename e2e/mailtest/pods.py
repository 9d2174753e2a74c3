"""The mail pods of a MailStack: whether they stayed as they were, or were replaced."""

from mailtest.stack import READY_SECONDS, Stack, identity
from mailtest.wait import until

Identities = dict[str, dict[str, object]]


def identities(stack: Stack) -> Identities:
    """What changes when a mail pod or a container of it is restarted, by pod."""
    pods = stack.kubectl.list("pods", stack.selector)
    return {pod["metadata"]["name"]: identity(pod) for pod in pods}


def wait_replaced(stack: Stack, before: Identities, seconds: float = READY_SECONDS) -> None:
    """Wait until another pod has taken a place, and the MailStack is Ready with it."""
    until(f"the pods of {stack.name} are replaced", lambda: _uids(identities(stack)) != _uids(before), seconds)
    stack.wait_ready()


def _uids(pods: Identities) -> dict[str, object]:
    return {name: each["uid"] for name, each in pods.items()}

"""The addresses that the Services of spec.expose got, as the watches saw them. Pure."""

from collections.abc import Iterator

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube import names
from mailstack_operator.loop.errors import Waiting
from mailstack_operator.loop.service_state import ServiceState
from mailstack_operator.loop.store import Seen
from mailstack_operator.stack import exposure
from mailstack_operator.stack.mailstack import MailStack


def found(stack: MailStack, seen: Seen) -> dict[str, tuple[str, ...]]:
    """By audience; without those that have none."""
    each = {audience: _of(stack, seen, audience) for audience in _awaited(stack)}
    return {audience: addresses for audience, addresses in each.items() if addresses}


def pending(stack: MailStack, seen: Seen) -> Iterator[Waiting]:
    """The Services whose load balancer has not given them an address."""
    for audience in _awaited(stack):
        if not _of(stack, seen, audience):
            service = names.exposed(stack.key.name, audience)
            what = (
                f"Service {service} has no address yet: the cluster's load balancer has not given it one; see "
                f"`kubectl describe service {service}`, or set spec.expose.{audience}.type to NodePort"
            )
            yield Waiting(Reason.ADDRESS_PENDING, what)


def _awaited(stack: MailStack) -> list[str]:
    """The audiences whose Service has an address only while it is of a type that gets one."""
    return [audience for audience, wanted in exposure.exposures(stack.spec).items() if exposure.awaits_address(wanted)]


def _of(stack: MailStack, seen: Seen, audience: str) -> tuple[str, ...]:
    return seen.services.get(names.exposed(stack.key.name, audience), ServiceState()).addresses

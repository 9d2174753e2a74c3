"""Rules of the resources of containers: what the API server would refuse of a pod."""

from collections.abc import Callable
from typing import Final

from mailstack_operator.api.servers import Resources
from mailstack_operator.kube.quantity import amount
from mailstack_operator.stack.rule import Rule
from mailstack_operator.stack.users.source import Spec

# Where they are in the spec; None where there is no such container.
_FIELDS: Final[dict[str, Callable[[Spec], Resources | None]]] = {
    "spec.postfix.resources": lambda spec: spec.postfix.resources,
    "spec.dovecot.resources": lambda spec: spec.dovecot.resources,
    "spec.helpers.resources": lambda spec: spec.helpers.resources,
    "spec.filter.resources": lambda spec: spec.filter.resources if spec.filter else None,
}


def _problem(found: Resources | None) -> str | None:
    if found is None:
        return None
    requests, limits = found.requests, found.limits
    pairs = {"cpu": (requests.cpu, limits.cpu), "memory": (requests.memory, limits.memory)}
    exceeded = (name for name, (request, limit) in pairs.items() if _exceeds(request or "0", limit or "0"))
    name = next(exceeded, None)
    return name and f"requests.{name} must be at most limits.{name}: set a smaller request, or a larger limit"


def _exceeds(request: str, limit: str) -> bool:
    """A limit of 0 is none."""
    return amount(limit) != 0 and amount(request) > amount(limit)


def _rule(path: str, find: Callable[[Spec], Resources | None]) -> Rule:
    """The API server cannot check it: quantity() of CEL takes no number, which an amount may be."""
    return Rule(path, None, lambda spec: _problem(find(spec)))


RULES: Final = tuple(_rule(path, find) for path, find in _FIELDS.items())

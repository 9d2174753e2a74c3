"""A rule over fields of the spec, written once for the API server and for the operator.

The API server checks the rules in the CRD at `kubectl apply`. The operator checks them again, for a cluster with an
older CRD and for `mailstack validate`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailstack_operator.api import cel
from mailstack_operator.stack.users.source import Spec


@dataclass(frozen=True)
class Rule:
    """`path` is that of the value that `cel` calls self, such as spec.delivery.listener.

    `problem` returns what is wrong with the spec and what to do, or None. It may say more than the message of `cel`,
    which is None for a rule that the API server cannot check.
    """

    path: str
    cel: cel.Rule | None
    problem: Callable[[Spec], str | None]


def rule(path: str, expression: str, message: str, holds: Callable[[Spec], bool]) -> Rule:
    """A rule of one message: `expression` is CEL, `holds` the same in Python."""
    return Rule(path, cel.Rule(expression, message), lambda spec: None if holds(spec) else message)

"""A rule over fields of the spec, written once for the API server and for the operator.

`kubectl apply` is answered by the API server, from the rules in the CRD. The operator checks again, for a cluster that
holds an older CRD and for `mailstack validate`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailstack_operator.api import cel
from mailstack_operator.stack.users.source import Spec


@dataclass(frozen=True)
class Rule:
    """`path` is that of the value that `cel` calls self, such as spec.delivery.listener.

    `problem` is what is wrong with the spec, as a sentence that says what to do; None if nothing is. It may say more
    than the message of `cel`, which is None where the API server cannot check the rule.
    """

    path: str
    cel: cel.Rule | None
    problem: Callable[[Spec], str | None]


def rule(path: str, expression: str, message: str, holds: Callable[[Spec], bool]) -> Rule:
    """A rule of one message: `expression` is CEL, `holds` the same in Python."""
    return Rule(path, cel.Rule(expression, message), lambda spec: None if holds(spec) else message)

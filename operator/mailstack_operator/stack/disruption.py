"""PodDisruptionBudgets: a drain of nodes leaves one of several Postfix pods.

Only where there are several. Of a single pod a budget either permits the eviction at once, and protects nothing, or
never, and the drain hangs.
"""

from collections.abc import Iterable

from mailstack_operator.kube import names
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import object_meta
from mailstack_operator.stack.pods import Pod
from mailstack_operator.stack.topology import Topology


def budgets(topology: Topology, pods: Iterable[Pod]) -> list[Object]:
    """One for each StatefulSet of several pods, under its name."""
    return [_budget(topology, pod.server.name) for pod in pods if pod.server.replicas > 1]


def _budget(topology: Topology, server: str) -> Object:
    stack = topology.stack
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": object_meta.child(stack, names.stateful_set(stack.key.name, server)),
        "spec": {
            "maxUnavailable": 1,
            # A pod that is not Ready protects nobody, and would block the drain of its node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {**names.pod_labels(stack.key.name, server)}},
        },
    }

"""Rules of `spec.placement`, and of the labels and annotations of pods: what the API server would refuse of a pod."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from mailstack_operator.api.placement import Toleration
from mailstack_operator.stack.metadata_rules import own_keys, valid_keys
from mailstack_operator.stack.rule import Rule, rule
from mailstack_operator.stack.users.source import Spec


def _of_tolerations(expression: str, message: str, holds: Callable[[Toleration], bool]) -> Rule:
    """`expression` is of `one`, a toleration."""
    return rule(
        "spec.placement.tolerations",
        f"self.all(one, {expression})",
        message,
        lambda spec: all(map(holds, spec.placement.tolerations)),
    )


def _repeated_constraint(spec: Spec) -> str | None:
    """The API server knows both as the keys of the list."""
    found = Counter((each.topology_key, each.when_unsatisfiable) for each in spec.placement.topology_spread_constraints)
    repeated = (f"duplicate topologyKey {key!r} with {then}: list it once" for (key, then), n in found.items() if n > 1)
    return next(repeated, None)


RULES: Final = (
    *own_keys("spec.podLabels", lambda spec: spec.pod_labels),
    *own_keys("spec.podAnnotations", lambda spec: spec.pod_annotations),
    *own_keys("spec.serviceAccountAnnotations", lambda spec: spec.service_account_annotations),
    valid_keys("spec.placement.nodeSelector", lambda spec: spec.placement.node_selector),
    _of_tolerations(
        "has(one.key) || one.operator == 'Exists'",
        "a toleration without a key requires operator Exists: set key, or operator to Exists",
        lambda one: one.key is not None or one.operator == "Exists",
    ),
    _of_tolerations(
        "!has(one.value) || one.value == '' || one.operator != 'Exists'",
        "operator Exists takes no value: remove value, or set operator to Equal",
        lambda one: not one.value or one.operator != "Exists",
    ),
    _of_tolerations(
        "!has(one.tolerationSeconds) || (has(one.effect) && one.effect == 'NoExecute')",
        "tolerationSeconds requires effect NoExecute: set effect, or remove tolerationSeconds",
        lambda one: one.toleration_seconds is None or one.effect == "NoExecute",
    ),
    Rule("spec.placement.topologySpreadConstraints", None, _repeated_constraint),
    rule(
        "spec.placement.topologySpreadConstraints",
        "self.all(one, !has(one.minDomains) || one.whenUnsatisfiable == 'DoNotSchedule')",
        "minDomains requires whenUnsatisfiable DoNotSchedule: set it, or remove minDomains",
        lambda spec: all(
            one.min_domains is None or one.when_unsatisfiable == "DoNotSchedule"
            for one in spec.placement.topology_spread_constraints
        ),
    ),
    rule(
        "spec.placement",
        "!has(self.priorityClassName) || !self.priorityClassName.startsWith('system-')",
        "priorityClassName: the classes system-* are Kubernetes' own: make a PriorityClass for mail",
        lambda spec: not (spec.placement.priority_class_name or "").startswith("system-"),
    ),
)

"""`spec.placement`: where the mail pods run, in the terms of a pod's spec (core/v1)."""

from typing import Final, Literal

from pydantic import Field

from mailstack_operator.api.affinity import Affinity, LabelSelector
from mailstack_operator.api.metadata import MOST_ENTRIES, Labels
from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import LabelValue, PriorityClassName, TopologyKey

MOST: Final = 32


class Toleration(Model):
    """Lets the pods onto nodes with a taint."""

    key: TopologyKey | None = Field(None, description="Key of the taint. Default: every key, with operator Exists.")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="Exists: whatever value the taint has.")
    value: LabelValue | None = Field(None, description="Value of the taint, for operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint. Default: every effect."
    )
    toleration_seconds: int | None = Field(
        None, description="Seconds for which a taint with effect NoExecute is tolerated. Default: for ever."
    )


class SpreadConstraint(Model):
    """How evenly the pods of each server are spread over nodes, zones and the like."""

    max_skew: int = Field(ge=1, le=1000, description="How many more pods one domain may have than another.")
    topology_key: TopologyKey = Field(description="Label of nodes whose values are the domains.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="DoNotSchedule: a pod waits. ScheduleAnyway: the constraint is a preference."
    )
    label_selector: LabelSelector | None = Field(
        None, description="The pods that are counted. Default: those of the same server of this MailStack."
    )
    min_domains: int | None = Field(None, ge=1, description="Minimum number of domains, for DoNotSchedule.")
    node_affinity_policy: Literal["Honor", "Ignore"] | None = Field(
        None, description="Whether nodes that the affinity excludes are counted."
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = Field(
        None, description="Whether nodes with taints that are not tolerated are left out."
    )


class Placement(Model):
    """Which nodes the mail pods run on. Every mail pod has these fields."""

    node_selector: Labels = Field(
        default_factory=dict, max_length=MOST_ENTRIES, description="Labels that the node must have."
    )
    tolerations: list[Toleration] = Field([], max_length=MOST, description="Taints of nodes that the pods tolerate.")
    affinity: Affinity | None = Field(
        None,
        description="Affinity to nodes and to other pods, as in a pod (core/v1 Affinity). The operator checks it.",
    )
    topology_spread_constraints: list[SpreadConstraint] = Field(
        [],
        max_length=8,
        description="How evenly the pods of each server are spread. It matters with several replicas of Postfix.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["topologyKey", "whenUnsatisfiable"],
        },
    )
    priority_class_name: PriorityClassName | None = Field(
        None, description="PriorityClass of the pods. Default: the cluster's."
    )

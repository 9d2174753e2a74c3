"""Affinity and label selectors, as Kubernetes defines them (core/v1, metav1)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mailstack_operator.api.model import Model
from mailstack_operator.api.strings import TopologyKey
from mailstack_operator.kube.objects import Object

_Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
_Weight: TypeAlias = Annotated[int, Field(ge=1, le=100)]


class Copied(Model):
    """What Kubernetes defines: the operator checks it whole, the CRD takes any object, because its schema would be as
    long as all the rest."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del core, handler
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class LabelRequirement(Model):
    """Of labels."""

    key: TopologyKey
    operator: _Operator
    values: list[str] = Field([])


class LabelSelector(Copied):
    """Of metav1.LabelSelector."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: list[LabelRequirement] = Field([])


class NodeRequirement(Model):
    """Of core/v1 NodeSelectorRequirement."""

    key: TopologyKey
    operator: _Operator | Literal["Gt", "Lt"]
    values: list[str] = Field([])


class NodeTerm(Model):
    """Of core/v1 NodeSelectorTerm."""

    match_expressions: list[NodeRequirement] = Field([])
    match_fields: list[NodeRequirement] = Field([])


class NodeSelector(Model):
    """Of core/v1 NodeSelector."""

    node_selector_terms: list[NodeTerm] = Field(min_length=1)


class PreferredNode(Model):
    """Of core/v1 PreferredSchedulingTerm."""

    weight: _Weight
    preference: NodeTerm


class NodeAffinity(Model):
    """Of core/v1 NodeAffinity."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: list[PreferredNode] = Field([])


class PodTerm(Model):
    """Of core/v1 PodAffinityTerm."""

    topology_key: TopologyKey
    label_selector: LabelSelector | None = None
    namespaces: list[str] = Field([])
    namespace_selector: LabelSelector | None = None
    match_label_keys: list[str] = Field([])
    mismatch_label_keys: list[str] = Field([])


class PreferredPod(Model):
    """Of core/v1 WeightedPodAffinityTerm."""

    weight: _Weight
    pod_affinity_term: PodTerm


class PodAffinity(Model):
    """Of core/v1 PodAffinity and PodAntiAffinity."""

    required_during_scheduling_ignored_during_execution: list[PodTerm] = Field([])
    preferred_during_scheduling_ignored_during_execution: list[PreferredPod] = Field([])


class Affinity(Copied):
    """Of core/v1 Affinity."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


def as_written(found: Model) -> Object:
    """The fields that the spec has, under Kubernetes' names."""
    return found.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)

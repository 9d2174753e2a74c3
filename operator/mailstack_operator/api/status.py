"""The `status` of a MailStack: what is true, as far as the operator saw it.

Conditions follow kstatus: `Ready` always; `Reconciling` and `Stalled` only while true.
"""

from typing import Annotated, Literal

from pydantic import Field

from mailstack_operator.api.model import Model

ConditionType = Literal["Ready", "LMTPReachable", "VerificationReady", "ConfigValid", "Reconciling", "Stalled"]


class Condition(Model):
    """One fact, in the shape of Kubernetes' metav1.Condition."""

    type: str = Field(
        description="Ready, LMTPReachable, VerificationReady, ConfigValid, Reconciling or Stalled.", max_length=316
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    observed_generation: int = Field(description="metadata.generation that the condition speaks of.", ge=0)
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})] = Field(
        description="When the condition's status last changed (RFC 3339)."
    )
    reason: str = Field(description="One word for programs, in CamelCase.", max_length=1024)
    message: str = Field(description="A sentence for people: what is, and what to do.", max_length=32768)


class Verdict(Model):
    """What a probe found of one thing."""

    status: Literal["True", "False", "Unknown"] = Field(description="Whether it works.")
    reason: str = Field(description="One word for programs, in CamelCase.", max_length=1024)
    message: str = Field(description="A sentence for people: what is, and what to do.", max_length=32768)
    since: Annotated[str, Field(json_schema_extra={"format": "date-time"})] = Field(
        description="When status or reason last changed (RFC 3339)."
    )


class PodReport(Model):
    """What the probe of one pod found; the probe writes its own entry and no other."""

    name: str = Field(description="The pod.", max_length=253)
    uid: str = Field(description="The pod's uid: an entry of another pod of this name does not count.", max_length=63)
    lmtp: Verdict | None = Field(None, description="Whether Dovecot takes mail over LMTP.")
    verification: Verdict | None = Field(None, description="Whether Postfix refuses unknown recipients.")


class MailStackStatus(Model):
    """What the operator and the probes report."""

    # Without a status kstatus calls an object done: `helm --wait` and Flux would pass before anybody has seen it.
    observed_generation: int = Field(
        -1, description="metadata.generation that this status speaks of; -1: the operator has not seen it yet."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Ready, LMTPReachable, VerificationReady, ConfigValid, and Reconciling or Stalled while they are "
        "true.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    pods: list[PodReport] = Field(
        default_factory=list,
        description="What the probe in each pod found.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    endpoint: str | None = Field(None, description="Where mail is received: host and port of the Service.")
    applied_digest: str | None = Field(
        None, description="Digest of the child objects as last applied: a restarted operator writes nothing."
    )

"""The schema of a MailStack's `status`: what the operator and the probes report.

Conditions follow kstatus: `Ready` always; `Reconciling` and `Stalled` only while true. crd.py adds a verdict for each
check to PodReport.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mailstack_operator.api.conditions import ConditionType, always_shown
from mailstack_operator.api.model import Model
from mailstack_probe.contract import MOST_WARNINGS

# Those of about 250 domains: etcd keeps a status whole.
MOST_DNS_RECORDS = 1024

_Date = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_Status = Literal["True", "False", "Unknown"]
_SHOWN = ", ".join(always_shown())
_REASON = Field(description="One word for programs, in CamelCase.", max_length=1024)
_MESSAGE = Field(description="A sentence for people: what is, and what to do.", max_length=32768)


class StatusCondition(Model):
    """One fact, in the shape of Kubernetes' metav1.Condition."""

    type: str = Field(
        description=f"{_SHOWN}, {ConditionType.RECONCILING}, {ConditionType.STALLED} or {ConditionType.WARNINGS}.",
        max_length=316,
    )
    status: _Status = Field(description="Whether the condition holds.")
    observed_generation: int = Field(description="metadata.generation that the condition is about.", ge=0)
    last_transition_time: _Date = Field(description="When the condition's status last changed (RFC 3339).")
    reason: str = _REASON
    message: str = _MESSAGE


class Verdict(Model):
    """What a probe found of one thing."""

    status: _Status = Field(description="Whether it works.")
    reason: str = _REASON
    message: str = _MESSAGE
    since: _Date = Field(description="When status or reason last changed (RFC 3339).")


class PodWarning(Model):
    """What a probe found that works and should be looked at all the same."""

    reason: str = _REASON
    message: str = _MESSAGE


class PodReport(Model):
    """What the probe of one pod found; the probe writes its own entry and no other."""

    name: str = Field(description="The pod.", max_length=253)
    uid: str = Field(description="The pod's uid: an entry of another pod of this name does not count.", max_length=63)
    config_digest: str | None = Field(
        None, description="Digest of Postfix's configuration that is in use; empty: not known yet.", max_length=64
    )
    warnings: list[PodWarning] = Field(
        default_factory=list,
        max_length=MOST_WARNINGS,
        description="What works and should be looked at all the same.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class DnsRecordReport(Model):
    """A DNS record that is needed, as an endpoint of a DNSEndpoint (external-dns)."""

    dns_name: str = Field(description="Its name, without a dot at the end.", max_length=253)
    record_type: str = Field(description="MX, TXT, A or AAAA.", max_length=16)
    record_ttl: int = Field(alias="recordTTL", description="Its time to live, in seconds.")
    targets: list[str] = Field(
        description="Its values; a TXT record's is in one piece.",
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


def _merged_by(key: str) -> dict[str, JsonValue]:
    """What makes server-side apply merge a list by the field `key` of its entries."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


class ExposedReport(Model):
    """Where a Service of spec.expose is reached."""

    addresses: list[str] = Field(
        default_factory=list,
        max_length=16,
        description="IP addresses and host names that the load balancer got.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ExposeReport(Model):
    """Where the Services of spec.expose are reached."""

    smtp: ExposedReport | None = Field(None, description="The Service NAME-smtp.")
    clients: ExposedReport | None = Field(None, description="The Service NAME-clients.")


class MailStackStatus(Model):
    """What the operator and the probes report."""

    # Without a status kstatus calls an object done: `helm --wait` and Flux would pass before anybody has seen it.
    observed_generation: int = Field(
        -1, description="metadata.generation that this status is about; -1: the operator has not observed it yet."
    )
    conditions: list[StatusCondition] = Field(
        default_factory=list,
        description=f"{_SHOWN}, and {ConditionType.RECONCILING}, {ConditionType.STALLED} and {ConditionType.WARNINGS} "
        "while they are true.",
        json_schema_extra=_merged_by("type"),
    )
    pods: list[PodReport] = Field(
        default_factory=list, description="What the probe in each pod found.", json_schema_extra=_merged_by("name")
    )
    endpoint: str | None = Field(None, description="Where mail is received: host and port of the Service.")
    expose: ExposeReport | None = Field(
        None, description="Where the Services of spec.expose of type LoadBalancer are reached."
    )
    applied_digest: str | None = Field(
        None, description="Digest of the child objects as last applied: a restarted operator writes nothing."
    )
    dns_records: list[DnsRecordReport] = Field(
        default_factory=list,
        max_length=MOST_DNS_RECORDS,
        description="DNS records that the domains need, for a DNSEndpoint of external-dns. `kubectl mailstack dns` "
        "prints all of them as a zone file.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )

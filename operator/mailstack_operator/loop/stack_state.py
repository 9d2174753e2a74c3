"""What the operator keeps of a MailStack: the object parsed, or what is wrong with it, and its status. Pure.

JSON comes in by `stack_state_of` and leaves by `Status.to_json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mailstack_operator.api.conditions import Condition, condition_of, verdict_of
from mailstack_operator.kube.metadata import Ref, ref_of
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.stack.dns_records import DnsRecord, dns_record_of
from mailstack_operator.stack.mailstack import MailStack
from mailstack_operator.stack.parser import InvalidMailStack, parse
from mailstack_probe.contract import IN_USE, WARNINGS, StackWarning

# Specs that are kept parsed: those of the runs under way, and of those to come soon.
PARSED = 128


@dataclass(frozen=True, slots=True)
class PodEntry:
    """A probe's entry of `status.pods`: whose it is, its verdicts by the name of the check, and its warnings.

    `in_use` is the digest of the configuration: empty where the probe does not know, None where it, or the CRD, does
    not tell.
    """

    name: str
    uid: str
    verdicts: Mapping[str, Condition]
    warnings: tuple[StackWarning, ...] = ()
    in_use: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """A MailStack's status. `pods` is the probes' to write, the rest is the operator's.

    `addresses` are those of the Services of spec.expose, by audience; without those that have none.
    """

    observed_generation: int = -1
    conditions: tuple[Condition, ...] = ()
    endpoint: str = ""
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    applied_digest: str = ""
    dns_records: tuple[DnsRecord, ...] = ()
    pods: tuple[PodEntry, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def to_json(self) -> Object:
        """The operator's part."""
        conditions: list[Json] = [condition.to_json() for condition in self.conditions]
        known = {"endpoint": self.endpoint, "appliedDigest": self.applied_digest}
        fields: Object = {name: value for name, value in known.items() if value}
        if self.addresses:
            fields["expose"] = {name: {"addresses": [*found]} for name, found in self.addresses.items()}
        return {"observedGeneration": self.observed_generation, "conditions": conditions, **fields, **self._records()}

    def _records(self) -> Object:
        records: list[Json] = [record.to_json() for record in self.dns_records]
        return {"dnsRecords": records} if records else {}


@dataclass(frozen=True, slots=True)
class StackState:
    """A MailStack as last seen. `manifest` is what the spec is parsed from, which takes a twentieth of the memory;
    where it is invalid, `problems` has a line a mistake."""

    ref: Ref
    uid: str
    generation: int
    deleting: bool
    manifest: str
    problems: tuple[str, ...]
    status: Status

    @property
    def stack(self) -> MailStack | None:
        """None where the spec is invalid."""
        return None if self.problems else _parse(self.manifest)

    def shows(self, status: Status) -> bool:
        """Whether this is the operator's part of its status."""
        return replace(self.status, pods=()) == status

    def reported(self, status: Status | None) -> "StackState":
        """The same with the operator's part of another status; itself without one."""
        return replace(self, status=replace(status, pods=self.status.pods)) if status else self


def stack_state_of(body: Object, before: StackState | None = None) -> StackState:
    """Reads a MailStack. The spec is not parsed again if `before` is of the same generation."""
    metadata = section(body, "metadata")
    uid, generation = text(metadata, "uid"), number(metadata, "generation")
    if before is not None and (before.uid, before.generation) == (uid, generation):
        manifest, problems = before.manifest, before.problems
    else:
        manifest = _manifest(body)
        problems = _problems(body)
    return StackState(
        ref=ref_of(body),
        uid=uid,
        generation=generation,
        deleting=bool(metadata.get("deletionTimestamp")),
        manifest=manifest,
        problems=problems,
        status=status_of(section(body, "status")),
    )


def _manifest(body: Object) -> str:
    """What a person writes, and the uid."""
    metadata = section(body, "metadata")
    kept: Object = {name: metadata[name] for name in ("namespace", "name", "uid") if name in metadata}
    return json.dumps(
        {**{name: body[name] for name in ("apiVersion", "kind", "spec") if name in body}, "metadata": kept}
    )


@lru_cache(maxsize=PARSED)
def _parse(manifest: str) -> MailStack:
    """Of a manifest without problems."""
    return parse(json.loads(manifest), is_judged=True)


def _problems(body: Object) -> tuple[str, ...]:
    try:
        parse(body)
    except InvalidMailStack as error:
        return tuple(error.problems)
    except Exception as error:
        # One object that the operator cannot read must not keep it from all others.
        return (f"the operator cannot read it, a bug: {error!r}",)
    return ()


def status_of(status: Mapping[str, Json]) -> Status:
    """Reads a MailStack's status."""
    return Status(
        observed_generation=number(status, "observedGeneration"),
        conditions=tuple(condition_of(entry) for entry in entries(status, "conditions")),
        endpoint=text(status, "endpoint"),
        addresses=_addresses(section(status, "expose")),
        applied_digest=text(status, "appliedDigest"),
        dns_records=tuple(map(dns_record_of, entries(status, "dnsRecords"))),
        pods=tuple(_pod_entry(entry) for entry in entries(status, "pods")),
    )


def _addresses(expose: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    found = {name: section(expose, name).get("addresses") for name in expose}
    return {name: tuple(map(str, each)) for name, each in found.items() if isinstance(each, list) and each}


def _pod_entry(entry: Mapping[str, Json]) -> PodEntry:
    verdicts = {name: verdict_of(name, value) for name, value in entry.items() if isinstance(value, dict)}
    warnings = (StackWarning(text(each, "reason"), text(each, "message")) for each in entries(entry, WARNINGS))
    in_use = text(entry, IN_USE) if IN_USE in entry else None
    return PodEntry(text(entry, "name"), text(entry, "uid"), verdicts, tuple(warnings), in_use)

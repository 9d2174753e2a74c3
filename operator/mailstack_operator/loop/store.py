"""Keeps what the watches saw: MailStacks, their children, StatefulSets and pods, by MailStack.

Memory is bounded by what is in the cluster: a MailStack is kept parsed, of a child its identity, of a pod its verdict.
"""

from collections import defaultdict
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mailstack_operator.kube.kinds import MAIL_STACK, POD, SERVICE, STATEFUL_SET, Kind
from mailstack_operator.kube.metadata import Live, Ref, live_of, ref_of, stack_of, version_of
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object, section, text
from mailstack_operator.loop.pod_state import Pod, Rollout, pod_of, rollout_of
from mailstack_operator.loop.reads import Reads, Versions
from mailstack_operator.loop.service_state import ServiceState, service_of
from mailstack_operator.loop.stack_state import StackState, Status, stack_state_of

_Name = TypeVar("_Name")
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Seen:
    """All that is known of one MailStack; `stack` is None if there is none of that name.

    `rollouts` are by the name of the StatefulSet, `services` by that of the Service.
    `notes`: by pod, what Kubernetes says of a pod that is not created or gets no volume. `reporting`: the status that
    is being written.
    """

    stack: StackState | None = None
    children: dict[Ref, Live] = field(default_factory=dict)
    rollouts: dict[str, Rollout] = field(default_factory=dict)
    services: dict[str, ServiceState] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    reporting: Status | None = None

    @property
    def empty(self) -> bool:
        return self.stack is None and not self.children and not self.pods

    def refs(self, key: StackKey) -> Iterator[Ref]:
        """Everything that is kept; `key` is the MailStack's."""
        yield from self.children
        yield from (POD.ref(key.namespace, name) for name in self.pods)
        if self.stack is not None:
            yield MAIL_STACK.ref(key.namespace, key.name)

    def stateful_sets(self) -> list[Live]:
        return [live for ref, live in self.children.items() if ref.kind == STATEFUL_SET.name]

    def helpers_image(self, stateful_set: str) -> str:
        """The operator's image that the pods' helpers are of; empty where there is no such StatefulSet."""
        return next((live.helpers.reference for live in self.stateful_sets() if live.ref.name == stateful_set), "")


# The resourceVersion at which an object was gone: the answer to our own write may arrive after the watch told of it.
Tombstones = dict[Ref, int]


class Store:
    """The operator's memory of the cluster. Not thread-safe: one event loop owns it."""

    def __init__(self) -> None:
        self.reads = Reads()
        self._seen: defaultdict[StackKey, Seen] = defaultdict(Seen)
        self._versions: dict[Ref, int] = {}
        self._gone, self._gone_before = Tombstones(), Tombstones()
        # The newest version that a watch told of meanwhile; 0 where none did.
        self._in_flight: dict[Ref, int] = {}
        self._overtaken: set[StackKey] = set()

    def __getitem__(self, key: StackKey) -> Seen:
        return self._seen.get(key) or Seen()

    def stacks(self) -> list[StackKey]:
        """Every MailStack that is known of."""
        return [key for key, seen in self._seen.items() if seen.stack is not None]

    def known(self) -> list[StackKey]:
        """Those of which anything is kept, also where the MailStack is gone."""
        return list(self._seen)

    def pods(self) -> Iterator[Pod]:
        """Every pod that is known of."""
        return (pod for seen in self._seen.values() for pod in seen.pods.values())

    def note(self, body: Object) -> StackKey | None:
        """Records the current state of an object; returns the MailStack that it concerns, None where nothing that is
        kept changed, because somebody wrote what does not matter here, or we did."""
        key, ref, version = _key(body), ref_of(body), version_of(body)
        if not self._is_news(ref, version):
            return None
        self._versions[ref] = version
        is_news = self._put(self._seen[key], ref, body)
        if ref in self._in_flight:
            self._in_flight[ref] = version
            return None
        return key if is_news else None

    @contextmanager
    def writing(self, ref: Ref) -> Iterator[None]:
        """While the context is open, our own write of a child is not answered: a watch may tell of it before."""
        self._in_flight[ref] = 0
        try:
            yield
        finally:
            self._in_flight.pop(ref, None)

    @contextmanager
    def reporting(self, key: StackKey, status: Status) -> Iterator[None]:
        """While the context is open, this status is being written: a watch may tell of it before the answer comes."""
        self._seen[key].reporting = status
        try:
            yield
        finally:
            self[key].reporting = None

    def note_reported(self, key: StackKey, body: Object) -> None:
        """Records the MailStack as it was returned to the status of `reporting`. What others changed before is in it,
        too, and will be no news when the watch tells of it."""
        before, status = self[key].stack, self[key].reporting
        self.note(body)
        newest = self[key].stack
        if before and newest and newest.reported(status) != before.reported(status):
            self._overtaken.add(key)

    def end_reading(self, key: StackKey, versions: Versions) -> None:
        """A run has read what the spec refers to, in these versions."""
        if self.reads.end(key, versions):
            self._overtaken.add(key)

    def take_overtaken(self, key: StackKey) -> bool:
        """Whether others changed something that the last run read or wrote, too early for a watch to tell; asked for
        once."""
        is_overtaken = key in self._overtaken
        self._overtaken.discard(key)
        return is_overtaken

    def _put(self, seen: Seen, ref: Ref, body: Object) -> bool:
        """Whether that is news."""
        if ref.kind == MAIL_STACK.name:
            before, seen.stack = seen.stack, stack_state_of(body, seen.stack)
            return seen.stack not in (before, before and before.reported(seen.reporting))
        if ref.kind == POD.name:
            return _replace(seen.pods, ref.name, pod_of(body))
        changed = _replace(seen.children, ref, live_of(body))
        if ref.kind == STATEFUL_SET.name:
            changed |= _replace(seen.rollouts, ref.name, rollout_of(body))
        if ref.kind == SERVICE.name:
            known, found = seen.services.get(ref.name, ServiceState()), service_of(body)
            seen.services[ref.name] = found
            changed |= known.addresses != found.addresses
        return changed

    def note_child(self, key: StackKey, live: Live) -> None:
        """Records a child as the API server returned it; a watch may already have seen a later state."""
        if self._in_flight.get(live.ref, 0) > live.version:
            self._overtaken.add(key)
        if self._is_news(live.ref, live.version):
            self._versions[live.ref] = live.version
            seen = self._seen[key]
            seen.children[live.ref] = live
            if live.ref.kind == STATEFUL_SET.name:
                # Until its controller has seen this generation, its status is of an earlier one.
                before = seen.rollouts.get(live.ref.name, Rollout())
                seen.rollouts[live.ref.name] = replace(before, generation=live.generation)

    def _is_news(self, ref: Ref, version: int) -> bool:
        gone = max(self._gone.get(ref, -1), self._gone_before.get(ref, -1))
        return version >= self._versions.get(ref, 0) and version > gone

    def forget(self, body: Object) -> StackKey:
        """Records that an object is gone, unless one of its name has been made since; returns the MailStack that it
        concerns."""
        key, ref, version = _key(body), ref_of(body), version_of(body)
        if version >= self._versions.get(ref, 0):
            self._drop(key, ref, version)
        return key

    def forget_child(self, key: StackKey, ref: Ref) -> None:
        """Records that a child is gone."""
        self._drop(key, ref, 0)

    def _drop(self, key: StackKey, ref: Ref, version: int) -> None:
        """`version`: as of which it is gone, if it is later than what is known."""
        seen = self._seen[key]
        self._gone[ref] = max(version, self._versions.pop(ref, 0))
        if ref.kind == MAIL_STACK.name:
            seen.stack = None
        seen.pods.pop(ref.name if ref.kind == POD.name else "", None)
        seen.children.pop(ref, None)
        if ref.kind == STATEFUL_SET.name:
            seen.rollouts.pop(ref.name, None)
        if ref.kind == SERVICE.name:
            seen.services.pop(ref.name, None)
        if seen.empty:
            self._seen.pop(key, None)

    def retain(self, kind: Kind, namespace: str, listed: Container[Ref], as_of: int) -> set[StackKey]:
        """Records a full list of a kind, in a namespace or in all (empty), read at resourceVersion `as_of`: what is not
        in it, and is no newer, is gone. Returns the MailStacks that it concerns.

        A watch that was cut off does not report what was deleted since; a list shows it.
        """
        changed = set()
        for key, ref in self._refs(kind, namespace):
            if ref not in listed and self._versions.get(ref, 0) <= as_of:
                self._drop(key, ref, as_of)
                changed.add(key)
        return changed

    def forget_tombstones(self) -> None:
        """Those from before the last call; to be called after no less than the time that a request may take."""
        self._gone_before, self._gone = self._gone, Tombstones()

    def _refs(self, kind: Kind, namespace: str) -> list[tuple[StackKey, Ref]]:
        """Everything of the kind that is kept."""
        keys = [key for key in self._seen if namespace in ("", key.namespace)]
        return [(key, ref) for key in keys for ref in self._seen[key].refs(key) if ref.kind == kind.name]


def _replace(kept: dict[_Name, _Value], name: _Name, value: _Value) -> bool:
    """Whether it is another than before."""
    changed = kept.get(name) != value
    kept[name] = value
    return changed


def _key(body: Object) -> StackKey:
    metadata = section(body, "metadata")
    if body.get("kind") == MAIL_STACK.name:
        return StackKey(text(metadata, "namespace"), text(metadata, "name"))
    return stack_of(body)

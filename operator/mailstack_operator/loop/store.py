"""Keeps what the watches saw: MailStacks, their children, StatefulSets and pods, by MailStack.

Memory is bounded by what is in the cluster: a MailStack is kept parsed, of a child its identity, of a pod its verdict.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailstack_operator.kube.kinds import MAIL_STACK, POD, STATEFUL_SET
from mailstack_operator.kube.metadata import Live, Ref, live_of, ref_of, stack_of, version_of
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object, section, text
from mailstack_operator.loop.pod_state import Pod, Rollout, pod_of, rollout_of
from mailstack_operator.loop.stack_state import StackState, stack_state_of


@dataclass
class Seen:
    """All that is known of one MailStack; `stack` is None if there is none of that name.

    `notes`: by pod, what Kubernetes says of a pod that is not created or gets no volume. `versions`: those of what the
    spec refers to, as the last run read them; None before the first.
    """

    stack: StackState | None = None
    children: dict[Ref, Live] = field(default_factory=dict)
    rollouts: dict[str, Rollout] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    versions: Mapping[Ref, int] | None = None

    @property
    def empty(self) -> bool:
        return self.stack is None and not self.children and not self.pods

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
        self._seen: defaultdict[StackKey, Seen] = defaultdict(Seen)
        self._versions: dict[Ref, int] = {}
        self._gone, self._gone_before = Tombstones(), Tombstones()

    def __getitem__(self, key: StackKey) -> Seen:
        return self._seen.get(key) or Seen()

    def stacks(self) -> list[StackKey]:
        """Every MailStack that is known of."""
        return [key for key, seen in self._seen.items() if seen.stack is not None]

    def pods(self) -> Iterator[Pod]:
        """Every pod that is known of."""
        return (pod for seen in self._seen.values() for pod in seen.pods.values())

    def note(self, body: Object) -> StackKey:
        """Records the current state of an object; returns the MailStack that it concerns."""
        key, ref, version = _key(body), ref_of(body), version_of(body)
        if self._is_news(ref, version):
            self._versions[ref] = version
            self._put(self._seen[key], ref, body)
        return key

    def _put(self, seen: Seen, ref: Ref, body: Object) -> None:
        if ref.kind == MAIL_STACK.name:
            seen.stack = stack_state_of(body, seen.stack)
        elif ref.kind == POD.name:
            seen.pods[ref.name] = pod_of(body)
        else:
            seen.children[ref] = live_of(body)
            if ref.kind == STATEFUL_SET.name:
                seen.rollouts[ref.name] = rollout_of(body)

    def note_child(self, key: StackKey, live: Live) -> None:
        """Records a child as the API server returned it; a watch may already have seen a later state."""
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
        """Records that an object is gone; returns the MailStack that it concerns."""
        key = _key(body)
        self._drop(key, ref_of(body), version_of(body))
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
        if seen.empty:
            self._seen.pop(key, None)

    def replace(self, bodies: Iterable[Object], as_of: int) -> None:
        """Records a full list of everything, read at resourceVersion `as_of` or later: what is not in it,
        and is no newer, is gone.

        A watch that was cut off does not report what was deleted since; a list shows it. Tombstones are kept until the
        second list from now.
        """
        self._gone_before, self._gone = self._gone, Tombstones()
        listed = set()
        for body in bodies:
            listed.add(ref_of(body))
            self.note(body)
        for key, ref in self._refs():
            if ref not in listed and self._versions.get(ref, 0) <= as_of:
                self._drop(key, ref, as_of)

    def _refs(self) -> list[tuple[StackKey, Ref]]:
        """Everything that is kept, as references."""
        found = []
        for key, seen in self._seen.items():
            found += [(key, ref) for ref in seen.children]
            found += [(key, POD.ref(key.namespace, name)) for name in seen.pods]
            if seen.stack is not None:
                found.append((key, MAIL_STACK.ref(key.namespace, key.name)))
        return found


def _key(body: Object) -> StackKey:
    metadata = section(body, "metadata")
    if body.get("kind") == MAIL_STACK.name:
        return StackKey(text(metadata, "namespace"), text(metadata, "name"))
    return stack_of(body)

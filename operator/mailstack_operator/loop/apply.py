"""Makes the children what they should be: server-side apply of what differs, removal of the rest.

An object is applied when what is wanted changed or the live object moved since our last apply. What was
last applied is remembered here, and as one digest in the MailStack's status, so that idle and a restart
write nothing.
"""

import contextlib
import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube.kinds import CLAIM
from mailstack_operator.kube.metadata import Live, Ref, ref_of
from mailstack_operator.kube.names import KEPT, KIND, StackKey
from mailstack_operator.kube.objects import Object, digest
from mailstack_operator.loop.errors import ClusterError, Stalled, Waiting
from mailstack_operator.loop.port import Cluster
from mailstack_operator.loop.sizes import fitted, refused, template_claims
from mailstack_operator.loop.store import Store
from mailstack_operator.stack.mailstack import MailStack
from mailstack_probe.contract import StackWarning

logger = logging.getLogger(__name__)

# Seconds after which to check whether a foreign object was removed, or a refused request would now succeed.
LOOK_AGAIN = 15.0
# Seconds until the garbage collector may have removed the children of a MailStack that was deleted and recreated.
COLLECTED = 2.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A child as last applied: digests of what was wanted, and of the live object afterwards."""

    wanted: str
    fingerprint: str


Marks = dict[Ref, Mark]


def marks_of(digests: Mapping[Ref, str], children: Mapping[Ref, Live]) -> Marks:
    """The marks of the wanted children that are live, by the digests of what is wanted."""
    live = ((children[ref], wanted) for ref, wanted in digests.items() if ref in children)
    return {child.ref: Mark(wanted, child.fingerprint) for child, wanted in live}


def digest_of(marks: Marks) -> str:
    """All marks in 16 hex digits, for the status."""
    return digest([[str(ref), mark.wanted, mark.fingerprint] for ref, mark in sorted(marks.items())])


def by_ref(manifests: Iterable[Object]) -> dict[Ref, Object]:
    return {ref_of(manifest): manifest for manifest in manifests}


class Applier:
    """Applies and prunes the children of MailStacks, and remembers what it applied."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._marks: dict[StackKey, Marks] = {}
        self._warnings: dict[StackKey, list[StackWarning]] = {}
        # What the runs under way have written.
        self._written: dict[StackKey, list[Ref]] = {}

    async def converge(self, stack: MailStack, wanted: dict[Ref, Object], hold: frozenset[Ref], known: str) -> None:
        """Applies what differs of `wanted`, but for what is on `hold`. `known` is the digest in the status.

        Raises Stalled for a foreign object or a refused apply, Waiting for remains of an earlier MailStack. The foreign
        object is not written, and nothing after it: no pod, because StatefulSets come last.
        """
        _check_owners(stack, wanted, self._store[stack.key].children)
        self._written[stack.key] = []
        try:
            digests = {ref: digest(manifest) for ref, manifest in wanted.items()}
            unseen = await self._create_missing(stack, wanted, digests, hold)
            await self._apply_changes(stack, wanted, digests, hold, known, unseen)
        finally:
            if written := self._written.pop(stack.key):
                logger.info("applied %s of %s", ", ".join(map(str, written)), stack.key)

    async def _apply_changes(
        self,
        stack: MailStack,
        wanted: Mapping[Ref, Object],
        digests: Mapping[Ref, str],
        hold: Container[Ref],
        known: str,
        unseen: Mapping[Ref, Live],
    ) -> None:
        children = {**self._store[stack.key].children, **unseen}
        sized = fitted(wanted, children)
        resized = {ref: digest(manifest) for ref, manifest in sized.items() if manifest is not wanted[ref]}
        digests = {**digests, **resized}
        now, marks = marks_of(digests, children), self._marks[stack.key]
        if digest_of(now) == known:
            marks.update(now)
        self._warnings[stack.key] = []
        for ref, manifest in sized.items():
            if ref not in hold and (ref not in now or marks.get(ref) != now[ref]):
                if ref.kind == CLAIM.name and ref in children:
                    await self._update_claim(stack, manifest, digests[ref], children[ref])
                else:
                    marks[ref] = await self._apply(stack, ref, manifest, digests[ref])

    async def _update_claim(self, stack: MailStack, manifest: Object, wanted: str, live: Live) -> None:
        """Marks and grows a claim that exists. A refusal is no more than a warning: mail flows, and nothing else needs
        to wait for it. It is tried again with the next run."""
        marks, warnings = self._marks[stack.key], self._warnings[stack.key]
        marks.pop(live.ref, None)
        try:
            marks[live.ref] = await self._write(stack, live.ref, manifest, wanted)
        except ClusterError as error:
            if not error.permanent:
                raise
            warnings.append(refused(manifest, live, str(error)))
            if not live.kept:
                await self._mark(live)

    async def keep_claims(self, key: StackKey, wanted: Container[Ref] = ()) -> None:
        """Marks the claims that are not wanted, of removed pods and MailStacks, so that no tool deletes them."""
        for ref, live in list(self._store[key].children.items()):
            if ref.kind == CLAIM.name and ref not in wanted and not live.kept and not live.deleting:
                await self._mark(live)

    async def _mark(self, live: Live) -> None:
        """Marks a claim, if the API server lets it: a webhook may not, and nothing waits for it."""
        try:
            await self._cluster.annotate(live, KEPT)
        except ClusterError as error:
            if not error.permanent:
                raise
            logger.warning("%s is not marked to be kept: %s", live.ref, error)

    def warnings(self, key: StackKey) -> list[StackWarning]:
        """What the last run could not apply, although mail flows."""
        return self._warnings.get(key, [])

    async def prune(self, stack: MailStack, wanted: Container[Ref], may_go: Callable[[Ref], bool]) -> None:
        """Deletes our children that are no longer wanted, of those that may go by now."""
        for ref, live in list(self._store[stack.key].children.items()):
            ours = live.owner is not None and live.owner.uid == stack.uid
            if ref not in wanted and may_go(ref) and ours and not live.deleting:
                logger.info("deleting %s of %s, which is no longer wanted", ref, stack.key)
                await self._cluster.delete(live)
                self._store.forget_child(stack.key, ref)
                self._marks[stack.key].pop(ref, None)

    def applied(self, key: StackKey) -> str:
        """The digest of what was applied, for the status."""
        return digest_of(self._marks.get(key, {}))

    def forget(self, key: StackKey) -> None:
        """Drops what is remembered of a MailStack that is gone."""
        self._marks.pop(key, None)
        self._warnings.pop(key, None)

    async def _create_missing(
        self, stack: MailStack, wanted: Mapping[Ref, Object], digests: Mapping[Ref, str], hold: Container[Ref]
    ) -> dict[Ref, Live]:
        """Creates what no watch reports. Returns what exists all the same and may be changed: a foreign object has no
        label of ours, and no event reports its removal, so it is not remembered."""
        seen, marks = self._store[stack.key].children, self._marks.setdefault(stack.key, {})
        found: dict[Ref, Live] = {}
        for ref in [each for each in wanted if each not in seen and each not in hold]:
            if mark := await self._create(stack, ref, wanted[ref], digests[ref]):
                marks[ref] = mark
            elif existing := await self._cluster.metadata(ref):
                _check_owners(stack, wanted, {ref: existing})
                found[ref] = existing
        return found

    async def _create(self, stack: MailStack, ref: Ref, manifest: Object, wanted: str) -> Mark | None:
        """None where an object of that name exists."""
        with _refusals(ref), self._store.writing(ref):
            live = await self._cluster.create(manifest)
            return self._applied(stack, live, wanted) if live is not None else None

    async def _apply(self, stack: MailStack, ref: Ref, manifest: Object, wanted: str) -> Mark:
        with _refusals(ref):
            return await self._write(stack, ref, manifest, wanted)

    async def _write(self, stack: MailStack, ref: Ref, manifest: Object, wanted: str) -> Mark:
        with self._store.writing(ref):
            return self._applied(stack, await self._cluster.apply(manifest), wanted)

    def _applied(self, stack: MailStack, live: Live, wanted: str) -> Mark:
        self._written[stack.key].append(live.ref)
        self._store.note_child(stack.key, live)
        return Mark(wanted, live.fingerprint)


@contextlib.contextmanager
def _refusals(ref: Ref) -> Iterator[None]:
    """What the API server refuses for good, a person must change."""
    try:
        yield
    except ClusterError as error:
        if error.permanent:
            raise Stalled(Reason.APPLY_REFUSED, f"{ref}: the API server refused it: {error}", LOOK_AGAIN) from error
        raise


def _check_owners(stack: MailStack, wanted: Mapping[Ref, Object], children: Mapping[Ref, Live]) -> None:
    """Raises for an object that must not be changed; a claim of a StatefulSet's template is the StatefulSet's,
    whoever made it."""
    shared = template_claims(wanted.values())
    for live in (children[ref] for ref in wanted if ref in children):
        if live.deleting:
            raise _terminating(live)
        if not (live.ref.kind == CLAIM.name and live.ref.name in shared):
            _check_owner(stack, live)


def _terminating(live: Live) -> Waiting:
    if live.ref.kind != CLAIM.name:
        what = f"{live.ref} is being deleted; it will be created again"
        return Waiting(Reason.CHILD_TERMINATING, what, COLLECTED)
    # A change would replace the pod, and so lose what is in the volume.
    what = f"{live.ref} is being deleted, and its contents with the pod that uses it: save them, then delete that pod"
    return Waiting(Reason.CHILD_TERMINATING, what, LOOK_AGAIN)


def _check_owner(stack: MailStack, live: Live) -> None:
    """Raises for an object of another owner: it must not be changed."""
    if live.owner is None:
        if live.stack != stack.key.name:
            raise _foreign(live, "does not belong to this MailStack")
    elif live.owner.uid == stack.uid:
        return
    elif (live.owner.kind, live.owner.name) == (KIND, stack.key.name):
        raise Waiting(
            Reason.CHILD_TERMINATING,
            f"waiting for {live.ref} of a deleted MailStack of this name to be removed",
            COLLECTED,
        )
    else:
        raise _foreign(live, f"belongs to {live.owner.kind} {live.owner.name}")


def _foreign(live: Live, why: str) -> Stalled:
    what = f"{live.ref} exists and {why}: rename or delete it, or give the MailStack another name"
    return Stalled(Reason.FOREIGN_OBJECT, what, LOOK_AGAIN)

"""Why a pod is not created, or gets no volume: what Kubernetes' controllers say in Events.

The status of a StatefulSet does not say it. Sources: kubernetes, pkg/controller/statefulset/stateful_pod_control.go
(`create Pod mail-0 in StatefulSet mail failed error: ...`) and pkg/controller/volume/persistentvolume.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mailstack_operator.kube.kinds import CLAIM, STATEFUL_SET
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.port import Cluster, Note
from mailstack_operator.loop.store import Seen

logger = logging.getLogger(__name__)

# Seconds that a pod has to appear before anybody is asked why it does not.
PATIENCE = 2.0
# Seconds after which to ask again.
AGAIN = 5.0

_FAILED = "failed error: "
_NO_VOLUME = ("ProvisioningFailed", "FailedBinding")


def refusal(notes: Iterable[Note], pod: str) -> str:
    """Why the StatefulSet's controller cannot create the pod, verbatim; empty if it could, or has not tried."""
    failures = (note for note in notes if note.reason == "FailedCreate" and f" Pod {pod} in " in note.message)
    last = max(failures, key=_time, default=None)
    created = max(
        (note.at for note in notes if note.message.startswith(f"create Pod {pod} ") and note != last), default=""
    )
    if last is None or created > last.at:
        return ""
    return last.message.partition(_FAILED)[2] or last.message


def volume_problem(notes: Iterable[Note], claim: str) -> str:
    """Why the claim gets no volume, verbatim; empty if nothing is said."""
    last = max((note for note in notes if note.reason in _NO_VOLUME), key=_time, default=None)
    return f"claim {claim}: {last.message}" if last else ""


def _time(note: Note) -> str:
    return note.at


class NoteReader:
    """Asks for Events while a wanted pod is missing or waits for a volume, and for nothing else; what was found is in
    `Seen.notes`. `clock` is monotonic, in seconds."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._since: dict[StackKey, float] = {}

    async def read(self, key: StackKey, seen: Seen, wanted: Mapping[str, Sequence[str]]) -> None:
        """`wanted` are the names of the pods by StatefulSet. Without an answer what was found before stays."""
        questions = list(_questions(key, seen, wanted))
        if not questions:
            self.forget(key)
            seen.notes = {}
        elif self._clock() - self._since.setdefault(key, self._clock()) >= PATIENCE:
            try:
                seen.notes = dict([await self._answer(seen, pod, refs) for pod, refs in questions])
            except ClusterError as error:
                logger.warning("cannot ask why pods of %s are missing: %s", key, error)

    def forget(self, key: StackKey) -> None:
        """Drops what is remembered of a MailStack that is gone."""
        self._since.pop(key, None)

    async def _answer(self, seen: Seen, pod: str, refs: Sequence[Ref]) -> tuple[str, str]:
        found = [_words(ref, _current(seen, ref, await self._cluster.notes(ref)), pod) for ref in refs]
        return pod, "; ".join(filter(None, found))


def _questions(key: StackKey, seen: Seen, wanted: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[Ref]]]:
    """Each pod that lacks something, and what to ask about."""
    for stateful_set, names in wanted.items():
        for name in names:
            pod = seen.pods.get(name)
            if pod is None:
                yield name, [STATEFUL_SET.ref(key.namespace, stateful_set)]
            elif pod.awaits_volume:
                yield name, [CLAIM.ref(key.namespace, claim) for claim in sorted(pod.claims)]


def _current(seen: Seen, ref: Ref, notes: Iterable[Note]) -> list[Note]:
    """Those that are not about an earlier object of the name."""
    live = seen.children.get(ref)
    return [note for note in notes if live is None or note.about in ("", live.uid)]


def _words(ref: Ref, notes: Sequence[Note], pod: str) -> str:
    return refusal(notes, pod) if ref.kind == STATEFUL_SET.name else volume_problem(notes, ref.name)

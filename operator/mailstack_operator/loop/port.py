"""What the loop asks of a cluster. cluster.py answers it with the official client, tests with a fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailstack_operator.kube.metadata import Live, Ref
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object
from mailstack_operator.loop.pod_state import Pod


@dataclass(frozen=True)
class File:
    """A Secret or ConfigMap: its resourceVersion and its values by key."""

    version: str
    data: Mapping[str, bytes]


@dataclass(frozen=True)
class Note:
    """What an Event says: its reason, its message, when it last happened (RFC 3339, to the second), and the uid of what
    it is about."""

    reason: str
    message: str
    at: str
    about: str = ""


class Cluster(Protocol):
    """Every call may raise ClusterError, and takes no longer than the request time-out."""

    async def metadata(self, ref: Ref) -> Live | None:
        """The live object; None if there is none."""

    async def apply(self, manifest: Object) -> Live:
        """Server-side apply, by force: the object is ours to state."""

    async def create(self, manifest: Object) -> Live | None:
        """Server-side apply of an object that does not exist. None, and nothing written, where one does."""

    async def annotate(self, live: Live, annotations: Mapping[str, str]) -> None:
        """Adds annotations to just this object (its uid), if it is still there."""

    async def delete(self, live: Live) -> None:
        """Deletes just this object (its uid), if it is still there."""

    async def apply_status(self, key: StackKey, status: Object) -> Object:
        """Server-side apply of a MailStack's status; the object after it."""

    async def secret(self, namespace: str, name: str) -> File | None:
        """A Secret; None if there is no such Secret."""

    async def config_map(self, namespace: str, name: str) -> File | None:
        """A ConfigMap; None if there is no such ConfigMap."""

    async def apply_pod(self, manifest: Object) -> Object:
        """Server-side apply of a pod; the pod after it."""

    async def delete_pod(self, namespace: str, pod: Pod) -> None:
        """Deletes just this pod (its uid), if it is still there."""

    async def drop_report(self, key: StackKey, place: int, pod: str) -> None:
        """Removes the entry of the pod from status.pods, if it is still at that place."""

    async def notes(self, ref: Ref) -> Sequence[Note]:
        """The Events about objects of this kind and name, those of an earlier one too."""

    async def record(self, event: Object) -> None:
        """Creates an Event."""

    async def touch_pod(self, namespace: str, pod: Pod, versions: Mapping[str, str]) -> None:
        """Writes these annotations on the pod, in place of those of the last call, if it is still this pod."""

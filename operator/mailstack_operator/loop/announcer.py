"""Makes the kubelet read changed Secrets and ConfigMaps: it does so at once when the pod
changes, and otherwise every 60 to 90 s."""

import logging
from collections.abc import Callable

from mailstack_operator.api.conditions import Reason
from mailstack_operator.kube import names
from mailstack_operator.kube.names import StackKey
from mailstack_operator.loop import rehearsal
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.port import Cluster
from mailstack_operator.loop.store import Store

logger = logging.getLogger(__name__)

# Seconds until a pod that does not use changed files is told once more: the kubelet may learn of the pod's annotation
# before it learns of the ConfigMap. After that its own turn comes.
AGAIN = 5.0
_ONCE_MORE = "-again"


class Announcer:
    """Annotates the pods of MailStacks. `clock` is monotonic, in seconds."""

    def __init__(self, cluster: Cluster, store: Store, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        # When each pod was told of its files, by its uid.
        self._told: dict[StackKey, dict[str, float]] = {}

    async def announce(self, key: StackKey, secrets: str, files: str | None, waiting: frozenset[str]) -> None:
        """`secrets` and `files` are versions; None where the files are not to reach the pods yet. `waiting` are the
        names of the pods that do not use the files."""
        told, pods = self._told.get(key, {}), self._pods(key)
        self._told[key] = {pod.uid: told.get(pod.uid, self._clock()) for pod in pods}
        for pod in pods:
            if _is_stuck_with_others(pod, files):
                logger.info("replacing pod %s of %s, which cannot start with its files", pod.name, key)
                await self._cluster.delete_pod(key.namespace, pod)
                continue
            version = self._files_version(key, pod, files, is_late=pod.name in waiting)
            if (pod.secrets_version, pod.files_version) != (secrets, version):
                logger.info("announcing Secrets %s and files %s to pod %s of %s", secrets, version, pod.name, key)
                self._told[key][pod.uid] = self._clock()
                await self._cluster.touch_pod(key.namespace, pod, _annotations(secrets, version))

    def forget(self, key: StackKey) -> None:
        """Drops what is remembered of a MailStack that is gone."""
        self._told.pop(key, None)

    def _pods(self, key: StackKey) -> list[Pod]:
        pods = self._store[key].pods.values()
        return [pod for pod in pods if not pod.deleting and pod.component != rehearsal.COMPONENT]

    def _files_version(self, key: StackKey, pod: Pod, files: str | None, *, is_late: bool) -> str:
        again = f"{files}{_ONCE_MORE}"
        if files is None or pod.files_version == again:
            return pod.files_version
        waits = self._clock() - self._told[key][pod.uid]
        return again if pod.files_version == files and is_late and waits >= AGAIN else files


def _is_stuck_with_others(pod: Pod, files: str | None) -> bool:
    """Whether the pod fails at its start, and was told of other files: it would read these after minutes alone, as the
    kubelet waits longer before each further try."""
    if files is None or pod.files_version in ("", files, f"{files}{_ONCE_MORE}"):
        return False
    return pod.phase == "Pending" and pod.problem is not None and pod.problem.reason == Reason.CONTAINER_CRASH


def retry_after(pod: Pod) -> float | None:
    """Seconds until the pod may be told once more; None where it was."""
    return None if pod.files_version.endswith(_ONCE_MORE) else AGAIN


def _annotations(secrets: str, files: str) -> dict[str, str]:
    found = {names.ANNOTATION_SECRETS_VERSION: secrets, names.ANNOTATION_FILES_VERSION: files}
    return {name: version for name, version in found.items() if version}

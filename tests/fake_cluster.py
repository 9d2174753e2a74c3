"""A cluster in memory, for what cannot happen on demand: it answers as an API server does, and counts writes."""

from copy import deepcopy

from mailstack_operator.errors import ClusterError
from mailstack_operator.kube import Secret
from mailstack_operator.live import Live, Ref, live_of, ref_of
from mailstack_operator.names import ANNOTATION_USERS_VERSION, API_VERSION, KIND, StackKey
from mailstack_operator.objects import Json, Object, section
from mailstack_operator.observe import Store
from mailstack_operator.pods import Pod


class FakeCluster:
    """Implements kube.Cluster over a dictionary; `watch` hands the store what its watches would."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Object] = {}
        self.secrets: dict[tuple[str, str], set[str]] = {("post", "mail-users"): {"users"}}
        self.users_version = "1"
        self.writes: list[str] = []
        self.refuse: dict[str, ClusterError] = {}
        self._version = 100

    def put(self, manifest: Object) -> Object:
        """Stores the object as the API server would: a uid, a new version, a new generation of a new spec."""
        ref, old = ref_of(manifest), self.objects.get(ref_of(manifest))
        self._version += 1
        before = section(old or {}, "metadata")
        same = old is not None and section(old, "spec") == section(manifest, "spec")
        generation = before.get("generation", 0)
        assert isinstance(generation, int)
        metadata: Object = {**section(manifest, "metadata"), "resourceVersion": str(self._version)}
        metadata["uid"] = before.get("uid") or f"uid-{self._version}"
        if ref.kind in ("StatefulSet", KIND):
            metadata["generation"] = generation if same else generation + 1
        self.objects[ref] = {**deepcopy(manifest), "metadata": metadata}
        return self.objects[ref]

    def watch(self, store: Store) -> None:
        """Everything as one round of watch events."""
        for found in list(self.objects.values()):
            store.note(deepcopy(found))

    async def metadata(self, ref: Ref) -> Live | None:
        return live_of(self.objects[ref]) if ref in self.objects else None

    async def apply(self, manifest: Object) -> Live:
        self._refused(ref_of(manifest).kind)
        self.writes.append(f"apply {ref_of(manifest)}")
        return live_of(self.put(manifest))

    async def delete(self, live: Live) -> None:
        self.writes.append(f"delete {live.ref}")
        self.objects.pop(live.ref, None)

    async def apply_status(self, key: StackKey, status: Object) -> Object:
        self._refused("status")
        for name in status:
            self._refused(f"status.{name}")
        self.writes.append("status")
        ref = Ref(API_VERSION, KIND, key.namespace, key.name)
        self.objects[ref] = {**self.objects[ref], "status": status}
        return self.put(self.objects[ref])

    async def secret(self, namespace: str, name: str) -> Secret | None:
        self._refused("Secret")
        keys = self.secrets.get((namespace, name))
        return Secret(self.users_version, frozenset(keys)) if keys is not None else None

    async def touch_pod(self, namespace: str, pod: Pod, users_version: str) -> None:
        self.writes.append(f"touch {pod.name} {users_version}")
        found = self.objects[Ref("v1", "Pod", namespace, pod.name)]
        annotations: Json = {ANNOTATION_USERS_VERSION: users_version}
        self.put({**found, "metadata": {**section(found, "metadata"), "annotations": annotations}})

    def _refused(self, what: str) -> None:
        if what in self.refuse:
            raise self.refuse[what]


def pod(name: str = "mail", *, ready: bool = True, revision: str = "r1", status: Object | None = None) -> Object:
    """The pod of the MailStack `name`, as the kubelet reports it."""
    conditions: list[Json] = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-0",
            "namespace": "post",
            "uid": "pod-uid",
            "labels": {
                "app.kubernetes.io/managed-by": "mailstack-operator",
                "app.kubernetes.io/name": "mailstack",
                "app.kubernetes.io/instance": name,
                "controller-revision-hash": revision,
            },
        },
        "status": {"conditions": conditions, **(status or {})},
    }


def settle(cluster: FakeCluster, store: Store) -> None:
    """The StatefulSet controller has done its work: the pod of the newest revision is Ready."""
    for ref, found in list(cluster.objects.items()):
        if ref.kind == "StatefulSet":
            generation = section(found, "metadata")["generation"]
            found["status"] = {"observedGeneration": generation, "updateRevision": "r1"}
            cluster.put(pod(ref.name))
    cluster.watch(store)

"""A cluster in memory, for what cannot happen on demand: it answers as an API server does, and counts writes."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from mailstack_operator.api.conditions import CHECKS, Check
from mailstack_operator.kube.metadata import Live, Ref, live_of, ref_of, sizes_of, stack_of, version_of
from mailstack_operator.kube.names import API_VERSION, KIND, StackKey
from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.kube.quantity import amount
from mailstack_operator.loop.errors import ClusterError
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.port import File, Note
from mailstack_operator.loop.store import Store


class FakeCluster:
    """Implements kube.Cluster over a dictionary; `watch` hands the store what its watches would."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Object] = {}
        self.secrets: dict[str, dict[str, bytes]] = {"mail-users": {"users": b"alice@example.org:x::::::"}}
        self.config_maps: dict[str, dict[str, bytes]] = {}
        self.secrets_version = "1"
        self.writes: list[str] = []
        self.gone: list[Object] = []
        self.events: list[Object] = []
        # What Events say, by the name of the object that they are about, and what was asked for.
        self.said: dict[str, list[Note]] = {}
        self.asked: list[str] = []
        self.looked_at: list[Ref] = []
        self.refuse: dict[str, ClusterError] = {}
        self.volumes_grow = True
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
        while self.gone:
            store.forget(self.gone.pop())
        for found in list(self.objects.values()):
            store.note(deepcopy(found))

    async def metadata(self, ref: Ref) -> Live | None:
        self.looked_at.append(ref)
        return live_of(self.objects[ref]) if ref in self.objects else None

    async def apply(self, manifest: Object) -> Live:
        self._refused(ref_of(manifest).kind)
        self._check_volumes(manifest)
        self.writes.append(f"apply {ref_of(manifest)}")
        # The status is another's to write.
        status = self.objects.get(ref_of(manifest), {}).get("status")
        return live_of(self.put({**manifest, "status": status} if status else manifest))

    async def create(self, manifest: Object) -> Live | None:
        return None if ref_of(manifest) in self.objects else await self.apply(manifest)

    def _check_volumes(self, manifest: Object) -> None:
        """As the API server does: a volume cannot shrink, and grows only if its class allows it; claim templates are
        immutable."""
        ref = ref_of(manifest)
        old, new = sizes_of(self.objects.get(ref, manifest)), sizes_of(manifest)
        if ref.kind == "StatefulSet" and old != new:
            raise ClusterError(422, "updates to statefulset spec for fields other than 'replicas', ... are forbidden")
        if ref.kind == "PersistentVolumeClaim" and amount(old[ref.name]) > amount(new[ref.name]):
            raise ClusterError(422, "spec.resources.requests.storage: field can not be less than status.capacity")
        if ref.kind == "PersistentVolumeClaim" and old != new and not self.volumes_grow:
            raise ClusterError(403, "only dynamically provisioned pvc can be resized")

    async def version(self, ref: Ref) -> int:
        return version_of(self.objects[ref]) if ref in self.objects else 0

    async def annotate(self, live: Live, annotations: Mapping[str, str]) -> None:
        self._refused(live.ref.kind)
        self.writes.append(f"annotate {live.ref}")
        found = self.objects[live.ref]
        metadata = section(found, "metadata")
        merged: Object = {**section(metadata, "annotations"), **annotations}
        self.put({**found, "metadata": {**metadata, "annotations": merged}})

    async def delete(self, live: Live) -> None:
        self.writes.append(f"delete {live.ref}")
        self.gone.append(self.objects.pop(live.ref))

    async def apply_status(self, key: StackKey, status: Object) -> Object:
        self._refused("status")
        for name in status:
            self._refused(f"status.{name}")
        self.writes.append("status")
        ref = Ref(API_VERSION, KIND, key.namespace, key.name)
        # The entries of the probes are theirs.
        reports = section(self.objects[ref], "status").get("pods")
        self.objects[ref] = {**self.objects[ref], "status": {**status, **({"pods": reports} if reports else {})}}
        return self.put(self.objects[ref])

    def report(self, key: StackKey, pod: str, uid: str, **verdicts: Json) -> None:
        """A probe writes its entry."""
        ref = Ref(API_VERSION, KIND, key.namespace, key.name)
        status = section(self.objects[ref], "status")
        others: list[Json] = [dict(entry) for entry in entries(status, "pods") if entry["name"] != pod]
        self.put({**self.objects[ref], "status": {**status, "pods": [*others, {"name": pod, "uid": uid, **verdicts}]}})

    async def secret(self, namespace: str, name: str) -> File | None:
        self._refused("Secret")
        return self._file(self.secrets.get(name))

    async def config_map(self, namespace: str, name: str) -> File | None:
        return self._file(self.config_maps.get(name))

    def _file(self, data: dict[str, bytes] | None) -> File | None:
        return File(self.secrets_version, data) if data is not None else None

    async def apply_pod(self, manifest: Object) -> Object:
        """The status of one that exists stays."""
        self.writes.append(f"apply {ref_of(manifest)}")
        return self.put({**self.objects.get(ref_of(manifest), {}), **manifest})

    async def delete_pod(self, namespace: str, pod: Pod) -> None:
        self.writes.append(f"delete Pod {pod.name}")
        if found := self.objects.pop(Ref("v1", "Pod", namespace, pod.name), None):
            self.gone.append(found)

    async def drop_report(self, key: StackKey, place: int, pod: str) -> None:
        self.writes.append(f"drop report of {pod}")
        ref = Ref(API_VERSION, KIND, key.namespace, key.name)
        reports = entries(section(self.objects[ref], "status"), "pods")
        kept: list[Json] = [dict(entry) for at, entry in enumerate(reports) if at != place]
        self.put({**self.objects[ref], "status": {**section(self.objects[ref], "status"), "pods": kept}})

    async def notes(self, ref: Ref) -> Sequence[Note]:
        self._refused("notes")
        self.asked.append(str(ref))
        return self.said.get(ref.name, [])

    async def record(self, event: Object) -> None:
        self._refused("Event")
        self.events.append(event)

    async def touch_pod(self, namespace: str, pod: Pod, versions: Mapping[str, str]) -> None:
        self.writes.append(f"touch {pod.name}")
        found = self.objects[Ref("v1", "Pod", namespace, pod.name)]
        self.put({**found, "metadata": {**section(found, "metadata"), "annotations": {**versions}}})

    def _refused(self, what: str) -> None:
        if what in self.refuse:
            raise self.refuse[what]


PROBE: Json = {"name": "probe", "started": True, "state": {"running": {}}}
WORKS: Json = {"status": "True", "reason": "Reachable", "message": "it works", "since": "2026-01-02T03:04:05Z"}


def pod(
    name: str = "mail",
    *,
    stack: str = "mail",
    component: str = "postfix",
    ready: bool = True,
    revision: str = "r1",
    status: Object | None = None,
) -> Object:
    """The first pod of the StatefulSet `name`, as the kubelet reports it."""
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
                "app.kubernetes.io/instance": stack,
                "app.kubernetes.io/component": component,
                "controller-revision-hash": revision,
            },
        },
        "status": {"phase": "Running", "conditions": conditions, "initContainerStatuses": [PROBE], **(status or {})},
    }


def settle(cluster: FakeCluster, store: Store, checks: Sequence[Check] = CHECKS) -> None:
    """The StatefulSet controller has done its work: the pod of the newest revision is Ready."""
    for ref, found in list(cluster.objects.items()):
        if ref.kind == "StatefulSet":
            generation = section(found, "metadata")["generation"]
            found["status"] = {"observedGeneration": generation, "updateRevision": "r1"}
            for ordinal in range(_replicas(found)):
                _make_claims(cluster, found, ordinal)
                key = stack_of(found)
                settled = pod(ref.name, stack=key.name, component=_component(found))
                spec = section(found, "spec", "template", "spec")
                name: Json = f"{ref.name}-{ordinal}"
                metadata: Object = {**section(settled, "metadata"), "name": name}
                there = cluster.put({**settled, "metadata": metadata, "spec": {**spec}})
                uid = text(section(there, "metadata"), "uid")
                verdicts = {check.name: WORKS for check in checks if _component(found) in check.asked_in}
                cluster.report(key, f"{ref.name}-{ordinal}", uid, **verdicts)
    cluster.watch(store)


def _make_claims(cluster: FakeCluster, stateful_set: Object, ordinal: int) -> None:
    """The claims of a pod, where there are none of their names."""
    set_metadata = section(stateful_set, "metadata")
    for template in entries(section(stateful_set, "spec"), "volumeClaimTemplates"):
        name = f"{section(template, 'metadata')['name']}-{set_metadata['name']}-{ordinal}"
        labels: Json = dict(section(stateful_set, "spec", "selector", "matchLabels"))
        metadata: Object = {"name": name, "namespace": set_metadata["namespace"], "labels": labels}
        made: Object = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template["spec"],
        }
        if ref_of(made) not in cluster.objects:
            cluster.put(made)


def _replicas(stateful_set: Object) -> int:
    return number(section(stateful_set, "spec"), "replicas")


def _component(stateful_set: Object) -> str:
    return text(section(stateful_set, "spec", "selector", "matchLabels"), "app.kubernetes.io/component")

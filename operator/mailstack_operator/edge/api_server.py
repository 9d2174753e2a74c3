"""The API server, by the official client. The only file that imports `kubernetes`.

The client gives credentials and TLS; requests are plain JSON (connection.py): the typed classes would take the memory
of the whole API for five calls.
"""

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from mailstack_operator.edge.connection import JSON, Connection, new_session
from mailstack_operator.edge.refusals import Conflict, Invalid, NotFound
from mailstack_operator.kube import names
from mailstack_operator.kube.kinds import BY_NAME, CONFIG_MAP, EVENT, LEASE, MAIL_STACK, POD, SECRET, Kind, url_path
from mailstack_operator.kube.metadata import Live, Ref, live_of, ref_of
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Json, Object, entries, section, text
from mailstack_operator.loop.leader import Lease
from mailstack_operator.loop.pod_state import Pod
from mailstack_operator.loop.port import File, Note

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_METADATA_ONLY = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"
_METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
_APPLY = "application/apply-patch+yaml"
_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
# Objects of a page: of metadata alone, and of whole objects, which are ten times as large.
_PAGE, _PAGE_OF_WHOLE = 250, 50
# A watch is restarted at least this often, in seconds; a bookmark comes every minute.
_WATCH_SECONDS, _SILENCE = 300, 70.0
# etcd's revision before its first write.
_NO_OBJECTS_VERSION = "1"
# The length of a date with its seconds, YYYY-MM-DDTHH:MM:SS.
_SECONDS = 19


@contextlib.asynccontextmanager
async def connect(request_timeout: float) -> AsyncIterator["ApiServer"]:
    """The API server of the pod's service account, or else of the kubeconfig; `request_timeout` is in seconds and
    holds for each request."""
    configuration = Configuration()
    # As kubectl: a cluster's CA need not have every extension that Python 3.13 asks for (mailstack_probe.trust).
    configuration.disable_strict_ssl_verification = True
    if _SERVICE_ACCOUNT.exists():  # noqa: ASYNC240 - once, at the start
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    async with _session(configuration) as session:

        async def authorization() -> str | None:
            return await configuration.get_api_key_with_prefix("BearerToken")

        name = configuration.tls_server_name
        yield ApiServer(Connection(session, configuration.host, authorization, request_timeout, name))


def _session(configuration: Configuration) -> aiohttp.ClientSession:
    """The client's TLS and proxy, without the rest of it."""
    client = RESTClientObject(configuration)
    return new_session(client.ssl_context, client.proxy)


class ApiServer:
    """Implements port.Cluster, leader.Leases (by `leases`) and followers.Source."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._request = connection.request

    async def metadata(self, ref: Ref) -> Live | None:
        body = await self._find(ref, accept=_accept(ref))
        return live_of(_named(ref, body)) if body is not None else None

    async def apply(self, manifest: Object) -> Live:
        # Of the answer only metadata: what is applied by force is what is then there.
        ref = ref_of(manifest)
        body = await self._apply(url_path(ref), manifest, accept=_METADATA_ONLY)
        return live_of({**manifest, "metadata": body["metadata"]})

    async def create(self, manifest: Object) -> Live | None:
        # Optimistic locking with a version that no object can have: who is there already is a Conflict. Versions are
        # compared only where there is an object (k8s.io/apiserver, pkg/registry/generic/registry/store.go, Update).
        metadata: Object = {**section(manifest, "metadata"), "resourceVersion": _NO_OBJECTS_VERSION}
        try:
            return await self.apply({**manifest, "metadata": metadata})
        except Conflict:
            return None

    async def annotate(self, live: Live, annotations: Mapping[str, str]) -> None:
        # Not by server-side apply, which would give up all that the operator applied before.
        body: Object = {"metadata": {"uid": live.uid, "annotations": {**annotations}}}
        query = {"fieldManager": names.FIELD_MANAGER}
        with contextlib.suppress(NotFound, Conflict):
            await self._request("PATCH", url_path(live.ref), query=query, body=body, content=_MERGE_PATCH)

    async def delete(self, live: Live) -> None:
        await self._delete(live.ref, live.uid)

    async def _delete(self, ref: Ref, uid: str) -> None:
        options: Object = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        with contextlib.suppress(NotFound, Conflict):
            await self._request("DELETE", url_path(ref), body=options)

    async def apply_status(self, key: StackKey, status: Object) -> Object:
        ref = MAIL_STACK.ref(key.namespace, key.name)
        manifest: Object = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "metadata": {"name": key.name},
            "status": status,
        }
        return await self._apply(f"{url_path(ref)}/status", manifest)

    async def apply_pod(self, manifest: Object) -> Object:
        return await self._apply(url_path(ref_of(manifest)), manifest)

    async def delete_pod(self, namespace: str, pod: Pod) -> None:
        await self._delete(POD.ref(namespace, pod.name), pod.uid)

    async def drop_report(self, key: StackKey, place: int, pod: str) -> None:
        path = f"{url_path(MAIL_STACK.ref(key.namespace, key.name))}/status"
        here = f"/status/pods/{place}"
        steps: Json = [{"op": "test", "path": f"{here}/name", "value": pod}, {"op": "remove", "path": here}]
        with contextlib.suppress(NotFound, Conflict, Invalid):
            await self._request("PATCH", path, body=steps, content=_PATCH)

    async def notes(self, ref: Ref) -> list[Note]:
        query = {"fieldSelector": f"regarding.kind={ref.kind},regarding.name={ref.name}", "limit": str(_PAGE)}
        page = await self._request("GET", url_path(EVENT.ref(ref.namespace, "")), query=query)
        return [_note(event) for event in entries(page, "items")]

    async def record(self, event: Object) -> None:
        await self._request("POST", url_path(replace(ref_of(event), name="")), body=event, accept=_METADATA_ONLY)

    async def touch_pod(self, namespace: str, pod: Pod, versions: Mapping[str, str]) -> None:
        ref = POD.ref(namespace, pod.name)
        metadata: Object = {"name": pod.name, "uid": pod.uid, "annotations": {**versions}}
        manifest: Object = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
        with contextlib.suppress(NotFound, Conflict):
            await self._apply(url_path(ref), manifest, accept=_METADATA_ONLY)

    async def secret(self, namespace: str, name: str) -> File | None:
        body = await self._find(SECRET.ref(namespace, name))
        return _file(body, base64.b64decode) if body is not None else None

    async def config_map(self, namespace: str, name: str) -> File | None:
        body = await self._find(CONFIG_MAP.ref(namespace, name))
        if body is None:
            return None
        # kubectl puts what is not UTF-8 into binaryData.
        binary, written = _file(body, base64.b64decode, "binaryData"), _file(body, str.encode)
        return File(written.version, {**binary.data, **written.data})

    async def pages(self, kind: Kind, namespace: str, labels: str) -> AsyncGenerator[tuple[list[Object], str], None]:
        """Implements followers.Source. No page is kept while the next one is read."""
        every, query = kind.ref(namespace, ""), {"limit": str(_PAGE_OF_WHOLE if kind.is_read_whole else _PAGE)}
        query |= _selection(labels)
        accept = JSON if kind.is_read_whole else _METADATA_LIST
        while True:
            page = await self._request("GET", url_path(every), query=query, accept=accept)
            about = section(page, "metadata")
            yield [_named(every, item) for item in entries(page, "items")], text(about, "resourceVersion")
            query["continue"] = text(about, "continue")
            if not query["continue"]:
                return

    async def changes(
        self, kind: Kind, namespace: str, labels: str, since: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """Implements followers.Source."""
        every, seconds = kind.ref(namespace, ""), str(_WATCH_SECONDS)
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds, "resourceVersion": since}
        accept = JSON if kind.is_read_whole else _METADATA_ONLY
        async for event in self._connection.stream(url_path(every), {**query, **_selection(labels)}, accept, _SILENCE):
            what, body = text(event, "type"), section(event, "object")
            yield what, _named(every, body) if what != "ERROR" else {**body}

    def leases(self, namespace: str, name: str) -> "LeaseObject":
        return LeaseObject(self, LEASE.ref(namespace, name))

    async def _find(self, ref: Ref, accept: str = JSON) -> Object | None:
        try:
            return await self._request("GET", url_path(ref), accept=accept)
        except NotFound:
            return None

    async def _apply(self, path: str, manifest: Object, accept: str = JSON) -> Object:
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", path, query=query, body=manifest, content=_APPLY, accept=accept)


class LeaseObject:
    """A Lease in the cluster; implements leader.Leases."""

    def __init__(self, server: ApiServer, ref: Ref) -> None:
        self._server = server
        self._ref = ref

    async def read(self) -> Lease | None:
        body = await self._server._find(self._ref)
        return _lease(body) if body is not None else None

    async def write(self, holder: str, seconds: int, previous: Lease | None) -> Lease | None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata: Object = {"name": self._ref.name, "namespace": self._ref.namespace}
        if previous is not None:
            metadata["resourceVersion"] = previous.version
        spec: Object = {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": now}
        body: Object = {
            "apiVersion": self._ref.api_version,
            "kind": self._ref.kind,
            "metadata": metadata,
            "spec": spec,
        }
        try:
            if previous is None:
                collection = url_path(LEASE.ref(self._ref.namespace, ""))
                return _lease(await self._server._request("POST", collection, body=body))
            return _lease(await self._server._request("PUT", url_path(self._ref), body=body))
        except Conflict:
            return None


def _selection(labels: str) -> dict[str, str]:
    return {"labelSelector": labels} if labels else {}


def _accept(ref: Ref) -> str:
    return JSON if BY_NAME[ref.kind].is_read_whole else _METADATA_ONLY


def _named(kind: Ref, body: Mapping[str, Json]) -> Object:
    """The body under its own kind: an item of a list has none, and metadata alone has another."""
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def _file(body: Object, decode: Callable[[str], bytes], name: str = "data") -> File:
    data = section(body, name)
    values = {key: decode(text(data, key)) for key in data}
    return File(text(section(body, "metadata"), "resourceVersion"), values)


def _note(event: Mapping[str, Json]) -> Note:
    """An Event of the old API, as the controllers write it, has no series and no eventTime."""
    times = (text(section(event, "series"), "lastObservedTime"), text(event, "deprecatedLastTimestamp"))
    at = (
        next(filter(None, times), "")
        or text(event, "eventTime")
        or text(section(event, "metadata"), "creationTimestamp")
    )
    return Note(text(event, "reason"), text(event, "note"), at[:_SECONDS], text(section(event, "regarding"), "uid"))


def _lease(body: Object) -> Lease:
    return Lease(text(section(body, "spec"), "holderIdentity"), text(section(body, "metadata"), "resourceVersion"))

"""What surrounds the operator in the bench: a control plane, its MailStacks, and what a kubelet would write."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from bench import client, objects
from bench.client import Client, Refused
from bench.control_plane import ControlPlane, control_plane
from harness import paths
from mailstack_operator.kube.kinds import MAIL_STACK, Kind, url_path
from mailstack_operator.kube.metadata import Ref
from mailstack_operator.kube.objects import Object, entries, section, text

# Seconds.
LIMIT = 1800.0
# What a kubelet writes when a rehearsal has passed.
PASSED = json.dumps({"status": {"phase": "Succeeded"}})


@asynccontextmanager
async def empty() -> AsyncIterator[tuple[Client, ControlPlane]]:
    """A control plane with nothing in it. Raises HarnessError."""
    with tempfile.TemporaryDirectory(prefix="mailstack-bench-") as folder, control_plane(Path(folder)) as plane:
        async with client.connect(plane.url, plane.certificate) as server:
            await await_served(server, "/readyz")
            yield server, plane


async def await_served(server: Client, path: str) -> None:
    """The API server may be away."""
    async with asyncio.timeout(LIMIT):
        while not await _is_served(server, path):
            await asyncio.sleep(0.2)


async def _is_served(server: Client, path: str) -> bool:
    with suppress(aiohttp.ClientError):
        return await server.is_served(path)
    return False


async def prepare(server: Client, namespaces: Iterable[str], size: int) -> None:
    """Makes the CRD, the namespaces, and the users' Secrets of so many MailStacks of the operator."""
    definition = (paths.repository() / "crds" / "mailstacks.yaml").read_text()
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mailstacks.mailstack.dev"
    await server.send("PATCH", f"{path}{objects.APPLY}", definition, client.APPLY)
    for namespace in namespaces:
        body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await server.send("POST", "/api/v1/namespaces", json.dumps(body))
    await await_served(server, collection(objects.LOOP))
    secrets = [objects.secret(objects.LOOP, each) for each in range(size)]
    where = f"/api/v1/namespaces/{objects.LOOP}/secrets"
    await client.all_of(server.send("POST", where, json.dumps(each)) for each in secrets)


async def create(server: Client, namespace: str, size: int) -> list[str]:
    """Creates so many MailStacks; their uids."""
    uids = [""] * size

    async def one(place: int) -> None:
        body = json.dumps(objects.mail_stack(namespace, place))
        answer = json.loads(await server.send("POST", collection(namespace), body))
        uids[place] = answer["metadata"]["uid"]

    await client.all_of(one(place) for place in range(size))
    return uids


@asynccontextmanager
async def kubelet(server: Client) -> AsyncIterator[None]:
    """While the context is open every rehearsal passes, at once, and no pod stays half deleted."""
    async with asyncio.TaskGroup() as group:
        passing = group.create_task(_pass_rehearsals(server))
        yield
        passing.cancel()


async def _pass_rehearsals(server: Client) -> None:
    path = f"/api/v1/namespaces/{objects.LOOP}/pods"
    async for what, pod in server.watch(path):
        name = text(section(pod, "metadata"), "name")
        # The operator may have removed it.
        with suppress(Refused):
            # The DELETE of an operator that is killed may only mark the pod: in a cluster a controller removes it then.
            if what != "DELETED" and "deletionTimestamp" in section(pod, "metadata"):
                await server.send("DELETE", f"{path}/{name}?gracePeriodSeconds=0")
            elif what == "ADDED":
                await server.send("PATCH", f"{path}/{name}/status", PASSED, client.MERGE)


async def every(server: Client, kind: Kind, namespace: str) -> list[Object]:
    """All objects of a kind."""
    listed = json.loads(await server.send("GET", url_path(Ref(kind.api_version, kind.name, namespace, ""))))
    return [{"apiVersion": kind.api_version, "kind": kind.name, **body} for body in entries(listed, "items")]


def collection(namespace: str) -> str:
    """The path of a namespace's MailStacks."""
    return url_path(MAIL_STACK.ref(namespace, ""))

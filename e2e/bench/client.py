"""Raw requests to the API server: what the floor is made of, and what the bench itself asks."""

import asyncio
import json
import re
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.control_plane import TOKEN
from mailstack_operator.kube.objects import Object
from mailstack_probe import trust

# As the operator's workers.
AT_ONCE = 8
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

_REQUEST = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Counts = Counter[tuple[str, str]]


class Refused(Exception):
    """The API server answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One session; `url` is the API server's."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def send(
        self,
        method: str,
        path: str,
        body: str = "",
        content: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """One request and its answer. Raises Refused."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content, "Accept": accept}
        async with self._session.request(method, f"{self._url}{path}", data=body or None, headers=headers) as answer:
            found = await answer.read()
            if answer.status >= 400:
                raise Refused(answer.status, f"{method} {path}: {answer.status} {found[:300]!r}")
            return found

    async def is_served(self, path: str) -> bool:
        """Whether the API server answers there already."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self._session.get(f"{self._url}{path}", headers=headers) as answer:
            return answer.status == 200

    async def watch(self, path: str) -> AsyncGenerator[tuple[str, Object], None]:
        """What is in a collection, and then its events."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self._session.get(f"{self._url}{path}?watch=1", headers=headers) as answer:
            async for line in answer.content:
                event = json.loads(line)
                yield event["type"], event["object"]

    async def counts(self) -> Counts:
        """How many requests the API server has answered, by verb and resource."""
        page, found = (await self.send("GET", "/metrics", accept="text/plain")).decode(), Counts()
        for labels, number in _REQUEST.findall(page):
            names = dict(_LABEL.findall(labels))
            resource = "/".join(filter(None, (names["resource"], names["subresource"])))
            found[names["verb"], resource] += int(float(number))
        return found


@asynccontextmanager
async def connect(url: str, certificate: Path) -> AsyncIterator[Client]:
    """No time-out of the whole, because watches last."""
    context = ssl.create_default_context(cafile=str(certificate))
    trust.loosen(context)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**22
    ) as session:
        yield Client(session, url)


async def all_of(work: Iterable[Awaitable[object]]) -> None:
    """Does it AT_ONCE at a time, in order."""
    waiting = iter(work)

    async def serve() -> None:
        for each in waiting:
            await each

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(serve())

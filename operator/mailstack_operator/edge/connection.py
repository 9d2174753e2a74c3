"""Requests to the API server, as plain JSON over one aiohttp session.

The official client spends nine times the processor time of this on a request: it serialises for its models, which the
operator does not use, and reads ~/.netrc in a thread for each one (docs/facts/operator-cost.md).
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from urllib.parse import urlencode
from urllib.request import getproxies

import aiohttp
from yarl import URL

from mailstack_operator.edge.refusals import decode, refusal_of
from mailstack_operator.kube.objects import Json, Object
from mailstack_operator.loop.errors import ClusterError

JSON = "application/json"

# The value of the header Authorization; None where a client certificate does.
Credentials = Callable[[], Awaitable[str | None]]


class Connection:
    """`credentials` are asked for before each request, because the kubelet renews a pod's token. `timeout` is in
    seconds and holds for each request. `server_name`: what the server's certificate names, if not the host of `url`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        credentials: Credentials,
        timeout: float,
        server_name: str | None = None,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._credentials = credentials
        self._timeout = timeout
        self._server_name = server_name

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json = None,
        content: str = JSON,
        accept: str = JSON,
    ) -> Object:
        """One request. Raises ClusterError (NotFound, Conflict, Invalid)."""
        headers, data = {"Accept": accept, "Content-Type": content}, json.dumps(body) if body is not None else None
        target = f"{path}?{urlencode(query)}" if query else path
        with _failures(f"{method} {path}", f"{self._timeout:.0f} s"):
            async with asyncio.timeout(self._timeout):
                status, answer = await self._send(method, target, headers, data)
        if status >= 400:
            raise refusal_of(status, answer, f"{method} {path}")
        return answer

    async def stream(
        self, path: str, query: dict[str, str], accept: str, silence: float
    ) -> AsyncGenerator[Object, None]:
        """The lines of an answer that goes on, until the API server ends it or nothing came for `silence` seconds.

        Raises ClusterError.
        """
        headers = {"Accept": accept}
        with _failures(f"GET {path}", "time"):
            async with asyncio.timeout(self._timeout) as limit:
                async with self._open("GET", f"{path}?{urlencode(query)}", await self._signed(headers)) as response:
                    if response.status >= 400:
                        answer = decode(response.status, await response.read())
                        raise refusal_of(response.status, answer, f"GET {path}")
                    limit.reschedule(_now() + silence)
                    async for line in response.content:
                        limit.reschedule(_now() + silence)
                        yield decode(response.status, line)

    async def _send(self, method: str, target: str, headers: dict[str, str], data: str | None) -> tuple[int, Object]:
        async with self._open(method, target, await self._signed(headers), data) as response:
            return response.status, decode(response.status, await response.read())

    def _open(
        self, method: str, target: str, headers: dict[str, str], data: str | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = URL(self._url + target, encoded=True)
        return self._session.request(method, url, data=data, headers=headers, server_hostname=self._server_name)

    async def _signed(self, headers: dict[str, str]) -> dict[str, str]:
        authorization = await self._credentials()
        return {**headers, "Authorization": authorization} if authorization else headers


@contextmanager
def _failures(request: str, limit: str) -> Iterator[None]:
    """No answer, or one that is none, is a ClusterError without a status; `limit` is the time that there was."""
    try:
        yield
    except TimeoutError:
        raise ClusterError(0, f"{request}: no answer in {limit}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ClusterError(0, f"{request}: {error}") from error


def new_session(context: ssl.SSLContext | bool = True, proxy: str | None = None) -> aiohttp.ClientSession:
    """What a Connection takes, which has time-outs of its own. Watches keep their connections: there is no limit."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        proxy=proxy,
        trust_env=needs_environment(),
        timeout=aiohttp.ClientTimeout(total=None),
        # An event of a watch is one line, and may be longer than what aiohttp reads by default.
        read_bufsize=2**21,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


def needs_environment() -> bool:
    """Whether the environment names a proxy. Only then may aiohttp look at it: that costs a thread for each request."""
    return any(scheme != "no" for scheme in getproxies())
